/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/chance.h"

#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/buf.h"

uint64_t chance_next(struct twins *t)
{
	t->seed ^= t->seed << 13;
	t->seed ^= t->seed >> 7;
	t->seed ^= t->seed << 17;
	return t->seed;
}

int64_t chance_below(struct twins *t, int64_t n)
{
	return (int64_t)(chance_next(t) >> 11) % n;
}

int64_t chance_nearly(struct twins *t, int64_t x)
{
	return chance_below(t, 40) == 0 ? x + chance_below(t, 3) - 1 : x;
}

static bool likely(struct twins *t, int64_t percent)
{
	return chance_below(t, 100) < percent;
}

/* 0 stands for the first. */
static int32_t any_step(struct twins *t)
{
	return likely(t, 70) ? 0 : (int32_t)(1 + chance_below(t, 2));
}

static const char *name_of(struct ledger_txn *txn, const char *prefix, int64_t n)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%s%lld", prefix, (long long)n);
	return arena_str(&txn->arena, text);
}

/* ---- operations made by chance ---- */

static void add_run_op(struct twins *t, struct ledger_txn *txn)
{
	static const enum ledger_op_kind kinds[] = {LOP_RUN_JOIN,   LOP_RUN_JOIN,   LOP_RUN_LEAVE,
						    LOP_RUN_FINISH, LOP_RUN_FINISH, LOP_RUN_COUNTS,
						    LOP_RUN_END};
	enum ledger_op_kind kind = kinds[chance_below(t, ARRAY_LEN(kinds))];
	int64_t run = 1 + chance_below(t, RUNS + 1);

	if (kind == LOP_RUN_END && !likely(t, 20))
		kind = LOP_RUN_COUNTS;
	struct ledger_op *op = ledger_txn_add(txn, kind);
	op->u.run_counts.run_id = run; /* first in all of them */
	if (kind == LOP_RUN_FINISH) {
		op->u.run_finish.step = any_step(t);
		op->u.run_finish.needs_done = likely(t, 50);
		op->u.run_finish.endings = (uint32_t)chance_below(t, 4) << ENDING_WORK;
	}
	if (kind == LOP_RUN_COUNTS)
		op->u.run_counts.step = any_step(t);
	if (kind == LOP_RUN_LEAVE)
		op->u.run_leave.reason = name_of(txn, "left ", chance_below(t, 3));
	if (kind == LOP_RUN_END) {
		op->u.run_end.state = likely(t, 90) ? RUN_FAILED : RUN_ABANDONED;
		op->u.run_end.reason = "by chance";
	}
}

static void add_create(struct twins *t, struct ledger_txn *txn)
{
	struct ledger_op *op = ledger_txn_add(txn, LOP_RUN_CREATE);
	int64_t n = chance_below(t, RUNS);

	static const struct ledger_step_row steps[] = {
		{.name = "first", .effect = EFFECT_PURE, .doubt = DOUBT_RETRY},
		{.name = "second",
		 .effect = EFFECT_UNSAFE,
		 .doubt = DOUBT_ASK,
		 .key_valid_us = 7000}};

	op->u.run_create.row = (struct ledger_run_row){
		.steps = steps,
		.n_steps = n % 3 == 1 ? 2 : 0,
		.job = n % 3 == 0 ? "other" : "job",
		.due_key = name_of(txn, n % 2 == 0 ? "base/" : "base/x/", n),
		.name = name_of(txn, "run-", n),
		.slot = "slot",
		.date = "2026-11-23",
		.params = "{}",
		.n = n,
		.job_text = "{}",
		.job_path = "/job.yaml",
		.effect = (enum effect_class)(1 + chance_below(t, 5)),
		.doubt = (enum doubt_policy)(1 + chance_below(t, 3)),
		.key_valid_us = chance_below(t, 3) * US_PER_MIN + 7,
		.source_path = "",
	};
}

