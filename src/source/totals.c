/* SPDX-License-Identifier: Apache-2.0 */
#include "source/totals.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "job/field.h"
#include "job/job.h"
#include "job/template.h"
#include "source/content.h"
#include "source/control_file.h"
#include "source/trailer.h"

enum { EXPECTED_BYTES_MAX = 4096 };

static void add_total(struct totals *t, const struct job_control *control, const char *name)
{
	struct total *total = &t->list[t->n++];

	*total = (struct total){.control = control,
				.name = name,
				.is_sum = name != NULL,
				.is_per_file = control == NULL ||
					       strstr(control->expected, "${trailer.") != NULL};
	if (!total->is_sum)
		return;
	int field = job_find_field(t->job, name, strlen(name));
	assert(field >= 0); /* the job was checked */
	total->field = (size_t)field;
}

void totals_init(struct totals *t, const struct job *job)
{
	const struct job_source *source = &job->source;

	*t = (struct totals){.job = job};
	t->list = xcalloc(job->n_controls + source->n_fields + 2, sizeof(*t->list));
	for (size_t i = 0; i < job->n_controls; i++)
		add_total(t, &job->controls[i], job->controls[i].field);
	if (job->control_file == NULL)
		return;
	add_total(t, NULL, NULL);
	for (size_t i = 0; i < source->n_fields; i++)
		if (source->fields[i].type == FIELD_INTEGER ||
		    source->fields[i].type == FIELD_DECIMAL)
			add_total(t, NULL, source->fields[i].name);
}

void totals_done(struct totals *t)
{
	free(t->list);
	*t = (struct totals){0};
}

bool totals_amount(const struct value *v, struct decimal *ret_amount)
{
	struct err ignored = ERR_INIT;

	*ret_amount = (struct decimal){0};
	return v->is_null || decimal_parse(v->text, v->len, '.', ret_amount, &ignored) == 0;
}

void totals_take(const struct totals *t, const struct value *values, struct decimal *ret_amounts)
{
	for (size_t i = 0; i < t->n; i++) {
		ret_amounts[i] = (struct decimal){0};
		if (t->list[i].is_sum && !totals_amount(&values[t->list[i].field], &ret_amounts[i]))
			unreachable("control sums are of integers and decimals");
	}
}

static int add_to(struct total *total, const struct decimal *amount, struct err *err)
{
	total->count++;
	if (!total->is_sum)
		return 0;
	if (decimal_add(&total->sum, amount, &total->sum, err) != 0) {
		err_add(err, "the sum of %s: ", total->name);
		return ERR_DATA;
	}
	return 0;
}

int totals_add(struct totals *t, const struct decimal *amounts, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < t->n; i++)
		rc = add_to(&t->list[i], &amounts[i], err);
	return rc;
}

int totals_add_bad(struct totals *t, totals_field_fn read_field, void *arg, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < t->n; i++) {
		struct total *total = &t->list[i];
		struct decimal amount = {0};
		struct value v = {.is_null = true};
		if (total->is_sum &&
		    (!read_field(arg, total->field, &v) || !totals_amount(&v, &amount)))
			total->n_unread++;
		rc = add_to(total, &amount, err);
	}
	return rc;
}

/* What the job says that the total is, as a number. */
static int find_expected(const struct totals *t, size_t i, const struct trailer *trailer,
			 const struct template_run *run, struct decimal *ret_value, struct err *err)
{
	const struct job_control *c = t->list[i].control;
	struct template_run with = {0};
	const struct template_item none = {0};
	struct template *template = NULL;
	AUTO(buf) struct buf text = BUF_INIT(EXPECTED_BYTES_MAX);
	struct err ignored = ERR_INIT;

	if (run != NULL)
		with = *run;
	with.trailer_values = trailer == NULL ? NULL : (const char *const *)trailer->values;
	int rc = template_parse_for(TEMPLATE_FOR_CONTROL, c->expected, strlen(c->expected), t->job,
				    &template, err);
	if (rc == 0)
		rc = template_render(template, TEMPLATE_TEXT, &with, &none, &text, err);
	template_free(template);
	if (rc != 0)
		return rc;
	char mark = c->field == NULL ? '.' : t->job->source.fields[t->list[i].field].decimal_mark;
	if (decimal_parse(buf_str(&text), text.len, '.', ret_value, &ignored) == 0 ||
	    (mark == ',' && decimal_parse(buf_str(&text), text.len, mark, ret_value, err) == 0))
		return 0;
	return ERR(err, ERR_DATA, "the control %s%s should be %s, which is no number",
		   c->field == NULL ? "count" : "sum of ", c->field == NULL ? "" : c->field,
		   QUOTED(buf_str(&text), text.len));
}

