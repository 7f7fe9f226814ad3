/* SPDX-License-Identifier: Apache-2.0 */
/* Totals: those that must balance before a run begins, and those that its report sums up. */
#include <string.h>

#include "base/decimal.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "job/build.h"
#include "job/field.h"
#include "job/job.h"
#include "job/node.h"
#include "job/template.h"

/* A total that is written out must be a number. */
static void check_total(struct build *b, struct node *node, bool is_count)
{
	struct decimal value = {0};
	int64_t count = 0;
	struct err err = ERR_INIT;

	if (!build_check_template(b, node, TEMPLATE_FOR_CONTROL, NULL) ||
	    strstr(node->text, "${") != NULL)
		return;
	int r = is_count ? text_parse_int(node->text, node->len, &count, &err)
			 : decimal_parse(node->text, node->len, '.', &value, &err);
	if (r < 0)
		build_fault(b, node,
			    "expected a number or a placeholder such as ${trailer.count}, "
			    "found %s",
			    QUOTED(node->text, node->len));
}

static void add_control(struct job *job, const char *field, const char *expected)
{
	job->controls = xrealloc(job->controls, job->n_controls + 1, sizeof(*job->controls));
	job->controls[job->n_controls++] = (struct job_control){
		.field = field == NULL ? NULL : xstrdup(field), .expected = xstrdup(expected)};
}

/* The field that is to be summed, -1 when it cannot be (which is then said). */
static int find_summed(struct build *b, struct node *node, const char *name)
{
	int index = job_find_field(b->job, name, strlen(name));

	if (index < 0) {
		if (b->names_are_known)
			build_fault_key(b, node, "there is no such field");
		return -1;
	}
	enum field_type type = b->job->source.fields[index].type;
	if (type == FIELD_INTEGER || type == FIELD_DECIMAL)
		return index;
	build_fault_key(b, node, "a field of type %s cannot be summed exactly",
			field_type_name(type));
	return -1;
}

static void build_sum(struct build *b, struct node *node)
{
	if (node->key == NULL || node->is_bad || find_summed(b, node, node->name) < 0)
		return;
	check_total(b, node, false);
	add_control(b->job, node->name, node->text);
}

static void build_control_file(struct build *b, struct node *file)
{
	if (b->job->source.kind == SOURCE_STDIN)
		build_fault(b, file, "standard input has no file beside it");
	else if (b->job->source.kind == SOURCE_FILES)
		build_fault(b, file,
			    "there are no records whose totals such a file could state: the "
			    "items are the files themselves");
	else
		(void)build_check_template(b, file, TEMPLATE_FOR_CONTROL_FILE,
					   NULL); /* it reported */
}

void build_totals(struct build *b)
{
	struct node *totals = node_find(b->root, "totals");
	struct job *job = b->job;

	if (totals == NULL || totals->type != NODE_LIST)
		return;
	if (totals->n > JOB_TOTALS_MAX) {
		build_fault_key(b, totals, "at most %d fields can be summed up", JOB_TOTALS_MAX);
		return;
	}
	for (struct node *c = totals->first; c != NULL; c = c->next) {
		int index = c->is_bad ? -1 : find_summed(b, c, c->text);
		for (size_t i = 0; i < job->n_totals && index >= 0; i++)
			if (job->totals[i] == (size_t)index) {
				build_fault(b, c, "this field stands here twice");
				index = -1;
			}
		if (index >= 0)
			job->totals[job->n_totals++] = (size_t)index;
	}
}

void build_control(struct build *b)
{
	struct node *control = node_find(b->root, "control");
	struct node *over = node_find_good(control, "over");
	struct node *count = node_find_good(control, "count");
	struct node *sums = node_find(control, "sum");
	struct node *file = node_find_good(control, "file");

	if (control == NULL || control->type != NODE_MAP)
		return;
	if (node_find(b->root, "source") == NULL) {
		build_fault_key(b, control, "there is no source whose records could be counted");
		return;
	}
	b->job->control_over_loaded = over != NULL && strcmp(over->text, "loaded") == 0;
	if (count != NULL) {
		check_total(b, count, true);
		add_control(b->job, NULL, count->text);
	}
	for (struct node *c = sums == NULL ? NULL : sums->first; c != NULL; c = c->next)
		build_sum(b, c);
	if (file != NULL)
		build_control_file(b, file);
}
