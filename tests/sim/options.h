/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a night is made of: the job, the items, who works when, and which kinds of faults happen how
 * often.
 *
 * Promise: everything comes from the seed. Of the kinds of faults a night has a random subset
 *          ("swarm testing", Groce et al. 2012): what always happens together hides what only
 *          one alone shows.
 */
#ifndef STINT_TESTS_SIM_OPTIONS_H
#define STINT_TESTS_SIM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/* id, name, least and most per million chances, what happens. Those of the second list are traits
 * of items and records, which do not heal. */
#define FAULTS(X)                                                                                  \
	X(F_CRASH_BEFORE, "crash-before", 500, 20000, "an engine dies before a commit")            \
	X(F_CRASH_AFTER, "crash-after", 500, 20000, "an engine dies after a commit")               \
	X(F_CRASH_SEND, "crash-send", 200, 10000, "an engine dies before or after sending")        \
	X(F_CRASH_ANY, "crash-any", 100000, 700000, "an engine dies at any time")                  \
	X(F_STALL, "stall", 500, 10000, "an engine is stopped and goes on later")                  \
	X(F_ZOMBIE, "zombie", 500, 20000, "an engine is stopped, buried, and goes on")             \
	X(F_UNKNOWN, "ledger-unknown", 1000, 150000, "nobody knows whether a commit was made")     \
	X(F_BUSY, "ledger-busy", 1000, 200000, "the ledger is busy")                               \
	X(F_NO_SPACE, "ledger-full", 100, 5000, "the disk is full for a while")                    \
	X(F_SPACE_LOW, "ledger-low", 100, 5000, "the disk is nearly full")                         \
	X(F_LOG_HELD, "ledger-held", 100, 5000, "for a while a reader does not let go of the log") \
	X(F_BROKEN, "ledger-broken", 100, 3000, "the ledger's storage fails")                      \
	X(F_SLOW, "ledger-slow", 1000, 100000, "a commit takes seconds")                           \
	X(F_LANE_REFUSED, "lane-refused", 10000, 500000, "no process is to be had")                \
	X(F_LANE_UNREADY, "lane-unready", 5000, 200000, "a lane dies while it starts")             \
	X(F_LANE_DEAF, "lane-deaf", 2000, 50000, "a lane hears nothing")                           \
	X(F_DIE_BEFORE, "die-before", 1000, 50000, "a lane dies before an item was begun")         \
	X(F_DIE_BEGUN, "die-begun", 1000, 50000, "a lane dies before the effect")                  \
	X(F_DIE_EFFECT, "die-effect", 1000, 50000, "a lane dies after the effect")                 \
	X(F_HANG, "hang", 1000, 30000, "an outcome never comes")                                   \
	X(F_UNPROVEN, "unproven", 50000, 500000, "a lane's end cannot be proven")                  \
	X(F_TWICE, "twice", 1000, 100000, "an outcome comes twice")                                \
	X(F_STRANGER, "stranger", 1000, 50000, "an outcome for a ticket that is not")              \
	X(F_RUBBISH, "rubbish", 500, 20000, "a lane sends rubbish")                                \
	X(F_RETRY, "retry", 5000, 400000, "an attempt fails for once")                             \
	X(F_UNKNOWN_OUTCOME, "unknown", 2000, 200000, "nobody knows how an attempt ended")         \
	X(F_NOT_BEGUN, "not-begun", 2000, 200000, "an attempt cannot begin")                       \
	X(F_LOST, "lost", 1000, 100000, "a worker ends with all that it has in hand")              \
	X(F_VERIFY, "verify", 20000, 700000, "nobody can tell whether an item took effect")        \
	X(F_ALIKE, "alike", 500, 20000, "for a while everything fails alike")                      \
	X(F_DOWN, "down", 500, 20000, "for a while the service refuses everything")                \
	X(F_LATE, "late", 1000, 50000, "an attempt takes longer than it may")                      \
	X(F_CANCEL_SLOW, "cancel-slow", 50000, 700000, "ending an attempt takes long")             \
	X(F_CANCEL_DEAF, "cancel-deaf", 20000, 500000, "an attempt cannot be ended")               \
	X(F_READER_DIES, "reader-dies", 5000, 200000, "the reader dies")                           \
	X(F_READER_SLOW, "reader-slow", 5000, 200000, "the reader takes long")                     \
	X(F_READER_HANGS, "reader-hangs", 1000, 50000, "the reader says nothing more")             \
	X(F_READER_RUBBISH, "reader-rubbish", 2000, 50000, "the reader sends rubbish")             \
	X(F_LOAD_FAILS, "load-fails", 20000, 400000, "loading fails")                              \
	X(F_LOAD_MISSING, "load-missing", 20000, 400000, "the source is not there")                \
	X(F_CHANGED, "changed", 500, 20000, "the source has changed behind a chunk")               \
	X(F_AGAIN, "again", 20000, 300000, "a further run of the slot is wanted")                  \
	X(F_FIRST, "first", 50000, 700000, "a run is to have its first items only")                \
	X(F_STOP_BY, "stop-by", 50000, 500000, "an engine must stop at a point of time")           \
	X(F_NAMED, "named", 50000, 500000, "an engine is to work the present slot only")           \
	X(F_STOP, "stop", 50000, 500000, "somebody stops an engine")                               \
	X(F_STOP_TWICE, "stop-twice", 100000, 800000, "and again")                                 \
	X(F_PERSON, "person", 50000, 600000, "a person acts")                                      \
	X(F_RELOAD, "reload", 50000, 500000, "today's file is read again")                         \
	X(F_CLOCK, "clock", 50000, 500000, "the wall clock jumps")                                 \
	X(F_THEN_FAILS, "then-fails", 20000, 300000, "what comes after the items fails")           \
	X(F_FAMINE, "famine", 2000, 50000, "no process is to be had for a long while")             \
	X(F_CUT, "cut", 500, 20000, "an engine is cut off from the ledger for a while")            \
	X(F_AWAY, "away", 100, 5000, "the ledger is away for all")                                 \
	X(F_LOCKS, "locks", 500, 20000, "the server is started again: all locks are free")         \
	X(F_FAILOVER, "failover", 1000, 60000,                                                     \
	  "a server takes over that has not the last commits")                                     \
	X(F_BEAT, "beat", 1000, 300000, "nobody knows whether a beat was made")                    \
	X(F_BEAT_SLOW, "beat-slow", 1000, 100000, "the answer to a beat takes seconds")            \
	TRAITS(X)

