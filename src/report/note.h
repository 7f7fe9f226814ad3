/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notes: what a person should know of a run while it is on. It takes longer than expected, it goes
 * on behind its window.
 */
#ifndef STINT_REPORT_NOTE_H
#define STINT_REPORT_NOTE_H

#include <stddef.h>

#include "base/attr.h"

struct arena;
struct buf;
struct err;
struct json_writer;
struct ledger;

enum { NOTES_MAX = 8 }; /* the newest are shown */

struct note {
	utime at;
	const char *kind; /* the key of the job file: window.expect */
	const char *text;
	utime until; /* the end of the run by its forecast; 0: not told */
};

struct notes {
	struct note notes[NOTES_MAX]; /* oldest first */
	size_t n;
	struct arena *arena;
};

/* Texts go to the arena. */
ST_MUST_CHECK int notes_gather(struct ledger *ledger, int64_t run_id, struct arena *arena,
			       struct notes *ret_notes, struct err *err);
/* A line each, with its time, after `indent`. */
void notes_put_text(const struct notes *notes, const char *indent, struct buf *out);
/* A member `notes`. */
void notes_put_json(const struct notes *notes, struct json_writer *w);

#endif
