/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job file as a tree: what the YAML reader makes and everything else in this folder reads.
 *
 * Promise: scalars are kept as the text that stands in the file; what they mean is decided by the
 *          schema of their place, not by how they look. Every node knows where it stands.
 * Owner:   an arena; the tree dies with it.
 */
#ifndef STINT_JOB_NODE_H
#define STINT_JOB_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "job/fault.h"

struct arena;
struct buf;
struct schema_key;

enum node_type { NODE_NULL, NODE_SCALAR, NODE_LIST, NODE_MAP, NODE_TYPE_COUNT_ };

struct node {
	enum node_type type;
	bool is_plain;	 /* a scalar without quotes and not a block: may be a number or a boolean */
	bool is_block;	 /* a scalar whose text begins in the line behind its mark */
	bool is_open;	 /* still being read: an alias must not name it */
	bool is_default; /* not in the file, put in by schema_complete */
	bool is_bad;	 /* a fault was reported at it */
	int indent;	 /* of a block's lines, in characters */
	struct mark at;
	struct mark name_at;
	const char *name; /* its key in a map, NULL in a list; a C string */
	const char *text; /* a scalar's, a C string without NUL inside */
	size_t len;
	struct node *parent;
	struct node *first;
	struct node *last;
	struct node *next;
	size_t n;
	const struct schema_key *key; /* what the schema says of its place, once checked */
};

struct node *node_new(struct arena *arena, enum node_type type, struct mark at);
void node_append(struct node *parent, struct node *child);
/* The value of a map's key, or NULL; NULL also when `map` is NULL or no map. */
struct node *node_find(const struct node *map, const char *name);
/* node_find, and the child counts only when no fault was found in it. */
struct node *node_find_good(const struct node *map, const char *name);
/* True when a fault was reported at it or below; also for NULL: false. */
bool node_is_bad(const struct node *node);
/* Where a fault about the node as a whole is shown: its key, or itself in a list. */
struct mark node_mark(const struct node *node);
/* Appends where it stands in words of the schema: `source.csv.path`, `params.region.type`. */
void node_put_path(const struct node *node, struct buf *out);
/* True for `true` and `false` and for what JSON calls a number, unquoted. */
bool node_is_json_literal(const struct node *node);
/* Appends the tree as compact JSON that is YAML too; scalars that are JSON literals bare. */
void node_put_json(const struct node *node, struct buf *out);
/* False when something in it would not come through a YAML reader as it is. */
bool node_is_yaml_safe(const char *text, size_t len);
/* A JSON string that YAML, which knows more line ends and fewer characters, reads back exactly. */
void node_put_quoted(const char *text, size_t len, struct buf *out);
/* The same without the quotes, and without regard to YAML: the inside of a JSON string. */
void node_put_inside(const char *text, size_t len, struct buf *out);

#endif