#define TRAITS(X)                                                                                  \
	X(F_FLAKY, "flaky-items", 10000, 500000, "items that fail a few times")                    \
	X(F_DEAD, "dead-items", 2000, 200000, "items that can never be done")                      \
	X(F_NEVER, "never-items", 2000, 100000, "items that fail again and again")                 \
	X(F_POISON, "poison-items", 1000, 50000, "items that kill their lane")                     \
	X(F_REJECT, "rejects", 2000, 100000, "records that are no items")                          \
	X(F_FILTER, "filtered", 5000, 300000, "records that are left out")

enum fault_kind {
#define X(id, name, lo, hi, says) id,
	FAULTS(X)
#undef X
		FAULT_COUNT_
};

enum { OPTIONS_OPEN_MAX = 4 /* times open_for */ };
enum {
	OPTIONS_SLOTS_MAX = 3,
	OPTIONS_REGIONS_MAX = 2,
	OPTIONS_INSTANCES_MAX = 3,
	OPTIONS_HOSTS_MAX = 3,
	OPTIONS_GENTLE_NICE = 15,
	OPTIONS_STEPS_MAX = 4
};

enum { SAYS_DONE = 1, SAYS_DEAD = 2 };
enum { ENDS_AFTER = 1, ENDS_ALL_OR_NONE, ENDS_FILE };

struct options {
	uint64_t seed;
	bool fault[FAULT_COUNT_];
	uint32_t ppm[FAULT_COUNT_];

