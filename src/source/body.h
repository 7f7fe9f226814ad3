/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of a chunk: what the reader stores so that a lane finds exactly the same items again.
 *
 * Two kinds. By reference: file identity (device, inode, size, mtime), byte range, first record and
 * line, number of records, which of them are left out (rejected, held back), how the file's columns
 * map to the job's fields, and an XXH3-128 hash of the bytes. Staged (compressed input, stdin,
 * `files`, then: delete): the values themselves, in one zstd frame. Nobody but source/ and the
 * lanes looks inside. Version byte first: an older body must stay readable for as long as runs may
 * be resumed.
 */
#ifndef STINT_SOURCE_BODY_H
#define STINT_SOURCE_BODY_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "job/item.h"
#include "source/machine.h"

struct err;
struct job;
struct body;

/* Opens a body for its items. By reference: reads the range with pread, compares identity, hash and
 * count. Conditions: BODY_CHANGED, err filled with what differs: the source is not what was loaded.
 * BODY_ELSEWHERE: another machine loaded it, and the very same file is not seen here. ERR_IO and
 * ERR_DATA (a body that is damaged) are failures. `check_only`: the hash is compared but items are
 * not parsed (noop). Gives; free with body_free. */
enum body_condition { BODY_CHANGED = 1, BODY_ELSEWHERE = 2 };
ST_MUST_CHECK int body_open(const struct job *job, const void *data, size_t len, uint32_t n,
			    bool check_only, struct body **ret_body, struct err *err);
/* Lends item `index` (0 … n-1), valid until body_free. ERR_DATA when its record no longer reads. */
ST_MUST_CHECK int body_item(struct body *body, uint32_t index, struct item *ret_item,
			    struct err *err);
/* That loaded it. ERR_DATA. */
ST_MUST_CHECK int body_machine(const void *data, size_t len, uint8_t ret_machine[MACHINE_BYTES],
			       struct err *err);
/* The path of the source file of this chunk, "" where there is none. */
const char *body_path(const struct body *body);
void body_free(struct body *body);

#endif
