/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a JSON or an XML document: its elements are the same however the bytes are handed
 * in, follow one another, and each is an item or has a flaw within it. The first byte says which
 * kind, and into what pieces.
 */
#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_job.h"
#include "job/job.h"
#include "source/elements.h"
#include "source/encoding.h"
#include "source/shape.h"

enum { MARKS_MAX = 4096 };

#define FIELDS                                                                                     \
	"\"fields\": {\"a\": \"integer?\", \"b\": {\"type\": \"text?\", \"from\": \"/x/y\"}, "     \
	"\"c\": \"json?\"}}, \"work\": {\"noop\": {}}}"

static const char *const job_texts[] = {
	"{\"version\": 1, \"job\": \"j\", \"source\": {\"json\": {\"path\": \"x\", "
	"\"pointer\": \"/l/1\"}, " FIELDS,
	"{\"version\": 1, \"job\": \"j\", \"source\": {\"xml\": {\"path\": \"x\", "
	"\"element\": \"e\"}, " FIELDS,
};

static struct job *the_job(bool is_xml)
{
	static struct job *jobs[2];

	return fuzz_job(&jobs[is_xml], job_texts[is_xml]);
}

static void init(struct elements *e, const struct job *job, bool is_xml)
{
	if (is_xml)
		elements_init_xml(e, job->source.element);
	else
		elements_init_json(e, job->source.element);
}

static void read_element(struct shape *s, const char *text, size_t len)
{
	struct flaw flaw = {0};

	if (s->format != SHAPE_XML && encoding_find_bad(JOB_UTF8, text, len, NULL) != len)
		return;
	int rc = shape_read(s, text, len, &flaw);
	assert(rc == 0 || (flaw.at <= len && flaw.reason[0] != '\0'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct element_mark marks[MARKS_MAX];
	struct elements whole;
	struct elements parts;
	struct shape shape;
	size_t used = 0;

	if (size == 0)
		return 0;
	bool is_xml = (data[0] & 1) != 0;
	size_t piece = (size_t)(data[0] >> 1) + 1;
	const struct job *job = the_job(is_xml);
	const char *text = (const char *)data + 1;
	size--;
	init(&whole, job, is_xml);
	init(&parts, job, is_xml);
	shape_init(&shape, job);
	shape.encoding = whole.xml.encoding;
	size_t n = elements_run(&whole, text, size, marks, MARKS_MAX, &used);
	int64_t at = 0;
	for (size_t i = 0; i < n; i++) {
		assert(marks[i].begin >= at && marks[i].end > marks[i].begin);
		at = marks[i].end;
		read_element(&shape, text + marks[i].begin,
			     (size_t)(marks[i].end - marks[i].begin));
	}
	assert(at <= (int64_t)size);
	size_t k = 0;
	for (size_t from = 0; from < size && !parts.has_failed && n < MARKS_MAX; from += used) {
		struct element_mark mark;
		size_t len = size - from < piece ? size - from : piece;
		if (elements_run(&parts, text + from, len, &mark, 1, &used) == 1) {
			assert(k < n && memcmp(&mark, &marks[k], sizeof(mark)) == 0);
			k++;
		}
	}
	assert(n == MARKS_MAX || (k == n && parts.has_failed == whole.has_failed));
	shape_done(&shape);
	return 0;
}
