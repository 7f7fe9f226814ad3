/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema of job files: one row for every key that there is, also of later versions.
 *
 * Checking, defaults, filling `struct job`, `explain`, the JSON Schema and the reference page are
 * all made from these rows, so they cannot disagree. A row names its place by a path:
 * `source.csv.header`; `params.*` stands for any name of the user's, `[]` for each entry of a list.
 * Rows whose path begins with
 * `@` are shared: a row with `also` has their keys too. The order of the rows is that of the pages.
 *
 * To add a key: one row in a schema_*.c; with AT() its value lands in struct job by itself. To make
 * a key available that was only known: drop `later`, and give it somewhere to go.
 */
#ifndef STINT_JOB_SCHEMA_H
#define STINT_JOB_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct buf;

/* id, name in the reference, what a message expects. Where a row allows several, the first that
 * reads a value wins, in this order. */
#define SCHEMA_TYPES(X)                                                                            \
	X(MAP, "map", "a map")                                                                     \
	X(NAMES, "map of names", "a map of names")                                                 \
	X(LIST, "list", "a list")                                                                  \
	X(ENUM, "word", "a word")                                                                  \
	X(BOOLEAN, "boolean", "true or false")                                                     \
	X(INTEGER, "integer", "a whole number")                                                    \
	X(NUMBER, "number", "a number such as 2 or 0.5")                                           \
	X(AMOUNT, "amount", "an amount such as 2 or 0.40")                                         \
	X(DURATION, "duration", "a duration such as 30s or 1h30m")                                 \
	X(SIZE, "size", "a size such as 64K or 5G")                                                \
	X(RATIO, "ratio", "a ratio such as 5%")                                                    \
	X(LIMIT, "count or ratio", "a count or a ratio such as 5%")                                \
	X(FACTOR, "multiple", "a multiple such as 5x")                                             \
	X(RATE, "rate", "a rate such as 50/s or 3000/m")                                           \
	X(CLOCK, "clock time", "a clock time such as 06:00")                                       \
	X(CHAR, "character", "one character")                                                      \
	X(JOB_NAME, "name", "a name of letters, digits, '.', '_' and '-'")                         \
	X(SECRET, "secret", "env:NAME, file:PATH or credential:NAME")                              \
	X(FIELD_TYPE, "field type", "a field type such as text, integer, decimal or date")         \
	X(PATTERN, "pattern", "a regular expression")                                              \
	X(STATUSES, "status", "a status such as 3, 64-68, \"[1-9]\" or 5xx")                       \
	X(UMASK, "umask", "a umask of three octal digits such as 027")                             \
	X(THEN, "keep, delete or move:DIR", "keep, delete or move:DIRECTORY")                      \
	X(TEMPLATE, "text with placeholders", "a text")                                            \
	X(TEXT, "text", "a text")                                                                  \
	X(ANY, "anything", "a value")

enum schema_type_index {
#define X(id, name, what) SCHEMA_##id,
	SCHEMA_TYPES(X)
#undef X
		SCHEMA_TYPE_COUNT_
};

enum schema_type {
#define X(id, name, what) T_##id = 1 << SCHEMA_##id,
	SCHEMA_TYPES(X)
#undef X
};

struct schema_key {
	const char *path;
	unsigned types;	      /* of T_…: what may stand here */
	unsigned later_types; /* those of them that this version cannot do yet */
	bool later;	      /* the key as a whole */
	bool is_required;
	bool is_kind;	   /* one of several: `csv` in source; its defaults count only when given */
	bool is_refreshed; /* a resumed run takes it from today's file */
	int64_t min;	   /* of integers, durations (us) and sizes; inclusive */
	int64_t max;	   /* 0: no limit but that of the type */
	const char
		*words; /* of T_ENUM, in the order of the C enum: "keep|delete"; "!live": later */
	const char *fallback;  /* the default as it would be written */
	const char *otherwise; /* without `fallback`: what holds when the key is absent */
	const char *also;      /* the shared rows whose keys it has too: "@file" */
	const char *says;      /* one sentence */
	size_t at;	       /* offset in struct job, 0 none */
	size_t bytes;	       /* of that member */
};

/* Where a value goes in struct job. */
#define AT(member)                                                                                 \
	.at = offsetof(struct job, member), .bytes = sizeof(((const struct job *)NULL)->member)

/* The tables. */
struct schema_table {
	const struct schema_key *keys;
	size_t n;
};
extern const struct schema_table schema_top;
extern const struct schema_table schema_schedule;
extern const struct schema_table schema_source;
extern const struct schema_table schema_work;
extern const struct schema_table schema_work_kinds;
extern const struct schema_table schema_run;

/* All rows in order: `i` from 0, NULL at the end. */
const struct schema_key *schema_get(size_t i);
/* The row after `key`, NULL at the end. */
const struct schema_key *schema_next(const struct schema_key *key);
/* The row of exactly this path (`source.csv.header`, `params.*.type`), or NULL. */
const struct schema_key *schema_find(const char *path);
/* The row of the key `name` below `parent` (NULL: top level); a name of the user's finds the `*`
 * row. NULL when there is none. */
const struct schema_key *schema_child(const struct schema_key *parent, const char *name);
/* The row of the entries of a list. */
const struct schema_key *schema_entry(const struct schema_key *list);
/* Walks the keys below `parent` (NULL: top level), shared ones last. NULL at the end. */
const struct schema_key *schema_first_child(const struct schema_key *parent);
const struct schema_key *schema_next_child(const struct schema_key *parent,
					   const struct schema_key *child);
/* The last part of the path: `header`, `*`, `[]`. */
const char *schema_name(const struct schema_key *key);
/* The key under that name below `parent` that is nearest to `name`, NULL when none is near. */
const char *schema_nearest(const struct schema_key *parent, const char *name);

/* What may stand here, in words: "a duration such as 30s", "one of csv, jsonl or lines". */
void schema_put_expected(const struct schema_key *key, struct buf *out);
/* The name of a type in the reference. */
const char *schema_type_name(enum schema_type_index type);
/* A word of a row's enum; `text` has no '\0' behind it. */
struct schema_word {
	const char *text; /* NULL: there is none at this index */
	size_t len;
	bool is_later; /* not available in this version */
};
struct schema_word schema_word(const struct schema_key *key, int index);
/* The index of a word in the row's enum, -1 when there is none. */
int schema_find_word(const struct schema_key *key, const char *word, size_t len);

/* `stint help KEY`: type, range, default and sentence. */
void schema_put_help(const struct schema_key *key, struct buf *out);

#endif
