/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a session share, and what a run may ask its session. */
#ifndef STINT_ENGINE_SESSION_INSIDE_H
#define STINT_ENGINE_SESSION_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "core/breaker.h"
#include "core/forecast.h"
#include "core/watch.h"
#include "engine/commit.h"
#include "engine/pulse.h"
#include "engine/session.h"

struct run;

enum { SESSION_NAME_MAX = 600, BURIALS_MAX = 256 };

enum session_phase {
	SESSION_BEGINNING,
	SESSION_BURYING, /* the dead of earlier nights */
	SESSION_PLANNING,
	SESSION_WORKING,
	SESSION_ENDING,
	SESSION_ENDED
};

struct burial { /* of an instance that is dead */
	int64_t inc;
	int64_t beat;	       /* which was seen standing still */
	bool is_hung;	       /* with its lock held */
	int64_t quarantine_us; /* for so long something of it may act, unless that is disproved */
};

struct session_run { /* a run of this call and how it ended */
	int64_t id;
	bool was_worked;
	int exit_status;
	utime left_due; /* UTIME_NEVER: waits for nothing */
	bool may_come_again;
	struct breaker breaker;			/* as it was when the run was left … */
	int32_t breaker_step;			/* … at this step: others may have gone on */
	bool said_late, said_over, said_cutoff; /* a call says it once of each run */
};

struct session {
	const struct world_ops *ops;
	void *world;
	struct session_spec spec;
	struct commit commit;
	enum session_phase phase;
	uint32_t lane_number;
	int64_t began_at; /* boot clock */

	struct pulse pulse; /* our own, where instances beat */
	struct watch watch; /* of others */
	size_t n_suspects;  /* by the last look: dead, or not yet alive */
	struct burial burials[BURIALS_MAX];
	size_t n_burials;
	bool list_out;
	int64_t list_asked_at; /* boot clock */
	int64_t look_at;       /* boot clock: next look for dead instances */
	int64_t quarantine_us; /* as the ledger knows it of us, or is told now */

	struct session_run *runs;
	size_t n_runs;
	size_t at;	     /* the one being worked */
	bool is_second_pass; /* waits for what the first pass left */
	struct run *run;     /* NULL between two */
	int64_t lanes_until; /* boot clock: lanes of a run that is over are killed then */
	int64_t history[20];
	size_t n_history;
	struct forecast forecast; /* of attempts, over all runs of this call, and past.c */
	utime past_started_at;	  /* of the run that past.c asks about */
	int over_exit;		  /* of the present slot's run that was over already; -1 none */

	int stops;	       /* how often we were told */
	bool is_source_behind; /* a run could not write back all that ended */
	char stop_reason[128];
	bool log_was_held;
	bool storage_fails;
	int64_t storage_until; /* boot clock: what cannot be written by then is given up */
	int exit_status;
};

/* ---- for runs ---- */

struct commit *session_commit(struct session *s);
const struct session_spec *session_get_spec(const struct session *s);
/* Boot clock. */
int64_t session_began_at(const struct session *s);
/* How long attempts of the job take. */
struct forecast *session_forecast(struct session *s);
/* Asks how long attempts of the newest finished run took; known before any item is begun. */
void session_ask_past(struct session *s, const struct lop_run_list *list);
/* Whether anything may be begun. */
const struct pulse *session_pulse(const struct session *s);
/* For so long may act what is started from now on, should this instance die: in the ledger before
 * the row of any lane that is started after the call. */
void session_quarantine(struct session *s, int64_t quarantine_us);
/* The last lane number that was given out. */
uint32_t *session_lane_number(struct session *s);
/* How many items the job's last runs had; lent. */
const int64_t *session_history(const struct session *s, size_t *ret_n);

/* ---- between the files of the session ---- */

void session_say(struct session *s, enum say_level level, const char *fmt, ...) ST_PRINTF(3, 4);
/* Writes the end of the instance and then ends with that status. */
void session_end(struct session *s, int exit_status);
/* Others have its work, or may have it: nothing can be written any more. */
void session_lose(struct session *s, const char *why);
/* After an event: all that can be done next. */
void session_go_on(struct session *s);
/* Who lives (alive.c): from when we have a number, and in each turn. */
void alive_begin(struct session *s);
/* The longest of its steps. */
int64_t alive_quarantine_us(const struct job *job);
void alive_turn(struct session *s);
int64_t alive_deadline(const struct session *s);
void session_look_for_dead(struct session *s);
/* Decides which runs to work (agenda.c). */
void session_plan(struct session *s);
/* Works them one after another (agenda.c). */
void session_work(struct session *s);

#endif
