/* SPDX-License-Identifier: Apache-2.0 */
#include "source/control_file.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "job/field.h"
#include "job/item.h"
#include "job/job.h"
#include "job/template.h"
#include "source/globs.h"
#include "sys/file.h"

enum { FILE_BYTES_MAX = 64 * 1024, PATH_BYTES_MAX = 64 * 1024, DIGITS = 2 * SHA256_BYTES };

static const char sum_prefix[] = "sum.";

/* A line of it, and where it stands. */
struct line {
	const char *file;
	int64_t number;
	const char *name;
	size_t name_len;
	const char *value;
	size_t value_len;
};

static int fail_twice(const struct line *l, struct err *err)
{
	return ERR(err, ERR_DATA, "%s:%" PRId64 ": %.*s stands here twice", l->file, l->number,
		   (int)l->name_len, l->name);
}

static int parse_number(const struct line *l, char mark, struct decimal *ret_value, struct err *err)
{
	struct err ignored = ERR_INIT;

	if (decimal_parse(l->value, l->value_len, '.', ret_value, &ignored) == 0 ||
	    (mark == ',' && decimal_parse(l->value, l->value_len, mark, ret_value, &ignored) == 0))
		return 0;
	return ERR(err, ERR_DATA, "%s:%" PRId64 ": %.*s is %s, which is no number", l->file,
		   l->number, (int)l->name_len, l->name, QUOTED(l->value, l->value_len));
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int parse_digest(const struct line *l, struct control_file *f, struct err *err)
{
	bool is_good = l->value_len == DIGITS;

	if (f->has_digest)
		return fail_twice(l, err);
	for (size_t i = 0; i < DIGITS && is_good; i++) {
		int digit = digit_of(l->value[i]);
		is_good = digit >= 0;
		f->digest[i / 2] = (uint8_t)(f->digest[i / 2] * 16 + digit);
	}
	if (!is_good)
		return ERR(err, ERR_DATA,
			   "%s:%" PRId64 ": sha256 is %s; expected 64 hexadecimal digits", l->file,
			   l->number, QUOTED(l->value, l->value_len));
	f->has_digest = true;
	return 0;
}

static int parse_sum(const struct job *job, const struct line *l, struct control_file *f,
		     struct err *err)
{
	const char *name = l->name + strlen(sum_prefix);
	size_t len = l->name_len - strlen(sum_prefix);
	int index = job_find_field(job, name, len);

	if (index < 0)
		return ERR(err, ERR_DATA, "%s:%" PRId64 ": there is no field %s", l->file,
			   l->number, QUOTED(name, len));
	const struct field *field = &job->source.fields[index];
	if (field->type != FIELD_INTEGER && field->type != FIELD_DECIMAL)
		return ERR(err, ERR_DATA,
			   "%s:%" PRId64 ": a field of type %s (%s) cannot be summed exactly",
			   l->file, l->number, field_type_name(field->type), field->name);
	if (f->has_sum[index])
		return fail_twice(l, err);
	f->has_sum[index] = true;
	return parse_number(l, field->decimal_mark, &f->sums[index], err);
}

static int parse_count(const struct line *l, struct control_file *f, struct err *err)
{
	if (f->has_count)
		return fail_twice(l, err);
	f->has_count = true;
	return parse_number(l, '.', &f->count, err);
}

static bool is_named(const struct line *l, const char *name)
{
	return l->name_len == strlen(name) && memcmp(l->name, name, l->name_len) == 0;
}

static int parse_line(const struct job *job, const struct line *l, struct control_file *f,
		      struct err *err)
{
	size_t prefix = strlen(sum_prefix);

	if (is_named(l, "count"))
		return parse_count(l, f, err);
	if (is_named(l, "sha256"))
		return parse_digest(l, f, err);
	if (l->name_len > prefix && memcmp(l->name, sum_prefix, prefix) == 0)
		return parse_sum(job, l, f, err);
	return ERR(err, ERR_DATA,
		   "%s:%" PRId64 ": %s is not known; expected count=, sum.FIELD= or sha256=",
		   l->file, l->number, QUOTED(l->name, l->name_len));
}

static size_t trimmed(const char **text, size_t len)
{
	while (len > 0 && strchr(" \t\r", (*text)[len - 1]) != NULL)
		len--;
	while (len > 0 && strchr(" \t", (*text)[0]) != NULL) {
		(*text)++;
		len--;
	}
	return len;
}

/* Splits `name=value`; false for a line that says nothing. */
static int split_line(const char *text, size_t len, struct line *l, bool *ret_says, struct err *err)
{
	len = trimmed(&text, len);
	*ret_says = len > 0 && text[0] != '#';
	if (!*ret_says)
		return 0;
	const char *equals = memchr(text, '=', len);
	if (memchr(text, '\0', len) != NULL || equals == NULL)
		return ERR(err, ERR_DATA, "%s:%" PRId64 ": expected NAME=VALUE, found %s", l->file,
			   l->number, QUOTED(text, len));
	l->name = text;
	l->name_len = trimmed(&l->name, (size_t)(equals - text));
	l->value = equals + 1;
	l->value_len = trimmed(&l->value, len - (size_t)(equals + 1 - text));
	return 0;
}

int control_file_parse(const struct job *job, const char *name, const char *text, size_t len,
		       struct control_file *ret_file, struct err *err)
{
	size_t n_fields = job->source.n_fields;
	struct control_file f = {.has_sum = xcalloc(n_fields + 1, sizeof(*f.has_sum)),
				 .sums = xcalloc(n_fields + 1, sizeof(*f.sums))};
	struct line l = {.file = name};
	const char *end = text + len;
	int rc = 0;

	while (text < end && rc == 0) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		bool says = false;
		stop = stop == NULL ? end : stop;
		l.number++;
		rc = split_line(text, (size_t)(stop - text), &l, &says, err);
		if (rc == 0 && says)
			rc = parse_line(job, &l, &f, err);
		text = stop + 1;
	}
	if (rc == 0)
		*ret_file = f;
	else
		control_file_done(&f);
	return rc;
}

