/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/memory/memory.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/err.h"
#include "base/mem.h"

enum { LIST_FIRST_CAP = 8 };

static const uint8_t memory_uuid[LEDGER_UUID_BYTES] = {'s', 't', 'i', 'n', 't', '-', 'm', 'e',
						       'm', 'o', 'r', 'y', 0,	0,   0,	  1};

struct memory *mem_of(struct ledger *ledger)
{
	struct memory *m = CONTAINER_OF(ledger, struct memory, base);

	assert(ledger->backend == &ledger_memory && m->magic == MEMORY_MAGIC);
	return m;
}

void mem_touch(struct memory *m, void *where, size_t size)
{
	struct mem_undo *u = arena_alloc(&m->scratch, sizeof(*u) + size);

	u->previous = m->undo;
	u->where = where;
	u->size = size;
	memcpy(u + 1, where, size);
	m->undo = u;
}

void mem_commit(struct memory *m)
{
	if (m->remembers) {
		m->safe = m->undo;
		return;
	}
	m->undo = NULL;
	arena_reset(&m->scratch);
}

/* The newest first: what was touched twice ends as it began. */
static void mem_go_back(struct memory *m, const struct mem_undo *to)
{
	for (; m->undo != to; m->undo = m->undo->previous)
		memcpy(m->undo->where, m->undo + 1, m->undo->size);
}

static void mem_rollback(struct memory *m)
{
	mem_go_back(m, m->safe);
	mem_commit(m);
}

void ledger_memory_remember(struct ledger *ledger)
{
	mem_of(ledger)->remembers = true;
}

void ledger_memory_go_back(struct ledger *ledger)
{
	mem_go_back(mem_of(ledger), NULL);
	ledger_memory_forget(ledger);
}

void ledger_memory_forget(struct ledger *ledger)
{
	struct memory *m = mem_of(ledger);

	m->remembers = false;
	m->safe = NULL;
	mem_commit(m);
}

void ledger_memory_watch(struct ledger *ledger, void (*on_redo)(void *arg, struct ledger_txn *txn),
			 void *arg)
{
	struct memory *m = mem_of(ledger);

	m->on_redo = on_redo;
	m->redo_arg = arg;
}

void mem_list_push(struct memory *m, struct mem_list *list, void *item)
{
	MEM_TOUCH(m, list);
	if (list->n == list->cap) {
		size_t cap = list->cap == 0 ? LIST_FIRST_CAP : 2 * list->cap;
		void **at = arena_alloc(&m->arena, cap * sizeof(*at));
		if (list->n > 0)
			memcpy(at, list->at, list->n * sizeof(*at));
		list->at = at;
		list->cap = cap;
	}
	/* Beyond n nothing is remembered: an undone push leaves a slot that nobody looks at. */
	list->at[list->n++] = item;
}

void mem_list_insert(struct memory *m, struct mem_list *list, size_t place, void *item)
{
	assert(place <= list->n);
	mem_list_push(m, list, item);
	mem_touch(m, &list->at[place], (list->n - place) * sizeof(*list->at));
	memmove(&list->at[place + 1], &list->at[place], (list->n - 1 - place) * sizeof(*list->at));
	list->at[place] = item;
}

void mem_list_remove(struct memory *m, struct mem_list *list, const void *item)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->at[i] != item)
			continue;
		MEM_TOUCH(m, list);
		mem_touch(m, &list->at[i], (list->n - i) * sizeof(*list->at));
		memmove(&list->at[i], &list->at[i + 1], (list->n - i - 1) * sizeof(*list->at));
		list->n--;
		return;
	}
}

const char *mem_text(struct memory *m, const char *s)
{
	return s == NULL || s[0] == '\0' ? "" : arena_str(&m->arena, s);
}

const char *mem_text_or_null(struct memory *m, const char *s)
{
	return arena_str(&m->arena, s);
}

static void *mem_by_id(const struct mem_list *list, int64_t id)
{
	return id < 1 || (uint64_t)id > list->n ? NULL : list->at[id - 1];
}

struct mem_instance *mem_instance_find(struct memory *m, int64_t inc)
{
	return mem_by_id(&m->instances, inc);
}

struct mem_run *mem_run_find(struct memory *m, int64_t id)
{
	return mem_by_id(&m->runs, id);
}

