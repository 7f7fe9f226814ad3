/* SPDX-License-Identifier: Apache-2.0 */
/* Man pages, completions and the reference page, made from the tables of verbs and options. */
#ifndef STINT_CLI_MANUAL_H
#define STINT_CLI_MANUAL_H

#include "base/attr.h"

struct buf;
struct err;

/* `what`: man (of `verb`, NULL: stint(1)), bash, zsh, fish, markdown (the verbs), or
 * job-file (its keys). ERR_USAGE for another. */
ST_MUST_CHECK int manual_put(const char *what, const char *verb, struct buf *out, struct err *err);

#endif
