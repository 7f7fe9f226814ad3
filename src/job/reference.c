/* SPDX-License-Identifier: Apache-2.0 */
/* The reference of job files in Markdown, one table a section, from the schema. */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "job/job.h"
#include "job/schema.h"

/* '|' would end a cell. */
static void put_cell(const char *text, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '|')
			buf_putc(out, '\\');
		buf_putc(out, text[i]);
	}
}

static void put_words(const struct schema_key *key, struct buf *out)
{
	for (int i = 0; schema_word(key, i).text != NULL; i++) {
		struct schema_word word = schema_word(key, i);
		buf_puts(out, i > 0 ? ", `" : "`");
		put_cell(word.text, word.len, out);
		buf_puts(out, word.is_later ? "`*" : "`");
	}
}

static void put_types(const struct schema_key *key, struct buf *out)
{
	bool is_first = true;

	for (int type = 0; type < SCHEMA_TYPE_COUNT_; type++) {
		if ((key->types & (1u << type)) == 0)
			continue;
		buf_puts(out, is_first ? "" : " or ");
		is_first = false;
		if (type == SCHEMA_ENUM)
			put_words(key, out);
		else
			buf_puts(out, schema_type_name((enum schema_type_index)type));
		if ((key->later_types & (1u << type)) != 0)
			buf_putc(out, '*');
	}
}

static void put_bound(const struct schema_key *key, int64_t bound, struct buf *out)
{
	if ((key->types & T_DURATION) != 0)
		text_put_duration(out, bound);
	else if ((key->types & T_SIZE) != 0)
		text_put_size(out, bound);
	else
		buf_printf(out, "%" PRId64, bound);
}

static void put_range(const struct schema_key *key, struct buf *out)
{
	if (key->max != 0 && key->min == key->max) {
		buf_puts(out, ", ");
		put_bound(key, key->min, out);
	} else if (key->max != 0) {
		buf_puts(out, ", ");
		put_bound(key, key->min, out);
		buf_puts(out, " to ");
		put_bound(key, key->max, out);
	} else if (key->min != 0) {
		buf_puts(out, ", at least ");
		put_bound(key, key->min, out);
	}
}

static void put_default(const struct schema_key *key, struct buf *out)
{
	if (key->is_required)
		buf_puts(out, "required");
	else if (key->fallback != NULL)
		buf_printf(out, "`%s`", key->fallback);
	else if (key->otherwise != NULL)
		put_cell(key->otherwise, strlen(key->otherwise), out);
}

/* Shared rows are marked by an '@' in the table. */
static const char *without_at(const char *path)
{
	return path[0] == '@' ? path + 1 : path;
}

static void put_row(const struct schema_key *key, struct buf *out)
{
	buf_printf(out, "| `%s`%s | ", without_at(key->path), key->later ? "*" : "");
	put_types(key, out);
	put_range(key, out);
	buf_puts(out, " | ");
	put_default(key, out);
	buf_puts(out, " | ");
	put_cell(key->says, strlen(key->says), out);
	if (key->also != NULL)
		buf_printf(out, " Also the keys of `%s`.", without_at(key->also));
	buf_puts(out, " |\n");
}

/* How long the first part of the path is: rows of one section share it. */
static size_t section_len(const char *path)
{
	return strcspn(path, ".[");
}

static bool is_same_section(const struct schema_key *a, const struct schema_key *b)
{
	size_t n = section_len(a->path);

	return n == section_len(b->path) && memcmp(a->path, b->path, n) == 0;
}

/* The top level gets one table: keys without a section of their own. */
static bool has_section(const struct schema_key *key)
{
	if (key->path[section_len(key->path)] != '\0' || key->path[0] == '@')
		return true;
	const struct schema_key *child = schema_first_child(key);
	return child != NULL && child->path[0] != '@';
}

static void put_head(struct buf *out)
{
	buf_puts(out, "| key | type | default | |\n|---|---|---|---|\n");
}

void job_put_reference(struct buf *out)
{
	const struct schema_key *last = NULL;

	assert(out != NULL);
	buf_puts(out,
		 "# Keys of the job file\n\nMade from the table that job files are checked by; "
		 "[job-file.md](job-file.md) explains and has examples.\n`*`: known, and not "
		 "available in this version. `NAME.*`: any name of yours; `NAME[]`: each entry "
		 "of the list.\n\n");
	put_head(out);
	for (const struct schema_key *key = schema_get(0); key != NULL; key = schema_next(key))
		if (!has_section(key))
			put_row(key, out);
	for (const struct schema_key *key = schema_get(0); key != NULL; key = schema_next(key)) {
		if (!has_section(key))
			continue;
		if (last == NULL || !is_same_section(last, key)) {
			const char *name = without_at(key->path);
			buf_printf(out, "\n## %.*s%s\n\n", (int)section_len(name), name,
				   key->path[0] == '@' ? " (shared)" : "");
			put_head(out);
		}
		last = key;
		put_row(key, out);
	}
}
