/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session: one incarnation of the engine, from its row in the ledger to its end. It buries and
 * reaps the dead, decides which runs to work, works them one after another, and says how it ended.
 *
 * Owner:   session_new gives, session_free frees (allowed only after world end, or in a simulation
 *          at any time: that is a crash). Everything here belongs to the loop's thread.
 * Failure: ends by world end() with an exit status of CLI "Exit status"; words go through say().
 */
#ifndef STINT_ENGINE_SESSION_H
#define STINT_ENGINE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "engine/world.h"
#include "ledger/txn.h"

struct job;
struct session;

/* How much there is of a named resource; of those that nobody names there is 1. */
struct session_pool {
	char *name;
	int64_t capacity;
};

/* Where it is among them; `n` when it is not. */
size_t session_pool_find(const struct session_pool *pools, size_t n, const char *name);

struct session_spec {
	const struct job *job; /* today's file; kept until session_free */
	const char *slot;      /* of the present slot: 2026-11-23 or 2026-11-23T01:30+01:00 */
	const char *date;      /* its business date: 2026-11-23 */
	const char *params;    /* JSON object: all parameters, as text values */
	const char *identity; /* "NAME=VALUE,…" of the identifying ones, sorted by name; "" none */
	bool only_named;      /* --date or --slot: works this run and no other */
	int64_t run_id;	      /* retry --now, work: this run and no other; 0 none */
	bool is_guest;	      /* work: its source may be on another host */
	bool again;
	bool with_new_file;
	const char *source_path;	  /* --source, "" none */
	int64_t first_n;		  /* --first, 0 none */
	utime stop_by;			  /* window.stop_by as a point of time; UTIME_NEVER none */
	bool ignores_window;		  /* --ignore-window: nothing of it ends or holds the run */
	const struct session_pool *pools; /* kept until session_free */
	size_t n_pools;
	int lanes; /* how many worker processes at most; at least 1 */
	int cpus;  /* default concurrency of exec */
	/* who this instance is */
	const char *instance_name;
	const char *host;
	const char *boot_id;
	int64_t pid;
	uint8_t nonce[16];
	uint8_t ledger_uuid[16];
	bool has_beats; /* of its ledger: ledger_has_beats */
};

/* What a session is at, for the progress bar and for `status`. Texts are lent until the next call
 * in. */
struct session_status {
	const char *run;   /* JOB@SLOT…, "" before there is one */
	const char *phase; /* starting, loading, running, stopping, finishing, waiting */
	const char *waits; /* what it waits for, "" nothing */
	utime waits_until; /* 0: unknown */
	int64_t loaded;	   /* items of the run, so far while loading */
	int64_t rejected;
	int64_t done, failed, retry, in_doubt, skipped; /* failed: dead */
	int64_t in_flight;
	int64_t at_once;     /* so many may be in flight now … */
	int64_t at_once_max; /* … and so many at most */
	double per_second;   /* settled items, smoothed over the last half minute */
	int64_t left_us;     /* time left by that rate; -1 unknown */
	utime began_at;
	int64_t p50_us, p99_us; /* how long attempts take; 0 unknown */
	double failing;		/* the share of attempts that fail, over the last half minute */
};

struct session *session_new(const struct world_ops *ops, void *world,
			    const struct session_spec *spec);
void session_free(struct session *s);

/* Begins: the first transaction goes out. */
void session_start(struct session *s);
void session_on_timer(struct session *s);
/* Takes the transaction back. */
void session_on_ledger(struct session *s, struct ledger_txn *txn);
/* What became of the beat that was asked for. */
void session_on_beat(struct session *s, enum ledger_status status);
/* One whole frame from a lane; lent for the call. What follows from it is done when the last of
 * those that came together is told: session_on_frames_end must follow in the same turn. */
void session_on_frame(struct session *s, uint32_t lane, const struct frame *frame);
void session_on_frames_end(struct session *s);
/* The lane's process is gone, and so is all that it started (`proven`; else something may still
 * act). `by_signal`: 0, or what killed it. */
void session_on_lane_end(struct session *s, uint32_t lane, int exit_status, int by_signal,
			 bool proven);
void session_on_buried(struct session *s, int64_t inc, bool proven);
/* TERM, INT or a person: the first stops between items, a second ends attempts. */
void session_stop(struct session *s, const char *reason);
/* HUP: today's file was read again; kept until session_free. */
void session_reload(struct session *s, const struct job *job);

void session_get_status(const struct session *s, struct session_status *ret_status);

#endif
