/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated machine: one virtual time, one queue of what will happen, one ledger, and all
 * processes of a night: engines (instance.h), their lanes (proc.h), and the witness who sees it all
 * (witness.h).
 *
 * Promise: events happen in the order of (virtual time, order of making). Nothing depends on
 *          addresses, on the real clock or on memory that was not set, so that a seed repeats a
 *          night exactly.
 * Owner:   machine_new gives, machine_free frees; objects of a night live in its arena, and an
 *          event for an object that is dead meanwhile is ignored by its handler.
 * Failure: a check that fails calls machine_fail(); the first one is kept and ends the night.
 */
#ifndef STINT_TESTS_SIM_MACHINE_H
#define STINT_TESTS_SIM_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "ledger/txn.h"
#include "sim/inbox.h"
#include "sim/options.h"
#include "sim/rng.h"
#include "sim/trace.h"

struct instance;
struct job;
struct ledger;
struct machine;
struct proc;
struct run_view;

typedef void (*event_fn)(struct machine *m, void *object, int64_t n);

struct event {
	int64_t at; /* boot clock */
	uint64_t seq;
	event_fn fn;
	void *object;
	int64_t n;
};

struct queue {
	struct event *heap;
	size_t n;
	size_t cap;
};

struct failure {
	bool happened;
	char check[48];
	char text[400];
};

enum {
	SHADOW_INCS_MAX = 16384,
	ZONE_OFFSET_S = 3600, /* of the machine's zone, east of UTC */
	WAITING_MAX = 8,      /* items that an engine may have wait in its lanes, as promised */
};

/* What was given out of the job's rate and quota. */
struct share {
	int64_t last_slot_ns;
	int64_t slots_taken;
	utime quota_period;
	int64_t quota_used;
	int64_t *begun_us; /* when attempts began, oldest first … */
	int64_t n_begun;
	int64_t *low_us; /* … and those of the hours of the lower rate */
	int64_t n_low;
	int64_t cap;  /* of both */
	int64_t hour; /* the latest hour in which one began, and how many */
	int64_t n_in_hour;
};

/* What the ledger must hold, from the transactions that it said it applied. shadow.h */
struct shadow {
	struct run_view **runs; /* by id - 1 */
	size_t n_runs;
	struct chunk_view **chunks; /* by id */
	size_t cap_chunks;
	uint8_t inc_state[SHADOW_INCS_MAX]; /* enum instance_state */
	int64_t inc_batch[SHADOW_INCS_MAX];
	int64_t commits;
	struct share share;
	struct inbox_view inbox;
	struct breaker_row breakers[OPTIONS_STEPS_MAX + 1]; /* of each step's endpoint, from 1 */
};

struct machine {
	const struct options *opt;
	struct trace trace;
	struct failure failure;
	struct queue queue;
	uint64_t seq;
	struct arena arena;

	int64_t boot_us;
	int64_t began_us;      /* boot clock when the night began */
	utime wall_began;      /* … and the wall clock */
	int64_t wall_ahead_us; /* wall clock minus boot clock */

	struct rng fault_rng[FAULT_COUNT_];
	struct rng rng; /* delays and the like */

	struct ledger *ledger;
	uint8_t uuid[LEDGER_UUID_BYTES];
	struct job *job;
	struct shadow shadow;

	struct instance *instances; /* newest first */
	int n_alive;
	int n_starts;
	int64_t newest_began_us; /* boot clock: the last of these */
	int healed_starts;
	struct proc *procs; /* newest first */
	int64_t next_pid;

	bool healed;
	int64_t healed_at;
	int64_t alike_until[OPTIONS_STEPS_MAX + 1]; /* of each step's service … */
	int64_t down_until[OPTIONS_STEPS_MAX + 1];  /* … which refuses everything */
	int64_t full_until;
	int64_t away_until;   /* the ledger is, for all … */
	int64_t away_us;      /* … for so long */
	int64_t held_until;   /* nothing can be claimed */
	int64_t famine_until; /* no process is to be had */
	int64_t person_acts;
	bool saw_missing;	 /* a reader found no source */
	int64_t forgot_us;	 /* when that happened last */
	bool somebody_at_large;	 /* what could not be proved dead may have acted for a while */
	struct lost *lost;	 /* what a standby has not yet; NULL: nothing */
	struct lost *was;	 /* how all was when a server took over; NULL: none has */
	bool decisions_are_lost; /* of persons, or decided since then: some cannot write all again
				  */
	bool counts_are_lost;	 /* of durations and classes, which nobody writes again */
	bool somebody_lost;	 /* commits, and with them his life: they are not written again */
	bool somebody_forgot;	 /* an engine ended with what it had been told and not written */
	int slot;
	int tidied;
	bool over;
};

struct machine *machine_new(void);
/* The job of the options, parsed; NULL when it is refused. The caller frees. */
struct job *machine_parse_job(struct machine *m, const struct options *o);
/* The night begins: job and ledger are made. Keeps `opt`. */
void machine_begin(struct machine *m, const struct options *opt);
void machine_free(struct machine *m);

/* Calls fn in `delay_us` at the earliest. */
void machine_after(struct machine *m, int64_t delay_us, event_fn fn, void *object, int64_t n);
/* Lets the next event happen; false when there is none. */
bool machine_step(struct machine *m);

utime machine_now(const struct machine *m);
/* Does this fault happen now? */
bool machine_fault(struct machine *m, enum fault_kind kind);
/* A time that is mostly about `us`, sometimes ten times as long. */
int64_t machine_delay(struct machine *m, int64_t us);
/* Has the record that trait? The same whenever it is asked. */
bool machine_trait(const struct machine *m, enum fault_kind trait, uint32_t record);

void machine_fail(struct machine *m, const char *check, const char *fmt, ...) ST_PRINTF(3, 4);

void machine_trace(struct machine *m, enum trace_kind kind, const int64_t n[4], const char *text);

#define TRACE(m, kind, ...) machine_trace((m), (kind), (const int64_t[4]){__VA_ARGS__}, NULL)

#endif
