/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people ask for while the run is on: looked for once a second, obeyed in the next
 * transaction.
 */
#include "engine/run.h"

#include <stdio.h>

#include "base/bits.h"

#define REQUEST_POLL_US US_PER_S

static void request_obey(struct run *r, int64_t id)
{
	commit_add(r->commit, LOP_REQUEST_OBEY, NULL, NULL)->u.request_obey.id = id;
}

/* Skips an item that we hold and nobody works on. False: an attempt is under way; asked again
 * later. */
static bool request_skip_held(struct run *r, const struct ledger_request_row *row, bool *ret_held)
{
	*ret_held = true;
	for (struct list *node = r->loose.next; node != &r->loose; node = node->next) {
		struct loose *loose = CONTAINER_OF(node, struct loose, link);
		if (loose->row.item != row->item)
			continue;
		if (loose->has_ticket)
			return false;
		settle_loose_skip(r, loose, row->why);
		return true;
	}
	for (struct list *node = r->chunks.next; node != &r->chunks; node = node->next) {
		struct chunk *chunk = CONTAINER_OF(node, struct chunk, link);
		if (row->item < chunk->first_item || row->item >= chunk->first_item + chunk->n)
			continue;
		uint32_t index = (uint32_t)(row->item - chunk->first_item);
		if (bits_get(chunk->done, index))
			break;
		if (bits_get(chunk->taken, index))
			return false;
		settle_skip(r, chunk, index, row->why);
		return true;
	}
	*ret_held = false;
	return true;
}

static void request_skip(struct run *r, const struct ledger_request_row *row)
{
	bool held = false;

	if (!request_skip_held(r, row, &held))
		return;
	if (!held) {
		struct arena *a = commit_arena(r->commit);
		struct lop_person *person =
			&commit_add(r->commit, LOP_PERSON, NULL, NULL)->u.person;
		*person = (struct lop_person){.verb = PERSON_SKIP,
					      .run_id = r->id,
					      .items = arena_dup(a, &row->item, sizeof(row->item)),
					      .n = 1,
					      .who = arena_str(a, row->who),
					      .why = arena_str(a, row->why),
					      .now = r->ops->now(r->world)};
	}
	request_obey(r, row->id);
}

static void request_on_list(void *arg, struct ledger_op *op)
{
	struct run *r = arg;
	const struct lop_request_list *list = &op->u.request_list;

	r->request_out = false;
	if (r->phase >= RUN_LEAVING)
		return;
	for (size_t i = 0; i < list->ret_n; i++) {
		const struct ledger_request_row *row = &list->ret_rows[i];
		if (row->run_id != r->id)
			continue;
		switch (row->verb) {
		case REQUEST_STOP_NOW:
		case REQUEST_STOP:
			run_say(r, SAY_INFO, "%s stops this run%s%s", row->who,
				row->why[0] == '\0' ? "" : ": ", row->why);
			run_stop(r, EXIT_LATER, false, "stopped by %s%s%s", row->who,
				 row->why[0] == '\0' ? "" : ": ", row->why);
			r->was_asked_to_stop = true;
			if (row->verb == REQUEST_STOP_NOW)
				run_cut(r);
			request_obey(r, row->id);
			break;
		case REQUEST_SKIP:
			request_skip(r, row);
			break;
		case REQUEST_RETRY:
		case REQUEST_RESOLVE:
			/* We hold it, so it is being tried: that is what was asked for. */
			request_obey(r, row->id);
			break;
		}
	}
}

void request_turn(struct run *r)
{
	int64_t now = r->ops->boot_us(r->world);

	if (r->request_out || now < r->request_at)
		return;
	r->request_at = now + REQUEST_POLL_US;
	r->request_out = true;
	(void)commit_add(r->commit, LOP_REQUEST_LIST, request_on_list, r);
	protect_look(r);
	company_look(r);
}

int64_t request_deadline(const struct run *r)
{
	return r->request_out ? INT64_MAX : r->request_at;
}