struct mem_chunk *mem_chunk_find(struct memory *m, int64_t id)
{
	return mem_by_id(&m->chunks, id);
}

struct mem_chunk *mem_chunk_of(const struct mem_run *run, int64_t item)
{
	size_t low = 0;
	size_t high = run->chunks.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct mem_chunk *c = run->chunks.at[middle];
		if (item < c->first_item)
			high = middle;
		else if (item >= c->first_item + c->n)
			low = middle + 1;
		else
			return c;
	}
	return NULL;
}

struct mem_loose *mem_loose_find(const struct mem_chunk *chunk, int64_t item)
{
	return chunk->loose == NULL ? NULL : chunk->loose[item - chunk->first_item];
}

bool mem_instance_works(const struct memory *m, const struct mem_instance *i)
{
	return (i->row.state == INSTANCE_LIVE || i->row.state == INSTANCE_STOPPING) &&
	       (m->base.has_beats || !i->is_killed);
}

int mem_lost(struct ledger_txn *txn, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* cut where it is too long */
	va_end(ap);
	err_set(&txn->err, ERR_TEMP, 0, "%s", text);
	return LEDGER_LOST;
}

/* ---- applying ---- */

struct mem_op {
	mem_op_fn fn;
	bool replays; /* has results that a re-sent batch needs again */
};

static const struct mem_op ops[LEDGER_OP_COUNT_] = {
	[LOP_INSTANCE_BEGIN] = {mem_instance_begin, true},
	[LOP_INSTANCE_LIST] = {mem_instance_list, true},
	[LOP_INSTANCE_QUARANTINE] = {mem_instance_quarantine, false},
	[LOP_INSTANCE_STOPPING] = {mem_instance_stopping, false},
	[LOP_INSTANCE_END] = {mem_instance_end, false},
	[LOP_LANE_PUT] = {mem_lane_put, false},
	[LOP_LANE_DROP] = {mem_lane_drop, false},
	[LOP_REAP] = {mem_reap, true},
	[LOP_RUN_LIST] = {mem_run_list, true},
	[LOP_RUN_CREATE] = {mem_run_create, true},
	[LOP_RUN_JOIN] = {mem_run_join, true},
	[LOP_RUN_COMPANY] = {mem_run_company, true},
	[LOP_RUN_LEAVE] = {mem_run_leave, false},
	[LOP_RUN_END] = {mem_run_end, true},
	[LOP_RUN_FINISH] = {mem_run_finish, true},
	[LOP_RUN_COUNTS] = {mem_run_counts, true},
	[LOP_LOAD_TAKE] = {mem_load_take, true},
	[LOP_LOAD_PUT] = {mem_load_put, false},
	[LOP_LOAD_OPEN] = {mem_load_open, false},
	[LOP_KEYS_FIND] = {mem_keys_find, true},
	[LOP_CONTENT_FIND] = {mem_content_find, true},
	[LOP_CHUNK_CLAIM] = {mem_chunk_claim, true},
	[LOP_CHUNK_PROGRESS] = {mem_chunk_progress, false},
	[LOP_GIVE_BACK] = {mem_give_back, false},
	[LOP_LOOSE_PUT] = {mem_loose_put, false},
	[LOP_LOOSE_CLAIM] = {mem_loose_claim, true},
	[LOP_LOOSE_SETTLE] = {mem_loose_settle, false},
	[LOP_DOUBT_RESOLVE] = {mem_doubt_resolve, false},
	[LOP_ATTEMPT_PUT] = {mem_attempt_put, false},
	[LOP_ROLLUP_ADD] = {mem_rollup_add, false},
	[LOP_LATENCY_ADD] = {mem_latency_add, false},
	[LOP_FAILURE_ADD] = {mem_failure_add, false},
	[LOP_RUN_STATS] = {mem_run_stats, true},
	[LOP_RUN_NOTE] = {mem_run_note, false},
	[LOP_REQUEST_LIST] = {mem_request_list, true},
	[LOP_REQUEST_OBEY] = {mem_request_obey, false},
	[LOP_UNTOLD_LIST] = {mem_untold_list, true},
	[LOP_TOLD_PUT] = {mem_told_put, false},
	[LOP_ENDED_LIST] = {mem_ended_list, true},
	[LOP_ENDED_TOLD] = {mem_ended_told, false},
	[LOP_ENDING_TAKE] = {mem_ending_take, true},
	[LOP_ENDING_PUT] = {mem_ending_put, true},
	[LOP_CURSOR_FIND] = {mem_cursor_find, true},
	[LOP_STEP_ITEMS] = {mem_step_items, true},
	[LOP_INBOX_ADD] = {mem_inbox_add, false},
	[LOP_INBOX_BEGIN] = {mem_inbox_begin, true},
	[LOP_INBOX_READ] = {mem_inbox_read, true},
	[LOP_RATE_TAKE] = {mem_rate_take, true},
	[LOP_QUOTA_TAKE] = {mem_quota_take, true},
	[LOP_POOLS_TAKE] = {mem_pools_take, true},
	[LOP_PERSON] = {mem_person, false},
	[LOP_BREAKER_GET] = {mem_breaker_get, true},
	[LOP_BREAKER_PUT] = {mem_breaker_put, true},
	[LOP_ENDPOINT_PUT] = {mem_endpoint_put, false},
};