static void add_load_put(struct twins *t, struct ledger_txn *txn, int64_t run, int32_t epoch)
{
	struct ledger_op *op = ledger_txn_add(txn, LOP_LOAD_PUT);
	size_t n = (size_t)chance_below(t, 3);
	struct ledger_new_chunk *chunks = arena_alloc(&txn->arena, 3 * sizeof(*chunks));
	static const struct ledger_reject reject = {"file", 1, 2, 3, "bad", "raw", 3, false, "k"};

	op->u.load_put = (struct lop_load_put){
		.run_id = run,
		.step = any_step(t),
		.epoch = epoch,
		.chunks = chunks,
		.n_chunks = n,
		.rejects = &reject,
		.n_rejects = (size_t)chance_below(t, 2),
		.cursor = name_of(txn, "cursor", chance_below(t, 1000)),
		.cursor_len = 7,
		.add_filtered = chance_below(t, 2),
		.add_held_back = chance_below(t, 2),
		.sums = likely(t, 30) ? name_of(txn, "sums", chance_below(t, 1000)) : NULL,
	};
	struct lop_load_put *p = &op->u.load_put;
	p->add_read = p->add_filtered + p->add_held_back + (int64_t)p->n_rejects;
	for (size_t i = 0; i < n; i++) {
		struct buf keys = BUF_INIT(4096);
		chunks[i] = (struct ledger_new_chunk){
			.n = (uint32_t)(1 + chance_below(t, 20)),
			.body = name_of(txn, "body", chance_below(t, 1000)),
			.body_len = 5,
			.tell = likely(t, 30),
			.sums = likely(t, 30) ? name_of(txn, "sums", chance_below(t, 1000)) : NULL,
		};
		for (uint32_t k = 0; k < chunks[i].n; k++)
			buf_printf(&keys, "%c\"k%lld\"", k == 0 ? '[' : ',',
				   (long long)chance_below(t, 50));
		buf_putc(&keys, ']');
		chunks[i].keys = likely(t, 50) ? arena_str(&txn->arena, buf_str(&keys)) : NULL;
		buf_done(&keys);
		p->add_read += chunks[i].n;
	}
}

static void add_load(struct twins *t, struct ledger_txn *txn)
{
	int64_t run = 1 + chance_below(t, RUNS);
	int32_t epoch = (int32_t)chance_nearly(t, 1 + chance_below(t, 2));

	if (likely(t, 40)) {
		struct ledger_op *op = ledger_txn_add(txn, LOP_LOAD_TAKE);
		op->u.load_take.run_id = run;
		op->u.load_take.step = any_step(t);
	} else if (likely(t, 75)) {
		for (int64_t i = chance_below(t, 3); i >= 0; i--)
			add_load_put(t, txn, run, epoch);
	} else {
		struct ledger_op *op = ledger_txn_add(txn, LOP_LOAD_OPEN);
		op->u.load_open.run_id = run;
		op->u.load_open.epoch = epoch;
		op->u.load_open.step = any_step(t);
	}
}

static void add_claim(struct twins *t, struct ledger_txn *txn)
{
	if (likely(t, 60)) {
		struct ledger_op *op = ledger_txn_add(txn, LOP_CHUNK_CLAIM);
		op->u.chunk_claim.run_id = 1 + chance_below(t, RUNS);
		op->u.chunk_claim.step = any_step(t);
		op->u.chunk_claim.max = (uint32_t)chance_below(t, 4);
	} else {
		struct ledger_op *op = ledger_txn_add(txn, LOP_LOOSE_CLAIM);
		op->u.loose_claim.run_id = 1 + chance_below(t, RUNS);
		op->u.loose_claim.step = any_step(t);
		op->u.loose_claim.max = (uint32_t)chance_below(t, 5);
		op->u.loose_claim.now = t->now;
		op->u.loose_claim.to_probe = likely(t, 40);
	}
	txn->claims = likely(t, 50);
}

