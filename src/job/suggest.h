/* SPDX-License-Identifier: Apache-2.0 */
/* "; did you mean 'x'?", as messages about the job file end. */
#ifndef STINT_JOB_SUGGEST_H
#define STINT_JOB_SUGGEST_H

#include <stddef.h>

enum { SUGGEST_BYTES = 160 };

/* The words, "" when `near` is NULL. Returns `out`. */
const char *suggest(char *out, size_t size, const char *near);

/* A stack buffer for suggest(), to stand among the arguments of a printf. */
#define DID_YOU_MEAN(near) suggest((char[SUGGEST_BYTES]){0}, SUGGEST_BYTES, (near))

#endif
