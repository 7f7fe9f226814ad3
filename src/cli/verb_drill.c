/* SPDX-License-Identifier: Apache-2.0 */
/* `stint drill FILE`: what a kill, a lost answer, a full disk would do to the items of this job. */
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/job_file.h"
#include "cli/params.h"
#include "cli/verbs.h"
#include "drill/drill.h"
#include "job/job.h"
#include "script/check.h"

struct showing {
	struct cli *cli;
	const struct job *job;
	struct json_writer *w; /* NULL: text */
};

/* ---- for people ---- */

static void put_number(struct buf *b, int64_t n, const char *text, const char **mark)
{
	if (n == 0)
		return;
	buf_puts(b, *mark);
	*mark = ", ";
	text_put_count(b, n);
	buf_printf(b, " %s", text);
}

static void put_counts(struct buf *b, const struct drill_scene *s)
{
	const struct tally *t = &s->tally;
	const char *mark = "";

	put_number(b, t->done, "done", &mark);
	put_number(b, t->skipped, "skipped", &mark);
	put_number(b, t->retry, "in retry", &mark);
	put_number(b, t->in_doubt, "in doubt", &mark);
	put_number(b, t->dead, "dead", &mark);
	put_number(b, t->open, "open", &mark);
	if (s->starts > 1)
		buf_printf(b, "; started %d times", s->starts);
	buf_printf(b, "; exit status %d\n", s->status);
}

/* What it means, for those scenes that it means something in. */
static void put_meaning(struct buf *b, const struct job *job, const struct tally *t)
{
	if (t->is_broken) {
		buf_printf(b, "    PROMISE BROKEN: %s\n", t->broken);
		return;
	}
	if (t->effects == t->items && t->repeated == 0)
		buf_puts(b, "    each took effect exactly once\n");
	if (t->repeated > 0)
		buf_printf(b,
			   "    %" PRId64 " took effect more than once (at most %" PRId64
			   " times), with the same idempotency key: %s\n",
			   t->repeated, t->most,
			   job->work.effect == JOB_ONCE
				   ? "when_in_doubt: retry says that this may be"
				   : "effect: idempotent says that this is harmless");
	if (t->in_doubt > 0)
		buf_puts(b, "    in doubt: nobody can know whether it took effect, so it is not "
			    "repeated; a person decides (stint resolve)\n");
	if (t->skipped > 0)
		buf_puts(b, "    skipped: it may have taken effect, and when_in_doubt: skip lets "
			    "it be\n");
}

static void put_scene(const struct showing *show, const struct drill_scene *s)
{
	struct buf *b = &show->cli->out.buf;

	buf_printf(b, "\n%s\n    ", scene_get(s->scene)->says);
	put_counts(b, s);
	put_meaning(b, show->job, &s->tally);
	out_flush(&show->cli->out);
}

/* ---- for programs ---- */

static void put_scene_json(struct json_writer *w, const struct drill_scene *s)
{
	const struct tally *t = &s->tally;

	jw_object(w);
	jw_member_text(w, "scene", scene_get(s->scene)->name);
	jw_member_text(w, "text", scene_get(s->scene)->says);
	jw_member_int(w, "starts", s->starts);
	jw_member_int(w, "exit_status", s->status);
	jw_member_int(w, "items", t->items);
	jw_member_int(w, "done", t->done);
	jw_member_int(w, "skipped", t->skipped);
	jw_member_int(w, "retry", t->retry);
	jw_member_int(w, "in_doubt", t->in_doubt);
	jw_member_int(w, "dead", t->dead);
	jw_member_int(w, "open", t->open);
	jw_member_int(w, "effects", t->effects);
	jw_member_int(w, "took_effect", t->touched);
	jw_member_int(w, "took_effect_again", t->repeated);
	jw_member_text(w, "broken", t->is_broken ? t->broken : NULL);
	jw_object_end(w);
}

static void on_scene(void *arg, const struct drill_scene *played)
{
	struct showing *show = arg;

	if (show->w != NULL)
		put_scene_json(show->w, played);
	else
		put_scene(show, played);
}

/* ---- the verb ---- */

static void put_head(const struct showing *show)
{
	const struct job *job = show->job;

	buf_printf(&show->cli->out.buf,
		   "%s, on a copy: what it does is replaced by a stand-in that does nothing "
		   "(effect: %s).\n"
		   "Waits are shortened; nothing outside is touched.\n",
		   job->name, job->work.effect == JOB_ONCE ? "once" : "idempotent");
	out_flush(&show->cli->out);
}

static void put_foot(const struct showing *show, const struct drill_end *end)
{
	struct buf *b = &show->cli->out.buf;

	if (end->has_own_items)
		buf_printf(b,
			   "\nThe items are %d of our own: those of the job's source could not be "
			   "read, or telling it about them is part of reading.\n",
			   DRILL_ITEMS);
	if (end->n_broken == 0)
		buf_puts(b, "\nEvery promise was kept.\n");
	else
		buf_printf(b, "\n%d scenes broke a promise. What they left is in %s\n",
			   end->n_broken, end->directory);
}

static int drill_text(const struct drill_wish *wish, struct showing *show, struct drill_end *end,
		      struct err *err)
{
	put_head(show);
	int rc = drill_play(wish, end, err);
	if (rc == 0)
		put_foot(show, end);
	return rc;
}

static int drill_json(const struct drill_wish *wish, struct showing *show, struct drill_end *end,
		      struct err *err)
{
	struct json_writer w = {0};
	struct buf *b = &show->cli->out.buf;
	size_t before = b->len;

	show->w = &w;
	jw_init(&w, b);
	jw_object(&w);
	jw_member_text(&w, "schema", "stint.drill.1");
	jw_member_text(&w, "job", show->job->name);
	jw_name(&w, "scenes");
	jw_array(&w);
	int rc = drill_play(wish, end, err);
	if (rc < 0) { /* a document is whole, or there is none */
		buf_truncate(b, before);
		return rc;
	}
	jw_array_end(&w);
	jw_member_bool(&w, "own_items", end->has_own_items);
	jw_member_int(&w, "broken", end->n_broken);
	jw_member_text(&w, "directory", end->directory[0] == '\0' ? NULL : end->directory);
	jw_object_end(&w);
	jw_done(&w);
	buf_putc(b, '\n');
	return 0;
}

int verb_drill(struct cli *cli, struct err *err)
{
	AUTO(job) struct job *job = NULL;
	struct params params = {0};
	struct drill_end end = {0};

	int rc = cli_words(cli, 1, 1, err);
	if (rc == 0)
		rc = job_file_load(cli, cli_word(cli, 0), &job, err);
	if (rc == 0)
		rc = params_choose(job, cli->options.params, cli->options.n_params, &params, err);
	if (rc == 0)
		rc = script_check(job, err);
	if (rc == 0) {
		struct showing show = {.cli = cli, .job = job};
		struct drill_wish wish = {.job = job,
					  .params = cli->options.params,
					  .n_params = cli->options.n_params,
					  .on_scene = on_scene,
					  .arg = &show};
		rc = cli->wants_json ? drill_json(&wish, &show, &end, err)
				     : drill_text(&wish, &show, &end, err);
	}
	params_done(&params);
	if (rc < 0)
		return rc;
	return end.n_broken == 0 ? EXIT_DONE : EXIT_NO;
}
