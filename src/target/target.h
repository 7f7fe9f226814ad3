/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A database that items take effect in: work.sql and work.table.
 *
 * Promise: what a batch says is done is committed in the target, together with its mark
 *          (docs/targets.md); what took effect once is found by its mark and not done again,
 *          whoever died in between, also in the middle of a COMMIT. A row that the database refuses
 *          is left out with the database's own words, and the others of its batch are committed.
 *          Nothing of an item comes into the text of a statement. Nothing waits for longer than the
 *          work's time limit and some seconds.
 * Owner:   the lane's thread, which is blocked meanwhile.
 * Failure: is an outcome of rows, or of the rest of a batch; a connection that is lost is opened
 *          again with the next batch.
 */
#ifndef STINT_TARGET_TARGET_H
#define STINT_TARGET_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "core/outcome.h"
#include "job/template.h"

struct buf;
struct job;
struct target;

enum { TARGET_CLASS_MAX = 24 };

/* The chunk that rows are of: one row of the marker table. */
struct target_unit {
	int64_t first_item; /* what names it */
	uint32_t n;	    /* items of the chunk */
	/* the target's own */
	uint8_t *done; /* as marked there */
	uint8_t *void_;
	uint8_t *set; /* to be marked */
	uint8_t *set_void;
	bool is_marking; /* there is something to be marked */
};

/* One item. */
struct target_row {
	size_t unit;
	uint32_t index;		   /* within the unit */
	bool is_redo;		   /* a person wants it again, though it was given up for good */
	struct template_item item; /* lent */
	/* The result; 0: nothing took effect, and `rest` says why. */
	int outcome; /* enum outcome */
	char err_class[TARGET_CLASS_MAX];
	const char *err; /* of the batch's arena */
};

/* Why rows have no outcome. */
enum target_rest {
	TARGET_LEFT,	  /* nobody's fault: there was no time, or nothing is left */
	TARGET_UNREACHED, /* the database is not there */
	TARGET_FAILED,	  /* something failed that any of them may be to blame for */
	TARGET_ALIKE	  /* no item can be done */
};

struct target_batch {
	struct target_unit *units;
	size_t n_units;
	struct target_row *rows; /* in the order of units */
	size_t n_rows;
	enum target_rest rest;
	char rest_class[TARGET_CLASS_MAX];
	struct err rest_err;
	struct arena arena;
};

struct target_place {
	const struct job *job;
	const struct template_run *run;
	const uint8_t *ledger_uuid; /* 16 bytes */
};

/* Opens no connection yet. Keeps all of `place`. ERR_CONFIG. Gives. */
ST_MUST_CHECK int target_open(const struct target_place *place, struct target **ret_target,
			      struct err *err);
void target_free(struct target *target);
/* Does the rows; true when something was done or has an outcome. */
void target_run(struct target *target, struct target_batch *batch);
void target_batch_done(struct target_batch *batch);

/* The end of a run that has one, when all items are settled: the rows of `commit: run` take their
 * place, and `after` is executed; once, whoever did it, and in one transaction with its mark. Adds
 * what became of it, for people. ERR_…: nothing of it took effect. */
ST_MUST_CHECK int target_end(struct target *target, struct buf *words, struct err *err);

/* Before a run, without effects: can the database be reached, is the marker table there, are
 * statements, table and columns right? ERR_CONFIG, ERR_PERM; ERR_UNAVAILABLE when nobody knows. */
ST_MUST_CHECK int target_check(const struct job *job, struct err *err);

#endif
