/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this instance has in hand of what all share: slots of the job's rate, and a part of its
 * quota. Taken from the ledger in small amounts, a little ahead; each attempt uses up one of each.
 */
#ifndef STINT_ENGINE_SHARE_H
#define STINT_ENGINE_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/rate.h"
#include "job/job.h"

struct run;
struct ticket;

enum { RATE_BLOCKS_MAX = 8, SHARE_WORDS_MAX = 160 };

struct rate_block { /* slots that follow one another */
	int64_t first_ns;
	int64_t spacing_ns;
	int64_t n;
	int64_t span_us;
	int64_t ends_us; /* boot clock: none is used after it, since another rate may hold then */
};

struct run_rate {
	struct rate_rule rules[RATE_RULES_MAX];
	size_t n_rules;
	struct rate_now now; /* what holds … */
	utime now_from;	     /* … since this was looked up … */
	utime now_to;	     /* … until it is again */
	struct rate_block blocks[RATE_BLOCKS_MAX];
	size_t n_blocks;
	bool is_out;	/* slots are asked for */
	int generation; /* of the rules: what was asked for by others is let go of */
	int asked_generation;
	struct rate_block asked;
	int64_t ask_at; /* boot clock: not before */
};

struct run_quota {
	const char *name;   /* NULL: there is none; in the run's arena */
	int64_t from, to;   /* the period, in local time of the quota … */
	utime begins, ends; /* … and in time, as far as that can be told from here */
	int64_t in_hand;
	int64_t seen_used; /* the other side says; -1: nothing new */
	bool is_used_up;
	bool is_out;
	int64_t ask_at; /* boot clock: whether there is more after all */
};

struct run_share {
	struct run_rate rate;
	struct run_quota quota;
	char words[SHARE_WORDS_MAX];
	int64_t wake_at; /* boot clock: a turn has something to do with it */
};

/* What follows from the job, at the start and after a reload. */
void share_apply_job(struct run *r);
/* Asks for what will be needed. After everything else of a turn. */
void share_turn(struct run *r);
/* So many attempts have what they need; UINT32_MAX: nothing is shared. */
uint32_t share_room(struct run *r);
/* May one be sent to a lane now? */
bool share_lets(struct run *r);
/* Uses up what the attempt needs, and says in the ticket when it may begin. After share_lets. */
void share_take(struct run *r, struct ticket *t);
/* It came back and was never begun. */
void share_return(struct run *r, const struct ticket *t);
/* The other side says how much is left of its quota. */
void share_hear_left(struct run *r, int64_t left);
/* Gives back what is left, at the end. */
void share_leave(struct run *r);
/* Something could begin, and waits for a slot or for the quota. */
bool share_waits(struct run *r);
/* What it waits for: "its rate of 5/s until 18:00"; lent. `ret_until`: until when, 0 not known. */
const char *share_words(struct run *r, utime *ret_until);
int64_t share_deadline(const struct run *r);
/* The quota is, until more is asked for at share_next. */
bool share_is_used_up(const struct run *r);
/* When there may be something to use up again, as far as is known; boot clock. */
int64_t share_next(struct run *r);

/* ---- between share.c, rate.c and quota.c ---- */

/* How many attempts could begin soon if nothing were shared. */
int64_t share_wanted(const struct run *r);
/* Something can be sent now, or as soon as it may begin. */
bool share_has_ready(const struct run *r);

void rate_apply_job(struct run *r);
void rate_turn(struct run *r, int64_t wanted);
bool rate_is_limited(struct run *r);
int64_t rate_room(struct run *r);
bool rate_lets(struct run *r);
void rate_take(struct run *r, struct ticket *t);
int64_t rate_deadline(struct run *r, int64_t wanted);
/* When the next slot may be used or asked for. */
int64_t rate_next(struct run *r);
/* When the next slot in hand opens; INT64_MAX: there is none. */
int64_t rate_opens_at(struct run *r);

void quota_apply_job(struct run *r);
void quota_turn(struct run *r, int64_t wanted);
bool quota_lets(struct run *r);
void quota_take(struct run *r, struct ticket *t);
int64_t quota_deadline(struct run *r, int64_t wanted);

#endif
