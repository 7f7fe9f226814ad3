/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory ledger: the same promises as the SQLite one, but for durability, in plain structs. It
 * is the ledger of the simulation.
 *
 * Promise: no I/O, no clock, no randomness: what it does depends on its calls alone. A transaction
 * is
 *          undone from a log of what it changed: every change is announced by mem_touch().
 * Owner:   everything lives in one arena that only grows until the ledger is closed.
 */
#ifndef STINT_LEDGER_MEMORY_MEMORY_H
#define STINT_LEDGER_MEMORY_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "ledger/backend.h"
#include "ledger/rules.h"

struct mem_list {
	void **at;
	size_t n;
	size_t cap;
};

struct mem_instance {
	struct ledger_instance_row row; /* without lanes */
	struct mem_list lanes;		/* struct ledger_lane_row */
	int64_t batch;
	int64_t reaped_by;
	bool is_killed; /* its lock is free */
};

struct mem_loose;

struct mem_chunk {
	int64_t id;
	int64_t run_id;
	int32_t step;
	int64_t first_item;
	uint32_t n;
	enum chunk_state state;
	int64_t owner;
	int64_t token; /* of the claim, so that a re-sent batch finds it */
	int64_t claimed_ms;
	int32_t epoch;
	int32_t crashes;
	int32_t rev;
	bool tell;
	uint8_t *started;
	uint8_t *done;
	uint8_t *told;
	const void *body;
	size_t body_len;
	uint64_t body_hash;
	const char *keys;
	const char *sums;
	struct mem_loose **loose; /* by item - first_item; NULL while none has left */
	const char **kept;	  /* likewise, by attempts; NULL while nothing was */
};

struct mem_loose {
	struct mem_chunk *chunk;
	int64_t run_id;
	int64_t item;
	const char *key;
	const char *person;
	enum loose_state state;
	int32_t attempt;
	int32_t crashes;
	int32_t redo;
	int32_t epoch;
	int64_t owner;
	int64_t token;
	int64_t first_started_ms;
	bool was_begun;
	int64_t not_before_ms;
	int64_t quiet_until_ms;
	int32_t nos;
	int32_t tries;
	int64_t spent_us;
	uint64_t request;
	int32_t unclear;
	const char *err_class;
	const char *err;
	const char *fingerprint;
};

struct mem_step {
	struct ledger_step_row row;
	int64_t loader;
	int32_t loader_epoch;
	const void *cursor;
	size_t cursor_len;
	int32_t inbox_epoch; /* in which it last read an inbox; 0: never */
};

struct mem_inbox {
	struct ledger_inbox_row row;
	const char *job;
};

struct mem_ending {
	enum ledger_ending kind;
	int32_t step; /* 0: of the run */
	bool is_done;
	int64_t owner;
	int32_t epoch;
	int32_t tries;
	int64_t not_before_ms;
	const char *err;
	const char *result;
};

struct mem_run {
	struct ledger_run_row row; /* without steps, and what is the step's */
	struct mem_list steps;	   /* struct mem_step */
	const char *sums;
	struct mem_list chunks;	  /* struct mem_chunk, by first_item */
	struct mem_list loose;	  /* struct mem_loose, as they came */
	struct mem_list joined;	  /* struct mem_instance */
	struct mem_list contents; /* struct mem_content */
	struct mem_list endings;  /* struct mem_ending */
	struct ledger_effort effort;
	struct mem_list latency;  /* struct mem_latency, as they came */
	struct mem_list failures; /* struct mem_failure */
	int64_t made_by;	  /* instance and batch */
	int64_t made_in;
	size_t first_ready; /* no chunk before this one is ready */
};

struct mem_content {
	const uint8_t *digest;
	size_t len;
};

/* Bytes are kept as they came and merged by who asks. */
struct mem_latency {
	struct ledger_latency_row names;
	const void *data;
	size_t len;
};

struct mem_failure {
	int64_t inc;
	struct ledger_failure_row row;
};

struct mem_request {
	struct ledger_request_row row;
	int64_t inc; /* whom it is for; 0: whoever holds the item */
	bool is_obeyed;
};

struct mem_breaker {
	const char *endpoint;
	struct breaker_row row;
};

struct mem_seen { /* a key that was done once */
	const char *job;
	const char *key;
	int64_t at_ms;
};

