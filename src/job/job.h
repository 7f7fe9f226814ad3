/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job: what a job file says, checked and with every default filled in.
 *
 * Promise: a `struct job` exists only when the whole file was right. Every key of the job file is
 *          in the schema table (job/schema.h); a key whose function is not built yet was refused.
 * Owner:   job_load/job_parse give, job_free frees; never changed afterwards.
 */
#ifndef STINT_JOB_JOB_H
#define STINT_JOB_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/decimal.h"
#include "job/field.h"
#include "job/http.h"
#include "job/output.h"
#include "job/status.h"
#include "job/target.h"

struct buf;
struct err;
struct job_constant;
struct template;

enum job_once_per { JOB_ONCE_PER_SLOT, JOB_ONCE_PER_DAY, JOB_ONCE_PER_START, JOB_ONCE_PER_COUNT_ };
enum job_carry_over { JOB_RESUME_FIRST, JOB_LEAVE, JOB_ABANDON, JOB_CARRY_OVER_COUNT_ };
enum job_overlap {
	JOB_OVERLAP_SKIP,
	JOB_OVERLAP_QUEUE,
	JOB_OVERLAP_STOP_PREVIOUS,
	JOB_OVERLAP_COUNT_
};
enum job_effect { JOB_IDEMPOTENT, JOB_ONCE, JOB_TRANSACTIONAL, JOB_EFFECT_COUNT_ };
enum job_doubt { JOB_DOUBT_ASK, JOB_DOUBT_RETRY, JOB_DOUBT_SKIP, JOB_DOUBT_COUNT_ };
enum job_empty { JOB_EMPTY_OK, JOB_EMPTY_WARN, JOB_EMPTY_FAIL, JOB_EMPTY_COUNT_ };
enum job_missing { JOB_MISSING_FAIL, JOB_MISSING_WAIT, JOB_MISSING_OK, JOB_MISSING_COUNT_ };
enum job_malformed { JOB_MALFORMED_REJECT, JOB_MALFORMED_FAIL, JOB_MALFORMED_COUNT_ };
/* The lists of statuses and tests that go before what answers mean by themselves. */
#define JOB_WHENS(X)                                                                               \
	X(JOB_DONE_WHEN, "done_when")                                                              \
	X(JOB_RETRY_WHEN, "retry_when")                                                            \
	X(JOB_DEAD_WHEN, "dead_when")                                                              \
	X(JOB_DOUBT_WHEN, "doubt_when")

enum job_when {
#define X(id, name) id,
	JOB_WHENS(X)
#undef X
		JOB_WHEN_COUNT_
};

enum job_unique {
	JOB_UNIQUE_NONE,
	JOB_UNIQUE_RUN,
	JOB_UNIQUE_JOB,
	JOB_UNIQUE_WITHIN,
	JOB_UNIQUE_COUNT_
};
enum job_then { JOB_THEN_KEEP, JOB_THEN_MOVE, JOB_THEN_DELETE, JOB_THEN_COUNT_ };
enum job_cursor_from { JOB_FROM_START, JOB_FROM_LAST_RUN, JOB_FROM_COUNT_ };
enum job_jitter { JOB_JITTER_FULL, JOB_JITTER_EQUAL, JOB_JITTER_NONE, JOB_JITTER_COUNT_ };
enum job_encoding { JOB_UTF8, JOB_LATIN1, JOB_WINDOWS_1252, JOB_ENCODING_COUNT_ };