void control_file_done(struct control_file *file)
{
	free(file->has_sum);
	free(file->sums);
	*file = (struct control_file){0};
}

static int render_name(const struct job *job, const char *source, const struct template_run *run,
		       struct buf *out, struct err *err)
{
	const struct template_run none = {0};
	const struct item source_file = {.source_path = source};
	const struct template_item item = {.item = &source_file};
	struct template *template = NULL;

	int rc = template_parse_for(TEMPLATE_FOR_CONTROL_FILE, job->control_file,
				    strlen(job->control_file), job, &template, err);
	if (rc == 0)
		rc = template_render(template, TEMPLATE_TEXT, run == NULL ? &none : run, &item, out,
				     err);
	template_free(template);
	return rc < 0 ? rc : buf_check(out, "the name of a control file", err);
}

int control_file_read(const struct job *job, const char *source, const struct template_run *run,
		      struct control_file *ret_file, struct err *err)
{
	AUTO(buf) struct buf name = BUF_INIT(PATH_BYTES_MAX);
	AUTO(buf) struct buf text = BUF_INIT(FILE_BYTES_MAX);

	assert(job != NULL && job->control_file != NULL && ret_file != NULL);
	int rc = render_name(job, source, run, &name, err);
	if (rc < 0)
		return rc;
	AUTO(str) char *path = globs_full_path(job, buf_str(&name));
	rc = file_read_all(path, FILE_BYTES_MAX, &text, err);
	if (rc < 0) {
		err_add(err, "the control file of %s: ", source);
		return err->code;
	}
	return control_file_parse(job, buf_str(&name), buf_str(&text), text.len, ret_file, err);
}
