/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory ledger and the SQLite ledger get the same transactions, thousands of them made by
 * chance, good and bad ones; their answers and all that they hold must be the same, and verify must
 * find nothing.
 */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bits.h"
#include "base/err.h"
#include "contract/bench.h"
#include "contract/results.h"
#include "ledger/ledger.h"

enum { ACTORS = 4, RUNS = 6, HELD_MAX = 32, LOOSE_MAX = 64, TEXT_MAX = 1 << 22, STEPS = 3000 };

struct who {
	struct ledger *sqlite; /* NULL: killed */
	int64_t inc;	       /* 0: not begun */
	uint8_t nonce[LEDGER_NONCE_BYTES];
	int64_t batch;
};

struct hold {
	int actor;
	struct ledger_chunk_row row; /* without bits */
	int32_t rev;
};

struct loose_hold {
	int actor;
	int64_t run_id;
	int64_t item;
	int32_t epoch;
};

struct twins {
	struct ledger *memory;
	struct ledger *sqlite; /* for people */
	char directory[64];
	char url[128];
	uint64_t seed;
	utime now;
	uint8_t serial;
	struct who who[ACTORS];
	struct hold held[HELD_MAX];
	size_t n_held;
	struct loose_hold loose[LOOSE_MAX];
	size_t n_loose;
	int64_t applied;
	int64_t refused;
};

static uint64_t next(struct twins *t)
{
	t->seed ^= t->seed << 13;
	t->seed ^= t->seed >> 7;
	t->seed ^= t->seed << 17;
	return t->seed;
}

static int64_t below(struct twins *t, int64_t n)
{
	return (int64_t)(next(t) >> 11) % n;
}

/* Mostly what is given, at times something else. */
static int64_t nearly(struct twins *t, int64_t x)
{
	return below(t, 40) == 0 ? x + below(t, 3) - 1 : x;
}

static bool chance(struct twins *t, int64_t percent)
{
	return below(t, 100) < percent;
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
	enum ledger_op_kind kind = kinds[below(t, ARRAY_LEN(kinds))];
	int64_t run = 1 + below(t, RUNS + 1);

	if (kind == LOP_RUN_END && !chance(t, 20))
		kind = LOP_RUN_COUNTS;
	struct ledger_op *op = ledger_txn_add(txn, kind);
	op->u.run_counts.run_id = run; /* first in all of them */
	if (kind == LOP_RUN_LEAVE)
		op->u.run_leave.reason = name_of(txn, "left ", below(t, 3));
	if (kind == LOP_RUN_END) {
		op->u.run_end.state = chance(t, 90) ? RUN_FAILED : RUN_ABANDONED;
		op->u.run_end.reason = "by chance";
	}
}

static void add_create(struct twins *t, struct ledger_txn *txn)
{
	struct ledger_op *op = ledger_txn_add(txn, LOP_RUN_CREATE);
	int64_t n = below(t, RUNS);

	op->u.run_create.row = (struct ledger_run_row){
		.job = n % 3 == 0 ? "other" : "job",
		.due_key = name_of(txn, n % 2 == 0 ? "base/" : "base/x/", n),
		.name = name_of(txn, "run-", n),
		.slot = "slot",
		.date = "2026-11-23",
		.params = "{}",
		.n = n,
		.job_text = "{}",
		.job_path = "/job.yaml",
		.effect = (enum effect_class)(1 + below(t, 5)),
		.doubt = (enum doubt_policy)(1 + below(t, 3)),
		.key_valid_us = below(t, 3) * US_PER_MIN + 7,
		.source_path = "",
	};
}

