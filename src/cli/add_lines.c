/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/add_lines.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "job/job.h"
#include "source/encoding.h"
#include "source/jsonl.h"
#include "source/records.h"
#include "source/shape.h"

/* Blank lines are none. */
static bool is_blank(const struct record *record)
{
	for (size_t i = 0; i < record->len; i++)
		if (strchr(" \t\r", record->text[i]) == NULL || record->text[i] == '\0')
			return false;
	return true;
}

static int check_text(struct add_lines *l, const struct record *record, struct flaw *flaw)
{
	const struct json *root = NULL;
	const char *why = NULL;

	if (record->is_cut) {
		flaw_set(flaw, 0, "longer than %d MiB", RECORD_BYTES_MAX >> 20);
		return SHAPE_FLAW;
	}
	size_t bad = encoding_find_bad(JOB_UTF8, record->text, record->len, &why);
	if (bad < record->len) {
		flaw_set(flaw, bad, "%s", why);
		return SHAPE_FLAW;
	}
	if (jsonl_parse(l->doc, record->text, record->len, &root, flaw) != 0)
		return SHAPE_FLAW;
	return l->shape == NULL ? 0 : shape_read(l->shape, record->text, record->len, flaw);
}

static int check_line(struct add_lines *l, const struct record *record, struct err *err)
{
	struct flaw flaw = {0};

	if (check_text(l, record, &flaw) != 0) {
		size_t column = 1 + encoding_count(JOB_UTF8, record->text, flaw.at);
		return ERR(err, ERR_DATA, "%s:%" PRId64 ":%zu: %s", l->name, record->line, column,
			   flaw.reason);
	}
	if (l->n > 0 && l->is_one)
		return ERR(err, ERR_USAGE,
			   "%s:%" PRId64 ": --key names one item, and this is another; the key of "
			   "many is source.key of the job file",
			   l->name, record->line);
	l->n++;
	return 0;
}

/* The next line; RECORDS_END. */
static int next_line(struct records *r, struct record *ret_record, struct err *err)
{
	static char shown[64];
	int rc = 0;

	do {
		records_let_go(r);
		rc = records_next(r, ret_record, err);
		if (rc == RECORDS_TOO_LONG)
			rc = records_skip(r, shown, sizeof(shown), ret_record, err);
	} while (rc == 0 && !ret_record->is_cut && is_blank(ret_record));
	return rc;
}

int add_lines_read(struct add_lines *l, struct input *input, add_line_fn fn, void *arg,
		   struct err *err)
{
	const struct records_options options = {
		.input = input, .name = l->name, .keep_max = 1, .line = 1};
	struct records records;
	struct record record = {0};
	int rc = 0;

	assert(l != NULL && input != NULL);
	records_init(&records, &options);
	l->n = 0;
	while (rc == 0) {
		rc = next_line(&records, &record, err);
		if (rc == 0)
			rc = check_line(l, &record, err);
		if (rc == 0 && fn != NULL)
			rc = fn(arg, &record, err);
	}
	records_done(&records);
	return rc == RECORDS_END ? 0 : rc;
}