static void fill_loose(struct twins *t, struct ledger_txn *txn, struct ledger_loose_row *row)
{
	static const enum loose_state states[] = {LOOSE_RETRY, LOOSE_RETRY,  LOOSE_DEAD, LOOSE_DONE,
						  LOOSE_DOUBT, LOOSE_WAIVED, LOOSE_ASKED};

	row->state = states[chance_below(t, ARRAY_LEN(states))];
	row->attempt = (int32_t)chance_below(t, 5);
	row->crashes = (int32_t)chance_below(t, 3);
	row->not_before = t->now + chance_below(t, 3 * US_PER_S);
	row->quiet_until = likely(t, 50) ? 0 : t->now + chance_below(t, US_PER_S);
	row->nos = (int32_t)chance_below(t, 2);
	row->unclear = (int32_t)chance_below(t, 4);
	row->request = (uint64_t)-chance_below(t, 3);
	row->tries = (int32_t)chance_below(t, 3);
	row->spent_us = chance_below(t, US_PER_MIN);
	row->first_started = chance_below(t, 3) == 0 ? 0 : t->now - chance_below(t, US_PER_MIN);
	row->key = likely(t, 70) ? name_of(txn, "k", chance_below(t, 50)) : NULL;
	row->person = likely(t, 20) ? name_of(txn, "person", chance_below(t, 3)) : NULL;
	row->err_class = likely(t, 50) ? "transient" : NULL;
	row->err = likely(t, 50) ? name_of(txn, "error ", chance_below(t, 9)) : NULL;
	row->fingerprint = likely(t, 50) ? "0a0b0c0d" : NULL;
}

static void add_loose_puts(struct twins *t, struct ledger_txn *txn, const struct hold *h,
			   uint8_t *done)
{
	for (uint32_t i = 0; i < h->row.n; i++) {
		if (!likely(t, 8))
			continue;
		struct ledger_op *op = ledger_txn_add(txn, LOP_LOOSE_PUT);
		struct ledger_loose_row *row = &op->u.loose_put.row;
		fill_loose(t, txn, row);
		row->run_id = h->row.run_id;
		row->chunk_id = h->row.id;
		row->item = h->row.first_item + i;
		row->epoch = 1;
		if (likely(t, 10)) {
			row->state = LOOSE_HELD;
			row->owner = txn->inc;
		}
		op->u.loose_put.remember_key = likely(t, 50);
		if (!likely(t, 3)) /* else it has no bit, and the transaction is lost */
			bits_set(done, i);
	}
}

static void add_keep(struct twins *t, struct ledger_txn *txn, const struct hold *h)
{
	struct lop_attempt_put *put = &ledger_txn_add(txn, LOP_ATTEMPT_PUT)->u.attempt_put;

	*put = (struct lop_attempt_put){.at = t->now,
					.run_id = h->row.run_id,
					.item = h->row.first_item + chance_below(t, h->row.n),
					.attempt = 1,
					.outcome = OUTCOME_DONE,
					.keep = name_of(txn, "kept ", chance_below(t, 1000))};
}

static void add_progress(struct twins *t, struct ledger_txn *txn)
{
	if (t->n_held == 0)
		return;
	struct hold *h = &t->held[chance_below(t, (int64_t)t->n_held)];
	uint32_t n = h->row.n;
	uint8_t *started = arena_alloc(&txn->arena, BITS_BYTES(n));
	uint8_t *done = arena_alloc(&txn->arena, BITS_BYTES(n));
	int64_t share = likely(t, 30) ? 100 : 30;

	for (uint32_t i = 0; i < n; i++) {
		if (likely(t, 20))
			bits_set(started, i);
		if (likely(t, share))
			bits_set(done, i);
	}
	if (likely(t, 40))
		add_loose_puts(t, txn, h, done);
	if (likely(t, 60))
		add_keep(t, txn, h);
	struct ledger_op *op = ledger_txn_add(txn, LOP_CHUNK_PROGRESS);
	const char **keys = arena_alloc(&txn->arena, sizeof(*keys));
	keys[0] = name_of(txn, "k", chance_below(t, 50));
	op->u.chunk_progress = (struct lop_chunk_progress){
		.run_id = h->row.run_id,
		.chunk_id = h->row.id,
		.epoch = (int32_t)chance_nearly(t, h->row.epoch),
		.rev = (int32_t)chance_nearly(t, ++h->rev),
		.n = n,
		.started = likely(t, 50) ? started : NULL,
		.done = likely(t, 90) || share == 100 ? done : NULL,
		.close = share == 100,
		.add_crashes = (int32_t)(chance_below(t, 20) == 0),
		.done_keys = keys,
		.n_done_keys = (size_t)chance_below(t, 2),
	};
}

