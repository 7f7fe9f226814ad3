/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/shadow_walk.h"

#include <string.h>

#include "base/bits.h"
#include "base/err.h"
#include "job/job.h"
#include "ledger/ledger.h"
#include "sim/instance.h"
#include "sim/lost.h"
#include "sim/shadow.h"

void shadow_walk_expect(struct shadow_walk *walk, const struct ledger_op *op)
{
	walk->is_wanted = true;
	if (op->kind == LOP_DOUBT_RESOLVE) {
		walk->resolves = true;
	} else if (op->kind == LOP_GIVE_BACK) {
		walk->gives_back = true;
	} else if (op->kind == LOP_PERSON) {
		walk->is_personal = true;
		walk->verb = (int)op->u.person.verb;
	}
}

/* ---- what the ledger shows ---- */

static void walk_on_run(void *arg, const struct ledger_run_row *row)
{
	struct shadow_walk *walk = arg;
	struct machine *m = walk->m;
	struct run_view *run = shadow_run(m, row->id);

	walk->run = run;
	if (run == NULL) {
		machine_fail(m, "shadow", "run %lld is in the ledger only", (long long)row->id);
		return;
	}
	if (row->state != run->state) {
		bool reopened = walk->is_personal && row->state == RUN_OPEN;
		bool abandoned = walk->is_personal && row->state == RUN_ABANDONED;
		if (!reopened && !abandoned)
			machine_fail(m, "shadow", "run %lld is %s, not %s", (long long)row->id,
				     run_state_name(row->state), run_state_name(run->state));
		run->state = row->state;
	}
	if (walk->is_personal)
		run->step = row->step;
	if (row->n_items != run->n_items || row->n_read != run->n_read ||
	    row->n_rejected != run->n_rejected || row->n_filtered != run->n_filtered ||
	    row->n_held_back != run->n_held_back)
		machine_fail(m, "I1", "run %lld: %lld items of %lld records, not %u of %u",
			     (long long)row->id, (long long)row->n_items, (long long)row->n_read,
			     run->n_items, run->n_read);
}

static void walk_on_chunk(void *arg, const struct ledger_chunk_row *row)
{
	struct shadow_walk *walk = arg;
	struct machine *m = walk->m;
	struct chunk_view *c = walk->run == NULL ? NULL
						 : shadow_chunk_of(walk->run, row->first_item);

	if (c == NULL || c->first_item != row->first_item || c->n != row->n) {
		machine_fail(m, "shadow", "chunk %lld is not as it was loaded", (long long)row->id);
		return;
	}
	bool may_move = walk->gives_back || walk->is_personal;
	/* A chunk whose last item a person takes out as it is freed. */
	may_move |= row->state == CHUNK_CLOSED && c->state == CHUNK_READY;
	if ((c->state != row->state || c->owner != row->owner) && !may_move)
		machine_fail(m, "shadow", "chunk %lld is in state %d of %lld, not %d of %lld",
			     (long long)row->id, row->state, (long long)row->owner, c->state,
			     (long long)c->owner);
	c->state = row->state;
	c->owner = row->owner;
	for (uint32_t i = 0; i < c->n; i++)
		walk->run->items[c->first_item + i].seen = (struct item_place){
			.started = bits_get(row->started, i), .done = bits_get(row->done, i)};
}

static void walk_on_loose(void *arg, const struct ledger_loose_row *row)
{
	struct shadow_walk *walk = arg;

	if (walk->run == NULL || row->item < 0 || row->item >= walk->run->n_items) {
		machine_fail(walk->m, "shadow", "loose item %lld is nobody's",
			     (long long)row->item);
		return;
	}
	struct item_place *p = &walk->run->items[row->item].seen;
	p->loose = (uint8_t)row->state;
	p->attempt = row->attempt;
	p->crashes = row->crashes;
	p->redo = row->redo;
	p->epoch = row->epoch;
	p->owner = row->owner;
	p->not_before = row->not_before;
	p->quiet_until = row->quiet_until;
	p->request = row->request;
	p->begun = row->first_started != 0;
}

/* ---- what may have changed ---- */

