/* SPDX-License-Identifier: Apache-2.0 */
#include "inject/script.h"

#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/text.h"
#include "inject/inject.h"
#include "ledger/ledger.h"

enum { ITEMS = 20, TRIES = 4, NOW_S = 1764000000 };

struct chunk {
	int64_t id;
	int64_t first_item;
	int32_t epoch;
	int32_t rev;
	uint8_t started[BITS_BYTES(ITEMS)];
	uint8_t done[BITS_BYTES(ITEMS)];
};

struct script {
	const char *url;
	bool is_memory;
	struct ledger *ledger;
	uint8_t nonce[LEDGER_NONCE_BYTES];
	int64_t inc;
	int64_t dead; /* who was there before */
	int64_t batch;
	int64_t run_id;
	int32_t epoch;
	struct chunk chunks[2];
	int32_t loose_epoch;
};

/* What the next instance does not have from the one before. */
static void script_forget(struct script *s)
{
	s->nonce[0]++;
	s->batch = 0;
	s->inc = 0;
}

static void script_open(struct script *s)
{
	struct err err = ERR_INIT;

	if (ledger_open(s->url, LEDGER_CREATE | LEDGER_VOLATILE, &s->ledger, &err) < 0)
		inject_fail(&err);
	script_forget(s);
}

/* ---- the steps: each adds its operations, and looks at what they gave ---- */

static void step_begin(struct script *s, struct ledger_txn *txn)
{
	struct ledger_op *op = ledger_txn_add(txn, LOP_INSTANCE_BEGIN);

	memcpy(op->u.instance_begin.nonce, s->nonce, sizeof(s->nonce));
	op->u.instance_begin.name = "instance";
	op->u.instance_begin.host = "host";
	op->u.instance_begin.boot_id = "boot";
	op->u.instance_begin.pid = 100;
}

static void after_begin(struct script *s, struct ledger_txn *txn)
{
	s->inc = txn->first->u.instance_begin.ret_inc;
	inject_say("instance %d\n", (int)s->inc);
}

static void step_create(struct script *s, struct ledger_txn *txn)
{
	struct ledger_op *op = ledger_txn_add(txn, LOP_RUN_CREATE);

	(void)s;
	op->u.run_create.row = (struct ledger_run_row){
		.job = "job",
		.due_key = "2026-11-23/1",
		.name = "job@2026-11-23",
		.slot = "2026-11-23",
		.date = "2026-11-23",
		.params = "{}",
		.n = 1,
		.job_text = "{\"version\": 1, \"job\": \"job\", \"work\": {\"noop\": {}}}",
		.job_path = "/jobs/job.yaml",
		.effect = EFFECT_UNSAFE,
		.doubt = DOUBT_ASK,
		.source_path = "",
	};
}

static void after_create(struct script *s, struct ledger_txn *txn)
{
	s->run_id = txn->first->u.run_create.ret_id;
	inject_say("run %d exists %d\n", (int)s->run_id, txn->first->u.run_create.ret_exists);
}

static void step_take(struct script *s, struct ledger_txn *txn)
{
	ledger_txn_add(txn, LOP_RUN_JOIN)->u.run_join.run_id = s->run_id;
	ledger_txn_add(txn, LOP_LOAD_TAKE)->u.load_take.run_id = s->run_id;
}

static void after_take(struct script *s, struct ledger_txn *txn)
{
	const struct lop_run_join *join = &txn->first->u.run_join;

	s->epoch = txn->last->u.load_take.ret_epoch;
	inject_say("joined %s %s others %zu over %d, load taken %d\n", join->ret_row.name,
		   join->ret_row.job_text, join->ret_n_others, join->ret_over,
		   txn->last->u.load_take.ret_taken);
}

