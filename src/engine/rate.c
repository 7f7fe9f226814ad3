/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots of the job's rate (core/rate.h): asked for a little ahead, handed to lanes shortly before
 * they open, and used in their time or never. So what is lost with an instance, or with a lane that
 * is busy, is some slots; and no two attempts ever have the same.
 */
#include <assert.h>
#include <string.h>

#include "engine/run.h"
#include "engine/share.h"

/* So long before a slot opens its item is sent to a lane. */
#define LEAD_US (50 * US_PER_MS)
/* Slots are taken so far ahead, or by so many commits. */
#define AHEAD_US (500 * US_PER_MS)
#define AHEAD_MAX_US US_PER_MIN
enum { AHEAD_COMMITS = 8 };
/* What holds is looked up that often, for somebody may have set the clock. */
#define LOOK_US US_PER_MIN
/* On the way to a lane a slot should not close. */
#define WAY_US (2 * US_PER_MS)
#define SLOTS_MAX (1 << 16)

void rate_apply_job(struct run *r)
{
	struct run_rate *rate = &r->share.rate;
	const struct job_rates *rates = &r->job->work.rates;

	static_assert((int)JOB_RATE_RULES_MAX < (int)RATE_RULES_MAX,
		      "each rule has its place, and that of a gentle run");
	rate->n_rules = rates->n;
	for (size_t i = 0; i < rates->n; i++)
		rate->rules[i] = (struct rate_rule){.n = rates->rule[i].limit.n,
						    .per_us = rates->rule[i].limit.per_us,
						    .from_minute = rates->rule[i].from_minute,
						    .to_minute = rates->rule[i].to_minute};
	if (r->is_gentle && r->job->window.gentle.rate.n > 0)
		rate->rules[rate->n_rules++] = (struct rate_rule){
			.n = r->job->window.gentle.rate.n,
			.per_us = r->job->window.gentle.rate.per_us};
	rate->now_to = 0;
	rate->n_blocks = 0;
	rate->ask_at = 0;
	rate->generation++;
}

/* What holds at this time of day. */
static const struct rate_now *rate_look(struct run *r)
{
	struct run_rate *rate = &r->share.rate;
	utime now = r->ops->now(r->world);

	if (now >= rate->now_from && now < rate->now_to)
		return &rate->now;
	int64_t local = now + r->ops->zone_offset_s(r->world, now) * US_PER_S;
	rate_at(rate->rules, rate->n_rules, local % US_PER_DAY, &rate->now);
	rate->now_from = now;
	rate->now_to = now + run_earliest(rate->now.lasts_us, LOOK_US);
	if (rate->now.lasts_us != INT64_MAX)
		rate->now.lasts_us += now; /* from here on a point of time */
	return &rate->now;
}

bool rate_is_limited(struct run *r)
{
	return rate_look(r)->is_limited;
}

/* ---- slots in hand ---- */

static int64_t block_opens(const struct rate_block *b, int64_t i)
{
	/* Rounded up: never early. */
	return (b->first_ns + i * b->spacing_ns + NS_PER_US - 1) / NS_PER_US;
}

static int64_t block_closes(const struct rate_block *b, int64_t i)
{
	return run_earliest(block_opens(b, i) + b->span_us, b->ends_us);
}

static void block_skip(struct rate_block *b, int64_t n)
{
	b->first_ns += n * b->spacing_ns;
	b->n -= n;
}

/* Slots that a lane could hardly use any more. */
static void rate_drop_late(struct run *r)
{
	struct run_rate *rate = &r->share.rate;
	int64_t now = r->ops->boot_us(r->world);

	while (rate->n_blocks > 0) {
		struct rate_block *b = &rate->blocks[0];
		int64_t way = run_earliest(WAY_US, b->span_us / 4);
		if (b->n > 0 && now + way > b->ends_us)
			b->n = 0;
		int64_t late_ns = (now + way - b->span_us) * NS_PER_US - b->first_ns;
		if (b->n > 0 && late_ns > 0)
			block_skip(b, run_earliest(b->n, late_ns / b->spacing_ns + 1));
		if (b->n > 0)
			return;
		rate->n_blocks--;
		memmove(&rate->blocks[0], &rate->blocks[1], rate->n_blocks * sizeof(*b));
	}
}

int64_t rate_room(struct run *r)
{
	const struct run_rate *rate = &r->share.rate;
	int64_t n = 0;

	rate_drop_late(r);
	for (size_t i = 0; i < rate->n_blocks; i++)
		n += rate->blocks[i].n;
	return n;
}

int64_t rate_opens_at(struct run *r)
{
	rate_drop_late(r);
	return r->share.rate.n_blocks == 0 ? INT64_MAX : block_opens(&r->share.rate.blocks[0], 0);
}

bool rate_lets(struct run *r)
{
	if (!rate_is_limited(r))
		return true;
	int64_t opens = rate_opens_at(r);
	return opens != INT64_MAX && opens <= r->ops->boot_us(r->world) + LEAD_US;
}

