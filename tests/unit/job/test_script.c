/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts and constants in job files: what becomes of their numbers and names, and where faults
 * are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "job/constant.h"
#include "job/script_read.h"
#include "unit/job/parsed.h"

#define CSV                                                                                        \
	"job: a\nsource: {csv: {path: a.csv}, fields: {id: integer, total: decimal, note: text?}}\n"
#define NOOP "work: {noop: {}}\n"

static void assert_code(enum script_form form, const char *text, const char *expected)
{
	struct script_source source;
	struct err err = ERR_INIT;

	if (script_read(form, text, strlen(text), &source, &err) < 0)
		fail_msg("%s: %d:%d: %s", text, source.fault.line, source.fault.column, err.text);
	assert_string_equal(buf_str(&source.code), expected);
	script_source_done(&source);
}

static void arithmetic_becomes_calls(void **state)
{
	assert_code(SCRIPT_GIVES, "a+b*c-d", "return  __sub( __add(a, __mul(b,c)),d)");
	assert_code(SCRIPT_GIVES, "a == 'x' and nil ~= b", "return a == 'x' and nil ~= b");
	assert_code(SCRIPT_GIVES, "a == b ~= c", "return  __ne( __eq(a ,  b) ,  c)");
	assert_code(SCRIPT_GIVES, "-a < -1 or -0.5", "return  __neg(a) <  -1 or  __k[1]");
	assert_code(SCRIPT_GIVES, "1 + .5", "return  __add(1 ,  __k[1])");
	assert_code(SCRIPT_GIVES, "a // b % c", "return  __mod( __idiv(a ,  b) , c)");
	assert_code(SCRIPT_GIVES, "a .. b + c", "return a ..  __add(b , c)");
	assert_code(SCRIPT_GIVES, "not a==b", "return  __eq(not a, b)");
	assert_code(SCRIPT_GIVES, "f{a=b, [c]=d; e}[g].h:i(j,k)'l'",
		    "return f{a=b, [c]=d; e}[g].h:i(j,k)'l'");
	assert_code(SCRIPT_GIVES, "a --[[x]] * --y\n b", "return  __mul(a --[[x]] , --y\n b)");
	assert_code(SCRIPT_GIVES, "return-a", "return __neg(a)");
	assert_code(SCRIPT_ASSIGNS, "if a then return end\nb = 1",
		    "do if a then  goto __end end\nb = 1\nend ::__end::");
	assert_code(SCRIPT_ASSIGNS, "local function f(x, ...) return x end a = f(1)",
		    "do local function f(x, ...) return x end a = f(1)\nend ::__end::");
}

static void names_are_told_from_variables(void **state)
{
	static const char text[] = "local a, b = a, 1\n"
				   "for i, v in ipairs(c) do d = i + v end\n"
				   "do local e = 2 end\n"
				   "repeat local f = 1 until f\n"
				   "e, t.g = function(h) return h, k end, {m = n}\n";
	struct script_source source;
	struct err err = ERR_INIT;
	AUTO(buf) struct buf names = BUF_INIT(1024);

	assert_int_equal(script_read(SCRIPT_ASSIGNS, text, strlen(text), &source, &err), 0);
	for (size_t i = 0; i < source.n_names; i++)
		buf_printf(&names, "%.*s%s ", (int)source.names[i].len, source.names[i].text,
			   source.names[i].set_at.line > 0 ? "=" : "");
	assert_string_equal(buf_str(&names), "a ipairs c d= e= t k n ");
	assert_true(source.may_run_long);
	script_source_done(&source);
}