/* Kinds of sources and work that this version can run; the schema knows the others by name. */
enum source_kind {
	SOURCE_NONE,
	SOURCE_CSV,
	SOURCE_JSONL,
	SOURCE_JSON,
	SOURCE_XML,
	SOURCE_FIXED,
	SOURCE_FILES,
	SOURCE_STDIN,
	SOURCE_POSTGRES,
	SOURCE_SQLITE,
	SOURCE_STEP,
	SOURCE_INBOX,
	SOURCE_KIND_COUNT_
};
enum job_take { JOB_TAKE_DONE, JOB_TAKE_DEAD, JOB_TAKE_SKIPPED, JOB_TAKE_COUNT_ };
enum stdin_format { STDIN_CSV, STDIN_JSONL, STDIN_LINES, STDIN_FORMAT_COUNT_ };
enum work_kind {
	WORK_EXEC,
	WORK_NOOP,
	WORK_HTTP,
	WORK_LUA,
	WORK_SQL,
	WORK_TABLE,
	WORK_FILE,
	WORK_KIND_COUNT_
};
enum exec_input {
	EXEC_INPUT_JSON,
	EXEC_INPUT_CSV,
	EXEC_INPUT_NONE,
	EXEC_INPUT_TEMPLATE,
	EXEC_INPUT_COUNT_
};
enum exec_mode { EXEC_EACH, EXEC_STREAM, EXEC_MODE_COUNT_ };

/* Where in the job file something begins, for messages. */
struct job_place {
	int line;
	int column;
};

struct job_param {
	char *name;
	struct field field; /* its type */
	char *fallback;	    /* the default as text, NULL: must be given */
	bool identity;	    /* part of the run's name */
};

/* A reference to a secret: env:NAME, file:PATH, credential:NAME. Never the value. */
struct job_secret {
	char *name;
	char *reference;
};

struct job_column {
	char *name;
	int column; /* from 1; of a line: its first character */
	int len;    /* of a line: how many characters; else 0 */
};

enum { FIXED_LINE_MAX = 1000000 };

struct job_span { /* a column of a line, in characters from 1 */
	char *name;
	int start;
	int len;
};

struct job_limit { /* a count, or a share of the whole */
	bool is_set;
	bool is_ratio;
	int64_t count;
	double ratio;
};

struct job_rate { /* so many in such a time; 0: none */
	int64_t n;
	int64_t per_us;
};

enum { JOB_RATE_RULES_MAX = 16 };

struct job_rate_rule {
	struct job_rate limit;
	int from_minute; /* of the day; the same as to_minute: all day */
	int to_minute;
};

struct job_rates { /* the lowest that applies */
	struct job_rate_rule rule[JOB_RATE_RULES_MAX];
	size_t n;
};

enum job_per { JOB_PER_HOUR, JOB_PER_DAY, JOB_PER_MONTH, JOB_PER_COUNT_ };
enum job_used_up { JOB_USED_UP_STOP, JOB_USED_UP_WAIT, JOB_USED_UP_COUNT_ };

struct job_quota {
	char *name; /* NULL: there is none */
	int64_t limit;
	enum job_per per;
	int resets_minute; /* of the day */
	char *time_zone;   /* as written, NULL: the machine's … */
	struct zone *zone; /* … and what it means */
	int64_t reserve;
	char *remaining_header; /* NULL: none */
	enum job_used_up when_used_up;
};

struct job_retry {
	int attempts; /* in all, at least 1 */
	int64_t first_us;
	double factor;
	int64_t max_us;
	enum job_jitter jitter;
	int64_t within_run_us;
};

struct job_breaker {
	int64_t window_us;
	int64_t at_least;
	double failures;
	int64_t open_for_us;
	int64_t open_max_us;
	int64_t give_up_after_us;
};

enum { JOB_TOTALS_MAX = 16, JOB_STEPS_MAX = 64 };
enum job_go_on { JOB_GO_ON_DONE, JOB_GO_ON_FAILURES, JOB_GO_ON_COUNT_ };

struct job_control {	/* a total that the source's trailer or a parameter states */
	char *field;	/* NULL: the count of records */
	char *expected; /* a template over trailer and parameters */
};

struct job_max_age {
	char *field; /* a date or a timestamp; NULL: any age will do */
	int64_t limit_us;
};

/* Rows of a query. */
struct job_database {
	char *url;    /* or where it is: env:NAME, file:PATH, credential:NAME */
	char *query;  /* with ${cursor} and ${page_size} */
	char *cursor; /* the column that pages go by */
	size_t cursor_field;
	enum job_cursor_from cursor_from;
	char *on_done; /* said for each item that ended so; NULL: nothing is */
	char *on_dead;
};

