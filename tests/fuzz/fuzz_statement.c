/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL with placeholders, in both dialects. Whatever the text is: a statement has a parameter for
 * each placeholder and none of them within quotes, so no value could ever be a part of the text.
 */
#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "fuzz/fuzz.h"
#include "job/job.h"
#include "job/statement.h"

static const char job_text[] =
	"job: fuzz\n"
	"source: {csv: {path: a.csv}, key: id, fields: {id: text, amount: decimal, day: date?}}\n"
	"work: {noop: {}}\n";

static const struct job *job_of_fuzz(void)
{
	static struct job *job;
	struct err err = ERR_INIT;

	if (job != NULL)
		return job;
	int rc = job_parse(job_text, sizeof(job_text) - 1, "job.yaml", "/", NULL, NULL, &job, &err);
	assert(rc == 0);
	return job;
}

static void check(enum statement_dialect dialect, const char *text, size_t len)
{
	AUTO(statement) struct statement *s = NULL;
	struct err err = ERR_INIT;
	size_t at = 0;
	int rc = statement_parse(dialect, TEMPLATE_FOR_TOLD, text, len, job_of_fuzz(), &s, &at,
				 &err);

	if (rc != 0) {
		assert(err.text[0] != '\0' && at <= len);
		return;
	}
	const char *sql = statement_sql(s);
	assert(strlen(sql) == 0 || statement_place(s, strlen(sql) - 1) <= len);
	assert(statement_n(s) == 0 || strchr(sql, dialect == STATEMENT_POSTGRES ? '$' : '?'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check(STATEMENT_POSTGRES, (const char *)data, size);
	check(STATEMENT_SQLITE, (const char *)data, size);
	return 0;
}
