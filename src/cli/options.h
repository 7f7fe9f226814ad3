/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of the command line: one row for each, and reading them from argv.
 *
 * Promise: help, man pages and completions are made from this table, so they cannot disagree with
 *          what is read. Two rows may have the same name when no verb has both.
 * Owner:   `struct options` lends from argv; options_done frees what it made.
 */
#ifndef STINT_CLI_OPTIONS_H
#define STINT_CLI_OPTIONS_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct buf;
struct err;

/* id, name, letter ('\0' none), what it takes (NULL: nothing), one sentence */
#define OPTIONS(X)                                                                                 \
	X(OPTION_HELP, "help", 'h', NULL, "says how it is used")                                   \
	X(OPTION_VERSION, "version", '\0', NULL, "says which version this is")                     \
	X(OPTION_QUIET, "quiet", 'q', NULL, "says only what went wrong")                           \
	X(OPTION_VERBOSE, "verbose", 'v', NULL, "says more of what is done")                       \
	X(OPTION_JSON, "json", '\0', NULL, "results as one JSON document (docs/json.md)")          \
	X(OPTION_NO_PROGRESS, "no-progress", '\0', NULL, "no progress bar and no progress lines")  \
	X(OPTION_CONFIG, "config", '\0', "FILE", "reads this configuration file and no other")     \
	X(OPTION_LEDGER, "ledger", '\0', "URL",                                                    \
	  "the ledger: sqlite:PATH, a plain path, postgres://… or env:NAME")                       \
	X(OPTION_VOLATILE, "volatile", '\0', NULL,                                                 \
	  "allows a ledger on a file system that is gone after a restart")                         \
	X(OPTION_DRY_RUN, "dry-run", 'n', NULL, "says what would be done, and does nothing")       \
	X(OPTION_YES, "yes", 'y', NULL, "does not ask")                                            \
	X(OPTION_FROM_KIND, "from", '\0', "KIND",                                                  \
	  "what the items come from: csv, json, postgres, files and others")                       \
	X(OPTION_FROM_DATE, "from", '\0', "DATE", "the first slot")                                \
	X(OPTION_TO_DATE, "to", '\0', "DATE", "the last slot")                                     \
	X(OPTION_TO_DIRECTORY, "to", '\0', "DIR", "writes files there instead of printing")        \
	X(OPTION_DATE, "date", '\0', "DATE",                                                       \
	  "only the run of that day: 2026-11-23, today or yesterday")                              \
	X(OPTION_SLOT, "slot", '\0', "TIME", "only the run of that slot: 2026-03-29T01:30+01:00")  \
	X(OPTION_PARAM, "param", '\0', "NAME=VALUE", "a parameter of the job; may be repeated")    \
	X(OPTION_STEP, "step", '\0', "STEP", "lets it go wrong in this step of the job")           \
	X(OPTION_AGAIN, "again", '\0', NULL, "makes a further run of a slot that has finished")    \
	X(OPTION_SOURCE, "source", '\0', "PATH", "reads this instead of what the job names")       \
	X(OPTION_FIRST, "first", '\0', "COUNT", "only so many items; then the run is finished")    \
	X(OPTION_WITH_NEW_FILE, "with-new-file", '\0', NULL,                                       \
	  "goes on with the job file as it is now; shows the difference")                          \
	X(OPTION_IGNORE_WINDOW, "ignore-window", '\0', NULL,                                       \
	  "starts, and goes on, past the window")                                                  \
	X(OPTION_COUNT_N, "count", 'N', "COUNT", "how many")                                       \
	X(OPTION_COMPARE, "compare", '\0', NULL,                                                   \
	  "beside each run what differs from the one before")                                      \
	X(OPTION_SINCE, "since", '\0', "TIME",                                                     \
	  "all runs since then: 2026-11-23, today, yesterday, or a time such as 36h ago: 36h")     \
	X(OPTION_BY, "by", '\0', "WHAT", "a table by hour, instance, position, error or person")   \
	X(OPTION_FORMAT, "format", '\0', "FORMAT", "text, json or csv")                            \
	X(OPTION_RUN, "run", '\0', "RUN", "items of this run")                                     \
	X(OPTION_STATE, "state", '\0', "STATE",                                                    \
	  "items in this state: waiting, running, done, skipped, retry, in_doubt or dead")         \
	X(OPTION_PERSON, "person", '\0', "PERSON", "items for this person")                        \
	X(OPTION_ERROR, "error", '\0', "FINGERPRINT", "items whose last error has this shape")     \
	X(OPTION_WHERE, "where", '\0', "EXPR", "items of which this holds (not in this version)")  \
	X(OPTION_FOLLOW, "follow", 'f', NULL, "goes on as more is said (not in this version)")     \
	X(OPTION_NOW_WORK, "now", '\0', NULL, "works the items here, at once")                     \
	X(OPTION_NOW_STOP, "now", '\0', NULL, "ends attempts too, not only between items")         \
	X(OPTION_DONE, "done", '\0', NULL, "they took effect")                                     \
	X(OPTION_RETRY, "retry", '\0', NULL, "they did not: do them again, with the same key")     \
	X(OPTION_SKIP, "skip", '\0', NULL, "neither: they are taken out")                          \
	X(OPTION_WHY, "why", '\0', "TEXT", "the reason; it is kept with your name")                \
	X(OPTION_JOB, "job", '\0', "JOB", "every run of this job")                                 \
	X(OPTION_ALL, "all", '\0', NULL, "every run of the ledger")                                \
	X(OPTION_TARGET, "target", '\0', "URL", "the marker table of this database")               \
	X(OPTION_SEND_TO, "send-to", '\0', "ADDRESS", "where a rehearsal sends")                   \
	X(OPTION_STAY, "stay", '\0', NULL, "waits for more runs instead of ending")                \
	X(OPTION_UNTIL, "until", '\0', "TIME", "until then")                                       \
	X(OPTION_FOR, "for", '\0', "DURATION", "for so long")                                      \
	X(OPTION_KEY, "key", '\0', "KEY", "the key of the item")                                   \
	X(OPTION_WARN, "warning", 'w', "DURATION", "warning when older")                           \
	X(OPTION_CRITICAL, "critical", 'c', "DURATION", "critical when older")                     \
	X(OPTION_ITEMS, "items", '\0', "COUNT", "for so many items")                               \
	X(OPTION_MAX_DEAD, "max-dead", '\0', "COUNT", "critical when more are dead")

