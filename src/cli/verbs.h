/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs of the command line: one row for each, known or already available.
 *
 * Promise: `stint help`, the man pages, the completions and the reading of argv are made from these
 *          rows. A verb of a later version is known, so that it is told from a typing error.
 * To add a verb: a row in VERBS_HERE, a function declared below, one file verb_NAME.c, a text in
 * verb_text.c, and a system test.
 */
#ifndef STINT_CLI_VERBS_H
#define STINT_CLI_VERBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "cli/options.h"

struct cli;
struct err;

#define VERB_CHANGES (OPTION_BIT(OPTION_DRY_RUN))
#define VERB_ASKS (VERB_CHANGES | OPTION_BIT(OPTION_YES))
#define VERB_SELECTS                                                                               \
	(OPTION_BIT(OPTION_RUN) | OPTION_BIT(OPTION_STATE) | OPTION_BIT(OPTION_PERSON) |           \
	 OPTION_BIT(OPTION_ERROR) | OPTION_BIT(OPTION_WHERE))
#define VERB_RUNS                                                                                  \
	(OPTION_BIT(OPTION_DATE) | OPTION_BIT(OPTION_SLOT) | OPTION_BIT(OPTION_PARAM) |            \
	 OPTION_BIT(OPTION_AGAIN) | OPTION_BIT(OPTION_SOURCE) | OPTION_BIT(OPTION_FIRST) |         \
	 OPTION_BIT(OPTION_WITH_NEW_FILE) | OPTION_BIT(OPTION_IGNORE_WINDOW) | VERB_CHANGES)
#define VERB_RESOLVES                                                                              \
	(OPTION_BIT(OPTION_DONE) | OPTION_BIT(OPTION_RETRY) | OPTION_BIT(OPTION_SKIP) |            \
	 OPTION_BIT(OPTION_WHY))

/* id, name, what does it, what stands behind it, one sentence, its own options. The order is that
 * of the help. */
