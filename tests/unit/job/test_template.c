/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "job/item.h"
#include "job/template.h"
#include "unit/job/parsed.h"

static const char job_text[] = "job: mail\n"
			       "params: {region: {default: eu}, max-age: {type: integer}}\n"
			       "secrets: {tok: env:STINT_TEST_TOKEN}\n"
			       "source:\n"
			       "  csv: {path: a.csv, trailer: {when: ^T, columns: {count: 2}}}\n"
			       "  key: id\n"
			       "  fields: {id: text, email: text?, total: decimal}\n"
			       "work: {noop: {}}\n";

struct fixture {
	struct job *job;
	struct value fields[3];
	struct item item;
	struct template_item attempt;
	struct template_run run;
};

static const char *const params[] = {"eu", "30"};

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){.job = job_of(job_text)};
	f.fields[0] = (struct value){.text = "A-1", .len = 3};
	f.fields[1] = (struct value){.is_null = true};
	f.fields[2] = (struct value){.text = "12.50", .len = 5};
	f.item = (struct item){.fields = f.fields,
			       .key = "A-1",
			       .key_len = 3,
			       .source_path = "in/a b.csv",
			       .source_line = 17};
	f.attempt = (struct template_item){
		.item = &f.item, .number = 4, .attempt = 2, .idempotency_key = "k7"};
	f.run = (struct template_run){.id = 42,
				      .name = "mail@2026-03-01",
				      .job = "mail",
				      .slot = "2026-03-01",
				      .date = "2026-03-01",
				      .param_values = params};
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	job_free(f->job);
	return 0;
}

static int render(const struct fixture *f, enum template_place place, const char *text,
		  struct buf *out, struct err *err)
{
	AUTO(template) struct template *t = NULL;

	if (template_parse(text, strlen(text), f->job, &t, err) < 0)
		fail_msg("%s: %s", text, err->text);
	return template_render(t, place, &f->run, &f->attempt, out, err);
}