static void step_load(struct script *s, struct ledger_txn *txn)
{
	static const char keys[] = "[\"A\",\"B\",\"C\",\"D\",\"E\",\"F\",\"G\",\"H\",\"I\",\"J\","
				   "\"K\",\"L\",\"M\",\"N\",\"O\",\"P\",\"Q\",\"R\",\"S\",\"T\"]";
	static const struct ledger_new_chunk chunks[2] = {
		{.n = ITEMS, .body = "body one", .body_len = 8, .keys = keys},
		{.n = ITEMS, .body = "body two", .body_len = 8}};
	static const struct ledger_reject reject = {.path = "in.csv",
						    .line = 7,
						    .column = 3,
						    .offset = 99,
						    .reason = "no number",
						    .raw = "x;y",
						    .raw_len = 3};

	ledger_txn_add(txn, LOP_LOAD_PUT)->u.load_put = (struct lop_load_put){
		.run_id = s->run_id,
		.epoch = s->epoch,
		.chunks = chunks,
		.n_chunks = ARRAY_LEN(chunks),
		.rejects = &reject,
		.n_rejects = 1,
		.cursor = "cursor",
		.cursor_len = 6,
		.add_read = 2 * ITEMS + 1,
	};
}

static void step_loaded(struct script *s, struct ledger_txn *txn)
{
	ledger_txn_add(txn, LOP_LOAD_OPEN)->u.load_open = (struct lop_load_open){
		.run_id = s->run_id, .epoch = s->epoch};
}

static void step_claim(struct script *s, struct ledger_txn *txn)
{
	ledger_txn_add(txn, LOP_CHUNK_CLAIM)->u.chunk_claim = (struct lop_chunk_claim){
		.run_id = s->run_id, .max = 2};
	txn->claims = true;
}

static void after_claim(struct script *s, struct ledger_txn *txn)
{
	const struct lop_chunk_claim *claim = &txn->first->u.chunk_claim;

	for (size_t i = 0; i < claim->ret_n && i < ARRAY_LEN(s->chunks); i++) {
		const struct ledger_chunk_row *row = &claim->ret_rows[i];
		s->chunks[i] = (struct chunk){
			.id = row->id, .first_item = row->first_item, .epoch = row->epoch};
		memcpy(s->chunks[i].started, row->started, BITS_BYTES(ITEMS));
		memcpy(s->chunks[i].done, row->done, BITS_BYTES(ITEMS));
		inject_say("chunk %d: %d items from %d, started %zu, done %zu, body %.*s\n",
			   (int)row->id, (int)row->n, (int)row->first_item,
			   bits_count(row->started, ITEMS), bits_count(row->done, ITEMS),
			   (int)row->body_len, (const char *)row->body);
	}
	inject_say("claimed %zu\n", claim->ret_n);
}

static void put_progress(struct script *s, struct ledger_txn *txn, struct chunk *c, bool close)
{
	ledger_txn_add(txn, LOP_CHUNK_PROGRESS)->u.chunk_progress = (struct lop_chunk_progress){
		.run_id = s->run_id,
		.chunk_id = c->id,
		.epoch = c->epoch,
		.rev = c->rev + 1,
		.n = ITEMS,
		.started = arena_dup(&txn->arena, c->started, sizeof(c->started)),
		.done = arena_dup(&txn->arena, c->done, sizeof(c->done)),
		.close = close,
	};
}

static void step_start(struct script *s, struct ledger_txn *txn)
{
	for (size_t i = 0; i < ARRAY_LEN(s->chunks); i++) {
		bits_fill(s->chunks[i].started, 0, ITEMS / 2);
		put_progress(s, txn, &s->chunks[i], false);
	}
}

static void after_progress(struct script *s, struct ledger_txn *txn)
{
	(void)txn;
	for (size_t i = 0; i < ARRAY_LEN(s->chunks); i++)
		s->chunks[i].rev++;
}

static void put_loose(struct script *s, struct ledger_txn *txn, uint32_t place,
		      enum loose_state state)
{
	ledger_txn_add(txn, LOP_LOOSE_PUT)->u.loose_put.row = (struct ledger_loose_row){
		.run_id = s->run_id,
		.item = s->chunks[0].first_item + place,
		.chunk_id = s->chunks[0].id,
		.key = "KEY",
		.person = "anna",
		.state = state,
		.attempt = 1,
		.first_started = txn->now,
		.not_before = txn->now,
		.err_class = "exit-1",
		.err = "it said no",
		.fingerprint = "0123abcd",
	};
	bits_set(s->chunks[0].done, place);
}

