/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/err.h"
#include "job/item.h"
#include "job/job.h"
#include "script/filter.h"

static struct field fields[] = {
	{.name = (char[]){"id"}, .type = FIELD_INTEGER},
	{.name = (char[]){"total"}, .type = FIELD_DECIMAL},
	{.name = (char[]){"currency"}, .type = FIELD_TEXT},
	{.name = (char[]){"is_open"}, .type = FIELD_BOOLEAN},
	{.name = (char[]){"weight"}, .type = FIELD_FLOAT},
	{.name = (char[]){"note"}, .type = FIELD_TEXT},
};

static const struct value values[] = {
	{.text = "42", .len = 2},   {.text = "19.90", .len = 5}, {.text = "EUR", .len = 3},
	{.text = "true", .len = 4}, {.text = "1.5", .len = 3},	 {.is_null = true},
};

enum verdict { KEEPS, LEAVES_OUT, FAILS, IS_REFUSED };

static enum verdict run(const char *text, struct err *err)
{
	char *copy = strdup(text);
	struct job job = {.path = (char[]){"j.yaml"}, .filter = copy};
	const struct item item = {.fields = values, .key = "", .source_path = ""};
	struct filter *f = NULL;
	bool keeps = false;
	enum verdict verdict = IS_REFUSED;

	job.source.fields = fields;
	job.source.n_fields = ARRAY_LEN(fields);
	job.filter_line = 1;
	job.filter_column = 1;
	if (filter_open(&job, &f, err) == 0) {
		verdict = filter_run(f, &item, &keeps, err) < 0 ? FAILS
			  : keeps				? KEEPS
								: LEAVES_OUT;
		/* A second time: nothing was left behind. */
		struct err again = ERR_INIT;
		bool keeps_again = !keeps;
		int rc = filter_run(f, &item, &keeps_again, &again);
		assert_int_equal(rc < 0, verdict == FAILS);
		if (rc == 0)
			assert_int_equal(keeps_again, keeps);
	}
	filter_free(f);
	free(copy);
	return verdict;
}

static void assert_verdict(const char *text, enum verdict expected, const char *message)
{
	struct err err = ERR_INIT;
	enum verdict verdict = run(text, &err);

	if (verdict != expected)
		fail_msg("%s: %d, not %d (%s)", text, (int)verdict, (int)expected, err.text);
	if (message != NULL && strstr(err.text, message) == NULL)
		fail_msg("%s: '%s' has no '%s'", text, err.text, message);
}

static void fields_are_seen_by_name_and_type(void **state)
{
	assert_verdict("currency == \"EUR\"", KEEPS, NULL);
	assert_verdict("currency ~= \"EUR\"", LEAVES_OUT, NULL);
	assert_verdict("id > 41 and id < 43", KEEPS, NULL);
	assert_verdict("is_open == true and is_open", KEEPS, NULL);
	assert_verdict("note == nil", KEEPS, NULL);
	assert_verdict("weight * 2 >= 3.0", KEEPS, NULL);
	assert_verdict("local t = trim(\" \" .. lower(currency) .. \" \")\nreturn t == 'eur'",
		       KEEPS, NULL);
	assert_verdict("starts_with(currency, 'E') and ends_with(currency, 'R') and "
		       "contains(currency, 'U')",
		       KEEPS, NULL);
	assert_verdict("max(total, 3) > min(id, 7) and abs(-total) > 0", KEEPS, NULL);
}

static void amounts_are_exact(void **state)
{
	assert_verdict("equal(total + decimal(\"0.10\"), 20)", KEEPS, NULL);
	assert_verdict("tostring(total * 3) == '59.70'", KEEPS, NULL);
	assert_verdict("tostring(-total - 1) == '-20.90'", KEEPS, NULL);
	assert_verdict("tostring(round(decimal('2.345'), 2)) == '2.35'", KEEPS, NULL);
	assert_verdict("tostring(total / 4) == '4.975'", KEEPS, NULL);
	assert_verdict("tostring(div(total, 3, 4)) == '6.6333'", KEEPS, NULL);
	assert_verdict("total < 20 and 19 < total and total <= decimal('19.9')", KEEPS, NULL);
	assert_verdict("total / 3 > 6", FAILS, "filter:1: the quotient has no end");
	assert_verdict("total * 1.17 > 6", FAILS, "a decimal and a float do not mix");
	assert_verdict("total < weight", FAILS, "a decimal and a float do not mix");
	assert_verdict("total / 0 > 6", FAILS, "division by zero");
	assert_verdict("total * decimal('9e9') > 6", FAILS, "is no decimal number");
	assert_verdict("local x = total\nfor i = 1, 40 do x = x * 10 end\nreturn true", FAILS,
		       "filter:2: the product needs more than 38 digits");
}