/* What an earlier step keeps of its answers under that name is a field here. */
struct job_kept {
	int step;
	char *name;
	size_t field;
};

struct job_source {
	enum source_kind kind;
	char *step; /* the earlier step whose items these are, with its fields first … */
	int of_step;
	enum job_take take;    /* … those that ended so … */
	struct job_kept *kept; /* … and what it, and those that it has its items from, kept */
	size_t n_kept;
	struct job_database database; /* postgres, sqlite */
	int64_t page;		      /* rows of one */
	struct job_rate rate;	      /* of pages, of batches of files; n 0: none */
	enum stdin_format format;     /* stdin only */
	char *path; /* files: as written, may hold globs; relative: to the job file */
	bool header;
	char delimiter;
	char quote; /* '\0': no quoting */
	enum job_encoding encoding;
	int64_t skip_first;	/* lines before the header */
	char *trailer_when;	/* a pattern that the trailer's line matches, or NULL */
	char *element;		/* xml: the name; json: the pointer to the list */
	struct job_span *spans; /* fixed: the columns of a line */
	size_t n_spans;
	struct job_column *trailer_columns;
	size_t n_trailer_columns;
	enum job_missing when_missing;
	int64_t wait_for_us;
	int64_t stable_for_us;
	int64_t older_than_us; /* 0: any age */
	bool refuse_same_content;
	enum job_then then;
	char *then_directory;
	char *key; /* a field's name or a template; NULL: the kind's own (path, path:line) */
	enum job_unique unique;
	int64_t unique_within_us;
	struct field *fields;
	size_t n_fields;
	int64_t max_items; /* 0: no limit */
	double surge;	   /* 0: no guard */
	enum job_empty when_empty;
	enum job_malformed when_malformed;
	struct job_limit max_rejects; /* unset: the larger of 10 and 1 % */
	struct job_retry retry;	      /* of loading; within_run_us unused */
	struct job_max_age max_age;
};

/* {body: LUA} in one of these lists. */
struct job_test {
	enum job_when when;
	char *text;
	struct job_place at;
};

/* Who is asked whether an item in doubt took effect; none: nobody but when_in_doubt. */
struct job_verify {
	char **command; /* templates, NULL-terminated; or … */
	char *url;	/* … a template; both NULL: none */
	uint8_t done_when[STATUS_BYTES];
	uint8_t not_done_when[STATUS_BYTES];
	int64_t settle_us;
};

struct job_work {
	enum work_kind kind;
	char **command; /* templates, NULL-terminated; NULL with `shell` */
	char *shell;	/* handed to /bin/sh -c as it stands */
	enum exec_input input;
	char *input_template;
	char **env_names;  /* both NULL-terminated */
	char **env_values; /* templates */
	char *directory;   /* a template, NULL: that of the job file */
	char *user;	   /* NULL: as stint */
	int umask;	   /* -1: as it is */
	int64_t keep_output_bytes;
	enum exec_mode mode;
	int workers; /* mode: stream; 0: number of CPUs */
	enum job_effect effect;
	int64_t key_valid_us; /* 0: for ever */
	enum job_doubt when_in_doubt;
	bool accept_rpo; /* once, also where a failover may lose commits of the ledger */
	struct job_verify verify;
	struct job_http http;
	struct job_target target; /* sql, table */
	struct job_output output; /* of file */
	/* Statuses that go before the built-in classification, one bit each. */
	uint8_t done_when[STATUS_BYTES];
	uint8_t retry_when[STATUS_BYTES];
	uint8_t dead_when[STATUS_BYTES];
	uint8_t doubt_when[STATUS_BYTES];
	char *script; /* of lua */
	struct job_place script_at;
	int64_t lua_instructions; /* 0: as the job */
	int64_t lua_memory_bytes;
	struct job_test *tests;
	size_t n_tests;
	int64_t timeout_us;
	int concurrency;       /* at most so many at once; 0: number of CPUs */
	int concurrency_start; /* so many at first, it adapts; 0: it is fixed */
	struct job_rates rates;
	struct job_quota quota;
	int64_t canary;
	struct job_limit max_dead;
};

