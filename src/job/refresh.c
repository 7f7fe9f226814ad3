/* SPDX-License-Identifier: Apache-2.0 */
/* What a resumed run takes from today's file, and whether that file still means the same work. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "job/job.h"
#include "job/node.h"
#include "job/scalar.h"
#include "job/schema.h"
#include "job/tree.h"

enum { SHOWN_MAX = 4096 };

/* ---- taking over ---- */

static void take_text(char *to, const char *from)
{
	char *old = NULL;
	char *now = NULL;

	memcpy(&old, to, sizeof(old));
	memcpy(&now, from, sizeof(now));
	now = now == NULL ? NULL : xstrdup(now);
	free(old);
	memcpy(to, &now, sizeof(now));
}

static void take_member(struct job *job, const struct job *now, const struct schema_key *key)
{
	char *to = (char *)job + key->at;
	const char *from = (const char *)now + key->at;

	if ((key->types & (T_TEXT | T_TEMPLATE | T_JOB_NAME | T_PATTERN)) != 0)
		take_text(to, from);
	else
		memcpy(to, from, key->bytes);
}

/* ---- comparing ---- */

static void put_node(const struct node *node, struct buf *out)
{
	if (node == NULL)
		buf_puts(out, "absent");
	else
		node_put_json(node, out);
}

static bool is_same(const struct node *a, const struct node *b)
{
	AUTO(buf) struct buf left = BUF_INIT(SIZE_MAX / 4);
	AUTO(buf) struct buf right = BUF_INIT(SIZE_MAX / 4);

	if (a == NULL || b == NULL || a->type != b->type)
		return a == b;
	/* Where anything may stand, 1 is not "1". */
	if (a->type == NODE_SCALAR && (a->key == NULL || (a->key->types & T_ANY) == 0))
		return scalar_is_same(a->key, a, b);
	put_node(a, &left);
	put_node(b, &right);
	return strcmp(buf_str(&left), buf_str(&right)) == 0;
}

static void put_difference(const struct node *was, const struct node *is, struct buf *out)
{
	AUTO(buf) struct buf old = BUF_INIT(SHOWN_MAX);
	AUTO(buf) struct buf new = BUF_INIT(SHOWN_MAX);

	node_put_path(was != NULL ? was : is, out);
	put_node(was, &old);
	put_node(is, &new);
	if (old.failed || new.failed)
		buf_puts(out, ": changed\n");
	else
		buf_printf(out, ": was %s, is %s\n", buf_str(&old), buf_str(&new));
}

static bool is_compared(const struct node *node)
{
	return node->key != NULL && !node->key->is_refreshed;
}

/* Maps of known keys, and of fields, are gone into; all else is compared as a whole. */
static bool compare(const struct node *was, const struct node *is, struct buf *out)
{
	bool same = true;

	if (was == NULL || is == NULL || was->type != NODE_MAP || is->type != NODE_MAP ||
	    (was->key != NULL && (was->key->types & T_ANY) != 0)) {
		same = is_same(was, is);
		if (!same)
			put_difference(was, is, out);
		return same;
	}
	for (const struct node *c = was->first; c != NULL; c = c->next)
		if (is_compared(c))
			same = compare(c, node_find(is, c->name), out) && same;
	for (const struct node *c = is->first; c != NULL; c = c->next)
		if (is_compared(c) && node_find(was, c->name) == NULL) {
			put_difference(NULL, c, out);
			same = false;
		}
	return same;
}

/* The order of fields is that in which items are stored. */
static bool compare_order(const struct job *job, const struct job *now, struct buf *out)
{
	if (job->source.n_fields != now->source.n_fields)
		return true; /* said by name already */
	for (size_t i = 0; i < job->source.n_fields; i++)
		if (strcmp(job->source.fields[i].name, now->source.fields[i].name) != 0) {
			buf_puts(out, "source.fields: their order has changed\n");
			return false;
		}
	return true;
}

static bool compare_all(const struct job *job, const struct job *now, struct buf *out)
{
	static const char *const kept[] = {"source",	"constants",  "filter",
					   "transform", "lua_limits", "work"};
	struct arena arena = {0};
	bool same = true;

	const struct node *was = tree_of_job(job, &arena);
	const struct node *is = tree_of_job(now, &arena);
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		same = compare(node_find(was, kept[i]), node_find(is, kept[i]), out) && same;
	if (same)
		same = compare_order(job, now, out);
	arena_done(&arena);
	return same;
}

/* The same step of today's file, NULL when it has none. */
static const struct job *same_step(const struct job *job, const struct job *now)
{
	if (job->step_name == NULL)
		return now->step_name == NULL ? now : NULL;
	return job_find_step(now, job->step_name);
}

static void put_steps(const struct job *job, struct buf *out)
{
	for (size_t i = 0; i < job->n_steps; i++)
		buf_printf(out, "%s%s", i == 0 ? "" : ", ",
			   job->steps[i]->step_name == NULL ? "none" : job->steps[i]->step_name);
}

/* Items are numbered through the steps: these, and their order, are kept. */
static bool has_same_steps(const struct job *job, const struct job *now, struct buf *out)
{
	AUTO(buf) struct buf was = BUF_INIT(SHOWN_MAX);
	AUTO(buf) struct buf is = BUF_INIT(SHOWN_MAX);

	put_steps(job, &was);
	put_steps(now, &is);
	if (strcmp(buf_str(&was), buf_str(&is)) == 0)
		return true;
	if (job->step == 1)
		buf_printf(out, "steps: were %s, are %s\n", buf_str(&was), buf_str(&is));
	return false;
}

int job_refresh(struct job *job, const struct job *today, struct buf *ret_difference)
{
	assert(job != NULL && today != NULL && ret_difference != NULL);
	bool has_steps = has_same_steps(job, today, ret_difference);
	const struct job *now = same_step(job, today);

	if (now == NULL)
		return JOB_CHANGED;
	/* On most nights the file is the one that the run began with. */
	bool same = strcmp(job->text, now->text) == 0 ||
		    (compare_all(job, now, ret_difference) && has_steps);

	for (const struct schema_key *key = schema_get(0); key != NULL; key = schema_next(key))
		if (key->is_refreshed && key->bytes > 0)
			take_member(job, now, key);
	return same ? 0 : JOB_CHANGED;
}
