/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory ledger and another one, SQLite's or PostgreSQL's, get the same transactions, thousands
 * of them made by chance, good and bad ones; their answers and all that they hold must be the same,
 * and verify must find nothing.
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
#include <libpq-fe.h>

#include "base/err.h"
#include "contract/bench.h"
#include "contract/chance.h"
#include "contract/results.h"
#include "ledger/ledger.h"

enum { TEXT_MAX = 1 << 22, STEPS = 3000, STEPS_ON_A_SERVER = 1200 };

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
	int64_t n = 1 + chance_below(t, 3);
	for (int64_t i = 0; i < n; i++)
		chance_add(t, txn);
	return txn;
}

static void compare(const char *what, struct buf *memory, struct buf *other)
{
	buf_putc(memory, '\n');
	buf_putc(other, '\n');
	if (memory->len == other->len && memcmp(memory->data, other->data, memory->len) == 0)
		return;
	print_message("%s\n--- memory\n%s\n---"
		      " other\n%s\n",
		      what, buf_str(memory), buf_str(other));
	fail_msg("the twins differ");
}

static void compare_results(const struct ledger_txn *memory, const struct ledger_txn *other)
{
	struct buf a = BUF_INIT(TEXT_MAX);
	struct buf b = BUF_INIT(TEXT_MAX);

	results_put(&a, memory);
	results_put(&b, other);
	compare(memory->err.text[0] != '\0' ? memory->err.text : other->err.text, &a, &b);
	buf_done(&a);
	buf_done(&b);
}

static void compare_all(const struct twins *t)
{
	char *memory = ledger_dump(t->memory);
	char *other = ledger_dump(t->other);

	if (strcmp(memory, other) != 0) {
		(void)fprintf(stderr, "--- memory\n%s\n--- other\n%s\n", memory, other);
		fail_msg("what the twins hold differs");
	}
	free(memory);
	free(other);
}

static void remember_claims(struct twins *t, int actor, const struct ledger_txn *txn)
{
	for (const struct ledger_op *op = txn->first; op != NULL; op = op->next) {
		for (size_t i = 0; op->kind == LOP_CHUNK_CLAIM && i < op->u.chunk_claim.ret_n;
		     i++) {
			size_t at = t->n_held < HELD_MAX ? t->n_held++
							 : (size_t)chance_below(t, HELD_MAX);
			t->held[at] = (struct hold){actor, op->u.chunk_claim.ret_rows[i], 0};
		}
		for (size_t i = 0; op->kind == LOP_LOOSE_CLAIM && i < op->u.loose_claim.ret_n;
		     i++) {
			const struct ledger_loose_row *row = &op->u.loose_claim.ret_rows[i];
			size_t at = t->n_loose < LOOSE_MAX ? t->n_loose++
							   : (size_t)chance_below(t, LOOSE_MAX);
			t->loose[at] = (struct loose_hold){actor, row->run_id, row->item,
							   row->epoch};
		}
	}
}

static void twin_begin(struct twins *t, struct who *who)
{
	struct ledger_txn *txn[2] = {ledger_txn_new(), ledger_txn_new()};

	who->other = twin_open(t, 0);
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
	ledger_apply(who->other, txn[1]);
	compare_results(txn[0], txn[1]);
	who->inc = txn[0]->inc;
	who->batch = 0;
	ledger_txn_free(txn[0]);
	ledger_txn_free(txn[1]);
}

static void twin_kill(struct twins *t, struct who *who)
{
	ledger_close(who->other);
	who->other = NULL;
	ledger_memory_kill(t->memory, who->inc);
	who->inc = 0;
}

