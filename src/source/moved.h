/* SPDX-License-Identifier: Apache-2.0 */
/* Where `then: move` puts a file: under its name, or its name with a number where that is taken. */
#ifndef STINT_SOURCE_MOVED_H
#define STINT_SOURCE_MOVED_H

#include <stddef.h>

struct identity;
struct job;

enum { MOVED_NUMBERS_MAX = 9999 };

/* The place number `number` (0: the name itself) for the file; gives. */
char *moved_path(const struct job *job, const char *name, unsigned number);
/* Opens the file that was moved, if it is there; -1 when it is not. */
int moved_open(const struct job *job, const char *name, const struct identity *identity);

#endif
