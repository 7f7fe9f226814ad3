/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claims LEDGER ITEMS CLAIMS: what claiming one chunk of 1,000 items costs while ITEMS wait.
 *
 * Makes runs of ITEMS items each, one after the other, and claims chunks of them one at a time (at
 * most a tenth of a large run, so that about ITEMS wait all the while), through the ledger's own
 * functions; CLAIMS claims in all. Prints the median in microseconds. bench/run links it with the
 * libraries of the program.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/err.h"
#include "ledger/ledger.h"
#include "ledger/txn.h"

enum { CHUNK_ITEMS = 1000, BODY_BYTES = 20000, PUT_CHUNKS = 100, LARGE_CHUNKS = 100 };

static struct ledger *ledger;
static int64_t inc;
static int64_t batch;
static uint8_t nonce[LEDGER_NONCE_BYTES];

static void die(const char *what, const char *why)
{
	(void)fprintf(stderr, "claims: %s: %s\n", what, why);
	exit(1);
}

static double microseconds(void)
{
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static utime now(void)
{
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (utime)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static struct ledger_op *begin(struct ledger_txn **txn, enum ledger_op_kind kind)
{
	*txn = ledger_txn_new();
	return ledger_txn_add(*txn, kind);
}

static void apply(struct ledger_txn *txn)
{
	txn->now = now();
	txn->inc = inc;
	memcpy(txn->nonce, nonce, sizeof(nonce));
	if (inc != 0 && !ledger_txn_is_read_only(txn))
		txn->batch = ++batch;
	ledger_apply(ledger, txn);
	if (txn->status != LEDGER_APPLIED)
		die("a transaction failed", txn->err.text);
}

static void begin_instance(void)
{
	struct ledger_txn *txn;
	struct ledger_op *op = begin(&txn, LOP_INSTANCE_BEGIN);

	op->u.instance_begin = (struct lop_instance_begin){
		.name = "claims", .host = "bench", .boot_id = "bench", .pid = 1};
	memcpy(op->u.instance_begin.nonce, nonce, sizeof(nonce));
	apply(txn);
	inc = op->u.instance_begin.ret_inc;
	ledger_txn_free(txn);
}

static int64_t create_run(int number)
{
	char due[64];
	struct ledger_txn *txn;
	struct ledger_op *op = begin(&txn, LOP_RUN_CREATE);

	(void)snprintf(due, sizeof(due), "2026-11-23//%d", number);
	op->u.run_create.row = (struct ledger_run_row){
		.job = "claims",
		.due_key = due,
		.name = due,
		.slot = "2026-11-23",
		.date = "2026-11-23",
		.params = "{}",
		.n = number,
		.job_text = "{}",
		.job_path = "claims.yaml",
		.effect = EFFECT_PURE,
		.doubt = DOUBT_ASK,
		.source_path = "",
	};
	apply(txn);
	int64_t id = op->u.run_create.ret_id;
	ledger_txn_free(txn);
	op = begin(&txn, LOP_RUN_JOIN);
	op->u.run_join.run_id = id;
	apply(txn);
	ledger_txn_free(txn);
	return id;
}

static void load_run(int64_t run_id, long chunks)
{
	static char body[BODY_BYTES];
	struct ledger_new_chunk some[PUT_CHUNKS];
	struct ledger_txn *txn;
	struct ledger_op *op = begin(&txn, LOP_LOAD_TAKE);

	op->u.load_take.run_id = run_id;
	apply(txn);
	int32_t epoch = op->u.load_take.ret_epoch;
	ledger_txn_free(txn);
	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (char)((i * 2654435761U) >> 13); /* hardly to be compressed */
	for (size_t i = 0; i < PUT_CHUNKS; i++)
		some[i] = (struct ledger_new_chunk){
			.n = CHUNK_ITEMS, .body = body, .body_len = sizeof(body)};
	for (long left = chunks; left > 0; left -= PUT_CHUNKS) {
		size_t n = left < PUT_CHUNKS ? (size_t)left : PUT_CHUNKS;
		op = begin(&txn, LOP_LOAD_PUT);
		op->u.load_put = (struct lop_load_put){.run_id = run_id,
						       .epoch = epoch,
						       .chunks = some,
						       .n_chunks = n,
						       .cursor = "cursor",
						       .cursor_len = 6,
						       .add_read = (int64_t)n * CHUNK_ITEMS};
		apply(txn);
		ledger_txn_free(txn);
	}
	op = begin(&txn, LOP_LOAD_OPEN);
	op->u.load_open.run_id = run_id;
	op->u.load_open.epoch = epoch;
	apply(txn);
	ledger_txn_free(txn);
}

static double claim_one(int64_t run_id)
{
	struct ledger_txn *txn;
	struct ledger_op *op = begin(&txn, LOP_CHUNK_CLAIM);

	op->u.chunk_claim.run_id = run_id;
	op->u.chunk_claim.max = 1;
	double from = microseconds();
	apply(txn);
	double took = microseconds() - from;
	if (op->u.chunk_claim.ret_n != 1)
		die("claim", "found nothing");
	ledger_txn_free(txn);
	return took;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	long chunks = argc == 4 ? strtol(argv[2], NULL, 10) / CHUNK_ITEMS : 0;
	long claims = argc == 4 ? strtol(argv[3], NULL, 10) : 0;
	struct err err = ERR_INIT;

	if (chunks < 1 || claims < 1)
		die("usage", "claims LEDGER ITEMS CLAIMS");
	if (ledger_open(argv[1], 0, &ledger, &err) < 0)
		die(argv[1], err.text);
	for (size_t i = 0; i < sizeof(nonce); i++)
		nonce[i] = (uint8_t)i;
	begin_instance();

	double *took = calloc((size_t)claims, sizeof(*took));
	long per_run = chunks <= LARGE_CHUNKS ? chunks : chunks / 10;
	int64_t run_id = 0;

	if (took == NULL)
		die("memory", "none left");
	for (long i = 0; i < claims; i++) {
		if (i % per_run == 0) {
			run_id = create_run((int)(i / per_run) + 1);
			load_run(run_id, chunks);
		}
		took[i] = claim_one(run_id);
	}
	qsort(took, (size_t)claims, sizeof(*took), compare);
	printf("%.1f\n", took[claims / 2]);
	free(took);
	ledger_close(ledger);
	return 0;
}
