/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table as a whole, row by row: each path has its parent, each default reads, each key takes a
 * right value (or says that it is not available) and refuses a wrong one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "job/node.h"
#include "job/scalar.h"
#include "job/schema.h"
#include "unit/job/parsed.h"

enum { LEVELS_MAX = 12 };

static void paths_are_unique_and_have_a_sentence(void **state)
{
	for (const struct schema_key *key = schema_get(0); key != NULL; key = schema_next(key)) {
		assert_ptr_equal(schema_find(key->path), key);
		size_t len = strlen(key->says);
		assert_true(len > 3 && key->says[len - 1] == '.');
	}
	assert_null(schema_find("no.such.key"));
}

static void every_row_is_found_from_the_top(void **state)
{
	for (const struct schema_key *key = schema_get(0); key != NULL; key = schema_next(key)) {
		char parent[128];
		const char *name = schema_name(key);
		size_t n = strlen(key->path) - strlen(name);
		if (n == 0)
			continue;
		n -= name[0] == '[' ? 0 : 1;
		memcpy(parent, key->path, n);
		parent[n] = '\0';
		if (parent[0] == '@' && strchr(parent, '.') == NULL)
			continue; /* the root of shared rows is no row */
		const struct schema_key *p = schema_find(parent);
		if (p == NULL)
			fail_msg("%s has no parent", key->path);
		assert_true((p->types & (name[0] == '[' ? T_LIST : T_MAP | T_NAMES)) != 0);
	}
}

/* How many rows stand directly below `path`, by looking at all of them. */
static size_t count_below(const char *path)
{
	size_t len = strlen(path);
	size_t n = 0;

	for (const struct schema_key *key = schema_get(0); key != NULL; key = schema_next(key)) {
		const char *rest = key->path + len;
		if (strncmp(key->path, path, len) != 0)
			continue;
		n += rest[0] == '.' && strcspn(rest + 1, ".[") == strlen(rest + 1) ? 1 : 0;
		n += strcmp(rest, "[]") == 0 ? 1 : 0;
	}
	return n;
}

static void every_row_lists_all_that_stands_below_it(void **state)
{
	for (const struct schema_key *key = schema_get(0); key != NULL; key = schema_next(key)) {
		size_t wanted = count_below(key->path);
		size_t n = 0;
		if (key->also != NULL)
			wanted += count_below(key->also);
		for (const struct schema_key *child = schema_first_child(key); child != NULL;
		     child = schema_next_child(key, child))
			n++;
		if (n != wanted)
			fail_msg("%s lists %zu keys, %zu stand below it", key->path, n, wanted);
	}
}

static void shared_rows_are_used(void **state)
{
	for (const struct schema_key *key = schema_get(0); key != NULL; key = schema_next(key)) {
		size_t n = strcspn(key->path, ".");
		bool is_used = key->path[0] != '@';
		for (const struct schema_key *user = schema_get(0); user != NULL;
		     user = schema_next(user))
			is_used = is_used || (user->also != NULL && strlen(user->also) == n &&
					      memcmp(user->also, key->path, n) == 0);
		if (!is_used)
			fail_msg("%s belongs to nothing", key->path);
	}
}

static void defaults_read_as_their_type(void **state)
{
	for (const struct schema_key *key = schema_get(0); key != NULL; key = schema_next(key)) {
		const char *text = key->fallback;
		struct scalar scalar = {0};
		struct err err = ERR_INIT;
		if (text == NULL || text[0] == '[')
			continue;
		size_t quote = strchr("\"'", text[0]) != NULL ? 1 : 0;
		char *bare = strndup(text + quote, strlen(text) - 2 * quote);
		struct node node = {.type = NODE_SCALAR,
				    .is_plain = quote == 0,
				    .text = bare,
				    .len = strlen(bare),
				    .key = key};
		if (scalar_read(key, &node, &scalar, &err) < 0)
			fail_msg("%s: %s", key->path, err.text);
		assert_false(scalar.is_later);
		free(bare);
	}
}

/* ---- a file with just this key ---- */

/* Of types that have one value for all. */
static const char *const right_values[SCHEMA_TYPE_COUNT_] = {
	[SCHEMA_MAP] = "{}",	   [SCHEMA_NAMES] = "{}",     [SCHEMA_BOOLEAN] = "true",
	[SCHEMA_NUMBER] = "2.5",   [SCHEMA_DURATION] = "5m",  [SCHEMA_SIZE] = "1M",
	[SCHEMA_RATIO] = "5%",	   [SCHEMA_LIMIT] = "5%",     [SCHEMA_FACTOR] = "5x",
	[SCHEMA_RATE] = "50/s",	   [SCHEMA_CLOCK] = "06:00",  [SCHEMA_CHAR] = "';'",
	[SCHEMA_JOB_NAME] = "abc", [SCHEMA_SECRET] = "env:A", [SCHEMA_FIELD_TYPE] = "text",
	[SCHEMA_PATTERN] = "abc",  [SCHEMA_STATUSES] = "3",   [SCHEMA_UMASK] = "027",
	[SCHEMA_THEN] = "keep",	   [SCHEMA_TEMPLATE] = "abc", [SCHEMA_TEXT] = "abc",
	[SCHEMA_ANY] = "abc",
};

