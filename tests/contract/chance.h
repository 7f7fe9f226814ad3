/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transactions made by chance: of every kind, with plausible parameters, some of them wrong.
 *
 * What is made depends on the seed and on what the twins hold alone, so that the same transaction
 * can be made twice.
 */
#ifndef STINT_TESTS_CONTRACT_CHANCE_H
#define STINT_TESTS_CONTRACT_CHANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger/ledger.h"

enum { ACTORS = 4, RUNS = 6, HELD_MAX = 32, LOOSE_MAX = 64 };

struct who {
	struct ledger *other; /* NULL: killed */
	int64_t inc;	      /* 0: not begun */
	uint8_t nonce[LEDGER_NONCE_BYTES];
	int64_t batch;
};

struct hold {
	int actor;
	struct ledger_chunk_row row; /* without bits */
	int32_t rev;
};

struct loose_hold {
	int actor;
	int64_t run_id;
	int64_t item;
	int32_t epoch;
};

struct twins {
	struct ledger *memory;
	struct ledger *other; /* SQLite's or PostgreSQL's; for people */
	void *server;	      /* a connection to its server; NULL: it is SQLite's */
	char directory[64];
	char url[320];
	uint64_t seed;
	utime now;
	uint8_t serial;
	struct who who[ACTORS];
	struct hold held[HELD_MAX];
	size_t n_held;
	struct loose_hold loose[LOOSE_MAX];
	size_t n_loose;
	int64_t applied;
	int64_t refused;
};

uint64_t chance_next(struct twins *t);
/* 0 … n - 1 */
int64_t chance_below(struct twins *t, int64_t n);
/* Mostly what is given, at times something else. */
int64_t chance_nearly(struct twins *t, int64_t x);
/* Adds one operation, or at times none. */
void chance_add(struct twins *t, struct ledger_txn *txn);

#endif
