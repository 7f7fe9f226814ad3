/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a source, in order: a plain file, a .gz or .zst file decompressed, or standard
 * input.
 *
 * Promise: what comes out is what the file held when it was opened, up to the size it had then, or
 *          a failure that names the file and says what happened to it: cut off, damaged, shorter
 *          than it was, gone. Reads that fail for now are repeated as source.retry says. Memory is
 *          bounded.
 * Owner:   whoever opened it; one thread.
 */
#ifndef STINT_SOURCE_INPUT_H
#define STINT_SOURCE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct err;
struct identity;
struct input;
struct patience;

/* Opens a regular file. `name` is what messages call it. Keeps `patience`, copies the texts. Fails
 * with ERR_DATA (a directory, a FIFO, gone), ERR_PERM, ERR_IO, ERR_TEMP. Gives. */
ST_MUST_CHECK int input_open(const char *path, const char *name, const struct patience *patience,
			     struct input **ret_input, struct err *err);
/* The same, but the bytes as they stand on disk, also of a compressed file. */
ST_MUST_CHECK int input_open_packed(const char *path, const char *name,
				    const struct patience *patience, struct input **ret_input,
				    struct err *err);
/* The stream on descriptor `fd`, which stays open. Gives. */
struct input *input_open_stream(int fd, const char *name, const struct patience *patience);
void input_close(struct input *in);

/* Reads some of what comes next, at most `room` bytes; *ret_len 0 is the end. */
ST_MUST_CHECK int input_read(struct input *in, char *to, size_t room, size_t *ret_len,
			     struct err *err);
/* Goes to `offset` of the (decompressed) bytes, from the start. ERR_DATA when there are not so
 * many. */
ST_MUST_CHECK int input_go_to(struct input *in, int64_t offset, struct err *err);
/* ERR_DATA when the file is not what was opened any more. */
ST_MUST_CHECK int input_check(const struct input *in, struct err *err);

/* Whether ranges of it can be read again: a plain file. */
bool input_is_plain(const struct input *in);
const struct identity *input_identity(const struct input *in);

#endif
