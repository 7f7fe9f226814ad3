/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/worker.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bits.h"
#include "base/err.h"
#include "ledger/ledger.h"
#include "sys/clock.h"
#include "sys/random.h"

enum { LIFE_S = 60, FILE_LIMIT = 1 << 20 };

struct worker {
	struct ledger *ledger;
	struct ledger_txn *txn;
	int64_t inc;
	int64_t batch;
	uint8_t nonce[LEDGER_NONCE_BYTES];
};

static void say(int64_t number)
{
	(void)printf("%lld\n", (long long)number);
	(void)fflush(stdout);
}

static struct ledger_op *work_begin(struct worker *w, enum ledger_op_kind kind)
{
	ledger_txn_free(w->txn);
	w->txn = ledger_txn_new();
	w->txn->inc = w->inc;
	memcpy(w->txn->nonce, w->nonce, sizeof(w->nonce));
	w->txn->now = clock_now();
	return ledger_txn_add(w->txn, kind);
}

static enum ledger_status work_try(struct worker *w)
{
	if (w->inc != 0 && !ledger_txn_is_read_only(w->txn))
		w->txn->batch = w->batch + 1;
	do
		ledger_apply(w->ledger, w->txn);
	while (w->txn->status == LEDGER_BUSY);
	if (w->txn->status == LEDGER_APPLIED && w->txn->batch != 0)
		w->batch = w->txn->batch;
	return w->txn->status;
}

static void work_commit(struct worker *w)
{
	if (work_try(w) == LEDGER_APPLIED)
		return;
	(void)fprintf(stderr, "worker: status %d: %s\n", w->txn->status, w->txn->err.text);
	exit(1);
}

static void work_open(struct worker *w, const char *url)
{
	struct err err = ERR_INIT;

	if (ledger_open(url, LEDGER_CREATE | LEDGER_VOLATILE, &w->ledger, &err) < 0) {
		(void)fprintf(stderr, "worker: %s\n", err.text);
		exit(1);
	}
	random_bytes(w->nonce, sizeof(w->nonce));
	struct ledger_op *op = work_begin(w, LOP_INSTANCE_BEGIN);
	memcpy(op->u.instance_begin.nonce, w->nonce, sizeof(w->nonce));
	op->u.instance_begin.name = op->u.instance_begin.host = op->u.instance_begin.boot_id = "w";
	op->u.instance_begin.pid = getpid();
	work_commit(w);
	w->inc = w->txn->inc;
}

/* The next chunk of the run; false when there is none. */
static bool work_claim(struct worker *w, int64_t run, struct lop_chunk_progress *ret_chunk)
{
	struct ledger_op *op = work_begin(w, LOP_CHUNK_CLAIM);

	op->u.chunk_claim.run_id = run;
	op->u.chunk_claim.max = 1;
	w->txn->claims = true;
	work_commit(w);
	if (op->u.chunk_claim.ret_n == 0)
		return false;
	const struct ledger_chunk_row *row = &op->u.chunk_claim.ret_rows[0];
	*ret_chunk = (struct lop_chunk_progress){
		.run_id = run, .chunk_id = row->id, .epoch = row->epoch, .n = row->n};
	return true;
}

static void work_progress(struct worker *w, const struct lop_chunk_progress *chunk)
{
	struct ledger_op *op = work_begin(w, LOP_CHUNK_PROGRESS);

	op->u.chunk_progress = *chunk;
	work_commit(w);
}

/* Works a run until nothing is left; says how many items it did. */
static int role_work(struct worker *w, const char *argument)
{
	struct lop_chunk_progress chunk;
	int64_t run = strtoll(argument, NULL, 10);
	uint8_t started[BITS_BYTES(CHUNK_ITEMS_MAX)];
	uint8_t done[BITS_BYTES(CHUNK_ITEMS_MAX)];
	int64_t items = 0;

	while (work_claim(w, run, &chunk)) {
		memset(started, 0, sizeof(started));
		memset(done, 0, sizeof(done));
		chunk.started = started;
		chunk.done = done;
		for (uint32_t i = 0; i < chunk.n; i++) {
			chunk.rev++;
			bits_set(started, i);
			if (i > 0)
				bits_set(done, i - 1);
			work_progress(w, &chunk);
		}
		chunk.rev++;
		bits_fill(done, 0, chunk.n);
		chunk.close = true;
		work_progress(w, &chunk);
		items += chunk.n;
	}
	(void)work_begin(w, LOP_INSTANCE_END);
	work_commit(w);
	say(items);
	return 0;
}

