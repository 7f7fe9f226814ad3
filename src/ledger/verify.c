/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every invariant that can be seen in a ledger at rest, checked while it is walked once.
 *
 * Pure, and small in memory: what is kept is one run at a time, the instances that are alive, and
 * eight bytes for each run.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/hash.h"
#include "base/mem.h"
#include "ledger/backend.h"
#include "ledger/rules.h"

enum { WHERE_MAX = 96, WHAT_MAX = 256 };

struct verify_numbers {
	int64_t *at;
	size_t n;
	size_t cap;
};

struct verify {
	ledger_finding_fn fn;
	void *arg;
	int64_t findings;
	struct verify_numbers alive; /* instances that are live or stopping, in order */
	struct verify_numbers due;   /* a hash for each run's job and due key */
	/* the run that is walked */
	bool has_run;
	int64_t run_id;
	enum run_state state;
	bool was_open;
	int64_t n_items;
	int64_t next_item;   /* where the next chunk begins */
	int64_t n_done_bits; /* in all chunks */
	int64_t n_open;	     /* chunks that are not closed */
	int64_t n_untold;    /* bits */
	int64_t n_loose;
	int64_t n_moving; /* loose rows that something still happens to */
	struct ledger_step_row step[LEDGER_STEPS_MAX];
	size_t n_steps;
};

static void numbers_add(struct verify_numbers *numbers, int64_t x)
{
	if (numbers->n == numbers->cap) {
		numbers->cap = numbers->cap == 0 ? 64 : 2 * numbers->cap;
		numbers->at = xrealloc(numbers->at, numbers->cap, sizeof(*numbers->at));
	}
	numbers->at[numbers->n++] = x;
}

static int number_order(const void *a, const void *b)
{
	const int64_t *x = a;
	const int64_t *y = b;

	return (*x > *y) - (*x < *y);
}

static bool is_alive(const struct verify *v, int64_t inc)
{
	return v->alive.n > 0 &&
	       bsearch(&inc, v->alive.at, v->alive.n, sizeof(*v->alive.at), number_order) != NULL;
}

static void finding(struct verify *v, const char *invariant, const char *where, const char *what)
{
	v->fn(v->arg, invariant, where, what);
	v->findings++;
}

static void run_finding(struct verify *v, const char *invariant, const char *what)
{
	char where[WHERE_MAX];

	(void)snprintf(where, sizeof(where), "run %lld", (long long)v->run_id); /* fits */
	finding(v, invariant, where, what);
}

/* ---- instances ---- */

static void verify_instance(void *arg, const struct ledger_instance_row *row)
{
	struct verify *v = arg;

	if (row->state == INSTANCE_LIVE || row->state == INSTANCE_STOPPING)
		numbers_add(&v->alive, row->inc);
}

/* ---- runs ---- */

/* What can be said of a run when all of it was seen. */
static void verify_run_end(struct verify *v)
{
	char what[WHAT_MAX];

	if (!v->has_run)
		return;
	v->has_run = false;
	if (v->next_item != v->n_items) {
		(void)snprintf(what, sizeof(what), "it has %lld items and its chunks have %lld",
			       (long long)v->n_items, (long long)v->next_item); /* fits */
		run_finding(v, "I1", what);
	}
	if (v->n_loose > v->n_done_bits)
		run_finding(v, "I1", "more items left their chunks than are marked there");
	if (v->state != RUN_FINISHED)
		return;
	if (v->n_open > 0)
		run_finding(v, "I15", "it is finished and has chunks that are not closed");
	if (v->n_moving > 0)
		run_finding(v, "I15", "it is finished and has items to retry, running or in doubt");
	if (v->n_untold > 0)
		run_finding(v, "I15", "it is finished and not everybody was told");
}

static void verify_counters(struct verify *v, const struct ledger_run_row *row)
{
	char what[WHAT_MAX];
	int64_t sum = row->n_items + row->n_filtered + row->n_rejected + row->n_held_back;

	if (row->n_read == sum)
		return;
	(void)snprintf(what, sizeof(what),
		       "read %lld is not loaded %lld + filtered %lld + rejected %lld + held back"
		       " %lld",
		       (long long)row->n_read, (long long)row->n_items, (long long)row->n_filtered,
		       (long long)row->n_rejected, (long long)row->n_held_back); /* fits */
	run_finding(v, "conservation", what);
}