static bool walk_may_resolve(const struct shadow_walk *walk, const struct item_view *item)
{
	const struct options *o = walk->m->opt;
	uint8_t to = item->seen.loose;

	if (!walk->resolves || item->is.loose != LOOSE_DOUBT ||
	    item->is.not_before > machine_now(walk->m))
		return false;
	if (o->verifies) /* it is asked first */
		return to == LOOSE_RETRY && !o->is_once;
	if (to == LOOSE_ASKED)
		return (o->is_once && o->doubt == JOB_DOUBT_ASK) || o->key_valid_us > 0;
	if (to == LOOSE_WAIVED)
		return o->is_once && o->doubt == JOB_DOUBT_SKIP;
	return to == LOOSE_RETRY && (!o->is_once || o->doubt == JOB_DOUBT_RETRY);
}

static bool walk_may_decide(struct shadow_walk *walk, struct run_view *run, struct item_view *item)
{
	struct witness *w = &run->witnesses[item->record];
	uint8_t from = item->is.loose;
	uint8_t to = item->seen.loose;
	bool is_doubtful = from == LOOSE_DOUBT || from == LOOSE_PROBING || from == LOOSE_ASKED;

	/* A skip that was asked for is obeyed as soon as nobody holds the item. */
	if (to == LOOSE_WAIVED && w->person_skip)
		return true;
	if (!walk->is_personal)
		return false;
	switch ((enum person_verb)walk->verb) {
	case PERSON_RETRY:
		w->person_retry = true;
		w->retry_at = 0;
		return from == LOOSE_DEAD && to == LOOSE_RETRY &&
		       item->seen.not_before >= item->is.quiet_until;
	case PERSON_RESOLVE_DONE:
		w->person_done = true;
		return is_doubtful && to == LOOSE_DONE;
	case PERSON_RESOLVE_RETRY:
		w->repeats_allowed++;
		w->unclear_then = w->unclear + w->told_cancelled;
		w->retry_at = 0;
		/* Not before it is certain that nothing acts on it any more. */
		return is_doubtful && to == LOOSE_RETRY &&
		       item->is.quiet_until <= machine_now(walk->m) + 2 * US_PER_MS;
	case PERSON_RESOLVE_SKIP:
		return is_doubtful && to == LOOSE_WAIVED;
	case PERSON_SKIP:
	case PERSON_STOP:
	case PERSON_STOP_NOW:
	case PERSON_ABANDON:
	case PERSON_VERB_COUNT_:
		break;
	}
	return false;
}

static void walk_item(struct shadow_walk *walk, struct run_view *run, uint32_t index)
{
	struct item_view *item = &run->items[index];
	const struct item_place *is = &item->is;
	const struct item_place *seen = &item->seen;

	if (is->started != seen->started)
		machine_fail(walk->m, "shadow", "item %u of run %lld: started is %d", index,
			     (long long)run->id, seen->started);
	if (seen->loose == is->loose) {
		bool same = is->done == seen->done && is->owner == seen->owner &&
			    is->attempt == seen->attempt && is->crashes == seen->crashes &&
			    is->request == seen->request && is->begun == seen->begun;
		if (!same)
			machine_fail(
				walk->m, "shadow",
				"item %u of run %lld: done %d, owner %lld, attempt %d, begun %d",
				index, (long long)run->id, seen->done, (long long)seen->owner,
				seen->attempt, seen->begun);
		return;
	}
	if (!walk_may_resolve(walk, item) && !walk_may_decide(walk, run, item))
		machine_fail(walk->m, "shadow", "item %u of run %lld went from %s to %s", index,
			     (long long)run->id,
			     is->loose == 0 ? "its chunk" : loose_state_name(is->loose),
			     seen->loose == 0 ? "its chunk" : loose_state_name(seen->loose));
	if (!seen->done)
		machine_fail(walk->m, "I1", "item %u of run %lld is loose and in its chunk", index,
			     (long long)run->id);
	lost_not_compared(walk->m, run, index);
	item->is = *seen;
	item->is.since_us = walk->m->boot_us;
}

void shadow_walk_run(struct shadow_walk *walk)
{
	struct machine *m = walk->m;
	struct err err = ERR_INIT;
	const struct ledger_visitor visitor = {
		.arg = walk, .run = walk_on_run, .chunk = walk_on_chunk, .loose = walk_on_loose};

	if (ledger_walk(m->ledger, &visitor, &err) < 0)
		machine_fail(m, "walk", "%s", err.text);
	for (size_t i = 0; i < m->shadow.n_runs && !m->failure.happened; i++) {
		struct run_view *run = m->shadow.runs[i];
		for (uint32_t k = 0; k < run->n_items; k++)
			walk_item(walk, run, k);
	}
}
