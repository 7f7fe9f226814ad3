/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/rules.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/bits.h"
#include "base/json.h"
#include "core/watch.h"

/* A chunk has 4,096 keys at most, and a key is bounded by the record it comes from. */
enum { KEYS_BYTES_MAX = 256 * 1024 * 1024 };
/* More operations than any transaction has. */
enum { TOKEN_PLACES = 1 << 20 };

int64_t rule_ms(utime t)
{
	return t == UTIME_NEVER ? INT64_MAX : t / US_PER_MS;
}

int64_t rule_ms_up(utime t)
{
	return t == UTIME_NEVER ? INT64_MAX : t / US_PER_MS + (t % US_PER_MS > 0 ? 1 : 0);
}

utime rule_utime(int64_t ms)
{
	return ms > INT64_MAX / US_PER_MS ? UTIME_NEVER : ms * US_PER_MS;
}

int32_t rule_step(int32_t step)
{
	return step == 0 ? 1 : step;
}

int32_t rule_ending_step(int32_t step, enum ledger_ending kind)
{
	return kind == ENDING_RUN ? 0 : step;
}

uint32_t rule_endings(uint32_t endings, bool is_last)
{
	return is_last ? endings : endings & ~ENDING_BIT(ENDING_RUN);
}

struct ledger_step_row rule_only_step(const struct ledger_run_row *row)
{
	return (struct ledger_step_row){.step = 1,
					.name = "",
					.effect = row->effect,
					.doubt = row->doubt,
					.key_valid_us = row->key_valid_us,
					.state = RUN_LOADING};
}

enum loose_state rule_doubt(enum doubt_policy policy, int64_t key_valid_us,
			    int64_t first_started_ms, int64_t now_ms)
{
	switch (policy) {
	case DOUBT_ASK:
		return LOOSE_ASKED;
	case DOUBT_SKIP:
		return LOOSE_WAIVED;
	case DOUBT_RETRY:
		break;
	}
	if (key_valid_us == 0)
		return LOOSE_RETRY;
	if (first_started_ms == 0)
		return LOOSE_ASKED;
	/* Safety: a retry that arrives after the target forgot the key would be a second effect. */
	int64_t limit = key_valid_us / US_PER_MS / 10 * 9;
	return now_ms - first_started_ms > limit ? LOOSE_ASKED : LOOSE_RETRY;
}

bool rule_only_started(enum effect_class effect, bool is_proven)
{
	return is_proven || effect != EFFECT_PURE;
}

static bool loose_is_in_doubt(enum loose_state state)
{
	return state == LOOSE_DOUBT || state == LOOSE_PROBING || state == LOOSE_ASKED;
}

static enum rule_person_effect rule_resolve(enum loose_state state, enum loose_state becomes,
					    enum loose_state *ret_state)
{
	if (!loose_is_in_doubt(state))
		return RULE_REFUSE;
	*ret_state = becomes;
	return RULE_CHANGE;
}

static enum rule_person_effect rule_skip(enum loose_state state, enum loose_state *ret_state)
{
	if (state == LOOSE_DONE || state == LOOSE_WAIVED)
		return RULE_REFUSE;
	if (state == LOOSE_HELD)
		return RULE_REQUEST;
	*ret_state = LOOSE_WAIVED;
	return RULE_CHANGE;
}

bool rule_in_quarantine(int64_t quiet_until_ms, int64_t now_ms)
{
	return quiet_until_ms > now_ms + 1; /* one was rounded up, the other down */
}

enum rule_person_effect rule_person_loose(enum person_verb verb, enum loose_state state,
					  bool in_quarantine, enum loose_state *ret_state)
{
	switch (verb) {
	case PERSON_RETRY:
		if (state != LOOSE_DEAD)
			return RULE_REFUSE;
		*ret_state = LOOSE_RETRY;
		return RULE_CHANGE;
	case PERSON_RESOLVE_DONE:
		return rule_resolve(state, LOOSE_DONE, ret_state);
	case PERSON_RESOLVE_RETRY:
		/* Safety: whoever looked before may not have seen what happens after (tests/model,
		 * once-person-early). */
		if (in_quarantine)
			return RULE_REFUSE;
		return rule_resolve(state, LOOSE_RETRY, ret_state);
	case PERSON_RESOLVE_SKIP:
		return rule_resolve(state, LOOSE_WAIVED, ret_state);
	case PERSON_SKIP:
		return rule_skip(state, ret_state);
	case PERSON_STOP:
	case PERSON_STOP_NOW:
	case PERSON_ABANDON:
	case PERSON_VERB_COUNT_:
		break;
	}
	return RULE_REFUSE;
}

