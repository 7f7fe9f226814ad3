/* SPDX-License-Identifier: Apache-2.0 */
#include "work/classify.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include "base/bits.h"
#include "job/job.h"
#include "sys/fault.h"

enum { STATUS_MAX = 255 };

/* Exit statuses from … to; what no line names is OUTCOME_RETRY. The numbers are those of sysexits.h
 * and, from 126 on, of shells. */
static const struct {
	int from;
	int to;
	enum outcome outcome;
} by_exit[] = {
	{0, 0, OUTCOME_DONE},
	{64, 68, OUTCOME_DEAD},	 /* usage, data, no input, no user, no host */
	{69, 69, OUTCOME_ALL},	 /* unavailable */
	{76, 76, OUTCOME_DEAD},	 /* protocol */
	{77, 78, OUTCOME_ALL},	 /* permission, configuration */
	{126, 127, OUTCOME_ALL}, /* not executable, not found */
};

/* Why a program cannot be started. What is not here hits every item alike, too. */
static const struct {
	int os_errno;
	enum outcome outcome;
	const char *class;
} by_errno[] = {
	{ENOENT, OUTCOME_ALL, "exit-127"},
	{ENOTDIR, OUTCOME_ALL, "exit-127"},
	{ELOOP, OUTCOME_ALL, "exit-127"},
	{ENAMETOOLONG, OUTCOME_ALL, "exit-127"},
	{E2BIG, OUTCOME_DEAD, "bad-item"}, /* its arguments and environment are too long */
	/* Passing lacks of the machine: nothing was begun, it is tried later. */
	{EAGAIN, OUTCOME_NOT_BEGUN, "busy"},
	{ENOMEM, OUTCOME_NOT_BEGUN, "busy"},
	{EMFILE, OUTCOME_NOT_BEGUN, "busy"},
	{ENFILE, OUTCOME_NOT_BEGUN, "busy"},
	{ETXTBSY, OUTCOME_NOT_BEGUN, "busy"}, /* somebody is just writing the program */
};

enum outcome classify_exit(const struct job_work *work, int status)
{
	assert(work != NULL && status >= 0 && status <= STATUS_MAX);
	const struct {
		const uint8_t *set;
		enum outcome outcome;
	} by_job[] = {
		{work->done_when, OUTCOME_DONE},
		{work->retry_when, OUTCOME_RETRY},
		{work->dead_when, OUTCOME_DEAD},
		{work->doubt_when, OUTCOME_UNKNOWN},
	};

	for (size_t i = 0; i < ARRAY_LEN(by_job); i++)
		if (bits_get(by_job[i].set, (size_t)status))
			return by_job[i].outcome;
	for (size_t i = 0; i < ARRAY_LEN(by_exit); i++)
		if (status >= by_exit[i].from && status <= by_exit[i].to)
			return by_exit[i].outcome;
	return OUTCOME_RETRY;
}

enum outcome classify_probe(int status)
{
	if (status == 0)
		return OUTCOME_DONE;
	return status == 1 ? OUTCOME_RETRY : OUTCOME_UNKNOWN;
}

enum outcome classify_start(int os_errno, const char **ret_class)
{
	assert(ret_class != NULL);
	for (size_t i = 0; i < ARRAY_LEN(by_errno); i++)
		if (by_errno[i].os_errno == os_errno) {
			*ret_class = by_errno[i].class;
			return FAULT("work.busy") ? OUTCOME_RETRY : by_errno[i].outcome;
		}
	*ret_class = "exit-126";
	return OUTCOME_ALL;
}
