/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a database is: the URL of a job file, filled in. It may hold a password.
 *
 * Promise: no `err` has any of it. The caller wipes the buffer (explicit_bzero) when done.
 */
#ifndef STINT_JOB_DATABASE_URL_H
#define STINT_JOB_DATABASE_URL_H

#include "base/attr.h"

struct buf;
struct err;
struct job;
struct template_run;

enum { DATABASE_URL_MAX = 64 * 1024 };

/* Appends it: what env:NAME, file:PATH or credential:NAME hold, else the text with its
 * placeholders; in a URL of PostgreSQL their values are percent-encoded. ERR_CONFIG. */
ST_MUST_CHECK int database_url_put(const struct job *job, const char *url,
				   const struct template_run *run, struct buf *out,
				   struct err *err);

#endif
