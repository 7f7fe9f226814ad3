/* SPDX-License-Identifier: Apache-2.0 */
#include "job/schema.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

static const struct schema_table *const tables[] = {&schema_top,	&schema_schedule,
						    &schema_source,	&schema_work,
						    &schema_work_kinds, &schema_run};

static const char *const type_names[] = {
#define X(id, name, what) [SCHEMA_##id] = name,
	SCHEMA_TYPES(X)
#undef X
};

static const char *const type_whats[] = {
#define X(id, name, what) [SCHEMA_##id] = what,
	SCHEMA_TYPES(X)
#undef X
};

/* ---- rows ---- */

const struct schema_key *schema_get(size_t i)
{
	for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
		if (i < tables[t]->n)
			return &tables[t]->keys[i];
		i -= tables[t]->n;
	}
	return NULL;
}

static size_t index_of(const struct schema_key *key)
{
	size_t before = 0;

	for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
		const struct schema_key *keys = tables[t]->keys;
		if (key >= keys && key < keys + tables[t]->n)
			return before + (size_t)(key - keys);
		before += tables[t]->n;
	}
	unreachable("a row of the tables");
}

const struct schema_key *schema_find(const char *path)
{
	for (const struct schema_key *key = schema_get(0); key != NULL; key = schema_next(key))
		if (strcmp(key->path, path) == 0)
			return key;
	return NULL;
}

/* The name of the row when it stands directly below `prefix` ("" top level), else NULL. */
static const char *name_below(const struct schema_key *key, const char *prefix, size_t len)
{
	const char *name = key->path;

	if (len == 0)
		return name[0] != '@' && strchr(name, '.') == NULL && strchr(name, '[') == NULL
			       ? name
			       : NULL;
	/* Most differ in the first character, and there are many. */
	if (name[0] != prefix[0] || strncmp(name, prefix, len) != 0)
		return NULL;
	name += len;
	if (strcmp(name, "[]") == 0)
		return name;
	if (name[0] != '.')
		return NULL;
	name++;
	return name[strcspn(name, ".[")] == '\0' ? name : NULL;
}

const struct schema_key *schema_next(const struct schema_key *key)
{
	return schema_get(index_of(key) + 1);
}

/* What stands below a row of the second level or deeper, or below a shared one, stands in one
 * piece; `work` and `source` are spread over tables. */
static bool is_in_one_piece(const char *prefix)
{
	return prefix[0] == '@' || strchr(prefix, '.') != NULL;
}

/* The first row from index `i` on that stands below `prefix`; `is_inside`: the row before it is
 * `prefix` itself or stands somewhere below it. */
static const struct schema_key *find_below(size_t i, const char *prefix, bool is_inside)
{
	size_t len = strlen(prefix);
	bool stops = is_inside && is_in_one_piece(prefix);

	for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
		const struct schema_table *table = tables[t];
		for (size_t k = i; k < table->n; k++) {
			const struct schema_key *key = &table->keys[k];
			if (name_below(key, prefix, len) != NULL)
				return key;
			if (stops && strncmp(key->path, prefix, len) != 0)
				return NULL;
		}
		i -= i < table->n ? i : table->n;
	}
	return NULL;
}

const struct schema_key *schema_first_child(const struct schema_key *parent)
{
	if (parent == NULL)
		return find_below(0, "", false);
	if ((parent->types & (T_MAP | T_NAMES | T_LIST)) == 0)
		return NULL;
	const struct schema_key *key = find_below(index_of(parent) + 1, parent->path, true);
	return key == NULL && parent->also != NULL ? find_below(0, parent->also, false) : key;
}

const struct schema_key *schema_next_child(const struct schema_key *parent,
					   const struct schema_key *child)
{
	const char *path = parent == NULL ? "" : parent->path;
	const char *also = parent == NULL ? NULL : parent->also;
	size_t next = index_of(child) + 1;

	if (name_below(child, path, strlen(path)) == NULL)
		return find_below(next, also, true); /* it was a shared one */
	const struct schema_key *key = find_below(next, path, true);
	return key == NULL && also != NULL ? find_below(0, also, false) : key;
}

const char *schema_name(const struct schema_key *key)
{
	const char *dot = strrchr(key->path, '.');
	const char *name = dot == NULL ? key->path : dot + 1;
	const char *bracket = strchr(name, '[');

	return bracket == NULL ? name : bracket;
}

