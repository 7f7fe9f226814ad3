/* SPDX-License-Identifier: Apache-2.0 */
/* People at their terminals: verbs on items and runs, at any time or, at the end, where they are
 * needed. */
#include <assert.h>

#include "job/job.h"
#include "ledger/ledger.h"
#include "sim/lost.h"
#include "sim/machine.h"
#include "sim/night.h"
#include "sim/shadow.h"

enum { ITEMS_MAX = 64 };

static void person_apply(struct machine *m, struct run_view *run, enum person_verb verb,
			 const int64_t *items, size_t n)
{
	struct ledger_txn *txn = ledger_txn_new();
	struct lop_person *op = &ledger_txn_add(txn, LOP_PERSON)->u.person;

	txn->now = machine_now(m);
	*op = (struct lop_person){.verb = verb,
				  .run_id = run->id,
				  .items = items,
				  .n = n,
				  .who = "night",
				  .why = "the simulation says so",
				  .now = machine_now(m)};
	if (verb == PERSON_SKIP)
		for (size_t i = 0; i < n; i++)
			run->witnesses[run->items[items[i]].record].person_skip = true;
	m->person_acts++;
	lost_before_person(m, run, verb);
	ledger_apply(m->ledger, txn);
	TRACE(m, TRACE_PERSON, verb, run->id, (int64_t)n, op->ret_changed);
	if (txn->status != LEDGER_APPLIED)
		machine_fail(m, "person", "is refused: %s", txn->err.text);
	else if (n > 0 && op->ret_changed + op->ret_requested + op->ret_refused != (int64_t)n)
		machine_fail(m, "person", "%zu items: %lld changed, %lld requested, %lld refused",
			     n, (long long)op->ret_changed, (long long)op->ret_requested,
			     (long long)op->ret_refused);
	else
		shadow_on_person(m, txn);
	lost_after_person(m, run);
	ledger_txn_free(txn);
}

/* What a person would choose: what the verb is for, now and then anything. */
static bool person_wants(struct machine *m, const struct run_view *run, uint32_t item,
			 enum person_verb verb)
{
	enum item_state state = shadow_state(run, item);
	bool is_for_doubt = verb == PERSON_RESOLVE_DONE || verb == PERSON_RESOLVE_RETRY ||
			    verb == PERSON_RESOLVE_SKIP;
	bool is_apt = (is_for_doubt && state == ITEM_IN_DOUBT) ||
		      (verb == PERSON_RETRY && state == ITEM_DEAD);

	return rng_below(&m->rng, is_apt ? 8 : run->n_items) < 4;
}

void person_act(struct machine *m)
{
	static const enum person_verb verbs[] = {
		PERSON_RETRY,	      PERSON_RETRY,	   PERSON_RESOLVE_DONE,
		PERSON_RESOLVE_RETRY, PERSON_RESOLVE_SKIP, PERSON_SKIP,
		PERSON_SKIP,	      PERSON_STOP,	   PERSON_STOP_NOW};
	int64_t items[ITEMS_MAX];
	size_t n = 0;

	if (m->shadow.n_runs == 0)
		return;
	struct run_view *run = m->shadow.runs[rng_below(&m->rng, m->shadow.n_runs)];
	enum person_verb verb = verbs[rng_below(&m->rng, ARRAY_LEN(verbs))];
	if (rng_below(&m->rng, 50) == 0)
		verb = PERSON_ABANDON;
	if (verb == PERSON_STOP || verb == PERSON_STOP_NOW || verb == PERSON_ABANDON) {
		person_apply(m, run, verb, NULL, 0);
		return;
	}
	for (uint32_t i = 0; i < run->n_items && n < ITEMS_MAX; i++)
		if (person_wants(m, run, i, verb))
			items[n++] = i;
	if (n > 0)
		person_apply(m, run, verb, items, n);
}

static void person_tidy_run(struct machine *m, struct run_view *run, enum item_state state,
			    enum person_verb verb)
{
	int64_t items[ITEMS_MAX];
	size_t n = 0;

	for (uint32_t i = 0; i < run->n_items && n < ITEMS_MAX; i++)
		if (shadow_state(run, i) == state)
			items[n++] = i;
	if (n > 0)
		person_apply(m, run, verb, items, n);
}

void person_tidy(struct machine *m)
{
	static const enum person_verb for_doubt[] = {PERSON_RESOLVE_DONE, PERSON_RESOLVE_RETRY,
						     PERSON_RESOLVE_SKIP};

	for (size_t i = 0; i < m->shadow.n_runs; i++) {
		struct run_view *run = m->shadow.runs[i];
		enum person_verb verb = for_doubt[rng_below(&m->rng, ARRAY_LEN(for_doubt))];
		person_tidy_run(m, run, ITEM_IN_DOUBT, verb);
		person_tidy_run(m, run, ITEM_DEAD,
				rng_below(&m->rng, 2) == 0 ? PERSON_RETRY : PERSON_SKIP);
	}
}
