/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What names an item: what it was put into an inbox with, else the field or the text of source.key,
 * else the path of a file, the number of an item of an inbox, or the place of a record, path:line.
 */
#ifndef STINT_SOURCE_KEYS_H
#define STINT_SOURCE_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"

struct err;
struct flaw;
struct item;
struct job;
struct template;
struct template_run;

enum { KEY_BYTES_MAX = 1024 };

enum keys_how { KEYS_PLACE, KEYS_PATH, KEYS_ROW, KEYS_FIELD, KEYS_TEMPLATE, KEYS_GIVEN };

struct keys {
	enum keys_how how; /* given: the item comes with its key, of an earlier step */
	bool are_names;
	size_t field;
	struct template *template;
	const struct template_run *run;
	struct buf text;
	const char *given; /* what came with the item goes before all else; NULL: nothing; lent */
};

/* `run` is kept; NULL where keys of the form KEYS_TEMPLATE are not made. */
ST_MUST_CHECK int keys_init(struct keys *k, const struct job *job, const struct template_run *run,
			    struct err *err);
void keys_done(struct keys *k);
/* Whether keys mean something beyond their run: those open elsewhere are held back. */
bool keys_are_names(const struct keys *k);
/* Sets item->key from everything else in it; lent from the item or until the next call, a '\0' does
 * not have to follow. Returns KEYS_FLAW and sets *ret_flaw. */
enum keys_condition { KEYS_FLAW = 1 };
ST_MUST_CHECK int keys_make(struct keys *k, struct item *item, struct flaw *ret_flaw);

#endif
