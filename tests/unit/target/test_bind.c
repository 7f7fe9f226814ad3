/* SPDX-License-Identifier: Apache-2.0 */
/* The values that statements and columns get for an item. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "job/item.h"
#include "job/job.h"
#include "job/statement.h"
#include "job/template.h"
#include "target/backend.h"

enum { URL_BYTES = 256, TEXT_BYTES = 1024 };

#define JOB                                                                                        \
	"version: 1\njob: test\nsource:\n  csv: {path: in.csv}\n  key: id\n"                       \
	"  fields: {id: text, note: \"text?\", total: decimal}\nwork:\n"
#define TABLE                                                                                      \
	JOB "  table: {sqlite: %s, table: t, columns: {a: \"${id}\", b: \"${note}\","              \
	    " c: \"${total}\", d: \"<${id}/${run.date}>\"}}\n"

/* A job, and an item of it. */
struct desk {
	struct job *job;
	struct target target;
	struct template_run run;
	struct value fields[3];
	struct item item;
	struct template_item what;
};

static void set_field(struct desk *desk, size_t i, const char *text, size_t len)
{
	desk->fields[i] = (struct value){.text = text, .len = len, .is_null = text == NULL};
}

static void desk_init(struct desk *desk, const char *url)
{
	char text[TEXT_BYTES] = "";
	struct err err = ERR_INIT;

	*desk = (struct desk){.run = {.name = "test@1", .slot = "1", .date = "2026-01-31"}};
	(void)snprintf(text, sizeof(text), TABLE, url);
	if (job_parse(text, strlen(text), "j", "/", NULL, NULL, &desk->job, &err) != 0)
		fail_msg("%s", err.text);
	set_field(desk, 0, "k\"1", 3);
	set_field(desk, 1, NULL, 0);
	set_field(desk, 2, "12.50", 5);
	desk->item = (struct item){
		.key = "k\"1", .key_len = 3, .fields = desk->fields, .source_path = ""};
	desk->what = (struct template_item){
		.item = &desk->item, .number = 7, .attempt = 2, .idempotency_key = "once"};
	desk->target.place = (struct target_place){.job = desk->job, .run = &desk->run};
	assert_int_equal(bind_columns(desk->job, &desk->target.columns, &err), 0);
}

static void desk_done(struct desk *desk)
{
	bind_columns_done(&desk->target.columns);
	assert_int_equal(desk->target.columns.n, 0);
	arena_done(&desk->target.row_scratch);
	job_free(desk->job);
}

static int bind(struct desk *desk, const char *sql, size_t i, struct bound_value *ret,
		struct err *err)
{
	AUTO(statement) struct statement *s = NULL;

	assert_int_equal(bind_statement(desk->job, sql, TEMPLATE_FOR_ITEM, &s, err), 0);
	return bind_value(&desk->target, s, i, &desk->what, ret, err);
}

static void a_parameter_is_the_value_and_its_type(void **state)
{
	static const char sql[] = "INSERT INTO t VALUES (${id}, ${note}, ${total}, ${run.date})";
	struct desk desk;
	struct bound_value value = {0};
	struct err err = ERR_INIT;

	(void)state; /* no fixture */
	desk_init(&desk, "target.db");
	assert_int_equal(bind(&desk, sql, 0, &value, &err), 0);
	assert_int_equal(value.len, 3);
	assert_string_equal(value.text, "k\"1");
	assert_int_equal(value.type, FIELD_TEXT);
	assert_int_equal(bind(&desk, sql, 1, &value, &err), 0);
	assert_true(value.is_null);
	assert_int_equal(bind(&desk, sql, 2, &value, &err), 0);
	assert_string_equal(value.text, "12.50");
	assert_int_equal(value.type, FIELD_DECIMAL);
	assert_int_equal(bind(&desk, sql, 3, &value, &err), 0);
	assert_string_equal(value.text, "2026-01-31");
	desk_done(&desk);
}

static void a_column_is_a_field_as_it_is_or_a_text_of_several(void **state)
{
	struct desk desk;
	struct bound_value value = {0};
	struct err err = ERR_INIT;

	(void)state; /* no fixture */
	desk_init(&desk, "target.db");
	assert_int_equal(desk.target.columns.n, 4);
	assert_int_equal(bind_column(&desk.target, 0, &desk.what, &value, &err), 0);
	assert_ptr_equal(value.text, desk.fields[0].text); /* not copied */
	assert_int_equal(bind_column(&desk.target, 1, &desk.what, &value, &err), 0);
	assert_true(value.is_null);
	assert_int_equal(bind_column(&desk.target, 2, &desk.what, &value, &err), 0);
	assert_false(value.is_null);
	assert_int_equal(value.type, FIELD_DECIMAL);
	assert_int_equal(bind_column(&desk.target, 3, &desk.what, &value, &err), 0);
	assert_string_equal(value.text, "<k\"1/2026-01-31>");
	assert_int_equal(value.type, FIELD_TEXT);
	desk_done(&desk);
}

static void a_nul_is_the_item_s_fault(void **state)
{
	struct desk desk;
	struct bound_value value = {0};
	struct err err = ERR_INIT;

	(void)state; /* no fixture */
	desk_init(&desk, "target.db");
	set_field(&desk, 0, "a\0b", 3);
	assert_int_equal(bind_column(&desk.target, 0, &desk.what, &value, &err), ERR_DATA);
	assert_non_null(strstr(err.text, "NUL"));
	assert_int_equal(bind_column(&desk.target, 3, &desk.what, &value, &err), ERR_DATA);
	assert_int_equal(bind(&desk, "SELECT ${id}", 0, &value, &err), ERR_DATA);
	desk_done(&desk);
}

static void a_url_is_written_or_referred_to(void **state)
{
	AUTO(buf) struct buf out = BUF_INIT(URL_BYTES);
	struct desk desk;
	struct err err = ERR_INIT;

	(void)state; /* no fixture */
	desk_init(&desk, "target.db");
	assert_int_equal(target_read_url(desk.job, &out, &err), 0);
	assert_string_equal(buf_str(&out), "target.db");
	desk_done(&desk);

	buf_reset(&out);
	desk_init(&desk, "env:STINT_TEST_TARGET");
	assert_int_equal(unsetenv("STINT_TEST_TARGET"), 0);
	assert_true(target_read_url(desk.job, &out, &err) < 0);
	assert_non_null(strstr(err.text, "STINT_TEST_TARGET"));
	assert_int_equal(setenv("STINT_TEST_TARGET", "elsewhere.db", 1), 0);
	buf_reset(&out);
	assert_int_equal(target_read_url(desk.job, &out, &err), 0);
	assert_string_equal(buf_str(&out), "elsewhere.db");
	desk_done(&desk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_parameter_is_the_value_and_its_type),
		cmocka_unit_test(a_column_is_a_field_as_it_is_or_a_text_of_several),
		cmocka_unit_test(a_nul_is_the_item_s_fault),
		cmocka_unit_test(a_url_is_written_or_referred_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
