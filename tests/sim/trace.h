/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened in a night, as a running hash and, where somebody wants to read it, as text.
 *
 * Promise: two nights with equal hashes saw the same events at the same times with the same
 *          numbers. The hash costs a few multiplications an event; text is only made when it is
 *          kept or printed, which is when a failed night is run again.
 */
#ifndef STINT_TESTS_SIM_TRACE_H
#define STINT_TESTS_SIM_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TRACE_LINES = 40, TRACE_LINE_BYTES = 220 };

/* id, how it is printed; each takes four numbers, in order */
#define TRACES(X)                                                                                  \
	X(TRACE_START, "instance %lld starts on slot %lld (start %lld)")                           \
	X(TRACE_CRASH, "instance %lld CRASHES (inc %lld, cause %lld)")                             \
	X(TRACE_END, "instance %lld ends with status %lld")                                        \
	X(TRACE_PAUSE, "instance %lld stopped for %lld ms (declared dead: %lld)")                  \
	X(TRACE_STOP, "instance %lld is told to stop (%lld)")                                      \
	X(TRACE_RELOAD, "instance %lld reads its file again")                                      \
	X(TRACE_TIMER, "instance %lld timer")                                                      \
	X(TRACE_SUBMIT, "instance %lld submits batch %lld: %lld operations")                       \
	X(TRACE_APPLY, "inc %lld batch %lld: ledger says %lld, told %lld")                         \
	X(TRACE_OP, "    run %lld: %lld %lld %lld")                                                \
	X(TRACE_ANSWER, "instance %lld gets its answer to batch %lld: %lld")                       \
	X(TRACE_LANE, "instance %lld starts lane %lld (role %lld, pid %lld)")                      \
	X(TRACE_LANE_REFUSED, "instance %lld cannot start a lane (role %lld)")                     \
	X(TRACE_LANE_GONE, "pid %lld is gone (by signal %lld)")                                    \
	X(TRACE_LANE_END, "instance %lld hears that lane %lld ended (signal %lld, proven %lld)")   \
	X(TRACE_KILL, "instance %lld kills lane %lld")                                             \
	X(TRACE_TO_LANE, "pid %lld gets frame %lld (%lld bytes)")                                  \
	X(TRACE_FROM_LANE, "instance %lld gets frame %lld of lane %lld (%lld)")                    \
	X(TRACE_WORK, "pid %lld takes item %lld, ticket %lld, attempt %lld")                       \
	X(TRACE_PLAN, "pid %lld ticket %lld record %lld: plan %lld")                               \
	X(TRACE_BEGUN, "pid %lld ticket %lld begun: record %lld")                                  \
	X(TRACE_EFFECT, "EFFECT of record %lld of run %lld (pid %lld), now %lld")                  \
	X(TRACE_OUTCOME, "pid %lld ticket %lld record %lld: outcome %lld")                         \
	X(TRACE_LOADED, "pid %lld sends %lld items up to record %lld, %lld rejects")               \
	X(TRACE_LOAD_END, "pid %lld ends loading: %lld")                                           \
	X(TRACE_BURY, "instance %lld buries inc %lld")                                             \
	X(TRACE_BURIED, "instance %lld: inc %lld is buried (proven %lld)")                         \
	X(TRACE_PERSON, "a person: verb %lld, run %lld, %lld items: %lld changed")                 \
	X(TRACE_LOST, "another server takes over, without the last commits")                       \
	X(TRACE_ADD, "an application puts %lld items into the inbox, of %lld in all")              \
	X(TRACE_CUT, "instance %lld is cut off from the ledger for %lld ms")                       \
	X(TRACE_BEAT, "instance %lld hears of its beat: %lld")                                     \
	X(TRACE_CLOCK, "the wall clock jumps by %lld s")                                           \
	X(TRACE_HEAL, "all faults end")                                                            \
	X(TRACE_ALIKE, "all attempts fail alike until %lld ms, in step %lld")                      \
	X(TRACE_FULL, "the disk is full until %lld ms")                                            \
	X(TRACE_SAY, "instance %lld says (%lld)")                                                  \
	X(TRACE_NOTE, "note %lld %lld %lld %lld")

enum trace_kind {
#define X(id, text) id,
	TRACES(X)
#undef X
		TRACE_COUNT_
};

struct trace {
	uint64_t hash;
	int64_t events;
	bool keep;  /* the last TRACE_LINES lines are kept for printing */
	bool print; /* every line goes to standard output */
	int next;
	char line[TRACE_LINES][TRACE_LINE_BYTES];
};

/* What the trace is told: numbers in the order in which the kind's text names them. */
struct trace_event {
	int64_t at; /* virtual microseconds since the night began */
	enum trace_kind kind;
	int64_t n[4];
	const char *text; /* printed behind it and hashed; NULL none */
};

void trace_init(struct trace *t);
void trace_add(struct trace *t, const struct trace_event *e);
/* The kept lines, oldest first, to standard output. */
void trace_print(const struct trace *t);

#endif
