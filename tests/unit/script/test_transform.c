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
#include "base/buf.h"
#include "base/err.h"
#include "job/item.h"
#include "job/job.h"
#include "job/template.h"
#include "script/transform.h"

static const char head[] =
	"job: a\n"
	"params: {region: {default: eu}, factor: {type: decimal, default: \"1.10\"}}\n"
	"constants: {rate: {EUR: 1, USD: 0.92, \"7\": seven}, list: [a, b]}\n"
	"source: {csv: {path: a}, key: id, fields: {id: integer, total: decimal, "
	"currency: text(4), note: text?, day: date, open: boolean}}\n"
	"work: {noop: {}}\n"
	"lua_limits: {instructions: 100000, memory: 1M}\n"
	"transform: |\n  ";

static const struct value values[] = {
	{.text = "42", .len = 2}, {.text = "19.90", .len = 5},	     {.text = "USD", .len = 3},
	{.is_null = true},	  {.text = "2026-11-28", .len = 10}, {.text = "true", .len = 4},
};

static const char *const params[] = {"eu", "1.10"};

static const struct template_run run = {.id = 7,
					.name = "a@2026-11-28",
					.job = "a",
					.slot = "2026-11-28",
					.date = "2026-11-28",
					.param_values = params};

/* "name=TYPE text …" of what differs from the item, or the error. Twice: nothing is left behind. */
static void transformed(const char *script, char *out, size_t size)
{
	AUTO(buf) struct buf text = BUF_INIT(64 * 1024);
	AUTO(job) struct job *job = NULL;
	struct transform *t = NULL;
	const struct item item = {
		.fields = values, .key = "k1", .key_len = 2, .source_path = "a", .source_line = 3};
	const struct value *fields = NULL;
	struct err err = ERR_INIT;

	buf_puts(&text, head);
	buf_puts(&text, script);
	if (job_parse(buf_str(&text), text.len, "j", "/", NULL, NULL, &job, &err) < 0 ||
	    transform_open(job, &run, &t, &err) < 0) {
		(void)snprintf(out, size, "refused %s", err.text);
		return;
	}
	if (transform_run(t, &item, &fields, &err) < 0 ||
	    transform_run(t, &item, &fields, &err) < 0) {
		(void)snprintf(out, size, "%s", err.text);
		transform_free(t);
		return;
	}
	struct value *kept = transform_keep(t);
	transform_free(t);
	buf_reset(&text);
	for (size_t i = 0; i < job->n_fields; i++) {
		const struct field *f = &job->fields[i];
		const struct value *v = &kept[i];
		bool is_same = i < job->source.n_fields && v->is_null == values[i].is_null &&
			       v->len == values[i].len &&
			       (v->is_null || memcmp(v->text, values[i].text, v->len) == 0);
		if (!is_same)
			buf_printf(&text, "%s%s=%s %.*s", text.len > 0 ? " " : "", f->name,
				   v->is_null ? "null" : field_type_name(field_value_type(f, v)),
				   (int)v->len, v->is_null ? "" : v->text);
	}
	(void)snprintf(out, size, "%s", buf_str(&text));
	free(kept);
}

static void assert_becomes(const char *script, const char *expected)
{
	char found[1024] = "";

	transformed(script, found, sizeof(found));
	if (strcmp(found, expected) != 0)
		fail_msg("%s\n  gives    %s\n  expected %s", script, found, expected);
}

static void assert_fails(const char *script, const char *part)
{
	char found[1024] = "";

	transformed(script, found, sizeof(found));
	if (strstr(found, part) == NULL)
		fail_msg("%s\n  gives    %s\n  expected %s", script, found, part);
}

