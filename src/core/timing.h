/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The phases of an attempt whose durations are measured. Where each begins and ends is told in
 * docs/reports.md.
 */
#ifndef STINT_CORE_TIMING_H
#define STINT_CORE_TIMING_H

#include <stdint.h>

/* The names are stored in the ledger, the numbers up to TIMING_LANE_COUNT are sent in frames. A
 * lane measures the first ones, the engine knows the rest. */
#define TIMINGS_OF_LANES(X)                                                                        \
	X(TIMING_START, 0, "start")	/* programs: until it runs */                              \
	X(TIMING_RUN, 1, "run")		/* programs: until it has ended */                         \
	X(TIMING_DNS, 2, "dns")		/* the name is looked up */                                \
	X(TIMING_CONNECT, 3, "connect") /* a connection is made */                                 \
	X(TIMING_TLS, 4, "tls")		/* and secured */                                          \
	X(TIMING_SEND, 5, "send")	/* the request goes out */                                 \
	X(TIMING_WAIT, 6, "wait")	/* until the first byte of the answer */                   \
	X(TIMING_RECEIVE, 7, "receive") /* until its last */
#define TIMINGS_OF_ENGINE(X)                                                                       \
	X(TIMING_ITEM, 8, "item")      /* all attempts at an item together */                      \
	X(TIMING_TOTAL, 9, "total")    /* an attempt from its begin to its end */                  \
	X(TIMING_QUEUE, 10, "queue")   /* from its started mark to its sending */                  \
	X(TIMING_COMMIT, 11, "commit") /* a commit of the ledger */
#define TIMINGS(X) TIMINGS_OF_LANES(X) TIMINGS_OF_ENGINE(X)

enum timing {
#define X(id, number, name) id = number,
	TIMINGS(X)
#undef X
		TIMING_COUNT_,
	TIMING_LANE_COUNT = TIMING_ITEM
};

const char *timing_name(enum timing timing);

/* A phase that took place has a duration: less than a microsecond is one. */
static inline int64_t timing_us(int64_t from_us, int64_t to_us)
{
	return to_us > from_us ? to_us - from_us : 1;
}

#endif
