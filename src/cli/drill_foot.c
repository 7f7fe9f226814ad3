/* SPDX-License-Identifier: Apache-2.0 */
/* What a drill did in another way than the job does it, or did not do at all. */
#include "cli/drill_show.h"

#include "base/attr.h"
#include "base/buf.h"
#include "drill/copy.h"
#include "drill/drill.h"
#include "job/job.h"

enum { NAMES_BYTES_MAX = 64 * 1024 };

/* ---- of which steps ---- */

typedef bool (*step_test_fn)(const struct job *step, const struct drill_end *end);

/* " of step a", " of steps a, b": those that it holds for, nothing where the job has none. False
 * when it holds for no step. */
static bool put_steps(struct buf *b, const char *before, const struct job *job,
		      const struct drill_end *end, step_test_fn holds)
{
	AUTO(buf) struct buf names = BUF_INIT(NAMES_BYTES_MAX);
	size_t n = 0;

	for (size_t i = 0; i < job->n_steps; i++) {
		if (!holds(job->steps[i], end))
			continue;
		buf_puts(&names, n++ == 0 ? "" : ", ");
		buf_puts(&names, job->step_name == NULL ? "" : job->step_names[i]);
	}
	if (n == 0)
		return false;
	buf_printf(b, "\n%s", before);
	if (job->step_name != NULL)
		buf_printf(b, " of step%s %s", n == 1 ? "" : "s", buf_str(&names));
	return true;
}

static bool has_own_items(const struct job *step, const struct drill_end *end)
{
	enum source_kind kind = step->source.kind;

	return end->is_plain[step->step - 1] && kind != SOURCE_NONE && kind != SOURCE_STEP;
}

static bool lost_its_script(const struct job *step, const struct drill_end *end)
{
	return end->is_plain[step->step - 1] && (step->filter != NULL || step->transform != NULL);
}

static bool keeps_for_others(const struct job *step, const struct drill_end *end)
{
	(void)end;
	return copy_keeps(step);
}

static bool is_marked(const struct job *step, const struct drill_end *end)
{
	(void)end;
	return step->work.effect == JOB_TRANSACTIONAL;
}

/* ---- what is not played at all ---- */

struct list {
	struct buf *out;
	size_t n;
	const struct job *step; /* the last that was named */
};

static void list_add(struct list *list, const struct job *step, const char *what)
{
	bool is_new = step != list->step;

	if (list->n++ == 0)
		buf_puts(list->out, "\nA drill does not play: ");
	else
		buf_puts(list->out, is_new ? "; " : ", ");
	if (is_new && step != NULL && step->step_name != NULL)
		buf_printf(list->out, "%s: ", step->step_name);
	buf_puts(list->out, what);
	list->step = step;
}

static void list_add_step(struct list *list, const struct job *step)
{
	const struct job_target *target = &step->work.target;
	const struct job_database *database = &step->source.database;

	if (database->on_done != NULL)
		list_add(list, step, "on_done");
	if (database->on_dead != NULL)
		list_add(list, step, "on_dead");
	if (target->before != NULL)
		list_add(list, step, "before");
	if (target->after != NULL)
		list_add(list, step, "after");
	if (job_is_all_or_none(step))
		list_add(list, step, "commit: run");
	if (step->work.kind == WORK_FILE)
		list_add(list, step, "how the file is put together");
}

static void put_not_played(struct buf *b, const struct job *job)
{
	struct list list = {.out = b};

	for (size_t i = 0; i < job->n_steps; i++)
		list_add_step(&list, job->steps[i]);
	if (job_has_finish(job))
		list_add(&list, NULL, "on_finish");
	if (list.n > 0)
		buf_puts(b, ".\n");
}

static void put_whys(struct buf *b, const struct job *job, const struct drill_end *end)
{
	for (size_t i = 0; i < job->n_steps; i++) {
		if (end->why[i][0] == '\0')
			continue;
		buf_puts(b, "    ");
		if (job->step_name != NULL)
			buf_printf(b, "%s: ", job->step_names[i]);
		buf_printf(b, "%s\n", end->why[i]);
	}
}

void drill_put_foot(struct buf *b, const struct job *job, const struct drill_end *end)
{
	const char *stand_in = job->step_name == NULL ? "the stand-in" : "the stand-ins";

	if (put_steps(b, "The items", job, end, has_own_items)) {
		buf_printf(b,
			   " are %d of our own: those of the job's source could not be read, or "
			   "telling it about them is part of reading.\n",
			   DRILL_ITEMS);
		put_whys(b, job, end);
	}
	if (put_steps(b, "What is kept of the answers", job, end, keeps_for_others))
		buf_puts(b, " for later ones is made up.\n");
	if (job->step_name != NULL &&
	    put_steps(b, "Filter and transform", job, end, lost_its_script))
		buf_puts(b, " were left out: they cannot work with items that are made up.\n");
	if (put_steps(b, "The marks by which each item", job, end, is_marked))
		buf_printf(b, " takes effect once were kept by %s, not where the work is done.\n",
			   stand_in);
	put_not_played(b, job);
	if (job->n_steps > 1)
		buf_puts(b, "\nWhat it is like when another step is hit: --step NAME.\n");
	if (end->n_broken == 0)
		buf_puts(b, "\nEvery promise was kept.\n");
	else
		buf_printf(b, "\n%d scenes broke a promise. What they left is in %s\n",
			   end->n_broken, end->directory);
}
