/* SPDX-License-Identifier: Apache-2.0 */
#include "drill/copy.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/json.h"
#include "drill/copy_source.h"
#include "drill/standin.h"
#include "job/job.h"
#include "job/node.h"
#include "job/tree.h"

enum { CONCURRENCY_MAX = 4, NAMES_MAX = 256, USE_BYTES_MAX = 2048 };

static const char *const kept[] = {"params", "constants", "lua_limits"};
static const char *const kept_of_work[] = {"key_valid", "when_in_doubt"};

/* ---- what answers keep ---- */

static bool has_name(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* What later steps have of this one's answers; how many. */
static size_t names_kept(const struct job *step, const char **names)
{
	size_t n = 0;

	for (size_t i = 0; i < step->n_steps; i++) {
		const struct job_source *source = &step->steps[i]->source;
		for (size_t k = 0; k < source->n_kept && n < NAMES_MAX; k++)
			if (source->kept[k].step == step->step &&
			    !has_name(names, n, source->kept[k].name))
				names[n++] = source->kept[k].name;
	}
	return n;
}

bool copy_keeps(const struct job *step)
{
	const char *names[NAMES_MAX];

	return names_kept(step, names) > 0;
}

/* Of what a stand-in keeps a later step has what the file uses, so it says that it does. */
static void put_uses(struct json_writer *w, const struct job *step)
{
	const char *names[NAMES_MAX];
	size_t n = names_kept(step, names);

	if (n == 0)
		return;
	jw_name(w, "x-kept");
	jw_array(w);
	for (size_t i = 0; i < n; i++) {
		AUTO(buf) struct buf use = BUF_INIT(USE_BYTES_MAX);
		buf_printf(&use, "${step.%s.%s}", step->step_name, names[i]);
		jw_text(w, buf_str(&use));
	}
	jw_array_end(w);
}

/* ---- work ---- */

static bool is_transactional(const struct job *step)
{
	return step->work.effect == JOB_TRANSACTIONAL;
}

static void put_words(struct json_writer *w, const struct copy_wish *wish, const struct job *step,
		      const char *part)
{
	char stage[PATH_MAX];
	char turn[16];
	const char *const words[] = {wish->program, STANDIN_VERB, stage, part, turn};

	standin_stage(wish->stage, step, stage, sizeof(stage));
	(void)snprintf(turn, sizeof(turn), "%d", wish->turn);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		jw_text(w, words[i]);
}

/* Who asks the other side asks the stand-in. */
static void put_verify(struct json_writer *w, const struct copy_wish *wish, const struct job *step)
{
	if (!job_verifies(step))
		return;
	jw_name(w, "verify");
	jw_object(w);
	jw_name(w, "command");
	jw_array(w);
	put_words(w, wish, step, STANDIN_VERIFY);
	jw_array_end(w);
	jw_member_text(w, "settle", "100ms");
	jw_object_end(w);
}

static void put_exec(struct json_writer *w, const struct copy_wish *wish, const struct job *step,
		     int concurrency)
{
	enum scene_id scene = step->step == wish->deed_step ? wish->scene : SCENE_CALM;
	const char *names[NAMES_MAX];
	size_t n = names_kept(step, names);

	jw_name(w, "exec");
	jw_object(w);
	jw_name(w, "command");
	jw_array(w);
	put_words(w, wish, step, scene_get(scene)->name);
	if (is_transactional(step))
		jw_text(w, STANDIN_MARKS);
	if (n > 0)
		jw_text(w, wish->keeps_texts ? STANDIN_KEEP_TEXTS : STANDIN_KEEP_NUMBERS);
	for (size_t i = 0; i < n; i++)
		jw_text(w, names[i]);
	jw_array_end(w);
	if (n == 0) {
		jw_member_text(w, "input", "none");
	} else { /* a program for each item keeps nothing */
		jw_member_text(w, "mode", "stream");
		jw_member_int(w, "workers", concurrency);
	}
	jw_object_end(w);
}

static void put_work(struct json_writer *w, const struct copy_wish *wish, const struct job *step,
		     const struct node *work)
{
	int concurrency = step->work.concurrency;

	if (concurrency <= 0 || concurrency > CONCURRENCY_MAX)
		concurrency = CONCURRENCY_MAX;
	jw_object(w);
	put_exec(w, wish, step, concurrency);
	for (size_t i = 0; i < ARRAY_LEN(kept_of_work) && !is_transactional(step); i++)
		copy_member(w, work, kept_of_work[i]);
	jw_member_text(w, "effect", step->work.effect == JOB_ONCE ? "once" : "idempotent");
	put_verify(w, wish, step);
	jw_member_text(w, "timeout", "3s");
	jw_member_int(w, "concurrency", concurrency);
	jw_object_end(w);
}

/* ---- the job ---- */

/* Waits of a night, as waits of a drill. */
static void put_short_waits(struct json_writer *w, const struct job *step)
{
	jw_name(w, "retry");
	jw_object(w);
	jw_member_int(w, "attempts", step->retry.attempts);
	jw_member_text(w, "first", "100ms");
	jw_member_int(w, "factor", 1);
	jw_member_text(w, "max", "100ms");
	jw_member_text(w, "jitter", "none");
	jw_object_end(w);
	jw_name(w, "breaker");
	jw_object(w);
	jw_member_text(w, "open_for", "200ms");
	jw_member_text(w, "open_max", "1s");
	jw_object_end(w);
}

static void put_short_window(struct json_writer *w)
{
	jw_name(w, "window");
	jw_object(w);
	jw_member_text(w, "grace", "5s");
	jw_member_text(w, "stalled_after", "60s");
	jw_object_end(w);
}

/* Members of a step, or of a job without steps. */
static void put_parts(struct json_writer *w, const struct copy_wish *wish, const struct job *step,
		      const struct node *tree)
{
	copy_source(w, wish, step, tree);
	jw_name(w, "work");
	put_work(w, wish, step, node_find(tree, "work"));
	copy_member(w, tree, "chunk");
	put_short_waits(w, step);
}

static void put_step(struct json_writer *w, const struct copy_wish *wish, const struct job *step)
{
	struct arena arena = {0};
	const struct node *tree = tree_of_job(step, &arena);

	jw_object(w);
	jw_member_text(w, "name", step->step_name);
	put_parts(w, wish, step, tree);
	copy_member(w, tree, "go_on_when");
	put_uses(w, step);
	jw_object_end(w);
	arena_done(&arena);
}

void copy_put(const struct copy_wish *wish, struct buf *out)
{
	struct arena arena = {0};
	struct json_writer w = {0};
	const struct job *job = wish->job;

	assert(wish->stage != NULL && wish->own_items != NULL && out != NULL);
	const struct node *tree = tree_of_job(job, &arena);
	jw_init(&w, out);
	jw_object(&w);
	jw_member_int(&w, "version", 1);
	jw_member_text(&w, "job", job->name);
	jw_member_text(&w, "once_per", "day");
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		copy_member(&w, tree, kept[i]);
	if (job->step_name == NULL) {
		put_parts(&w, wish, job, tree);
	} else {
		jw_name(&w, "steps");
		jw_array(&w);
		for (size_t i = 0; i < job->n_steps; i++)
			put_step(&w, wish, job->steps[i]);
		jw_array_end(&w);
	}
	put_short_window(&w);
	jw_object_end(&w);
	jw_done(&w);
	buf_putc(out, '\n');
	arena_done(&arena);
}