void rate_take(struct run *r, struct ticket *t)
{
	struct rate_block *b = &r->share.rate.blocks[0];

	if (!rate_is_limited(r))
		return;
	assert(r->share.rate.n_blocks > 0 && b->n > 0);
	t->opens_at = block_opens(b, 0);
	t->closes_at = block_closes(b, 0);
	block_skip(b, 1);
}

/* ---- asking for more ---- */

/* Longer where commits take long: what comes too late is lost. */
static int64_t ahead_us(const struct run *r)
{
	int64_t ahead = AHEAD_COMMITS * r->commit->took_us;

	if (ahead < AHEAD_US)
		return AHEAD_US;
	return run_earliest(ahead, AHEAD_MAX_US);
}

/* The boot clock at which another rate may hold. */
static int64_t rate_ends_at(struct run *r)
{
	int64_t until = rate_look(r)->lasts_us;

	return until == INT64_MAX ? until
				  : r->ops->boot_us(r->world) + until - r->ops->now(r->world);
}

static void rate_on_taken(void *arg, struct ledger_op *op)
{
	struct run *r = arg;
	struct run_rate *rate = &r->share.rate;
	const struct lop_rate_take *take = &op->u.rate_take;
	int64_t now = r->ops->boot_us(r->world);

	rate->is_out = false;
	if (rate->asked_generation != rate->generation)
		return;
	if (take->ret_n > 0) {
		rate->asked.first_ns = take->ret_first_ns;
		rate->asked.n = take->ret_n;
		rate->blocks[rate->n_blocks++] = rate->asked;
		return;
	}
	/* Too far ahead: shortly before it is near enough, or when another rate may hold. */
	rate->ask_at = take->ret_first_ns / NS_PER_US - ahead_us(r) / 2;
	rate->ask_at = run_earliest(rate->ask_at, rate_ends_at(r));
	if (rate->ask_at < now + US_PER_MS)
		rate->ask_at = now + US_PER_MS;
}

static void rate_ask(struct run *r, int64_t n)
{
	struct run_rate *rate = &r->share.rate;
	const struct rate_now *holds = rate_look(r);
	int64_t now = r->ops->boot_us(r->world);
	int64_t ends = rate_ends_at(r);
	int64_t until = run_earliest(now + ahead_us(r), ends);
	struct ledger_op *op = commit_add(r->commit, LOP_RATE_TAKE, rate_on_taken, r);
	struct arena *a = commit_arena(r->commit);

	rate->is_out = true;
	rate->asked_generation = rate->generation;
	rate->asked = (struct rate_block){
		.spacing_ns = holds->spacing_ns, .span_us = holds->span_us, .ends_us = ends};
	op->u.rate_take = (struct lop_rate_take){.name = arena_str(a, r->job->name),
						 .boot_id = arena_str(a, r->spec->boot_id),
						 .now_ns = now * NS_PER_US,
						 .spacing_ns = holds->spacing_ns,
						 .until_ns = until * NS_PER_US,
						 .max = (uint32_t)run_earliest(n, SLOTS_MAX)};
}

/* When more are to be asked for; INT64_MAX: enough is here or under way. */
static int64_t rate_asks_at(struct run *r, int64_t wanted)
{
	const struct run_rate *rate = &r->share.rate;
	int64_t have = rate_room(r);

	if (rate->is_out || have >= wanted || rate->n_blocks == RATE_BLOCKS_MAX)
		return INT64_MAX;
	if (have == 0)
		return rate->ask_at;
	const struct rate_block *last = &rate->blocks[rate->n_blocks - 1];
	int64_t low = block_opens(last, last->n - 1) - ahead_us(r) / 2;
	return low > rate->ask_at ? low : rate->ask_at;
}

void rate_turn(struct run *r, int64_t wanted)
{
	if (wanted == 0 || !rate_is_limited(r))
		return;
	if (r->ops->boot_us(r->world) >= rate_asks_at(r, wanted))
		rate_ask(r, wanted - rate_room(r));
}

int64_t rate_deadline(struct run *r, int64_t wanted)
{
	int64_t now = r->ops->boot_us(r->world);
	int64_t opens = INT64_MAX;

	if (r->share.rate.n_rules == 0 || !rate_is_limited(r))
		return INT64_MAX;
	if (share_has_ready(r) && rate_opens_at(r) != INT64_MAX)
		opens = rate_opens_at(r) - LEAD_US;
	return run_earliest(opens > now ? opens : INT64_MAX, rate_asks_at(r, wanted));
}

int64_t rate_next(struct run *r)
{
	int64_t now = r->ops->boot_us(r->world);

	if (rate_room(r) > 0 || r->share.rate.is_out || r->share.rate.ask_at < now)
		return now;
	return r->share.rate.ask_at;
}