enum rule_person_effect rule_person_bulk(enum person_verb verb, enum chunk_state state,
					 bool is_done)
{
	if (verb != PERSON_SKIP || is_done || state == CHUNK_CLOSED)
		return RULE_REFUSE;
	return state == CHUNK_HELD ? RULE_REQUEST : RULE_CHANGE;
}

bool rule_person_run(enum run_state state)
{
	return state != RUN_ABANDONED && state != RUN_MISSED;
}

bool rule_run_is_over(enum run_state state)
{
	return state == RUN_FINISHED || state == RUN_ABANDONED || state == RUN_MISSED;
}

bool rule_run_may_end(enum run_state from, enum run_state to)
{
	assert(to == RUN_FAILED || to == RUN_ABANDONED);
	if (from == RUN_FAILED)
		return to == RUN_ABANDONED;
	return !rule_run_is_over(from);
}

const char *person_verb_name(enum person_verb verb)
{
	static const char *const names[PERSON_VERB_COUNT_] = {
		[PERSON_RETRY] = "retry",
		[PERSON_RESOLVE_DONE] = "resolve --done",
		[PERSON_RESOLVE_RETRY] = "resolve --retry",
		[PERSON_RESOLVE_SKIP] = "resolve --skip",
		[PERSON_SKIP] = "skip",
		[PERSON_STOP] = "stop",
		[PERSON_STOP_NOW] = "stop --now",
		[PERSON_ABANDON] = "abandon",
	};

	assert(verb < PERSON_VERB_COUNT_);
	return names[verb];
}

const char *const *rule_keys(struct arena *arena, const char *keys, size_t n)
{
	AUTO(json_doc) struct json_doc *doc = NULL;
	const struct json *root = NULL;
	struct err err = ERR_INIT;
	const char **texts = arena_alloc(arena, n * sizeof(*texts));

	if (keys == NULL || json_parse(keys, strlen(keys), KEYS_BYTES_MAX, &doc, &root, &err) < 0)
		return texts; /* a key is a convenience here; verify finds what is no JSON */
	const struct json *key = root->type == JSON_ARRAY ? root->first : NULL;
	for (size_t i = 0; key != NULL && i < n; i++, key = key->next)
		if (key->type == JSON_STRING)
			texts[i] = arena_text(arena, key->text, key->text_len);
	return texts;
}

int64_t rule_claim_token(const struct ledger_txn *txn, const struct ledger_op *claim)
{
	int64_t place = 0;

	for (const struct ledger_op *op = txn->first; op != claim; op = op->next) {
		assert(op != NULL);
		place++;
	}
	assert(place < TOKEN_PLACES);
	return txn->batch * TOKEN_PLACES + (txn->batch == 0 ? 0 : place);
}

int64_t rule_rate_take(struct lop_rate_take *take, int64_t last_ns, bool was_used)
{
	int64_t first = take->now_ns;

	assert(take->spacing_ns > 0 && take->now_ns >= 0);
	if (last_ns < 0 && was_used)
		last_ns = 0; /* at the latest, since it was before this boot */
	if (last_ns >= 0 && last_ns + take->spacing_ns > first)
		first = last_ns + take->spacing_ns;
	int64_t room = first < take->until_ns ? (take->until_ns - 1 - first) / take->spacing_ns + 1
					      : 0;
	take->ret_first_ns = first;
	take->ret_n = room < take->max ? (uint32_t)room : take->max;
	return take->ret_n == 0 ? last_ns : first + (take->ret_n - 1) * take->spacing_ns;
}

