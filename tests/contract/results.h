/* SPDX-License-Identifier: Apache-2.0 */
/* The results of a transaction as text, so that those of two ledgers can be compared. */
#ifndef STINT_TESTS_CONTRACT_RESULTS_H
#define STINT_TESTS_CONTRACT_RESULTS_H

#include "base/buf.h"
#include "ledger/txn.h"

void results_put(struct buf *out, const struct ledger_txn *txn);

#endif