static void faults_have_their_place(void **state)
{
	static const struct {
		const char *text;
		const char *fault;
	} cases[] = {
		{"a +", "1:4: expected a value, and the script ends"},
		{"a b", "1:3: expected the end of the expression, found 'b'"},
		{"if a then", "1:10: expected 'end', and the script ends"},
		{"ä = 1", "1:1: unexpected 'ä'"},
		{"'ä' + $", "1:7: unexpected '$'"},
		{"a == 'x", "1:6: this text has no end"},
		{"a --[[ x", "1:3: this comment has no end"},
		{"local x = 1\nx = = 2 return x", "2:5: expected a value, found '='"},
		{"x = 1", "1:3: expected the end of the expression, found '='"},
		{"goto a", "1:1: there is no goto here"},
		{"do return 1 ; x() end",
		 "1:15: expected the end of the block behind return, found "
		 "'x'"},
		{"function f() end", "1:1: functions are local here: local function"},
		{"__add(1)", "1:1: names that begin with __ are not for scripts"},
		{"a[_ENV]", "1:3: there is no _ENV here"},
		{"...", "1:1: there are no arguments here"},
		{"0x1p4", "1:1: expected a number, found '0x1p4'"},
		{"a & b", "1:3: expected the end of the expression, found '&'"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct script_source source;
		struct err err = ERR_INIT;
		char fault[600] = "";
		size_t len = strlen(cases[i].text);
		if (script_read(SCRIPT_GIVES, cases[i].text, len, &source, &err) == 0)
			fail_msg("%s: is read", cases[i].text);
		(void)snprintf(fault, sizeof(fault), "%d:%d: %s", source.fault.line,
			       source.fault.column, err.text);
		assert_string_equal(fault, cases[i].fault);
		script_source_done(&source);
	}
}

static void a_script_is_bounded(void **state)
{
	struct script_source source;
	struct err err = ERR_INIT;
	char *text = malloc(SCRIPT_BYTES_MAX + 1);

	memset(text, '(', SCRIPT_BYTES_MAX + 1);
	assert_int_equal(script_read(SCRIPT_GIVES, text, 5000, &source, &err), ERR_CONFIG);
	assert_string_equal(err.text, "nested deeper than 100 levels");
	script_source_done(&source);
	assert_int_equal(script_read(SCRIPT_GIVES, text, SCRIPT_BYTES_MAX + 1, &source, &err),
			 ERR_CONFIG);
	assert_string_equal(err.text, "longer than 64 KiB");
	script_source_done(&source);
	free(text);
}

static void places_in_scripts_are_places_in_the_file(void **state)
{
	assert_only_fault(CSV "filter: |\n  total > 1\n  and idd < 3\n" NOOP,
			  "5:7: filter: 'idd' is no field, no constant and no function here; did "
			  "you mean 'id'?");
	assert_only_fault(CSV "filter: idd > 1\n" NOOP,
			  "3:9: filter: 'idd' is no field, no constant and no function here; did "
			  "you mean 'id'?");
	assert_only_fault(CSV "filter: \"id > nott\"\n" NOOP,
			  "3:15: filter: 'nott' is no field, no constant and no function here; did "
			  "you mean 'note'?");
	assert_only_fault(CSV "transform: |\n\n     x = 1\n     y = x +\n" NOOP,
			  "6:13: transform: expected a value, and the script ends");
	assert_only_fault(CSV "filter: |\n  id = 1\n  return true\n" NOOP,
			  "4:3: filter: 'id' cannot be set in a filter; local id = … makes a "
			  "variable");
	assert_only_fault(CSV "filter: item.key == 'a'\n" NOOP,
			  "3:9: filter: 'item' is not known in a filter");
	assert_only_fault(
		CSV "constants: {rate: 1}\ntransform: rate = 2\n" NOOP,
		"4:12: transform: 'rate' cannot be set in a transform; local rate = … makes a "
		"variable");
}

static void what_a_transform_sets_is_known_to_work(void **state)
{
	AUTO(job)
	struct job *job = job_of(
		CSV "transform: |\n  sum = total * 2\n  if id > 1 then note, other = nil, 'x' "
		    "end\nwork: {exec: {command: [a, \"${sum} ${other}\"]}}\n");

	assert_int_equal(job->source.n_fields, 3);
	assert_int_equal(job->n_fields, 5);
	assert_string_equal(job->fields[3].name, "sum");
	assert_string_equal(job->fields[4].name, "other");
	assert_true(job->fields[3].is_assigned && job->fields[3].optional);
	assert_only_fault(CSV "transform: sum = 1\nwork: {exec: {command: [\"${summ}\"]}}\n",
			  "4:25: work.exec.command[]: unknown placeholder ${summ}; did you mean "
			  "'sum'?");
	assert_only_fault("job: a\nsource: {csv: {path: a.csv}, key: sum, fields: {id: integer}}\n"
			  "transform: sum = 1\n" NOOP,
			  "2:35: source.key: there is no field 'sum'; the fields are id");
}

static void constants_keep_their_digits(void **state)
{
	AUTO(job)
	struct job *job = job_of(
		"job: a\nconstants: {rate: {EUR: 1, USD: 0.920}, list: [a, \"1\", true], "
		"big: 12345678901234567890123456789012345678}\nwork: {exec: {command: "
		"[\"${constant.rate.USD} ${constant.list.2} ${constant.big}\"]}}\n");
	static const struct {
		const char *path;
		enum field_type type;
		const char *text;
	} cases[] = {
		{"rate.EUR", FIELD_INTEGER, "1"},
		{"rate.USD", FIELD_DECIMAL, "0.920"},
		{"list.1", FIELD_TEXT, "a"},
		{"list.2", FIELD_TEXT, "1"},
		{"list.3", FIELD_BOOLEAN, "true"},
		{"big", FIELD_INTEGER, "12345678901234567890123456789012345678"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct job_constant *c = constant_find(job, cases[i].path,
							     strlen(cases[i].path));
		assert_non_null(c);
		assert_int_equal(c->type, cases[i].type);
		assert_string_equal(c->text, cases[i].text);
	}
	assert_null(constant_find(job, "rate.", 5));
	assert_null(constant_find(job, "list.4", 6));
}

static void constants_that_mean_nothing_are_refused(void **state)
{
	assert_only_fault(CSV "constants: {total: 1}\n" NOOP,
			  "3:13: constants.total: there is a field of this name; call one of them "
			  "something else");
	assert_only_fault("job: a\nconstants: {a: ~}\n" NOOP,
			  "2:16: constants.a: has no value (null); give it one or leave it out");
	assert_only_fault("job: a\nconstants: {a: {b: 007}}\n" NOOP,
			  "2:20: constants.a.b: expected a number without a sign '+' or zeros in "
			  "front, or a text in quotes, found '007'");
	assert_only_fault("job: a\nconstants: {a-b: 1}\n" NOOP,
			  "2:13: constants.a-b: 'a-b' is no name: it begins with a letter or '_', "
			  "then come letters, digits and '_', at most 100");
	assert_only_fault("job: a\nconstants: {a: {b: 1}}\nwork: {exec: {command: "
			  "[\"${constant.a}\"]}}\n",
			  "3:25: work.exec.command[]: ${constant.a} is a map, which no text can "
			  "hold; name one of its keys");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arithmetic_becomes_calls),
		cmocka_unit_test(names_are_told_from_variables),
		cmocka_unit_test(faults_have_their_place),
		cmocka_unit_test(a_script_is_bounded),
		cmocka_unit_test(places_in_scripts_are_places_in_the_file),
		cmocka_unit_test(what_a_transform_sets_is_known_to_work),
		cmocka_unit_test(constants_keep_their_digits),
		cmocka_unit_test(constants_that_mean_nothing_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
