/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an instance has had acknowledged lately, so that it can be written again where a server that
 * took over has lost it.
 *
 * Promise: the ledger then has the instance's claims, marks, outcomes and loose items as they were
 *          acknowledged, batch by batch, each applied once; only then does the transaction go there
 *          that found them missing. What others have claimed since stays theirs. What was lost and
 *          cannot be written again (a run that was made or loaded, the end of a run that was taken
 *          or made), or is forgotten here, ends the instance (LEDGER_FENCED), after all else was
 *          written.
 *          What a person decided is not written again, but for this: an item that was sent back and
 *          claimed since is sent back again, together with the claim. Where a skip was lost, a
 *          chunk with its item is not closed (the instance ends), and no outcome is lost by that.
 *          Where something was skipped since in a chunk that is claimed again, the instance ends.
 *          A run's pools are taken again; whoever has lost them to another run meanwhile ends, too.
 *          Counts for people (latencies, classes of failures, notes), slots of rates and quotas,
 *          and the breaker's moves are not written again: those that were lost stay lost.
 * Bounds:  JOURNAL_BYTES of memory at most; the oldest is forgotten first.
 * Owner:   one instance, one thread at a time.
 * Pure.
 */
#ifndef STINT_LEDGER_JOURNAL_H
#define STINT_LEDGER_JOURNAL_H

#include <stddef.h>

#include "base/attr.h"

struct journal;
struct ledger;
struct ledger_txn;

enum { JOURNAL_BYTES = 4 << 20 };

struct journal *journal_new(void);
void journal_free(struct journal *j);

/* As ledger_apply, for all transactions of the instance in their order. */
void journal_apply(struct journal *j, struct ledger *ledger, struct ledger_txn *txn);

#endif
