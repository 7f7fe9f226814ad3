/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The marker table as people see it: making it, and reading it back to compare it with a ledger.
 *
 * Owner: marks_open gives, marks_close frees. One thread.
 */
#ifndef STINT_TARGET_MARKS_H
#define STINT_TARGET_MARKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct err;
struct marks;

/* A database: postgres://…, sqlite:PATH, or env:NAME where that is told. ERR_CONFIG,
 * ERR_UNAVAILABLE, ERR_PERM. */
ST_MUST_CHECK int marks_open(const char *url, struct marks **ret_marks, struct err *err);
void marks_close(struct marks *marks);
void marks_auto(struct marks **marks);

ST_MUST_CHECK int marks_exist(struct marks *marks, bool *ret_exist, struct err *err);
/* Makes the table where it is not there. */
ST_MUST_CHECK int marks_make(struct marks *marks, struct err *err);
/* The statement that does so. */
const char *marks_ddl(const struct marks *marks);

/* One chunk: `done` is a text of n digits, 0 or 1. Lent for the call. */
typedef void (*mark_fn)(void *arg, int64_t chunk, const char *done, uint32_t n);
/* Those of the chunks of a run, by their number. `uuid`: 32 hexadecimal digits. */
ST_MUST_CHECK int marks_read(struct marks *marks, const char *uuid, int64_t run, mark_fn fn,
			     void *arg, struct err *err);

#endif
