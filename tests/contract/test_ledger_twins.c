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

#include "base/err.h"
#include "contract/bench.h"
#include "contract/chance.h"
#include "contract/results.h"
#include "ledger/ledger.h"

enum { TEXT_MAX = 1 << 22, STEPS = 3000 };

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
	uint64_t seed = chance_next(t);

	memcpy(held, t->held, sizeof(held));
	struct ledger_txn *memory = twin_txn(t, who, seed);
	memcpy(t->held, held, sizeof(held)); /* revisions are counted once */
	struct ledger_txn *sqlite = twin_txn(t, who, seed);
	if (who != NULL && !ledger_txn_is_read_only(memory))
		memory->batch = sqlite->batch = chance_nearly(t, who->batch + 1);
	ledger_apply(t->memory, memory);
	ledger_apply(who == NULL ? t->sqlite : who->sqlite, sqlite);
	compare_results(memory, sqlite);
	for (int again = 0; again < 2 && memory->status == LEDGER_APPLIED && memory->batch > 0 &&
			    chance_below(t, 100) < 10;
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
		int actor = (int)chance_below(t, ACTORS + 1) - 1;
		t->now += chance_below(t, 300 * US_PER_MS);
		if (actor >= 0 && t->who[actor].inc == 0)
			twin_begin(t, &t->who[actor]);
		twin_step(t, actor);
		if (actor >= 0 && t->who[actor].inc != 0 && chance_below(t, 100) == 0)
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
