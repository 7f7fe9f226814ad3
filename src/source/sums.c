/* SPDX-License-Identifier: Apache-2.0 */
#include "source/sums.h"

#include <assert.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "job/field.h"

static const char *const part_names[SUMS_PART_COUNT_] = {
	[SUMS_LOADED] = "loaded",
	[SUMS_FILTERED] = "filtered",
	[SUMS_REJECTED] = "rejected",
	[SUMS_HELD_BACK] = "held_back",
};

void sums_init(struct sums *s, const struct job *job)
{
	*s = (struct sums){.job = job, .n = job->n_totals};
}

void sums_take(const struct sums *s, const struct value *values, struct decimal *ret_amounts)
{
	for (size_t i = 0; i < s->n; i++)
		if (!totals_amount(&values[s->job->totals[i]], &ret_amounts[i]))
			unreachable("totals are of integers and decimals");
}

int sums_add(struct sums *s, enum sums_part part, const struct decimal *amounts, struct err *err)
{
	for (size_t i = 0; i < s->n; i++) {
		struct decimal *sum = &s->of[part][i];
		if (decimal_add(sum, &amounts[i], sum, err) == 0)
			continue;
		err_add(err, "the total of %s: ", s->job->source.fields[s->job->totals[i]].name);
		return ERR_DATA;
	}
	return 0;
}

int sums_add_bad(struct sums *s, totals_field_fn read_field, void *arg, struct err *err)
{
	struct decimal amounts[JOB_TOTALS_MAX] = {{0}};
	bool is_unread = false;

	for (size_t i = 0; i < s->n; i++) {
		struct value v = {.is_null = true};
		is_unread |= !read_field(arg, s->job->totals[i], &v) ||
			     !totals_amount(&v, &amounts[i]);
	}
	s->n_unread += is_unread;
	return sums_add(s, SUMS_REJECTED, amounts, err);
}

static void put_amounts(struct json_writer *w, const struct decimal *amounts, size_t n)
{
	AUTO(buf) struct buf text = BUF_INIT(DECIMAL_TEXT_MAX);

	jw_array(w);
	for (size_t i = 0; i < n; i++) {
		buf_reset(&text);
		decimal_format(&amounts[i], &text);
		jw_text(w, buf_str(&text));
	}
	jw_array_end(w);
}

void sums_put_items(const struct sums *s, const struct decimal *amounts, size_t stride,
		    uint32_t n_items, struct buf *out)
{
	struct json_writer w = {0};

	jw_init(&w, out);
	jw_array(&w);
	for (uint32_t i = 0; i < n_items; i++)
		put_amounts(&w, amounts + i * stride, s->n);
	jw_array_end(&w);
	jw_done(&w);
}

void sums_put_load(const struct sums *s, struct buf *out)
{
	struct json_writer w = {0};

	jw_init(&w, out);
	jw_object(&w);
	jw_name(&w, "fields");
	jw_array(&w);
	for (size_t i = 0; i < s->n; i++)
		jw_text(&w, s->job->source.fields[s->job->totals[i]].name);
	jw_array_end(&w);
	for (size_t part = 0; part < SUMS_PART_COUNT_; part++) {
		jw_name(&w, part_names[part]);
		put_amounts(&w, s->of[part], s->n);
	}
	jw_member_int(&w, "unread", s->n_unread);
	jw_object_end(&w);
	jw_done(&w);
}

void sums_put(const struct sums *s, struct buf *b)
{
	if (s->n == 0)
		return;
	buf_put_u64(b, (uint64_t)s->n_unread);
	for (size_t part = 0; part < SUMS_PART_COUNT_; part++)
		for (size_t i = 0; i < s->n; i++)
			decimal_put(&s->of[part][i], b);
}

void sums_get(struct sums *s, struct reader *r)
{
	if (s->n == 0)
		return;
	s->n_unread = (int64_t)reader_u64(r);
	for (size_t part = 0; part < SUMS_PART_COUNT_; part++)
		for (size_t i = 0; i < s->n; i++)
			decimal_get(&s->of[part][i], r);
}
