/* SPDX-License-Identifier: Apache-2.0 */
#include "report/buckets.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "ledger/ledger.h"
#include "report/moment.h"
#include "report/report.h"
#include "sys/clock.h"

enum {
	STRETCHES = 20, /* parts of a run by position */
	LABEL_MAX = 128,
};

/* The next row of the table, or NULL when there are too many. */
static struct report_bucket *bucket_add(struct report *r, const char *label)
{
	if (r->n_buckets == REPORT_BUCKETS_MAX) {
		r->has_more_buckets = true;
		return NULL;
	}
	r->buckets = xrealloc(r->buckets, r->n_buckets + 1, sizeof(*r->buckets));
	struct report_bucket *b = &r->buckets[r->n_buckets++];
	*b = (struct report_bucket){.label = arena_str(&r->arena, label), .took_us = -1};
	return b;
}

/* The last one where it has that label, else a new one. */
static struct report_bucket *bucket_get(struct report *r, const char *label)
{
	if (r->n_buckets > 0 && strcmp(r->buckets[r->n_buckets - 1].label, label) == 0)
		return &r->buckets[r->n_buckets - 1];
	return bucket_add(r, label);
}

/* ---- by hour and by instance: attempts, from the sums of each minute ---- */

/* A row that begins with done, failed and all their milliseconds. */
static void add_attempts(struct report_bucket *b, const struct ledger_row *row)
{
	int64_t done = ledger_row_int(row, 0);
	int64_t failed = ledger_row_int(row, 1);
	int64_t all_us = ledger_row_int(row, 2) * US_PER_MS;
	int64_t before_us = b->took_us < 0 ? 0 : b->took_us * b->n;

	b->done += done;
	b->failed += failed;
	b->n += done + failed;
	b->took_us = b->n == 0 ? -1 : (before_us + all_us) / b->n;
}

static int on_minute(void *arg, const struct ledger_row *row)
{
	struct report *r = arg;
	struct civil c = {0};
	char label[LABEL_MAX] = {0};

	clock_civil(moment_at(row, 3), &c);
	(void)snprintf(label, sizeof(label), "%04d-%02d-%02d %02d:00", c.year, c.month, c.day,
		       c.hour);
	struct report_bucket *b = bucket_get(r, label);
	if (b != NULL)
		add_attempts(b, row);
	return 0;
}

static int by_hour(struct ledger *ledger, struct report *r, struct err *err)
{
	static const char sql[] = "SELECT sum(done), sum(failed), sum(ms), minute FROM minute"
				  " WHERE run_id = ?1 GROUP BY minute ORDER BY minute";
	struct ledger_param param = {.type = LEDGER_INT, .number = r->run.id};

	return ledger_select(ledger, sql, &param, 1, on_minute, r, err);
}

static int on_instance(void *arg, const struct ledger_row *row)
{
	struct report *r = arg;
	char label[LABEL_MAX] = {0};
	const char *name = ledger_row_text(row, 4, NULL);

	(void)snprintf(label, sizeof(label), "%" PRId64 " %s", ledger_row_int(row, 3),
		       name == NULL ? "" : name);
	struct report_bucket *b = bucket_add(r, label);
	if (b != NULL)
		add_attempts(b, row);
	return 0;
}

static int by_instance(struct ledger *ledger, struct report *r, struct err *err)
{
	static const char sql[] =
		"SELECT sum(m.done), sum(m.failed), sum(m.ms), m.instance, min(i.name)"
		" FROM minute m LEFT JOIN instance i ON i.instance = m.instance"
		" WHERE m.run_id = ?1 GROUP BY m.instance ORDER BY m.instance";
	struct ledger_param param = {.type = LEDGER_INT, .number = r->run.id};

	return ledger_select(ledger, sql, &param, 1, on_instance, r, err);
}

/* ---- by position ---- */

