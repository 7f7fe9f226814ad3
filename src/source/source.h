/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reading side of a source: records in, chunks with rejects and a cursor out.
 *
 * Promise: memory is bounded whatever the input; a record is an item, a reject with its place and
 *          reason, or held back, never lost (read = loaded + rejected + held back + filtered); with
 *          the cursor of any batch a new source goes on exactly behind it. A file that changes
 *          while it is read ends the loading with an error, it is never read as if nothing had
 *          happened.
 * Owner:   the reader process, one thread. Blocking calls; waiting goes through `wait` so that the
 *          process can hear a stop.
 */
#ifndef STINT_SOURCE_SOURCE_H
#define STINT_SOURCE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "frame/frame.h"

struct err;
struct job;
struct source;
struct template_run;

struct source_options {
	const struct job *job;
	const struct template_run *run;
	const char *path;   /* --source: instead of the job's path; NULL none */
	int64_t first_n;    /* --first, 0 none */
	const void *cursor; /* from struct frame_loaded; NULL: from the start */
	size_t cursor_len;
	void *arg;
	/* Sleeps at most `us` while telling people what for; false: a stop came, give up. */
	bool (*wait)(void *arg, const char *what, utime until, int64_t us);
	/* Asks the ledger which keys are open elsewhere or done before; NULL: nobody asks. */
	int (*find_keys)(void *arg, const struct frame_keys *keys, struct frame_keys_answer *ret,
			 struct err *err);
	/* An inbox: asks for its next page, whose answer is heard with the other, and lent until
	 * that is called again. */
	int (*ask_inbox)(void *arg, const struct frame_inbox *ask, struct err *err);
	int (*hear_inbox)(void *arg, struct frame_inbox_answer *ret, struct err *err);
	/* Asks whether another run had this content; *ret_run "" when not. NULL: nobody asks. */
	int (*find_content)(void *arg, const struct frame_content *content, const char **ret_run,
			    struct err *err);
	/* The items of an earlier step from that number on; lent until the next question. NULL
	 * where the job has no such source. */
	int (*find_items)(void *arg, int64_t from, struct frame_step_items *ret, struct err *err);
};

/* Whether another file may be read in the place of what the job names (--source). ERR_CONFIG. */
ST_MUST_CHECK int source_check_path(const struct job *job, struct err *err);
/* Gives in *ret_source. Returns SOURCE_MISSING (when_missing: fail, or the wait is over) or
 * SOURCE_MISSING_OK with err saying what is missing. SOURCE_ELSEWHERE, also from source_next: the
 * load was begun on another machine, and cannot go on with what is found here. */
enum source_condition {
	SOURCE_MISSING = 1,
	SOURCE_MISSING_OK = 2,
	SOURCE_END = 3,
	SOURCE_ELSEWHERE = 4
};
ST_MUST_CHECK int source_open(const struct source_options *options, struct source **ret_source,
			      struct err *err);
/* The next batch, lent until the next call: at most one chunk of at most job->chunk_items items and
 * job->chunk_bytes bytes (one item, where that is larger), rejects, counts, cursor. SOURCE_END when
 * all was read and trailer and control totals agreed. A failure ends the load: ERR_DATA (max_items,
 * max_rejects by count, malformed: fail, a trailer that is missing or disagrees, a header without a
 * declared column), ERR_IO after source.retry, ERR_PERM, ERR_TEMP when a stop came. A reject that
 * ends the load is told with a batch, and the failure with the next call. */
ST_MUST_CHECK int source_next(struct source *source, struct frame_loaded *ret_batch,
			      struct err *err);
void source_free(struct source *source);

/* What is done with a source file once all is settled (source.then). `good` as struct frame_then. A
 * call with body NULL ends the list: whole-file sources act then. Repeating it after a crash is
 * harmless. */
struct finisher;
/* Keeps both; `run` is for the placeholders of on_done and on_dead, which are said in one
 * transaction of the database for each call. */
struct finisher *finisher_new(const struct job *job, const struct template_run *run);
ST_MUST_CHECK int finisher_add(struct finisher *f, const struct frame_then *then, struct err *err);
void finisher_free(struct finisher *f);

#endif
