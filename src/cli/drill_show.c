/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/drill_show.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "drill/drill.h"
#include "job/job.h"

static const char *effect_of(const struct job *step)
{
	static const char *const names[JOB_EFFECT_COUNT_] = {[JOB_IDEMPOTENT] = "idempotent",
							     [JOB_ONCE] = "once",
							     [JOB_TRANSACTIONAL] = "transactional"};

	return names[step->work.effect];
}

/* ---- a scene ---- */

static void put_number(struct buf *b, int64_t n, const char *text, const char **mark)
{
	if (n == 0)
		return;
	buf_puts(b, *mark);
	*mark = ", ";
	text_put_count(b, n);
	buf_printf(b, " %s", text);
}

static void put_counts(struct buf *b, const struct tally_step *t)
{
	const char *mark = "";

	put_number(b, t->done, "done", &mark);
	put_number(b, t->skipped, "skipped", &mark);
	put_number(b, t->retry, "in retry", &mark);
	put_number(b, t->in_doubt, "in doubt", &mark);
	put_number(b, t->dead, "dead", &mark);
	put_number(b, t->open, "open", &mark);
	put_number(b, t->rejected, "rejected", &mark);
	if (t->items + t->rejected == 0)
		buf_puts(b, "no items");
}

static void put_end(struct buf *b, const struct drill_scene *s)
{
	if (s->starts > 1)
		buf_printf(b, "started %d times; ", s->starts);
	buf_printf(b, "exit status %d\n", s->status);
}

/* A run that failed; one that only waits for a person says so step by step. */
static void put_failure(struct buf *b, const struct drill_scene *s)
{
	if (s->status == EXIT_NO && s->tally.reason[0] != '\0')
		buf_printf(b, "    the run failed: %s\n", s->tally.reason);
}

static bool is_each_once(const struct tally_step *t)
{
	return t->effects == t->items && t->repeated == 0;
}

/* What it means beside that, for those scenes that it means something in. */
static void put_meaning(struct buf *b, const char *indent, const struct job *step,
			const struct tally_step *t)
{
	if (t->repeated > 0)
		buf_printf(b,
			   "%s%" PRId64 " took effect more than once (at most %" PRId64
			   " times), with the same idempotency key: %s\n",
			   indent, t->repeated, t->most,
			   step->work.effect == JOB_ONCE
				   ? "when_in_doubt: retry says that this may be"
				   : "effect: idempotent says that this is harmless");
	if (t->in_doubt > 0)
		buf_printf(b,
			   "%sin doubt: nobody can know whether it took effect, so it is not "
			   "repeated; a person decides (stint resolve)\n",
			   indent);
	if (t->dead > 0 && t->dead_error[0] != '\0')
		buf_printf(b, "%sdead: %s\n", indent, t->dead_error);
	if (t->skipped > 0)
		buf_printf(b,
			   "%sskipped: it may have taken effect, and when_in_doubt: skip lets "
			   "it be\n",
			   indent);
}

static void put_broken(struct buf *b, const struct tally *t)
{
	buf_printf(b, "    PROMISE BROKEN: %s\n", t->broken);
}

static void put_only_step(struct buf *b, const struct job *job, const struct drill_scene *s)
{
	const struct tally_step *t = &s->tally.step[0];

	buf_puts(b, "    ");
	put_counts(b, t);
	buf_puts(b, "; ");
	put_end(b, s);
	put_failure(b, s);
	if (s->tally.is_broken) {
		put_broken(b, &s->tally);
		return;
	}
	if (is_each_once(t))
		buf_puts(b, "    each took effect exactly once\n");
	put_meaning(b, "    ", job, t);
}

static void put_not_begun(struct buf *b, const struct job *step, const struct tally *t)
{
	const struct tally_step *before = step->step > 1 ? &t->step[step->step - 2] : NULL;

	buf_printf(b, "    %s: has not begun", step->step_name);
	if (before != NULL && before->has_begun && tally_holds_back(before, step->go_on_when))
		buf_printf(b, ": not all of %s is done (go_on_when: %s)",
			   step->step_names[step->step - 2],
			   step->go_on_when == JOB_GO_ON_DONE ? "done" : "done_with_failures");
	buf_putc(b, '\n');
}

static void put_step(struct buf *b, const struct job *step, const struct tally *tally)
{
	const struct tally_step *t = &tally->step[step->step - 1];

	if (!t->has_begun) {
		put_not_begun(b, step, tally);
		return;
	}
	buf_printf(b, "    %s: ", step->step_name);
	put_counts(b, t);
	buf_puts(b, t->items > 0 && is_each_once(t) ? "; each took effect exactly once\n" : "\n");
	put_meaning(b, "        ", step, t);
}

void drill_put_scene(struct buf *b, const struct job *job, const struct drill_scene *s)
{
	buf_putc(b, '\n');
	if (job->step_name != NULL && s->deed_step > 0)
		buf_printf(b, "in step %s: ", job->step_names[s->deed_step - 1]);
	buf_printf(b, "%s\n", scene_get(s->scene)->says);
	if (job->step_name == NULL) {
		put_only_step(b, job, s);
		return;
	}
	for (size_t i = 0; i < job->n_steps; i++)
		put_step(b, job->steps[i], &s->tally);
	buf_puts(b, "    ");
	put_end(b, s);
	put_failure(b, s);
	if (s->tally.is_broken)
		put_broken(b, &s->tally);
}

