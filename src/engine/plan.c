/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/plan.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "engine/session.h"
#include "job/job.h"

enum { IDENTITY_DIGEST_BYTES = 8 };

void plan_due_base(const struct session_spec *spec, char *out, size_t size)
{
	uint8_t digest[SHA256_BYTES];
	char hex[2 * IDENTITY_DIGEST_BYTES + 1];

	hash_sha256(spec->identity, strlen(spec->identity), digest);
	hash_hex(digest, IDENTITY_DIGEST_BYTES, hex);
	(void)snprintf(out, size, "%s/%s", spec->slot, hex);
}

void plan_run_name(const struct session_spec *spec, const char *job, int64_t n, char *out,
		   size_t size)
{
	char number[24] = "";

	if (n > 1)
		(void)snprintf(number, sizeof(number), "#%lld", (long long)n);
	(void)snprintf(out, size, "%s@%s%s%s%s", job, spec->slot,
		       spec->identity[0] != '\0' ? "," : "", spec->identity, number);
}

static bool is_over(const struct ledger_run_row *row)
{
	return row->state == RUN_FINISHED || row->state == RUN_ABANDONED ||
	       row->state == RUN_MISSED;
}

/* Of the same slot and parameters: the present run, or a further one of it (--again). */
static bool is_of_present_slot(const struct lop_run_list *list, const struct ledger_run_row *row)
{
	size_t len = strlen(list->due_base);

	return strncmp(row->due_key, list->due_base, len) == 0 && row->due_key[len] == '/';
}

/* A run that is made now is the newest of all. */
static bool is_older(const struct session_spec *spec, const struct lop_run_list *list,
		     const struct ledger_run_row *row)
{
	return spec->again || list->ret_due == NULL || row->id < list->ret_due->id;
}

static void plan_older(const struct session_spec *spec, const struct lop_run_list *list,
		       struct plan *plan)
{
	for (size_t i = 0; i < list->ret_n; i++) {
		const struct ledger_run_row *row = &list->ret_rows[i];
		bool is_present = is_of_present_slot(list, row);
		if (is_over(row))
			continue;
		if (!is_present && list->ret_live_elsewhere[i]) {
			if (is_older(spec, list, row))
				plan->on_elsewhere = row;
			continue;
		}
		if (spec->only_named && !is_present)
			continue;
		if (!is_present && spec->job->carry_over == JOB_ABANDON) {
			/* Of this very slot with other parameters, or of a later one: not given up.
			 */
			if (strcmp(row->slot, spec->slot) < 0)
				plan->abandons[plan->n_abandons++] = row->id;
		}
		if (is_present || spec->job->carry_over == JOB_RESUME_FIRST)
			plan->runs[plan->n_runs++] = row->id;
	}
}

static void plan_present(const struct session_spec *spec, const struct lop_run_list *list,
			 struct plan *plan)
{
	const struct ledger_run_row *due = list->ret_due;

	bool is_twice_a_second = spec->job->once_per == JOB_ONCE_PER_START && plan->n_runs == 0 &&
				 due != NULL && is_over(due);
	if (spec->again || is_twice_a_second) {
		/* A slot that has no run yet needs no --again; a start is named by its second, and
		 * another one in the same second is another start. */
		plan->creates = true;
		plan->new_n = list->ret_last_n + 1;
		return;
	}
	if (spec->job->once_per == JOB_ONCE_PER_START && plan->n_runs > 0)
		return;
	if (due == NULL) {
		plan->creates = true;
		plan->new_n = 1;
	} else if (is_over(due)) {
		plan->over = due;
		if (plan->n_runs == 0)
			plan->verdict = PLAN_ALREADY_OVER;
	}
}

struct plan plan_runs(const struct session_spec *spec, const struct lop_run_list *list,
		      struct arena *a)
{
	struct plan plan = {.verdict = PLAN_WORK};

	assert(spec != NULL && list != NULL && list->due_base != NULL);
	plan.runs = arena_alloc(a, (list->ret_n + 1) * sizeof(*plan.runs));
	plan.abandons = arena_alloc(a, (list->ret_n + 1) * sizeof(*plan.abandons));
	plan_older(spec, list, &plan);
	if (plan.on_elsewhere != NULL && spec->job->overlap == JOB_OVERLAP_SKIP) {
		plan.verdict = PLAN_OLDER_IS_ON;
		return plan;
	}
	plan_present(spec, list, &plan);
	return plan;
}
