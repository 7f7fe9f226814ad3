/* SPDX-License-Identifier: Apache-2.0 */
/* The report as JSON (docs/json.md, stint.report.1). */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "report/latency.h"
#include "report/moment.h"
#include "report/next.h"
#include "report/report.h"

enum { NUMBER_MAX = 40 };

static void put_counts(const struct report_run *run, struct json_writer *w)
{
	const struct ledger_counts *c = &run->counts;

	jw_member_int(w, "read", run->n_read);
	jw_member_int(w, "loaded", run->n_items);
	jw_member_int(w, "filtered", run->n_filtered);
	jw_member_int(w, "rejected", run->n_rejected);
	jw_member_int(w, "held_back", run->n_held_back);
	jw_member_int(w, "done", c->done);
	jw_member_int(w, "skipped", c->skipped);
	jw_member_int(w, "retry", c->retry);
	jw_member_int(w, "in_doubt", c->in_doubt);
	jw_member_int(w, "dead", c->dead);
	jw_member_int(w, "running", c->running);
	jw_member_int(w, "waiting", c->waiting);
}

void report_run_put_json(const struct report_run *run, struct json_writer *w)
{
	jw_member_text(w, "run", run->name);
	jw_member_int(w, "run_id", run->id);
	jw_member_text(w, "job", run->job);
	jw_member_text(w, "slot", run->slot);
	jw_member_text(w, "date", run->date);
	jw_member_int(w, "n", run->n);
	jw_name(w, "params");
	jw_raw(w, run->params, strlen(run->params));
	jw_member_text(w, "state", run->state);
	jw_member_text(w, "step", run->step);
	jw_member_text(w, "reason", run->reason[0] == '\0' ? NULL : run->reason);
	moment_put_json(w, "started_at", run->started_at);
	moment_put_json(w, "ended_at", run->ended_at);
	jw_member_text(w, "job_file", run->job_path);
	jw_member_text(w, "source_path", run->source_path[0] == '\0' ? NULL : run->source_path);
	jw_member_int(w, "instances", run->n_joined);
	jw_name(w, "counts");
	jw_object(w);
	put_counts(run, w);
	jw_object_end(w);
}

static void put_errors(const struct report *r, struct json_writer *w)
{
	jw_name(w, "errors");
	jw_array(w);
	for (size_t i = 0; i < r->n_errors; i++) {
		const struct report_error *e = &r->errors[i];
		jw_object(w);
		jw_member_text(w, "fingerprint", e->fingerprint);
		jw_member_text(w, "error_class", e->err_class);
		jw_member_text(w, "error", e->sample);
		jw_member_int(w, "items", e->n);
		jw_member_int(w, "dead", e->n_dead);
		jw_member_int(w, "in_doubt", e->n_in_doubt);
		jw_member_int(w, "retry", e->n_retry);
		jw_name(w, "examples");
		jw_array(w);
		for (size_t k = 0; k < e->n_examples; k++) {
			jw_object(w);
			jw_member_int(w, "number", e->examples[k].number);
			jw_member_text(w, "key", e->examples[k].key);
			jw_object_end(w);
		}
		jw_array_end(w);
		jw_object_end(w);
	}
	jw_array_end(w);
	jw_member_int(w, "more_errors", r->n_more_errors);
}

static void put_details(const struct report *r, struct json_writer *w)
{
	jw_name(w, "rejects");
	jw_array(w);
	for (size_t i = 0; i < r->n_reasons; i++) {
		jw_object(w);
		jw_member_text(w, "reason", r->reasons[i].reason);
		jw_member_int(w, "records", r->reasons[i].n);
		jw_member_text(w, "path", r->reasons[i].path);
		jw_member_int(w, "line", r->reasons[i].line);
		jw_object_end(w);
	}
	jw_array_end(w);
	jw_member_int(w, "more_rejects", r->n_more_rejects);
	jw_name(w, "slowest");
	jw_array(w);
	for (size_t i = 0; i < r->n_slow; i++) {
		jw_object(w);
		jw_member_int(w, "number", r->slow[i].number);
		jw_member_text(w, "key", r->slow[i].key);
		jw_member_int(w, "attempt", r->slow[i].attempt);
		jw_member_int(w, "took_ms", r->slow[i].took_us / US_PER_MS);
		jw_member_text(w, "outcome", r->slow[i].outcome);
		jw_object_end(w);
	}
	jw_array_end(w);
}

static void put_buckets(const struct report *r, struct json_writer *w)
{
	if (r->by == REPORT_BY_NONE)
		return;
	jw_member_text(w, "by", report_by_word(r->by));
	jw_name(w, "buckets");
	jw_array(w);
	for (size_t i = 0; i < r->n_buckets; i++) {
		const struct report_bucket *b = &r->buckets[i];
		jw_object(w);
		jw_member_text(w, "label", b->label);
		jw_member_int(w, "all", b->n);
		jw_member_int(w, "done", b->done);
		jw_member_int(w, "failed", b->failed);
		jw_name(w, "mean_ms");
		if (b->took_us < 0)
			jw_null(w);
		else
			jw_int(w, b->took_us / US_PER_MS);
		jw_object_end(w);
	}
	jw_array_end(w);
}

static void put_next(const struct report *r, struct json_writer *w)
{
	struct arena arena = {0};
	struct next next = {0};

	next_of_run(&r->run, &arena, &next);
	jw_name(w, "next");
	jw_array(w);
	for (size_t i = 0; i < next.n; i++) {
		jw_object(w);
		jw_member_text(w, "command", next.steps[i].command);
		jw_member_text(w, "because", next.steps[i].because);
		jw_object_end(w);
	}
	jw_array_end(w);
	arena_done(&arena);
}

void report_put_json(const struct report *r, struct json_writer *w)
{
	char rate[NUMBER_MAX] = {0};

	assert(r != NULL && w != NULL);
	report_run_put_json(&r->run, w);
	jw_member_bool(w, "balances", report_balances(r, NULL));
	jw_member_int(w, "elapsed_ms", report_elapsed_us(r) / US_PER_MS);
	jw_name(w, "items_per_second");
	(void)snprintf(rate, sizeof(rate), "%.3f", report_rate(r));
	jw_raw(w, rate, strlen(rate));
	amounts_put_json(&r->amounts, w);
	notes_put_json(&r->notes, w);
	endings_put_json(&r->endings, w);
	endpoints_put_json(&r->endpoints, w);
	report_steps_put_json(r, w);
	put_errors(r, w);
	put_details(r, w);
	latency_put_json(r->stats, w);
	cost_put_json(&r->cost, w);
	put_buckets(r, w);
	decided_put_json(&r->decided, w);
	put_next(r, w);
}
