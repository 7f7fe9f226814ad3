/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/find.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/job_file.h"
#include "cli/source_keys.h"
#include "job/job.h"
#include "ledger/ledger.h"
#include "report/run.h"

enum {
	NEAR_MAX = 200,	  /* names that are looked through for the nearest one */
	SOURCES_MAX = 50, /* runs whose sources are looked through for a key */
	FOUND = 1,	  /* ends a query: one row was wanted */
};

static bool is_digits(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* ---- what is near ---- */

struct near {
	struct arena arena;
	const char *names[2 * NEAR_MAX];
	size_t n;
};

static int keep_names(void *arg, const struct report_run *run)
{
	struct near *near = arg;

	near->names[near->n++] = arena_str(&near->arena, run->name);
	near->names[near->n++] = arena_str(&near->arena, run->job);
	return 0;
}

/* ERR_DATA: there is no such thing; did you mean …? */
static int fail_not_found(struct ledger *ledger, const char *what, const char *word,
			  struct err *err)
{
	struct report_run_filter newest = {.max = NEAR_MAX};
	struct near near = {0};

	int rc = report_runs(ledger, &newest, keep_names, &near, err);
	if (rc < 0) {
		arena_done(&near.arena);
		return rc;
	}
	const char *nearest = text_nearest(word, strlen(word), near.names, near.n);
	if (nearest != NULL)
		rc = ERR(err, ERR_DATA, "there is no %s %s; did you mean '%s'?", what,
			 QUOTED(word, strlen(word)), nearest);
	else
		rc = ERR(err, ERR_DATA, "there is no %s %s in the ledger; `stint runs` lists them",
			 what, QUOTED(word, strlen(word)));
	arena_done(&near.arena);
	return rc;
}

/* ---- jobs ---- */

static int keep_job(void *arg, const struct report_run *run)
{
	char **job = arg;

	*job = xstrdup(run->job);
	return FOUND;
}

int find_job(const struct cli *cli, struct ledger *ledger, const char *word, char **ret_job,
	     struct err *err)
{
	struct report_run_filter filter = {.job = word, .max = 1};
	struct job *job = NULL;
	char *found = NULL;

	assert(word != NULL && ret_job != NULL && err != NULL);
	/* A name goes before a file that happens to be called so, such as the job's own program. */
	int rc = report_runs(ledger, &filter, keep_job, &found, err);
	if (rc < 0)
		return rc;
	if (found != NULL) {
		*ret_job = found;
		return 0;
	}
	if (!job_file_may_be(word))
		return fail_not_found(ledger, "job", word, err);
	rc = job_file_load(cli, word, &job, err);
	if (rc < 0)
		return rc;
	*ret_job = xstrdup(job->name);
	job_free(job);
	return 0;
}

/* ---- runs ---- */

/* The number of the run that `word` names; REPORT_NOT_FOUND. */
static int run_number(const struct cli *cli, struct ledger *ledger, const char *word,
		      int64_t *ret_id, struct err *err)
{
	struct err ignored = ERR_INIT;
	struct job *job = NULL;

	if (is_digits(word) && text_parse_int(word, strlen(word), ret_id, &ignored) == 0)
		return 0;
	int rc = report_run_find(ledger, word, ret_id, err);
	if (rc != REPORT_NOT_FOUND || !job_file_may_be(word))
		return rc;
	rc = job_file_load(cli, word, &job, err);
	if (rc == 0)
		rc = report_run_find(ledger, job->name, ret_id, err);
	job_free(job);
	return rc;
}

int find_run(const struct cli *cli, struct ledger *ledger, const char *word, struct arena *arena,
	     struct report_run *ret_run, struct err *err)
{
	int64_t id = 0;

	assert(word != NULL && ret_run != NULL && err != NULL);
	int rc = run_number(cli, ledger, word, &id, err);
	if (rc == 0)
		rc = report_run_load(ledger, id, arena, ret_run, err);
	return rc == REPORT_NOT_FOUND ? fail_not_found(ledger, "run", word, err) : rc;
}

/* ---- items ---- */

struct run_ids {
	int64_t ids[SOURCES_MAX];
	size_t n;
};

static int keep_id(void *arg, const struct ledger_row *row)
{
	struct run_ids *runs = arg;

	runs->ids[runs->n++] = ledger_row_int(row, 0);
	return 0;
}

static int keep_number(void *arg, const struct ledger_row *row)
{
	int64_t *number = arg;

	*number = ledger_row_int(row, 0);
	return FOUND;
}

/* The item with that key in one run: what the ledger has, else what the source says. FOUND, or 0.
 */
static int find_in_run(struct ledger *ledger, struct source_keys *keys, int64_t run_id,
		       const char *key, int64_t *ret_number, struct err *err)
{
	static const char sql[] =
		"SELECT item FROM item WHERE run_id = ?1 AND key = ?2 ORDER BY item LIMIT 1";
	struct ledger_param params[] = {
		{.type = LEDGER_INT, .number = run_id},
		{.type = LEDGER_TEXT, .text = key},
	};

	int rc = ledger_select(ledger, sql, params, ARRAY_LEN(params), keep_number, ret_number,
			       err);
	if (rc != 0)
		return rc;
	rc = source_keys_find(keys, run_id, key, ret_number, err);
	if (rc < 0)
		return rc;
	return rc == 0 ? FOUND : 0;
}

/* Newest run first. */
static int find_key(struct ledger *ledger, const char *job, const char *key,
		    struct find_item *ret_item, struct err *err)
{
	static const char sql[] =
		"SELECT run_id FROM run WHERE job = ?1 ORDER BY run_id DESC LIMIT ?2";
	struct ledger_param params[] = {
		{.type = LEDGER_TEXT, .text = job},
		{.type = LEDGER_INT, .number = SOURCES_MAX},
	};
	struct run_ids runs = {0};
	AUTO(source_keys) struct source_keys keys = {0};
	int64_t number = 0;

	source_keys_init(&keys, ledger);
	int rc = ledger_select(ledger, sql, params, ARRAY_LEN(params), keep_id, &runs, err);
	for (size_t i = 0; i < runs.n && rc == 0; i++) {
		rc = find_in_run(ledger, &keys, runs.ids[i], key, &number, err);
		*ret_item = (struct find_item){.run_id = runs.ids[i], .number = number};
	}
	if (rc < 0 || rc == FOUND)
		return rc < 0 ? rc : 0;
	if (keys.trouble.code != 0)
		return ERR(
			err, ERR_DATA,
			"job %s has no item %s that the ledger knows, and its source could not be "
			"looked at: %s",
			job, QUOTED(key, strlen(key)), keys.trouble.text);
	return ERR(err, ERR_DATA, "job %s has no item %s in its last %d runs", job,
		   QUOTED(key, strlen(key)), SOURCES_MAX);
}

/* RUN:NUMBER; REPORT_NOT_FOUND when the word has not that form or there is no such run. */
static int find_numbered(const struct cli *cli, struct ledger *ledger, const char *word,
			 struct find_item *ret_item, struct err *err)
{
	const char *colon = strrchr(word, ':');
	struct err ignored = ERR_INIT;
	struct arena arena = {0};
	struct report_run run = {0};
	int64_t number = 0;
	int64_t id = 0;

	if (colon == NULL || colon == word || !is_digits(colon + 1) ||
	    text_parse_int(colon + 1, strlen(colon + 1), &number, &ignored) < 0)
		return REPORT_NOT_FOUND;
	AUTO(str) char *name = xstrndup(word, (size_t)(colon - word));
	if (job_file_is_path(name))
		return REPORT_NOT_FOUND;
	int rc = run_number(cli, ledger, name, &id, err);
	if (rc == 0)
		rc = report_run_load(ledger, id, &arena, &run, err);
	if (rc == 0 && number >= run.n_items)
		rc = ERR(err, ERR_DATA,
			 "run %s has %" PRId64 " items, numbered from 0: there is no %" PRId64,
			 run.name, run.n_items, number);
	arena_done(&arena);
	*ret_item = (struct find_item){.run_id = id, .number = number};
	return rc;
}

/* Whether the job has ever run. */
static int has_runs(struct ledger *ledger, const char *job, bool *ret_has, struct err *err)
{
	struct report_run_filter filter = {.job = job, .max = 1};
	AUTO(str) char *found = NULL;

	int rc = report_runs(ledger, &filter, keep_job, &found, err);
	*ret_has = found != NULL;
	return rc < 0 ? rc : 0;
}

int find_item(const struct cli *cli, struct ledger *ledger, const char *word,
	      struct find_item *ret_item, struct err *err)
{
	bool has = false;

	assert(word != NULL && ret_item != NULL && err != NULL);
	int rc = find_numbered(cli, ledger, word, ret_item, err);
	if (rc != REPORT_NOT_FOUND)
		return rc;
	const char *slash = strchr(word, '/');
	if (slash == NULL || slash == word)
		return ERR(
			err, ERR_DATA,
			"there is no item %s; an item is JOB/KEY, or RUN:NUMBER as `stint items` "
			"shows it",
			QUOTED(word, strlen(word)));
	AUTO(str) char *job = xstrndup(word, (size_t)(slash - word));
	rc = has_runs(ledger, job, &has, err);
	if (rc < 0)
		return rc;
	if (!has)
		return fail_not_found(ledger, "job", job, err);
	return find_key(ledger, job, slash + 1, ret_item, err);
}

int find_kind(const struct cli *cli, struct ledger *ledger, const char *word,
	      enum find_kind *ret_kind, struct err *err)
{
	struct find_item item = {0};
	struct err ignored = ERR_INIT;
	bool has = false;
	int64_t id = 0;

	assert(word != NULL && ret_kind != NULL && err != NULL);
	const char *slash = strchr(word, '/');
	*ret_kind = FIND_RUN;
	if (is_digits(word) || strchr(word, '@') != NULL) {
		/* a run's name may end like RUN:NUMBER: JOB@2026-11-23T01:30+01:00 */
		if (is_digits(word) || report_run_find(ledger, word, &id, &ignored) == 0)
			return 0;
	}
	*ret_kind = FIND_ITEM;
	if (find_numbered(cli, ledger, word, &item, &ignored) != REPORT_NOT_FOUND)
		return 0;
	if (slash != NULL && slash != word) {
		AUTO(str) char *job = xstrndup(word, (size_t)(slash - word));
		int rc = has_runs(ledger, job, &has, err);
		if (rc < 0 || has)
			return rc;
	}
	*ret_kind = strchr(word, '@') != NULL ? FIND_RUN : FIND_JOB;
	return 0;
}
