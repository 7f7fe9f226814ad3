/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines on standard error, one write each.
 *
 * Promise: never disturbs. A standard error that is closed, full or read by nobody loses lines,
 *          which are counted; it neither blocks for long nor ends the process, also not by SIGPIPE.
 * Who ends a failure logs it, once; libraries do not log above debug. Any thread.
 */
#ifndef STINT_SYS_LOG_H
#define STINT_SYS_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_COUNT_
};

enum log_form {
	LOG_FORM_TEXT, /* "stint: warning: …" */
	LOG_FORM_JSON, /* one object a line: time, level, message */
};

/* From now on: what is at least as grave as `level`, in this form. At first: info, text. */
void log_set(enum log_level level, enum log_form form);

void log_error(const char *fmt, ...) ST_PRINTF(1, 2);
void log_warn(const char *fmt, ...) ST_PRINTF(1, 2);
void log_info(const char *fmt, ...) ST_PRINTF(1, 2);
void log_debug(const char *fmt, ...) ST_PRINTF(1, 2);

const char *log_level_name(enum log_level level);
/* False when `name` is no level. */
bool log_level_from_name(const char *name, enum log_level *ret_level);

/* What is ready made, such as a progress bar: written as it is, or lost, by the same rules. */
void log_put(const char *text, size_t len);
/* What a person called for and waits for: written however long the reader takes, unless this
 * process was said to be one that nobody watches. */
void log_say(const char *text, size_t len);
/* From now on log_say() waits a second for a reader at most: work must not stand still because
 * nobody reads. */
void log_set_unattended(void);

/* How many lines were lost so far. */
uint64_t log_dropped(void);

#endif
