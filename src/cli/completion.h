/* SPDX-License-Identifier: Apache-2.0 */
/* Completions for shells, made from the tables of verbs and options. */
#ifndef STINT_CLI_COMPLETION_H
#define STINT_CLI_COMPLETION_H

#include <stdbool.h>

struct buf;

/* `shell`: bash, zsh or fish; false for another. */
bool completion_put(const char *shell, struct buf *out);

#endif
