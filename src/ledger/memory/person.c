/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people do: retry, resolve, skip, stop, abandon. What nobody holds is changed at once; for
 * what an instance holds a request is left.
 */
#include <assert.h>
#include <string.h>

#include "base/bits.h"
#include "ledger/memory/memory.h"
#include "ledger/rules.h"

/* One verb on one item. */
struct mem_act {
	enum person_verb verb;
	struct mem_run *run;
	int64_t item;
	int64_t now_ms;
	bool dry_run;
};

/* A step that is over has something to do again: an item to try, or somebody to tell (I15, E). The
 * run goes back to it; where it is at an earlier one already, it comes to it again. */
static void mem_run_reopen(struct memory *m, struct mem_run *run, int32_t to, bool has_work)
{
	struct mem_step *step = mem_step_find(run, to);
	bool is_on = run->row.state == RUN_LOADING || run->row.state == RUN_OPEN;
	bool was_open = run->row.was_open || run->row.step > to;
	bool reopens = run->row.state == RUN_FINISHED || (is_on && run->row.step > to) ||
		       (run->row.state == RUN_FAILED && was_open && has_work);

	if (!reopens && !is_on)
		return;
	MEM_TOUCH(m, step);
	if (step->row.state == RUN_FINISHED)
		step->row.state = RUN_OPEN;
	if (!reopens)
		return;
	MEM_TOUCH(m, run);
	run->row.state = RUN_OPEN;
	run->row.reason = "";
	run->row.ended_at = 0;
	if (run->row.step > to)
		run->row.step = to;
}

static void mem_act_on_loose(struct memory *m, const struct mem_act *act, struct mem_loose *l,
			     enum loose_state becomes)
{
	struct mem_chunk *c = l->chunk;

	MEM_TOUCH(m, l);
	l->epoch += l->state == LOOSE_PROBING ? 1 : 0;
	l->state = becomes;
	l->owner = l->token = 0;
	l->nos = l->unclear = 0;
	if (becomes == LOOSE_RETRY)
		l->request = 0; /* a person means what it is now */
	if (becomes == LOOSE_RETRY)
		l->not_before_ms = l->quiet_until_ms > act->now_ms ? l->quiet_until_ms
								   : act->now_ms;
	if (act->verb == PERSON_RESOLVE_RETRY)
		l->first_started_ms = 0; /* somebody has looked: nothing is unclear any more */
	if (act->verb == PERSON_RETRY)
		l->attempt = l->crashes = 0; /* it gets all its attempts again */
	if (becomes == LOOSE_DONE && l->key != NULL)
		mem_seen_put(m, mem_seen_name(m, act->run->row.job, c->step), l->key, act->now_ms);
	if (c->tell) {
		mem_touch(m, c->told, BITS_BYTES(c->n));
		bits_clear(c->told, (size_t)(l->item - c->first_item));
	}
	if (becomes == LOOSE_RETRY || c->tell)
		mem_run_reopen(m, act->run, c->step, becomes == LOOSE_RETRY);
	mem_endings_reopen(m, act->run, c->step);
}

/* A waiting item leaves its chunk, which nobody holds. */
static void mem_act_on_waiting(struct memory *m, const struct mem_act *act, struct mem_chunk *c)
{
	size_t place = (size_t)(act->item - c->first_item);
	struct mem_loose *l = mem_loose_add(m, c, act->item);

	l->key = rule_keys(&m->arena, c->keys, c->n)[place];
	l->state = LOOSE_WAIVED;
	l->not_before_ms = act->now_ms;
	mem_touch(m, c->done, BITS_BYTES(c->n));
	bits_set(c->done, place);
	if (bits_count(c->done, c->n) == c->n)
		mem_chunk_free(m, c); /* nothing is left: closes it */
}

static enum rule_person_effect mem_act(struct memory *m, const struct mem_act *act)
{
	struct mem_chunk *c = mem_chunk_of(act->run, act->item);
	enum loose_state becomes = LOOSE_RETRY;