/* Claims a chunk, starts half of it, says its number and waits to be killed. */
static int role_hold(struct worker *w, const char *argument)
{
	struct lop_chunk_progress chunk;
	uint8_t started[BITS_BYTES(CHUNK_ITEMS_MAX)] = {0};

	if (!work_claim(w, strtoll(argument, NULL, 10), &chunk))
		return 1;
	bits_fill(started, 0, chunk.n / 2);
	chunk.started = started;
	chunk.rev = 1;
	work_progress(w, &chunk);
	say(w->inc);
	(void)pause();
	return 1;
}

/* Makes instances, one after the other, until it is killed. */
static int role_churn(struct worker *w, const char *argument)
{
	(void)argument;
	for (int64_t i = 0; w->inc > 0; i++) {
		struct ledger_op *op = work_begin(w, LOP_LANE_PUT);
		op->u.lane_put.pid = i;
		work_commit(w);
		if (i == 0)
			say(w->inc);
		if (i >= 20) {
			op = work_begin(w, LOP_LANE_DROP);
			op->u.lane_drop.pid = i - 20;
			work_commit(w);
		}
	}
	return 0;
}

/* Loads until a file may not grow any further; says the status and whether space was low before.
 * Then it may, and the load goes on. */
static int role_fill(struct worker *w, const char *argument)
{
	static char body[64 * 1024];
	struct ledger_op *op = work_begin(w, LOP_RUN_CREATE);
	struct rlimit limit = {0};

	(void)argument;
	(void)signal(SIGXFSZ, SIG_IGN); /* lint: allow banned: the limit is to be an error */
	op->u.run_create.row = (struct ledger_run_row){
		.job = "job", .due_key = "x/1", .effect = EFFECT_PURE, .doubt = DOUBT_RETRY};
	work_commit(w);
	int64_t run = op->u.run_create.ret_id;
	op = work_begin(w, LOP_RUN_JOIN);
	op->u.run_join.run_id = run;
	op = ledger_txn_add(w->txn, LOP_LOAD_TAKE);
	op->u.load_take.run_id = run;
	work_commit(w);
	int32_t epoch = op->u.load_take.ret_epoch;
	(void)getrlimit(RLIMIT_FSIZE, &limit);
	rlim_t was = limit.rlim_cur;
	limit.rlim_cur = FILE_LIMIT;
	(void)setrlimit(RLIMIT_FSIZE, &limit);
	const struct ledger_new_chunk chunk = {.n = 1, .body = body, .body_len = sizeof(body)};
	for (int i = 0; i < 1000; i++) {
		op = work_begin(w, LOP_LOAD_PUT);
		op->u.load_put = (struct lop_load_put){.run_id = run,
						       .epoch = epoch,
						       .chunks = &chunk,
						       .n_chunks = 1,
						       .add_read = 1};
		if (work_try(w) == LEDGER_APPLIED)
			continue;
		say(w->txn->status);
		say(w->txn->space_is_low);
		limit.rlim_cur = was;
		(void)setrlimit(RLIMIT_FSIZE, &limit);
		say(work_try(w)); /* the very same transaction */
		return 0;
	}
	return 1;
}

static const struct role {
	const char *name;
	int (*play)(struct worker *w, const char *argument);
} roles[] = {
	{"work", role_work},
	{"hold", role_hold},
	{"churn", role_churn},
	{"fill", role_fill},
};

int worker_main(int argc, char **argv)
{
	for (size_t i = 0; argc == 4 && i < ARRAY_LEN(roles); i++) {
		struct worker w = {0};
		if (strcmp(argv[1], roles[i].name) != 0)
			continue;
		(void)alarm(LIFE_S); /* it outlives no test */
		work_open(&w, argv[2]);
		int status = roles[i].play(&w, argv[3]);
		ledger_txn_free(w.txn);
		ledger_close(w.ledger);
		return status;
	}
	return -1;
}

pid_t worker_start(const char *role, const char *url, const char *argument, int *ret_fd)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char *const argv[] = {strdup("worker"), strdup(role), strdup(url), strdup(argument),
				      NULL};
		(void)dup2(ends[1], STDOUT_FILENO);
		(void)close(ends[0]);
		(void)close(ends[1]);
		(void)execv("/proc/self/exe", argv);
		_exit(127);
	}
	(void)close(ends[1]);
	*ret_fd = ends[0];
	return pid;
}

int64_t worker_number(int fd)
{
	char text[32] = {0};

	for (size_t n = 0; n + 1 < sizeof(text); n++) {
		ssize_t got = read(fd, &text[n], 1);
		if (got != 1)
			fail_msg("the worker said nothing");
		if (text[n] == '\n')
			break;
	}
	return strtoll(text, NULL, 10);
}

int worker_wait(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
