/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a ledger backend must do. Included by ledger.c and the backends only.
 *
 * The front (ledger.c) checks calls and picks the backend by URL; backends are dumb. A backend
 * keeps its state behind a struct that begins with `struct ledger`.
 */
#ifndef STINT_LEDGER_BACKEND_H
#define STINT_LEDGER_BACKEND_H

#include "ledger/ledger.h"

enum { LEDGER_MAGIC = 0x5714c0de };

struct ledger_backend {
	const char *name;
	int (*open)(const char *path, unsigned flags, struct ledger **ret_ledger, struct err *err);
	void (*close)(struct ledger *ledger);
	void (*apply)(struct ledger *ledger, struct ledger_txn *txn);
	int (*select)(struct ledger *ledger, const char *sql, const struct ledger_param *params,
		      size_t n, ledger_row_fn fn, void *arg, struct err *err);
	int (*walk)(struct ledger *ledger, const struct ledger_visitor *visitor, struct err *err);
	/* The storage's own check (integrity_check, body hashes); findings go to fn. */
	int (*check_storage)(struct ledger *ledger, ledger_finding_fn fn, void *arg,
			     int64_t *ret_findings, struct err *err);
	int (*upgrade)(struct ledger *ledger, int *ret_from, int *ret_to, struct err *err);
	int (*restored)(struct ledger *ledger, utime now, int64_t *ret_doubtful, struct err *err);
	/* Where instances beat (ledger.has_beats); NULL in backends that never have beats. */
	struct ledger_pulse *(*pulse_new)(struct ledger *ledger);
	void (*pulse_free)(struct ledger_pulse *pulse);
	enum ledger_status (*pulse_beat)(struct ledger_pulse *pulse, int64_t inc,
					 const uint8_t nonce[LEDGER_NONCE_BYTES], struct err *err);
};

struct ledger {
	uint32_t magic;
	const struct ledger_backend *backend;
	char *url;
	uint8_t uuid[LEDGER_UUID_BYTES];
	int schema_version;
	bool read_only;
	bool has_beats; /* set by open */
	bool may_lose_commits;
	char not_checked[128]; /* by the last check_storage: why not all of it; "": all was */
};

/* A row of a result, as its backend reads it. A backend's own begins with it. */
struct ledger_row_face {
	const char *(*text)(const struct ledger_row *row, int column, size_t *ret_len);
	int64_t (*number)(const struct ledger_row *row, int column);
	double (*real)(const struct ledger_row *row, int column);
	bool (*is_null)(const struct ledger_row *row, int column);
	int (*columns)(const struct ledger_row *row);
	const char *(*name)(const struct ledger_row *row, int column);
};

struct ledger_row {
	const struct ledger_row_face *face;
};

/* A backend's own begins with it. */
struct ledger_pulse {
	struct ledger *ledger;
};

extern const struct ledger_backend ledger_sqlite;
extern const struct ledger_backend ledger_memory;
extern const struct ledger_backend ledger_postgres;

#endif
