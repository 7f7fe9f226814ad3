/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/lanes.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

#define LANE_RESTART_WAIT_US (100 * US_PER_MS)
#define LANE_RESTART_WAIT_MAX_US (10 * US_PER_S)

void lanes_init(struct lanes *ls, struct commit *commit, const struct frame_hello *hello,
		uint32_t *next_number)
{
	*ls = (struct lanes){.commit = commit, .hello = hello, .next_number = next_number};
	list_init(&ls->bodies);
}

static void body_free(struct body *body)
{
	list_remove(&body->link);
	free(body->data);
	free(body);
}

void lanes_done(struct lanes *ls)
{
	for (size_t i = 0; i < ls->n_places; i++)
		buf_done(&ls->lane[i].out);
	while (!list_is_empty(&ls->bodies))
		body_free(CONTAINER_OF(list_first(&ls->bodies), struct body, link));
}

static size_t lane_place(const struct lanes *ls, const struct lane *lane)
{
	return (size_t)(lane - ls->lane);
}

/* The lane's row is durable: now it may be given work. */
static void lane_on_row(void *arg, struct ledger_op *op)
{
	struct lane *lane = arg;

	/* It may have ended meanwhile, and its place may even have a new process. */
	if (lane->state == LANE_STARTING && lane->process.pid == op->u.lane_put.pid &&
	    lane->process.start_time == op->u.lane_put.start_time)
		lane->state = LANE_UP;
}

struct lane *lanes_start(struct lanes *ls, enum lane_role role, struct err *err)
{
	struct lane *lane = NULL;
	struct commit *c = ls->commit;

	for (size_t i = 0; i < ls->n_places && lane == NULL; i++)
		if (ls->lane[i].number == 0)
			lane = &ls->lane[i];
	if (lane == NULL && ls->n_places < LANES_MAX)
		lane = &ls->lane[ls->n_places++];
	if (lane == NULL) {
		(void)ERR(err, ERR_TEMP, "all %d places for lanes are taken", LANES_MAX);
		return NULL;
	}
	uint32_t number = ++*ls->next_number;
	struct world_lane process = {0};
	if (c->ops->lane_start(c->world, role, number, &process, err) < 0)
		return NULL;
	*lane = (struct lane){.number = number,
			      .role = role,
			      .process = process,
			      .workers = ls->hello->workers,
			      .out = BUF_INIT((size_t)2 * FRAME_BYTES_MAX)};
	list_init(&lane->sent);
	char nonce[128];
	struct frame_hello hello = *ls->hello;
	/* Each lane's own, so that what it leaves behind can be told from what its neighbours do.
	 */
	(void)snprintf(nonce, sizeof(nonce), "%s.%u.", ls->hello->nonce, number);
	hello.nonce = nonce;
	hello.version = FRAME_VERSION;
	hello.role = role;
	frame_put_hello(&lane->out, &hello);
	struct ledger_op *op = commit_add(c, LOP_LANE_PUT, lane_on_row, lane);
	op->u.lane_put.pid = process.pid;
	op->u.lane_put.start_time = process.start_time;
	return lane;
}

struct lane *lanes_find(struct lanes *ls, uint32_t number)
{
	for (size_t i = 0; i < ls->n_places; i++)
		if (number != 0 && ls->lane[i].number == number)
			return &ls->lane[i];
	return NULL;
}

struct lane *lanes_find_role(struct lanes *ls, enum lane_role role)
{
	for (size_t i = 0; i < ls->n_places; i++)
		if (ls->lane[i].number != 0 && ls->lane[i].role == role &&
		    ls->lane[i].state < LANE_ENDING)
			return &ls->lane[i];
	return NULL;
}

int lanes_count(const struct lanes *ls, enum lane_role role)
{
	int n = 0;

	for (size_t i = 0; i < ls->n_places; i++)
		n += ls->lane[i].number != 0 && ls->lane[i].role == role;
	return n;
}

