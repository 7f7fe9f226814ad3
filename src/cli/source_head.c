/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/source_head.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "job/job.h"
#include "source/input.h"
#include "source/patience.h"
#include "source/records.h"

enum { PATH_BYTES_MAX = 64 * 1024, READ_BYTES = 64 * 1024, DECLARATION_BYTES_MAX = 1024 };

/* Where the first record begins. */
static int find_end(const struct job *job, struct input *input, int64_t *ret_end, struct err *err)
{
	const struct records_options options = {
		.input = input,
		.delimiter = job->source.delimiter,
		.quote = job->source.quote,
		.line = 1,
	};
	struct records records = {0};
	struct record header = {0};

	records_init(&records, &options);
	int rc = records_skip_lines(&records, job->source.skip_first, err);
	if (rc == 0)
		rc = records_next(&records, &header, err);
	*ret_end = header.offset + header.size;
	records_done(&records);
	if (rc > 0)
		return ERR(err, ERR_DATA, "there is no header any more");
	return rc;
}

static int copy_start(struct input *input, int64_t end, struct buf *out, struct err *err)
{
	int rc = 0;

	while (rc == 0 && end > 0) {
		size_t room = end > READ_BYTES ? READ_BYTES : (size_t)end;
		size_t got = 0;
		char *to = buf_reserve(out, room);
		if (to == NULL)
			return ERR(err, ERR_TOO_BIG, "the header is too long");
		rc = input_read(input, to, room, &got, err);
		if (rc == 0 && got == 0)
			return ERR(err, ERR_DATA, "it is shorter than it was");
		buf_added(out, rc == 0 ? got : 0);
		end -= (int64_t)got;
	}
	return rc;
}

/* `name` as seen from the job file's directory. */
static void put_path(const struct job *job, const char *name, struct buf *out)
{
	buf_reset(out);
	if (name[0] != '/')
		buf_printf(out, "%s/", job->directory);
	buf_puts(out, name);
}

/* Where the file is: where it was, or where `then: move:DIR` has put it. */
static void find_file(const struct job *job, const char *path, struct buf *out)
{
	AUTO(buf) struct buf moved = BUF_INIT(PATH_BYTES_MAX);
	const char *slash = strrchr(path, '/');

	put_path(job, path, out);
	if (access(buf_str(out), R_OK) == 0 || job->source.then_directory == NULL)
		return;
	buf_printf(&moved, "%s/%s", job->source.then_directory, slash == NULL ? path : slash + 1);
	put_path(job, buf_str(&moved), out);
}

static int read_csv(const struct job *job, const char *whole, const char *path, struct buf *out,
		    struct err *err)
{
	struct patience patience = {0};
	struct input *input = NULL;
	int64_t end = 0;

	int rc = input_open(whole, path, &patience, &input, err);
	if (rc == 0)
		rc = find_end(job, input, &end, err);
	input_close(input);
	input = NULL;
	if (rc == 0) /* from its start again */
		rc = input_open(whole, path, &patience, &input, err);
	if (rc == 0)
		rc = copy_start(input, end, out, err);
	input_close(input);
	if (rc != 0)
		buf_reset(out);
	else if (out->len > 0 && out->data[out->len - 1] != '\n')
		buf_putc(out, '\n');
	return rc;
}

/* `<?xml … ?>`, which says how the records are encoded. */
static int read_declaration(const char *whole, const char *path, struct buf *out, struct err *err)
{
	static const char mark[] = "\xef\xbb\xbf";
	AUTO(buf) struct buf text = BUF_INIT(DECLARATION_BYTES_MAX + 1);
	struct patience patience = {0};
	struct input *input = NULL;
	size_t got = 1;

	int rc = input_open(whole, path, &patience, &input, err);
	while (rc == 0 && got > 0 && text.len < DECLARATION_BYTES_MAX) {
		size_t room = DECLARATION_BYTES_MAX - text.len;
		rc = input_read(input, buf_reserve(&text, room), room, &got, err);
		buf_added(&text, rc == 0 ? got : 0);
	}
	input_close(input);
	const char *start = buf_str(&text);
	if (strncmp(start, mark, strlen(mark)) == 0)
		start += strlen(mark);
	const char *end = strncmp(start, "<?xml", 5) == 0 ? strstr(start, "?>") : NULL;
	if (rc == 0 && end != NULL) {
		buf_put(out, start, (size_t)(end - start) + 2);
		buf_putc(out, '\n');
	}
	return rc;
}

/* An element that is none of those that are looked for. */
static const char *root_of(const struct job *job)
{
	return strcmp(job->source.element, "rejects") == 0 ? "records" : "rejects";
}

/* Objects of one member each, as the pointer leads, and in the innermost the list. */
static void put_pointer(const char *pointer, struct buf *out)
{
	AUTO(str) char *name = xcalloc(strlen(pointer) + 1, 1);

	while (*pointer == '/') {
		size_t len = json_pointer_take(&pointer, name, strlen(pointer));
		struct json_writer w;
		buf_putc(out, '{');
		jw_init(&w, out);
		jw_string(&w, name, len);
		jw_done(&w);
		buf_puts(out, ": ");
	}
	buf_puts(out, "[\n");
}

int source_head_read(const struct job *job, const char *path, struct buf *out, struct err *err)
{
	AUTO(buf) struct buf whole = BUF_INIT(PATH_BYTES_MAX);
	bool is_csv = job->source.kind == SOURCE_CSV ||
		      (job->source.kind == SOURCE_STDIN && job->source.format == STDIN_CSV);
	int rc = 0;

	assert(path != NULL && out != NULL && err != NULL);
	if (job->source.kind == SOURCE_JSON)
		put_pointer(job->source.element, out);
	if (is_csv && job->source.header && job->source.kind == SOURCE_STDIN)
		return ERR(err, ERR_DATA, "standard input cannot be read again");
	find_file(job, path, &whole);
	if (is_csv && job->source.header)
		rc = read_csv(job, buf_str(&whole), path, out, err);
	if (job->source.kind == SOURCE_XML) {
		rc = read_declaration(buf_str(&whole), path, out, err);
		buf_printf(out, "<%s>\n", root_of(job));
	}
	return rc;
}

const char *source_head_between(const struct job *job)
{
	return job->source.kind == SOURCE_JSON ? "," : "";
}

void source_head_put_end(const struct job *job, struct buf *out)
{
	if (job->source.kind == SOURCE_XML)
		buf_printf(out, "</%s>\n", root_of(job));
	if (job->source.kind != SOURCE_JSON)
		return;
	buf_putc(out, ']');
	for (const char *c = job->source.element; *c != '\0'; c++)
		if (*c == '/')
			buf_putc(out, '}');
	buf_putc(out, '\n');
}