static void numbers_are_not_compared_by_equals_signs(void **state)
{
	static const char why[] = "filter:1: == and ~= compare with a text in quotes";

	assert_verdict("total == 0", IS_REFUSED, why);
	assert_verdict("0 ~= total", IS_REFUSED, why);
	assert_verdict("total == id", IS_REFUSED, why);
	assert_verdict("decimal'0' == total", IS_REFUSED, why);
	assert_verdict("total == --[[ x ]] 0", IS_REFUSED, why);
	assert_verdict("-- a == b\ncurrency == [==[EUR]==] and 'x == y' ~= nil", KEEPS, NULL);
	assert_verdict("id >= 42 and id <= 42 and not (true == false)", KEEPS, NULL);
	assert_verdict("equal(id, 42) and not equal(total, id) and not equal(total, note)", KEEPS,
		       NULL);
}

static void faults_are_told_with_their_line(void **state)
{
	assert_verdict("currency and", IS_REFUSED, "filter:1: unexpected symbol near <eof>");
	assert_verdict("local a = 1\n\nlocal = 2\nreturn true", IS_REFUSED, "filter:3:");
	assert_verdict("local a = 1\nreturn curency == 'EUR'", FAILS,
		       "filter:2: 'curency' is no field and no function");
	assert_verdict("id", FAILS, "expected true or false, found number");
	assert_verdict("local a = 1", IS_REFUSED, "filter:1:");
	assert_verdict("if id < 0 then return true end", FAILS,
		       "expected true or false, found nil");
	assert_verdict("error('no such customer')", FAILS, "filter:1: no such customer");
	assert_verdict("error({})", FAILS, "an error without a text");
	assert_verdict("currency + 1 > 2", FAILS, "filter:1:");
	assert_verdict("id = 3\nreturn true", FAILS, "filter:1: 'id' cannot be set here");
}

static void what_does_not_end_is_ended(void **state)
{
	assert_verdict("while true do end return true", FAILS, "filter:1: stopped: ");
	assert_verdict("local function f() return f() end return f()", FAILS, "stopped");
	assert_verdict("local function f() return 1 + f() end return f()", FAILS, NULL);
	assert_verdict("local s = 'x' while true do s = s .. s end return 1", FAILS, "stopped");
	assert_verdict("local t = {} local i = 0 while true do i = i + 1 t[i] = {} end return 1",
		       FAILS, "stopped");
	assert_verdict("local s = 'x' for i = 1, 22 do s = s .. s end "
		       "while true do local t = s .. 'y' end return 1",
		       FAILS, "stopped");
}

static void nothing_leads_out(void **state)
{
	static const char *const names[] = {
		"io",	  "os",	      "load",	      "loadfile",     "loadstring",
		"dofile", "require",  "package",      "debug",	      "collectgarbage",
		"string", "math",     "table",	      "utf8",	      "coroutine",
		"pcall",  "xpcall",   "getmetatable", "setmetatable", "rawget",
		"rawset", "rawequal", "rawlen",	      "next",	      "pairs",
		"print",  "_G",	      "warn",	      "dump",	      "rep",
		"format", "gsub",     "find",	      "match",	      "gmatch",
		"pack",	  "unpack",
	};
	char text[64] = "";

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		(void)snprintf(text, sizeof(text), "%s ~= nil", names[i]);
		assert_verdict(text, FAILS, "is no field and no function");
	}
	assert_verdict("_ENV ~= nil", IS_REFUSED, "there is no _ENV here");
	assert_verdict("local _ENV = {} return true", IS_REFUSED, "there is no _ENV here");
	assert_verdict("('x'):rep(1000) == 'x'", FAILS, "attempt to index a string value");
	assert_verdict("currency.upper ~= nil", FAILS, "attempt to index a string value");
	assert_verdict("total.high ~= nil", FAILS, "attempt to index a decimal value");
	assert_verdict("tostring(trim) == ''", FAILS, "a function has no text");
	assert_verdict("tostring({}) == ''", FAILS, "a table has no text");
	assert_verdict("\x1bLua", IS_REFUSED, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_seen_by_name_and_type),
		cmocka_unit_test(amounts_are_exact),
		cmocka_unit_test(numbers_are_not_compared_by_equals_signs),
		cmocka_unit_test(faults_are_told_with_their_line),
		cmocka_unit_test(what_does_not_end_is_ended),
		cmocka_unit_test(nothing_leads_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
