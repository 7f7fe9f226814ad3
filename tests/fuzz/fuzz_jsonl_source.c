/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as lines of JSON, read into the fields of a job: each line is an item, or has a flaw
 * whose place lies within it.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_job.h"
#include "job/job.h"
#include "source/encoding.h"
#include "source/jsonl.h"
#include "source/shape.h"

static const char job_text[] =
	"{\"version\": 1, \"job\": \"j\", \"source\": {\"jsonl\": {\"path\": \"x\"}, \"fields\": {"
	"\"a\": \"integer\", \"b\": {\"type\": \"text?\", \"from\": \"/x/1/y\"}, \"c\": \"json?\", "
	"\"d\": {\"type\": \"decimal?\", \"from\": \"/a~1b\"}}}, \"work\": {\"noop\": {}}}";

static struct job *the_job(void)
{
	static struct job *job;

	return fuzz_job(&job, job_text);
}

static void read_line(struct shape *s, const char *text, size_t len)
{
	struct flaw flaw = {0};

	if (encoding_find_bad(JOB_UTF8, text, len, NULL) != len)
		return;
	if (shape_read(s, text, len, &flaw) == 0) {
		/* What was read stands somewhere. */
		for (size_t i = 0; i < s->job->source.n_fields; i++)
			assert(jsonl_locate(text, len, &s->job->source.fields[i]) <= len);
		return;
	}
	assert(flaw.at <= len && flaw.reason[0] != '\0');
	struct value value = {0};
	for (size_t i = 0; i < s->job->source.n_fields; i++) {
		int rc = shape_read_field(s, i, text, len, &value);
		assert(rc == 0 || rc == SHAPE_FLAW);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct shape shape;
	const char *text = (const char *)data;
	const char *end = text + size;

	shape_init(&shape, the_job());
	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		if (stop == NULL)
			stop = end;
		/* A copy of exactly its size, so that a sanitizer sees a byte too many. */
		size_t len = (size_t)(stop - text);
		char *line = malloc(len + (len == 0));
		if (line == NULL)
			abort();
		memcpy(line, text, len);
		if (len > 0)
			read_line(&shape, line, len);
		free(line);
		text = stop + 1;
	}
	shape_done(&shape);
	return 0;
}
