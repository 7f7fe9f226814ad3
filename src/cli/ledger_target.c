/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ledger_target.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/ledger_choice.h"
#include "cli/run_job.h"
#include "cli/verbs.h"
#include "job/job.h"
#include "ledger/ledger.h"
#include "pg/uri.h"
#include "target/marker.h"
#include "target/marks.h"

int ledger_target_init(struct cli *cli, const char *url, struct err *err)
{
	AUTO(marks) struct marks *marks = NULL;
	bool is_there = false;
	struct json_writer w = {0};

	int rc = marks_open(url, &marks, err);
	if (rc == 0)
		rc = marks_exist(marks, &is_there, err);
	if (rc == 0 && cli->is_dry_run) {
		buf_printf(&cli->out.buf, "%s;\n", marks_ddl(marks));
		cli_note(cli, is_there ? "the table is there already" : "nothing was changed");
		return EXIT_DONE;
	}
	if (rc == 0 && !is_there)
		rc = marks_make(marks, err);
	if (rc < 0)
		return rc;
	if (cli->wants_json) {
		jw_init(&w, &cli->out.buf);
		jw_object(&w);
		jw_member_text(&w, "schema", "stint.ledger-init-target.1");
		jw_member_bool(&w, "is_new", !is_there);
		jw_object_end(&w);
		jw_done(&w);
		buf_putc(&cli->out.buf, '\n');
		return EXIT_DONE;
	}
	buf_printf(&cli->out.buf, "%s\n", MARKER_TABLE);
	cli_note(cli, is_there ? "the marker table was there already" : "made the marker table");
	return EXIT_DONE;
}

/* ---- verify ---- */

struct here { /* a chunk, as the ledger has it */
	int64_t first_item;
	uint32_t n;
	uint8_t *done;
	bool is_expected; /* to have a mark here */
	bool was_seen;	  /* it has one */
};

enum { MARKED_STEPS_MAX = 256, PATH_BYTES_MAX = 64 * 1024 };

struct compare {
	struct cli *cli;
	const char *url;
	struct json_writer *w; /* NULL: text */
	struct marks *marks;
	char uuid[2 * LEDGER_UUID_BYTES + 1];
	int64_t run; /* 0: none yet */
	char run_name[128];
	size_t n_steps;
	bool marks_of_step[MARKED_STEPS_MAX];
	bool expects_of_step[MARKED_STEPS_MAX]; /* … and it is known to be here, or not of any */
	bool is_marked; /* its marks are to be here: they are, or its job says so. Another run's may
			   be in another database */
	struct here *chunks;
	size_t n;
	int64_t n_findings;
	int rc;
	struct err err;
};

static void say_finding(struct compare *c, int64_t item, const char *what)
{
	c->n_findings++;
	if (c->w == NULL) {
		buf_printf(&c->cli->out.buf, "%s, item %" PRId64 ":%" PRId64 ": %s\n", c->run_name,
			   c->run, item, what);
	} else {
		jw_object(c->w);
		jw_member_text(c->w, "run", c->run_name);
		jw_member_int(c->w, "run_id", c->run);
		jw_member_int(c->w, "item", item);
		jw_member_text(c->w, "what", what);
		jw_object_end(c->w);
	}
	out_spill(&c->cli->out);
}

static int by_first_item(const void *a, const void *b)
{
	int64_t x = ((const struct here *)a)->first_item;
	int64_t y = ((const struct here *)b)->first_item;

	return (x > y) - (x < y);
}

static struct here *find_chunk(const struct compare *c, int64_t item)
{
	size_t lo = 0;
	size_t hi = c->n;

	while (lo < hi) {
		size_t middle = lo + (hi - lo) / 2;
		if (c->chunks[middle].first_item <= item)
			lo = middle + 1;
		else
			hi = middle;
	}
	if (lo == 0 || item >= c->chunks[lo - 1].first_item + (int64_t)c->chunks[lo - 1].n)
		return NULL;
	return &c->chunks[lo - 1];
}

static void on_mark(void *arg, int64_t first_item, const char *done, uint32_t n)
{
	struct compare *c = arg;
	struct here *here = find_chunk(c, first_item);

	c->is_marked = true;
	if (here != NULL)
		here->was_seen = true;
	for (uint32_t i = 0; i < n; i++) {
		bool is_here = here != NULL && i < here->n && bits_get(here->done, i);
		if (done[i] == '1' && !is_here)
			say_finding(c, first_item + i, "committed there, not here");
		else if (done[i] != '1' && is_here)
			say_finding(c, first_item + i, "done here, not committed there");
	}
}

static void say_unmarked(struct compare *c)
{
	for (size_t i = 0; c->is_marked && i < c->n; i++) {
		const struct here *here = &c->chunks[i];
		bool is_missing = here->is_expected && !here->was_seen;
		for (uint32_t k = 0; is_missing && k < here->n; k++)
			if (bits_get(here->done, k))
				say_finding(c, here->first_item + k,
					    "done here, not committed there");
	}
}

static void forget_run(struct compare *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->chunks[i].done);
	c->n = 0;
	c->run = 0;
	c->is_marked = false;
}

/* All of a run has been seen. */
static void end_run(struct compare *c)
{
	if (c->run != 0 && c->rc == 0) {
		qsort(c->chunks, c->n, sizeof(*c->chunks), by_first_item);
		c->rc = marks_read(c->marks, c->uuid, c->run, on_mark, c, &c->err);
		say_unmarked(c);
	}
	forget_run(c);
}