static int disagree(const struct totals *t, size_t i, const char *name,
		    const struct decimal *expected, struct err *err)
{
	const struct total *total = &t->list[i];
	const char *how = t->job->control_over_loaded ? "loaded" : "read";
	AUTO(buf) struct buf want = BUF_INIT(DECIMAL_TEXT_MAX);
	AUTO(buf) struct buf got = BUF_INIT(DECIMAL_TEXT_MAX);
	AUTO(buf) struct buf note = BUF_INIT(128);

	decimal_format(expected, &want);
	decimal_format(&total->sum, &got);
	if (total->n_unread > 0)
		buf_printf(&note, "; in %" PRId64 " of them it could not be read", total->n_unread);
	const char *of = name == NULL ? "" : " of ";
	const char *file = name == NULL ? "" : name;
	if (!total->is_sum)
		return ERR(err, ERR_DATA,
			   "the control count%s%s is %s, but %" PRId64 " record%s %s", of, file,
			   buf_str(&want), total->count, total->count == 1 ? " was" : "s were",
			   how);
	return ERR(err, ERR_DATA,
		   "the control sum of %s%s%s is %s, but the %" PRId64 " records %s add up to %s%s",
		   total->name, name == NULL ? "" : " in ", file, buf_str(&want), total->count, how,
		   buf_str(&got), buf_str(&note));
}

/* The file as it stands on disk against what its control file says. */
static int check_digest(const struct job *job, const char *name, const struct control_file *file,
			const struct patience *patience, struct err *err)
{
	uint8_t digest[SHA256_BYTES];

	int rc = content_digest(job, name, patience, digest, err);
	if (rc != 0)
		return rc;
	return memcmp(digest, file->digest, sizeof(digest)) == 0
		       ? 0
		       : ERR(err, ERR_DATA,
			     "%s is not what its control file is about: its sha256 is another",
			     name);
}

/* Where it may be stated what a total must be. */
struct statement {
	const char *name; /* the file that is at its end, NULL: the load */
	const struct trailer *trailer;
	const struct template_run *run;
	struct control_file file;
};

/* What the total must be; false: nobody says. */
static int find_stated(const struct totals *t, size_t i, const struct statement *st,
		       bool *ret_is_stated, struct decimal *ret_value, struct err *err)
{
	const struct total *total = &t->list[i];
	const struct control_file *file = &st->file;

	*ret_is_stated = true;
	if (total->control != NULL)
		return find_expected(t, i, st->trailer, st->run, ret_value, err);
	*ret_is_stated = total->is_sum ? file->has_sum[total->field] : file->has_count;
	*ret_value = total->is_sum ? file->sums[total->field] : file->count;
	return 0;
}

static int check_one(struct totals *t, size_t i, const struct statement *st, struct err *err)
{
	struct total *total = &t->list[i];
	struct decimal expected = {0};
	struct decimal count = {.low = (uint64_t)total->count};
	bool is_stated = false;

	int rc = find_stated(t, i, st, &is_stated, &expected, err);
	if (rc != 0)
		return rc;
	if (is_stated && decimal_compare(&expected, total->is_sum ? &total->sum : &count) != 0)
		return disagree(t, i, st->name, &expected, err);
	total->count = 0;
	total->n_unread = 0;
	total->sum = (struct decimal){0};
	return 0;
}

int totals_check(struct totals *t, const char *name, const struct trailer *trailer,
		 const struct template_run *run, const struct patience *patience, struct err *err)
{
	struct statement st = {.name = name, .trailer = trailer, .run = run};
	int rc = 0;

	if (name != NULL && t->job->control_file != NULL)
		rc = control_file_read(t->job, name, run, &st.file, err);
	if (rc == 0 && st.file.has_digest)
		rc = check_digest(t->job, name, &st.file, patience, err);
	for (size_t i = 0; rc == 0 && i < t->n; i++)
		if (t->list[i].is_per_file == (name != NULL))
			rc = check_one(t, i, &st, err);
	control_file_done(&st.file);
	return rc;
}

void totals_put(const struct totals *t, struct buf *b)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct total *total = &t->list[i];
		buf_put_u64(b, (uint64_t)total->count);
		buf_put_u64(b, (uint64_t)total->n_unread);
		decimal_put(&total->sum, b);
	}
}

void totals_get(struct totals *t, struct reader *r)
{
	for (size_t i = 0; i < t->n; i++) {
		struct total *total = &t->list[i];
		total->count = (int64_t)reader_u64(r);
		total->n_unread = (int64_t)reader_u64(r);
		decimal_get(&total->sum, r);
	}
}
