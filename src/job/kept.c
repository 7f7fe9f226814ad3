/* SPDX-License-Identifier: Apache-2.0 */
#include "job/kept.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "job/job.h"
#include "job/steps.h"
#include "job/suggest.h"

enum { NAMES_MAX = 128, TEXT_MAX = 1024 };

const struct job_pairs *kept_declared(const struct job *job)
{
	return job->work.kind == WORK_HTTP ? &job->work.http.keep : NULL;
}

bool kept_is_free(const struct job *job)
{
	return job_is_stream(job);
}

const struct job_kept *kept_find(const struct job *job, int step, const char *name, size_t len)
{
	for (size_t i = 0; i < job->source.n_kept; i++) {
		const struct job_kept *kept = &job->source.kept[i];
		if (kept->step == step && strlen(kept->name) == len &&
		    memcmp(kept->name, name, len) == 0)
			return kept;
	}
	return NULL;
}

/* ---- complaints ---- */

static int complain_step(const struct job *job, const char *name, size_t len, struct err *err)
{
	size_t n = 0;

	while (job->step_names != NULL && job->step_names[n] != NULL)
		n++;
	const char *near = text_nearest(name, len, (const char *const *)job->step_names, n);
	return ERR(err, ERR_CONFIG, "there is no step %s%s", QUOTED(name, len), DID_YOU_MEAN(near));
}

static int complain_order(const struct job *job, int step, struct err *err)
{
	const char *name = job->step_names[step - 1];

	if (step == job->step)
		return ERR(err, ERR_CONFIG, "%s is this step, which has kept nothing yet", name);
	if (step > job->step)
		return ERR(err, ERR_CONFIG,
			   "step %s comes later: there is nothing of it when this one begins",
			   name);
	return ERR(err, ERR_CONFIG,
		   "the items here are not those of step %s; take them with source: {step: %s}",
		   name, name);
}

static void add_name(const char **names, size_t *n, const char *name)
{
	if (*n < NAMES_MAX)
		names[(*n)++] = name;
}

/* The nearest of what it keeps and has, or what it keeps. */
static int complain_name(const struct job *of, const char *name, size_t len, struct err *err)
{
	const struct job_pairs *declared = kept_declared(of);
	const char *names[NAMES_MAX];
	size_t n = 0;
	AUTO(buf) struct buf more = BUF_INIT(TEXT_MAX);

	for (size_t i = 0; declared != NULL && i < declared->n; i++)
		add_name(names, &n, declared->list[i].name);
	size_t n_kept = n;
	for (size_t i = 0; i < of->source.n_fields; i++)
		add_name(names, &n, of->source.fields[i].name);
	const char *near = text_nearest(name, len, names, n);
	buf_puts(&more, DID_YOU_MEAN(near));
	for (size_t i = 0; i < n_kept && near == NULL; i++)
		buf_printf(&more, "%s%s", i == 0 ? "; it keeps " : ", ", names[i]);
	if (n_kept == 0 && near == NULL)
		buf_puts(&more, "; it keeps nothing");
	return ERR(err, ERR_CONFIG, "step %s keeps no %s%s", of->step_name, QUOTED(name, len),
		   buf_str(&more));
}

/* ---- the name ---- */

/* The number of the step whose items are, or were, those of the job; 0 when there is none. */
static bool has_items_of(const struct job *job, int step)
{
	while (job->source.kind == SOURCE_STEP && job->source.of_step > 0) {
		if (job->source.of_step == step)
			return true;
		job = job->steps[job->source.of_step - 1];
	}
	return false;
}

int kept_parse(const struct job *job, const char *name, size_t len, size_t *ret_field,
	       struct err *err)
{
	const char *dot = memchr(name, '.', len);
	size_t own = dot == NULL ? len : (size_t)(dot - name);
	int step = steps_number((const char *const *)job->step_names, name, own);

	if (step == 0)
		return complain_step(job, name, own, err);
	if (dot == NULL || own + 1 == len)
		return ERR(err, ERR_CONFIG, "expected ${step.%s.FIELD}", job->step_names[step - 1]);
	if (step >= job->step || !has_items_of(job, step))
		return complain_order(job, step, err);
	const struct job *of = job->steps[step - 1];
	const struct job_kept *kept = kept_find(job, step, dot + 1, len - own - 1);
	int field = job_find_field(of, dot + 1, len - own - 1);
	if (kept == NULL && field < 0)
		return complain_name(of, dot + 1, len - own - 1, err);
	/* The fields of a step come first in those that have their items from it. */
	*ret_field = kept != NULL ? kept->field : (size_t)field;
	return 0;
}