/* What the reference, URL or path of a job or of the command line means here. */
static char *place_of(const char *url, const char *directory)
{
	AUTO(buf) struct buf path = BUF_INIT(PATH_BYTES_MAX);
	const char *named = strncmp(url, "env:", 4) == 0 ? getenv(url + 4) : url;

	if (named == NULL || pg_uri_is(named))
		return named == NULL ? NULL : xstrdup(named);
	if (strncmp(named, "sqlite:", 7) == 0)
		named += 7;
	if (named[0] != '/')
		buf_printf(&path, "%s/", directory);
	buf_puts(&path, named);
	return realpath(buf_str(&path), NULL);
}

static bool is_same_place(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* Which steps mark in this very database, by the job. Where none is known to, by the way it is
 * written there, all may: then marks that are found decide. */
static void choose_steps(struct compare *c, const struct ledger_run_row *row)
{
	AUTO(job) struct job *job = NULL;
	AUTO(str) char *here = place_of(c->url, ".");
	bool is_here[MARKED_STEPS_MAX] = {false};
	struct err ignored = ERR_INIT;

	memcpy(c->expects_of_step, c->marks_of_step, sizeof(c->expects_of_step));
	if (run_job_parse(row->job_text, row->job_path, &job, &ignored) < 0)
		return;
	for (size_t i = 0; i < c->n_steps; i++) {
		const struct job *step = job_step(job, (int)i + 1);
		if (step == NULL || !c->marks_of_step[i] || step->work.target.url == NULL)
			continue;
		AUTO(str) char *there = place_of(step->work.target.url, job->directory);
		is_here[i] = is_same_place(here, there);
		c->is_marked = c->is_marked || is_here[i];
	}
	if (c->is_marked)
		memcpy(c->expects_of_step, is_here, sizeof(is_here));
}

static void on_run(void *arg, const struct ledger_run_row *row)
{
	struct compare *c = arg;

	end_run(c);
	c->n_steps = row->n_steps < MARKED_STEPS_MAX ? row->n_steps : MARKED_STEPS_MAX;
	for (size_t i = 0; i < c->n_steps; i++)
		c->marks_of_step[i] = row->steps[i].effect == EFFECT_MARKER;
	choose_steps(c, row);
	c->run = row->id;
	(void)snprintf(c->run_name, sizeof(c->run_name), "%s", row->name);
}

static void on_chunk(void *arg, const struct ledger_chunk_row *row)
{
	struct compare *c = arg;

	if (c->run == 0 || row->step < 1 || (size_t)row->step > c->n_steps ||
	    !c->marks_of_step[row->step - 1])
		return;
	c->chunks = xrealloc(c->chunks, c->n + 1, sizeof(*c->chunks));
	c->chunks[c->n++] = (struct here){.first_item = row->first_item,
					  .n = row->n,
					  .is_expected = c->expects_of_step[row->step - 1],
					  .done = xmemdup(row->done, BITS_BYTES(row->n))};
}

/* What left its chunk says itself what became of it. */
static void on_loose(void *arg, const struct ledger_loose_row *row)
{
	struct compare *c = arg;
	struct here *here = c->run == 0 ? NULL : find_chunk(c, row->item);

	if (here != NULL && row->state != LOOSE_DONE)
		bits_clear(here->done, (size_t)(row->item - here->first_item));
}

static int compare_all(struct cli *cli, struct compare *c, struct err *err)
{
	AUTO(ledger) struct ledger *ledger = NULL;
	const struct ledger_visitor visitor = {
		.arg = c, .run = on_run, .chunk = on_chunk, .loose = on_loose};
	uint8_t uuid[LEDGER_UUID_BYTES] = {0};

	int rc = cli_open_ledger(cli, LEDGER_READ_ONLY, &ledger, err);
	if (rc < 0)
		return rc;
	ledger_uuid(ledger, uuid);
	hash_hex(uuid, sizeof(uuid), c->uuid);
	rc = ledger_walk(ledger, &visitor, err);
	if (rc == 0)
		end_run(c);
	if (rc == 0 && c->rc < 0) {
		*err = c->err;
		rc = c->rc;
	}
	forget_run(c);
	free(c->chunks);
	return rc;
}

int ledger_target_verify(struct cli *cli, const char *url, struct err *err)
{
	AUTO(marks) struct marks *marks = NULL;
	struct json_writer w = {0};
	struct compare c = {.cli = cli, .url = url, .w = cli->wants_json ? &w : NULL};
	bool is_there = false;

	int rc = marks_open(url, &marks, err);
	if (rc == 0)
		rc = marks_exist(marks, &is_there, err);
	if (rc == 0 && !is_there)
		rc = ERR(err, ERR_CONFIG, "%s", MARKER_HINT);
	if (rc < 0)
		return rc;
	c.marks = marks;
	if (c.w != NULL) {
		jw_init(&w, &cli->out.buf);
		jw_object(&w);
		jw_member_text(&w, "schema", "stint.ledger-verify-target.1");
		jw_name(&w, "findings");
		jw_array(&w);
	}
	rc = compare_all(cli, &c, err);
	if (rc < 0)
		return rc;
	if (c.w != NULL) {
		jw_array_end(&w);
		jw_member_bool(&w, "ok", c.n_findings == 0);
		jw_object_end(&w);
		jw_done(&w);
		buf_putc(&cli->out.buf, '\n');
	} else if (c.n_findings == 0) {
		buf_puts(&cli->out.buf, "ledger and target agree\n");
	}
	return c.n_findings == 0 ? EXIT_DONE : EXIT_NO;
}
