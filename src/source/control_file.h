/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A control file (`control.file`): what whoever made a source file says is in it.
 *
 * Lines `count=3`, `sum.FIELD=12.50`, `sha256=…` (of the file as it stands on disk, packed or not);
 * empty lines and lines that begin with # are passed over. What it does not say is not compared.
 */
#ifndef STINT_SOURCE_CONTROL_FILE_H
#define STINT_SOURCE_CONTROL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/decimal.h"
#include "base/hash.h"

struct err;
struct job;
struct template_run;

struct control_file {
	bool has_count;
	struct decimal count;
	bool *has_sum; /* by field */
	struct decimal *sums;
	bool has_digest;
	uint8_t digest[SHA256_BYTES];
};

/* Reads the control file that belongs to a source file of that name (as messages show it). ERR_DATA
 * and ERR_NOINPUT name the file and line. Gives; control_file_done. */
ST_MUST_CHECK int control_file_read(const struct job *job, const char *source,
				    const struct template_run *run, struct control_file *ret_file,
				    struct err *err);
/* The same from text; `name` is for messages. */
ST_MUST_CHECK int control_file_parse(const struct job *job, const char *name, const char *text,
				     size_t len, struct control_file *ret_file, struct err *err);
void control_file_done(struct control_file *file);

#endif