/* A transaction on both. For the other it goes through the handle of its instance. */
static void twin_step(struct twins *t, int actor)
{
	struct who *who = actor < 0 ? NULL : &t->who[actor];
	struct hold held[HELD_MAX];
	uint64_t seed = chance_next(t);

	memcpy(held, t->held, sizeof(held));
	struct ledger_txn *memory = twin_txn(t, who, seed);
	memcpy(t->held, held, sizeof(held)); /* revisions are counted once */
	struct ledger_txn *other = twin_txn(t, who, seed);
	if (who != NULL && !ledger_txn_is_read_only(memory))
		memory->batch = other->batch = chance_nearly(t, who->batch + 1);
	ledger_apply(t->memory, memory);
	ledger_apply(who == NULL ? t->other : who->other, other);
	compare_results(memory, other);
	for (int again = 0; again < 2 && memory->status == LEDGER_APPLIED && memory->batch > 0 &&
			    chance_below(t, 100) < 10;
	     again++) {
		ledger_apply(t->memory, memory);
		ledger_apply(who->other, other);
		compare_results(memory, other);
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
	ledger_txn_free(other);
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
	int64_t other = -1;

	assert_int_equal(ledger_verify(t->memory, finding, NULL, &memory, &err), 0);
	assert_int_equal(ledger_verify(t->other, finding, NULL, &other, &err), 0);
	assert_int_equal(memory, 0);
	assert_int_equal(other, 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

/* ---- on a server ---- */

static void server_run(struct twins *t, const char *sql)
{
	PGresult *rows = PQexec(t->server, sql);

	if (PQresultStatus(rows) != PGRES_COMMAND_OK && PQresultStatus(rows) != PGRES_TUPLES_OK)
		fail_msg("%s", PQerrorMessage(t->server));
	PQclear(rows);
}

/* A sequence goes on when what took a number is undone; the twins have the same numbers. What was
 * there once keeps its number, also when it is gone. */
static void server_step_back(struct twins *t)
{
	server_run(t, "INSERT INTO high AS h SELECT pg_get_serial_sequence('stint.run_', 'id'),"
		      " coalesce(max(id), 0) FROM stint.run_ UNION ALL"
		      " SELECT pg_get_serial_sequence('stint.chunk', 'id'), coalesce(max(id), 0)"
		      " FROM stint.chunk UNION ALL"
		      " SELECT 'stint.inc_seq', coalesce(max(inc), 0) FROM stint.instance_"
		      " ON CONFLICT (name) DO UPDATE SET n = greatest(h.n, excluded.n);"
		      "SELECT setval(name, greatest(n, 1), n > 0) FROM high");
}

/* ---- a life ---- */

static void open_twins(struct twins *t, const char *uri)
{
	struct err err = ERR_INIT;

	assert_int_equal(ledger_open("memory:", LEDGER_CREATE, &t->memory, &err), 0);
	if (uri == NULL) {
		(void)snprintf(t->directory, sizeof(t->directory), "%s/stint-twins-XXXXXX",
			       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
		assert_non_null(mkdtemp(t->directory));
		(void)snprintf(t->url, sizeof(t->url), "%s/ledger.db", t->directory);
	} else {
		ledger_memory_use_beats(t->memory);
		(void)snprintf(t->url, sizeof(t->url), "%s", uri);
		t->server = PQconnectdb(uri);
		server_run(t, "SET client_min_messages = warning;"
			      "CREATE TEMP TABLE high(name text PRIMARY KEY, n bigint);"
			      "DROP SCHEMA IF EXISTS stint CASCADE");
	}
	t->other = twin_open(t, LEDGER_CREATE);
}

static void close_twins(struct twins *t)
{
	for (int i = 0; i < ACTORS; i++)
		ledger_close(t->who[i].other);
	ledger_close(t->other);
	ledger_close(t->memory);
	if (t->server != NULL)
		PQfinish(t->server);
	else
		(void)nftw(t->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* `uri`: of a server; NULL: SQLite. */
static void live_one_life(uint64_t seed, const char *uri)
{
	struct twins *t = calloc(1, sizeof(*t));
	int steps = uri == NULL ? STEPS : STEPS_ON_A_SERVER;

	assert_non_null(t);
	t->seed = seed;
	t->now = 1764000000 * US_PER_S;
	open_twins(t, uri);
	for (int step = 0; step < steps; step++) {
		int actor = (int)chance_below(t, ACTORS + 1) - 1;
		t->now += chance_below(t, 300 * US_PER_MS);
		if (actor >= 0 && t->who[actor].inc == 0)
			twin_begin(t, &t->who[actor]);
		twin_step(t, actor);
		if (actor >= 0 && t->who[actor].inc != 0 && chance_below(t, 100) == 0)
			twin_kill(t, &t->who[actor]);
		if (uri != NULL)
			server_step_back(t);
		if (step % 20 == 0)
			compare_all(t);
		if (step % 200 == 0)
			verify_both(t);
	}
	compare_all(t);
	verify_both(t);
	print_message("seed %llu: %lld applied, %lld refused\n", (unsigned long long)seed,
		      (long long)t->applied, (long long)t->refused);
	assert_true(t->applied > steps / 4);
	close_twins(t);
	free(t);
}

static uint64_t seed_of(uint64_t nth)
{
	const char *wanted = getenv("STINT_TWINS_SEED");

	return wanted != NULL ? strtoull(wanted, NULL, 10) : nth * UINT64_C(0x9e3779b97f4a7c15);
}

static void memory_and_sqlite_never_differ(void **state)
{
	uint64_t lives = getenv("STINT_TWINS_SEED") != NULL ? 1 : 4;

	for (uint64_t nth = 1; nth <= lives; nth++)
		live_one_life(seed_of(nth), NULL);
}

static void memory_and_postgres_never_differ(void **state)
{
	const char *uri = getenv("STINT_TEST_POSTGRES");

	if (uri == NULL)
		fail_msg("run me with tests/tools/with_postgres");
	live_one_life(seed_of(1), uri);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_and_sqlite_never_differ),
		cmocka_unit_test(memory_and_postgres_never_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
