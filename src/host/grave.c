/* SPDX-License-Identifier: Apache-2.0 */
#include "host/grave.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "host/process_inside.h"
#include "ledger/txn.h"
#include "loop/loop.h"
#include "sys/clock.h"
#include "sys/proc.h"

#define GRAVE_LOOK_US (5 * US_PER_MS)
#define GRAVE_PATIENCE_US (3 * US_PER_S)

void grave_put_value(char *out, size_t size, const uint8_t nonce[16], uint32_t lane)
{
	char hex[2 * 16 + 1];

	hash_hex(nonce, 16, hex);
	if (lane == 0)
		(void)snprintf(out, size, "%s.", hex);
	else
		(void)snprintf(out, size, "%s.%u.", hex, lane);
}

void grave_put_nonce(char *out, size_t size, const uint8_t nonce[16], uint32_t lane)
{
	char value[GRAVE_NONCE_MAX];

	grave_put_value(value, sizeof(value), nonce, lane);
	(void)snprintf(out, size, "STINT_NONCE=%s", value);
}

void grave_free(struct grave *g)
{
	list_remove(&g->link);
	loop_timer_free(g->timer);
	free(g);
}

static void grave_on_timer(void *arg)
{
	struct grave *g = arg;
	bool proven = true;

	if (!g->is_empty && proc_kill_by_env("STINT_NONCE", g->prefix, SIGKILL, NULL, 0) > 0) {
		if (clock_monotonic_us() < g->give_up_at) {
			loop_timer_set(g->timer, GRAVE_LOOK_US);
			return;
		}
		proven = false;
	}
	grave_fn fn = g->fn;
	void *fn_arg = g->arg;
	grave_free(g);
	fn(fn_arg, proven);
}

static struct grave *grave_new(struct processes *ps, grave_fn fn, void *arg)
{
	struct grave *g = xnew(struct grave);

	list_append(&ps->graves, &g->link);
	g->timer = loop_timer_new(ps->loop, grave_on_timer, g);
	g->give_up_at = clock_monotonic_us() + GRAVE_PATIENCE_US;
	g->fn = fn;
	g->arg = arg;
	loop_timer_set(g->timer, 0);
	return g;
}

void grave_dig(struct processes *ps, uint32_t lane, bool is_clean, grave_fn fn, void *arg)
{
	struct grave *g = grave_new(ps, fn, arg);

	grave_put_value(g->prefix, sizeof(g->prefix), ps->nonce, lane);
	g->is_empty = is_clean;
}

/* ---- a whole incarnation ---- */

struct burial {
	struct processes *ps;
	int64_t inc;
};

static void burial_on_empty(void *arg, bool proven)
{
	struct burial *b = arg;
	struct processes *ps = b->ps;
	int64_t inc = b->inc;

	free(b);
	ps->events.buried(ps->events.arg, inc, proven);
}

void process_bury(struct processes *ps, int64_t inc, const uint8_t nonce[16],
		  const struct ledger_lane_row *lanes, size_t n)
{
	struct burial *b = xnew(struct burial);

	for (size_t i = 0; i < n; i++) {
		/* Safety: a pid is reused sooner or later; with its start time it names one
		 * process. */
		pid_t pid = (pid_t)lanes[i].pid;
		if (pid > 1 && proc_start_time(pid) == lanes[i].start_time)
			(void)kill(pid, SIGKILL);
	}
	b->ps = ps;
	b->inc = inc;
	struct grave *g = grave_new(ps, burial_on_empty, b);
	grave_put_value(g->prefix, sizeof(g->prefix), nonce, 0);
}