static void add_load_put(struct twins *t, struct ledger_txn *txn, int64_t run, int32_t epoch)
{
	struct ledger_op *op = ledger_txn_add(txn, LOP_LOAD_PUT);
	size_t n = (size_t)below(t, 3);
	struct ledger_new_chunk *chunks = arena_alloc(&txn->arena, 3 * sizeof(*chunks));
	static const struct ledger_reject reject = {"file", 1, 2, 3, "bad", "raw", 3, false, "k"};

	op->u.load_put = (struct lop_load_put){
		.run_id = run,
		.epoch = epoch,
		.chunks = chunks,
		.n_chunks = n,
		.rejects = &reject,
		.n_rejects = (size_t)below(t, 2),
		.cursor = name_of(txn, "cursor", below(t, 1000)),
		.cursor_len = 7,
		.add_filtered = below(t, 2),
		.add_held_back = below(t, 2),
	};
	struct lop_load_put *p = &op->u.load_put;
	p->add_read = p->add_filtered + p->add_held_back + (int64_t)p->n_rejects;
	for (size_t i = 0; i < n; i++) {
		struct buf keys = BUF_INIT(4096);
		chunks[i] = (struct ledger_new_chunk){
			.n = (uint32_t)(1 + below(t, 20)),
			.body = name_of(txn, "body", below(t, 1000)),
			.body_len = 5,
			.tell = chance(t, 30),
		};
		for (uint32_t k = 0; k < chunks[i].n; k++)
			buf_printf(&keys, "%c\"k%lld\"", k == 0 ? '[' : ',',
				   (long long)below(t, 50));
		buf_putc(&keys, ']');
		chunks[i].keys = chance(t, 50) ? arena_str(&txn->arena, buf_str(&keys)) : NULL;
		buf_done(&keys);
		p->add_read += chunks[i].n;
	}
}

static void add_load(struct twins *t, struct ledger_txn *txn)
{
	int64_t run = 1 + below(t, RUNS);
	int32_t epoch = (int32_t)nearly(t, 1 + below(t, 2));

	if (chance(t, 40)) {
		struct ledger_op *op = ledger_txn_add(txn, LOP_LOAD_TAKE);
		op->u.load_take.run_id = run;
	} else if (chance(t, 75)) {
		add_load_put(t, txn, run, epoch);
	} else {
		struct ledger_op *op = ledger_txn_add(txn, LOP_LOAD_OPEN);
		op->u.load_open.run_id = run;
		op->u.load_open.epoch = epoch;
	}
}

static void add_claim(struct twins *t, struct ledger_txn *txn)
{
	if (chance(t, 60)) {
		struct ledger_op *op = ledger_txn_add(txn, LOP_CHUNK_CLAIM);
		op->u.chunk_claim.run_id = 1 + below(t, RUNS);
		op->u.chunk_claim.max = (uint32_t)below(t, 4);
	} else {
		struct ledger_op *op = ledger_txn_add(txn, LOP_LOOSE_CLAIM);
		op->u.loose_claim.run_id = 1 + below(t, RUNS);
		op->u.loose_claim.max = (uint32_t)below(t, 5);
		op->u.loose_claim.now = t->now;
	}
	txn->claims = chance(t, 50);
}

static void fill_loose(struct twins *t, struct ledger_txn *txn, struct ledger_loose_row *row)
{
	static const enum loose_state states[] = {LOOSE_RETRY, LOOSE_RETRY,  LOOSE_DEAD, LOOSE_DONE,
						  LOOSE_DOUBT, LOOSE_WAIVED, LOOSE_ASKED};

	row->state = states[below(t, ARRAY_LEN(states))];
	row->attempt = (int32_t)below(t, 5);
	row->crashes = (int32_t)below(t, 3);
	row->not_before = t->now + below(t, 3 * US_PER_S);
	row->first_started = below(t, 3) == 0 ? 0 : t->now - below(t, US_PER_MIN);
	row->key = chance(t, 70) ? name_of(txn, "k", below(t, 50)) : NULL;
	row->person = chance(t, 20) ? name_of(txn, "person", below(t, 3)) : NULL;
	row->err_class = chance(t, 50) ? "transient" : NULL;
	row->err = chance(t, 50) ? name_of(txn, "error ", below(t, 9)) : NULL;
	row->fingerprint = chance(t, 50) ? "0a0b0c0d" : NULL;
}

