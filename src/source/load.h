/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a source, shared by the files that make it up: source.c is its face, load.c reads
 * files of records, files.c takes files as items, judge.c decides what a record is, cursor.c writes
 * and reads where the load stands. Nobody else includes this.
 */
#ifndef STINT_SOURCE_LOAD_H
#define STINT_SOURCE_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "source/batch.h"
#include "source/globs.h"
#include "source/keys.h"
#include "source/machine.h"
#include "source/pace.h"
#include "source/patience.h"
#include "source/records.h"
#include "source/shape.h"
#include "source/source.h"
#include "source/sums.h"
#include "source/totals.h"
#include "source/trailer.h"

struct database;
struct filter;
struct inbox;
struct input;
struct step_source;
struct unique;

/* A place in a file where a load goes on. */
struct load_start {
	bool is_set; /* in the midst of the file */
	struct identity identity;
	int64_t offset;
	int64_t line;
	int64_t number;
};

struct load_tally {
	int64_t read;
	int64_t loaded;
	int64_t rejected;
	int64_t held_back;
};

struct source {
	struct source_options options;
	const struct job *job;
	struct patience patience;
	struct pace pace;
	struct file_list list; /* standard input: one file without a name */
	size_t index;	       /* the file that is open, or comes next */
	bool is_stdin;
	struct buf list_bytes; /* the list as cursors hold it */
	struct load_start start;
	uint8_t machine[MACHINE_BYTES]; /* this one */
	bool is_from_elsewhere;		/* the load began on another */
	/* the open file */
	bool is_open;
	bool by_reference;
	struct input *input;
	struct records records;
	struct shape shape;
	struct trailer trailer;
	int64_t number;	   /* of the last record, the header not counted */
	int64_t looked_to; /* so far the bytes were looked through for bad ones */
	int64_t bad_at;	   /* the first of them, INT64_MAX none */
	struct record pending;
	bool has_pending;
	uint32_t path;		  /* its number in the batch, UINT32_MAX when it has none yet */
	struct database *rows;	  /* NULL: no database */
	struct step_source *step; /* NULL: not the items of a step */
	struct inbox *inbox;	  /* NULL: no inbox */
	/* the load */
	struct filter *filter; /* NULL: every record is an item */
	struct keys keys;
	struct unique *unique; /* NULL: keys may come twice */
	struct totals totals;
	struct sums sums;
	struct decimal *amounts; /* of one item, for either of them */
	struct batch *batch;
	struct load_tally tally;
	char *shown;	  /* the beginning of a record that is too long */
	struct flaw flaw; /* of the present record: too large to be zeroed for each */
	/* what is told with the next call, so that the rejects before it are told first */
	struct err failure;
	bool has_failed;
	bool is_ended;
};

/* The name of the file for messages. */
const char *load_name(const struct source *s);
int64_t load_chunk_bytes(const struct source *s);
/* Files, or standard input: not what a database, an inbox or a step gives. */
static inline bool source_has_files(const struct source *s)
{
	return s->rows == NULL && s->step == NULL && s->inbox == NULL;
}
/* How many items the next batch may have; 0 when --first is reached. */
uint32_t load_item_limit(const struct source *s);
/* Whether the key of each item is needed here. */
bool load_wants_keys(const struct source *s);

/* Fills the batch from files of records. SOURCE_END when there is nothing more and all agreed. */
ST_MUST_CHECK int load_fill(struct source *s, struct err *err);
void load_close_file(struct source *s);
/* Reads all keys before the file s->index and s->start again. */
ST_MUST_CHECK int load_replay_keys(struct source *s, struct err *err);

/* Makes an item or a reject of the record. */
ST_MUST_CHECK int judge_record(struct source *s, const struct record *record, struct err *err);
/* Only adds its key, if it is an item. */
ST_MUST_CHECK int judge_key_only(struct source *s, const struct record *record, struct err *err);
/* Checks the key and, staged, adds the item whose fields and place are set; `record` is NULL for a
 * file. A flaw makes a reject. */
ST_MUST_CHECK int judge_item(struct source *s, struct item *item, const struct record *record,
			     struct err *err);
/* Only adds the key of an item, whose fields and place are set. */
ST_MUST_CHECK int judge_item_key(struct source *s, struct item *item, struct err *err);
/* A reject for what is wrong with the record. `item` as far as it is known, else NULL. */
struct judge_reject {
	const struct record *record; /* NULL: a file as a whole, or a row */
	const char *path;	     /* instead of the file's; NULL: that */
	const char *raw;	     /* without a record: what is kept of it, or NULL */
	size_t raw_len;
	const struct flaw *flaw;
	const struct item *item;
	bool is_duplicate;
};
ST_MUST_CHECK int judge_reject(struct source *s, const struct judge_reject *reject,
			       struct err *err);

/* Fills the batch with files as items. */
ST_MUST_CHECK int files_fill(struct source *s, struct err *err);
ST_MUST_CHECK int files_replay_keys(struct source *s, struct err *err);

/* Rows of a database (database.c). */
ST_MUST_CHECK int database_new(struct source *s, struct err *err);
void database_free(struct database *d);
ST_MUST_CHECK int database_fill(struct source *s, struct err *err);
ST_MUST_CHECK int database_replay_keys(struct source *s, struct err *err);
/* The place of the present row and what is kept of it, for a reject. */
void database_describe(const struct database *d, struct judge_reject *ret_reject);
void database_put_place(const struct database *d, struct buf *b);
void database_get_place(struct database *d, struct reader *r);
/* Only the last row of that place: the first page begins behind it. */
void database_get_behind(struct database *d, struct reader *r);

/* The items of an earlier step (step.c). */
void step_new(struct source *s);
void step_free(struct step_source *step);
ST_MUST_CHECK int step_fill(struct source *s, struct err *err);
ST_MUST_CHECK int step_replay_keys(struct source *s, struct err *err);
/* The place of the present item, for a reject. */
void step_describe(const struct step_source *step, struct judge_reject *ret_reject);
void step_put_place(const struct step_source *step, struct buf *b);
void step_get_place(struct step_source *step, struct reader *r);

/* What waits in the job's inbox (inbox.c). */
void inbox_new(struct source *s);
void inbox_free(struct inbox *b);
ST_MUST_CHECK int inbox_fill(struct source *s, struct err *err);
/* As database_describe. */
void inbox_describe(struct source *s, struct judge_reject *ret_reject);
/* The items of the batch whose bit is set stay in the inbox. */
void inbox_leave(struct source *s, const uint8_t *bits);
const struct frame_taken *inbox_taken(const struct inbox *b);
void inbox_put_place(struct inbox *b, struct buf *out);
void inbox_get_place(struct source *s, struct reader *r);

void cursor_put(struct source *s, struct buf *b);
/* Sets the list, s->start and all counts. ERR_DATA. */
ST_MUST_CHECK int cursor_get(struct source *s, const void *data, size_t len, struct err *err);
/* Only where an earlier run had come to: this one begins behind that. ERR_DATA. */
ST_MUST_CHECK int cursor_get_behind(struct source *s, const void *data, size_t len,
				    struct err *err);
/* Makes s->list_bytes of the list. */
ST_MUST_CHECK int cursor_set_list(struct source *s, struct err *err);

#endif