static const char *right_value(const struct schema_key *key)
{
	static char text[128];

	for (int type = 0; type < SCHEMA_TYPE_COUNT_; type++) {
		if ((key->types & (1u << type)) == 0 ||
		    (!key->later && (key->later_types & (1u << type)) != 0))
			continue;
		if (type == SCHEMA_LIST)
			return (schema_entry(key)->types & (T_TEXT | T_TEMPLATE)) != 0 ? "[abc]"
										       : "[]";
		if (right_values[type] != NULL)
			return right_values[type];
		struct schema_word word = schema_word(key, 0);
		if (type == SCHEMA_ENUM)
			(void)snprintf(text, sizeof(text), "%.*s", (int)word.len,
				       word.text); /* fits */
		else
			(void)snprintf(text, sizeof(text), "%d",
				       (int)(key->min > 0 ? key->min : 1)); /* fits */
		return text;
	}
	return "abc";
}

/* NULL: everything is right here. */
static const char *wrong_value(const struct schema_key *key)
{
	if ((key->types & T_ANY) != 0)
		return NULL;
	if ((key->types & (T_LIST | T_MAP | T_NAMES)) == 0)
		return "[[a]]";
	if ((key->types & T_LIST) == 0)
		return "[a]";
	return (key->types & (T_MAP | T_NAMES)) == 0 ? "{a: b}" : NULL;
}

/* Writes `a: {b: [{c: VALUE}]}` for a path; shared rows stand where they are used first. */
static void put_file(const struct schema_key *key, const char *value, struct buf *out,
		     struct buf *ret_path)
{
	const struct schema_key *user = NULL;
	const char *rest = key->path;
	const char *closing[LEVELS_MAX] = {0};
	size_t n = 0;

	if (rest[0] == '@') {
		size_t len = strcspn(rest, ".");
		for (user = schema_get(0); user != NULL; user = schema_next(user))
			if (user->also != NULL && strlen(user->also) == len &&
			    memcmp(user->also, rest, len) == 0)
				break;
		buf_puts(ret_path, user == NULL ? "?" : user->path);
		rest += len;
	}
	buf_puts(ret_path, rest);
	AUTO(buf) struct buf path = BUF_INIT(1000);
	buf_puts(&path, buf_str(ret_path));
	for (const char *p = buf_str(&path); *p != '\0';) {
		if (*p == '[') {
			buf_puts(out, "[");
			closing[n++] = "]";
			p += 2;
			continue;
		}
		p += *p == '.' ? 1 : 0;
		size_t len = strcspn(p, ".[");
		buf_puts(out, "{");
		closing[n++] = "}";
		buf_put(out, *p == '*' ? "foo" : p, *p == '*' ? 3 : len);
		buf_puts(out, ": ");
		p += len;
	}
	buf_puts(out, value);
	while (n > 0)
		buf_puts(out, closing[--n]);
	buf_putc(out, '\n');
}

/* The path as faults write it: with the name that stands for `*`. */
static void put_shown(const char *path, struct buf *out)
{
	for (; *path != '\0'; path++) {
		if (*path == '*')
			buf_puts(out, "foo");
		else
			buf_putc(out, *path);
	}
}

/* The first fault about exactly this path, NULL when there is none; or `word` anywhere. */
static const char *fault_about(const struct parsed *p, const char *path, const char *word)
{
	for (size_t i = 0; i < p->n; i++) {
		const char *text = strchr(p->faults[i], ' ') + 1;
		size_t len = strlen(path);
		if (strncmp(text, path, len) == 0 && text[len] == ':' &&
		    strstr(text + len, word) != NULL)
			return text;
	}
	return NULL;
}

static bool has_word(const struct parsed *p, const char *word)
{
	for (size_t i = 0; i < p->n; i++)
		if (strstr(p->faults[i], word) != NULL)
			return true;
	return false;
}

/* True when the row or one above it is not available. */
static bool is_unavailable(const char *path)
{
	char part[128];

	for (size_t n = 1; n <= strlen(path); n++) {
		if (path[n] != '\0' && path[n] != '.' && path[n] != '[')
			continue;
		memcpy(part, path, n);
		part[n] = '\0';
		const struct schema_key *key = schema_find(part);
		if (key == NULL)
			continue;
		bool is_last = path[n] == '\0';
		if (key->later || (!is_last && path[n] == '.' && (key->later_types & T_MAP) != 0))
			return true;
	}
	return false;
}