static void add_loose_puts(struct twins *t, struct ledger_txn *txn, const struct hold *h,
			   uint8_t *done)
{
	for (uint32_t i = 0; i < h->row.n; i++) {
		if (!chance(t, 8))
			continue;
		struct ledger_op *op = ledger_txn_add(txn, LOP_LOOSE_PUT);
		struct ledger_loose_row *row = &op->u.loose_put.row;
		fill_loose(t, txn, row);
		row->run_id = h->row.run_id;
		row->chunk_id = h->row.id;
		row->item = h->row.first_item + i;
		row->epoch = 1;
		if (chance(t, 10)) {
			row->state = LOOSE_HELD;
			row->owner = txn->inc;
		}
		op->u.loose_put.remember_key = chance(t, 50);
		if (!chance(t, 3)) /* else it has no bit, and the transaction is lost */
			bits_set(done, i);
	}
}

static void add_progress(struct twins *t, struct ledger_txn *txn)
{
	if (t->n_held == 0)
		return;
	struct hold *h = &t->held[below(t, (int64_t)t->n_held)];
	uint32_t n = h->row.n;
	uint8_t *started = arena_alloc(&txn->arena, BITS_BYTES(n));
	uint8_t *done = arena_alloc(&txn->arena, BITS_BYTES(n));
	int64_t share = chance(t, 30) ? 100 : 30;

	for (uint32_t i = 0; i < n; i++) {
		if (chance(t, 20))
			bits_set(started, i);
		if (chance(t, share))
			bits_set(done, i);
	}
	if (chance(t, 40))
		add_loose_puts(t, txn, h, done);
	struct ledger_op *op = ledger_txn_add(txn, LOP_CHUNK_PROGRESS);
	const char **keys = arena_alloc(&txn->arena, sizeof(*keys));
	keys[0] = name_of(txn, "k", below(t, 50));
	op->u.chunk_progress = (struct lop_chunk_progress){
		.run_id = h->row.run_id,
		.chunk_id = h->row.id,
		.epoch = (int32_t)nearly(t, h->row.epoch),
		.rev = (int32_t)nearly(t, ++h->rev),
		.n = n,
		.started = chance(t, 50) ? started : NULL,
		.done = chance(t, 90) || share == 100 ? done : NULL,
		.close = share == 100,
		.add_crashes = (int32_t)(below(t, 20) == 0),
		.done_keys = keys,
		.n_done_keys = (size_t)below(t, 2),
	};
}

static void add_settle(struct twins *t, struct ledger_txn *txn)
{
	if (t->n_loose == 0)
		return;
	const struct loose_hold *l = &t->loose[below(t, (int64_t)t->n_loose)];
	struct ledger_op *op = ledger_txn_add(txn, LOP_LOOSE_SETTLE);

	fill_loose(t, txn, &op->u.loose_settle.row);
	op->u.loose_settle.row.run_id = l->run_id;
	op->u.loose_settle.row.item = l->item;
	op->u.loose_settle.row.epoch = (int32_t)nearly(t, l->epoch);
	op->u.loose_settle.remember_key = chance(t, 50);
}

static void add_question(struct twins *t, struct ledger_txn *txn)
{
	struct ledger_op *op = NULL;
	const char **keys = arena_alloc(&txn->arena, 8 * sizeof(*keys));

	switch (below(t, 5)) {
	case 0:
		op = ledger_txn_add(txn, LOP_RUN_LIST);
		op->u.run_list.job = chance(t, 70) ? "job" : "other";
		op->u.run_list.due_key = chance(t, 50) ? name_of(txn, "base/", below(t, RUNS))
						       : NULL;
		op->u.run_list.due_base = chance(t, 50) ? "base" : NULL;
		break;
	case 1:
		op = ledger_txn_add(txn, LOP_KEYS_FIND);
		for (int i = 0; i < 8; i++)
			keys[i] = name_of(txn, "k", below(t, 50));
		op->u.keys_find = (struct lop_keys_find){
			.job = "job",
			.run_id = 1 + below(t, RUNS),
			.keys = keys,
			.n = 8,
			.seen = chance(t, 70),
			.seen_since = chance(t, 50) ? t->now - US_PER_S : 0};
		break;
	case 2:
		op = ledger_txn_add(txn, LOP_UNTOLD_LIST);
		op->u.untold_list.run_id = 1 + below(t, RUNS);
		op->u.untold_list.after = below(t, 4);
		op->u.untold_list.max = (uint32_t)below(t, 4);
		break;
	case 3:
		(void)ledger_txn_add(txn, LOP_REQUEST_LIST);
		break;
	default:
		(void)ledger_txn_add(txn, LOP_INSTANCE_LIST);
		break;
	}
}