static void add_settle(struct twins *t, struct ledger_txn *txn)
{
	if (t->n_loose == 0)
		return;
	const struct loose_hold *l = &t->loose[chance_below(t, (int64_t)t->n_loose)];
	struct ledger_op *op = ledger_txn_add(txn, LOP_LOOSE_SETTLE);

	fill_loose(t, txn, &op->u.loose_settle.row);
	op->u.loose_settle.row.run_id = l->run_id;
	op->u.loose_settle.row.item = l->item;
	op->u.loose_settle.row.epoch = (int32_t)chance_nearly(t, l->epoch);
	op->u.loose_settle.remember_key = likely(t, 50);
	op->u.loose_settle.is_probe = likely(t, 50);
}

static void add_step_items(struct twins *t, struct ledger_txn *txn)
{
	static const enum loose_state states[] = {LOOSE_DONE, LOOSE_DEAD, LOOSE_WAIVED};
	struct lop_step_items *items = &ledger_txn_add(txn, LOP_STEP_ITEMS)->u.step_items;

	*items = (struct lop_step_items){.run_id = 1 + chance_below(t, RUNS),
					 .step = any_step(t),
					 .from = chance_below(t, 40),
					 .state = states[chance_below(t, 3)],
					 .max_bytes = 1 + (size_t)chance_below(t, 30)};
}

static void add_question(struct twins *t, struct ledger_txn *txn)
{
	struct ledger_op *op = NULL;
	const char **keys = arena_alloc(&txn->arena, 8 * sizeof(*keys));
	int64_t known[3] = {0};

	switch (chance_below(t, 5)) {
	case 0:
		op = ledger_txn_add(txn, LOP_RUN_LIST);
		op->u.run_list.job = likely(t, 70) ? "job" : "other";
		op->u.run_list.due_key = likely(t, 50)
						 ? name_of(txn, "base/", chance_below(t, RUNS))
						 : NULL;
		op->u.run_list.due_base = likely(t, 50) ? "base" : NULL;
		break;
	case 1:
		op = ledger_txn_add(txn, LOP_KEYS_FIND);
		for (int i = 0; i < 8; i++)
			keys[i] = name_of(txn, "k", chance_below(t, 50));
		op->u.keys_find = (struct lop_keys_find){
			.job = "job",
			.run_id = 1 + chance_below(t, RUNS),
			.keys = keys,
			.n = 8,
			.seen = likely(t, 70),
			.seen_since = likely(t, 50) ? t->now - US_PER_S : 0};
		break;
	case 2:
		op = ledger_txn_add(txn, LOP_UNTOLD_LIST);
		op->u.untold_list.run_id = 1 + chance_below(t, RUNS);
		op->u.untold_list.step = any_step(t);
		op->u.untold_list.after = chance_below(t, 4);
		op->u.untold_list.max = (uint32_t)chance_below(t, 4);
		op = ledger_txn_add(txn, LOP_ENDED_LIST);
		op->u.ended_list.run_id = 1 + chance_below(t, RUNS);
		op->u.ended_list.step = any_step(t);
		op->u.ended_list.after = chance_below(t, 4);
		op->u.ended_list.max = (uint32_t)chance_below(t, 4);
		op = ledger_txn_add(txn, LOP_CURSOR_FIND);
		op->u.cursor_find = (struct lop_cursor_find){
			.job = "job", .run_id = 1 + chance_below(t, RUNS), .due_part = "/"};
		break;
	case 3:
		for (size_t i = 0; i < ARRAY_LEN(known); i++)
			known[i] = chance_below(t, 9);
		(void)ledger_txn_add(txn, LOP_REQUEST_LIST);
		op = ledger_txn_add(txn, LOP_RUN_COMPANY);
		op->u.run_company = (struct lop_run_company){
			.run_id = 1 + chance_below(t, RUNS),
			.known = arena_dup(&txn->arena, known, sizeof(known)),
			.n_known = ARRAY_LEN(known)};
		add_step_items(t, txn);
		break;
	default:
		(void)ledger_txn_add(txn, LOP_INSTANCE_LIST);
		break;
	}
}

static void add_ended_told(struct twins *t, struct ledger_txn *txn)
{
	struct ledger_op *op = ledger_txn_add(txn, LOP_ENDED_TOLD);
	uint8_t *bits = arena_alloc(&txn->arena, BITS_BYTES(64));

	bits_fill(bits, 0, 64);
	op->u.ended_told = (struct lop_ended_told){.run_id = 1 + chance_below(t, RUNS),
						   .chunk_id = 1 + chance_below(t, 6),
						   .n = (uint32_t)chance_below(t, 64),
						   .done = bits,
						   .dead = bits,
						   .quiet = bits};
}

