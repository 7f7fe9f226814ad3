/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as what a stream worker answers. What is taken is JSON, with an id that we can have
 * given and one of the four outcomes, the same by the short way and by the long one; what is
 * refused is told in words.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "fuzz/fuzz.h"
#include "work/stream_answer.h"

enum { TEXT_BYTES = 1 << 22 };

static void check_line(struct json_doc *doc, const char *line, size_t len)
{
	struct stream_answer answer = {0};
	struct stream_answer other = {0};
	struct err err = ERR_INIT;
	AUTO(buf) struct buf longer = BUF_INIT(TEXT_BYTES);

	if (stream_answer_parse(doc, line, len, &answer, &err) < 0) {
		assert(err.code == ERR_DATA && err.text[0] != '\0');
		return;
	}
	assert(answer.id > 0);
	assert(answer.outcome == OUTCOME_DONE || answer.outcome == OUTCOME_RETRY ||
	       answer.outcome == OUTCOME_DEAD || answer.outcome == OUTCOME_UNKNOWN);
	/* A tab before it is JSON as well, and nothing that the short way knows. */
	buf_putc(&longer, '\t');
	buf_put(&longer, line, len);
	int rc = stream_answer_parse(doc, longer.data, longer.len, &other, &err);
	assert(rc == 0 && other.id == answer.id && other.outcome == answer.outcome);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *end = text + size;
	struct json_doc *doc = stream_answer_doc();

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
		check_line(doc, line, len);
		free(line);
		text = stop + 1;
	}
	json_doc_free(doc);
	return 0;
}
