/* SPDX-License-Identifier: Apache-2.0 */
/* work.file: which fields go into it, and where. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "job/build.h"
#include "job/node.h"

static struct job_output_column *add_column(struct build *b, struct node *node, const char *name)
{
	struct job_output *output = &b->job->work.output;
	int field = job_find_work_field(b->job, name, strlen(name));

	if (field < 0) {
		if (b->names_are_known)
			build_fault_key(b, node, "there is no field %s", name);
		return NULL;
	}
	output->columns = xrealloc(output->columns, output->n_columns + 1,
				   sizeof(*output->columns));
	struct job_output_column *column = &output->columns[output->n_columns++];
	*column = (struct job_output_column){.field = (size_t)field};
	return column;
}

static void build_fields(struct build *b, struct node *fields)
{
	if (fields == NULL) {
		for (size_t i = 0; i < b->job->n_fields; i++)
			(void)add_column(b, NULL, b->job->fields[i].name); /* it is there */
		return;
	}
	for (struct node *c = fields->first; c != NULL; c = c->next) {
		if (c->type != NODE_SCALAR || c->is_bad)
			continue;
		if (job_find_work_field(b->job, c->text, c->len) < 0) {
			if (b->names_are_known)
				build_fault_no_field(b, c);
			continue;
		}
		(void)add_column(b, c, c->text); /* it is there */
	}
	if (fields->n == 0)
		build_fault(b, fields, "expected names of fields, found none");
}

/* [start, length], both from 1. */
static bool get_place(struct build *b, struct node *node, uint32_t *ret_start, uint32_t *ret_length)
{
	int64_t numbers[2] = {0};
	size_t n = 0;
	struct err err = ERR_INIT;

	for (struct node *c = node->first; c != NULL; c = c->next, n++)
		if (n < 2 && (c->is_bad || text_parse_int(c->text, c->len, &numbers[n], &err) < 0))
			return false; /* reported */
	if (n != 2 || numbers[0] + numbers[1] > FIXED_LINE_MAX) {
		build_fault(b, node, "expected [start, length], both from 1, together below %d",
			    FIXED_LINE_MAX);
		return false;
	}
	*ret_start = (uint32_t)numbers[0] - 1;
	*ret_length = (uint32_t)numbers[1];
	return true;
}

static int by_start(const void *a, const void *b)
{
	const struct job_output_column *x = a;
	const struct job_output_column *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

static void build_columns(struct build *b, struct node *columns)
{
	struct job_output *output = &b->job->work.output;

	for (struct node *c = columns->first; c != NULL; c = c->next) {
		uint32_t start = 0;
		uint32_t length = 0;
		if (c->key == NULL || c->is_bad || c->type != NODE_LIST ||
		    !get_place(b, c, &start, &length))
			continue;
		struct job_output_column *column = add_column(b, c, c->name);
		if (column == NULL)
			continue;
		column->start = start;
		column->length = length;
	}
	if (output->n_columns == 0)
		return;
	qsort(output->columns, output->n_columns, sizeof(*output->columns), by_start);
	for (size_t i = 1; i < output->n_columns; i++) {
		const struct job_output_column *before = &output->columns[i - 1];
		if (before->start + before->length > output->columns[i].start)
			build_fault(b, columns, "the columns of %s and %s overlap",
				    b->job->fields[before->field].name,
				    b->job->fields[output->columns[i].field].name);
	}
}

static bool is_name(const char *text)
{
	static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";

	return *text != '\0' && strchr(first, *text) != NULL &&
	       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789.-") ==
		       strlen(text);
}

static void check_keys(struct build *b, struct node *file)
{
	static const struct {
		const char *name;
		enum job_output_format format;
		const char *format_name;
	} only[] = {{"root", OUTPUT_XML, "xml"},
		    {"element", OUTPUT_XML, "xml"},
		    {"columns", OUTPUT_FIXED, "fixed"}};
	enum job_output_format format = b->job->work.output.format;
	struct node *fields = node_find(file, "fields");

	for (size_t i = 0; i < ARRAY_LEN(only); i++) {
		struct node *node = node_find(file, only[i].name);
		if (build_is_given(node) && format != only[i].format)
			build_fault_key(b, node, "means something only with format: %s",
					only[i].format_name);
		else if (build_is_given(node) && node->type == NODE_SCALAR && !is_name(node->text))
			build_fault(b, node, "%s is no name of an element",
				    QUOTED(node->text, node->len));
	}
	if (format == OUTPUT_FIXED && build_is_given(fields))
		build_fault_key(b, fields,
				"with format: fixed columns says which fields there are");
	if (format == OUTPUT_FIXED && node_find(file, "columns") == NULL)
		build_fault_key(b, file, "format: fixed needs columns: {NAME: [start, length]}");
}

void build_output(struct build *b, struct node *file)
{
	struct job *job = b->job;
	struct node *path = node_find_good(file, "path");
	struct node *columns = node_find_good(file, "columns");

	job->work.kind = WORK_FILE;
	if (node_find(b->root, "source") == NULL)
		build_fault_key(b, file, "without a source there are no fields to write");
	if (path != NULL && (path->len == 0 || path->text[path->len - 1] == '/'))
		build_fault(b, path, "expected the path of a file, found %s",
			    QUOTED(path->text, path->len));
	(void)build_check_template(b, path, TEMPLATE_FOR_PATH, NULL); /* it reported */
	check_keys(b, file);
	if (job->work.output.format != OUTPUT_FIXED)
		build_fields(b, node_find_good(file, "fields"));
	else if (columns != NULL && columns->type == NODE_MAP)
		build_columns(b, columns);
	if (job_writes_back(job))
		build_fault_key(
			b, file,
			"on_done would be said before the file is there: no on_done or on_dead "
			"with work.file");
	if (job->source.kind == SOURCE_FILES && job->source.then != JOB_THEN_KEEP)
		build_fault_key(b, file,
				"an item that is a file cannot be moved or deleted before the file "
				"that is written is there; source.files.then: keep");
}