/* Of the run's steps: their items follow one another, and together they are the run's. */
static void verify_steps(struct verify *v, const struct ledger_run_row *row)
{
	struct ledger_step_row sum = {0};
	bool is_over = row->state == RUN_FINISHED;

	v->n_steps = row->n_steps < LEDGER_STEPS_MAX ? row->n_steps : LEDGER_STEPS_MAX;
	for (size_t i = 0; i < v->n_steps; i++) {
		const struct ledger_step_row *s = v->step + i;
		v->step[i] = row->steps[i];
		bool has_begun = s->state != RUN_LOADING || s->n_items > 0;
		if (has_begun && s->first_item != sum.n_items)
			run_finding(v, "I1", "the items of a step do not follow those before");
		if ((is_over || s->step < row->step) && s->state != RUN_FINISHED)
			run_finding(v, "steps", "it is past a step that is not finished");
		if (s->n_read != s->n_items + s->n_filtered + s->n_rejected + s->n_held_back)
			run_finding(v, "conservation", "a step has not all that it read");
		sum.n_items += s->n_items;
		sum.n_read += s->n_read;
		sum.n_rejected += s->n_rejected;
	}
	if (sum.n_items != row->n_items || sum.n_read != row->n_read ||
	    sum.n_rejected != row->n_rejected)
		run_finding(v, "conservation", "its steps do not add up to it");
	if (row->step < 1 || (size_t)row->step > v->n_steps)
		run_finding(v, "steps", "it is at a step that is not there");
}

static void verify_run(void *arg, const struct ledger_run_row *row)
{
	struct verify *v = arg;
	uint64_t job = hash_xxh64(row->job, strlen(row->job));
	uint64_t due = hash_xxh64(row->due_key, strlen(row->due_key));

	verify_run_end(v);
	v->has_run = true;
	v->run_id = row->id;
	v->state = row->state;
	v->was_open = row->was_open;
	v->n_items = row->n_items;
	v->next_item = v->n_done_bits = v->n_open = v->n_untold = v->n_loose = v->n_moving = 0;
	/* The golden ratio parts the two hashes. */
	numbers_add(&v->due, (int64_t)(job * UINT64_C(0x9e3779b97f4a7c15) ^ due));
	verify_counters(v, row);
	verify_steps(v, row);
	if (row->loader != 0 && !is_alive(v, row->loader))
		run_finding(v, "I2", "an instance that is not alive loads it");
	if (row->loader != 0 && row->state != RUN_LOADING)
		run_finding(v, "I2", "somebody loads it and it is not loading");
	if (rule_run_is_over(row->state) != (row->ended_at != 0) && row->state != RUN_FAILED)
		run_finding(v, "state", "its end and its state do not agree");
	bool must_have_been_open = row->state == RUN_OPEN || row->state == RUN_PAUSED ||
				   row->state == RUN_FINISHED;
	if (must_have_been_open && !row->was_open)
		run_finding(v, "state", "it is past loading and was never open");
}

static void verify_due_keys(struct verify *v)
{
	if (v->due.n > 1)
		qsort(v->due.at, v->due.n, sizeof(*v->due.at), number_order);
	for (size_t i = 1; i < v->due.n; i++)
		if (v->due.at[i] == v->due.at[i - 1])
			finding(v, "I12", "runs", "two runs of a job have one slot");
}

/* ---- chunks ---- */

static void chunk_finding(struct verify *v, const struct ledger_chunk_row *row,
			  const char *invariant, const char *what)
{
	char where[WHERE_MAX];

	(void)snprintf(where, sizeof(where), "run %lld, chunk %lld", (long long)row->run_id,
		       (long long)row->id); /* fits */
	finding(v, invariant, where, what);
}

static bool has_started(const struct ledger_chunk_row *row)
{
	for (size_t i = 0; i < BITS_BYTES(row->n); i++)
		if ((row->started[i] & ~row->done[i]) != 0)
			return true;
	return false;
}

/* Bits past the last item are 0, so that counting whole bytes is right. */
static bool has_stray_bits(const uint8_t *bits, uint32_t n)
{
	return bits_count(bits, 8 * BITS_BYTES(n)) != bits_count(bits, n);
}

static void verify_owner(struct verify *v, const struct ledger_chunk_row *row)
{
	if ((row->state == CHUNK_HELD) != (row->owner != 0))
		chunk_finding(v, row, "I2", "its state and its owner do not agree");
	else if (row->owner != 0 && !is_alive(v, row->owner))
		chunk_finding(v, row, "I2", "an instance that is not alive holds it");
	if (row->state == CHUNK_HELD && !v->was_open)
		chunk_finding(v, row, "I2", "it is held and its run was never open");
}