/* F, and the number of the batch. */
static int mem_fence(struct memory *m, struct ledger_txn *txn)
{
	struct mem_instance *i = mem_instance_find(m, txn->inc);
	bool is_ours = i != NULL && memcmp(i->row.nonce, txn->nonce, sizeof(txn->nonce)) == 0;

	/* Safety: the answer to its own end may have been lost. A reaped one is told nothing good
	 * any more: it would act on what was taken from it. */
	if (is_ours && i->row.state == INSTANCE_ENDED && txn->batch > 0 && i->batch >= txn->batch) {
		m->is_replay = true;
		return 0;
	}
	if (!is_ours || (i->row.state != INSTANCE_LIVE && i->row.state != INSTANCE_STOPPING)) {
		err_set(&txn->err, ERR_TEMP, 0, "instance %lld is not alive in the ledger",
			(long long)txn->inc);
		return LEDGER_FENCED;
	}
	if (txn->batch > 0 && i->batch >= txn->batch) {
		m->is_replay = true;
		return 0;
	}
	if (txn->claims && i->row.state != INSTANCE_LIVE)
		return mem_lost(txn, "instance %lld is stopping and claims nothing",
				(long long)txn->inc);
	if (txn->batch > 0 && txn->batch != i->batch + 1 && !txn->is_redo)
		return mem_lost(txn, "batch %lld cannot follow batch %lld", (long long)txn->batch,
				(long long)i->batch);
	if (txn->batch > 0) {
		MEM_TOUCH(m, i);
		i->batch = txn->batch;
	}
	return 0;
}

/* Each item that left its chunk must have its done bit there by now (I1). */
static int mem_check_loose(struct memory *m, struct ledger_txn *txn)
{
	for (struct ledger_op *op = txn->first; op != NULL; op = op->next) {
		if (op->kind != LOP_LOOSE_PUT)
			continue;
		const struct ledger_loose_row *row = &op->u.loose_put.row;
		const struct mem_chunk *c = mem_chunk_find(m, row->chunk_id);
		assert(c != NULL); /* or the operation had lost */
		if (!bits_get(c->done, (size_t)(row->item - c->first_item))) {
			txn->lost = op;
			return mem_lost(txn, "item %lld of run %lld left its chunk without a bit",
					(long long)row->item, (long long)row->run_id);
		}
	}
	return 0;
}

static int mem_run_ops(struct memory *m, struct ledger_txn *txn)
{
	int rc = 0;

	if (txn->inc != 0 && !ledger_txn_is_read_only(txn))
		rc = mem_fence(m, txn);
	for (struct ledger_op *op = txn->first; op != NULL && rc == 0; op = op->next) {
		if (m->is_replay && !ops[op->kind].replays)
			continue;
		rc = ops[op->kind].fn(m, txn, op);
		if (rc == LEDGER_LOST)
			txn->lost = op;
	}
	return rc != 0 || m->is_replay ? rc : mem_check_loose(m, txn);
}

