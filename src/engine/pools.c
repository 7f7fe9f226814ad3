/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Named resources (require.pools): shared by all jobs of a ledger, counted, and taken by a run, all
 * or none, before it loads or works. What a run has counts while an instance of it lives, so that
 * nobody has to give anything back.
 */
#include "engine/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/text.h"
#include "job/job.h"

#define ASK_AGAIN_US (5 * US_PER_S)

/* Today's file says what a start takes. */
static const struct job_require *pools_required(const struct run *r)
{
	return &r->spec->job->require;
}

bool pools_are_wanted(const struct run *r)
{
	return pools_required(r)->n_pools > 0;
}

size_t session_pool_find(const struct session_pool *pools, size_t n, const char *name)
{
	size_t at = 0;

	while (at < n && strcmp(pools[at].name, name) != 0)
		at++;
	return at;
}

static int64_t capacity_of(const struct run *r, const char *name)
{
	size_t at = session_pool_find(r->spec->pools, r->spec->n_pools, name);

	return at == r->spec->n_pools ? 1 : r->spec->pools[at].capacity;
}

/* Kept for who looks at the run, and said. */
static void pools_note(struct run *r, const char *text)
{
	run_note(r, "require.pools", text, 0);
	run_say(r, SAY_INFO, "%s %s", r->row.name, text);
}

static void say_waiting(struct run *r)
{
	AUTO(buf) struct buf text = BUF_INIT(RUN_REASON_MAX);

	if (r->pools.is_said)
		return;
	r->pools.is_said = true;
	buf_printf(&text, "waits for %s, for at most ", r->waits);
	text_put_duration(&text, pools_required(r)->wait_us);
	pools_note(r, buf_str(&text));
}

static void say_taken(struct run *r)
{
	AUTO(buf) struct buf text = BUF_INIT(RUN_REASON_MAX);

	if (!r->pools.is_said)
		return;
	buf_puts(&text, "has its pools, after ");
	text_put_span(&text, r->ops->boot_us(r->world) - r->pools.asked_at);
	pools_note(r, buf_str(&text));
}

static void pools_on_taken(void *arg, struct ledger_op *op)
{
	struct run *r = arg;
	const struct lop_pools_take *take = &op->u.pools_take;
	int64_t now = r->ops->boot_us(r->world);

	r->pools.is_out = false;
	if (r->phase != RUN_POOLS_WANTED)
		return;
	if (take->ret_taken) {
		say_taken(r);
		r->waits[0] = '\0';
		r->phase = run_first_phase(r);
		return;
	}
	r->looks_for_dead = true; /* who has it may have died */
	const char *holder = take->ret_holder == NULL ? "nobody" : take->ret_holder;
	(void)snprintf(r->waits, sizeof(r->waits),
		       "pool %s: %" PRId64 " of %" PRId64 " in use, by %s", take->ret_full,
		       take->ret_used, capacity_of(r, take->ret_full), holder); /* may be cut */
	int64_t until = r->pools.asked_at + pools_required(r)->wait_us;
	if (now >= until) {
		run_stop(r, EXIT_BUSY, false, "require.pools: %s", r->waits);
		return;
	}
	say_waiting(r);
	r->pools.ask_at = run_earliest(now + ASK_AGAIN_US, until);
}

void pools_turn(struct run *r)
{
	const struct job_require *require = pools_required(r);
	struct run_pools *p = &r->pools;
	int64_t now = r->ops->boot_us(r->world);

	if (p->is_out || now < p->ask_at)
		return;
	if (p->asked_at == 0)
		p->asked_at = now;
	p->is_out = true;
	struct arena *a = commit_arena(r->commit);
	struct ledger_pool *pools = arena_alloc(a, (require->n_pools + 1) * sizeof(*pools));
	for (size_t i = 0; i < require->n_pools; i++)
		pools[i] = (struct ledger_pool){.name = arena_str(a, require->pools[i].name),
						.units = require->pools[i].units,
						.capacity = capacity_of(r, require->pools[i].name)};
	commit_add(r->commit, LOP_POOLS_TAKE, pools_on_taken, r)->u.pools_take =
		(struct lop_pools_take){.run_id = r->id, .pools = pools, .n = require->n_pools};
}

int64_t pools_deadline(const struct run *r)
{
	return r->pools.is_out ? INT64_MAX : r->pools.ask_at;
}