static void verify_chunk_step(struct verify *v, const struct ledger_chunk_row *row)
{
	if (row->step < 1 || (size_t)row->step > v->n_steps) {
		chunk_finding(v, row, "steps", "it is of no step");
		return;
	}
	const struct ledger_step_row *step = &v->step[row->step - 1];
	if (row->first_item < step->first_item ||
	    row->first_item + row->n > step->first_item + step->n_items)
		chunk_finding(v, row, "I1", "its items are not those of its step");
	if (step->state == RUN_FINISHED && row->state != CHUNK_CLOSED)
		chunk_finding(v, row, "I15", "its step is finished and it is not closed");
}

static void verify_chunk(void *arg, const struct ledger_chunk_row *row)
{
	struct verify *v = arg;
	size_t done = bits_count(row->done, row->n);

	if (row->first_item != v->next_item)
		chunk_finding(v, row, "I1", "its items do not follow those of the chunk before");
	v->next_item = row->first_item + row->n;
	v->n_done_bits += (int64_t)done;
	v->n_open += row->state == CHUNK_CLOSED ? 0 : 1;
	v->n_untold += (int64_t)(row->n - bits_count(row->told, row->n));
	if (row->n < 1 || row->n > CHUNK_ITEMS_MAX)
		chunk_finding(v, row, "I1", "it has no item or too many");
	if (row->state != CHUNK_HELD && has_started(row))
		chunk_finding(v, row, "I7", "nobody holds it and items are started and not done");
	if (row->state == CHUNK_CLOSED && done != row->n)
		chunk_finding(v, row, "I9", "it is closed and not every item is done");
	if (row->state == CHUNK_READY && done == row->n)
		chunk_finding(v, row, "I9", "every item is done and it is not closed");
	if (has_stray_bits(row->started, row->n) || has_stray_bits(row->done, row->n) ||
	    has_stray_bits(row->told, row->n))
		chunk_finding(v, row, "bits", "bits are set that belong to no item");
	verify_owner(v, row);
	verify_chunk_step(v, row);
}

/* ---- loose items ---- */

static void loose_finding(struct verify *v, const struct ledger_loose_row *row,
			  const char *invariant, const char *what)
{
	char where[WHERE_MAX];

	(void)snprintf(where, sizeof(where), "run %lld, item %lld", (long long)row->run_id,
		       (long long)row->item); /* fits */
	finding(v, invariant, where, what);
}

static bool loose_moves(enum loose_state state)
{
	switch (state) {
	case LOOSE_RETRY:
	case LOOSE_HELD:
	case LOOSE_DOUBT:
	case LOOSE_PROBING:
		return true;
	case LOOSE_DEAD:
	case LOOSE_DONE:
	case LOOSE_WAIVED:
	case LOOSE_ASKED:
		break;
	}
	return false;
}

static void verify_loose(void *arg, const struct ledger_loose_row *row)
{
	struct verify *v = arg;
	bool is_held = row->state == LOOSE_HELD || row->state == LOOSE_PROBING;

	v->n_loose++;
	v->n_moving += loose_moves(row->state) ? 1 : 0;
	if (row->chunk_n == 0)
		loose_finding(v, row, "I1", "its chunk is not there");
	else if (row->item < row->first_item || row->item >= row->first_item + row->chunk_n)
		loose_finding(v, row, "I1", "it is not of its chunk");
	else if (!row->has_done_bit)
		loose_finding(v, row, "I1", "it left its chunk and is not marked there");
	if (is_held != (row->owner != 0))
		loose_finding(v, row, "I2", "its state and its owner do not agree");
	else if (row->owner != 0 && !is_alive(v, row->owner))
		loose_finding(v, row, "I2", "an instance that is not alive holds it");
	if (row->attempt < 0 || row->crashes < 0 || row->redo < 0)
		loose_finding(v, row, "I14", "a count is negative");
}

/* Not an invariant of its own: instances come first in a walk, in the order of their numbers. */
int ledger_verify(struct ledger *ledger, ledger_finding_fn fn, void *arg, int64_t *ret_findings,
		  struct err *err)
{
	struct verify v = {.fn = fn, .arg = arg};
	const struct ledger_visitor visitor = {
		.arg = &v,
		.instance = verify_instance,
		.run = verify_run,
		.chunk = verify_chunk,
		.loose = verify_loose,
	};
	int64_t more = 0;

	assert(ledger != NULL && fn != NULL && ret_findings != NULL);
	int rc = ledger->backend->check_storage(ledger, fn, arg, &more, err);
	if (rc == 0)
		rc = ledger->backend->walk(ledger, &visitor, err);
	if (rc == 0) {
		verify_run_end(&v);
		verify_due_keys(&v);
		*ret_findings = v.findings + more;
	}
	free(v.alive.at);
	free(v.due.at);
	return rc;
}
