/* SPDX-License-Identifier: Apache-2.0 */
/* source: {step: NAME}: the items of an earlier step. They have its fields, and behind these what
 * it kept of its answers: all names that it declares, and, where a program says what it keeps,
 * those that the file uses. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "job/build.h"
#include "job/kept.h"
#include "job/node.h"
#include "job/suggest.h"

/* ---- which step ---- */

static void complain_unknown(struct build *b, struct node *step)
{
	const char *const *names = b->steps.names;
	size_t n_before = (size_t)b->job->step - 1;

	if (names == NULL || n_before == 0) {
		build_fault(b, step, "there is no step before this one whose items it could take");
		return;
	}
	const char *near = text_nearest(step->text, step->len, names, n_before);
	build_fault(b, step, "no step before this one is called %s%s",
		    QUOTED(step->text, step->len), DID_YOU_MEAN(near));
}

/* The step, or NULL with a fault. */
static const struct job *find_step(struct build *b, struct node *step)
{
	int number = steps_number(b->steps.names, step->text, step->len);
	const char *name = QUOTED(step->text, step->len);

	if (number == b->job->step)
		build_fault(b, step, "step %s cannot take its own items: that is a cycle", name);
	else if (number > b->job->step)
		build_fault(b, step, "step %s comes later: a step takes the items of one before it",
			    name);
	else if (number == 0)
		complain_unknown(b, step);
	return step->is_bad ? NULL : b->job->steps[number - 1];
}

/* ---- fields ---- */

static struct field *add_field(struct job_source *source)
{
	source->fields = xrealloc(source->fields, source->n_fields + 1, sizeof(*source->fields));
	source->fields[source->n_fields] = (struct field){.decimal_mark = '.'};
	return &source->fields[source->n_fields++];
}

static void take_fields_of(struct job_source *source, const struct job_source *from)
{
	for (size_t i = 0; i < from->n_fields; i++) {
		struct field *field = add_field(source);
		*field = from->fields[i];
		field->name = xstrdup(field->name);
		field->date_format = field->date_format == NULL ? NULL
								: xstrdup(field->date_format);
		field->from = NULL;
	}
}

static struct job_kept *add_kept(struct job_source *source)
{
	source->kept = xrealloc(source->kept, source->n_kept + 1, sizeof(*source->kept));
	return &source->kept[source->n_kept++];
}

/* A field of its name; where its items have one already, of the placeholder's. */
static void keep(struct build *b, const struct job *of, const char *name, size_t len)
{
	struct job_source *source = &b->job->source;
	AUTO(buf) struct buf text = BUF_INIT(KEPT_NAME_MAX);

	if (kept_find(b->job, of->step, name, len) != NULL)
		return;
	if (job_find_field(b->job, name, len) >= 0)
		buf_printf(&text, "step.%s.", of->step_name);
	buf_put(&text, name, len);
	*add_kept(source) = (struct job_kept){
		.step = of->step, .name = xstrndup(name, len), .field = source->n_fields};
	struct field *field = add_field(source);
	field->name = xstrdup(buf_str(&text));
	field->optional = true;
	field->is_assigned = true;
}

static void take_kept(struct build *b, const struct job *of)
{
	const struct job_pairs *declared = kept_declared(of);
	size_t len = strlen(of->step_name);

	for (size_t i = 0; declared != NULL && i < declared->n; i++)
		keep(b, of, declared->list[i].name, strlen(declared->list[i].name));
	for (size_t i = 0; kept_is_free(of) && b->steps.uses[i] != NULL; i++) {
		const char *use = b->steps.uses[i];
		const char *name = use + len + 1;
		bool is_of = strncmp(use, of->step_name, len) == 0 && use[len] == '.';
		if (is_of && name[0] != '\0' && strlen(use) < KEPT_NAME_MAX / 2 &&
		    job_find_field(of, name, strlen(name)) < 0)
			keep(b, of, name, strlen(name));
	}
}

static void take_kept_of(struct job_source *source, const struct job_source *from)
{
	for (size_t i = 0; i < from->n_kept; i++) {
		struct job_kept *kept = add_kept(source);
		*kept = from->kept[i];
		kept->name = xstrdup(kept->name);
	}
}

/* ---- what cannot be ---- */

static void check_state(struct build *b, struct node *source, const struct job *of)
{
	struct node *state = node_find_good(source, "state");
	const struct job *next = b->job->steps[of->step];

	if (state == NULL || b->job->source.take != JOB_TAKE_DEAD ||
	    next->go_on_when == JOB_GO_ON_FAILURES)
		return;
	build_fault(b, state,
		    "nothing of step %s is dead when step %s begins (go_on_when: done); say "
		    "go_on_when: done_with_failures there",
		    of->step_name, next->step_name);
}

static void check_files(struct build *b, struct node *step, const struct job *of)
{
	const struct job *origin = job_origin(of);

	if (origin->source.then == JOB_THEN_DELETE)
		build_fault(
			b, step,
			"step %s deletes its files when it is finished (then: delete), and this "
			"one reads their records again; say then: keep or move:DIRECTORY",
			origin->step_name);
}

void build_step_source(struct build *b, struct node *source, struct node *step)
{
	struct node *fields = node_find(source, "fields");
	const struct job *of = find_step(b, step);

	if (of == NULL) {
		b->names_are_known = false;
		return;
	}
	b->job->source.of_step = of->step;
	if (fields != NULL)
		build_fault_key(b, fields,
				"the items of a step have its fields, and what it kept; they are "
				"declared there");
	bool is_known = of->source.n_fields > 0 || of->source.kind == SOURCE_NONE;
	b->names_are_known = b->names_are_known && is_known && fields == NULL;
	take_fields_of(&b->job->source, &of->source);
	take_kept_of(&b->job->source, &of->source);
	if (of->step_name != NULL)
		take_kept(b, of);
	check_state(b, source, of);
	check_files(b, step, of);
}