static void add_other(struct twins *t, struct ledger_txn *txn)
{
	struct ledger_op *op = NULL;

	switch (below(t, 9)) {
	case 0:
		op = ledger_txn_add(txn, LOP_GIVE_BACK);
		op->u.give_back.run_id = below(t, RUNS + 1);
		break;
	case 1:
		op = ledger_txn_add(txn, LOP_REAP);
		op->u.reap.dead = 1 + below(t, (int64_t)t->serial + 1);
		op->u.reap.quarantine_us = below(t, US_PER_S);
		break;
	case 2:
	case 3:
		op = ledger_txn_add(txn, LOP_DOUBT_RESOLVE);
		op->u.doubt_resolve = (struct lop_doubt_resolve){
			1 + below(t, RUNS),
			(enum doubt_policy)(1 + below(t, 3)),
			below(t, 2) * 50 * US_PER_S,
			t->now,
			0,
			0,
			0};
		break;
	case 4:
		op = ledger_txn_add(txn, LOP_TOLD_PUT);
		op->u.told_put.run_id = 1 + below(t, RUNS);
		op->u.told_put.chunk_id = below(t, 6);
		break;
	case 5:
		op = ledger_txn_add(txn, LOP_REQUEST_OBEY);
		op->u.request_obey.id = 1 + below(t, 20);
		break;
	case 6:
		op = ledger_txn_add(txn, chance(t, 50) ? LOP_LANE_PUT : LOP_LANE_DROP);
		op->u.lane_put.pid = below(t, 4);
		break;
	case 7:
		op = ledger_txn_add(txn, LOP_CONTENT_FIND);
		op->u.content_find = (struct lop_content_find){
			"job",	1 + below(t, RUNS),
			"path", (const uint8_t *)name_of(txn, "d", below(t, 5)),
			2,	NULL};
		break;
	default:
		if (chance(t, 10))
			(void)ledger_txn_add(txn, chance(t, 60) ? LOP_INSTANCE_STOPPING
								: LOP_INSTANCE_END);
		break;
	}
}

static void add_person(struct twins *t, struct ledger_txn *txn)
{
	struct ledger_op *op = ledger_txn_add(txn, LOP_PERSON);
	int64_t *items = arena_alloc(&txn->arena, 5 * sizeof(*items));
	enum person_verb verb = (enum person_verb)below(t, PERSON_VERB_COUNT_);

	if (verb == PERSON_ABANDON && !chance(t, 10))
		verb = PERSON_SKIP;
	for (int i = 0; i < 5; i++)
		items[i] = below(t, 60) - 1;
	op->u.person = (struct lop_person){.verb = verb,
					   .run_id = 1 + below(t, RUNS + 1),
					   .items = items,
					   .n = (size_t)(1 + below(t, 5)),
					   .who = "anna",
					   .why = "chance",
					   .now = t->now,
					   .dry_run = chance(t, 20)};
}

static void add_by_chance(struct twins *t, struct ledger_txn *txn)
{
	int64_t pick = below(t, 100);

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
	else if (pick < 90)
		add_other(t, txn);
	else
		add_question(t, txn);
}

/* ---- the two ---- */

static struct ledger *twin_open(struct twins *t, unsigned flags)
{
	struct ledger *ledger = NULL;
	struct err err = ERR_INIT;

	if (ledger_open(t->url, flags | LEDGER_VOLATILE, &ledger, &err) < 0)
		fail_msg("%s", err.text);
	return ledger;
}

static struct ledger_txn *twin_txn(struct twins *t, const struct who *who, uint64_t seed)
{
	struct ledger_txn *txn = ledger_txn_new();

