/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/err.h"
#include "cli/options.h"
#include "cli/verbs.h"

enum { ARGS_MAX = 16 };

/* Reads the words (NULL-terminated) as those of the verb. */
static int parse(struct options *o, const struct verb *verb, const char *const *words,
		 struct err *err)
{
	static char storage[ARGS_MAX][64];
	char *argv[ARGS_MAX + 1] = {0};
	int argc = 0;
	int next = 0;

	for (; words[argc] != NULL; argc++) {
		size_t len = strlen(words[argc]);
		assert_true(argc < ARGS_MAX && len < sizeof(storage[0]));
		memcpy(storage[argc], words[argc], len + 1);
		argv[argc] = storage[argc];
	}
	struct options_input input = {
		.argc = argc,
		.argv = argv,
		.allowed = OPTIONS_GLOBAL | (verb == NULL ? 0 : verb->options),
		.verb = verb == NULL ? NULL : verb->name,
	};
	int rc = options_parse(o, &input, &next, err);
	return rc < 0 ? rc : next;
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void options_and_words_may_be_mixed(void **state)
{
	struct options o = {0};
	struct err err = ERR_INIT;

	int rc = parse(&o, verb_find("runs"), WORDS("runs", "a", "-N", "3", "--json", "b"), &err);
	assert_true(rc >= 0);
	assert_string_equal(o.value[OPTION_COUNT_N], "3");
	assert_true(o.is_given[OPTION_JSON]);
	assert_false(o.is_given[OPTION_QUIET]);
	assert_int_equal(o.n_words, 2);
	assert_string_equal(o.words[0], "a");
	assert_string_equal(o.words[1], "b");
	options_done(&o);
}

static void two_dashes_end_options(void **state)
{
	struct options o = {0};
	struct err err = ERR_INIT;

	assert_true(parse(&o, verb_find("items"), WORDS("items", "-q", "--", "--run", "-x"),
			  &err) >= 0);
	assert_true(o.is_given[OPTION_QUIET]);
	assert_false(o.is_given[OPTION_RUN]);
	assert_int_equal(o.n_words, 2);
	assert_string_equal(o.words[0], "--run");
	options_done(&o);
}

static void options_before_the_verb_are_the_global_ones(void **state)
{
	struct options o = {0};
	struct err err = ERR_INIT;

	int next = parse(&o, NULL, WORDS("stint", "--ledger", "x.db", "-q", "run", "--date", "y"),
			 &err);
	assert_int_equal(next, 4);
	assert_string_equal(o.value[OPTION_LEDGER], "x.db");
	assert_int_equal(o.n_words, 0);
	options_done(&o);
	assert_int_equal(parse(&o, NULL, WORDS("stint", "--date", "y", "run"), &err), ERR_USAGE);
	assert_non_null(strstr(err.text, "before the verb"));
	options_done(&o);
}

static void parameters_are_all_kept_in_order(void **state)
{
	struct options o = {0};
	struct err err = ERR_INIT;

	assert_true(parse(&o, verb_find("run"),
			  WORDS("run", "--param", "b=2", "x.yaml", "--param=a=1"), &err) >= 0);
	assert_int_equal(o.n_params, 2);
	assert_string_equal(o.params[0], "b=2");
	assert_string_equal(o.params[1], "a=1");
	options_done(&o);
}

static void a_typing_error_gets_the_nearest_option_of_the_verb(void **state)
{
	struct options o = {0};
	struct err err = ERR_INIT;

	assert_int_equal(parse(&o, verb_find("run"), WORDS("run", "--dte=x"), &err), ERR_USAGE);
	assert_non_null(strstr(err.text, "'--dte'"));
	assert_non_null(strstr(err.text, "did you mean '--date'"));
	options_done(&o);
	assert_int_equal(parse(&o, verb_find("runs"), WORDS("runs", "--date", "x"), &err),
			 ERR_USAGE);
	options_done(&o);
}

static void wrong_use_of_an_option_says_what_is_wrong(void **state)
{
	static const struct {
		const char *words[3];
		const char *said;
	} cases[] = {
		{{"run", "--date", NULL}, "--date needs a value: --date DATE"},
		{{"runs", "-N", NULL}, "--count needs a value"},
		{{"run", "--again=yes", NULL}, "--again takes no value"},
		{{"run", "-Z", NULL}, "no option '-Z'"},
		{{"run", "--ver", NULL}, "more than one option"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct options o = {0};
		struct err err = ERR_INIT;
		assert_int_equal(parse(&o, verb_find(cases[i].words[0]), cases[i].words, &err),
				 ERR_USAGE);
		if (strstr(err.text, cases[i].said) == NULL)
			fail_msg("'%s' does not say '%s'", err.text, cases[i].said);
		options_done(&o);
	}
}

static void a_unique_beginning_is_enough(void **state)
{
	struct options o = {0};
	struct err err = ERR_INIT;

	assert_true(parse(&o, verb_find("run"), WORDS("run", "--ignore", "--dry"), &err) >= 0);
	assert_true(o.is_given[OPTION_IGNORE_WINDOW]);
	assert_true(o.is_given[OPTION_DRY_RUN]);
	options_done(&o);
}

static void numbers_have_bounds(void **state)
{
	const struct option_range range = {.min = 1, .max = 100, .fallback = 20};
	struct options o = {0};
	struct err err = ERR_INIT;
	int64_t n = 0;

	assert_int_equal(options_number(&o, OPTION_COUNT_N, &range, &n, &err), 0);
	assert_int_equal(n, 20);
	o.is_given[OPTION_COUNT_N] = true;
	o.value[OPTION_COUNT_N] = "100";
	assert_int_equal(options_number(&o, OPTION_COUNT_N, &range, &n, &err), 0);
	assert_int_equal(n, 100);
	static const char *const bad[] = {"0", "101", "", "x", "1x", "-1", "010"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		o.value[OPTION_COUNT_N] = bad[i];
		assert_int_equal(options_number(&o, OPTION_COUNT_N, &range, &n, &err), ERR_USAGE);
	}
}

static void words_of_an_option_get_the_nearest(void **state)
{
	static const char *const words[] = {"text", "json", "csv", NULL};
	struct options o = {0};
	struct err err = ERR_INIT;
	int index = -1;

	assert_int_equal(options_word(&o, OPTION_FORMAT, words, 0, &index, &err), 0);
	assert_int_equal(index, 0);
	o.is_given[OPTION_FORMAT] = true;
	o.value[OPTION_FORMAT] = "csv";
	assert_int_equal(options_word(&o, OPTION_FORMAT, words, 0, &index, &err), 0);
	assert_int_equal(index, 2);
	o.value[OPTION_FORMAT] = "jsn";
	assert_int_equal(options_word(&o, OPTION_FORMAT, words, 0, &index, &err), ERR_USAGE);
	assert_non_null(strstr(err.text, "did you mean 'json'"));
	o.value[OPTION_FORMAT] = "pigeon";
	assert_int_equal(options_word(&o, OPTION_FORMAT, words, 0, &index, &err), ERR_USAGE);
	assert_non_null(strstr(err.text, "text, json or csv"));
}

static void no_verb_has_an_option_twice(void **state)
{
	for (size_t v = 0; v < VERB_COUNT_; v++) {
		uint64_t all = OPTIONS_GLOBAL | verb_get((enum verb_id)v)->options;
		for (size_t a = 0; a < OPTION_COUNT_; a++)
			for (size_t b = a + 1; b < OPTION_COUNT_; b++) {
				const struct option_row *x = option_get((enum option_id)a);
				const struct option_row *y = option_get((enum option_id)b);
				if ((all & OPTION_BIT(a)) == 0 || (all & OPTION_BIT(b)) == 0)
					continue;
				assert_string_not_equal(x->name, y->name);
				assert_true(x->letter == '\0' || x->letter != y->letter);
			}
	}
}

static void verbs_are_found_and_typing_errors_get_the_nearest(void **state)
{
	assert_non_null(verb_find("run"));
	assert_null(verb_find("runn"));
	assert_string_equal(verb_nearest("resolv"), "resolve");
	assert_null(verb_nearest("quite-something-else"));
	assert_null(verb_find("serve")->run);
	assert_non_null(verb_find("run")->run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_and_words_may_be_mixed),
		cmocka_unit_test(two_dashes_end_options),
		cmocka_unit_test(options_before_the_verb_are_the_global_ones),
		cmocka_unit_test(parameters_are_all_kept_in_order),
		cmocka_unit_test(a_typing_error_gets_the_nearest_option_of_the_verb),
		cmocka_unit_test(wrong_use_of_an_option_says_what_is_wrong),
		cmocka_unit_test(a_unique_beginning_is_enough),
		cmocka_unit_test(numbers_have_bounds),
		cmocka_unit_test(words_of_an_option_get_the_nearest),
		cmocka_unit_test(no_verb_has_an_option_twice),
		cmocka_unit_test(verbs_are_found_and_typing_errors_get_the_nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