static void add_ending(struct twins *t, struct ledger_txn *txn)
{
	enum ledger_ending kind = likely(t, 70) ? ENDING_WORK : ENDING_RUN;
	int64_t run = 1 + chance_below(t, RUNS);

	if (likely(t, 60)) {
		ledger_txn_add(txn, LOP_ENDING_TAKE)->u.ending_take = (struct lop_ending_take){
			.run_id = run, .step = any_step(t), .kind = kind};
		return;
	}
	bool is_done = likely(t, 50);
	ledger_txn_add(txn, LOP_ENDING_PUT)->u.ending_put = (struct lop_ending_put){
		.run_id = run,
		.step = any_step(t),
		.kind = kind,
		.epoch = 1 + (int32_t)chance_below(t, 4),
		.is_done = is_done,
		.not_before = is_done ? 0 : t->now + chance_below(t, US_PER_MIN),
		.err = is_done ? "" : "by chance",
		.result = is_done ? "{}" : ""};
}

static void add_other(struct twins *t, struct ledger_txn *txn)
{
	struct ledger_op *op = NULL;

	switch (chance_below(t, 12)) {
	case 0:
		op = ledger_txn_add(txn, LOP_GIVE_BACK);
		op->u.give_back.run_id = chance_below(t, RUNS + 1);
		break;
	case 1:
		op = ledger_txn_add(txn, LOP_REAP);
		op->u.reap.dead = 1 + chance_below(t, (int64_t)t->serial + 1);
		op->u.reap.quarantine_us = chance_below(t, US_PER_S);
		break;
	case 2:
	case 3:
		op = ledger_txn_add(txn, LOP_DOUBT_RESOLVE);
		op->u.doubt_resolve = (struct lop_doubt_resolve){
			1 + chance_below(t, RUNS),
			(enum doubt_policy)(1 + chance_below(t, 3)),
			chance_below(t, 2) * 50 * US_PER_S,
			t->now,
			likely(t, 40),
			any_step(t),
			0,
			0,
			0};
		break;
	case 4:
		op = ledger_txn_add(txn, LOP_TOLD_PUT);
		op->u.told_put.run_id = 1 + chance_below(t, RUNS);
		op->u.told_put.step = any_step(t);
		op->u.told_put.chunk_id = chance_below(t, 6);
		break;
	case 9:
		add_ended_told(t, txn);
		break;
	case 10:
	case 11:
		add_ending(t, txn);
		break;
	case 5:
		op = ledger_txn_add(txn, LOP_REQUEST_OBEY);
		op->u.request_obey.id = 1 + chance_below(t, 20);
		break;
	case 6:
		op = ledger_txn_add(txn, likely(t, 50) ? LOP_LANE_PUT : LOP_LANE_DROP);
		op->u.lane_put.pid = chance_below(t, 4);
		break;
	case 7:
		op = ledger_txn_add(txn, LOP_INSTANCE_QUARANTINE);
		op->u.instance_quarantine.quarantine_us = chance_below(t, US_PER_MIN);
		break;
	case 8:
		op = ledger_txn_add(txn, LOP_CONTENT_FIND);
		op->u.content_find = (struct lop_content_find){
			"job",	1 + chance_below(t, RUNS),
			"path", (const uint8_t *)name_of(txn, "d", chance_below(t, 5)),
			2,	NULL};
		break;
	default:
		if (likely(t, 10))
			(void)ledger_txn_add(txn, likely(t, 60) ? LOP_INSTANCE_STOPPING
								: LOP_INSTANCE_END);
		break;
	}
}

static void add_pools(struct twins *t, struct ledger_txn *txn)
{
	struct ledger_op *op = ledger_txn_add(txn, LOP_POOLS_TAKE);
	struct ledger_pool *pools = arena_alloc(&txn->arena, 2 * sizeof(*pools));
	int64_t from = chance_below(t, 2);

	for (int i = 0; i < 2; i++)
		pools[i] = (struct ledger_pool){name_of(txn, "pool", i), 1 + chance_below(t, 2),
						1 + chance_below(t, 3)};
	op->u.pools_take = (struct lop_pools_take){.run_id = 1 + chance_below(t, RUNS),
						   .pools = pools + from,
						   .n = (size_t)(1 + chance_below(t, 2 - from))};
}

