/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a run as transactions, one after another: made, loaded, claimed, worked, its owner
 * dead, reaped, resolved, finished. What each gives is said; after each the ledger's content can be
 * compared.
 */
#ifndef STINT_TESTS_INJECT_SCRIPT_H
#define STINT_TESTS_INJECT_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

struct ledger;

/* Opens `url` and does all of it. After each step that was applied it is acknowledged; one that
 * certainly was not is sent again. The digests of what was in it, before the first step and after
 * each, are in inject_shared(), from the first run. */
void script_play(const char *url);
/* How many transactions that is. */
size_t script_length(void);

/* A number that tells what is in the ledger; fails the process by inject_wrong when it cannot be
 * read. */
uint64_t script_digest(struct ledger *ledger);

#endif
