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

static size_t count_rows(void)
{
	size_t n = 0;

	for (size_t t = 0; t < ARRAY_LEN(tables); t++)
		n += tables[t]->n;
	return n;
}

const struct schema_key *schema_find(const char *path)
{
	const struct schema_key *key = NULL;

	for (size_t i = 0; (key = schema_get(i)) != NULL; i++)
		if (strcmp(key->path, path) == 0)
			return key;
	return NULL;
}

/* The name of the row when it stands directly below `prefix` ("" top level), else NULL. */
static const char *name_below(const struct schema_key *key, const char *prefix, size_t len)
{
	const char *name = key->path;

	if (len == 0)
		return name[0] != '@' && name[strcspn(name, ".[")] == '\0' ? name : NULL;
	if (strncmp(name, prefix, len) != 0)
		return NULL;
	name += len;
	if (strcmp(name, "[]") == 0)
		return name;
	if (name[0] != '.')
		return NULL;
	name++;
	return name[strcspn(name, ".[")] == '\0' ? name : NULL;
}

const struct schema_key *schema_next_child(const struct schema_key *parent, size_t *i)
{
	const size_t n = count_rows();
	const struct schema_key *key = NULL;
	const char *path = parent == NULL ? "" : parent->path;
	const char *also = parent == NULL ? NULL : parent->also;

	assert(i != NULL);
	for (; *i < n; (*i)++) {
		key = schema_get(*i);
		if (name_below(key, path, strlen(path)) != NULL) {
			(*i)++;
			return key;
		}
	}
	for (; also != NULL && *i < 2 * n; (*i)++) {
		key = schema_get(*i - n);
		if (name_below(key, also, strlen(also)) != NULL) {
			(*i)++;
			return key;
		}
	}
	return NULL;
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
	const struct schema_key *key = NULL;

	for (size_t i = 0; (key = schema_next_child(parent, &i)) != NULL;) {
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
	const struct schema_key *key = NULL;

	for (size_t i = 0; (key = schema_next_child(list, &i)) != NULL;)
		if (strcmp(schema_name(key), "[]") == 0)
			return key;
	return NULL;
}

const char *schema_nearest(const struct schema_key *parent, const char *name)
{
	enum { CHILDREN_MAX = 64 };
	const char *names[CHILDREN_MAX];
	size_t n = 0;
	const struct schema_key *key = NULL;

	for (size_t i = 0; (key = schema_next_child(parent, &i)) != NULL;) {
		const char *own = schema_name(key);
		if (own[0] != '*' && own[0] != '[' && n < CHILDREN_MAX)
			names[n++] = own;
	}
	return text_nearest(name, strlen(name), names, n);
}

/* ---- words ---- */

const char *schema_word(const struct schema_key *key, int index, size_t *ret_len, bool *ret_later)
{
	const char *word = key->words;

	for (int i = 0; word != NULL; i++) {
		size_t len = strcspn(word, "|");
		if (i == index) {
			*ret_later = word[0] == '!';
			word += *ret_later ? 1 : 0;
			*ret_len = len - (*ret_later ? 1 : 0);
			return word;
		}
		word = word[len] == '|' ? word + len + 1 : NULL;
	}
	return NULL;
}

int schema_find_word(const struct schema_key *key, const char *word, size_t len)
{
	const char *known = NULL;
	size_t known_len = 0;
	bool is_later = false;

	for (int i = 0; (known = schema_word(key, i, &known_len, &is_later)) != NULL; i++)
		if (known_len == len && memcmp(known, word, len) == 0)
			return i;
	return -1;
}

const char *schema_type_name(enum schema_type_index type)
{
	return type_names[type];
}

static void put_words(const struct schema_key *key, struct buf *out)
{
	const char *word = NULL;
	size_t len = 0;
	bool is_later = false;
	bool is_first = true;

	for (int i = 0; (word = schema_word(key, i, &len, &is_later)) != NULL; i++) {
		if (is_later)
			continue;
		size_t next_len = 0;
		bool next_later = false;
		const char *next = schema_word(key, i + 1, &next_len, &next_later);
		if (!is_first)
			buf_puts(out, next == NULL || next_later ? " or " : ", ");
		buf_put(out, word, len);
		is_first = false;
	}
}

void schema_put_expected(const struct schema_key *key, struct buf *out)
{
	bool is_first = true;

	for (int type = 0; type < SCHEMA_TYPE_COUNT_; type++) {
		if ((key->types & (1u << type)) == 0 || (key->later_types & (1u << type)) != 0)
			continue;
		if (!is_first)
			buf_puts(out, " or ");
		is_first = false;
		if (type == SCHEMA_ENUM)
			put_words(key, out);
		else
			buf_puts(out, type_whats[type]);
	}
}

/* ---- help ---- */

static void put_type_names(const struct schema_key *key, struct buf *out)
{
	bool is_first = true;

	for (int type = 0; type < SCHEMA_TYPE_COUNT_; type++) {
		if ((key->types & (1u << type)) == 0)
			continue;
		if (!is_first)
			buf_puts(out, " or ");
		is_first = false;
		if (type == SCHEMA_ENUM)
			put_words(key, out);
		else
			buf_puts(out, type_names[type]);
	}
}

void schema_put_help(const struct schema_key *key, struct buf *out)
{
	const struct schema_key *child = NULL;

	buf_printf(out, "%s (", key->path);
	put_type_names(key, out);
	buf_puts(out, key->is_required ? ", required)\n" : ")\n");
	buf_printf(out, "  %s\n", key->says);
	if (key->fallback != NULL)
		buf_printf(out, "  Default: %s\n", key->fallback);
	else if (key->otherwise != NULL)
		buf_printf(out, "  Default: %s\n", key->otherwise);
	if (key->later)
		buf_puts(out, "  Not available in this version.\n");
	for (size_t i = 0; (child = schema_next_child(key, &i)) != NULL;)
		buf_printf(out, "  %-16s %s\n", schema_name(child), child->says);
}