static int on_stretch(void *arg, const struct ledger_row *row)
{
	struct report *r = arg;
	struct report_bucket *b = &r->buckets[ledger_row_int(row, 0)];

	b->n = ledger_row_int(row, 1);
	b->done = ledger_row_int(row, 2);
	b->failed = ledger_row_int(row, 3);
	return 0;
}

static int by_position(struct ledger *ledger, struct report *r, struct err *err)
{
	static const char sql[] =
		"SELECT item / ?2, count(*), sum(CASE WHEN state = 'done' THEN 1 ELSE 0 END),"
		" sum(CASE WHEN state IN ('dead', 'in_doubt', 'retry') THEN 1 ELSE 0 END)"
		" FROM item WHERE run_id = ?1 AND item < ?3 GROUP BY 1 ORDER BY 1";
	int64_t size = (r->run.n_items + STRETCHES - 1) / STRETCHES;
	struct ledger_param params[] = {
		{.type = LEDGER_INT, .number = r->run.id},
		{.type = LEDGER_INT, .number = size},
		{.type = LEDGER_INT, .number = r->run.n_items},
	};

	for (int64_t from = 0; from < r->run.n_items; from += size) {
		char label[LABEL_MAX] = {0};
		int64_t to = from + size > r->run.n_items ? r->run.n_items : from + size;
		(void)snprintf(label, sizeof(label), "%" PRId64 " to %" PRId64, from, to - 1);
		(void)bucket_add(r, label); /* they are few */
	}
	if (r->n_buckets == 0)
		return 0;
	return ledger_select(ledger, sql, params, ARRAY_LEN(params), on_stretch, r, err);
}

/* ---- by error and by person ---- */

static int by_error(struct report *r)
{
	for (size_t i = 0; i < r->n_errors; i++) {
		const struct report_error *e = &r->errors[i];
		char label[LABEL_MAX] = {0};
		(void)snprintf(label, sizeof(label), "%s %s", e->fingerprint, e->err_class);
		struct report_bucket *b = bucket_add(r, label);
		if (b == NULL)
			break;
		b->n = e->n;
		b->failed = e->n;
	}
	r->has_more_buckets = r->n_more_errors > 0;
	return 0;
}

static int on_person(void *arg, const struct ledger_row *row)
{
	struct report *r = arg;
	const char *person = ledger_row_text(row, 0, NULL);

	struct report_bucket *b = bucket_add(
		r, mask_value(r->mask.person, person == NULL ? "" : person, &r->arena));
	if (b == NULL)
		return 1;
	b->n = ledger_row_int(row, 1);
	b->done = ledger_row_int(row, 2);
	b->failed = ledger_row_int(row, 3);
	return 0;
}

static int by_person(struct ledger *ledger, struct report *r, struct err *err)
{
	static const char sql[] =
		"SELECT person, count(*), sum(CASE WHEN state = 'done' THEN 1 ELSE 0 END),"
		" sum(CASE WHEN state IN ('dead', 'in_doubt', 'retry') THEN 1 ELSE 0 END)"
		" FROM item WHERE run_id = ?1 AND person IS NOT NULL GROUP BY person"
		" ORDER BY 4 DESC, person";
	struct ledger_param param = {.type = LEDGER_INT, .number = r->run.id};

	int rc = ledger_select(ledger, sql, &param, 1, on_person, r, err);
	return rc < 0 ? rc : 0;
}

int report_fill_buckets(struct ledger *ledger, struct report *r, struct err *err)
{
	assert(ledger != NULL && r != NULL && err != NULL);
	switch (r->by) {
	case REPORT_BY_HOUR:
		return by_hour(ledger, r, err);
	case REPORT_BY_INSTANCE:
		return by_instance(ledger, r, err);
	case REPORT_BY_POSITION:
		return by_position(ledger, r, err);
	case REPORT_BY_ERROR:
		return by_error(r);
	case REPORT_BY_PERSON:
		return by_person(ledger, r, err);
	case REPORT_BY_NONE:
	case REPORT_BY_COUNT_:
		break;
	}
	return 0;
}