struct mem_seen_table { /* open addressing */
	struct mem_seen **at;
	size_t n;
	size_t cap;
};

struct mem_rate {
	const char *name;
	const char *boot_id;
	int64_t last_ns;
	int64_t taken_by; /* who took last, where in its batches, and what it was given */
	int64_t token;
	int64_t first_ns;
	uint32_t n;
};

struct mem_quota {
	const char *name;
	struct rule_quota is;
	int64_t taken_by; /* as above */
	int64_t token;
	int64_t n;
};

struct mem_pool_hold {
	const char *name;
	const struct mem_run *run;
	int64_t units;
};

struct mem_undo {
	struct mem_undo *previous;
	void *where;
	size_t size;
	/* the bytes as they were follow */
};

enum { MEMORY_MAGIC = 0x6d3e0a11 };

struct memory {
	struct ledger base;
	uint32_t magic;
	struct arena arena;
	struct arena scratch; /* the log of the transaction under way */
	struct mem_undo *undo;
	bool remembers;	       /* it reaches back to before transactions that may be lost … */
	struct mem_undo *safe; /* … of which the last ends here */
	void (*on_redo)(void *arg, struct ledger_txn *txn);
	void *redo_arg;
	struct mem_list instances; /* struct mem_instance, by inc - 1 */
	struct mem_list runs;	   /* struct mem_run, by id - 1 */
	struct mem_list chunks;	   /* struct mem_chunk, by id - 1; NULL: removed */
	struct mem_list requests;  /* struct mem_request, by id - 1 */
	struct mem_list breakers;  /* struct mem_breaker */
	struct mem_seen_table seen;
	struct mem_list rates;	/* struct mem_rate */
	struct mem_list quotas; /* struct mem_quota */
	struct mem_list pools;	/* struct mem_pool_hold, as they came */
	struct mem_list inbox;	/* struct mem_inbox, by id */
	int64_t last_inbox;
	bool is_replay; /* the batch was applied before: only results are asked for */
};

/* What an operation answers: 0, or LEDGER_LOST with words in txn->err. */
typedef int (*mem_op_fn)(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);

/* ---- memory.c: the store ---- */

struct memory *mem_of(struct ledger *ledger);

/* Before anything at `where` is changed. */
void mem_touch(struct memory *m, void *where, size_t size);
#define MEM_TOUCH(m, object) mem_touch((m), (object), sizeof(*(object)))

/* Forgets the log: what was changed stays. */
void mem_commit(struct memory *m);

void mem_list_push(struct memory *m, struct mem_list *list, void *item);
void mem_list_insert(struct memory *m, struct mem_list *list, size_t place, void *item);
void mem_list_remove(struct memory *m, struct mem_list *list, const void *item);

/* A copy in the ledger's arena; NULL gives "". */
const char *mem_text(struct memory *m, const char *s);
/* As mem_text, but NULL stays NULL. */
const char *mem_text_or_null(struct memory *m, const char *s);

struct mem_instance *mem_instance_find(struct memory *m, int64_t inc);
struct mem_run *mem_run_find(struct memory *m, int64_t id);
struct mem_chunk *mem_chunk_find(struct memory *m, int64_t id);
/* The chunk that an item belongs to, or NULL. */
struct mem_chunk *mem_chunk_of(const struct mem_run *run, int64_t item);
struct mem_loose *mem_loose_find(const struct mem_chunk *chunk, int64_t item);
/* Live or stopping, and its process is there. */
bool mem_instance_works(const struct memory *m, const struct mem_instance *instance);

/* Fills txn->err and answers LEDGER_LOST. */
int mem_lost(struct ledger_txn *txn, const char *fmt, ...) ST_PRINTF(2, 3);

/* ---- rows.c: copies for the caller, in the transaction's arena ---- */

void mem_put_run(struct arena *a, const struct mem_run *run, struct ledger_run_row *ret_row);
void mem_put_instance(const struct memory *m, struct arena *a, const struct mem_instance *i,
		      struct ledger_instance_row *ret_row);
void mem_put_chunk(struct arena *a, const struct mem_chunk *c, bool with_body,
		   struct ledger_chunk_row *ret_row);