static void step_settle(struct script *s, struct ledger_txn *txn)
{
	put_loose(s, txn, 0, LOOSE_RETRY);
	put_loose(s, txn, 1, LOOSE_DEAD);
	ledger_txn_add(txn, LOP_ATTEMPT_PUT)->u.attempt_put = (struct lop_attempt_put){
		.at = txn->now,
		.run_id = s->run_id,
		.item = s->chunks[0].first_item + 1,
		.attempt = 1,
		.outcome = OUTCOME_DEAD,
		.took_us = 1000,
		.err_class = "exit-1",
		.err = "it said no",
		.fingerprint = "0123abcd",
		.output = "it said no\n",
		.output_len = 11,
	};
	ledger_txn_add(txn, LOP_ROLLUP_ADD)->u.rollup_add = (struct lop_rollup_add){
		.run_id = s->run_id,
		.minute = txn->now,
		.done = ITEMS - 2,
		.failed = 1,
		.took_us = 5000};
	ledger_txn_add(txn, LOP_LATENCY_ADD)->u.latency_add = (struct lop_latency_add){
		.run_id = s->run_id,
		.endpoint = "exec of job",
		.phase = "total",
		.histogram = "\1\1\5\0\31\5\5\5\1", /* 5 us */
		.len = 9};
	ledger_txn_add(txn, LOP_FAILURE_ADD)->u.failure_add = (struct lop_failure_add){
		.run_id = s->run_id,
		.endpoint = "exec of job",
		.err_class = "exit-1",
		.sample = "it said no",
		.n = 1,
		.took_us = 1000};
	bits_fill(s->chunks[0].started, 0, ITEMS);
	bits_fill(s->chunks[0].done, 0, ITEMS);
	put_progress(s, txn, &s->chunks[0], true);
	bits_fill(s->chunks[1].done, 0, 5);
	put_progress(s, txn, &s->chunks[1], false);
}

/* The instance dies, with five items of the second chunk under way; another comes. */
static void step_rebegin(struct script *s, struct ledger_txn *txn)
{
	if (s->inc != 0) { /* not again when this step is sent again */
		s->dead = s->inc;
		if (s->is_memory) {
			ledger_memory_kill(s->ledger, s->inc);
			script_forget(s);
		} else {
			ledger_close(s->ledger);
			script_open(s);
		}
	}
	step_begin(s, txn);
}

static void step_look(struct script *s, struct ledger_txn *txn)
{
	(void)s;
	(void)ledger_txn_add(txn, LOP_INSTANCE_LIST);
	ledger_txn_add(txn, LOP_RUN_LIST)->u.run_list = (struct lop_run_list){
		.job = "job", .due_key = "2026-11-23/1", .due_base = "2026-11-23/"};
	(void)ledger_txn_add(txn, LOP_REQUEST_LIST);
}

static void after_look(struct script *s, struct ledger_txn *txn)
{
	const struct lop_instance_list *list = &txn->first->u.instance_list;
	const struct lop_run_list *runs = &txn->first->next->u.run_list;

	(void)s;
	for (size_t i = 0; i < list->ret_n; i++)
		inject_say("other instance %d on %s gone %d lanes %zu\n",
			   (int)list->ret_rows[i].inc, list->ret_rows[i].host,
			   list->ret_rows[i].is_gone, list->ret_rows[i].n_lanes);
	for (size_t i = 0; i < runs->ret_n; i++)
		inject_say("run %s state %d read %d\n", runs->ret_rows[i].name,
			   runs->ret_rows[i].state, (int)runs->ret_rows[i].n_read);
	inject_say("due %s\n", runs->ret_due == NULL ? "-" : runs->ret_due->name);
}

static void step_reap(struct script *s, struct ledger_txn *txn)
{
	ledger_txn_add(txn, LOP_REAP)->u.reap.dead = s->dead;
	ledger_txn_add(txn, LOP_RUN_JOIN)->u.run_join.run_id = s->run_id;
}

