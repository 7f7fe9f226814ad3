/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job's inbox: applications that put items into it at any time, and what must hold of it. A row
 * is in the inbox or in one run, whatever dies; a load takes what was there when it began, all of
 * it but what is held back, and nothing later.
 */
#ifndef STINT_TESTS_SIM_INBOX_H
#define STINT_TESTS_SIM_INBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lop_inbox_begin;
struct lop_load_put;
struct machine;
struct run_view;

struct inbox_row {
	uint32_t record;
	int64_t run_id; /* that has taken it; 0: it is in the inbox */
	int64_t put;	/* … with the so many-th batch of all */
};

struct inbox_view {
	struct inbox_row *rows; /* by id - 1 */
	size_t n_rows, cap_rows;
	size_t *last_of; /* by record: its newest row + 1, 0 none */
	uint32_t n_new;	 /* records that were put in at least once */
	int n_more;	 /* so many times more something is put in when all were */
	int64_t n_puts;
	int64_t added_us; /* boot clock: when something was put in last */
};

/* What a run has read of it. */
struct inbox_load {
	int64_t reader;	 /* inc of who reads it now, by the ledger; 0 nobody */
	bool has_put;	 /* something of it is in the run */
	bool goes_on;	 /* a reader went on behind what another had read */
	int64_t upto;	 /* the last row that there was when it began */
	uint32_t n_rows; /* that it has taken */
};

/* The night begins: things are put in from now on. */
void inbox_begin(struct machine *m);
/* Everything was, and somebody has come since then. */
bool inbox_is_read(const struct machine *m);

/* The shadow's side. */
void inbox_follow_begin(struct machine *m, int64_t inc, const struct lop_inbox_begin *op);
/* The instance reads it no more: it is a loader anew, or has left the run. */
void inbox_follow_end(struct machine *m, int64_t run_id, int64_t inc);
void inbox_follow_put(struct machine *m, struct run_view *run, const struct lop_load_put *op);
/* A step of the run is loaded. */
void inbox_check_loaded(struct machine *m, const struct run_view *run, int step);
/* What the ledger has in it is what the shadow has. */
void inbox_compare(struct machine *m);
/* Of the records that the run has taken those with the trait. */
uint32_t inbox_count(const struct machine *m, const struct run_view *run, bool wants_rejects);

#endif
