/* SPDX-License-Identifier: Apache-2.0 */
/* Recorded attempts, oldest first, page by page. */
#ifndef STINT_CLI_ATTEMPT_LIST_H
#define STINT_CLI_ATTEMPT_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct buf;
struct err;
struct json_writer;
struct ledger;
struct out;

struct attempt {
	const char *run;
	int64_t run_id;
	int64_t item;
	const char *key; /* as it may be shown; NULL: not known */
	int64_t number;	 /* from 1 */
	utime at;
	int64_t took_us;
	int64_t instance;
	const char *outcome;
	bool is_verify; /* whether that attempt took effect was asked; outcome: done, not_done,
			   unknown */
	const char *err_class, *err, *fingerprint; /* "" none */
	const char *output;
	size_t output_len;
	bool output_cut;  /* only the tail of it was kept */
	const char *keep; /* a JSON object, "" none */
	const char *step; /* of the item; NULL: its job has none */
};

struct attempt_filter {
	int64_t run_id;
	int64_t item; /* -1: all of the run */
};

/* Lent for the call. Anything but 0 ends it and is returned. */
typedef int (*attempt_fn)(void *arg, const struct attempt *attempt);
ST_MUST_CHECK int attempt_each(struct ledger *ledger, const struct attempt_filter *filter,
			       attempt_fn fn, void *arg, struct err *err);

/* {"schema": SCHEMA, LIST: [ … ]} around attempt_put_json. */
void attempt_begin_json(struct json_writer *w, struct out *out, const char *schema,
			const char *list);
void attempt_end_json(struct json_writer *w, struct out *out);
void attempt_put_json(const struct attempt *a, struct json_writer *w);
/* The outcome in words for people. */
const char *attempt_word(const struct attempt *a);
/* What it said, made harmless for a terminal, line by line, with a line end. */
void attempt_put_output(const struct attempt *a, struct buf *out);

#endif
