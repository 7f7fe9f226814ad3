/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A work with one item, for tests: made from the `work:` part of a job file, run until the outcome
 * comes.
 */
#ifndef STINT_TESTS_UNIT_WORK_PROBE_H
#define STINT_TESTS_UNIT_WORK_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "job/item.h"
#include "work/work.h"

struct loop;
struct loop_timer;
struct job;

/* The fields of the item, in this order; `secret` is sensitive, `total` is decimal?, `n_1` an
 * integer. */
enum { FIELD_ID, FIELD_SECRET, FIELD_TOTAL, FIELD_N, FIELDS };

struct probe {
	struct loop *loop;
	struct job *job;
	struct work *work;
	struct template_run run;
	struct value values[FIELDS];
	struct item item;
	struct lane_slot *slots;
	bool is_probe;	  /* attempts ask whether the item took effect */
	int begun_before; /* slots[ticket].begun as it was when `done` was called */
	/* the outcome */
	int n_done;
	uint32_t ticket;
	int outcome;
	bool cancelled;
	bool output_cut;
	int64_t began_at;
	int64_t took_us;
	char err_class[64];
	char err[1024];
	char output[256 * 1024];
	size_t output_len;
	int stop_at; /* the loop stops when so many are done */
};

/* `work` is YAML, indented by two, what stands below `work:`. `directory`: of the job; NULL for
 * "/". */
void probe_open(struct probe *p, const char *work, const char *directory);
/* The same for a job that may be wrong. */
int probe_try(struct probe *p, const char *work, const char *directory, struct err *err);
void probe_close(struct probe *p);

void probe_set(struct probe *p, int field, const char *text, size_t len);
void probe_start(struct probe *p, uint32_t ticket);
/* Runs the loop until `n` outcomes have come since the probe was opened. */
void probe_wait(struct probe *p, int n);
/* probe_open, one attempt, its outcome; then probe_close is the caller's. */
void probe_run(struct probe *p, const char *work);

#endif
