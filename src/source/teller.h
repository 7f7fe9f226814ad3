/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing back: on_done and on_dead, said to the source's database for each item.
 *
 * Promise: what one call says is committed as a whole or not at all; values are bound, never
 *          pasted; every wait has an end. The caller repeats a call that failed, also one whose
 * commit may have taken place: so the statements of a job file have to bear being said twice.
 * Owner:   the finisher, one thread. The connection stays open between calls.
 */
#ifndef STINT_SOURCE_TELLER_H
#define STINT_SOURCE_TELLER_H

#include <stddef.h>

#include "base/attr.h"
#include "job/field.h"

struct err;
struct frame_then;
struct item;
struct job;
struct statement;
struct teller;
struct template_run;

/* Keeps both. Gives. */
struct teller *teller_new(const struct job *job, const struct template_run *run);
void teller_free(struct teller *t);
/* Says on_done for the items in `good`, on_dead for those in `dead`, and commits. */
ST_MUST_CHECK int teller_tell(struct teller *t, const struct frame_then *then, struct err *err);

/* For the two databases: what they do. */
struct teller_value {
	char *text; /* NULL: null */
	size_t len;
	enum field_type type;
};

struct teller_ops {
	int (*open)(struct teller *t, const char *url, struct err *err);
	void (*close)(struct teller *t);
	int (*begin)(struct teller *t, struct err *err);
	/* The statement with these values, perhaps only on its way when this returns. */
	int (*say)(struct teller *t, const struct statement *s, const struct teller_value *values,
		   struct err *err);
	int (*commit)(struct teller *t, struct err *err);
};
extern const struct teller_ops teller_postgres;
extern const struct teller_ops teller_sqlite;

struct teller {
	const struct job *job;
	const struct template_run *run;
	const struct teller_ops *ops;
	void *connection; /* NULL: there is none */
	struct statement *on_done;
	struct statement *on_dead;
};

#endif