static void assert_renders(const struct fixture *f, enum template_place place, const char *text,
			   const char *expected)
{
	AUTO(buf) struct buf out = BUF_INIT(1000);
	struct err err = ERR_INIT;

	if (render(f, place, text, &out, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	assert_string_equal(buf_str(&out), expected);
}

static void assert_fails(const struct fixture *f, enum template_place place, const char *text,
			 int code, const char *expected)
{
	AUTO(buf) struct buf out = BUF_INIT(1000);
	struct err err = ERR_INIT;

	assert_int_equal(render(f, place, text, &out, &err), code);
	assert_string_equal(err.text, expected);
}

static void placeholders_stand_for_item_run_and_source(void **state)
{
	static const struct {
		const char *text;
		const char *expected;
	} cases[] = {
		{"", ""},
		{"plain", "plain"},
		{"${id}", "A-1"},
		{"<${total}>", "<12.50>"},
		{"${item.key}/${item.attempt}/${item.idempotency_key}/${item.date}",
		 "A-1/2/k7/2026-03-01"},
		{"${run.id} ${run.job} ${run.slot} ${run.date}", "42 mail 2026-03-01 2026-03-01"},
		{"${param.region}${param.max-age}", "eu30"},
		{"${source.path}:${source.line}", "in/a b.csv:17"},
		{"$5 ${id} $id $", "$5 A-1 $id $"},
		{"$${id}", "${id}"},
		{"$$${id}", "$${id}"},
		{"$${${id}}", "${A-1}"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_renders(*state, TEMPLATE_TEXT, cases[i].text, cases[i].expected);
}

static void dates_take_a_format_and_an_offset(void **state)
{
	static const struct {
		const char *text;
		const char *expected;
	} cases[] = {
		{"${run.date:%Y%m%d}", "20260301"},
		{"${run.date-1d}", "2026-02-28"},
		{"${run.date-1d:%d.%m.%y}", "28.02.26"},
		{"${run.date+2w}", "2026-03-15"},
		{"${run.month_start}", "2026-03-01"},
		{"${run.month_end}", "2026-03-31"},
		{"${run.month_start-1d}", "2026-02-28"},
		{"${run.month_start-1d:%m/%Y}", "02/2026"},
		{"${item.date:%u}", "7"},
		{"${run.date:%j%%}", "060%"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_renders(*state, TEMPLATE_TEXT, cases[i].text, cases[i].expected);
}

static void values_are_escaped_for_their_place(void **state)
{
	struct fixture *f = *state;

	f->fields[0] = (struct value){.text = "a \"b\"\\\n/\xc3\xa9&", .len = 11};
	assert_renders(f, TEMPLATE_TEXT, "<${id}>", "<a \"b\"\\\n/\xc3\xa9&>");
	assert_renders(f, TEMPLATE_ARGUMENT, "<${id}>", "<a \"b\"\\\n/\xc3\xa9&>");
	assert_renders(f, TEMPLATE_JSON, "<${id}>", "<a \\\"b\\\"\\\\\\n/\xc3\xa9&>");
	assert_renders(f, TEMPLATE_URL, "http://x/?q=${id}",
		       "http://x/?q=a%20%22b%22%5C%0A%2F%C3%A9%26");
	assert_fails(f, TEMPLATE_HEADER, "X: ${id}", ERR_DATA,
		     "a line end or a NUL in the value 'a \"b\"\\\\x0a/\xc3\xa9&'");
	assert_fails(f, TEMPLATE_PATTERN, "out/${id}", ERR_DATA,
		     "a '/' or a NUL in the value 'a \"b\"\\\\x0a/\xc3\xa9&'");
}

static void nul_is_refused_in_arguments(void **state)
{
	struct fixture *f = *state;

	f->fields[0] = (struct value){.text = "a\0b", .len = 3};
	assert_fails(f, TEMPLATE_ARGUMENT, "${id}", ERR_DATA, "a NUL in the value 'a\\x00b'");
}

static void path_cannot_be_left(void **state)
{
	struct fixture *f = *state;

	f->fields[0] = (struct value){.text = "..", .len = 2};
	assert_fails(f, TEMPLATE_PATTERN, "out/${id}/x", ERR_DATA,
		     "the value makes '..' of a file's name");
	assert_fails(f, TEMPLATE_PATTERN, "${id}", ERR_DATA,
		     "the value makes '..' of a file's name");
	assert_renders(f, TEMPLATE_PATTERN, "../out/a${id}.csv", "../out/a...csv");
	f->fields[0] = (struct value){.text = ".", .len = 1};
	assert_fails(f, TEMPLATE_PATTERN, "out/${id}${id}", ERR_DATA,
		     "the value makes '..' of a file's name");
	assert_fails(f, TEMPLATE_PATTERN, "out/.${id}/a", ERR_DATA,
		     "the value makes '..' of a file's name");
}

static void a_value_in_a_pattern_names_one_file(void **state)
{
	struct fixture *f = *state;

	f->fields[0] = (struct value){.text = "a*?[b]\\", .len = 7};
	assert_renders(f, TEMPLATE_PATTERN, "in/*${id}.csv", "in/*a\\*\\?\\[b]\\\\.csv");
}

static void set_id(struct fixture *f, const char *text)
{
	f->fields[0] = (struct value){.text = text, .len = strlen(text)};
}

static void a_value_stays_within_its_part_of_a_url(void **state)
{
	struct fixture *f = *state;

	set_id(f, "a/b?c#d@e:f%20g");
	assert_renders(f, TEMPLATE_URL, "https://x/${id}/y",
		       "https://x/a%2Fb%3Fc%23d%40e%3Af%2520g/y");
	assert_renders(f, TEMPLATE_URL, "https://x?${id}", "https://x?a%2Fb%3Fc%23d%40e%3Af%2520g");
	assert_fails(f, TEMPLATE_URL, "https://${id}/y", ERR_DATA,
		     "'a/b?c#d@e:f%20g' cannot be part of a host's name");
	set_id(f, "api.example.com:8443");
	assert_renders(f, TEMPLATE_URL, "https://${id}/y", "https://api.example.com:8443/y");
	set_id(f, "https://api.example.com/x?y=z");
	assert_renders(f, TEMPLATE_URL, "${id}", "https://api.example.com/x?y=z");
	assert_renders(f, TEMPLATE_URL, "${id}${id}",
		       "https://api.example.com/x?y=zhttps%3A%2F%2Fapi.example.com%2Fx%3Fy%3Dz");
	set_id(f, "https://a b");
	assert_fails(f, TEMPLATE_URL, "${id}", ERR_DATA,
		     "a blank or a control character in the URL 'https://a b'");
	set_id(f, "/etc/passwd");
	assert_fails(f, TEMPLATE_URL, "${id}", ERR_DATA,
		     "'/etc/passwd' is no URL: it has no http:// or https://");
}

static void a_value_leads_to_no_other_part_of_a_url(void **state)
{
	static const char *const empty = "an empty value makes a part of the URL's path empty";
	struct fixture *f = *state;

	set_id(f, "..");
	assert_fails(f, TEMPLATE_URL, "https://x/a/${id}/b", ERR_DATA,
		     "'..' as a part of the URL's path leads elsewhere");
	assert_renders(f, TEMPLATE_URL, "https://x/a${id}/b?${id}", "https://x/a../b?..");
	set_id(f, ".");
	assert_fails(f, TEMPLATE_URL, "https://x/${id}", ERR_DATA,
		     "'.' as a part of the URL's path leads elsewhere");
	assert_fails(f, TEMPLATE_URL, "https://x/.${id}?q", ERR_DATA,
		     "'..' as a part of the URL's path leads elsewhere");
	set_id(f, "");
	assert_fails(f, TEMPLATE_URL, "https://x/a/${id}/b", ERR_DATA, empty);
	assert_fails(f, TEMPLATE_URL, "https://x/a/${id}", ERR_DATA, empty);
	assert_fails(f, TEMPLATE_URL, "https://x/a/${id}${id}?b", ERR_DATA, empty);
	assert_renders(f, TEMPLATE_URL, "https://x/a/${id}b/?q=${id}", "https://x/a/b/?q=");
}

static void null_is_no_text(void **state)
{
	assert_fails(*state, TEMPLATE_TEXT, "mail to ${email}", ERR_DATA,
		     "field email is null where a text is needed");
}

static void secrets_are_read_when_rendered(void **state)
{
	assert_int_equal(unsetenv("STINT_TEST_TOKEN"), 0);
	assert_fails(*state, TEMPLATE_ARGUMENT, "${secret.tok}", ERR_CONFIG,
		     "secret tok: the environment has no STINT_TEST_TOKEN");
	assert_int_equal(setenv("STINT_TEST_TOKEN", "hun ter2", 1), 0);
	assert_renders(*state, TEMPLATE_ARGUMENT, "-t${secret.tok}", "-thun ter2");
	assert_renders(*state, TEMPLATE_URL, "http://x/${secret.tok}", "http://x/hun%20ter2");
	assert_int_equal(setenv("STINT_TEST_TOKEN", "a\nb", 1), 0);
	assert_fails(*state, TEMPLATE_HEADER, "${secret.tok}", ERR_CONFIG,
		     "secret tok cannot stand here: a NUL or a line end");
}

static void unknown_names_are_found_when_parsed(void **state)
{
	const struct fixture *f = *state;
	static const struct {
		const char *text;
		const char *fault;
	} cases[] = {
		{"${emial}", "unknown placeholder ${emial}; did you mean 'email'?"},
		{"Grüße ${idd}", "at character 7: unknown placeholder ${idd}; did you mean "
				 "'id'?"},
		{"${param.regoin}",
		 "unknown placeholder ${param.regoin}; did you mean 'param.region'?"},
		{"${run.dat}", "unknown placeholder ${run.dat}; did you mean 'run.date'?"},
		{"${}", "unknown placeholder ${}"},
		{"${constant.rate}", "unknown constant ${constant.rate}"},
		{"${step.a.b}", "${step.a.b}: there is no step 'a'"},
		{"${trailer.count}", "${trailer.count} may not stand in work"},
		{"a ${id", "'${' at character 3 has no '}'; a literal ${ is written $${"},
		{"${run.date:%B}", "'%B' is no format of dates: after '%' may come Yymdju%"},
		{"${run.date-1m}", "expected days or weeks such as -1d or +2w after the date, "
				   "found "
				   "'-1m'"},
		{"${run.date-}", "expected days or weeks such as -1d or +2w after the date, found "
				 "'-'"},
		{"${run.date-999999d}", "expected days or weeks such as -1d or +2w after the date, "
					"found '-999999d'"},
		{"${run.date:}", "a format of dates such as %Y%m%d is missing"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct template *t = NULL;
		struct err err = ERR_INIT;
		assert_int_equal(
			template_parse(cases[i].text, strlen(cases[i].text), f->job, &t, &err),
			ERR_CONFIG);
		assert_string_equal(err.text, cases[i].fault);
	}
}

static void each_use_has_its_own_names(void **state)
{
	const struct fixture *f = *state;
	static const struct {
		enum template_use use;
		const char *text;
		bool is_right;
	} cases[] = {
		{TEMPLATE_FOR_KEY, "${id}-${source.line}", true},
		{TEMPLATE_FOR_KEY, "${secret.tok}", false},
		{TEMPLATE_FOR_KEY, "${item.attempt}", false},
		{TEMPLATE_FOR_PATH, "in/${run.date}/${param.region}", true},
		{TEMPLATE_FOR_PATH, "${id}", false},
		{TEMPLATE_FOR_PATH, "${secret.tok}", false},
		{TEMPLATE_FOR_CONTROL, "${trailer.count}${param.region}", true},
		{TEMPLATE_FOR_CONTROL, "${id}", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(template) struct template *t = NULL;
		struct err err = ERR_INIT;
		int rc = template_parse_for(cases[i].use, cases[i].text, strlen(cases[i].text),
					    f->job, &t, &err);
		assert_int_equal(rc, cases[i].is_right ? 0 : ERR_CONFIG);
	}
}

static void source_placeholders_need_a_source_that_has_them(void **state)
{
	static const struct {
		const char *job;
		const char *text;
		const char *fault;
	} cases[] = {
		{"job: a\nwork: {noop: {}}\n", "${source.path}", "${source.path} without a source"},
		{"job: a\nsource: {stdin: {format: lines}}\nwork: {noop: {}}\n", "${source.path}",
		 "${source.path}: standard input has no path"},
		{"job: a\nsource: {files: {path: x}}\nwork: {noop: {}}\n", "${source.line}",
		 "${source.line}: items that are files have no line"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(job) struct job *job = job_of(cases[i].job);
		struct template *t = NULL;
		struct err err = ERR_INIT;
		assert_int_equal(
			template_parse(cases[i].text, strlen(cases[i].text), job, &t, &err),
			ERR_CONFIG);
		assert_string_equal(err.text, cases[i].fault);
	}
}

static void control_sees_the_trailer(void **state)
{
	struct fixture *f = *state;
	static const char *const values[] = {"0042"};
	AUTO(template) struct template *t = NULL;
	AUTO(buf) struct buf out = BUF_INIT(100);
	struct err err = ERR_INIT;

	f->run.trailer_values = values;
	assert_int_equal(
		template_parse_for(TEMPLATE_FOR_CONTROL, "${trailer.count}", 16, f->job, &t, &err),
		0);
	assert_int_equal(template_render(t, TEMPLATE_TEXT, &f->run, NULL, &out, &err), 0);
	assert_string_equal(buf_str(&out), "0042");
}

static void key_is_a_template_either_way(void **state)
{
	const struct fixture *f = *state;
	AUTO(template) struct template *t = NULL;
	struct err err = ERR_INIT;
	size_t field = 9;

	assert_int_equal(template_parse_key(f->job, &t, &err), 0);
	assert_true(template_is_field(t, &field));
	assert_int_equal(field, 0);
}

static void template_knows_what_it_depends_on(void **state)
{
	const struct fixture *f = *state;
	static const struct {
		const char *text;
		bool is_field;
		bool is_constant;
	} cases[] = {
		{"${total}", true, false},	   {"${total} ", false, false},
		{"${run.date}", false, true},	   {"${secret.tok}", false, true},
		{"${item.attempt}", false, false}, {"x", false, true},
		{"$${total}", false, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(template) struct template *t = NULL;
		struct err err = ERR_INIT;
		size_t field = 9;
		assert_int_equal(
			template_parse(cases[i].text, strlen(cases[i].text), f->job, &t, &err), 0);
		assert_true(template_is_field(t, &field) == cases[i].is_field);
		assert_true(!cases[i].is_field || field == 2);
		assert_true(template_is_constant(t) == cases[i].is_constant);
	}
}

static void text_that_does_not_fit_is_a_failure(void **state)
{
	AUTO(buf) struct buf out = BUF_INIT(4);
	struct err err = ERR_INIT;

	assert_int_equal(render(*state, TEMPLATE_TEXT, "${id}${id}", &out, &err), ERR_TOO_BIG);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(placeholders_stand_for_item_run_and_source),
		CASE(dates_take_a_format_and_an_offset),
		CASE(values_are_escaped_for_their_place),
		CASE(nul_is_refused_in_arguments),
		CASE(path_cannot_be_left),
		CASE(a_value_in_a_pattern_names_one_file),
		CASE(a_value_stays_within_its_part_of_a_url),
		CASE(a_value_leads_to_no_other_part_of_a_url),
		CASE(null_is_no_text),
		CASE(secrets_are_read_when_rendered),
		CASE(unknown_names_are_found_when_parsed),
		CASE(each_use_has_its_own_names),
		CASE(source_placeholders_need_a_source_that_has_them),
		CASE(control_sees_the_trailer),
		CASE(key_is_a_template_either_way),
		CASE(template_knows_what_it_depends_on),
		CASE(text_that_does_not_fit_is_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
