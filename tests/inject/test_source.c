/* SPDX-License-Identifier: Apache-2.0 */
/* Job files, templates, sources, bodies of chunks and files, while calls fail in them. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "frame/frame.h"
#include "inject/inject.h"
#include "job/explain.h"
#include "job/item.h"
#include "job/job.h"
#include "job/template.h"
#include "source/body.h"
#include "source/source.h"
#include "sys/file.h"

enum { WAITS = 3, RECORDS = 200, TEXT_BYTES = 1 << 20 };

static const struct template_run run = {
	.id = 7, .name = "j@2026-11-23", .job = "j", .slot = "2026-11-23", .date = "2026-11-23"};

static void put_file(const char *name, const void *data, size_t len)
{
	FILE *file = fopen(name, "we");

	if (file == NULL || fwrite(data, 1, len, file) != len || fclose(file) != 0)
		abort();
}

static struct job *job_with(const char *source)
{
	AUTO(buf) struct buf text = BUF_INIT(TEXT_BYTES);
	struct err err = ERR_INIT;
	struct job *job = NULL;

	buf_printf(&text,
		   "version: 1\njob: j\nsource:\n  %s\n  key: id\n  unique: run\n"
		   "  fields: {id: text, n: integer, note: text?}\n"
		   "work: {exec: {command: [cp, \"${id}\", \"${run.date}/${note}\"]}}\n",
		   source);
	int rc = job_parse(buf_str(&text), text.len, "j.yaml", "/dev/shm", NULL, NULL, &job, &err);
	if (rc == ERR_CONFIG)
		inject_wrong("blames the job: %s", err.text);
	if (rc != 0)
		inject_fail(&err);
	return job;
}

/* ---- sources ---- */

static void put_csv(struct buf *text)
{
	buf_puts(text, "id,n,note\n");
	for (int i = 0; i < RECORDS; i++)
		buf_printf(text, "A-%d,%s,\"a \"\"note\"\"\nof %d\"\n", i, i % 50 == 7 ? "x" : "5",
			   i);
}

static void put_jsonl(struct buf *text)
{
	for (int i = 0; i < RECORDS; i++)
		buf_printf(text, "{\"id\": \"A-%d\", \"n\": %s, \"note\": \"\\u00e4 %d\"}\n", i,
			   i % 50 == 7 ? "\"x\"" : "5", i);
}

static void make_sources(void)
{
	AUTO(buf) struct buf csv = BUF_INIT(TEXT_BYTES);
	AUTO(buf) struct buf jsonl = BUF_INIT(TEXT_BYTES);
	static char packed[TEXT_BYTES];

	put_csv(&csv);
	put_jsonl(&jsonl);
	put_file("in.csv", csv.data, csv.len);
	put_file("in.jsonl", jsonl.data, jsonl.len);
	gzFile gz = gzopen("in.csv.gz", "wb");
	if (gz == NULL || gzwrite(gz, csv.data, (unsigned)csv.len) <= 0 || gzclose(gz) != Z_OK)
		abort();
	size_t n = ZSTD_compress(packed, sizeof(packed), jsonl.data, jsonl.len, 3);
	put_file("in.jsonl.zst", packed, n);
}

static bool go_on(void *arg, const char *what, utime until, int64_t us)
{
	static int n;

	(void)arg, (void)what, (void)until, (void)us;
	return ++n < WAITS;
}

static void say_items(const struct job *job, const struct frame_loaded *batch)
{
	struct err err = ERR_INIT;
	struct body *body = NULL;
	struct item item = {0};

	int rc = body_open(job, batch->body, batch->body_len, batch->n, false, &body, &err);
	if (rc > 0)
		inject_wrong("the source is said to have changed: %s", err.text);
	if (rc < 0)
		inject_fail(&err);
	for (uint32_t i = 0; i < batch->n; i++) {
		if (body_item(body, i, &item, &err) != 0)
			inject_fail(&err);
		inject_say("%.*s %.*s %d\n", (int)item.key_len, item.key, (int)item.fields[2].len,
			   item.fields[2].text, (int)item.source_line);
	}
	body_free(body);
}

