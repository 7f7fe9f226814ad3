/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person does to items: retry, resolve, skip. Counts what is selected, asks, does it batch
 * by batch, and says what was done.
 *
 * Promise: each batch is one transaction with its audit rows; a call that breaks off has done whole
 *          batches, and the same call does the rest. Memory is bounded but for a line per run.
 * Owner:   person_open fills, person_done frees, whatever happened in between.
 */
#ifndef STINT_CLI_PERSON_H
#define STINT_CLI_PERSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "cli/selection.h"
#include "ledger/txn.h"

struct cli;
struct err;
struct json_writer;
struct ledger;

/* A verb on items, in words. */
struct person_words {
	const char *schema; /* stint.retry.1 */
	const char *takes;  /* "only items that are dead can be tried again" */
	const char *will;   /* "will be tried again": the question */
	const char *would;  /* "would be tried again" */
	const char *one;    /* "is skipped": what was done to one, and to many */
	const char *many;
	struct selection_wish wish;
};

struct person_sum {
	int64_t changed;
	int64_t requested;
	int64_t refused;
};

/* What came of it in one run. */
struct person_run {
	int64_t id;
	const char *name;
	struct person_sum sum;
	int exit_status; /* retry --now: of its work; -1: it was not worked */
};

/* Two handles: the views want a reader (SQLite lets no writer run what a file's schema calls). */
struct person_ledger {
	struct ledger *reader;
	struct ledger *writer; /* NULL with --dry-run */
};

enum { PERSON_EXAMPLES = 5, PERSON_EXAMPLE_MAX = 96 };

struct person {
	struct cli *cli;
	enum person_verb verb;
	const struct person_words *words;
	const char *why; /* "" none */
	struct person_ledger ledger;
	struct selection *selection;
	struct arena arena;
	struct person_run *runs;
	size_t n_runs;
	struct person_sum sum;
	bool is_held; /* some were refused because somebody has them in hand */
	char examples[PERSON_EXAMPLES][PERSON_EXAMPLE_MAX]; /* of named items that were refused */
	size_t n_examples;
};

/* What --why says, "" without it. ERR_USAGE when it is wanted and not there, or has no words. */
ST_MUST_CHECK int person_why(const struct cli *cli, bool is_wanted, const char **ret_why,
			     struct err *err);
/* Opens the ledger, for reading only with --dry-run. ERR_DATA where there is none. */
ST_MUST_CHECK int person_ledger_open(struct person_ledger *ledger, const struct cli *cli,
				     struct err *err);
void person_ledger_close(struct person_ledger *ledger);
void person_ledger_auto(struct person_ledger *ledger);
/* Sends one LOP_PERSON, as user@host and at the present time, and gives it back with its results.
 */
ST_MUST_CHECK int person_send(struct person_ledger *ledger, const struct lop_person *wish,
			      struct lop_person *ret_done, struct err *err);

/* `cli`, `verb`, `words` and `why` are set; fills the rest. */
ST_MUST_CHECK int person_open(struct person *p, struct err *err);
/* Only counts: fills runs and sums. */
ST_MUST_CHECK int person_count(struct person *p, struct err *err);
/* Asks where somebody is to be asked, and does it (with --dry-run: counts). PERSON_NO: the answer
 * was no. */
enum person_condition { PERSON_NO = 1 };
ST_MUST_CHECK int person_do(struct person *p, struct err *err);
/* Says what was done, as text. */
void person_put(const struct person *p);
/* Says it as the members of a JSON document: dry_run, changed, requested, refused, runs. */
void person_put_json(const struct person *p, struct json_writer *w);
/* The exit status for what was done. */
int person_exit(const struct person *p);
void person_done(struct person *p);

/* All of it: opens, does, says, closes. The exit status. */
ST_MUST_CHECK int person_act(struct person *p, struct err *err);

#endif
