/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failures of opening a connection, for this folder alone; the others are in pg/pg.h.
 */
#ifndef STINT_PG_FAIL_H
#define STINT_PG_FAIL_H

#include <libpq-fe.h>

#include "pg/state.h"

struct err;

/* Fills `err` from a connection that could not be opened, and yields its code. Its errors were
 * verbose, since that is how the SQLSTATE is told. */
int pg_fail_open(PGconn *conn, enum pg_class *ret_class, struct err *err);

/* Finds the SQLSTATE in libpq's verbose words ("FATAL:  28P01: password …"): "" when there is none.
 * `*ret_said` is where the server's own words begin, `*ret_len` their length. */
void pg_fail_split(const char *words, char ret_state[PG_STATE_BYTES], const char **ret_said,
		   size_t *ret_len);

#endif