#define VERBS_HERE(X)                                                                              \
	X(VERB_INIT, "init", verb_init, "[FILE]", "writes a small job file to start from",         \
	  OPTION_BIT(OPTION_FROM_KIND) | VERB_CHANGES)                                             \
	X(VERB_CHECK, "check", verb_check, "FILE…",                                                \
	  "reads and checks job files without touching anything outside", UINT64_C(0))             \
	X(VERB_EXPLAIN, "explain", verb_explain, "FILE",                                           \
	  "the job with every default, and in a paragraph what will happen", UINT64_C(0))          \
	X(VERB_SCHEMA, "schema", verb_schema, "", "a JSON Schema of job files, for editors",       \
	  UINT64_C(0))                                                                             \
	X(VERB_DRILL, "drill", verb_drill, "FILE",                                                 \
	  "what a kill, a lost answer, a full disk would do to the items of this job",             \
	  OPTION_BIT(OPTION_PARAM) | OPTION_BIT(OPTION_STEP))                                      \
	X(VERB_RUN, "run", verb_run, "FILE",                                                       \
	  "runs the job now, to its end, unfinished runs first", VERB_RUNS)                        \
	X(VERB_WORK, "work", verb_work, "[JOB…]", "one more instance, on this or another host",    \
	  OPTION_BIT(OPTION_STAY) | VERB_CHANGES)                                                  \
	X(VERB_STATUS, "status", verb_status, "[JOB]",                                             \
	  "what is on, what is next, what needs a person", UINT64_C(0))                            \
	X(VERB_WHY, "why", verb_why, "JOB|RUN|ITEM",                                               \
	  "why it has not started, does not move, or failed; and what to do", UINT64_C(0))         \
	X(VERB_RUNS_LIST, "runs", verb_runs, "[JOB]", "recent runs, a line each",                  \
	  OPTION_BIT(OPTION_COUNT_N) | OPTION_BIT(OPTION_COMPARE))                                 \
	X(VERB_REPORT, "report", verb_report, "[RUN]", "what happened; without RUN the latest",    \
	  OPTION_BIT(OPTION_SINCE) | OPTION_BIT(OPTION_BY) | OPTION_BIT(OPTION_FORMAT))            \
	X(VERB_FORECAST, "forecast", verb_forecast, "JOB",                                         \
	  "from past runs: how long N items will take, when the window will be outgrown, what "    \
	  "it will cost",                                                                          \
	  OPTION_BIT(OPTION_ITEMS))                                                                \
	X(VERB_ITEMS, "items", verb_items, "[SELECTION]",                                          \
	  "items with key, state, person, attempts, last error", VERB_SELECTS)                     \
	X(VERB_ATTEMPTS, "attempts", verb_attempts, "ITEM",                                        \
	  "every recorded attempt at an item: when, by whom, how long, outcome, error",            \
	  UINT64_C(0))                                                                             \
	X(VERB_LOGS, "logs", verb_logs, "RUN|ITEM", "what programs and servers said",              \
	  OPTION_BIT(OPTION_FOLLOW))                                                               \
	X(VERB_REJECTS, "rejects", verb_rejects, "RUN",                                            \
	  "malformed records as they stood, with line, column and reason",                         \
	  OPTION_BIT(OPTION_FORMAT))                                                               \
	X(VERB_RETRY, "retry", verb_retry, "SELECTION",                                            \
	  "gives dead items another chance; reopens the run",                                      \
	  VERB_SELECTS | OPTION_BIT(OPTION_NOW_WORK) | OPTION_BIT(OPTION_WHY) | VERB_ASKS)         \
	X(VERB_RESOLVE, "resolve", verb_resolve, "SELECTION",                                      \
	  "decides items in doubt; who and why is kept", VERB_SELECTS | VERB_RESOLVES | VERB_ASKS) \
	X(VERB_SKIP, "skip", verb_skip, "SELECTION", "takes items out",                            \
	  VERB_SELECTS | OPTION_BIT(OPTION_WHY) | VERB_ASKS)                                       \
	X(VERB_STOP, "stop", verb_stop, "RUN", "ends runs between items",                          \
	  OPTION_BIT(OPTION_JOB) | OPTION_BIT(OPTION_ALL) | OPTION_BIT(OPTION_NOW_STOP) |          \
		  OPTION_BIT(OPTION_WHY) | VERB_ASKS)                                              \
	X(VERB_ABANDON, "abandon", verb_abandon, "RUN",                                            \
	  "gives the rest of an unfinished run up; it is reported as such",                        \
	  OPTION_BIT(OPTION_WHY) | VERB_ASKS)                                                      \
	X(VERB_ADD, "add", verb_add, "JOB [FILE]", "puts items (JSON Lines) into a job's inbox",   \
	  OPTION_BIT(OPTION_KEY) | VERB_CHANGES)                                                   \
	X(VERB_INSTANCES, "instances", verb_instances, "",                                         \
	  "who is working, since when, on what, last heard of", UINT64_C(0))                       \
	X(VERB_GENERATE, "generate", verb_generate, "SYSTEM FILE…",                                \
	  "what another system needs to work with the job: slurm, marker",                         \
	  OPTION_BIT(OPTION_TO_DIRECTORY) | VERB_CHANGES)                                          \
	X(VERB_LEDGER, "ledger", verb_ledger, "init|upgrade|verify|info|restored",                 \
	  "makes the ledger, brings it up to date, checks every invariant, says what is in it",    \
	  OPTION_BIT(OPTION_TARGET) | VERB_ASKS)                                                   \
	X(VERB_VERSION, "version", verb_version, "",                                               \
	  "version, build, libraries and their versions", UINT64_C(0))                             \
	X(VERB_HELP, "help", verb_help, "[VERB|KEY]",                                              \
	  "how a verb is used, or what a key of a job file means", UINT64_C(0))