	if (c == NULL || !rule_person_run(act->run->row.state))
		return RULE_REFUSE;
	struct mem_loose *l = mem_loose_find(c, act->item);
	if (l != NULL) {
		enum rule_person_effect effect = rule_person_loose(
			act->verb, l->state, rule_in_quarantine(l->quiet_until_ms, act->now_ms),
			&becomes);
		if (effect == RULE_CHANGE && !act->dry_run)
			mem_act_on_loose(m, act, l, becomes);
		return effect;
	}
	bool is_done = bits_get(c->done, (size_t)(act->item - c->first_item));
	enum rule_person_effect effect = rule_person_bulk(act->verb, c->state, is_done);
	if (effect == RULE_CHANGE && !act->dry_run)
		mem_act_on_waiting(m, act, c);
	return effect;
}

static void mem_person_items(struct memory *m, struct mem_run *run, struct lop_person *p)
{
	for (size_t k = 0; k < p->n; k++) {
		struct mem_act act = {p->verb, run, p->items[k], rule_ms(p->now), p->dry_run};
		switch (mem_act(m, &act)) {
		case RULE_REFUSE:
			p->ret_refused++;
			break;
		case RULE_CHANGE:
			p->ret_changed++;
			break;
		case RULE_REQUEST:
			p->ret_requested++;
			if (!p->dry_run)
				mem_request_add(m,
						&(struct ledger_request_row){
							.verb = REQUEST_SKIP,
							.run_id = p->run_id,
							.item = p->items[k],
							.who = p->who,
							.why = p->why,
						},
						0);
			break;
		}
	}
}

/* Everybody who is on the run is asked to stop. */
static int64_t mem_person_stop(struct memory *m, const struct mem_run *run,
			       const struct lop_person *p, enum request_verb verb)
{
	int64_t asked = 0;

	for (size_t k = 0; k < run->joined.n; k++) {
		const struct mem_instance *i = run->joined.at[k];
		if (i->row.state != INSTANCE_LIVE && i->row.state != INSTANCE_STOPPING)
			continue;
		asked++;
		if (!p->dry_run)
			mem_request_add(m,
					&(struct ledger_request_row){.verb = verb,
								     .run_id = run->row.id,
								     .item = -1,
								     .who = p->who,
								     .why = p->why},
					i->row.inc);
	}
	return asked;
}

static void mem_person_run(struct memory *m, struct mem_run *run, struct lop_person *p)
{
	if (rule_run_is_over(run->row.state)) {
		p->ret_refused = 1;
		return;
	}
	if (p->verb != PERSON_ABANDON) {
		p->ret_requested = mem_person_stop(
			m, run, p, p->verb == PERSON_STOP ? REQUEST_STOP : REQUEST_STOP_NOW);
		p->ret_refused = p->ret_requested == 0 ? 1 : 0;
	} else {
		p->ret_changed = 1;
		p->ret_requested = mem_person_stop(m, run, p, REQUEST_STOP_NOW);
	}
	if (p->dry_run || p->ret_refused > 0)
		return;
	if (p->verb != PERSON_ABANDON)
		return;
	MEM_TOUCH(m, run);
	run->row.state = RUN_ABANDONED;
	run->row.reason = mem_text(m, p->why);
	run->row.ended_at = rule_utime(rule_ms(p->now));
	mem_run_unloaded(m, run, 0);
}

int mem_person(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_person *p = &op->u.person;
	struct mem_run *run = mem_run_find(m, p->run_id);
	bool is_of_run = p->verb == PERSON_STOP || p->verb == PERSON_STOP_NOW ||
			 p->verb == PERSON_ABANDON;

	(void)txn;
	p->ret_changed = p->ret_requested = p->ret_refused = 0;
	if (run == NULL)
		p->ret_refused = is_of_run ? 1 : (int64_t)p->n;
	else if (is_of_run)
		mem_person_run(m, run, p);
	else
		mem_person_items(m, run, p);
	return 0;
}

void mem_requests_settle(struct memory *m, struct mem_run *run, int64_t now_ms)
{
	for (size_t k = 0; k < m->requests.n; k++) {
		struct mem_request *r = m->requests.at[k];
		if (r->is_obeyed || r->inc != 0 || r->row.run_id != run->row.id)
			continue;
		struct mem_act act = {PERSON_SKIP, run, r->row.item, now_ms, false};
		if (mem_act(m, &act) == RULE_REQUEST)
			continue; /* somebody holds it still, or again */
		MEM_TOUCH(m, r);
		r->is_obeyed = true;
	}
}
