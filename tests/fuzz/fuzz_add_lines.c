/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as what `stint add` reads. The first byte chooses whether the job is known and whether
 * --key names one item. Each line that is taken is one object, is not blank and stands in the
 * input; what ends it names its place there; and a second pass over the same says the same, since a
 * file is looked through before anything is added.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "cli/add_lines.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_job.h"
#include "job/job.h"
#include "source/input.h"
#include "source/patience.h"
#include "source/records.h"
#include "source/shape.h"

enum { KNOWS_JOB = 1, IS_ONE = 2, DOC_BYTES_MAX = 8 * 1024 * 1024 };

static const char job_text[] =
	"{\"version\": 1, \"job\": \"j\", \"source\": {\"inbox\": {}, \"fields\": {"
	"\"a\": \"integer\", \"b\": \"text?\", \"c\": \"json?\"}}, \"work\": {\"noop\": {}}}";

struct seen {
	const char *text;
	size_t size;
	struct json_doc *doc;
	int64_t n;
	int64_t line; /* of the last */
};

static struct job *the_job(void)
{
	static struct job *job;

	return fuzz_job(&job, job_text);
}

static int on_line(void *arg, const struct record *record, struct err *err)
{
	struct seen *seen = arg;
	const struct json *root = NULL;

	assert(record->line > seen->line && !record->is_cut);
	assert((size_t)record->offset + record->len <= seen->size);
	assert(memcmp(seen->text + record->offset, record->text, record->len) == 0);
	int rc = json_parse_into(seen->doc, record->text, record->len, &root, err);
	assert(rc == 0 && root->type == JSON_OBJECT);
	seen->line = record->line;
	seen->n++;
	return 0;
}

static int open_bytes(const struct seen *seen)
{
	int fd = memfd_create("lines", MFD_CLOEXEC);

	if (fd < 0 || write(fd, seen->text, seen->size) != (ssize_t)seen->size ||
	    lseek(fd, 0, SEEK_SET) != 0)
		abort();
	return fd;
}

static int read_all(struct add_lines *lines, struct seen *seen, add_line_fn fn, struct err *err)
{
	const struct patience patience = {0};
	int fd = open_bytes(seen);
	struct input *input = input_open_stream(fd, lines->name, &patience);
	int rc = add_lines_read(lines, input, fn, seen, err);

	input_close(input);
	(void)close(fd); /* only read from */
	return rc;
}

static void check_place(const struct err *err)
{
	int64_t line = 0;

	assert(sscanf(err->text, "in:%" SCNd64, &line) == 1 && line >= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct shape shape;
	struct err err = ERR_INIT;
	struct err again_err = ERR_INIT;

	if (size == 0)
		return 0;
	struct seen seen = {.text = (const char *)data + 1,
			    .size = size - 1,
			    .doc = json_doc_new(DOC_BYTES_MAX)};
	struct add_lines lines = {.name = "in", .doc = json_doc_new(DOC_BYTES_MAX)};
	shape_init(&shape, the_job());
	lines.shape = (data[0] & KNOWS_JOB) != 0 ? &shape : NULL;
	lines.is_one = (data[0] & IS_ONE) != 0;
	struct add_lines again = lines;
	int rc = read_all(&lines, &seen, on_line, &err);
	int again_rc = read_all(&again, &seen, NULL, &again_err);
	assert(rc == again_rc && lines.n == again.n && seen.n == lines.n);
	if (rc != 0) {
		assert(strcmp(err.text, again_err.text) == 0);
		check_place(&err);
	}
	shape_done(&shape);
	json_doc_free(lines.doc);
	json_doc_free(seen.doc);
	return 0;
}
