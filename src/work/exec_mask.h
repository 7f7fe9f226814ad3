/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps what nobody may see out of what a program said: the values of fields that are declared
 * sensitive and of the job's secrets become `***`, as they are and as they are quoted
 * (mask_form.h). Values below MASK_BYTES_MIN stay: they would turn a text into stars without hiding
 * anything.
 *
 * Owner: one for each exec work; the loop's thread. Secrets are wiped in exec_mask_free.
 */
#ifndef STINT_WORK_EXEC_MASK_H
#define STINT_WORK_EXEC_MASK_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;
struct exec_mask;
struct item;
struct job;

enum { MASK_BYTES_MIN = 3 };

/* Reads the secrets; one that cannot be read is left out here, and told where it is used. Keeps
 * `job`. */
struct exec_mask *exec_mask_new(const struct job *job);
void exec_mask_free(struct exec_mask *mask);
/* One more secret, such as a token that was got for the job's. */
void exec_mask_add(struct exec_mask *mask, const char *text, size_t len);

/* The longest text to be masked for this item, 0 for none. Without an item (NULL): the longest of
 * the secrets. */
size_t exec_mask_longest(struct exec_mask *mask, const struct item *item);
/* A text of which only what stands from `from` on is wanted. */
struct mask_text {
	const char *data;
	size_t len;
	size_t from;
	bool is_cut; /* it went on: a value may have begun in it and not ended */
};

/* Appends it, masked; without an item (NULL) the secrets. A value that begins before `from` and
 * ends behind it is masked as well. */
void exec_mask_put(struct exec_mask *mask, const struct item *item, const struct mask_text *text,
		   struct buf *out);
/* The same for the words of a failure, where values may stand as QUOTED() writes them. */
void exec_mask_put_err(struct exec_mask *mask, const struct item *item, const struct err *err,
		       struct buf *out);

#endif