	txn->now = t->now;
	if (who != NULL) {
		txn->inc = who->inc;
		memcpy(txn->nonce, who->nonce, sizeof(who->nonce));
	}
	/* Both are made by the same chance; what it changes of the twins is the same too. */
	t->seed = seed;
	int64_t n = 1 + below(t, 3);
	for (int64_t i = 0; i < n; i++)
		add_by_chance(t, txn);
	return txn;
}

static void compare(const char *what, struct buf *memory, struct buf *sqlite)
{
	buf_putc(memory, '\n');
	buf_putc(sqlite, '\n');
	if (memory->len == sqlite->len && memcmp(memory->data, sqlite->data, memory->len) == 0)
		return;
	print_message("%s\n--- memory\n%s\n---"
		      " sqlite\n%s\n",
		      what, buf_str(memory), buf_str(sqlite));
	fail_msg("the twins differ");
}

static void compare_results(const struct ledger_txn *memory, const struct ledger_txn *sqlite)
{
	struct buf a = BUF_INIT(TEXT_MAX);
	struct buf b = BUF_INIT(TEXT_MAX);

	results_put(&a, memory);
	results_put(&b, sqlite);
	compare(memory->err.text, &a, &b);
	buf_done(&a);
	buf_done(&b);
}

static void compare_all(const struct twins *t)
{
	char *memory = ledger_dump(t->memory);
	char *sqlite = ledger_dump(t->sqlite);

	if (strcmp(memory, sqlite) != 0) {
		print_message("--- memory\n%s\n--- sqlite\n%s\n", memory, sqlite);
		fail_msg("what the twins hold differs");
	}
	free(memory);
	free(sqlite);
}

static void remember_claims(struct twins *t, int actor, const struct ledger_txn *txn)
{
	for (const struct ledger_op *op = txn->first; op != NULL; op = op->next) {
		for (size_t i = 0; op->kind == LOP_CHUNK_CLAIM && i < op->u.chunk_claim.ret_n;
		     i++) {
			size_t at = t->n_held < HELD_MAX ? t->n_held++ : (size_t)below(t, HELD_MAX);
			t->held[at] = (struct hold){actor, op->u.chunk_claim.ret_rows[i], 0};
		}
		for (size_t i = 0; op->kind == LOP_LOOSE_CLAIM && i < op->u.loose_claim.ret_n;
		     i++) {
			const struct ledger_loose_row *row = &op->u.loose_claim.ret_rows[i];
			size_t at = t->n_loose < LOOSE_MAX ? t->n_loose++
							   : (size_t)below(t, LOOSE_MAX);
			t->loose[at] = (struct loose_hold){actor, row->run_id, row->item,
							   row->epoch};
		}
	}
}

static void twin_begin(struct twins *t, struct who *who)
{
	struct ledger_txn *txn[2] = {ledger_txn_new(), ledger_txn_new()};

	who->sqlite = twin_open(t, 0);
	t->serial++;
	memset(who->nonce, t->serial, sizeof(who->nonce));
	for (int i = 0; i < 2; i++) {
		struct ledger_op *op = ledger_txn_add(txn[i], LOP_INSTANCE_BEGIN);
		txn[i]->now = t->now;
		memcpy(op->u.instance_begin.nonce, who->nonce, sizeof(who->nonce));
		op->u.instance_begin.name = op->u.instance_begin.host = "h";
		op->u.instance_begin.boot_id = "b";
	}
	ledger_apply(t->memory, txn[0]);
	ledger_apply(who->sqlite, txn[1]);
	compare_results(txn[0], txn[1]);
	who->inc = txn[0]->inc;
	who->batch = 0;
	ledger_txn_free(txn[0]);
	ledger_txn_free(txn[1]);
}

static void twin_kill(struct twins *t, struct who *who)
{
	ledger_close(who->sqlite);
	who->sqlite = NULL;
	ledger_memory_kill(t->memory, who->inc);
	who->inc = 0;
}