enum job_when_over { JOB_OVER_STOP, JOB_OVER_GO_ON, JOB_OVER_GENTLE, JOB_WHEN_OVER_COUNT_ };

enum job_cutoff_then { JOB_CUTOFF_GO_ON, JOB_CUTOFF_HOLD, JOB_CUTOFF_FAIL, JOB_CUTOFF_COUNT_ };

struct job_cutoff {
	int minute; /* of the run's date, -1: none */
	enum job_cutoff_then then;
};

struct job_gentle {
	struct job_rate rate; /* besides those of the work; n 0: none */
	int concurrency;
	int nice;
};

struct job_pool { /* a named resource, shared by all jobs of a ledger */
	char *name;
	int64_t units;
};

enum { JOB_POOLS_MAX = 64 };

/* What must hold before any item is touched. */
struct job_require {
	struct job_pool *pools; /* sorted by name */
	size_t n_pools;
	int64_t wait_us;
};

struct job_window {
	int64_t expect_us;  /* 0: none */
	int64_t max_us;	    /* 0: none */
	int stop_by_minute; /* minutes after midnight, -1: none */
	int64_t grace_us;
	int64_t stalled_after_us;
	enum job_when_over when_over;
	struct job_gentle gentle;
	struct job_cutoff cutoff;
};

enum { JOB_NICE_AS_IS = 100 };
enum job_io { JOB_IO_AS_IS = -1, JOB_IO_IDLE, JOB_IO_BEST_EFFORT };

struct job_process {	    /* of lanes, and of what they start */
	int nice;	    /* -20 … 19, or JOB_NICE_AS_IS */
	int io;		    /* enum job_io */
	int64_t memory_max; /* bytes, 0: no limit */
	int cpu_weight;	    /* 0: as it is */
};

/* What a run costs and what its items bring; amounts that are not given are 0. */
struct job_cost {
	bool is_given;
	struct decimal per_hour, per_item, per_retry, over_quota;
	char *currency;		 /* NULL: none */
	int64_t billed_every_us; /* 0: paid at once */
	struct decimal value_per_item;
	int64_t value_after_us;
};

struct job {
	char *path;	 /* as given, for messages */
	char *directory; /* absolute; what relative paths start from */
	char *name;
	char *description;
	char *owner;
	char *runbook;
	struct job_param *params;
	size_t n_params;
	struct job_secret *secrets;
	size_t n_secrets;
	enum job_once_per once_per;
	enum job_carry_over carry_over;
	enum job_overlap overlap;
	/* A job with steps is as many of these, alike but for what is a step's own: source, filter,
	 * transform, work, retry, breaker, chunk. */
	int step;		   /* from 1 */
	char *step_name;	   /* NULL: the job has no steps */
	enum job_go_on go_on_when; /* how the step before it must have ended */
	char **step_names;	   /* of all of them, NULL-terminated; NULL: the job has no steps */
	struct job **steps;	   /* all of them, in order, itself included … */
	size_t n_steps;		   /* … at least 1 */
	struct job_source source;
	char *filter; /* Lua over the fields, NULL: every record becomes an item */
	struct job_place filter_at;
	char *transform; /* Lua over the fields, before work; NULL: they stay as they are */
	struct job_place transform_at;
	/* What work sees: the fields of the source, then those that only the transform sets. */
	struct field *fields;
	size_t n_fields;
	struct job_constant *constants;
	size_t n_constants;
	int64_t lua_instructions; /* of one call of a script */
	int64_t lua_memory_bytes; /* of a script */
	struct job_control *controls;
	size_t n_controls;
	bool control_over_loaded; /* control.over */
	char *control_file; /* a template: a file of totals beside each source file; or NULL */
	size_t totals[JOB_TOTALS_MAX]; /* fields that reports sum up */
	size_t n_totals;
	struct job_work work;
	struct job_retry retry;
	struct job_breaker breaker;
	int64_t chunk_items; /* 1 … 4096 */
	int64_t chunk_bytes;
	struct job_require require;
	struct job_window window;
	struct job_process process;
	struct job_cost cost;
	struct job_target *finishes; /* on_finish: of each the database, and `after` */
	size_t n_finishes;
	char *person; /* report.person: the field that says for whom an item is, or NULL */
	char *text;   /* the normalised file: canonical JSON of what was given, without defaults */
};

