/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an attempt at an item sends, for a person who looks it up on the other side. Nothing is sent
 * and nothing is read: secrets are filled in as the run's `hides_secrets` says.
 */
#ifndef STINT_WORK_SENT_H
#define STINT_WORK_SENT_H

#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"

struct err;
struct template_item;
struct work_context;

enum { WORK_SENT_BODY_MAX = 64 * 1024 * 1024 };

struct work_sent {
	struct arena arena;
	const char **words; /* a program and its arguments; a method and a URL; none: nothing */
	size_t n_words;
	struct buf body; /* the program's input; the request's body */
};

/* `ret_sent` is zeroed, and ended by work_sent_done, also after a failure. Only `job`, `run` and
 * `run_date` of the context are looked at. */
ST_MUST_CHECK int work_sent_make(const struct work_context *context,
				 const struct template_item *item, struct work_sent *ret_sent,
				 struct err *err);
void work_sent_done(struct work_sent *sent);

#endif