const struct schema_key *schema_child(const struct schema_key *parent, const char *name)
{
	const struct schema_key *any = NULL;

	for (const struct schema_key *key = schema_first_child(parent); key != NULL;
	     key = schema_next_child(parent, key)) {
		const char *own = schema_name(key);
		if (strcmp(own, "*") == 0)
			any = key;
		else if (strcmp(own, name) == 0 && own[0] != '[')
			return key;
	}
	return any;
}

const struct schema_key *schema_entry(const struct schema_key *list)
{
	for (const struct schema_key *key = schema_first_child(list); key != NULL;
	     key = schema_next_child(list, key))
		if (strcmp(schema_name(key), "[]") == 0)
			return key;
	return NULL;
}

const char *schema_nearest(const struct schema_key *parent, const char *name)
{
	enum { CHILDREN_MAX = 64 };
	const char *names[CHILDREN_MAX];
	size_t n = 0;

	for (const struct schema_key *key = schema_first_child(parent); key != NULL;
	     key = schema_next_child(parent, key)) {
		const char *own = schema_name(key);
		if (own[0] != '*' && own[0] != '[' && n < CHILDREN_MAX)
			names[n++] = own;
	}
	return text_nearest(name, strlen(name), names, n);
}

/* ---- words ---- */

struct schema_word schema_word(const struct schema_key *key, int index)
{
	const char *word = key->words;

	for (int i = 0; word != NULL; i++) {
		size_t len = strcspn(word, "|");
		size_t mark = word[0] == '!' ? 1 : 0;
		if (i == index)
			return (struct schema_word){word + mark, len - mark, mark == 1};
		word = word[len] == '|' ? word + len + 1 : NULL;
	}
	return (struct schema_word){NULL, 0, false};
}

int schema_find_word(const struct schema_key *key, const char *word, size_t len)
{
	for (int i = 0; schema_word(key, i).text != NULL; i++) {
		struct schema_word known = schema_word(key, i);
		if (known.len == len && memcmp(known.text, word, len) == 0)
			return i;
	}
	return -1;
}

const char *schema_type_name(enum schema_type_index type)
{
	return type_names[type];
}

static void put_words(const struct schema_key *key, struct buf *out)
{
	bool is_first = true;

	for (int i = 0; schema_word(key, i).text != NULL; i++) {
		struct schema_word word = schema_word(key, i);
		struct schema_word next = schema_word(key, i + 1);
		if (word.is_later)
			continue;
		if (!is_first)
			buf_puts(out, next.text == NULL || next.is_later ? " or " : ", ");
		buf_put(out, word.text, word.len);
		is_first = false;
	}
}

/* Those of the types, with "or" between them, as they are called in `words`. */
static void put_types(const struct schema_key *key, unsigned types, const char *const *words,
		      struct buf *out)
{
	bool is_first = true;

	for (int type = 0; type < SCHEMA_TYPE_COUNT_; type++) {
		if ((types & (1u << type)) == 0)
			continue;
		if (!is_first)
			buf_puts(out, " or ");
		is_first = false;
		if (type == SCHEMA_ENUM)
			put_words(key, out);
		else
			buf_puts(out, words[type]);
	}
}

void schema_put_expected(const struct schema_key *key, struct buf *out)
{
	put_types(key, key->types & ~key->later_types, type_whats, out);
}

/* ---- help ---- */

void schema_put_help(const struct schema_key *key, struct buf *out)
{
	buf_printf(out, "%s (", key->path);
	put_types(key, key->types, type_names, out);
	buf_puts(out, key->is_required ? ", required)\n" : ")\n");
	buf_printf(out, "  %s\n", key->says);
	if (key->fallback != NULL)
		buf_printf(out, "  Default: %s\n", key->fallback);
	else if (key->otherwise != NULL)
		buf_printf(out, "  Default: %s\n", key->otherwise);
	if (key->later)
		buf_puts(out, "  Not available in this version.\n");
	for (const struct schema_key *child = schema_first_child(key); child != NULL;
	     child = schema_next_child(key, child))
		buf_printf(out, "  %-16s %s\n", schema_name(child), child->says);
}
