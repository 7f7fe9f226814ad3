/* SPDX-License-Identifier: Apache-2.0 */
#include "drill/copy_source.h"

#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/json.h"
#include "drill/copy.h"
#include "job/job.h"
#include "job/node.h"

enum { PART_BYTES_MAX = 16 * 1024 * 1024 };

static const char *const file_kinds[] = {"csv", "jsonl", "json", "xml", "fixed", "files"};

void copy_member(struct json_writer *w, const struct node *map, const char *name)
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
static void put_path(struct json_writer *w, const struct job *step)
{
	AUTO(buf) struct buf path = BUF_INIT(PART_BYTES_MAX);

	if (step->source.path[0] != '/')
		buf_printf(&path, "%s/", step->directory);
	buf_puts(&path, step->source.path);
	jw_member_text(w, "path", buf_str(&path));
}

/* Files: their own keys but those that wait for them, or do something to them. */
static void put_kind(struct json_writer *w, const struct job *step, const struct node *kind)
{
	static const char *const left_out[] = {"path",	   "then",	 "when_missing",
					       "wait_for", "stable_for", "same_content"};

	jw_name(w, kind->name);
	jw_object(w);
	put_path(w, step);
	for (const struct node *key = kind->first; key != NULL; key = key->next) {
		bool is_kept = true;
		for (size_t i = 0; i < ARRAY_LEN(left_out); i++)
			is_kept = is_kept && strcmp(key->name, left_out[i]) != 0;
		if (is_kept)
			copy_member(w, kind, key->name);
	}
	jw_object_end(w);
}

static void put_own_items(struct json_writer *w, const char *path)
{
	jw_name(w, "csv");
	jw_object(w);
	jw_member_text(w, "path", path);
	jw_object_end(w);
	jw_member_text(w, "key", "id");
	jw_name(w, "fields");
	jw_object(w);
	jw_member_text(w, "id", "text");
	jw_object_end(w);
}

static void put_items_of_step(struct json_writer *w, const struct node *source)
{
	copy_member(w, source, "step");
	copy_member(w, source, "state");
}

static void put_keys(struct json_writer *w, const struct node *source)
{
	static const char *const names[] = {"key", "unique", "fields", "when_malformed",
					    "max_rejects"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		copy_member(w, source, names[i]);
}

bool copy_can_read(const struct job *step)
{
	enum source_kind kind = step->source.kind;

	return kind == SOURCE_CSV || kind == SOURCE_JSONL || kind == SOURCE_JSON ||
	       kind == SOURCE_XML || kind == SOURCE_FIXED || kind == SOURCE_FILES;
}

bool copy_is_plain(const bool *is_plain, const struct job *step)
{
	const struct job *origin = job_origin(step);

	return is_plain != NULL &&
	       (is_plain[step->step - 1] || (origin != step && is_plain[origin->step - 1]));
}

static void put_source(struct json_writer *w, const struct copy_wish *wish, const struct job *step,
		       const struct node *source)
{
	bool is_plain = copy_is_plain(wish->is_plain, step);

	jw_name(w, "source");
	jw_object(w);
	if (step->source.kind == SOURCE_STEP)
		put_items_of_step(w, source);
	else if (is_plain)
		put_own_items(w, wish->own_items);
	for (size_t i = 0; i < ARRAY_LEN(file_kinds) && !is_plain; i++) {
		const struct node *kind = node_find(source, file_kinds[i]);
		if (kind != NULL)
			put_kind(w, step, kind);
	}
	if (!is_plain)
		put_keys(w, source);
	jw_object_end(w);
}

void copy_source(struct json_writer *w, const struct copy_wish *wish, const struct job *step,
		 const struct node *tree)
{
	if (step->source.kind != SOURCE_NONE)
		put_source(w, wish, step, node_find(tree, "source"));
	if (copy_is_plain(wish->is_plain, step))
		return;
	copy_member(w, tree, "filter");
	copy_member(w, tree, "transform");
}