void rule_quota_take(struct lop_quota_take *take, struct rule_quota *quota)
{
	int64_t period = rule_ms(take->period);

	if (take->give > 0 && rule_ms(take->give_period) == quota->period_ms)
		quota->used = take->give < quota->used ? quota->used - take->give : 0;
	if (period > quota->period_ms)
		*quota = (struct rule_quota){.period_ms = period};
	if (period == quota->period_ms && take->seen_used > quota->used)
		quota->used = take->seen_used;
	int64_t left = take->most > quota->used ? take->most - quota->used : 0;
	take->ret_n = take->want < left ? take->want : left;
	take->ret_left = left - take->ret_n;
	quota->used += take->ret_n;
}

void rule_count_loose(struct ledger_counts *counts, enum loose_state state, int64_t n)
{
	switch (state) {
	case LOOSE_RETRY:
		counts->retry += n;
		break;
	case LOOSE_HELD:
		counts->running += n;
		break;
	case LOOSE_ASKED:
		counts->asked += n;
		counts->in_doubt += n;
		break;
	case LOOSE_DOUBT:
	case LOOSE_PROBING:
		counts->in_doubt += n;
		break;
	case LOOSE_DEAD:
		counts->dead += n;
		break;
	case LOOSE_DONE:
		counts->done += n;
		break;
	case LOOSE_WAIVED:
		counts->skipped += n;
		break;
	}
}

void rule_count_done(struct ledger_counts *counts, int64_t done_bits, int64_t loose_rows)
{
	counts->done += done_bits - loose_rows;
}

/* ---- how items ended, for those who are told ---- */

enum told_as rule_told_as(enum loose_state state)
{
	switch (state) {
	case LOOSE_DONE:
		return TOLD_DONE;
	case LOOSE_DEAD:
		return TOLD_DEAD;
	case LOOSE_WAIVED:
	case LOOSE_ASKED:
		return TOLD_QUIET;
	case LOOSE_RETRY:
	case LOOSE_HELD:
	case LOOSE_DOUBT:
	case LOOSE_PROBING:
		break;
	}
	return TOLD_NOT_YET;
}

void rule_ended_init(struct rule_ended *e, struct arena *a, const uint8_t *done,
		     const uint8_t *told, uint32_t n)
{
	*e = (struct rule_ended){.done = arena_dup(a, done, BITS_BYTES(n)),
				 .dead = arena_alloc(a, BITS_BYTES(n)),
				 .quiet = arena_alloc(a, BITS_BYTES(n))};
	for (uint32_t i = 0; i < n; i++)
		if (bits_get(told, i))
			bits_clear(e->done, i);
}

void rule_ended_loose(struct rule_ended *e, uint32_t i, enum loose_state state)
{
	if (!bits_get(e->done, i))
		return; /* it was told */
	enum told_as as = rule_told_as(state);
	if (as == TOLD_DONE)
		return;
	bits_clear(e->done, i);
	if (as == TOLD_DEAD)
		bits_set(e->dead, i);
	else if (as == TOLD_QUIET)
		bits_set(e->quiet, i);
}

bool rule_ended_is_empty(const struct rule_ended *e, uint32_t n)
{
	return bits_count(e->done, n) + bits_count(e->dead, n) + bits_count(e->quiet, n) == 0;
}

void rule_ended_tell(const struct rule_ended *e, const struct lop_ended_told *by, uint8_t *told,
		     uint32_t n)
{
	for (uint32_t i = 0; i < n && i < by->n; i++)
		if ((bits_get(e->done, i) && bits_get(by->done, i)) ||
		    (bits_get(e->dead, i) && bits_get(by->dead, i)) ||
		    (bits_get(e->quiet, i) && bits_get(by->quiet, i)))
			bits_set(told, i);
}

uint8_t *rule_step_ended(struct arena *a, const uint8_t *done, uint32_t n, enum loose_state wanted)
{
	return wanted == LOOSE_DONE ? arena_dup(a, done, BITS_BYTES(n))
				    : arena_alloc(a, BITS_BYTES(n));
}

void rule_step_loose(uint8_t *ended, uint32_t i, enum loose_state state, enum loose_state wanted)
{
	if (state == wanted)
		bits_set(ended, i);
	else
		bits_clear(ended, i);
}

bool rule_seems_gone(const struct ledger_instance_row *row)
{
	return row->is_gone || (row->is_lock_free && row->quiet_us >= WATCH_GONE_US);
}