static void load(const char *source)
{
	struct job *job = job_with(source);
	char *path = realpath(".", NULL);
	char file[300];
	const char *name = strstr(source, "path: ") + strlen("path: ");

	if (path == NULL)
		inject_fail(&(struct err){.code = ERR_IO, .text = "where are we?"});
	(void)snprintf(file, sizeof(file), "%s/%.*s", path, (int)strcspn(name, ",}"), name);
	free(path);
	const struct source_options options = {
		.job = job, .run = &run, .path = file, .wait = go_on};
	struct source *s = NULL;
	struct frame_loaded batch = {0};
	struct err err = ERR_INIT;
	int rc = source_open(&options, &s, &err);
	while (rc == 0) {
		rc = source_next(s, &batch, &err);
		for (uint32_t i = 0; rc == 0 && i < batch.n_rejects; i++)
			inject_say("reject %d: %s\n", (int)batch.rejects[i].line,
				   batch.rejects[i].reason);
		if (rc == 0 && batch.n > 0)
			say_items(job, &batch);
	}
	if (rc == SOURCE_MISSING || rc == SOURCE_MISSING_OK)
		inject_wrong("the source is said to be missing: %s", err.text);
	/* The word for what is wrong with a source as such. */
	if (rc == ERR_DATA)
		err.code = ERR_IO;
	if (rc < 0)
		inject_fail(&err);
	source_free(s);
	job_free(job);
}

static void load_csv(void)
{
	load("csv: {path: in.csv}");
}

static void load_jsonl(void)
{
	load("jsonl: {path: in.jsonl}");
}

static void load_gzip(void)
{
	load("csv: {path: in.csv.gz}");
}

static void load_zstd(void)
{
	load("jsonl: {path: in.jsonl.zst}");
}

/* ---- jobs and templates ---- */

static void nothing(void)
{
}

static void explain(void)
{
	struct job *job = job_with("csv: {path: in.csv}");
	AUTO(buf) struct buf out = BUF_INIT(TEXT_BYTES);

	job_explain(job, &out);
	explain_put_words(job, &out);
	inject_say("%s\n%s\n", job->text, buf_str(&out));
	job_free(job);
}

static void render(void)
{
	static const char text[] = "https://x/${id}/${run.date:%d.%m.%Y}?${note}=$${x}";
	static const struct value values[] = {
		{.text = "A", .len = 1}, {.text = "5", .len = 1}, {.text = "\"b\"", .len = 3}};
	static const struct item item = {
		.key = "A", .key_len = 1, .fields = values, .source_path = "in.csv"};
	const struct template_item at = {.item = &item, .number = 3, .attempt = 1};
	struct job *job = job_with("csv: {path: in.csv}");
	AUTO(buf) struct buf out = BUF_INIT(TEXT_BYTES);
	struct template *t = NULL;
	struct err err = ERR_INIT;

	if (template_parse(text, strlen(text), job, &t, &err) != 0)
		inject_fail(&err);
	for (int place = 0; place < TEMPLATE_PLACE_COUNT_; place++) {
		buf_reset(&out);
		if (place != TEMPLATE_HEADER &&
		    template_render(t, (enum template_place)place, &run, &at, &out, &err) != 0)
			inject_fail(&err);
		inject_say("%s\n", buf_str(&out));
	}
	template_free(t);
	job_free(job);
}

/* ---- files ---- */

static const char old_text[] = "what was there before";
static const char new_text[] = "what is there now, which is longer";

static void make_file(void)
{
	put_file("report", old_text, strlen(old_text));
}

static void replace(void)
{
	struct err err = ERR_INIT;
	AUTO(buf) struct buf out = BUF_INIT(TEXT_BYTES);

	if (file_write_atomic("report", new_text, strlen(new_text), 0644, &err) != 0)
		inject_fail(&err);
	inject_acknowledge();
	if (file_read_all("report", TEXT_BYTES, &out, &err) != 0)
		inject_fail(&err);
	inject_say("%s\n", buf_str(&out));
}

static bool file_is_old_or_new(const struct inject_end *end)
{
	AUTO(buf) struct buf out = BUF_INIT(TEXT_BYTES);
	struct err err = ERR_INIT;

	if (file_read_all("report", TEXT_BYTES, &out, &err) != 0)
		return inject_complain("%s", err.text);
	bool is_new = strcmp(buf_str(&out), new_text) == 0;
	if (!is_new && (end->acknowledged > 0 || strcmp(buf_str(&out), old_text) != 0))
		return inject_complain("it holds '%s'", buf_str(&out));
	return true;
}

int main(void)
{
	static const unsigned reading = INJECT(CALL_MEMORY) | INJECT(CALL_READ) | INJECT(CALL_FILE);
	const struct inject_scenario scenarios[] = {
		{"job file, explained", INJECT(CALL_MEMORY), nothing, explain, NULL, true},
		{"templates", INJECT(CALL_MEMORY), nothing, render, NULL, true},
		{"CSV", reading, make_sources, load_csv, NULL, true},
		{"JSON Lines", reading, make_sources, load_jsonl, NULL, true},
		{"CSV, gzip", reading, make_sources, load_gzip, NULL, true},
		{"JSON Lines, Zstandard", reading, make_sources, load_zstd, NULL, true},
		{"a file is replaced", INJECT_ALL, make_file, replace, file_is_old_or_new, false},
	};

	return inject_main(scenarios, ARRAY_LEN(scenarios));
}