	/* the job */
	bool is_noop;
	bool is_once;
	int doubt; /* enum job_doubt */
	int64_t key_valid_us;
	bool verifies; /* the other side can be asked what became of an item … */
	int64_t settle_us;
	int64_t shows_after_us; /* … which shows there so late, at most after settle */
	int64_t timeout_us;
	int concurrency;
	int concurrency_start; /* 0: it is fixed */
	int64_t canary;
	int64_t max_dead_pct;	 /* 0: the default */
	int64_t max_rejects_pct; /* 0: the default */
	bool when_empty_fail;
	int when_missing; /* enum job_missing: fail, wait, ok */
	int then;	  /* enum job_then */
	unsigned says;	  /* on_done (1), on_dead (2): rows of a database */
	int ends;	  /* work by the unit, with an end: after, commit: run, a file */
	bool has_key;	  /* the job declares a key, so that lanes ask for keys */
	int unique;	  /* enum job_unique */
	int attempts;
	int64_t first_us;
	int64_t factor;
	int64_t max_us;
	int jitter; /* enum job_jitter */
	int64_t within_run_us;
	int64_t breaker_window_us;
	int64_t at_least;
	int64_t failures_pct;
	int64_t open_for_us;
	int64_t give_up_after_us;
	int64_t chunk_items;
	int64_t window_max_us; /* 0 none */
	int when_over;	       /* enum job_when_over */
	int gentle_concurrency;
	int64_t expect_us; /* 0 none */
	int cutoff_minute; /* date_cutoff, -1 none */
	int cutoff_then;   /* enum job_cutoff_then */
	int64_t grace_us;
	int64_t stalled_after_us;
	int carry_over; /* enum job_carry_over */
	int64_t rate_n; /* attempts in rate_per_us, 0: no rate */
	int64_t rate_per_us;
	int64_t low_n;	      /* a lower one at some hours, 0: none */
	int low_from, low_to; /* minutes of the day */
	int64_t quota_limit;  /* attempts an hour, 0: no quota */
	int64_t quota_reserve;
	bool quota_waits;
	int64_t pool_units; /* that a run needs of a pool, 0: of none */
	int64_t pool_capacity;
	int64_t pool_wait_us;
	bool is_paced;	/* nothing but the rate keeps items from being begun */
	bool is_ending; /* nothing but the end of the window, or of the date, does */

	/* the source */
	bool no_source; /* the job is one item */
	uint32_t n_records;
	bool by_reference; /* chunks whose keys the ledger does not know */
	int steps;	   /* each reads its share of the records; 0: the job has none */
	bool needs_done;   /* a step begins when nothing of the one before it has failed */
	bool takes; /* a step has as many records as the first, one for each of its items … */
	int taken;  /* … that ended so: enum job_take */
	bool has_finish;      /* on_finish */
	int64_t end_takes_us; /* so long at most, 0: no time worth a word */
	bool has_inbox;	      /* the first step has its records from an inbox */

	/* who works */
	bool per_start; /* each start is a slot of its own */
	int slots;
	int regions;	/* 1, or runs of a slot are told apart by a parameter with so many values */
	int instances;	/* at the same time */
	bool has_beats; /* the ledger is a server's, … */
	int hosts;	/* … and they are on so many */
	int lanes;
	int64_t item_us;      /* about how long an attempt takes */
	int64_t commit_us;    /* about how long a commit takes */
	int64_t start_gap_us; /* about how long after an end the next start comes */
	int64_t heal_after_us;
	int fault_starts; /* after so many starts the faults end, too */
	bool tidy;	  /* at the end a person deals with what needs one */
};

void options_from_seed(struct options *o, uint64_t seed);
/* The job file. */
void options_put_job(const struct options *o, struct buf *out);
/* The first record of a step, from 1; of the one behind the last: their number. */
uint32_t options_step_begin(const struct options *o, int step);
/* The step that reads it. */
int options_step_of(const struct options *o, uint32_t record);
/* Of a step that takes an earlier one's items: the record there that the record was made of. */
uint32_t options_taken_from(const struct options *o, uint32_t record);
bool options_is_taken(const struct options *o, uint32_t record);
/* What the seed stands for, to standard output. */
void options_print(const struct options *o);

const char *fault_name(enum fault_kind kind);
/* FAULT_COUNT_ when there is none of that name. */
enum fault_kind fault_from_name(const char *name);
bool fault_is_trait(enum fault_kind kind);

#endif