/* Was a batch lost that this instance knows to be applied? */
static bool mem_is_behind(const struct memory *m, struct ledger_txn *txn)
{
	const struct mem_instance *i = mem_by_id(&m->instances, txn->inc);

	if (i == NULL || txn->is_redo || i->batch >= txn->acked ||
	    memcmp(i->row.nonce, txn->nonce, sizeof(txn->nonce)) != 0 || !mem_instance_works(m, i))
		return false;
	err_set(&txn->err, ERR_TEMP, 0, "batch %lld was lost", (long long)txn->acked);
	txn->ret_batch = i->batch;
	return true;
}

static void mem_apply(struct ledger *ledger, struct ledger_txn *txn)
{
	struct memory *m = mem_of(ledger);

	m->is_replay = false;
	int rc = mem_is_behind(m, txn) ? LEDGER_BEHIND : mem_run_ops(m, txn);
	if (rc == 0)
		mem_commit(m);
	else
		mem_rollback(m);
	txn->status = rc == 0 ? LEDGER_APPLIED : (enum ledger_status)rc;
	if (rc == 0 && txn->is_redo && m->on_redo != NULL)
		m->on_redo(m->redo_arg, txn);
}

void ledger_memory_kill(struct ledger *ledger, int64_t inc)
{
	assert(ledger != NULL);
	struct memory *m = mem_of(ledger);
	struct mem_instance *i = mem_instance_find(m, inc);
	assert(i != NULL);
	i->is_killed = true;
}

/* ---- beats ---- */

void ledger_memory_use_beats(struct ledger *ledger)
{
	assert(ledger != NULL);
	mem_of(ledger)->base.has_beats = true;
}

static struct ledger_pulse *mem_pulse_new(struct ledger *ledger)
{
	(void)mem_of(ledger);
	return xnew(struct ledger_pulse);
}

static void mem_pulse_free(struct ledger_pulse *pulse)
{
	free(pulse);
}

static enum ledger_status mem_pulse_beat(struct ledger_pulse *pulse, int64_t inc,
					 const uint8_t nonce[LEDGER_NONCE_BYTES], struct err *err)
{
	struct mem_instance *i = mem_instance_find(mem_of(pulse->ledger), inc);

	if (i == NULL || memcmp(i->row.nonce, nonce, LEDGER_NONCE_BYTES) != 0 ||
	    (i->row.state != INSTANCE_LIVE && i->row.state != INSTANCE_STOPPING)) {
		err_set(err, ERR_TEMP, 0, "instance %lld is not alive in the ledger",
			(long long)inc);
		return LEDGER_FENCED;
	}
	i->row.beat++;
	i->is_killed = false;
	return LEDGER_APPLIED;
}

/* ---- the rest of the backend ---- */

static int mem_open(const char *path, unsigned flags, struct ledger **ret_ledger, struct err *err)
{
	(void)path;
	if ((flags & LEDGER_READ_ONLY) != 0)
		return ERR(err, ERR_LEDGER, "a memory ledger has nothing to read yet");
	struct memory *m = xnew(struct memory);
	m->magic = MEMORY_MAGIC;
	memcpy(m->base.uuid, memory_uuid, sizeof(memory_uuid));
	m->base.schema_version = 1;
	*ret_ledger = &m->base;
	return 0;
}

static void mem_close(struct ledger *ledger)
{
	struct memory *m = mem_of(ledger);

	m->magic = 0;
	arena_done(&m->scratch);
	arena_done(&m->arena);
	free(m);
}

/* lint: allow parameters: the face has them */
static int mem_select(struct ledger *ledger, const char *sql, const struct ledger_param *params,
		      size_t n, ledger_row_fn fn, void *arg, struct err *err)
{
	(void)ledger, (void)sql, (void)params, (void)n, (void)fn, (void)arg;
	return ERR(err, ERR_LEDGER, "SQL is not available on the memory ledger");
}

static int mem_upgrade(struct ledger *ledger, int *ret_from, int *ret_to, struct err *err)
{
	(void)err;
	*ret_from = *ret_to = ledger->schema_version;
	return 0;
}

const struct ledger_backend ledger_memory = {
	.name = "memory",
	.open = mem_open,
	.close = mem_close,
	.apply = mem_apply,
	.select = mem_select,
	.walk = mem_walk,
	.check_storage = mem_check_storage,
	.upgrade = mem_upgrade,
	.restored = mem_restored,
	.pulse_new = mem_pulse_new,
	.pulse_free = mem_pulse_free,
	.pulse_beat = mem_pulse_beat,
};
