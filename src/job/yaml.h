/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML text to a tree of nodes, over libyaml's events.
 *
 * Promise: bounded in time and memory whatever the text: at most YAML_BYTES_MAX bytes,
 *          YAML_DEPTH_MAX levels, YAML_NODES_MAX values, YAML_EXPANDED_MAX of them by aliases. What
 *          could be misread is refused with its place: tabs, duplicate keys, merge keys, tags, a
 *          second document, keys that are no text, bytes that are no UTF-8.
 * Failure: faults; what was sound is still read where that is possible.
 */
#ifndef STINT_JOB_YAML_H
#define STINT_JOB_YAML_H

#include <stddef.h>

#include "base/attr.h"

struct arena;
struct faults;
struct node;

enum {
	YAML_BYTES_MAX = 1024 * 1024, /* a job file is written by a person */
	YAML_DEPTH_MAX = 64,
	YAML_NODES_MAX = 100000,
	YAML_EXPANDED_MAX = 10000, /* values that come from aliases */
	YAML_KEY_BYTES_MAX = 128, /* escaped it is still a key of 1,024, which is libyaml's limit */
	YAML_KEYS_MAX = 1000,	  /* in one map; keeps the search for duplicates cheap */
};

/* Gives the root (in `arena`), or NULL when the text could not be read to its end; then there is at
 * least one fault. */
struct node *yaml_read(const char *text, size_t len, struct arena *arena, struct faults *faults);

#endif
