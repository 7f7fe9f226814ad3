/* SPDX-License-Identifier: Apache-2.0 */
#include "source/patience.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"
#include "job/job.h"
#include "sys/clock.h"

bool patience_is_transient(int os_errno)
{
	static const int transient[] = {EIO,	   EAGAIN,    EINTR,	ESTALE,	     ETIMEDOUT,
					ENFILE,	   EMFILE,    ENOMEM,	EHOSTDOWN,   EHOSTUNREACH,
					ENETDOWN,  ENETRESET, ENOTCONN, ECONNRESET,  ECONNABORTED,
					ESHUTDOWN, EREMOTEIO, ENOBUFS,	ENETUNREACH, EBUSY};

	for (size_t i = 0; i < ARRAY_LEN(transient); i++) {
		if (transient[i] == os_errno)
			return true;
	}
	return false;
}

static int64_t pause_before(const struct job_retry *retry, int attempt)
{
	double us = (double)retry->first_us;

	for (int i = 1; i < attempt && us < (double)retry->max_us; i++)
		us *= retry->factor;
	return us < (double)retry->max_us ? (int64_t)us : retry->max_us;
}

int patience_pause(const struct patience *p, const char *what, int64_t us, struct err *err)
{
	int64_t end = clock_boot_us() + us;
	utime until = clock_now() + us;

	if (p->wait == NULL)
		return ERR(err, ERR_TEMP, "gave up waiting for %s", what);
	for (int64_t left = us; left > 0; left = end - clock_boot_us()) {
		if (!p->wait(p->arg, what, until, left))
			return ERR(err, ERR_TEMP, "stopped while waiting for %s", what);
	}
	return 0;
}

int patience_again(const struct patience *p, int attempt, int os_errno, const char *name,
		   struct err *err)
{
	char what[200] = "";

	assert(p != NULL && attempt > 0 && name != NULL);
	if (!patience_is_transient(os_errno) || p->retry == NULL)
		return ERR_SYS(err, ERR_IO, os_errno, "%s cannot be read", name);
	if (attempt >= p->retry->attempts)
		return ERR_SYS(err, ERR_IO, os_errno, "%s cannot be read, after %d attempts", name,
			       attempt);
	(void)snprintf(what, sizeof(what), "%s to be readable again", name); /* cut is well */
	return patience_pause(p, what, pause_before(p->retry, attempt), err);
}

int patience_after(const struct patience *p, int attempt, const char *name, struct err *err)
{
	char what[2 * ERR_TEXT_MAX] = "";

	assert(p != NULL && attempt > 0 && name != NULL && err->code < 0);
	if (p->retry == NULL)
		return err->code;
	if (attempt >= p->retry->attempts) {
		err_add(err, "after %d attempts: ", attempt);
		return err->code;
	}
	(void)snprintf(what, sizeof(what), "%s to answer again (%s)", name,
		       err->text); /* may be cut */
	return patience_pause(p, what, pause_before(p->retry, attempt), err);
}
