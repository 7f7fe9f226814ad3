/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every backend has to decide alike: rounding of times, doubt, and what a person may do.
 *
 * Pure functions of their arguments, so that the memory backend and SQLite cannot disagree.
 */
#ifndef STINT_LEDGER_RULES_H
#define STINT_LEDGER_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "ledger/txn.h"

struct arena;

/* The ledger keeps milliseconds. What happened is rounded down, what may not begin before is
 * rounded up, so that nothing is due too early; UTIME_NEVER stays INT64_MAX. */
int64_t rule_ms(utime t);
int64_t rule_ms_up(utime t);
utime rule_utime(int64_t ms);

/* The number of a step; 0 stands for the first. */
int32_t rule_step(int32_t step);
/* Under which step the end of one is kept: that of the run belongs to none. */
int32_t rule_ending_step(int32_t step, enum ledger_ending kind);
/* Those of `endings` that a step needs: the run's only when it is the last. */
uint32_t rule_endings(uint32_t endings, bool is_last);
/* The step of a run that was made without any. */
struct ledger_step_row rule_only_step(const struct ledger_run_row *row);

/* Where an item in doubt goes: LOOSE_ASKED, LOOSE_RETRY or LOOSE_WAIVED. A retry with the same key
 * asks after all when 90 % of the time in which the target knows the key have gone by, or when
 * nobody knows how much has. `first_started_ms` is 0 when unknown. */
enum loose_state rule_doubt(enum doubt_policy policy, int64_t key_valid_us,
			    int64_t first_started_ms, int64_t now_ms);

/* Of a chunk whose owner is dead: does only what is marked as started go into doubt? Where nothing
 * is marked, because repeating is harmless, and something may still act, everything else might be
 * with it, and would be worked beside it. */
bool rule_only_started(enum effect_class effect, bool is_proven);

/* What a person's verb does to an item. */
enum rule_person_effect { RULE_REFUSE, RULE_CHANGE, RULE_REQUEST };

/* Whether what could not be proved dead may still act on a loose row. */
bool rule_in_quarantine(int64_t quiet_until_ms, int64_t now_ms);
/* For a loose row; with RULE_CHANGE `*ret_state` is what it becomes. That something did not take
 * effect is known only after its quarantine. What is being verified is decided all the same: asking
 * has no effect, and its answer then comes too late. */
enum rule_person_effect rule_person_loose(enum person_verb verb, enum loose_state state,
					  bool in_quarantine, enum loose_state *ret_state);
/* For an item that is still in its chunk. */
enum rule_person_effect rule_person_bulk(enum person_verb verb, enum chunk_state state,
					 bool is_done);
/* Whether items of a run in that state may be touched by a person at all. */
bool rule_person_run(enum run_state state);

/* Loading, open, paused or failed: somebody may still work it. */
bool rule_run_is_over(enum run_state state);
/* Whether LOP_RUN_END may bring a run from one state to the other. */
bool rule_run_may_end(enum run_state from, enum run_state to);

const char *person_verb_name(enum person_verb verb);

/* The texts of a JSON array, in the arena: always `n` pointers, NULL where there is no text. `keys`
 * may be NULL (chunks by reference have none). */
const char *const *rule_keys(struct arena *arena, const char *keys, size_t n);

/* What marks the rows that a claim took, so that a batch that is sent again finds them: the batch
 * and the place of the claim in it. 0 without a batch number. */
int64_t rule_claim_token(const struct ledger_txn *txn, const struct ledger_op *claim);

/* Takes slots of a rate: fills the results and answers the opening of the last one that was ever
 * taken. `last_ns` is what it was, -1: none was taken since this boot; `was_used`: before it. */
int64_t rule_rate_take(struct lop_rate_take *take, int64_t last_ns, bool was_used);

struct rule_quota {
	int64_t period_ms; /* INT64_MIN: nobody ever took any */
	int64_t used;
};
/* Takes from a quota: fills the results and changes the row. */
void rule_quota_take(struct lop_quota_take *take, struct rule_quota *quota);

/* Adds up the states of loose rows. */
void rule_count_loose(struct ledger_counts *counts, enum loose_state state, int64_t n);
/* Done = done bits without a loose row + loose rows that are done. Called last. */
void rule_count_done(struct ledger_counts *counts, int64_t done_bits, int64_t loose_rows);

/* Whether a person is told that it is gone. On a ledger with beats that is what it looks like, by
 * the ledger's clock: nothing may be taken over from it by that. */
bool rule_seems_gone(const struct ledger_instance_row *row);

/* The words that are stored with an item whose owner is gone. */
#define RULE_OWNER_LOST "owner-lost"
#define RULE_OWNER_LOST_TEXT "the instance that worked on it ended before it said how it went"
#define RULE_RESTORED_TEXT "the ledger was restored from a backup; it may have been done since"
#define RULE_RESTORED_LOADING                                                                      \
	"the ledger was restored from a backup made while this run was loading; what was done "    \
	"since is not known"

/* What a loose item in this state is told as by on_done and on_dead. */
enum told_as { TOLD_NOT_YET, TOLD_DONE, TOLD_DEAD, TOLD_QUIET };
enum told_as rule_told_as(enum loose_state state);

/* The items of a chunk by what they are told as; those that were told already are in none. */
struct rule_ended {
	uint8_t *done, *dead, *quiet; /* BITS_BYTES(n) */
};
/* From a chunk's done and told bits: as if it had no loose items. */
void rule_ended_init(struct rule_ended *e, struct arena *a, const uint8_t *done,
		     const uint8_t *told, uint32_t n);
/* Moves item `i`, which is loose, to where it belongs. */
void rule_ended_loose(struct rule_ended *e, uint32_t i, enum loose_state state);
bool rule_ended_is_empty(const struct rule_ended *e, uint32_t n);
/* Appends to `told` what is in both. */
void rule_ended_tell(const struct rule_ended *e, const struct lop_ended_told *by, uint8_t *told,
		     uint32_t n);

/* Which items of a chunk ended as a step takes them: from its done bits, as if it had no loose
 * items … */
uint8_t *rule_step_ended(struct arena *a, const uint8_t *done, uint32_t n, enum loose_state wanted);
/* … and then each of these. */
void rule_step_loose(uint8_t *ended, uint32_t i, enum loose_state state, enum loose_state wanted);

#endif