static void after_reap(struct script *s, struct ledger_txn *txn)
{
	const struct ledger_counts *c = &txn->last->u.run_join.ret_counts;

	(void)s;
	inject_say("reaped %d doubtful %d\n", txn->first->u.reap.ret_done,
		   (int)txn->first->u.reap.ret_doubtful);
	inject_say("done %d doubt %d dead %d retry %d waiting %d ready %d\n", (int)c->done,
		   (int)c->in_doubt, (int)c->dead, (int)c->retry, (int)c->waiting,
		   (int)c->ready_chunks);
}

static void step_resolve(struct script *s, struct ledger_txn *txn)
{
	ledger_txn_add(txn, LOP_DOUBT_RESOLVE)->u.doubt_resolve = (struct lop_doubt_resolve){
		.run_id = s->run_id, .policy = DOUBT_ASK, .now = txn->now};
	ledger_txn_add(txn, LOP_LOOSE_CLAIM)->u.loose_claim = (struct lop_loose_claim){
		.run_id = s->run_id, .now = txn->now, .max = 5};
	txn->claims = true;
}

static void after_resolve(struct script *s, struct ledger_txn *txn)
{
	const struct lop_loose_claim *claim = &txn->last->u.loose_claim;

	inject_say("asked %d\n", (int)txn->first->u.doubt_resolve.ret_asked);
	for (size_t i = 0; i < claim->ret_n; i++) {
		const struct ledger_loose_row *row = &claim->ret_rows[i];
		inject_say("loose %d key %s person %s error %s %s body %.*s\n", (int)row->item,
			   row->key, row->person, row->err_class, row->err, (int)row->body_len,
			   (const char *)row->body);
		s->loose_epoch = row->epoch;
	}
}

static void step_settle_loose(struct script *s, struct ledger_txn *txn)
{
	ledger_txn_add(txn, LOP_LOOSE_SETTLE)->u.loose_settle.row = (struct ledger_loose_row){
		.run_id = s->run_id,
		.item = s->chunks[0].first_item,
		.chunk_id = s->chunks[0].id,
		.epoch = s->loose_epoch,
		.key = "KEY",
		.state = LOOSE_DONE,
		.attempt = 2,
		.first_started = txn->now,
		.err_class = "",
		.err = "",
		.fingerprint = "",
	};
}

/* What a person does: the items in doubt are done, the dead one is skipped. */
static void step_person(struct script *s, struct ledger_txn *txn)
{
	static const int64_t doubtful[] = {25, 26, 27, 28, 29};
	static const int64_t dead[] = {1};

	txn->inc = 0;
	ledger_txn_add(txn, LOP_PERSON)->u.person = (struct lop_person){.verb = PERSON_RESOLVE_DONE,
									.run_id = s->run_id,
									.items = doubtful,
									.n = ARRAY_LEN(doubtful),
									.who = "anna",
									.why = "looked",
									.now = txn->now};
	ledger_txn_add(txn, LOP_PERSON)->u.person = (struct lop_person){.verb = PERSON_SKIP,
									.run_id = s->run_id,
									.items = dead,
									.n = 1,
									.who = "anna",
									.why = "no matter",
									.now = txn->now};
}

static void after_person(struct script *s, struct ledger_txn *txn)
{
	(void)s;
	inject_say("person changed %d and %d\n", (int)txn->first->u.person.ret_changed,
		   (int)txn->last->u.person.ret_changed);
}

static void step_finish_chunk(struct script *s, struct ledger_txn *txn)
{
	bits_fill(s->chunks[0].started, 0, ITEMS);
	bits_fill(s->chunks[0].done, 0, ITEMS);
	s->chunks[0].rev = 0;
	put_progress(s, txn, &s->chunks[0], true);
}

static void step_end(struct script *s, struct ledger_txn *txn)
{
	ledger_txn_add(txn, LOP_RUN_FINISH)->u.run_finish.run_id = s->run_id;
	ledger_txn_add(txn, LOP_RUN_LEAVE)->u.run_leave = (struct lop_run_leave){
		.run_id = s->run_id, .reason = ""};
	(void)ledger_txn_add(txn, LOP_INSTANCE_END);
}

static void after_end(struct script *s, struct ledger_txn *txn)
{
	(void)s;
	inject_say("finished %d\n", txn->first->u.run_finish.ret_finished);
}

