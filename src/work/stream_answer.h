/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker of `mode: stream` says about an item, one line of JSON:
 *
 *     {"id": "…", "outcome": "done|retry|dead|unknown", "error": "…", "keep": {…}}
 *
 * id and outcome are needed, other names are passed over. Pure: bytes in, a struct out.
 */
#ifndef STINT_WORK_STREAM_ANSWER_H
#define STINT_WORK_STREAM_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "core/outcome.h"

struct err;
struct json;
struct json_doc;

/* The longest line that is read, without its end. */
enum { STREAM_ANSWER_MAX = 1024 * 1024 };

struct stream_answer {
	uint64_t id; /* 0: there is none that we can have given; set on failure, too */
	enum outcome outcome;
	const char *error; /* lent by the document; "" where there is none */
	size_t error_len;
	const struct json *keep; /* an object, lent by the document; NULL none */
};

/* A document to be used for line after line; json_doc_free. */
struct json_doc *stream_answer_doc(void);

/* ERR_DATA says what is wrong with it, without quoting it. */
ST_MUST_CHECK int stream_answer_parse(struct json_doc *doc, const char *line, size_t len,
				      struct stream_answer *ret_answer, struct err *err);

#endif
