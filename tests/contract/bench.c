/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/bench.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

enum { DUMP_MAX = 64 << 20, FIRST_NOW_S = 1764000000 };

const char *bench_backend = "memory";

static struct ledger *bench_open(struct bench *b, unsigned flags)
{
	struct ledger *ledger = NULL;
	struct err err = ERR_INIT;

	if (ledger_open(b->url, flags | LEDGER_VOLATILE, &ledger, &err) < 0)
		fail_msg("%s: %s", b->url, err.text);
	return ledger;
}

/* The same database for every case; what the last one left there is gone. */
static void bench_empty_database(struct bench *b)
{
	const char *uri = getenv("STINT_TEST_POSTGRES");

	if (uri == NULL)
		fail_msg("run me with tests/tools/with_postgres");
	PGconn *conn = PQconnectdb(uri);
	PGresult *rows = PQexec(conn, "SET client_min_messages = warning;"
				      "DROP SCHEMA IF EXISTS stint CASCADE");
	if (PQresultStatus(rows) != PGRES_COMMAND_OK)
		fail_msg("%s", PQerrorMessage(conn));
	PQclear(rows);
	PQfinish(conn);
	(void)snprintf(b->url, sizeof(b->url), "%s", uri);
}

int bench_setup(void **state)
{
	struct bench *b = xnew(struct bench);

	b->now = FIRST_NOW_S * US_PER_S;
	b->is_sqlite = strcmp(bench_backend, "sqlite") == 0;
	b->has_handles = b->is_sqlite || strcmp(bench_backend, "postgres") == 0;
	/* Thousands of commits: in memory where there is a place for that. */
	(void)snprintf(b->directory, sizeof(b->directory), "%s/stint-ledger-XXXXXX",
		       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (b->is_sqlite) {
		assert_non_null(mkdtemp(b->directory));
		(void)snprintf(b->url, sizeof(b->url), "sqlite:%s/ledger.db", b->directory);
	} else if (b->has_handles) {
		bench_empty_database(b);
	} else {
		(void)snprintf(b->url, sizeof(b->url), "memory:");
	}
	b->ledger = bench_open(b, LEDGER_CREATE);
	if (strcmp(bench_backend, "beats") == 0)
		ledger_memory_use_beats(b->ledger);
	b->has_beats = ledger_has_beats(b->ledger);
	b->a = &b->actors[0];
	b->b = &b->actors[1];
	b->c = &b->actors[2];
	actor_begin(b, b->a);
	*state = b;
	return 0;
}

static int bench_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void bench_finding(void *arg, const char *invariant, const char *where, const char *what)
{
	(void)arg;
	print_message("verify: %s: %s: %s\n", invariant, where, what);
}

int64_t bench_verify(struct bench *b)
{
	struct err err = ERR_INIT;
	int64_t findings = -1;

	if (ledger_verify(b->ledger, bench_finding, NULL, &findings, &err) < 0)
		fail_msg("verify: %s", err.text);
	return findings;
}

int bench_teardown(void **state)
{
	struct bench *b = *state;
	int64_t findings = b->is_broken_on_purpose ? 0 : bench_verify(b);

	ledger_txn_free(b->txn);
	for (size_t i = 0; i < BENCH_ACTORS; i++)
		ledger_pulse_free(b->actors[i].pulse);
	for (size_t i = 0; i < BENCH_ACTORS && b->has_handles; i++)
		ledger_close(b->actors[i].ledger);
	ledger_close(b->ledger);
	if (b->is_sqlite)
		(void)nftw(b->directory, bench_remove, 8, FTW_DEPTH | FTW_PHYS);
	free(b);
	return findings == 0 ? 0 : -1;
}

/* ---- transactions ---- */

struct ledger_op *begin(struct bench *b, struct actor *by, enum ledger_op_kind kind)
{
	ledger_txn_free(b->txn);
	b->txn = ledger_txn_new();
	b->by = by;
	if (by != NULL) {
		b->txn->inc = by->inc;
		memcpy(b->txn->nonce, by->nonce, sizeof(by->nonce));
	}
	b->txn->now = b->now;
	return also(b, kind);
}

struct ledger_op *also(struct bench *b, enum ledger_op_kind kind)
{
	return ledger_txn_add(b->txn, kind);
}

static void bench_apply(struct bench *b)
{
	struct ledger *ledger = b->by != NULL && b->by->ledger != NULL ? b->by->ledger : b->ledger;

	if (b->by != NULL && b->txn->inc != 0 && !ledger_txn_is_read_only(b->txn))
		b->txn->batch = b->by->batch + 1;
	ledger_apply(ledger, b->txn);
	if (b->txn->status == LEDGER_APPLIED && b->txn->batch != 0)
		b->by->batch = b->txn->batch;
}

void commit(struct bench *b)
{
	bench_apply(b);
	if (b->txn->status != LEDGER_APPLIED)
		fail_msg("status %d: %s", b->txn->status, b->txn->err.text);
	if (b->acknowledged != NULL)
		b->acknowledged(b);
}

void refused(struct bench *b, enum ledger_status status)
{
	char *before = ledger_dump(b->ledger);

	bench_apply(b);
	assert_int_equal(b->txn->status, status);
	assert_true(b->txn->err.text[0] != '\0');
	char *after = ledger_dump(b->ledger);
	assert_string_equal(before, after);
	free(before);
	free(after);
}

void resend(struct bench *b)
{
	char *before = ledger_dump(b->ledger);

	ledger_apply(b->by->ledger != NULL ? b->by->ledger : b->ledger, b->txn);
	assert_int_equal(b->txn->status, LEDGER_APPLIED);
	char *after = ledger_dump(b->ledger);
	assert_string_equal(before, after);
	free(before);
	free(after);
}

/* ---- instances ---- */

void actor_begin(struct bench *b, struct actor *actor)
{
	static uint8_t serial;

	actor->ledger = b->has_handles ? bench_open(b, 0) : b->ledger;
	actor->inc = 0;
	actor->batch = 0;
	memset(actor->nonce, 0, sizeof(actor->nonce));
	serial++;
	actor->nonce[0] = serial;
	actor->nonce[1] = 0xaa;
	struct ledger_op *op = begin(b, actor, LOP_INSTANCE_BEGIN);
	memcpy(op->u.instance_begin.nonce, actor->nonce, sizeof(actor->nonce));
	op->u.instance_begin.name = "instance";
	op->u.instance_begin.host = "host";
	op->u.instance_begin.boot_id = "boot";
	op->u.instance_begin.pid = 100 + serial;
	commit(b);
	assert_true(op->u.instance_begin.ret_inc > 0);
	assert_int_equal(b->txn->inc, op->u.instance_begin.ret_inc);
	actor->inc = op->u.instance_begin.ret_inc;
	if (!b->has_beats)
		return;
	ledger_pulse_free(actor->pulse);
	actor->pulse = ledger_pulse_new(actor->ledger);
	assert_int_equal(actor_beat(actor), LEDGER_APPLIED);
}

enum ledger_status actor_beat(struct actor *actor)
{
	struct err err = ERR_INIT;

	return ledger_pulse_beat(actor->pulse, actor->inc, actor->nonce, &err);
}

void actor_bury(struct bench *b, struct actor *by, struct actor *actor)
{
	actor_kill(b, actor);
	if (!b->has_beats)
		return;
	struct ledger_op *op = begin(b, by, LOP_REAP);
	op->u.reap.dead = actor->inc;
	op->u.reap.beat = BENCH_BEAT;
	commit(b);
	assert_true(op->u.reap.ret_done);
}

void actor_kill(struct bench *b, struct actor *actor)
{
	ledger_pulse_free(actor->pulse);
	actor->pulse = NULL;
	if (b->has_handles) {
		ledger_close(actor->ledger);
		actor->ledger = NULL;
	} else {
		ledger_memory_kill(b->ledger, actor->inc);
	}
}

/* ---- runs ---- */

int64_t run_create(struct bench *b, struct actor *by, const struct plan *plan)
{
	struct ledger_op *op = begin(b, by, LOP_RUN_CREATE);
	const char *due = plan->due == NULL ? "2026-11-23/1" : plan->due;
	const char *job = plan->job == NULL ? "job" : plan->job;
	char name[64];

	(void)snprintf(name, sizeof(name), "%s@2026-11-23", job);
	op->u.run_create.row = (struct ledger_run_row){
		.job = job,
		.due_key = due,
		.name = arena_str(&b->txn->arena, name),
		.slot = "2026-11-23",
		.date = "2026-11-23",
		.params = "{}",
		.n = 1,
		.job_text = "{\"job\": \"job\"}",
		.job_path = "/jobs/job.yaml",
		.effect = plan->effect == 0 ? EFFECT_UNSAFE : plan->effect,
		.doubt = DOUBT_ASK,
		.source_path = "",
	};
	commit(b);
	assert_false(op->u.run_create.ret_exists);
	return op->u.run_create.ret_id;
}

void run_join(struct bench *b, struct actor *by, int64_t run_id)
{
	struct ledger_op *op = begin(b, by, LOP_RUN_JOIN);

	op->u.run_join.run_id = run_id;
	commit(b);
	assert_false(op->u.run_join.ret_over);
}

static const char *bench_keys(struct bench *b, int64_t first, uint32_t n)
{
	struct buf out = BUF_INIT(1 << 20);

	for (uint32_t i = 0; i < n; i++)
		buf_printf(&out, "%s\"KEY-%lld\"", i == 0 ? "[" : ",", (long long)first + i);
	buf_puts(&out, "]");
	const char *keys = arena_str(&b->txn->arena, buf_str(&out));
	buf_done(&out);
	return keys;
}

int32_t run_load(struct bench *b, struct actor *by, int64_t run_id, const struct plan *plan)
{
	struct ledger_op *op = begin(b, by, LOP_LOAD_TAKE);

	op->u.load_take.run_id = run_id;
	commit(b);
	assert_true(op->u.load_take.ret_taken);
	int32_t epoch = op->u.load_take.ret_epoch;
	op = begin(b, by, LOP_LOAD_PUT);
	struct ledger_new_chunk *chunks = arena_alloc(&b->txn->arena,
						      plan->n_chunks * sizeof(*chunks));
	for (size_t i = 0; i < plan->n_chunks; i++) {
		char body[32];
		int len = snprintf(body, sizeof(body), "body %zu", i);
		chunks[i] = (struct ledger_new_chunk){
			.n = plan->n,
			.body = arena_dup(&b->txn->arena, body, (size_t)len),
			.body_len = (size_t)len,
			.keys = plan->has_keys ? bench_keys(b, (int64_t)(i * plan->n), plan->n)
					       : NULL,
			.tell = plan->tell,
		};
	}
	op->u.load_put = (struct lop_load_put){
		.run_id = run_id,
		.epoch = epoch,
		.chunks = chunks,
		.n_chunks = plan->n_chunks,
		.cursor = "cursor",
		.cursor_len = 6,
		.add_read = (int64_t)plan->n_chunks * plan->n,
	};
	commit(b);
	return epoch;
}

void run_open(struct bench *b, struct actor *by, int64_t run_id, int32_t epoch)
{
	struct ledger_op *op = begin(b, by, LOP_LOAD_OPEN);

	op->u.load_open.run_id = run_id;
	op->u.load_open.epoch = epoch;
	commit(b);
}

int64_t run_ready(struct bench *b, struct actor *by, const struct plan *plan)
{
	int64_t run_id = run_create(b, by, plan);

	run_join(b, by, run_id);
	run_open(b, by, run_id, run_load(b, by, run_id, plan));
	return run_id;
}

/* ---- chunks ---- */

bool chunk_claim(struct bench *b, struct actor *by, int64_t run_id, struct held *ret_held)
{
	struct ledger_op *op = begin(b, by, LOP_CHUNK_CLAIM);

	op->u.chunk_claim.run_id = run_id;
	op->u.chunk_claim.max = 1;
	b->txn->claims = true;
	commit(b);
	if (op->u.chunk_claim.ret_n == 0)
		return false;
	const struct ledger_chunk_row *row = &op->u.chunk_claim.ret_rows[0];
	assert_int_equal(row->run_id, run_id);
	assert_int_equal(row->owner, by->inc);
	assert_int_equal(row->state, CHUNK_HELD);
	assert_non_null(row->body);
	*ret_held = (struct held){.run_id = run_id,
				  .id = row->id,
				  .first_item = row->first_item,
				  .n = row->n,
				  .epoch = row->epoch};
	memcpy(ret_held->started, row->started, BITS_BYTES(row->n));
	memcpy(ret_held->done, row->done, BITS_BYTES(row->n));
	return true;
}

void chunk_progress(struct bench *b, struct held *held, bool close)
{
	struct ledger_op *op = also(b, LOP_CHUNK_PROGRESS);

	op->u.chunk_progress = (struct lop_chunk_progress){
		.run_id = held->run_id,
		.chunk_id = held->id,
		.epoch = held->epoch,
		.rev = ++held->rev,
		.n = held->n,
		.started = arena_dup(&b->txn->arena, held->started, BITS_BYTES(held->n)),
		.done = arena_dup(&b->txn->arena, held->done, BITS_BYTES(held->n)),
		.close = close,
	};
}

/* An operation that does no harm, to begin a transaction with. */
static void begin_quietly(struct bench *b, struct actor *by)
{
	struct ledger_op *op = begin(b, by, LOP_LANE_DROP);

	op->u.lane_drop.pid = -1;
}

void chunk_start(struct bench *b, struct actor *by, struct held *held, uint32_t from, uint32_t to)
{
	bits_fill(held->started, from, to);
	begin_quietly(b, by);
	chunk_progress(b, held, false);
	commit(b);
}

void chunk_done(struct bench *b, struct actor *by, struct held *held, uint32_t from, uint32_t to)
{
	bits_fill(held->done, from, to);
	begin_quietly(b, by);
	chunk_progress(b, held, bits_count(held->done, held->n) == held->n);
	commit(b);
}

struct ledger_op *loose_put(struct bench *b, struct held *held, uint32_t place,
			    enum loose_state state)
{
	struct ledger_op *op = also(b, LOP_LOOSE_PUT);
	char key[32];

	(void)snprintf(key, sizeof(key), "KEY-%lld", (long long)held->first_item + place);
	bits_set(held->done, place);
	op->u.loose_put.row = (struct ledger_loose_row){
		.run_id = held->run_id,
		.item = held->first_item + place,
		.chunk_id = held->id,
		.key = arena_str(&b->txn->arena, key),
		.state = state,
		.attempt = 1,
		.first_started = b->now,
		.not_before = b->now,
		.err_class = "permanent",
		.err = "it said no",
		.fingerprint = "0123abcd",
	};
	return op;
}

void chunk_work(struct bench *b, struct actor *by, int64_t run_id, uint32_t n_dead)
{
	struct held held;

	assert_true(chunk_claim(b, by, run_id, &held));
	begin_quietly(b, by);
	for (uint32_t i = 0; i < n_dead; i++)
		(void)loose_put(b, &held, i, LOOSE_DEAD);
	bits_fill(held.done, 0, held.n);
	chunk_progress(b, &held, true);
	commit(b);
}

/* ---- asking ---- */

struct ledger_counts counts_of(struct bench *b, int64_t run_id)
{
	struct ledger_op *op = begin(b, NULL, LOP_RUN_COUNTS);

	op->u.run_counts.run_id = run_id;
	commit(b);
	return op->u.run_counts.ret_counts;
}

enum run_state state_of(struct bench *b, int64_t run_id)
{
	struct ledger_op *op = begin(b, NULL, LOP_RUN_COUNTS);

	op->u.run_counts.run_id = run_id;
	commit(b);
	return op->u.run_counts.ret_state;
}

bool finish(struct bench *b, struct actor *by, int64_t run_id)
{
	struct ledger_op *op = begin(b, by, LOP_RUN_FINISH);

	op->u.run_finish.run_id = run_id;
	commit(b);
	return op->u.run_finish.ret_finished;
}

struct ledger_op *person(struct bench *b, enum person_verb verb, int64_t run_id,
			 const int64_t *items, size_t n)
{
	struct ledger_op *op = begin(b, NULL, LOP_PERSON);

	op->u.person = (struct lop_person){
		.verb = verb,
		.run_id = run_id,
		.items = items,
		.n = n,
		.who = "anna",
		.why = "because",
		.now = b->now,
	};
	commit(b);
	return op;
}

/* ---- the whole ledger as text ---- */

static void dump_bits(struct buf *out, const uint8_t *bits, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		buf_putc(out, bits_get(bits, i) ? '1' : '0');
	buf_putc(out, ' ');
}

static void dump_instance(void *arg, const struct ledger_instance_row *r)
{
	buf_printf(arg, "instance %lld state %d at %lld quarantine %lld\n", (long long)r->inc,
		   r->state, (long long)r->started_at, (long long)r->quarantine_us);
}

static void dump_run(void *arg, const struct ledger_run_row *r)
{
	buf_printf(arg,
		   "run %lld %s %s state %d '%s' %lld-%lld open %d items %lld read %lld filtered"
		   " %lld "
		   "rejected %lld held back %lld at step %d loader %lld/%d sums %s\n",
		   (long long)r->id, r->job, r->due_key, r->state, r->reason,
		   (long long)r->started_at, (long long)r->ended_at, r->was_open,
		   (long long)r->n_items, (long long)r->n_read, (long long)r->n_filtered,
		   (long long)r->n_rejected, (long long)r->n_held_back, r->step,
		   (long long)r->loader, r->loader_epoch, r->sums == NULL ? "-" : r->sums);
	for (size_t i = 0; i < r->n_steps; i++)
		buf_printf(arg, "step %d '%s' state %d from %lld: %lld of %lld\n", r->steps[i].step,
			   r->steps[i].name, r->steps[i].state, (long long)r->steps[i].first_item,
			   (long long)r->steps[i].n_items, (long long)r->steps[i].n_read);
}

static void dump_chunk(void *arg, const struct ledger_chunk_row *r)
{
	buf_printf(arg, "chunk %lld/%lld %lld+%u state %d owner %lld epoch %d crashes %d rev %d ",
		   (long long)r->run_id, (long long)r->id, (long long)r->first_item, r->n, r->state,
		   (long long)r->owner, r->epoch, r->crashes, r->rev);
	dump_bits(arg, r->started, r->n);
	dump_bits(arg, r->done, r->n);
	dump_bits(arg, r->told, r->n);
	buf_printf(arg, " sums %s\n", r->sums == NULL ? "-" : r->sums);
}

static void dump_loose(void *arg, const struct ledger_loose_row *r)
{
	buf_printf(arg,
		   "loose %lld/%lld in %lld key %s person %s state %d attempt %d crashes %d redo"
		   " %d "
		   "epoch %d owner %lld first %lld%s due %lld '%s' '%s' '%s'\n",
		   (long long)r->run_id, (long long)r->item, (long long)r->chunk_id,
		   r->key == NULL ? "-" : r->key, r->person == NULL ? "-" : r->person, r->state,
		   r->attempt, r->crashes, r->redo, r->epoch, (long long)r->owner,
		   (long long)r->first_started, r->was_begun ? " begun" : "",
		   (long long)r->not_before, r->err_class, r->err, r->fingerprint);
}

char *ledger_dump(struct ledger *ledger)
{
	struct buf out = BUF_INIT(DUMP_MAX);
	struct err err = ERR_INIT;
	struct ledger_visitor visitor = {&out, dump_instance, dump_run, dump_chunk, dump_loose};

	if (ledger_walk(ledger, &visitor, &err) < 0)
		fail_msg("walk: %s", err.text);
	buf_putc(&out, '\n');
	return buf_take(&out);
}