static const struct step {
	void (*fill)(struct script *s, struct ledger_txn *txn);
	void (*after)(struct script *s, struct ledger_txn *txn);
} steps[] = {
	{step_begin, after_begin},    {step_create, after_create},
	{step_take, after_take},      {step_load, NULL},
	{step_loaded, NULL},	      {step_claim, after_claim},
	{step_start, after_progress}, {step_settle, after_progress},
	{step_rebegin, after_begin},  {step_look, after_look},
	{step_reap, after_reap},      {step_resolve, after_resolve},
	{step_settle_loose, NULL},    {step_person, after_person},
	{step_claim, after_claim},    {step_finish_chunk, NULL},
	{step_end, after_end},
};

size_t script_length(void)
{
	return ARRAY_LEN(steps);
}

/* ---- what is in it ---- */

static int add_row(void *arg, const struct ledger_row *row)
{
	uint64_t *digest = arg;

	for (int i = 0; i < ledger_row_columns(row); i++) {
		size_t len = 0;
		const char *text = ledger_row_text(row, i, &len);
		*digest = *digest * 31 + (text == NULL ? 1 : hash_xxh64(text, len));
	}
	return 0;
}

uint64_t script_digest(struct ledger *ledger)
{
	static const char *const tables[] = {
		"instance_",  "instance_batch", "lane",	   "run_",    "run_text",
		"chunk",      "chunk_body",	"audit_",  "loose",   "attempt_",
		"chunk_keys", "run_instance",	"rollup",  "reject_", "request",
		"seen_key",   "content",	"latency", "failure_"};
	uint64_t digest = 0;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		char sql[64];
		/* lint: allow sql: our own names, and all that there is */
		(void)snprintf(sql, sizeof(sql), "SELECT * FROM %s ORDER BY 1, 2", tables[i]);
		digest = digest * 31 + i;
		if (ledger_select(ledger, sql, NULL, 0, add_row, &digest, &err) != 0)
			inject_wrong("%s: %s", tables[i], err.text);
	}
	return digest;
}

/* ---- playing ---- */

static bool may_try_again(enum ledger_status status)
{
	switch (status) {
	case LEDGER_BUSY:
	case LEDGER_NO_SPACE:
	case LEDGER_UNKNOWN:
		return true;
	case LEDGER_BROKEN:
	case LEDGER_BEHIND:
		return false;
	case LEDGER_PENDING:
	case LEDGER_APPLIED:
	case LEDGER_FENCED:
	case LEDGER_LOST:
		break;
	}
	inject_wrong("a fault is taken for status %d", status);
}

static void script_step(struct script *s, const struct step *step)
{
	struct ledger_txn *txn = ledger_txn_new();

	txn->inc = s->inc;
	txn->now = NOW_S * US_PER_S;
	memcpy(txn->nonce, s->nonce, sizeof(s->nonce));
	step->fill(s, txn);
	/* One that only reads, begins an instance or is a person's has no number. */
	if (txn->first->kind == LOP_INSTANCE_BEGIN || txn->inc == 0)
		txn->inc = 0;
	else if (!ledger_txn_is_read_only(txn))
		txn->batch = s->batch + 1;
	for (int i = 0; i < TRIES; i++) {
		ledger_apply(s->ledger, txn);
		if (txn->status == LEDGER_APPLIED)
			break;
		if (txn->err.text[0] == '\0')
			inject_wrong("status %d has no words", txn->status);
		if (!may_try_again(txn->status) || i + 1 == TRIES)
			inject_fail(&txn->err);
		ledger_txn_rewind(txn);
	}
	if (txn->batch != 0)
		s->batch = txn->batch;
	inject_acknowledge();
	if (step->after != NULL)
		step->after(s, txn);
	ledger_txn_free(txn);
}

void script_play(const char *url)
{
	struct script s = {
		.url = url, .is_memory = strcmp(url, "memory:") == 0, .nonce = {1, 0xaa}};
	uint64_t *digests = inject_shared();

	script_open(&s);
	bool is_kept = inject_is_first() && !s.is_memory;
	if (is_kept)
		digests[0] = script_digest(s.ledger);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		script_step(&s, &steps[i]);
		if (is_kept)
			digests[i + 1] = script_digest(s.ledger);
	}
	ledger_close(s.ledger);
}