static void every_key_takes_a_right_value_or_is_not_available(void **state)
{
	for (const struct schema_key *key = schema_get(0); key != NULL; key = schema_next(key)) {
		AUTO(buf) struct buf text = BUF_INIT(1000);
		AUTO(buf) struct buf path = BUF_INIT(1000);
		AUTO(buf) struct buf shown = BUF_INIT(1000);
		put_file(key, right_value(key), &text, &path);
		put_shown(buf_str(&path), &shown);
		AUTO(parsed) struct parsed p = parsed_of(buf_str(&text));
		bool later = is_unavailable(buf_str(&path)) || key->later;
		if (has_word(&p, "unknown key") ||
		    fault_about(&p, buf_str(&shown), "expected a") != NULL ||
		    later != has_word(&p, "not available in this version"))
			fail_msg("%s: %s", buf_str(&text), p.n > 0 ? p.faults[0] : "no fault");
	}
}

static void every_key_refuses_a_wrong_value(void **state)
{
	for (const struct schema_key *key = schema_get(0); key != NULL; key = schema_next(key)) {
		const char *wrong = wrong_value(key);
		AUTO(buf) struct buf text = BUF_INIT(1000);
		AUTO(buf) struct buf path = BUF_INIT(1000);
		AUTO(buf) struct buf shown = BUF_INIT(1000);
		if (wrong == NULL)
			continue;
		put_file(key, wrong, &text, &path);
		put_shown(buf_str(&path), &shown);
		if (strncmp(buf_str(&path), "constants.", 10) == 0)
			continue; /* anything goes */
		AUTO(parsed) struct parsed p = parsed_of(buf_str(&text));
		const char *fault = fault_about(&p, buf_str(&shown), "expected ");
		if (fault == NULL)
			fail_msg("%s: %s", buf_str(&text), p.n > 0 ? p.faults[0] : "no fault");
	}
}

static void null_is_refused_for_every_key(void **state)
{
	for (const struct schema_key *key = schema_get(0); key != NULL; key = schema_next(key)) {
		AUTO(buf) struct buf text = BUF_INIT(1000);
		AUTO(buf) struct buf path = BUF_INIT(1000);
		AUTO(buf) struct buf shown = BUF_INIT(1000);
		if ((key->types & T_ANY) != 0)
			continue;
		put_file(key, "~", &text, &path);
		put_shown(buf_str(&path), &shown);
		AUTO(parsed) struct parsed p = parsed_of(buf_str(&text));
		if (fault_about(&p, buf_str(&shown), "has no value (null)") == NULL)
			fail_msg("%s: %s", buf_str(&text), p.n > 0 ? p.faults[0] : "no fault");
	}
}

static void typing_errors_find_the_nearest_key_of_the_place(void **state)
{
	assert_string_equal(schema_nearest(NULL, "retyr"), "retry");
	assert_string_equal(schema_nearest(schema_find("source"), "feilds"), "fields");
	assert_string_equal(schema_nearest(schema_find("source.jsonl"), "pth"), "path");
	assert_null(schema_nearest(schema_find("source"), "wobble"));
}

static void words_know_which_are_for_later(void **state)
{
	const struct schema_key *key = schema_find("source.intake");

	assert_false(schema_word(key, 0).is_later);
	assert_memory_equal(schema_word(key, 1).text, "live", 4);
	assert_int_equal(schema_word(key, 1).len, 4);
	assert_true(schema_word(key, 1).is_later);
	assert_null(schema_word(key, 2).text);
	assert_int_equal(schema_find_word(key, "live", 4), 1);
	assert_int_equal(schema_find_word(key, "liv", 3), -1);
}

static void words_are_few_and_short(void **state)
{
	for (const struct schema_key *key = schema_get(0); key != NULL; key = schema_next(key)) {
		assert_null(schema_word(key, 8).text);
		for (int i = 0; schema_word(key, i).text != NULL; i++)
			assert_true(schema_word(key, i).len < 32);
	}
}

static void help_says_type_default_and_sentence(void **state)
{
	AUTO(buf) struct buf b = BUF_INIT(1000);

	schema_put_help(schema_find("work.timeout"), &b);
	assert_string_equal(buf_str(&b), "work.timeout (duration)\n"
					 "  How long an attempt may take.\n"
					 "  Default: 60s\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_unique_and_have_a_sentence),
		cmocka_unit_test(every_row_is_found_from_the_top),
		cmocka_unit_test(every_row_lists_all_that_stands_below_it),
		cmocka_unit_test(shared_rows_are_used),
		cmocka_unit_test(defaults_read_as_their_type),
		cmocka_unit_test(every_key_takes_a_right_value_or_is_not_available),
		cmocka_unit_test(every_key_refuses_a_wrong_value),
		cmocka_unit_test(null_is_refused_for_every_key),
		cmocka_unit_test(typing_errors_find_the_nearest_key_of_the_place),
		cmocka_unit_test(words_know_which_are_for_later),
		cmocka_unit_test(words_are_few_and_short),
		cmocka_unit_test(help_says_type_default_and_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
