/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/aside.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "sys/clock.h"

struct aside {
	void (*fn)(void *arg);
	void *arg;
};

static void *aside_main(void *arg)
{
	struct aside *a = arg;

	a->fn(a->arg);
	free(a);
	return NULL;
}

/* With all signals blocked, so that they go to the other threads. */
static int aside_begin(struct aside *a, pthread_t *ret_thread)
{
	sigset_t all;
	sigset_t before;

	(void)sigfillset(&all); /* with a valid pointer it cannot fail */
	int rc = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (rc != 0)
		return rc;
	rc = pthread_create(ret_thread, NULL, aside_main, a);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* as it was, which was valid */
	return rc;
}

bool aside_call(void (*fn)(void *arg), void *arg, int64_t us)
{
	struct aside *a = xnew(struct aside);
	pthread_t thread;

	assert(fn != NULL && us >= 0);
	*a = (struct aside){.fn = fn, .arg = arg};
	if (aside_begin(a, &thread) != 0) {
		free(a);
		return false;
	}
	int64_t until_us = clock_monotonic_us() + us;
	const struct timespec until = {.tv_sec = (time_t)(until_us / US_PER_S),
				       .tv_nsec = (long)(until_us % US_PER_S) * 1000};
	if (pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &until) != 0)
		(void)pthread_detach(thread); /* it is there, and nobody else joins it */
	return true;
}
