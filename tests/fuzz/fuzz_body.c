/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as what the ledger keeps for us: the first byte chooses a cursor, or the body of a
 * chunk with so many items. They are refused or read, and nothing is done to files: references are
 * decoded and not opened.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_job.h"
#include "job/item.h"
#include "job/job.h"
#include "job/template.h"
#include "source/body.h"
#include "source/body_format.h"
#include "source/source.h"

static const char job_text[] =
	"{\"version\": 1, \"job\": \"j\", \"source\": {"
	"\"csv\": {\"path\": \"x\", \"trailer\": {\"when\": \"^T\", \"columns\": {\"n\": 2}}}, "
	"\"fields\": {\"a\": \"integer\", \"b\": \"text?\"}}, "
	"\"control\": {\"count\": \"${trailer.n}\"}, \"work\": {\"noop\": {}}}";

static struct job *the_job(void)
{
	static struct job *job;

	return fuzz_job(&job, job_text);
}

static void read_cursor(const char *data, size_t size)
{
	const struct template_run run = {
		.name = "j", .job = "j", .slot = "2026-11-23", .date = "2026-11-23"};
	const struct source_options options = {
		.job = the_job(), .run = &run, .cursor = data, .cursor_len = size};
	struct source *source = NULL;
	struct err err = ERR_INIT;

	int rc = source_open(&options, &source, &err);
	assert(rc == 0 || err.text[0] != '\0');
	source_free(rc == 0 ? source : NULL);
}

static void read_items(const char *data, size_t size, uint32_t n)
{
	struct body *body = NULL;
	struct err err = ERR_INIT;

	if (body_open(the_job(), data, size, n, false, &body, &err) != 0) {
		assert(err.text[0] != '\0');
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct item item = {0};
		int rc = body_item(body, i, &item, &err);
		assert(rc == 0 && item.key != NULL && item.source_path != NULL);
		for (size_t k = 0; k < 2; k++)
			assert(item.fields[k].is_null || item.fields[k].text != NULL);
	}
	body_free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct body_head head = {0};
	struct err err = ERR_INIT;

	if (size == 0)
		return 0;
	uint32_t n = data[0];
	const char *bytes = (const char *)data + 1;
	size--;
	if (n == 0) {
		if (size > 0)
			read_cursor(bytes, size);
		return 0;
	}
	struct reader r = READER(bytes, size);
	if (body_get_head(&r, &head, &err) != 0)
		return 0;
	if (head.kind == BODY_BY_REFERENCE) {
		struct body_reference ref = {0};
		int rc = body_get_reference(&r, &ref, &err);
		assert(rc != 0 || (ref.n_items > 0 && ref.n_items <= ref.n_records));
	} else {
		read_items(bytes, size, n);
	}
	return 0;
}
