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
	job.fields = fields;
	job.n_fields = ARRAY_LEN(fields);
	job.lua_instructions = 10000000;
	job.lua_memory_bytes = 16 * 1024 * 1024;
	if (filter_open(&job, NULL, &f, err) == 0) {
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

static void what_lua_has_by_its_own_names(void **state)
{
	assert_verdict("string.lower(currency) == 'eur' and currency:sub(1, 2) == 'EU'", KEEPS,
		       NULL);
	assert_verdict("('ab'):rep(2, '-') == 'ab-ab' and (''):rep(1000000000000) == ''", KEEPS,
		       NULL);
	assert_verdict("string.format('%05d|%s|%%p', id, total) == '00042|19.90|%p'", KEEPS, NULL);
	assert_verdict("math.floor(total) == 19 and math.ceil(total) == 20", KEEPS, NULL);
	assert_verdict("math.floor(-total) == -20 and math.ceil(-total) == -19", KEEPS, NULL);
	assert_verdict("math.max(total, id) == id and math.abs(-total) == total", KEEPS, NULL);
	assert_verdict("local t = {}\ntable.insert(t, 'a')\ntable.insert(t, 'b')\n"
		       "return table.concat(t, ',') == 'a,b'",
		       KEEPS, NULL);
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
	assert_verdict("total * 1.17 == 23.283 and 0.1 + 0.2 == 0.3", KEEPS, NULL);
	assert_verdict("total > weight and weight == 1.5 and 1.5 >= weight", KEEPS, NULL);
	assert_verdict("total * weight > 6", FAILS, "filter:1: a decimal and a float do not mix");
	assert_verdict("decimal(weight) * 2 == 3 and total + decimal(weight) == 21.4", KEEPS, NULL);
	assert_verdict("total + nil > 6", FAILS, "filter:1: cannot add a decimal and nil");
	assert_verdict("currency .. total == 'EUR19.90'", KEEPS, NULL);
	assert_verdict("total / 0 > 6", FAILS, "division by zero");
	assert_verdict("total * decimal('9e9') > 6", FAILS, "is no decimal number");
	assert_verdict("local x = total\nfor i = 1, 40 do x = x * 10 end\nreturn true", FAILS,
		       "filter:2: the product needs more than 38 digits");
}

static void numbers_are_equal_by_their_value(void **state)
{
	assert_verdict("total == 19.9 and total == 19.900 and 19.90 == total", KEEPS, NULL);
	assert_verdict("total ~= 0 and id == 42 and id == 42.0 and not (id ~= 42)", KEEPS, NULL);
	assert_verdict("total == id", LEAVES_OUT, NULL);
	assert_verdict("total == note or id == note or total == currency", LEAVES_OUT, NULL);
	assert_verdict("total == --[[ x ]] 19.90 -- a == b", KEEPS, NULL);
	assert_verdict("-- a == b\ncurrency == [==[EUR]==] and 'x == y' ~= nil", KEEPS, NULL);
	assert_verdict("equal(id, 42) and not equal(total, id) and not equal(total, note)", KEEPS,
		       NULL);
}

static void integers_do_not_wrap_around(void **state)
{
	assert_verdict("9223372036854775807 + 1 == 9223372036854775808", KEEPS, NULL);
	assert_verdict("id * 4611686018427387904 > 0", KEEPS, NULL);
	assert_verdict("-9223372036854775807 - 2 < 0", KEEPS, NULL);
	assert_verdict("local m = -9223372036854775807 - 1 return -m > 0 and abs(m) > 0 and "
		       "m // -1 > 0",
		       KEEPS, NULL);
	assert_verdict("id / 4 == 10.5 and id // 4 == 10 and id % 4 == 2", KEEPS, NULL);
	assert_verdict("-7 // 2 == -4 and -7 % 2 == 1 and 7 % -2 == -1 and -7.5 % 2 == 0.5", KEEPS,
		       NULL);
	assert_verdict("id / 3 == 14", KEEPS, NULL);
	assert_verdict("id / 9 > 4", FAILS, "filter:1: the quotient has no end");
	assert_verdict("id // 0 == 0", FAILS, "filter:1: division by zero");
	assert_verdict("local t = {4, 5} return t[id // 21] == 5 and #t == 2", KEEPS, NULL);
	assert_verdict("local n = 0 for i = 1, id do n = n + i end return n == 903", KEEPS, NULL);
	assert_verdict("id ^ 2 > 3", IS_REFUSED, "found '^'");
	assert_verdict("id > 1e3", IS_REFUSED, "expected a number such as 12 or 0.92, found '1e3'");
}

static void faults_are_told_with_their_line(void **state)
{
	assert_verdict("currency and", IS_REFUSED,
		       "filter:1: expected a value, and the script ends");
	assert_verdict("local a = 1\n\nlocal = 2\nreturn true", IS_REFUSED, "filter:3:");
	assert_verdict("local a = 1\nreturn curency == 'EUR'", IS_REFUSED,
		       "filter:2: 'curency' is no field, no constant and no function here; did "
		       "you mean 'currency'?");
	assert_verdict("id", FAILS, "expected true or false, found number");
	assert_verdict("local a = 1", IS_REFUSED, "filter:1:");
	assert_verdict("if id < 0 then return true end", FAILS,
		       "expected true or false, found nil");
	assert_verdict("error('no such customer')", FAILS, "filter:1: no such customer");
	assert_verdict("error({})", FAILS, "an error without a text");
	assert_verdict("currency + 1 > 2", FAILS, "filter:1:");
	assert_verdict("id = 3\nreturn true", IS_REFUSED,
		       "filter:1: 'id' cannot be set in a filter");
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
		"io",	    "os",      "load",	       "loadfile",	 "loadstring", "dofile",
		"require",  "package", "debug",	       "collectgarbage", "utf8",       "coroutine",
		"pcall",    "xpcall",  "getmetatable", "setmetatable",	 "rawget",     "rawset",
		"rawequal", "rawlen",  "next",	       "pairs",		 "print",      "_G",
		"warn",	    "dump",    "rep",	       "format",	 "gsub",       "find",
		"match",    "gmatch",  "pack",	       "unpack",
	};
	char text[64] = "";

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		(void)snprintf(text, sizeof(text), "%s ~= nil", names[i]);
		assert_verdict(text, IS_REFUSED, "is no field, no constant and no function here");
	}
	assert_verdict("_ENV ~= nil", IS_REFUSED, "there is no _ENV here");
	assert_verdict("local _ENV = {} return true", IS_REFUSED, "there is no _ENV here");
	assert_verdict("('x'):rep(100000000) == 'x'", FAILS, "needs more than");
	assert_verdict("currency:find('E')", FAILS, "there is no string.find here");
	assert_verdict("string.gsub(currency, 'E', 'e')", FAILS, "there is no string.gsub here");
	assert_verdict("math.random() > 0", FAILS, "there is no math.random here");
	assert_verdict("string.format('%p', currency) == ''", FAILS, "there is no %p here");
	assert_verdict("string.format('%%%s', {}) == ''", FAILS, "a table has no text");
	assert_verdict("string.upper = lower", IS_REFUSED, NULL);
	assert_verdict("local s = string\ns.upper = lower\nreturn true", FAILS,
		       "this can only be read");
	assert_verdict("'10' + 1 == 11", FAILS, NULL);
	assert_verdict("total.high ~= nil", FAILS, "attempt to index a decimal value");
	assert_verdict("tostring(trim) == ''", FAILS, "a function has no text");
	assert_verdict("tostring({}) == ''", FAILS, "a table has no text");
	assert_verdict("\x1bLua", IS_REFUSED, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_seen_by_name_and_type),
		cmocka_unit_test(what_lua_has_by_its_own_names),
		cmocka_unit_test(amounts_are_exact),
		cmocka_unit_test(numbers_are_equal_by_their_value),
		cmocka_unit_test(integers_do_not_wrap_around),
		cmocka_unit_test(faults_are_told_with_their_line),
		cmocka_unit_test(what_does_not_end_is_ended),
		cmocka_unit_test(nothing_leads_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
