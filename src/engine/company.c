/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/company.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "engine/run.h"

#define COMPANY_LOOK_US (2 * US_PER_S)

void company_done(struct company *c)
{
	free(c->all);
	*c = (struct company){0};
}

static struct companion *company_find(struct company *c, int64_t inc)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->all[i].inc == inc)
			return &c->all[i];
	return NULL;
}

static struct companion *company_add(struct company *c, const struct ledger_instance_row *row)
{
	if (c->n == COMPANY_MAX)
		return NULL;
	if (c->all == NULL)
		c->all = xcalloc(COMPANY_MAX, sizeof(*c->all));
	struct companion *one = &c->all[c->n++];
	one->inc = row->inc;
	(void)snprintf(one->name, sizeof(one->name), "%s (pid %lld on %s)", row->name,
		       (long long)row->pid, row->host); /* cut still names it */
	return one;
}

void company_join(struct run *r, const struct ledger_instance_row *others, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct companion *one = company_add(&r->company, &others[i]);
		if (one != NULL)
			run_say(r, SAY_INFO, "%s is also worked on by %s", r->row.name, one->name);
	}
	r->looks_for_dead = n > 0;
	r->company.look_at = r->ops->boot_us(r->world) + COMPANY_LOOK_US;
}

/* ---- coming and going ---- */

static void company_say_gone(struct run *r, const struct companion *one, enum instance_state state)
{
	if (state == INSTANCE_REAPED)
		run_say(r, SAY_WARNING, "%s was declared dead; what it had is for the others",
			one->name);
	else
		run_say(r, SAY_INFO, "%s has left %s", one->name, r->row.name);
}

static bool is_there(const struct lop_run_company *list, int64_t inc)
{
	for (size_t i = 0; i < list->ret_n_others; i++)
		if (list->ret_others[i].inc == inc)
			return true;
	return false;
}

static void company_on_list(void *arg, struct ledger_op *op)
{
	struct run *r = arg;
	struct company *c = &r->company;
	const struct lop_run_company *list = &op->u.run_company;

	c->is_out = false;
	if (r->phase >= RUN_LEAVING)
		return;
	/* Those that were known come first, in the order in which they were asked for. */
	size_t n_known = c->n;
	c->n = 0;
	for (size_t i = 0; i < n_known; i++) {
		if (is_there(list, c->all[i].inc))
			c->all[c->n++] = c->all[i];
		else
			company_say_gone(r, &c->all[i], list->ret_states[i]);
	}
	for (size_t i = 0; i < list->ret_n_others; i++) {
		const struct ledger_instance_row *row = &list->ret_others[i];
		const struct companion *one = company_find(c, row->inc) != NULL
						      ? NULL
						      : company_add(c, row);
		if (one != NULL)
			run_say(r, SAY_INFO, "%s takes part in %s now", one->name, r->row.name);
	}
	r->looks_for_dead = r->looks_for_dead || c->n > 0;
}

void company_look(struct run *r)
{
	struct company *c = &r->company;
	int64_t now = r->ops->boot_us(r->world);

	if (c->is_out || now < c->look_at)
		return;
	c->is_out = true;
	c->look_at = now + COMPANY_LOOK_US;
	struct lop_run_company *list =
		&commit_add(r->commit, LOP_RUN_COMPANY, company_on_list, r)->u.run_company;
	int64_t *known = arena_alloc(commit_arena(r->commit), c->n * sizeof(*known) + 1);
	for (size_t i = 0; i < c->n; i++)
		known[i] = c->all[i].inc;
	*list = (struct lop_run_company){.run_id = r->id, .known = known, .n_known = c->n};
}

/* ---- work that is not for this host ---- */

/* Whether its source has changed is for those to say who have it: who came from elsewhere sees
 * other files, or none. */
void run_leave_to_others(struct run *r, const char *what)
{
	run_say(r, SAY_ERROR,
		"%s: %s; a source of plain files is worked on the host where it was loaded, or "
		"where the very same files are seen",
		r->row.name, what);
	run_stop(r, EXIT_LATER, false, "its source is not on this host");
}