void mem_put_loose(struct arena *a, const struct mem_loose *l, struct ledger_loose_row *ret_row);
/* `step` 0: of all steps. */
void mem_count(const struct mem_run *run, int32_t step, int64_t inc,
	       struct ledger_counts *ret_counts);
/* No chunk of the step open, no loose row that anything still happens to. */
bool mem_step_is_empty(const struct mem_run *run, int32_t step);
/* NULL when there is none. */
struct mem_step *mem_step_find(const struct mem_run *run, int32_t step);
/* The one that the run is at. */
struct mem_step *mem_step_now(const struct mem_run *run);
/* What this instance loads of the run, it loads no more; 0: nobody does. */
void mem_run_unloaded(struct memory *m, const struct mem_run *run, int64_t inc);

/* ---- seen.c ---- */

/* What keys of a step are done under: those of the first step have the job's name. */
const char *mem_seen_name(struct memory *m, const char *job, int32_t step);
void mem_seen_put(struct memory *m, const char *job, const char *key, int64_t at_ms);
/* NULL when it was never done. */
const struct mem_seen *mem_seen_find(const struct memory *m, const char *job, const char *key);

/* ---- shared between the operations ---- */

/* A held chunk becomes ready, or closed when nothing is left to do in it. chunk.c */
void mem_chunk_free(struct memory *m, struct mem_chunk *chunk);
/* A new loose row in its chunk's table, zeroed but for its place. loose.c */
struct mem_loose *mem_loose_add(struct memory *m, struct mem_chunk *chunk, int64_t item);
/* Requests for items that nobody holds any more are obeyed at once. person.c */
void mem_requests_settle(struct memory *m, struct mem_run *run, int64_t now_ms);
/* Requests of a run that is over, or to an instance that is gone (`inc` not 0), lapse. person.c */
void mem_requests_lapse(struct memory *m, int64_t run_id, int64_t inc);
void mem_request_add(struct memory *m, const struct ledger_request_row *row, int64_t inc);

/* The instance probes no endpoint any more. breaker.c */
void mem_breakers_release(struct memory *m, int64_t inc);

/* What the instance has taken of the run's ends is anybody's again, from then on. ending.c */
void mem_endings_free(struct memory *m, const struct mem_run *run, int64_t inc,
		      int64_t not_before_ms);
/* After a person has changed items of the step: its end, and the run's, are done again. ending.c */
void mem_endings_reopen(struct memory *m, const struct mem_run *run, int32_t step);
/* Those of `endings` that are not done. ending.c */
uint32_t mem_endings_missing(const struct mem_run *run, int32_t step, uint32_t endings);

/* ---- one function for each operation ---- */

int mem_instance_begin(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_instance_list(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_instance_quarantine(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_instance_stopping(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_instance_end(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_lane_put(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_lane_drop(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_reap(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_run_list(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_run_create(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_run_join(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_run_company(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_run_leave(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_run_end(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_run_finish(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_run_counts(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_load_take(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_load_put(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_load_open(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_keys_find(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_content_find(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_chunk_claim(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_chunk_progress(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_give_back(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_loose_put(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_loose_claim(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_loose_settle(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_doubt_resolve(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_attempt_put(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_rollup_add(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_latency_add(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_failure_add(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_run_stats(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_run_note(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_request_list(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_request_obey(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_untold_list(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_told_put(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_ended_list(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_ended_told(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_ending_take(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_ending_put(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_cursor_find(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_step_items(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_inbox_add(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_inbox_begin(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_inbox_read(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
/* What of an inbox was taken into a run leaves it. */
int mem_inbox_take(struct memory *m, struct ledger_txn *txn,
		   const struct ledger_inbox_taken *taken);
int mem_rate_take(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_quota_take(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_pools_take(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_person(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_breaker_get(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_breaker_put(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);
int mem_endpoint_put(struct memory *m, struct ledger_txn *txn, struct ledger_op *op);

/* ---- walk.c: the rest of the backend ---- */

int mem_walk(struct ledger *ledger, const struct ledger_visitor *visitor, struct err *err);
int mem_check_storage(struct ledger *ledger, ledger_finding_fn fn, void *arg, int64_t *ret_findings,
		      struct err *err);
int mem_restored(struct ledger *ledger, utime now, int64_t *ret_doubtful, struct err *err);

#endif
