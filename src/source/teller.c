/* SPDX-License-Identifier: Apache-2.0 */
#include "source/teller.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "frame/frame.h"
#include "job/database_url.h"
#include "job/item.h"
#include "job/job.h"
#include "job/statement.h"
#include "source/body.h"
#include "source/shape.h"
#include "sys/fault.h"

struct teller *teller_new(const struct job *job, const struct template_run *run)
{
	struct teller *t = xnew(struct teller);

	assert(job != NULL && job_writes_back(job));
	t->job = job;
	t->run = run;
	t->ops = job->source.kind == SOURCE_SQLITE ? &teller_sqlite : &teller_postgres;
	return t;
}

static void disconnect(struct teller *t)
{
	if (t->connection != NULL)
		t->ops->close(t);
	t->connection = NULL;
}

void teller_free(struct teller *t)
{
	if (t == NULL)
		return;
	disconnect(t);
	statement_free(t->on_done);
	statement_free(t->on_dead);
	free(t);
}

/* ---- opening ---- */

static int parse(struct teller *t, const char *text, struct statement **ret, struct err *err)
{
	enum statement_dialect dialect = t->job->source.kind == SOURCE_SQLITE ? STATEMENT_SQLITE
									      : STATEMENT_POSTGRES;

	if (text == NULL || *ret != NULL)
		return 0;
	return statement_parse(dialect, TEMPLATE_FOR_TOLD, text, strlen(text), t->job, ret, NULL,
			       err);
}

static int connect(struct teller *t, struct err *err)
{
	const struct job_database *database = &t->job->source.database;
	struct buf url = BUF_INIT(DATABASE_URL_MAX);

	if (t->connection != NULL)
		return 0;
	int rc = parse(t, database->on_done, &t->on_done, err);
	if (rc == 0)
		rc = parse(t, database->on_dead, &t->on_dead, err);
	(void)buf_reserve(&url, DATABASE_URL_MAX); /* or growing would leave copies */
	if (rc == 0)
		rc = database_url_put(t->job, database->url, t->run, &url, err);
	if (rc == 0)
		rc = t->ops->open(t, buf_str(&url), err);
	if (url.data != NULL)
		explicit_bzero(url.data, url.cap);
	buf_done(&url);
	return rc;
}

/* ---- telling ---- */

static int say(struct teller *t, const struct statement *s, const struct item *item,
	       struct err *err)
{
	const struct template_item filled = {.item = item, .attempt = 1, .idempotency_key = ""};
	size_t n = statement_n(s);
	struct teller_value *values = xcalloc(n + 1, sizeof(*values));
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct buf value = BUF_INIT(RECORD_BYTES_MAX);
		bool is_null = false;
		rc = statement_put(s, i, t->run, &filled, &value, &values[i].type, &is_null, err);
		values[i].len = value.len;
		if (rc == 0 && !is_null)
			values[i].text = xstrndup(buf_str(&value), value.len);
		buf_done(&value);
	}
	if (rc == 0)
		rc = t->ops->say(t, s, values, err);
	for (size_t i = 0; i < n; i++)
		free(values[i].text);
	free(values);
	return rc;
}

static int say_all(struct teller *t, struct body *body, const struct statement *s,
		   const uint8_t *bits, uint32_t n, struct err *err)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && s != NULL && bits != NULL && i < n; i++) {
		struct item item = {0};
		if (!bits_get(bits, i))
			continue;
		rc = body_item(body, i, &item, err);
		if (rc == 0)
			rc = say(t, s, &item, err);
	}
	return rc;
}

int teller_tell(struct teller *t, const struct frame_then *then, struct err *err)
{
	struct body *body = NULL;

	assert(t != NULL && then != NULL && err != NULL);
	int rc = body_open(t->job, then->body, then->body_len, then->n, false, &body, err);
	if (rc > 0)
		return ERR(err, ERR_BUG, "a chunk of rows has no items of its own");
	if (rc == 0)
		rc = connect(t, err);
	if (rc == 0)
		rc = t->ops->begin(t, err);
	if (rc == 0)
		rc = say_all(t, body, t->on_done, then->good, then->n, err);
	if (rc == 0)
		rc = say_all(t, body, t->on_dead, then->dead, then->n, err);
	(void)FAULT("told.said");
	/* Safety: said as told only after this; if we die before, it is said again. */
	if (rc == 0)
		rc = t->ops->commit(t, err);
	(void)FAULT("told.committed");
	if (rc != 0) {
		disconnect(t); /* which undoes what was said */
		err_add(err, "on_done, on_dead: ");
	}
	body_free(body);
	return rc;
}
