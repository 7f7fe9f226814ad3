/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The witness: sees from outside what lanes really do, and compares it with what the ledger claims.
 *
 * For each record of each run it counts effects, and remembers how each attempt really ended and
 * what an engine was told of it. It knows nothing of chunks, epochs or loose rows, so it cannot
 * share the engine's mistakes.
 */
#ifndef STINT_TESTS_SIM_WITNESS_H
#define STINT_TESTS_SIM_WITNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/outcome.h"
#include "sim/machine.h"

struct bulk_sim;
struct proc;
struct run_view;

struct witness {
	int effects;
	int64_t first_effect_us; /* boot clock */
	bool verified;		 /* an engine was told by verify that it took effect */
	int nos;		 /* how often in a row it was told the contrary */
	int begun;
	int told[OUTCOME_COUNT_]; /* outcomes that reached an engine, cancelled ones not */
	int told_cancelled;
	int rows;	/* attempts in the ledger that did not end well */
	int deaths;	/* lanes that ended with it in hand, by their engine's knowledge */
	int own_deaths; /* … and it was the one that killed the lane */
	int kills;	/* of these, killed by the engine */
	int excused;	/* bad probes: they are charged to nobody */
	int unclear;	/* attempts that were begun and of which nobody can say how they ended */
	int repeats_allowed; /* a person said: do it again … */
	int unclear_then;    /* … of so many that were unclear until then, and are not any more */
	bool person_skip, person_retry, person_done;
	int64_t retry_at; /* boot clock: after what an engine was told, not before that; 0 any time
			   */
	struct attempt *hand;	       /* the attempt under way */
	struct instance *done_told_to; /* who was told last that it is done, NULL nobody */
};

/* One try of a lane at one item. */
struct attempt {
	struct attempt *next; /* of the lane */
	struct proc *proc;
	struct run_view *run;
	struct witness *witness;
	uint32_t ticket;
	uint32_t record;
	int32_t number;
	int64_t taken_us;
	int64_t begun_us;
	int64_t opens_at;  /* may begin from here … */
	int64_t closes_at; /* … to there; 0: always */
	int plan;	   /* enum lane_plan */
	int allowed;	   /* to run at once, when it was sent */
	bool is_verify;	   /* asks whether the item took effect … */
	bool is_yes;	   /* … and that is what it was told */
	bool is_waiting;   /* for one of its lane's slots */
	bool is_begun;
	bool is_killer; /* it is what the lane died of */
	bool had_effect;
	bool is_fresh;	 /* of a chunk: it has never failed */
	bool is_probe;	 /* sent while the breaker was open … */
	int64_t opening; /* … for the so many-th time */
	bool is_over;	 /* its outcome was sent, or it was lost */
	bool is_cancelled;
	enum outcome outcome; /* once that was sent */
	int64_t wait_us;      /* that the other side asked for with it */
	uint8_t lost;	      /* enum frame_lost */
	bool outcome_cancelled;
	struct bulk_sim *bulk; /* part of a unit, else NULL */
	struct attempt *also;  /* another one that the same answer tells of */
	uint32_t handle;
};

/* NULL when the run or the record does not exist (and then the night has failed). */
struct witness *witness_find(struct machine *m, int64_t run_id, uint32_t record);

/* A lane gets an item. */
void witness_take(struct machine *m, struct attempt *a);
void witness_begun(struct machine *m, struct attempt *a);
void witness_effect(struct machine *m, struct attempt *a);
/* What the other side says of an item that it is asked about now. */
bool witness_shows(const struct machine *m, const struct witness *w);
/* The lane has let go of it; what it says is on its way. */
void witness_let_go(struct attempt *a);
/* The engine gets to hear the outcome. */
void witness_told(struct instance *inst, struct attempt *a);
/* The lane is no more, with this attempt in hand. */
void witness_lost(struct attempt *a);
/* The engine gets to hear that the lane ended. */
void witness_lane_end_told(struct proc *p);

#endif