/* A transaction on both. For SQLite it goes through the handle of its instance. */
static void twin_step(struct twins *t, int actor)
{
	struct who *who = actor < 0 ? NULL : &t->who[actor];
	struct hold held[HELD_MAX];
	uint64_t seed = next(t);

	memcpy(held, t->held, sizeof(held));
	struct ledger_txn *memory = twin_txn(t, who, seed);
	memcpy(t->held, held, sizeof(held)); /* revisions are counted once */
	struct ledger_txn *sqlite = twin_txn(t, who, seed);
	if (who != NULL && !ledger_txn_is_read_only(memory))
		memory->batch = sqlite->batch = nearly(t, who->batch + 1);
	ledger_apply(t->memory, memory);
	ledger_apply(who == NULL ? t->sqlite : who->sqlite, sqlite);
	compare_results(memory, sqlite);
	for (int again = 0;
	     again < 2 && memory->status == LEDGER_APPLIED && memory->batch > 0 && chance(t, 10);
	     again++) {
		ledger_apply(t->memory, memory);
		ledger_apply(who->sqlite, sqlite);
		compare_results(memory, sqlite);
	}
	t->applied += memory->status == LEDGER_APPLIED ? 1 : 0;
	t->refused += memory->status != LEDGER_APPLIED ? 1 : 0;
	if (memory->status == LEDGER_APPLIED && who != NULL) {
		if (memory->batch > who->batch)
			who->batch = memory->batch;
		remember_claims(t, actor, memory);
	}
	bool is_fenced = memory->status == LEDGER_FENCED;
	ledger_txn_free(memory);
	ledger_txn_free(sqlite);
	if (is_fenced)
		twin_kill(t, who);
}

static void finding(void *arg, const char *invariant, const char *where, const char *what)
{
	(void)arg;
	print_message("verify: %s: %s: %s\n", invariant, where, what);
}

static void verify_both(const struct twins *t)
{
	struct err err = ERR_INIT;
	int64_t memory = -1;
	int64_t sqlite = -1;

	assert_int_equal(ledger_verify(t->memory, finding, NULL, &memory, &err), 0);
	assert_int_equal(ledger_verify(t->sqlite, finding, NULL, &sqlite, &err), 0);
	assert_int_equal(memory, 0);
	assert_int_equal(sqlite, 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void live_one_life(uint64_t seed)
{
	struct twins *t = calloc(1, sizeof(*t));
	struct err err = ERR_INIT;

	assert_non_null(t);
	t->seed = seed;
	t->now = 1764000000 * US_PER_S;
	(void)snprintf(t->directory, sizeof(t->directory), "%s/stint-twins-XXXXXX",
		       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(t->directory));
	(void)snprintf(t->url, sizeof(t->url), "%s/ledger.db", t->directory);
	assert_int_equal(ledger_open("memory:", LEDGER_CREATE, &t->memory, &err), 0);
	t->sqlite = twin_open(t, LEDGER_CREATE);
	for (int step = 0; step < STEPS; step++) {
		int actor = (int)below(t, ACTORS + 1) - 1;
		t->now += below(t, 300 * US_PER_MS);
		if (actor >= 0 && t->who[actor].inc == 0)
			twin_begin(t, &t->who[actor]);
		twin_step(t, actor);
		if (actor >= 0 && t->who[actor].inc != 0 && below(t, 100) == 0)
			twin_kill(t, &t->who[actor]);
		if (step % 20 == 0)
			compare_all(t);
		if (step % 200 == 0)
			verify_both(t);
	}
	compare_all(t);
	verify_both(t);
	print_message("seed %llu: %lld applied, %lld refused\n", (unsigned long long)seed,
		      (long long)t->applied, (long long)t->refused);
	assert_true(t->applied > STEPS / 4);
	for (int i = 0; i < ACTORS; i++)
		ledger_close(t->who[i].sqlite);
	ledger_close(t->sqlite);
	ledger_close(t->memory);
	(void)nftw(t->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(t);
}

static void the_twins_never_differ(void **state)
{
	const char *wanted = getenv("STINT_TWINS_SEED");

	if (wanted != NULL) {
		live_one_life(strtoull(wanted, NULL, 10));
		return;
	}
	for (uint64_t seed = 1; seed <= 4; seed++)
		live_one_life(seed * UINT64_C(0x9e3779b97f4a7c15));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_twins_never_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