enum option_id {
#define X(id, name, letter, argument, says) id,
	OPTIONS(X)
#undef X
		OPTION_COUNT_
};

static_assert(OPTION_COUNT_ <= 64, "a set of options is a uint64_t");

#define OPTION_BIT(id) (UINT64_C(1) << (id))

/* Every verb has these. */
#define OPTIONS_GLOBAL                                                                             \
	(OPTION_BIT(OPTION_HELP) | OPTION_BIT(OPTION_VERSION) | OPTION_BIT(OPTION_QUIET) |         \
	 OPTION_BIT(OPTION_VERBOSE) | OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_NO_PROGRESS) |   \
	 OPTION_BIT(OPTION_CONFIG) | OPTION_BIT(OPTION_LEDGER) | OPTION_BIT(OPTION_VOLATILE))

struct option_row {
	const char *name;
	char letter;
	const char *argument;
	const char *says;
};

const struct option_row *option_get(enum option_id id);

struct options {
	bool is_given[OPTION_COUNT_];
	const char *value[OPTION_COUNT_]; /* the last one given, NULL none */
	const char **params;		  /* every --param, in order */
	size_t n_params;
	const char **words; /* what is no option, in order */
	size_t n_words;
};

/* What to read: argv[1] … with options out of `allowed`. `verb` is for messages, NULL before there
 * is one; then reading ends before the first word, and `*ret_next` is its index (argc when there is
 * none). */
struct options_input {
	int argc;
	char **argv; /* is put in another order: hand in a copy */
	uint64_t allowed;
	const char *verb;
};

/* Adds to what `o` holds already. ERR_USAGE names the nearest option. Not thread-safe (getopt). */
ST_MUST_CHECK int options_parse(struct options *o, const struct options_input *input, int *ret_next,
				struct err *err);
void options_done(struct options *o);

/* The option's value as a whole number within bounds; `fallback` when it was not given. */
struct option_range {
	int64_t min;
	int64_t max;
	int64_t fallback;
};
ST_MUST_CHECK int options_number(const struct options *o, enum option_id id,
				 const struct option_range *range, int64_t *ret_value,
				 struct err *err);
/* The index in `words` (NULL-terminated) of the option's value; `fallback` when it was not given.
 */
ST_MUST_CHECK int options_word(const struct options *o, enum option_id id, const char *const *words,
			       int fallback, int *ret_index, struct err *err);

/* "-n, --dry-run" or "    --from KIND": how an option is shown. */
void option_put_form(enum option_id id, struct buf *out);

#endif
