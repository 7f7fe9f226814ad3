/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "job/item.h"
#include "job/sql_lint.h"
#include "job/sql_scan.h"
#include "job/statement.h"
#include "unit/job/parsed.h"

static const char job_text[] = "job: mail\n"
			       "params: {region: {default: eu}}\n"
			       "constants: {rate: {EUR: 1.5}}\n"
			       "source:\n"
			       "  csv: {path: a.csv}\n"
			       "  key: id\n"
			       "  fields: {id: integer, email: text?, cursor: text}\n"
			       "work: {noop: {}}\n";

static int setup(void **state)
{
	*state = job_of(job_text);
	return 0;
}

static int teardown(void **state)
{
	job_free(*state);
	return 0;
}

static struct statement *parsed(const struct job *job, enum statement_dialect dialect,
				enum template_use use, const char *text)
{
	struct statement *s = NULL;
	struct err err = ERR_INIT;

	if (statement_parse(dialect, use, text, strlen(text), job, &s, NULL, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	return s;
}

static void test_placeholders_become_parameters(void **state)
{
	AUTO(statement)
	struct statement *pg = parsed(*state, STATEMENT_POSTGRES, TEMPLATE_FOR_TOLD,
				      "update t set a = ${email} where id = ${id}::int");
	AUTO(statement)
	struct statement *lite = parsed(*state, STATEMENT_SQLITE, TEMPLATE_FOR_TOLD,
					"update t set a = ${email} where id = ${id}");

	assert_string_equal(statement_sql(pg), "update t set a = $1 where id = $2::int");
	assert_string_equal(statement_sql(lite), "update t set a = ?1 where id = ?2");
	assert_int_equal(statement_n(pg), 2);
	assert_int_equal(statement_find(pg, STATEMENT_CURSOR), -1);
}

static void test_a_value_keeps_its_type_and_null_is_null(void **state)
{
	const struct value fields[] = {
		{.text = "17", .len = 2}, {.is_null = true}, {.text = "x'; --", .len = 6}};
	const struct item item = {.fields = fields, .key = "17", .key_len = 2, .source_path = ""};
	const struct template_item filled = {.item = &item, .idempotency_key = ""};
	const char *const params[] = {"eu"};
	const struct template_run run = {.id = 5, .date = "2026-03-01", .param_values = params};
	const struct {
		enum field_type type;
		bool is_null;
		const char *text;
	} expected[] = {{FIELD_INTEGER, false, "17"},  {FIELD_TEXT, true, ""},
			{FIELD_TEXT, false, "x'; --"}, {FIELD_TEXT, false, "eu"},
			{FIELD_INTEGER, false, "5"},   {FIELD_DATE, false, "2026-02-28"},
			{FIELD_DECIMAL, false, "1.5"}, {FIELD_TEXT, false, "17"}};
	AUTO(statement)
	struct statement *s = parsed(*state, STATEMENT_POSTGRES, TEMPLATE_FOR_TOLD,
				     "select ${id}, ${email}, ${cursor}, ${param.region}, "
				     "${run.id}, ${run.date-1d}, ${constant.rate.EUR}, "
				     "${item.key}");

	assert_int_equal(statement_n(s), 8);
	for (size_t i = 0; i < 8; i++) {
		AUTO(buf) struct buf out = BUF_INIT(100);
		enum field_type type = FIELD_JSON;
		bool is_null = false;
		struct err err = ERR_INIT;
		assert_int_equal(statement_put(s, i, &run, &filled, &out, &type, &is_null, &err),
				 0);
		assert_int_equal(type, expected[i].type);
		assert_int_equal(is_null, expected[i].is_null);
		assert_string_equal(buf_str(&out), expected[i].text);
	}
}

static void test_a_query_knows_what_pages_it(void **state)
{
	AUTO(statement)
	struct statement *s = parsed(*state, STATEMENT_POSTGRES, TEMPLATE_FOR_QUERY,
				     "select 1 where a = ${param.region} and id > ${cursor} "
				     "limit ${page_size}");
	struct statement *none = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(statement_find(s, STATEMENT_CURSOR), 1);
	assert_int_equal(statement_find(s, STATEMENT_PAGE_SIZE), 2);
	assert_int_equal(statement_parse(STATEMENT_POSTGRES, TEMPLATE_FOR_QUERY, "${id}", 5, *state,
					 &none, NULL, &err),
			 ERR_CONFIG);
	assert_non_null(strstr(err.text, "may not stand in a query"));
}

static void test_a_place_in_sql_is_one_in_the_file(void **state)
{
	const char text[] = "select ${id}, ${email}, oops";
	AUTO(statement)
	struct statement *s = parsed(*state, STATEMENT_POSTGRES, TEMPLATE_FOR_TOLD, text);
	size_t at = (size_t)(strstr(statement_sql(s), "oops") - statement_sql(s));

	assert_string_equal(statement_sql(s), "select $1, $2, oops");
	assert_int_equal(statement_place(s, at), strstr(text, "oops") - text);
	assert_int_equal(statement_place(s, 11), strstr(text, "${email}") - text);
}

static void test_no_value_stands_within_quotes(void **state)
{
	static const struct {
		const char *text;
		bool in_postgres, in_sqlite;
	} cases[] = {
		{"'${id}'", true, true},
		{"'it''s ${id}'", true, true},
		{"'it''s' || ${id}", false, false},
		{"\"a${id}\"", true, true},
		{"-- ${id}\n", true, true},
		{"-- no\n${id}", false, false},
		{"/* ${id} */", true, true},
		{"/* a */ ${id}", false, false},
		{"/* /* */ ${id} */", true, false},
		{"$$ ${id} $$", true, false},
		{"$tag$ $$ ${id} $tag$", true, false},
		{"$$ $$ || ${id}", false, false},
		{"E'\\' ${id}'", true, false},
		{"ee'\\' || ${id}", false, false},
		{"[a ${id}]", false, true},
		{"`a ${id}`", false, true},
		{"a - ${id} / ${id}", false, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (int d = 0; d < 2; d++) {
			AUTO(statement) struct statement *s = NULL;
			struct err err = ERR_INIT;
			size_t at = 99;
			const char *text = cases[i].text;
			bool is_refused = d == 0 ? cases[i].in_postgres : cases[i].in_sqlite;
			int rc = statement_parse((enum statement_dialect)d, TEMPLATE_FOR_TOLD, text,
						 strlen(text), *state, &s, &at, &err);
			if ((rc != 0) != is_refused)
				fail_msg("%s, dialect %d: %d %s", text, d, rc, err.text);
			if (rc != 0)
				assert_int_equal(at, strstr(text, "${") - text);
		}
	}
}

static void test_rules_of_a_query_have_their_place(void **state)
{
	static const struct {
		const char *sql;
		int rc;
		const char *place; /* the text there */
		const char *says;
	} cases[] = {
		{"select id, b from t where id > $1 order by id limit $2", 0, "", ""},
		{"select t.id, b from t where t.id > $1 order by t.id asc limit $2;", 0, "", ""},
		{"select x.n as id, b from x where n > $1 order by n limit $2", 0, "", ""},
		{"select id, b from a union all select id, b from c where id > $1 order by id "
		 "limit $2",
		 0, "", ""},
		{"select * from t where id > $1 order by id limit $2", ERR_CONFIG, "*", "select *"},
		{"select t.* from t where id > $1 order by id limit $2", ERR_CONFIG, "t.*",
		 "select *"},
		{"select id, b from t where id > $1 order by 1 limit $2", ERR_CONFIG, "1 limit",
		 "position"},
		{"select id, b from t where id > $1 order by id, 2 limit $2", ERR_CONFIG, "2 limit",
		 "position"},
		{"select id, b from t where id > $1 order by b limit $2", ERR_CONFIG, "b limit",
		 "ordered by the cursor"},
		{"select id, b from t where id > $1 limit $2", ERR_CONFIG, "", "no order by id"},
		{"select id, b from t where id >= $1 order by id limit $2", ERR_CONFIG,
		 ">=", "write id > "},
		{"select id, b from t where $1::int <= id order by id limit $2", ERR_CONFIG,
		 "<=", "write id > "},
		{"select id, b from t where id < $1 order by id limit $2", ERR_CONFIG, "< $1",
		 "write id > "},
		{"select id, b from t where id > $1 + 1 order by id limit $2", ERR_CONFIG, "+ 1",
		 "write id > "},
		{"select id, b from t where id between $1 and 9 order by id limit $2", ERR_CONFIG,
		 "between", "write id > "},
		{"select id, b from t where $1::int < id order by id limit $2::int", 0, "", ""},
		{"select id, b from t where id > $1 order by id fetch first $2 rows only", 0, "",
		 ""},
		{"select id, b from t where id > $1 order by id limit $2 - 1", ERR_CONFIG, "- 1",
		 "${page_size}"},
		{"select id, b from t where id > $1 order by id limit least($2, 5)", ERR_CONFIG,
		 "least", "${page_size}"},
		{"select id, b from t where id > $1 order by id limit $2 offset 3", ERR_CONFIG, "3",
		 "offset"},
		{"select id, b from t where id > $1 order by id limit 5", ERR_CONFIG, "",
		 "${page_size}"},
		{"select b from t where id > $1 order by id limit $2", ERR_CONFIG, "b from",
		 "the cursor"},
		{"select id from t where id > $1 order by id limit $2", ERR_CONFIG, "id from",
		 "no column 'b'"},
		{"select id, b, c as b from t where id > $1 order by id limit $2", ERR_CONFIG,
		 "c as b", "2 columns"},
		{"select id, b from t where id > $1 order by id limit $2 for update", ERR_CONFIG,
		 "", "only reads"},
		{"delete from t where id > $1 and 1 < $2", ERR_CONFIG, "", "one select"},
		{"select 1; select id, b from t where id > $1 order by id limit $2", ERR_CONFIG, "",
		 "one select"},
		{"select id, b frm t", SQL_UNREAD, "t", "syntax error"},
	};
	char id[] = "id";
	char b[] = "b";
	const struct field fields[] = {{.name = id}, {.name = b}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct sql_lint lint = {.sql = cases[i].sql,
					      .cursor = "id",
					      .cursor_number = 1,
					      .page_size_number = 2,
					      .fields = fields,
					      .n_fields = 2};
		struct err err = ERR_INIT;
		size_t at = 0;
		int rc = sql_lint_query(&lint, &at, &err);
		size_t len = strlen(cases[i].place);
		if (rc != cases[i].rc || strstr(err.text, cases[i].says) == NULL ||
		    (rc != 0 && strncmp(cases[i].sql + at, cases[i].place, len) != 0))
			fail_msg("%s: %d at %zu: %s", cases[i].sql, rc, at, err.text);
	}
}

static void test_a_change_changes_single_rows(void **state)
{
	struct err err = ERR_INIT;
	size_t at = 0;

	(void)state;
	assert_int_equal(sql_lint_change("update t set a = 1 where id = $1", &at, &err), 0);
	assert_int_equal(sql_lint_change("insert into t values ($1)", &at, &err), 0);
	assert_int_equal(sql_lint_change("update t set a = 1", &at, &err), ERR_CONFIG);
	assert_int_equal(sql_lint_change("delete from t", &at, &err), ERR_CONFIG);
	assert_int_equal(sql_lint_change("drop table t", &at, &err), ERR_CONFIG);
	assert_int_equal(sql_lint_change("update t set", &at, &err), SQL_UNREAD);
}

static void test_an_order_can_be_turned_round(void **state)
{
	static const struct {
		const char *sql;
		const char *behind, *rest;
	} cases[] = {{"select id from t order by id limit 1", " limit 1", " limit 1"},
		     {"select id from t order by t.id, b limit 1", ", b limit 1", ", b limit 1"},
		     {"select \"a\"\"b\" from t order by \"a\"\"b\" asc limit 1", " asc limit 1",
		      " limit 1"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sql_order order = {0};
		assert_true(sql_find_order(cases[i].sql, &order));
		assert_string_equal(cases[i].sql + order.column_end, cases[i].behind);
		assert_string_equal(cases[i].sql + order.asc_end, cases[i].rest);
	}
	assert_false(sql_find_order("select id from t order by lower(id)", &(struct sql_order){0}));
	assert_false(sql_find_order("select id from t", &(struct sql_order){0}));
}

/* The first word of each statement, with a blank behind. */
static void assert_statements(enum statement_dialect dialect, const char *sql, const char *expected)
{
	AUTO(buf) struct buf found = BUF_INIT(1000);
	struct sql_scan scan = {.dialect = dialect, .sql = sql, .len = strlen(sql)};
	struct sql_word first = {0};

	while (sql_next_statement(&scan, &first)) {
		buf_put(&found, first.text, first.len);
		buf_put(&found, " ", 1);
	}
	assert_string_equal(buf_str(&found), expected);
}

static void test_statements_of_a_text_end_at_semicolons(void **state)
{
	static const char *const both[][2] = {
		{"", ""},
		{" ;; -- nothing\n/* at all; */ ;", ""},
		{"update t set a = 1;COMMIT", "update COMMIT "},
		{";/* a */commit/* b */", "commit "},
		{"select ';commit', \";commit\" -- ;commit\n, 1; end;", "select end "},
		{"select 'a''; commit'; select 2", "select select "},
		{"create trigger r after insert on t begin update t set a = "
		 "case when b then 1 end; delete from u; end; rollback",
		 "create rollback "},
		{"create table a(begin_ int); select 1", "create select "},
	};

	for (size_t i = 0; i < ARRAY_LEN(both); i++) {
		assert_statements(STATEMENT_POSTGRES, both[i][0], both[i][1]);
		assert_statements(STATEMENT_SQLITE, both[i][0], both[i][1]);
	}
	assert_statements(STATEMENT_POSTGRES, "do $a$ begin; commit; end $a$; select E'\\'; x'",
			  "do select ");
	assert_statements(STATEMENT_SQLITE, "select [;commit], `;end`; select 2", "select select ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_placeholders_become_parameters, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_a_value_keeps_its_type_and_null_is_null, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_a_query_knows_what_pages_it, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_place_in_sql_is_one_in_the_file, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_no_value_stands_within_quotes, setup,
						teardown),
		cmocka_unit_test(test_rules_of_a_query_have_their_place),
		cmocka_unit_test(test_a_change_changes_single_rows),
		cmocka_unit_test(test_an_order_can_be_turned_round),
		cmocka_unit_test(test_statements_of_a_text_end_at_semicolons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
