/* SPDX-License-Identifier: Apache-2.0 */
#include "drill/copy.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "drill/standin.h"
#include "job/job.h"
#include "job/node.h"
#include "job/tree.h"

enum { PART_BYTES_MAX = 16 * 1024 * 1024, CONCURRENCY_MAX = 4 };

/* In the order of the file; of the source's neighbours only with the job's own items. */
static const char *const kept[] = {"params", "secrets", "constants"};
static const char *const kept_with_source[] = {"filter", "transform", "lua_limits"};
static const char *const kept_of_work[] = {"effect", "key_valid", "when_in_doubt"};

static void put_member(struct json_writer *w, const struct node *map, const char *name)
{
	AUTO(buf) struct buf text = BUF_INIT(PART_BYTES_MAX);
	const struct node *node = node_find(map, name);

	if (node == NULL || node->is_default)
		return;
	node_put_json(node, &text);
	jw_name(w, name);
	jw_raw(w, buf_str(&text), text.len);
}

/* The copy lies elsewhere: a relative path starts from the job's own directory. */
static void put_path(struct json_writer *w, const struct job *job)
{
	AUTO(buf) struct buf path = BUF_INIT(PART_BYTES_MAX);

	if (job->source.path[0] != '/')
		buf_printf(&path, "%s/", job->directory);
	buf_puts(&path, job->source.path);
	jw_member_text(w, "path", buf_str(&path));
}

/* csv, jsonl, files: their own keys but those that wait for the file, or do something to it. */
static void put_kind(struct json_writer *w, const struct job *job, const struct node *kind)
{
	static const char *const left_out[] = {"path",	   "then",	 "when_missing",
					       "wait_for", "stable_for", "same_content"};

	jw_name(w, kind->name);
	jw_object(w);
	put_path(w, job);
	for (const struct node *key = kind->first; key != NULL; key = key->next) {
		bool is_kept = true;
		for (size_t i = 0; i < ARRAY_LEN(left_out); i++)
			is_kept = is_kept && strcmp(key->name, left_out[i]) != 0;
		if (is_kept)
			put_member(w, kind, key->name);
	}
	jw_object_end(w);
}

static void put_own_source(struct json_writer *w, const char *path)
{
	jw_object(w);
	jw_name(w, "csv");
	jw_object(w);
	jw_member_text(w, "path", path);
	jw_object_end(w);
	jw_member_text(w, "key", "id");
	jw_name(w, "fields");
	jw_object(w);
	jw_member_text(w, "id", "text");
	jw_object_end(w);
	jw_object_end(w);
}

static void put_source(struct json_writer *w, const struct job *job, const struct node *source)
{
	static const char *const names[] = {"key", "unique", "fields", "when_malformed",
					    "max_rejects"};
	static const char *const kinds[] = {"csv", "jsonl", "files"};

	jw_object(w);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct node *kind = node_find(source, kinds[i]);
		if (kind != NULL)
			put_kind(w, job, kind);
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		put_member(w, source, names[i]);
	jw_object_end(w);
}

static void put_command(struct json_writer *w, const struct copy_wish *wish, const char *part)
{
	char turn[16];
	const char *const command[] = {wish->program, STANDIN_VERB, wish->stage, part, turn};

	(void)snprintf(turn, sizeof(turn), "%d", wish->turn);
	jw_name(w, "command");
	jw_array(w);
	for (size_t i = 0; i < ARRAY_LEN(command); i++)
		jw_text(w, command[i]);
	jw_array_end(w);
}

/* Who asks the other side asks the stand-in. */
static void put_verify(struct json_writer *w, const struct copy_wish *wish)
{
	if (!job_verifies(wish->job))
		return;
	jw_name(w, "verify");
	jw_object(w);
	put_command(w, wish, STANDIN_VERIFY);
	jw_member_text(w, "settle", "100ms");
	jw_object_end(w);
}

static void put_work(struct json_writer *w, const struct copy_wish *wish, const struct node *work)
{
	int concurrency = wish->job->work.concurrency;
	bool is_few = concurrency > 0 && concurrency < CONCURRENCY_MAX;

	jw_object(w);
	jw_name(w, "exec");
	jw_object(w);
	put_command(w, wish, scene_get(wish->scene)->name);
	jw_member_text(w, "input", "none");
	jw_object_end(w);
	for (size_t i = 0; i < ARRAY_LEN(kept_of_work); i++)
		put_member(w, work, kept_of_work[i]);
	if (node_find(work, "effect") == NULL || node_find(work, "effect")->is_default)
		jw_member_text(w, "effect",
			       wish->job->work.effect == JOB_ONCE ? "once" : "idempotent");
	put_verify(w, wish);
	jw_member_text(w, "timeout", "3s");
	jw_member_int(w, "concurrency", is_few ? concurrency : CONCURRENCY_MAX);
	jw_object_end(w);
}

/* Waits of a night, as waits of a drill. */
static void put_short_waits(struct json_writer *w, const struct job *job)
{
	jw_name(w, "retry");
	jw_object(w);
	jw_member_int(w, "attempts", job->retry.attempts);
	jw_member_text(w, "first", "100ms");
	jw_member_int(w, "factor", 1);
	jw_member_text(w, "max", "100ms");
	jw_member_text(w, "jitter", "none");
	jw_object_end(w);
	jw_name(w, "breaker");
	jw_object(w);
	jw_member_text(w, "open_for", "200ms");
	jw_member_text(w, "open_max", "1s");
	jw_object_end(w);
	jw_name(w, "window");
	jw_object(w);
	jw_member_text(w, "grace", "5s");
	jw_member_text(w, "stalled_after", "60s");
	jw_object_end(w);
}

bool copy_can_read(const struct job *job)
{
	enum source_kind kind = job->source.kind;

	return kind == SOURCE_CSV || kind == SOURCE_JSONL || kind == SOURCE_JSON ||
	       kind == SOURCE_XML || kind == SOURCE_FIXED || kind == SOURCE_FILES;
}

void copy_put(const struct copy_wish *wish, struct buf *out)
{
	struct arena arena = {0};
	struct json_writer w = {0};
	const struct job *job = wish->job;

	assert(wish->stage != NULL && out != NULL);
	const struct node *root = tree_of_job(job, &arena);
	jw_init(&w, out);
	jw_object(&w);
	jw_member_int(&w, "version", 1);
	jw_member_text(&w, "job", job->name);
	jw_member_text(&w, "once_per", "day");
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		put_member(&w, root, kept[i]);
	if (job->source.kind != SOURCE_NONE) {
		jw_name(&w, "source");
		if (wish->own_items != NULL)
			put_own_source(&w, wish->own_items);
		else
			put_source(&w, job, node_find(root, "source"));
	}
	if (wish->own_items == NULL)
		for (size_t i = 0; i < ARRAY_LEN(kept_with_source); i++)
			put_member(&w, root, kept_with_source[i]);
	jw_name(&w, "work");
	put_work(&w, wish, node_find(root, "work"));
	put_member(&w, root, "chunk");
	put_short_waits(&w, job);
	jw_object_end(&w);
	jw_done(&w);
	buf_putc(out, '\n');
	arena_done(&arena);
}
