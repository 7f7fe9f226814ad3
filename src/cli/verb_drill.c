/* SPDX-License-Identifier: Apache-2.0 */
/* `stint drill FILE`: what a kill, a lost answer, a full disk would do to the items of this job. */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/drill_show.h"
#include "cli/job_file.h"
#include "cli/params.h"
#include "cli/verbs.h"
#include "drill/drill.h"
#include "job/job.h"
#include "job/suggest.h"
#include "script/check.h"

struct showing {
	struct cli *cli;
	const struct job *job;
	struct json_writer *w; /* NULL: text */
};

static void on_scene(void *arg, const struct drill_scene *played)
{
	struct showing *show = arg;

	if (show->w != NULL) {
		drill_put_scene_json(show->w, show->job, played);
		return;
	}
	drill_put_scene(&show->cli->out.buf, show->job, played);
	out_flush(&show->cli->out);
}

static int drill_text(const struct drill_wish *wish, struct showing *show, struct drill_end *end,
		      struct err *err)
{
	drill_put_head(&show->cli->out.buf, show->job);
	out_flush(&show->cli->out);
	int rc = drill_play(wish, end, err);
	if (rc == 0)
		drill_put_foot(&show->cli->out.buf, show->job, end);
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
	drill_put_end_json(&w, show->job, end);
	jw_object_end(&w);
	jw_done(&w);
	buf_putc(b, '\n');
	return 0;
}

/* --step: its number, 0 when none is asked for. */
static int choose_step(const struct cli *cli, const struct job *job, int *ret_step, struct err *err)
{
	const char *word = cli->options.value[OPTION_STEP];

	*ret_step = 0;
	if (!cli->options.is_given[OPTION_STEP])
		return 0;
	if (job->step_name == NULL)
		return ERR(err, ERR_USAGE, "--step %s: the job has no steps", word);
	const struct job *step = job_find_step(job, word);
	if (step == NULL) {
		const char *const *names = (const char *const *)job->step_names;
		const char *near = text_nearest(word, strlen(word), names, job->n_steps);
		return ERR(err, ERR_USAGE, "there is no step %s%s", QUOTED(word, strlen(word)),
			   DID_YOU_MEAN(near));
	}
	*ret_step = step->step;
	return 0;
}

int verb_drill(struct cli *cli, struct err *err)
{
	AUTO(job) struct job *job = NULL;
	struct params params = {0};
	struct drill_end end = {0};
	int deed_step = 0;

	int rc = cli_words(cli, 1, 1, err);
	if (rc == 0)
		rc = job_file_load(cli, cli_word(cli, 0), &job, err);
	if (rc == 0)
		rc = choose_step(cli, job, &deed_step, err);
	if (rc == 0)
		rc = params_choose(job, cli->options.params, cli->options.n_params, &params, err);
	if (rc == 0)
		rc = script_check(job, err);
	if (rc == 0) {
		struct showing show = {.cli = cli, .job = job};
		struct drill_wish wish = {.job = job,
					  .params = cli->options.params,
					  .n_params = cli->options.n_params,
					  .deed_step = deed_step,
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
