/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One scenario after another, each done again and again in a child process with another call
 * failing: the first, the second, … until none is hit any more.
 *
 * Each time it must end in one of three ways: as it does without a fault, word for word; with a
 * failure in words, that does not blame the data; or, for want of memory, with status 71 and words.
 * Never by a signal, never after more than a minute, never saying anything else. Then the
 * scenario's own check looks at what it left behind.
 */
#ifndef STINT_TESTS_INJECT_INJECT_H
#define STINT_TESTS_INJECT_INJECT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "inject/calls.h"

struct err;

/* Sets of call kinds. */
#define INJECT(kind) (1U << (kind))
#define INJECT_ALL ((1U << CALL_KIND_COUNT_) - 1)

/* How a child ended. */
struct inject_end {
	int acknowledged; /* how often inject_acknowledge was called */
	int code;	  /* of the failure, 0 when there was none */
	bool no_memory;	  /* it ended with 71 */
};

struct inject_scenario {
	const char *name;
	unsigned kinds; /* which calls are to fail */
	/* All may use the current directory, which is empty before `prepare`. */
	void (*prepare)(void);
	/* In a child; calls fail in it. */
	void (*act)(void);
	/* False, with words said by inject_complain, when what it left is not as it should be. */
	bool (*check)(const struct inject_end *end);
	bool is_kept; /* what `prepare` made is only read: once for all trials */
};

/* The program: exit status 0 when all went well. Each scenario and fault is tried at most
 * INJECT_TRIALS (default 40; 0: as often as it takes) times, at calls spread evenly, from a random
 * one on: INJECT_SEED. */
int inject_main(const struct inject_scenario *scenarios, size_t n);

/* ---- for `act` ---- */

/* What must be the same with and without a fault. */
void inject_say(const char *fmt, ...) ST_PRINTF(1, 2);
/* Somebody was told so far that it is done. */
void inject_acknowledge(void);
/* Ends the child by a failure. */
ST_NORETURN void inject_fail(const struct err *err);
/* Ends it, since something happened that may not happen, whatever fails. */
ST_NORETURN void inject_wrong(const char *fmt, ...) ST_PRINTF(1, 2);
/* True in the run without faults or counting, which comes first. */
bool inject_is_first(void);

/* ---- for `check` ---- */

/* False. */
bool inject_complain(const char *fmt, ...) ST_PRINTF(1, 2);

/* ---- for both ---- */

/* Memory that parent and children share, zero at the start of a scenario. */
enum { INJECT_SHARED_BYTES = 64 * 1024 };
void *inject_shared(void);

#endif
