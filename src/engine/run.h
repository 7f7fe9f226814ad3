/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run being worked by this session: joined, loaded if need be, worked, and left.
 *
 * Promise: O1 a started mark is durable before the item is sent; O2 done is written only after a
 *          lane said so; O3 a source is acknowledged after that is durable. Stops between items.
 * Owner:   the session; freed only when the commit is idle, because waiters point here.
 * Shape:   events change state, then run_turn() looks at the state and does what can be done next.
 *          So the same rules hold whatever order things happen in.
 *
 * Files: run.c (phases), look.c (is it finished), window.c (does it fit), load.c (reader),
 * holding.c (claim), slots.c (lanes' shares), share.c (rate, quota), dispatch.c (start, send),
 * protect.c (breaker), settle.c (outcomes), drain.c (stopping), ending.c (what is done once at the
 * end), tell.c (source.then), request.c (what people ask for), company.c (who else is in it),
 * stats.c (durations).
 */
#ifndef STINT_ENGINE_RUN_H
#define STINT_ENGINE_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bits.h"
#include "base/list.h"
#include "core/breaker.h"
#include "core/concurrency.h"
#include "core/decide.h"
#include "core/forecast.h"
#include "core/meter.h"
#include "core/probe.h"
#include "engine/commit.h"
#include "engine/company.h"
#include "engine/lanes.h"
#include "engine/pulse.h"
#include "engine/session.h"
#include "engine/share.h"
#include "engine/stats.h"
#include "job/job.h"

enum {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_PERSON = 3,
	EXIT_NO_SOURCE = 66,
	EXIT_BUSY = 69,
	EXIT_INTERNAL = 70,
	EXIT_STORAGE = 74,
	EXIT_LATER = 75,
	EXIT_CONFIG = 78
};

enum run_phase {
	RUN_JOINING,
	RUN_POOLS_WANTED,  /* see pools.c */
	RUN_LOADER_WANTED, /* not loaded yet: become its loader, or wait for who is */
	RUN_LOADING_NOW,
	RUN_WORKING,
	RUN_TELLING, /* all is settled; the source is told (then:) */
	RUN_DRAINING,
	RUN_LEAVING,
	RUN_OVER
};

/* Asking for named resources. Boot clock. */
struct run_pools {
	int64_t ask_at;
	int64_t asked_at; /* first; 0: not yet */
	bool is_out;
	bool is_said; /* that they are waited for */
};

/* A chunk that this instance holds. */
struct chunk {
	struct list link;
	int64_t id;
	int64_t first_item;
	uint32_t n;
	int32_t epoch;
	int32_t rev;
	struct body *body;
	uint8_t *done;	   /* settled: here and now, or before */
	uint8_t *taken;	   /* has a ticket, or is done */
	uint8_t *suspects; /* were with a lane when it died: one at a time, alone */
	uint8_t *recorded; /* suspects whose attempt stands in the ledger already; NULL none */
	uint32_t n_done;
	uint32_t n_taken;
	uint32_t n_suspects;
	uint8_t unit_failures; /* of units of it that failed as a whole … */
	uint8_t unit_deaths;   /* … and that were with a lane when it died */
	utime suspects_since;  /* when the first of them was begun, 0 not known */
	uint32_t next;	       /* items before it are taken */
	bool is_closed;	       /* its last bit is in a transaction */
	bool is_mark_awaited;  /* … and somebody waits for its started marks */
	struct ledger_op *op;  /* its progress in the open transaction … */
	uint64_t op_in;	       /* … which has this commit_number */
};

/* A loose item in this instance's hand; in state probing it is only asked about, see probe.c. */
struct loose {
	struct list link;
	struct arena arena;
	struct ledger_loose_row row;
	struct body *body;
	bool has_ticket;
	bool is_suspect;     /* was with a lane when it died: alone next time */
	utime unclear_since; /* an earlier attempt may have taken effect: when it began; 0 none */
};

enum ticket_state {
	TICKET_FREE,
	TICKET_MARKING, /* its started mark is under way */
	TICKET_AHEAD,	/* marked, waits for a slot */
	TICKET_SENT
};

struct ticket {
	enum ticket_state state;
	struct list link; /* of r->marking, r->ahead or its lane's `sent`, by its state */
	uint32_t slot;	  /* its place in the table and in shared memory */
	uint32_t number;  /* on the wire: the slot and a generation, never used twice in a row */
	uint32_t next_free;
	struct chunk *chunk; /* or … */
	struct loose *loose;
	uint32_t index; /* within the body */
	uint32_t lane;	/* number */
	int attempt;
	bool is_bulk;
	bool was_cancelled;
	uint8_t *bits; /* bulk: which items */
	uint32_t n_bits;
	int64_t sent_at; /* boot clock */
	utime sent_wall;
	int64_t ahead_at; /* boot clock: since when it waits, marked, for a slot; 0: it does not */
	utime unclear_since;  /* of a suspect: when its lane began it before; 0 none */
	bool was_recorded;    /* … and that attempt stands in the ledger already */
	int64_t opens_at;     /* boot clock: it may begin from here … */
	int64_t closes_at;    /* … to there; 0: always */
	int64_t quota_period; /* that it uses one of */
};

struct unsettled;

/* Both may end with what a source failed with. */
enum { RUN_WAITS_MAX = ERR_TEXT_MAX + 128, RUN_REASON_MAX = RUN_WAITS_MAX + 128 };

struct run_counters {
	int64_t done, dead, skipped, asked;
};

enum { WRITEBACK_PAGE = 8, WRITEBACK_WHY_MAX = 256 };

/* on_done and on_dead: what is on its way to the source's database, and where the list stands. */
struct writeback {
	bool is_listing;
	bool is_starting; /* the process that says it */
	bool found;	  /* something, since the list was begun from the start */
	bool is_over;	  /* the last look from start to end found nothing, or it is given up */
	bool is_left;	  /* given up: there is something that a later run has to say */
	bool is_draining; /* the last look before the run is left was begun */
	int64_t after;
	int64_t not_before; /* boot clock */
	int64_t sent_at;    /* boot clock: when the process was heard or asked last */
	int failures;	    /* in a row */
	char why[WRITEBACK_WHY_MAX];
	uint32_t n_putting; /* said, and on its way into the ledger as told */
	uint32_t n_open;    /* without an answer */
	struct writeback_open {
		int64_t chunk_id;
		uint32_t n;
		uint8_t done[BITS_BYTES(FRAME_ITEMS_MAX)];
		uint8_t dead[BITS_BYTES(FRAME_ITEMS_MAX)];
		uint8_t quiet[BITS_BYTES(FRAME_ITEMS_MAX)];
	} open[WRITEBACK_PAGE];
};

enum { TELL_WORDS_MAX = ERR_TEXT_MAX };

/* One list of chunks on its way to the finisher: the source is told, or something is made. */
struct tell {
	uint8_t ending; /* enum ledger_ending, 0: the source … */
	int64_t epoch;
	bool takes_items; /* all chunks are listed; else what nobody was told of */
	bool is_begun, is_listing, has_ended, has_failed;
	bool is_unproven; /* who did it died, and may still act */
	bool is_lasting;  /* it has failed, and would again until somebody mends something */
	int64_t after;
	uint32_t n_open;	    /* frames without an answer */
	char words[TELL_WORDS_MAX]; /* what it failed with */
	const char *result;	    /* in the run's arena: what it made, "" nothing */
};

/* What is done once at the end, and whose turn it is. */
struct run_ending {
	uint32_t missing; /* ENDING_BITs of what the ledger wants done */
	bool is_open;	  /* some item was, when that was asked last, and nothing was begun since */
	bool is_told;	  /* the source */
	bool is_out;	  /* an operation of it is under way */
	bool is_ours;	  /* it is taken, and being done … */
	enum ledger_ending kind;
	int32_t epoch;
	int32_t tries; /* … and so often failed before */
	int failures;  /* in this session */
	bool is_made;  /* something was, here: who made it puts away what is left */
};

/* Of a warning: enough to know it again. */
enum { RUN_WARNED_MAX = 512 };

struct run {
	struct session *session;
	struct commit *commit;
	const struct world_ops *ops;
	void *world;
	const struct session_spec *spec;
	int64_t id;
	bool is_patient; /* waits for its own retries; else leaves them to a later pass */

	enum run_phase phase;
	bool join_out;
	struct arena arena;
	struct arena frame_arena;  /* of the frame that is being taken; kept, since many come */
	struct ledger_run_row row; /* texts in `arena` */
	struct job *job;	   /* as the run began with it, windows as of today: its … */
	int32_t step;		   /* … step that is worked, from 1 */
	struct decide_policy policy;
	struct frame_hello hello;
	struct lanes lanes;
	bool needs_start_mark;
	bool is_bulk;
	uint32_t limit;			/* items (bulk: units) that run at once, at most … */
	struct concurrency concurrency; /* … and now: its limit */
	bool is_over_time;		/* the window is over, and it goes on … */
	bool is_gentle;			/* … gently */
	bool said_late, said_over;	/* that it takes longer than expected; that it goes on */
	int64_t expect_look_at;		/* boot clock */
	utime cutoff;	   /* when the business date is over; UTIME_NEVER: it does not matter */
	bool looked_unfit; /* nothing fits, and it was looked whether anything is left */
	bool said_cutoff;  /* that it will be, or is */
	char warned[RUN_WARNED_MAX]; /* what run_warn said last; "": that is over */
	int64_t warned_again;	     /* so often it came besides */

	/* what was there when we joined, and what came */
	struct ledger_counts counts;				      /* as last read */
	int64_t n_items, n_read, n_filtered, n_rejected, n_held_back; /* of the step */
	struct run_counters mine;				      /* since `counts` was read */
	int64_t n_retrying;
	struct run_counters asked_mine; /* as they were when the counts were asked for */
	int64_t asked_retrying;
	bool counts_out;
	int64_t counts_at; /* boot clock: ask again, for people and since others work here too */

	/* loading, see load.c */
	uint32_t reader; /* lane number, 0 none */
	int32_t loader_epoch;
	bool load_ended;
	uint8_t load_end; /* enum load_end */
	bool load_open_sent;
	struct frame_inbox inbox; /* what the reader asked for last */
	int reader_deaths;
	bool finds_cursor;	   /* of an earlier run, for a new reader */
	bool reader_asks;	   /* for keys, as it was told last */
	int64_t reader_heard_at;   /* boot clock */
	int64_t reader_not_before; /* boot clock */
	int reader_refusals;	   /* none could be started, so many times in a row … */
	int64_t reader_refused_at; /* … boot clock: since when */
	void *cursor;
	size_t cursor_len;
	int64_t load_poll_at; /* boot clock */
	char waits[RUN_WAITS_MAX];
	utime waits_until;

	/* working, see dispatch.c */
	struct list chunks;		   /* struct chunk */
	struct list loose;		   /* struct loose */
	uint32_t n_loose, n_loose_waiting; /* how many these are; those without a ticket */
	struct ticket *tickets;
	uint32_t free_ticket;
	struct list marking, ahead; /* tickets in that state */
	uint32_t n_marking, n_ahead, n_sent;
	uint32_t pending; /* items of held chunks without a ticket, suspects aside */
	uint32_t n_tickets;
	bool chunk_claim_out, loose_claim_out, no_more_chunks;
	uint32_t loose_claimed;	      /* as many may come by the claim that is out */
	int64_t reclaim_at;	      /* boot clock: look for ready chunks again */
	utime next_due;		      /* earliest retry or doubt that we know of */
	bool finish_out, finish_seen; /* the idle check is under way; has answered */
	int64_t idle_poll_at;
	int64_t attempt_us;   /* smoothed length of an attempt, for start-ahead */
	const char *endpoint; /* in `arena`: whose breaker it is */
	struct breaker breaker;
	int32_t breaker_step;  /* the step that it is of, by what is known of it from before */
	bool breaker_is_known; /* the ledger was asked */
	bool breaker_look_out; /* it is being asked */
	bool breaker_put_out;  /* a change is being written */
	char breaker_words[2 * BREAKER_REASON_MAX];
	int64_t limit_told_at; /* boot clock: when the ledger was told how many at once … */
	uint32_t limit_told;   /* … that were; 0: not yet */
	int64_t probe_since;   /* boot clock: half open, when the right to probe was asked for */
	int64_t probed_item;   /* of the last probe, -1 none: another one goes next */
	int64_t canary_left;
	struct run_share share;
	const struct pulse *pulse; /* the session's: whether anything may be begun */
	struct meter meter;
	struct forecast *forecast;   /* of attempts of this job; the session's */
	int64_t began_at;	     /* boot clock: of the session; windows are of a call */
	int64_t last_settled_at;     /* boot clock; also moves when it waits by name */
	uint32_t n_unsettled;	     /* came back, but not durably recorded yet … */
	int64_t unsettled_since;     /* boot clock: … the first of them; INT64_MAX none … */
	struct unsettled *unsettled; /* … those of the open transaction … */
	uint64_t unsettled_in;	     /* … which has this commit_number */
	struct stats *stats;	     /* see stats.h; NULL while the job is not known */

	struct tell tell;	    /* see tell.c */
	struct run_ending ending;   /* see ending.c */
	struct writeback writeback; /* see writeback.c */

	/* people, see request.c */
	int64_t request_at;
	bool request_out;
	struct company company;
	struct run_pools pools;
	bool looks_for_dead; /* others are in it: their death has to be noticed */

	/* stopping, see drain.c */
	bool stop_wanted;
	bool fails;    /* the run is to end as failed */
	int stop_exit; /* what to end with when work is left */
	char stop_reason[RUN_REASON_MAX];
	int64_t stop_at; /* boot clock: when it began */
	int64_t cut_at;	 /* attempts are ended then; INT64_MAX: never */
	bool was_cut;
	bool was_asked_to_stop; /* by a person, this run alone */
	bool leave_out;

	int exit_status; /* in RUN_OVER */
	bool is_finished;
	bool is_step_over; /* it is to be left because this step is over … */
	bool goes_on;	   /* … and the run is at another one: to be worked anew */
	utime left_due;	   /* earliest retry that was left, UTIME_NEVER none */
};

struct run *run_new(struct session *s, int64_t run_id, bool is_patient);
void run_free(struct run *r);
/* Does what can be done now; called after every event. */
void run_turn(struct run *r);
/* The boot clock at which a turn has something to do by itself. */
int64_t run_deadline(const struct run *r);
void run_on_frame(struct run *r, struct lane *lane, const struct frame *frame);
void run_on_lane_end(struct run *r, struct lane *lane, int exit_status, int by_signal, bool proven);
/* How many may run at once, by the job and by what the window has become. */
void run_set_limit(struct run *r);
/* A reload: windows, retry and limits of today. */
void run_refresh(struct run *r, const struct job *now);
const char *run_phase_text(const struct run *r);
void run_say(struct run *r, enum say_level level, const char *fmt, ...) ST_PRINTF(3, 4);
/* A warning that comes for each try of the same: said once. run_warn_over, when that is over, says
 * how often it came besides. */
void run_warn(struct run *r, const char *text);
void run_warn_over(struct run *r);
/* Keeps it for who looks at the run; `kind` is static. `until`: see lop_run_note, 0 none. */
void run_note(struct run *r, const char *kind, const char *text, utime until);

/* Stops between items and leaves with `exit_status` when work is left. `fails`: the run ends as
 * failed. The first reason stays. */
void run_stop(struct run *r, int exit_status, bool fails, const char *fmt, ...) ST_PRINTF(4, 5);
/* company.c: this host cannot work it, which says nothing about the run. */
void run_leave_to_others(struct run *r, const char *what);
/* Ends the attempts under way, too. */
void run_cut(struct run *r);

/* ---- between the files of the run ---- */

/* Call when an operation that brings counts is added, and with what it brought: what was counted
 * here in between stays counted. One such operation at a time. */
void run_ask_counts(struct run *r);
void run_take_counts(struct run *r, const struct ledger_counts *counts);

/* How many items may wait in lanes, all lanes together, behind those that run: so a lane need not
 * ask for the next, and what a crash repeats or puts in doubt stays bounded. */
enum { SENT_AHEAD = 8 };

/* Soon enough for people, late enough not to turn in circles. */
#define RUN_SOON_US (50 * US_PER_MS)

/* For how long what could not be proved dead may still act on an item: an attempt's time limit, and
 * what ending it takes. */
int64_t run_quarantine_us(const struct job *job);

/* look.c */
bool run_may_look(const struct run *r);
void run_look_around(struct run *r);
/* The next look need not wait for its time. */
void run_look_soon(struct run *r);

/* window.c: ends the run when its time is up. */
void window_check(struct run *r);
/* Would one more that is begun now, or behind so many others, end within the window? */
bool window_fits(const struct run *r, int64_t behind);
/* After all that can be begun was: stops a run that has more, of which nothing fits. */
void window_turn(struct run *r);
void window_stop_unfit(struct run *r);
/* After the job, or its windows, have become known: until when an item may begin. */
void window_take_cutoff(struct run *r);
/* The business date is over, and what was not begun is not begun any more. */
bool window_is_cut_off(const struct run *r);
/* The latest point of time that this session may still wait for. */
utime window_horizon(const struct run *r);
int64_t window_deadline(const struct run *r);
static inline int64_t run_earliest(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Finishes the step when nothing is left of it. */
void run_ask_finish(struct run *r, commit_fn fn);
/* The run is at another step: this one is left, and the session begins that. */
void run_leave_step(struct run *r);
/* Stops when the next step may not begin. */
void run_say_blocked(struct run *r);
/* The reader asks for items of the step that its job takes them from. */
ST_MUST_CHECK int step_take_question(struct run *r, const struct frame *frame, struct err *err);

/* pools.c: named resources (require.pools), which a run has before it loads or works */
enum run_phase run_first_phase(const struct run *r); /* once it has them */
bool pools_are_wanted(const struct run *r);
void pools_turn(struct run *r); /* RUN_POOLS_WANTED: one step */
int64_t pools_deadline(const struct run *r);

void load_want(struct run *r); /* RUN_LOADER_WANTED: one step */
void load_turn(struct run *r); /* RUN_LOADING_NOW: one step */
/* The reader that an answer is for; NULL when it has died. */
struct lane *load_asker(struct run *r);
void load_on_frame(struct run *r, struct lane *lane, const struct frame *frame);
void load_on_reader_end(struct run *r, int exit_status, int by_signal);
int64_t load_deadline(const struct run *r);

/* intake.c: pages of an inbox for the reader, and what of it a batch has dealt with */
void intake_ask(struct run *r, const struct frame_inbox *f);
void intake_take(struct run *r, const struct frame_taken *f, struct lop_load_put *put);

/* slots.c */
bool slots_is_worker(const struct lane *lane);
/* Of a job whose chunks are units of work: how many a lane has at once. */
uint32_t slots_units_per_lane(const struct run *r);
/* How many lanes there are to be. */
uint32_t slots_lanes_wanted(const struct run *r);
/* Gives lanes that have none their share of the concurrency. */
void slots_deal(struct run *r);
/* Deals it out anew, after it has changed. */
void slots_deal_anew(struct run *r);
/* How many may wait in lanes now, all together. */
uint32_t slots_ahead(const struct run *r);
/* How many more may be marked ahead. */
uint32_t slots_marks_ahead(const struct run *r);
/* The lane that an item would begin in soonest, with at most `ahead` that wait there; NULL when
 * there is none. */
struct lane *slots_pick_lane(struct run *r, uint32_t ahead);
/* Calls back what waits in lanes and was not begun: in all of them, where something waits, in one,
 * where it has waited for long. */
void slots_recall(struct run *r);
void slots_recall_waiting(struct run *r);
void slots_recall_lane(struct lane *lane);
void slots_recall_late(struct run *r);
int64_t slots_deadline(const struct run *r);

/* protect.c */
/* How many may run at once now. */
static inline uint32_t run_limit_now(const struct run *r)
{
	return r->concurrency.limit;
}
/* Asks the ledger for the endpoint's breaker; others may have opened or closed it. */
void protect_look(struct run *r);
/* Asks for the right to send a probe, or gives it back. */
void protect_turn(struct run *r);
/* May one more be sent, with so many under way? */
bool protect_lets(const struct run *r, uint32_t under_way);
/* Nothing can be begun, so nothing is claimed. */
bool protect_holds(const struct run *r);
/* Half open: the next that is sent is the probe. */
bool protect_is_probing(const struct run *r);
/* An attempt ended; `reason` in words. That an item fails again says more about the item than about
 * the other side, so only those that never failed before (fresh) can open the breaker by their
 * number. True when the endpoint is to blame and its breaker was open: the item is not charged. */
bool protect_count(struct run *r, enum breaker_says says, bool is_fresh, const char *reason);
/* The run is left: somebody else may probe. */
void protect_leave(struct run *r);
/* True when the run has to be given up, and was told to stop. */
bool protect_gave_up(struct run *r);
/* What it waits for while the breaker is open, in words; NULL when it is not. */
const char *protect_waits(const struct run *r);
int64_t protect_deadline(const struct run *r);

void dispatch_turn(struct run *r);
bool dispatch_has_suspects(const struct run *r);
bool dispatch_is_idle(const struct run *r); /* holds nothing and waits for nothing of its own */
int64_t dispatch_deadline(const struct run *r);
struct ticket *ticket_new(struct run *r); /* NULL: all are out */
/* Takes a suspect off its chunk's list. NULL: all tickets are out. */
struct ticket *ticket_for_suspect(struct run *r, struct chunk *chunk, uint32_t index);
struct ticket *ticket_find(struct run *r, uint32_t number, uint32_t lane);
/* It waits to be marked, or to be sent. */
void ticket_await_mark(struct run *r, struct ticket *t);
void ticket_await_slot(struct run *r, struct ticket *t);
void ticket_free(struct run *r, struct ticket *t);
void chunk_free(struct run *r, struct chunk *chunk);
/* The chunk's progress in the open transaction. */
struct lop_chunk_progress *chunk_progress(struct run *r, struct chunk *chunk);
/* The bits belong to the arena of a transaction that is still open: ours to write. */
void progress_mark(const uint8_t *bits, size_t index);
/* Marks an item of a held chunk settled; closes the chunk with its last one. */
void chunk_settle(struct run *r, struct chunk *chunk, uint32_t index);
/* Gives an item of a held chunk back to be picked again. */
void chunk_untake(struct run *r, struct chunk *chunk, uint32_t index);
void chunk_suspect(struct run *r, struct chunk *chunk, uint32_t index);
void loose_free(struct run *r, struct loose *loose);
/* Gives it a ticket, or takes it away again. */
void loose_set_ticket(struct run *r, struct loose *loose, bool has_ticket);
/* How many more may be begun: a crash puts in doubt what is sent, marked, claimed, and what came
 * back and the commit that says so is not through yet. Together at most three times the concurrency
 * and SENT_AHEAD. */
uint32_t begun_room(struct run *r);
/* How many loose items may be claimed. */
uint32_t claim_loose_room(struct run *r);
void run_note_due(struct run *r, utime due);
/* Claims what is wanted and may be had. */
void claim_turn(struct run *r);
void claim_chunks(struct run *r, uint32_t max);
void claim_loose(struct run *r, uint32_t max);

/* Takes it in hand. */
void loose_take_row(struct run *r, const struct ledger_loose_row *row);

/* probe.c: verifying what is in doubt */
bool probe_is(const struct loose *loose);
/* Claims what is due to be asked about; nothing where the job does not verify. */
void probe_claim(struct run *r, uint32_t max);
void probe_on_outcome(struct run *r, struct ticket *t, const struct frame_outcome *f);
/* The lane died with it. */
void probe_lost(struct run *r, struct ticket *t, bool begun);
/* It was not asked about: in doubt as it was. */
void probe_unsent(struct run *r, struct loose *loose);
/* A person wants it left out. */
void probe_skip(struct run *r, struct loose *loose);

/* The error class of an item whose lane died with it. */
#define SETTLE_CRASH "crash"

void settle_outcome(struct run *r, struct lane *lane, const struct frame_outcome *f);
/* How many came back, and the commit that says so is under way. */
uint32_t settle_flying(const struct run *r);
void settle_bulk(struct run *r, struct lane *lane, const struct frame_bulk_outcome *f);
/* The lane died with this ticket. */
void settle_lost(struct run *r, struct ticket *t, bool begun, bool alone, bool proven);
/* A suspect that is not going to be tried alone any more: it may have happened. */
void settle_suspect_left(struct run *r, struct chunk *chunk, uint32_t index);
/* The ticket was never sent: back to where it came from, uncharged. */
void settle_unsent(struct run *r, struct ticket *t);
/* A person takes an item of a held chunk out that nobody works on. */
void settle_skip(struct run *r, struct chunk *chunk, uint32_t index, const char *why);
/* A loose item in hand that was not sent: back to retry, uncharged; or out, as a person wishes. */
void settle_loose_unsent(struct run *r, struct loose *loose);
/* … or to a person, because it may have happened and the key is no longer known (key_valid). */
void settle_loose_expired(struct run *r, struct loose *loose);
void settle_loose_skip(struct run *r, struct loose *loose, const char *why);
enum loose_state settle_loose_state(enum decide_fate fate);
/* Counts what was decided of an item; may stop the run. */
void settle_count(struct run *r, const struct decision *d);
/* Keys that are done are remembered beyond the run (unique: job, within). */
bool run_remembers_keys(const struct run *r);
/* Ends the run when too many are dead. */
void settle_check_limits(struct run *r);

/* Gives everything back, finishes the run if nothing is left of it, and takes our name off it. */
void run_leave(struct run *r);

void drain_turn(struct run *r);
int64_t drain_deadline(const struct run *r);

/* ending.c: what is done once at the end of a step, or of the run. */
/* Which of these the job has: ENDING_BITs. */
uint32_t endings_of(const struct job *job);
/* All is settled: is there more to do? */
bool ending_is_wanted(const struct run *r);
/* RUN_TELLING begins; a turn in it. */
void ending_begin(struct run *r);
void ending_turn(struct run *r);
/* Before the run is left: true while who does it is not gone. */
bool ending_drains(const struct run *r);
void ending_on_lane_end(struct run *r, bool proven);

/* tell.c: one list for the finisher. */
void tell_begin(struct run *r, uint8_t ending, int64_t epoch, bool takes_items);
/* True when it has ended; see struct tell for how. */
bool tell_turn(struct run *r);
void tell_on_frame(struct run *r, const struct frame *frame);
void tell_on_end(struct run *r, bool proven);
/* The source has to be told something. */
bool tell_is_wanted(const struct run *r);

/* Writing back: a turn of it while the run works; the end of it when all is settled, true when it
 * has ended; and before the run is left, true while that has to wait. */
void writeback_turn(struct run *r);
bool writeback_finish(struct run *r);
bool writeback_drains(struct run *r);
void writeback_on_frame(struct run *r, const struct frame *frame);
void writeback_on_end(struct run *r);
int64_t writeback_deadline(const struct run *r);

void request_turn(struct run *r);
int64_t request_deadline(const struct run *r);

#endif
