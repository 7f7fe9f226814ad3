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
#include "source/trailer.h"

enum { EXPECTED_BYTES_MAX = 4096 };

void totals_init(struct totals *t, const struct job *job)
{
	*t = (struct totals){.job = job, .n = job->n_controls};
	t->list = xcalloc(t->n + 1, sizeof(*t->list));
	for (size_t i = 0; i < t->n; i++) {
		const struct job_control *c = &job->controls[i];
		struct total *total = &t->list[i];
		total->is_per_file = strstr(c->expected, "${trailer.") != NULL;
		total->is_sum = c->field != NULL;
		if (total->is_sum) {
			int field = job_find_field(job, c->field, strlen(c->field));
			assert(field >= 0); /* the job was checked */
			total->field = (size_t)field;
		}
	}
}

void totals_done(struct totals *t)
{
	free(t->list);
	*t = (struct totals){0};
}

/* Nothing for null: a sum passes over it. Values are canonical, so they always read. */
static bool amount_of(const struct value *v, struct decimal *ret_amount)
{
	struct err ignored = ERR_INIT;

	*ret_amount = (struct decimal){0};
	return v->is_null || decimal_parse(v->text, v->len, '.', ret_amount, &ignored) == 0;
}

void totals_take(const struct totals *t, const struct value *values, struct decimal *ret_amounts)
{
	for (size_t i = 0; i < t->n; i++) {
		ret_amounts[i] = (struct decimal){0};
		if (t->list[i].is_sum && !amount_of(&values[t->list[i].field], &ret_amounts[i]))
			unreachable("control sums are of integers and decimals");
	}
}

static int add_to(struct total *total, const char *field, const struct decimal *amount,
		  struct err *err)
{
	total->count++;
	if (!total->is_sum)
		return 0;
	if (decimal_add(&total->sum, amount, &total->sum, err) != 0) {
		err_add(err, "the sum of %s: ", field);
		return ERR_DATA;
	}
	return 0;
}

int totals_add(struct totals *t, const struct decimal *amounts, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < t->n; i++)
		rc = add_to(&t->list[i], t->job->controls[i].field, &amounts[i], err);
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
		    (!read_field(arg, total->field, &v) || !amount_of(&v, &amount)))
			total->n_unread++;
		rc = add_to(total, t->job->controls[i].field, &amount, err);
	}
	return rc;
}

/* What the job says that the total is, as a number. */
static int find_expected(const struct totals *t, size_t i, const struct trailer *trailer,
			 const struct template_run *run, struct decimal *ret_value, struct err *err)
{
	const struct job_control *c = &t->job->controls[i];
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
		   t->job->controls[i].field, name == NULL ? "" : " in ", file, buf_str(&want),
		   total->count, how, buf_str(&got), buf_str(&note));
}

int totals_check(struct totals *t, const char *name, const struct trailer *trailer,
		 const struct template_run *run, struct err *err)
{
	for (size_t i = 0; i < t->n; i++) {
		struct total *total = &t->list[i];
		struct decimal expected = {0};
		struct decimal count = {.low = (uint64_t)total->count};
		if (total->is_per_file != (name != NULL))
			continue;
		int rc = find_expected(t, i, trailer, run, &expected, err);
		if (rc != 0)
			return rc;
		if (decimal_compare(&expected, total->is_sum ? &total->sum : &count) != 0)
			return disagree(t, i, name, &expected, err);
		total->count = 0;
		total->n_unread = 0;
		total->sum = (struct decimal){0};
	}
	return 0;
}

void totals_put(const struct totals *t, struct buf *b)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct total *total = &t->list[i];
		buf_put_u64(b, (uint64_t)total->count);
		buf_put_u64(b, (uint64_t)total->n_unread);
		buf_put_u64(b, total->sum.high);
		buf_put_u64(b, total->sum.low);
		buf_put_u16(b, total->sum.scale);
		buf_put_u8(b, total->sum.negative ? 1 : 0);
	}
}

void totals_get(struct totals *t, struct reader *r)
{
	for (size_t i = 0; i < t->n; i++) {
		struct total *total = &t->list[i];
		total->count = (int64_t)reader_u64(r);
		total->n_unread = (int64_t)reader_u64(r);
		total->sum.high = reader_u64(r);
		total->sum.low = reader_u64(r);
		total->sum.scale = reader_u16(r);
		total->sum.negative = reader_u8(r) != 0;
		if (total->sum.scale > DECIMAL_DIGITS)
			r->failed = true;
	}
}
