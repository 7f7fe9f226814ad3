/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading secrets: the job file names where one is, and only here its value comes into memory.
 *
 * Promise: a value is never in an `err`. The caller wipes the buffer (explicit_bzero) when done.
 */
#ifndef STINT_JOB_SECRET_H
#define STINT_JOB_SECRET_H

#include "base/attr.h"

struct buf;
struct err;
struct job;
struct job_secret;

enum { SECRET_BYTES_MAX = 64 * 1024 };

/* Appends the value: of the environment (env:NAME), of a file without one final newline (file:PATH,
 * from the job's directory), of a systemd credential (credential:NAME). ERR_CONFIG names the secret
 * and why it cannot be read. */
ST_MUST_CHECK int secret_read(const struct job *job, const struct job_secret *secret,
			      struct buf *out, struct err *err);
/* Whether the environment has what env:NAME refers to: nobody can put it there any more once a
 * process is on its way. What is in files may still come. ERR_CONFIG. */
ST_MUST_CHECK int secrets_check(const struct job *job, struct err *err);

#endif