/* Known, not available in this version. */
#define VERBS_LATER(X)                                                                             \
	X(VERB_REHEARSE, "rehearse", NULL, "FILE", "everything that the run will need, tried now", \
	  OPTION_BIT(OPTION_SEND_TO))                                                              \
	X(VERB_NEXT, "next", NULL, "FILE", "the next starts, with a reason for each that moves",   \
	  OPTION_BIT(OPTION_COUNT_N))                                                              \
	X(VERB_BACKFILL, "backfill", NULL, "FILE",                                                 \
	  "one run for each slot in between, oldest first",                                        \
	  OPTION_BIT(OPTION_FROM_DATE) | OPTION_BIT(OPTION_TO_DATE) | VERB_CHANGES)                \
	X(VERB_SERVE, "serve", NULL, "",                                                           \
	  "the daemon: starts jobs on schedule, dashboard, API, metrics", UINT64_C(0))             \
	X(VERB_PAUSE, "pause", NULL, "JOB", "keeps a job from starting",                           \
	  OPTION_BIT(OPTION_UNTIL) | OPTION_BIT(OPTION_WHY) | VERB_CHANGES)                        \
	X(VERB_RESUME, "resume", NULL, "JOB", "lets a paused job start again", VERB_CHANGES)       \
	X(VERB_ACK, "ack", NULL, "ALERT", "someone is on it",                                      \
	  OPTION_BIT(OPTION_FOR) | VERB_CHANGES)                                                   \
	X(VERB_ARCHIVE, "archive", NULL, "[show FILE]",                                            \
	  "moves what is old enough out of the ledger; reads it back", VERB_CHANGES)               \
	X(VERB_MONITOR, "monitor", NULL, "JOB",                                                    \
	  "a Nagios/Icinga plugin: one line, perfdata, exit 0 to 3",                               \
	  OPTION_BIT(OPTION_WARN) | OPTION_BIT(OPTION_CRITICAL) | OPTION_BIT(OPTION_MAX_DEAD))

#define VERBS(X) VERBS_HERE(X) VERBS_LATER(X)

enum verb_id {
#define X(id, name, fn, words, says, options) id,
	VERBS(X)
#undef X
		VERB_COUNT_
};

/* Ends with the exit status (0 or more), or fails with `err` filled (below 0). */
typedef int (*verb_fn)(struct cli *cli, struct err *err);

struct verb {
	const char *name;
	const char *words;
	const char *says;
	uint64_t options; /* its own; the global ones come on top */
	verb_fn run;	  /* NULL: not available in this version */
};

const struct verb *verb_get(enum verb_id id);
/* NULL when there is no verb of that name. */
const struct verb *verb_find(const char *name);
/* The name of the verb that is nearest to `word`, NULL when none is near. */
const char *verb_nearest(const char *word);

int verb_init(struct cli *cli, struct err *err);
int verb_check(struct cli *cli, struct err *err);
int verb_drill(struct cli *cli, struct err *err);
int verb_explain(struct cli *cli, struct err *err);
int verb_schema(struct cli *cli, struct err *err);
int verb_run(struct cli *cli, struct err *err);
int verb_work(struct cli *cli, struct err *err);
int verb_status(struct cli *cli, struct err *err);
int verb_why(struct cli *cli, struct err *err);
int verb_runs(struct cli *cli, struct err *err);
int verb_report(struct cli *cli, struct err *err);
int verb_forecast(struct cli *cli, struct err *err);
int verb_items(struct cli *cli, struct err *err);
int verb_attempts(struct cli *cli, struct err *err);
int verb_logs(struct cli *cli, struct err *err);
int verb_rejects(struct cli *cli, struct err *err);
int verb_retry(struct cli *cli, struct err *err);
int verb_resolve(struct cli *cli, struct err *err);
int verb_skip(struct cli *cli, struct err *err);
int verb_stop(struct cli *cli, struct err *err);
int verb_abandon(struct cli *cli, struct err *err);
int verb_add(struct cli *cli, struct err *err);
int verb_instances(struct cli *cli, struct err *err);
int verb_ledger(struct cli *cli, struct err *err);
int verb_generate(struct cli *cli, struct err *err);
int verb_version(struct cli *cli, struct err *err);
int verb_help(struct cli *cli, struct err *err);

#endif
