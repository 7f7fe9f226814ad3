/* SPDX-License-Identifier: Apache-2.0 */
#include "job/check.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "job/fault.h"
#include "job/node.h"
#include "job/scalar.h"
#include "job/schema.h"
#include "job/suggest.h"

enum {
	PATH_MAX_CHARS = 400,
	EXPECTED_MAX = 300,
	LISTED_KEYS_MAX = 12, /* more are not read by anybody */
};

static const unsigned map_types = T_MAP | T_NAMES;

static void check_node(struct node *node, const struct schema_key *key, bool available,
		       struct faults *faults);

static void add_fault(struct node *node, struct mark at, const char *what, struct faults *faults)
{
	AUTO(buf) struct buf path = BUF_INIT(PATH_MAX_CHARS);

	node->is_bad = true;
	node_put_path(node, &path);
	faults_add(faults, at, "%s: %s", buf_str(&path), what);
}

static void complain_type(struct node *node, const char *found, struct faults *faults)
{
	AUTO(buf) struct buf what = BUF_INIT(EXPECTED_MAX);

	buf_puts(&what, "expected ");
	schema_put_expected(node->key, &what);
	buf_printf(&what, ", found %s", found);
	add_fault(node, node->at, buf_str(&what), faults);
}

/* ---- unknown keys ---- */

static void put_known(const struct schema_key *parent, struct buf *out)
{
	size_t n = 0;

	for (const struct schema_key *key = schema_first_child(parent); key != NULL;
	     key = schema_next_child(parent, key))
		n++;
	if (n > LISTED_KEYS_MAX)
		return;
	for (const struct schema_key *key = schema_first_child(parent); key != NULL;
	     key = schema_next_child(parent, key))
		buf_printf(out, "%s%s", out->len == 0 ? "; known here: " : ", ", schema_name(key));
}

/* A row elsewhere that has this very name: the key stands in the wrong place. */
static const struct schema_key *find_elsewhere(const char *name)
{
	for (const struct schema_key *key = schema_get(0); key != NULL; key = schema_next(key))
		if (!key->later && strpbrk(key->path, "@[*") == NULL &&
		    strcmp(schema_name(key), name) == 0)
			return key;
	return NULL;
}

static void complain_unknown(struct node *node, const struct schema_key *parent,
			     struct faults *faults)
{
	AUTO(buf) struct buf place = BUF_INIT(PATH_MAX_CHARS);
	AUTO(buf) struct buf known = BUF_INIT(EXPECTED_MAX);
	const char *near = schema_nearest(parent, node->name);
	const struct schema_key *elsewhere = find_elsewhere(node->name);

	node->is_bad = true;
	if (faults->n == FAULTS_MAX) { /* finding words for what is only counted would take long */
		faults->n_more++;
		return;
	}
	if (node->parent->parent != NULL) {
		buf_puts(&place, " in ");
		node_put_path(node->parent, &place);
	}
	if (near != NULL)
		buf_puts(&known, DID_YOU_MEAN(near));
	else if (elsewhere != NULL)
		buf_printf(&known, "; there is %s", elsewhere->path);
	else
		put_known(parent, &known);
	faults_add(faults, node_mark(node), "unknown key %s%s%s",
		   QUOTED(node->name, strlen(node->name)), buf_str(&place), buf_str(&known));
}

/* ---- maps and lists ---- */

static void check_required(struct node *map, const struct schema_key *key, struct faults *faults)
{
	for (const struct schema_key *child = schema_first_child(key); child != NULL;
	     child = schema_next_child(key, child)) {
		const char *name = schema_name(child);
		if (!child->is_required || node_find(map, name) != NULL)
			continue;
		/* steps have their own */
		if (key == NULL && strcmp(name, "work") == 0 && node_find(map, "steps") != NULL)
			continue;
		AUTO(buf) struct buf path = BUF_INIT(PATH_MAX_CHARS);
		node_put_path(map, &path);
		/* not marked bad: what is there is right */
		faults_add(faults, node_mark(map), "%s%s%s is missing: %s", buf_str(&path),
			   path.len > 0 ? "." : "", name, child->says);
	}
}

/* Keys that begin with x- are the user's own. */
static bool is_users_own(const struct node *node)
{
	return strncmp(node->name, "x-", 2) == 0;
}

static void check_map(struct node *map, const struct schema_key *key, bool available,
		      struct faults *faults)
{
	for (struct node *c = map->first; c != NULL; c = c->next) {
		if (is_users_own(c))
			continue;
		const struct schema_key *child = schema_child(key, c->name);
		if (child == NULL)
			complain_unknown(c, key, faults);
		else
			check_node(c, child, available, faults);
	}
	if (available)
		check_required(map, key, faults);
}

static void check_list(struct node *list, const struct schema_key *key, bool available,
		       struct faults *faults)
{
	const struct schema_key *entry = schema_entry(key);

	assert(entry != NULL); /* every list of the table has one */
	for (struct node *c = list->first; c != NULL; c = c->next)
		check_node(c, entry, available, faults);
}

/* ---- scalars ---- */

static void check_scalar(struct node *node, const struct schema_key *key, bool available,
			 struct faults *faults)
{
	struct scalar scalar = {0};
	struct err err = ERR_INIT;

	if ((key->types & ~(map_types | T_LIST)) == 0) {
		complain_type(node, QUOTED(node->text, node->len), faults);
		return;
	}
	if (scalar_read(key, node, &scalar, &err) < 0) {
		add_fault(node, node->at, err.text, faults);
		return;
	}
	if (available && scalar.is_later) {
		AUTO(buf) struct buf what = BUF_INIT(EXPECTED_MAX);
		buf_printf(&what, "%s is not available in this version", node->text);
		add_fault(node, node->at, buf_str(&what), faults);
	}
}

static void check_node(struct node *node, const struct schema_key *key, bool available,
		       struct faults *faults)
{
	node->key = key;
	if (available && key->later) {
		add_fault(node, node_mark(node), "not available in this version", faults);
		available = false;
	}
	if ((key->types & T_ANY) != 0)
		return;
	switch (node->type) {
	case NODE_NULL:
		add_fault(node, node->at, "has no value (null); give it one or leave the key out",
			  faults);
		break;
	case NODE_SCALAR:
		check_scalar(node, key, available, faults);
		break;
	case NODE_LIST:
		if ((key->types & T_LIST) != 0)
			check_list(node, key, available, faults);
		else
			complain_type(node, "a list", faults);
		break;
	case NODE_MAP:
		if ((key->types & map_types) == 0) {
			complain_type(node, "a map", faults);
			break;
		}
		if (available && (key->later_types & map_types) != 0) {
			add_fault(node, node->at, "this form is not available in this version",
				  faults);
			available = false;
		}
		check_map(node, key, available, faults);
		break;
	case NODE_TYPE_COUNT_:
		break;
	}
}

void check_tree(struct node *root, struct faults *faults)
{
	static const char *const whats[] = {
		[NODE_NULL] = "nothing", [NODE_SCALAR] = "a single value", [NODE_LIST] = "a list"};

	assert(root != NULL && faults != NULL);
	if (root->type != NODE_MAP) {
		root->is_bad = true;
		faults_add(faults, root->at,
			   "expected a map of keys such as job and work, found %s",
			   whats[root->type]);
		return;
	}
	check_map(root, NULL, true, faults);
}