void lanes_stop(struct lanes *ls)
{
	for (size_t i = 0; i < ls->n_places; i++) {
		struct lane *lane = &ls->lane[i];
		if (lane->number == 0 || lane->state == LANE_ENDING)
			continue;
		frame_put_empty(&lane->out, FRAME_STOP);
		ls->commit->ops->lane_send(ls->commit->world, lane->number, &lane->out);
		lane->state = LANE_ENDING;
	}
}

void lanes_kill(struct lanes *ls)
{
	for (size_t i = 0; i < ls->n_places; i++)
		if (ls->lane[i].number != 0)
			ls->commit->ops->lane_kill(ls->commit->world, ls->lane[i].number);
}

void lanes_flush(struct lanes *ls)
{
	for (size_t i = 0; i < ls->n_places; i++) {
		struct lane *lane = &ls->lane[i];
		if (lane->number != 0 && lane->state == LANE_UP && lane->out.len > 0)
			ls->commit->ops->lane_send(ls->commit->world, lane->number, &lane->out);
	}
}

void lanes_ended(struct lanes *ls, struct lane *lane, bool proven)
{
	uint64_t bit = UINT64_C(1) << lane_place(ls, lane);
	struct list *node;
	struct list *next;

	LIST_EACH (node, next, &ls->bodies)
		CONTAINER_OF(node, struct body, link)->lanes_have &= ~bit;
	if (proven) {
		struct ledger_op *op = commit_add(ls->commit, LOP_LANE_DROP, NULL, NULL);
		op->u.lane_drop.pid = lane->process.pid;
		op->u.lane_drop.start_time = lane->process.start_time;
	}
	if (lane->state != LANE_ENDING) {
		int64_t wait = LANE_RESTART_WAIT_US;
		for (int i = 0; i < ls->deaths_in_a_row && wait < LANE_RESTART_WAIT_MAX_US; i++)
			wait *= 2;
		/* The first death of a healthy lane costs nothing. */
		if (ls->deaths_in_a_row++ > 0)
			ls->not_before = ls->commit->ops->boot_us(ls->commit->world) + wait;
	}
	assert(list_is_empty(&lane->sent));
	buf_done(&lane->out);
	*lane = (struct lane){.state = LANE_GONE};
}

struct body *body_ref(struct lanes *ls, const struct ledger_chunk_row *row)
{
	struct list *node;
	struct list *next;

	LIST_EACH (node, next, &ls->bodies) {
		struct body *known = CONTAINER_OF(node, struct body, link);
		if (known->chunk_id == row->id) {
			known->refs++;
			return known;
		}
	}
	struct body *body = xnew(struct body);
	*body = (struct body){.handle = ++ls->next_handle,
			      .chunk_id = row->id,
			      .first_item = row->first_item,
			      .n = row->n,
			      .data = row->body_len > 0 ? xmemdup(row->body, row->body_len) : NULL,
			      .len = row->body_len,
			      .refs = 1};
	list_append(&ls->bodies, &body->link);
	return body;
}

void body_unref(struct lanes *ls, struct body *body)
{
	assert(body->refs > 0);
	if (--body->refs > 0)
		return;
	for (size_t i = 0; i < ls->n_places; i++)
		if ((body->lanes_have >> i & 1) != 0 && ls->lane[i].state < LANE_ENDING)
			frame_put_u32(&ls->lane[i].out, FRAME_DROP, body->handle);
	body_free(body);
}

void body_give(struct lanes *ls, struct lane *lane, struct body *body)
{
	uint64_t bit = UINT64_C(1) << lane_place(ls, lane);

	if ((body->lanes_have & bit) != 0)
		return;
	frame_put_chunk(&lane->out, &(struct frame_chunk){.handle = body->handle,
							  .first_item = body->first_item,
							  .n = body->n,
							  .body = body->data,
							  .body_len = body->len});
	body->lanes_have |= bit;
}
