/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One start of an engine on the simulated machine: a session, the world it lives in (world.c), its
 * writer thread (writer.c), and the ways in which it can come to an end.
 *
 * Promise: what reaches the engine comes through one inbox in order, and waits there while its
 *          process is stopped. A crash takes effect at the very call at which it was drawn:
 *          whatever the engine still asks for in that turn does not happen.
 * Owner:   the machine's arena; the session and transactions belong to the instance until it is
 *          over.
 */
#ifndef STINT_TESTS_SIM_INSTANCE_H
#define STINT_TESTS_SIM_INSTANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "job/date.h"
#include "ledger/txn.h"
#include "sim/breaker_check.h"
#include "sim/machine.h"
#include "sim/rng.h"
#include "sim/window_check.h"

struct attempt;
struct session;

enum instance_fate { INSTANCE_RUNS, INSTANCE_CRASHED, INSTANCE_OVER };

enum message_kind {
	MESSAGE_TIMER,
	MESSAGE_LEDGER,
	MESSAGE_FRAME,
	MESSAGE_LANE_END,
	MESSAGE_BURIED,
	MESSAGE_STOP,
	MESSAGE_RELOAD,
	MESSAGE_BEAT
};

struct message {
	struct message *next;
	enum message_kind kind;
	struct proc *proc;	 /* FRAME, LANE_END */
	struct attempt *attempt; /* FRAME: whose outcome it is, else NULL */
	struct ledger_txn *txn;	 /* LEDGER */
	const char *bytes;	 /* FRAME: a whole one, in the machine's arena */
	size_t len;
	int64_t n;   /* inc, signal, or status of a beat */
	bool proven; /* LANE_END, BURIED */
};

struct mailbox {
	struct message *first;
	struct message *last;
};

enum crash_cause {
	CRASH_BEFORE_COMMIT,
	CRASH_AFTER_COMMIT,
	CRASH_BEFORE_SEND,
	CRASH_AFTER_SEND,
	CRASH_SOMETIME,
	CRASH_KEEPER /* it did not tick for too long */
};

struct instance {
	struct instance *next; /* the one before */
	struct machine *m;
	int number; /* from 1 */
	enum instance_fate fate;
	int exit_status;
	struct session *session;
	struct rng rng;		 /* what the engine draws */
	struct job *today;	 /* after a reload, else NULL */
	const struct job *rules; /* what it goes by: that, once it was told */
	struct window_judge judge;
	int concurrency; /* as it was told last */
	int nice;	 /* of its lanes, as it said */
	int at_once;	 /* by how attempts ended, not more than so many of them */
	int fails_in_a_row;

	int64_t inc; /* once the ledger has given one */
	uint8_t nonce[LEDGER_NONCE_BYTES];
	int slot;
	int region;
	char slot_text[32];
	char date[DATE_TEXT_LEN + 1];
	char identity[24];
	int64_t began_us;
	int64_t stopped_us; /* when it heard the first signal, 0 never */
	int64_t refused_us; /* boot clock: its run was not given the pool; 0: it was */
	utime stop_by;
	bool ignores_window;
	int at_step; /* of the run that it has joined last, as the ledger told it */
	struct breaker_judge breakers[OPTIONS_STEPS_MAX + 1]; /* of each step's endpoint */

	/* beats, see beats.h */
	struct ledger_pulse *pulse;
	int64_t inc_us;	       /* when the ledger gave it its number */
	int64_t beat_us;       /* when it made the last beat; it alone knows */
	int64_t beat_sent_us;  /* when the engine asked for the last … */
	int64_t beat_known_us; /* … and for the last that it knows was made */
	int64_t leased_to;     /* what its lanes know */
	int64_t cut_until;
	struct journal *journal; /* what it would write again, see lost.h */
	int64_t acked;		 /* its last batch that was applied */
	bool is_failed_over;	 /* and it does not know yet */
	bool is_uncompared;	 /* nor has lost_check_redone looked */
	char host[24];

	int64_t no_reader_since; /* it wants one and can have none, 0: it has, or wants none */

	/* what the engine asked for within the call under way */
	bool is_crashing;
	enum crash_cause crash_cause;
	bool is_ending;

	int64_t timer_number; /* of the wish that holds */
	int idle_timers;      /* timers in a row in which nothing was asked for … */
	int64_t idle_since;   /* … since then */
	int looks;	      /* in a row at what is left while the breaker is open … */
	int64_t looks_since;  /* … since then */
	struct mailbox inbox;
	bool is_paused;
	bool is_zombie; /* declared dead while it is stopped */

	struct mailbox writing;	  /* transactions that the writer has not come to */
	struct mailbox answering; /* and those that it is done with */
	bool writer_is_busy;
	int64_t answer_at; /* answers keep their order */

	int64_t longest_us; /* the longest time limit of what it has begun */
	int64_t n_lost;	    /* attempts in hand of lanes that died */
	int stops;	    /* signals so far */
	bool saw_broken;    /* the ledger said so */
	bool saw_fenced;
	bool saw_trouble;   /* busy, full or unknown at least once */
	bool saw_missing;   /* a source that was not there */
	struct proc *procs; /* newest first, by inst_next */
};

/* Starts an engine on a slot, for a region. */
struct instance *instance_start(struct machine *m, int slot, int region);
/* Something arrived for it; takes what the message owns. */
void instance_post(struct instance *inst, const struct message *message);
void instance_crash(struct instance *inst, enum crash_cause cause);
/* A crash that was drawn within a call of the engine. */
void instance_crash_soon(struct instance *inst, enum crash_cause cause);
/* Stops its process for a while; a zombie is declared dead meanwhile. */
void instance_pause(struct instance *inst, int64_t for_us, bool as_zombie);
/* TERM. */
void instance_stop(struct instance *inst);
void instance_reload(struct instance *inst);
/* The engine says that it is over. */
void instance_end(struct instance *inst, int exit_status);

/* Did it end in a way that may have lost what it was told and had not committed? */
bool instance_lost_its_memory(const struct instance *inst);
struct instance *instance_find_inc(struct machine *m, int64_t inc);
/* At the end of a night: frees what is left. */
void instance_free(struct instance *inst);

/* A transaction goes to the writer (writer.c). */
void writer_take(struct instance *inst, struct ledger_txn *txn);

void mailbox_put(struct machine *m, struct mailbox *box, const struct message *message);
struct message *mailbox_take(struct mailbox *box);
/* Frees what its messages own. */
void mailbox_empty(struct mailbox *box);

#endif