/* Reads and checks the file. All faults are reported through `report` (NULL: the first goes to
 * err), each "FILE:LINE:COLUMN: what (nearest)"; fails with ERR_CONFIG when there was any,
 * ERR_NOINPUT when the file is not there. Gives the job. */
typedef void (*job_report_fn)(void *arg, const char *message);
ST_MUST_CHECK int job_load(const char *path, job_report_fn report, void *arg, struct job **ret_job,
			   struct err *err);
/* The same from text; `path` names it in messages, `directory` is what relative paths start from.
 */
ST_MUST_CHECK int job_parse(const char *text, size_t len, const char *path, const char *directory,
			    job_report_fn report, void *arg, struct job **ret_job, struct err *err);
/* All steps of it. */
void job_free(struct job *job);
void job_auto(struct job **job);

/* A step by its number, from 1, or by its name; NULL when there is none. job_parse gives the first,
 * and whichever is freed, all are. */
struct job *job_step(const struct job *job, int step);
struct job *job_find_step(const struct job *job, const char *name);

/* The index of a field of the source, or -1. */
int job_find_field(const struct job *job, const char *name, size_t len);

/* The index of a field that work sees, or -1; those of the source have the same in both. */
int job_find_work_field(const struct job *job, const char *name, size_t len);

const char *job_when_name(enum job_when when);

/* True when a chunk of this job is one unit of work for a lane (noop now; bulk loads later). */
bool job_is_bulk(const struct job *job);

/* True when items are rows of a database. */
bool job_is_from_database(const struct job *job);
/* True when they are files or what is in files, which another file can stand for. */
bool job_is_from_files(const struct job *job);

/* The step that the items were read in first: the job itself, unless it takes those of another. */
const struct job *job_origin(const struct job *job);
/* True when keys mean something beyond their run; else they are places, path:line. */
bool job_has_names(const struct job *job);

/* True when the source is told how each item ended (on_done, on_dead). */
bool job_writes_back(const struct job *job);

/* True when something is to be done once, at the end, by whoever finishes a run: a run is not
 * finished before. */
bool job_has_end(const struct job *job);
/* True when that is made of the items that are done. */
bool job_end_is_of_items(const struct job *job);
/* True when no item takes effect before all do (commit: run). */
bool job_is_all_or_none(const struct job *job);
/* True when statements are executed at the end of a run (on_finish). */
bool job_has_finish(const struct job *job);
/* The i-th of them as work of its own, whose end it is: a copy that lends all from the job. */
void job_finish(const struct job *job, size_t i, struct job *ret_job);
/* True when items go to long-lived workers (mode: stream). */
bool job_is_stream(const struct job *job);

/* True when the work is done in a database: sql, table. */
bool job_has_target(const struct job *job);

/* True when an attempt must not begin before its started mark is durable (once, and
 * idempotent with key_valid). */
bool job_needs_start_mark(const struct job *job);

/* True when somebody can be asked whether an item in doubt took effect (verify). */
bool job_verifies(const struct job *job);

/* What a resumed run takes from today's file: windows, retry, breaker, concurrency, limits. Copies
 * these from `today`'s step of the same name into `job`. Returns 1 (JOB_CHANGED) and a description
 * in `ret_difference` when the parts that a run keeps (source, fields, work, effect, key) differ.
 */
enum job_condition { JOB_CHANGED = 1 };
ST_MUST_CHECK int job_refresh(struct job *job, const struct job *today, struct buf *ret_difference);

/* Writes the job with every default (explain), as YAML with comments, and then a paragraph on what
 * will happen. */
void job_explain(const struct job *job, struct buf *out);
/* A JSON Schema (draft 2020-12) of job files, made from the table. */
void job_put_schema(struct buf *out);
/* The reference of all keys in Markdown, made from the same table. */
void job_put_reference(struct buf *out);

#endif