static void what_is_set_has_the_type_of_its_value(void **state)
{
	assert_becomes("eur = round(total * rate[currency], 2)", "eur=decimal 18.31");
	assert_becomes("a, b, c = 1, 'x', true", "a=integer 1 b=text x c=boolean true");
	assert_becomes("a = nil", "a=null ");
	assert_becomes("a = 5.0", "a=decimal 5.0");
	assert_becomes("a = total + 0.10", "a=decimal 20.00");
	assert_becomes("a = id * 4611686018427387904", "a=integer 193690812773950291968");
	assert_becomes("if id > 50 then a = 1 end", "a=null ");
	assert_becomes("a = currency .. id .. total", "a=text USD4219.90");
	assert_becomes("a = day b = open c = note", "a=text 2026-11-28 b=boolean true c=null ");
	assert_becomes("a = {}",
		       "transform: a: expected a text, a number, true, false or nil, found "
		       "a table");
	assert_becomes("a = char(255)", "transform: a: the text is no UTF-8");
}

static void what_changes_a_field_of_the_source_has_to_fit_it(void **state)
{
	assert_becomes("total = total * 2 id = id + 1", "id=integer 43 total=decimal 39.80");
	assert_becomes("note = 'n' day = '2026-01-31' currency = nil or 'EUR'",
		       "currency=text EUR note=text n day=date 2026-01-31");
	assert_becomes("currency = lower(currency)", "currency=text usd");
	assert_becomes("note = 12", "note=text 12");
	assert_becomes("total = 7", "total=decimal 7");
	assert_becomes("id = 1.5", "transform: '1.5' is no integer (field id)");
	assert_becomes("id = nil", "transform: id may not become nil");
	assert_becomes("currency = 'EUROS'", "transform: 'EUROS' is too long (field currency)");
	assert_becomes("day = 'soon'", "transform: 'soon' is no date (field day)");
}

static void return_ends_it_and_keeps_what_is_set(void **state)
{
	assert_becomes("a = 1\n  if id == 42 then return end\n  a = 2", "a=integer 1");
	assert_becomes("a = 1\n  do local a = 2 return end", "a=integer 1");
	assert_becomes("local function f(x) return x * 2 end a = f(id)", "a=integer 84");
	assert_becomes("local function f() a = 5 end f()", "a=integer 5");
	assert_becomes("a = 1 -- the end", "a=integer 1");
	assert_fails("return 1", "a transform assigns and returns nothing");
}

static void what_is_around_an_item_can_be_read(void **state)
{
	assert_becomes("a = param.region .. run.date .. item.key .. source.path .. source.line",
		       "a=text eu2026-11-28k1a3");
	assert_becomes("a = total * param.factor", "a=decimal 21.8900");
	assert_becomes("a = run.month_start .. run.month_end .. run.id .. run.job",
		       "a=text 2026-11-012026-11-307a");
	assert_becomes(
		"a = list[2] b = #list c = rate[7] for i, v in ipairs(list) do a = a .. v end",
		"a=text bab b=integer 2 c=text seven");
	assert_becomes("a = rate.XYZ", "a=null ");
	assert_becomes("a = param.regoin", "transform:1: there is no param.regoin here");
	assert_becomes("a = item.attempt", "transform:1: there is no item.attempt here");
	assert_becomes("rate.EUR = 2", "transform:1: this can only be read");
	assert_becomes("param.region = 2", "transform:1: this can only be read");
	assert_becomes("a = total * rate.XYZ", "transform:1: cannot multiply a decimal and nil");
}

static void limits_end_it(void **state)
{
	assert_becomes("a = 1 while true do a = 2 end",
		       "transform:1: stopped: it ran for more than 100000 instructions");
	assert_fails("local t = {} for i = 1, 90000 do t[i] = {} end a = 1", "stopped: it ");
	assert_fails("a = 'x' for i = 1, 30 do a = a .. a end", "stopped: it ");
	assert_fails("local function f(n) return f(n + 1) + 1 end a = f(1)", "transform");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_set_has_the_type_of_its_value),
		cmocka_unit_test(what_changes_a_field_of_the_source_has_to_fit_it),
		cmocka_unit_test(return_ends_it_and_keeps_what_is_set),
		cmocka_unit_test(what_is_around_an_item_can_be_read),
		cmocka_unit_test(limits_end_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