static void add_share(struct twins *t, struct ledger_txn *txn)
{
	struct ledger_op *op = NULL;

	if (likely(t, 20)) {
		add_pools(t, txn);
		return;
	}

	if (likely(t, 50)) {
		op = ledger_txn_add(txn, LOP_RATE_TAKE);
		op->u.rate_take = (struct lop_rate_take){
			.name = likely(t, 80) ? "job" : "other",
			.boot_id = name_of(txn, "boot", chance_below(t, 20) / 19),
			.now_ns = t->now % US_PER_HOUR * 1000,
			.spacing_ns = 1 + chance_below(t, US_PER_S),
			.max = (uint32_t)chance_below(t, 9)};
		op->u.rate_take.until_ns = op->u.rate_take.now_ns + chance_below(t, 5 * US_PER_S);
		return;
	}
	op = ledger_txn_add(txn, LOP_QUOTA_TAKE);
	op->u.quota_take = (struct lop_quota_take){
		.name = likely(t, 80) ? "partner" : "other",
		.period = t->now / US_PER_MIN * US_PER_MIN,
		.give_period = (t->now - chance_below(t, US_PER_S)) / US_PER_MIN * US_PER_MIN,
		.most = chance_below(t, 100),
		.want = chance_below(t, 9),
		.give = chance_below(t, 4),
		.seen_used = chance_below(t, 40) - 1};
}

static void add_person(struct twins *t, struct ledger_txn *txn)
{
	struct ledger_op *op = ledger_txn_add(txn, LOP_PERSON);
	int64_t *items = arena_alloc(&txn->arena, 5 * sizeof(*items));
	enum person_verb verb = (enum person_verb)chance_below(t, PERSON_VERB_COUNT_);

	if (verb == PERSON_ABANDON && !likely(t, 10))
		verb = PERSON_SKIP;
	for (int i = 0; i < 5; i++)
		items[i] = chance_below(t, 60) - 1;
	op->u.person = (struct lop_person){.verb = verb,
					   .run_id = 1 + chance_below(t, RUNS + 1),
					   .items = items,
					   .n = (size_t)(1 + chance_below(t, 5)),
					   .who = "anna",
					   .why = "chance",
					   .now = t->now,
					   .dry_run = likely(t, 20)};
}

static void add_breaker(struct twins *t, struct ledger_txn *txn)
{
	const char *endpoint = name_of(txn, "endpoint ", chance_below(t, 2));

	if (likely(t, 30)) {
		ledger_txn_add(txn, LOP_BREAKER_GET)->u.breaker_get.endpoint = endpoint;
		return;
	}
	struct lop_breaker_put *put = &ledger_txn_add(txn, LOP_BREAKER_PUT)->u.breaker_put;
	const struct breaker_row was = {.version = chance_below(t, 12), .is_open = true};
	const struct breaker_policy policy = {.open_for_us = 1 + chance_below(t, US_PER_S),
					      .open_max_us = US_PER_MIN};
	put->endpoint = endpoint;
	put->row = breaker_row_opened(&was, &policy, t->now, "by chance");
	if (likely(t, 50))
		put->row.probe = txn->inc;
	else if (likely(t, 30))
		put->row.is_open = false;
}

void chance_add(struct twins *t, struct ledger_txn *txn)
{
	int64_t pick = chance_below(t, 104);

	if (txn->inc == 0)
		add_person(t, txn);
	else if (pick < 30)
		add_progress(t, txn);
	else if (pick < 42)
		add_claim(t, txn);
	else if (pick < 52)
		add_settle(t, txn);
	else if (pick < 65)
		add_load(t, txn);
	else if (pick < 70)
		add_create(t, txn);
	else if (pick < 80)
		add_run_op(t, txn);
	else if (pick < 88)
		add_other(t, txn);
	else if (pick < 92)
		add_share(t, txn);
	else if (pick < 95)
		add_breaker(t, txn);
	else
		add_question(t, txn);
}