/* ---- before and after ---- */

void drill_put_head(struct buf *b, const struct job *job)
{
	if (job->step_name == NULL) {
		buf_printf(b,
			   "%s, on a copy: what it does is replaced by a stand-in that does "
			   "nothing (effect: %s).\n",
			   job->name, effect_of(job));
	} else {
		buf_printf(b,
			   "%s, on a copy: what its steps do is replaced by stand-ins that do "
			   "nothing (effect:",
			   job->name);
		for (size_t i = 0; i < job->n_steps; i++)
			buf_printf(b, "%s %s %s", i == 0 ? "" : ",", job->step_names[i],
				   effect_of(job->steps[i]));
		buf_puts(b, ").\n");
	}
	buf_puts(b, "Waits are shortened; nothing outside is touched.\n");
}

/* ---- for programs ---- */

static void sum_up(const struct job *job, const struct tally *tally, struct tally_step *ret_sum)
{
	struct tally_step sum = {0};

	for (size_t i = 0; i < job->n_steps; i++) {
		const struct tally_step *t = &tally->step[i];
		sum.items += t->items;
		sum.done += t->done;
		sum.skipped += t->skipped;
		sum.retry += t->retry;
		sum.in_doubt += t->in_doubt;
		sum.dead += t->dead;
		sum.open += t->open;
		sum.rejected += t->rejected;
		if (sum.dead_error[0] == '\0')
			memcpy(sum.dead_error, t->dead_error, sizeof(sum.dead_error));
		sum.effects += t->effects;
		sum.touched += t->touched;
		sum.repeated += t->repeated;
	}
	*ret_sum = sum;
}

static void put_counts_json(struct json_writer *w, const struct tally_step *t)
{
	jw_member_int(w, "items", t->items);
	jw_member_int(w, "done", t->done);
	jw_member_int(w, "skipped", t->skipped);
	jw_member_int(w, "retry", t->retry);
	jw_member_int(w, "in_doubt", t->in_doubt);
	jw_member_int(w, "dead", t->dead);
	jw_member_text(w, "dead_error", t->dead_error[0] == '\0' ? NULL : t->dead_error);
	jw_member_int(w, "open", t->open);
	jw_member_int(w, "rejected", t->rejected);
	jw_member_int(w, "effects", t->effects);
	jw_member_int(w, "took_effect", t->touched);
	jw_member_int(w, "took_effect_again", t->repeated);
}

static void put_steps_json(struct json_writer *w, const struct job *job, const struct tally *tally)
{
	jw_name(w, "steps");
	jw_array(w);
	for (size_t i = 0; i < job->n_steps && job->step_name != NULL; i++) {
		jw_object(w);
		jw_member_text(w, "name", job->step_names[i]);
		jw_member_bool(w, "begun", tally->step[i].has_begun);
		put_counts_json(w, &tally->step[i]);
		jw_object_end(w);
	}
	jw_array_end(w);
}

void drill_put_scene_json(struct json_writer *w, const struct job *job, const struct drill_scene *s)
{
	struct tally_step sum = {0};
	bool is_in_step = job->step_name != NULL && s->deed_step > 0;

	sum_up(job, &s->tally, &sum);
	jw_object(w);
	jw_member_text(w, "scene", scene_get(s->scene)->name);
	jw_member_text(w, "text", scene_get(s->scene)->says);
	jw_member_text(w, "step", is_in_step ? job->step_names[s->deed_step - 1] : NULL);
	jw_member_int(w, "starts", s->starts);
	jw_member_int(w, "exit_status", s->status);
	put_counts_json(w, &sum);
	put_steps_json(w, job, &s->tally);
	jw_member_text(w, "reason", s->tally.reason[0] == '\0' ? NULL : s->tally.reason);
	jw_member_text(w, "broken", s->tally.is_broken ? s->tally.broken : NULL);
	jw_object_end(w);
}

void drill_put_end_json(struct json_writer *w, const struct job *job, const struct drill_end *end)
{
	bool has_own_items = false;
	const char *why = NULL;

	jw_name(w, "steps");
	jw_array(w);
	for (size_t i = 0; i < job->n_steps; i++) {
		enum source_kind kind = job->steps[i]->source.kind;
		bool is_own = end->is_plain[i] && kind != SOURCE_NONE && kind != SOURCE_STEP;
		has_own_items = has_own_items || is_own;
		if (why == NULL && end->why[i][0] != '\0')
			why = end->why[i];
		if (job->step_name == NULL)
			continue;
		jw_object(w);
		jw_member_text(w, "name", job->step_names[i]);
		jw_member_text(w, "effect", effect_of(job->steps[i]));
		jw_member_bool(w, "own_items", is_own);
		jw_member_text(w, "why", end->why[i][0] == '\0' ? NULL : end->why[i]);
		jw_object_end(w);
	}
	jw_array_end(w);
	jw_member_bool(w, "own_items", has_own_items);
	jw_member_text(w, "why", why);
	jw_member_int(w, "broken", end->n_broken);
	jw_member_text(w, "directory", end->directory[0] == '\0' ? NULL : end->directory);
}
