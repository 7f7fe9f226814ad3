/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "pg/pg.h"

static const char *quoted(const char *name)
{
	static char text[200];
	AUTO(buf) struct buf out = BUF_INIT(sizeof(text) - 1);
	struct err err = ERR_INIT;

	if (pg_put_name(&out, name, &err) < 0) {
		assert_int_equal(err.code, ERR_CONFIG);
		return NULL;
	}
	memcpy(text, buf_str(&out), out.len + 1);
	return text;
}

static void names_are_quoted_part_by_part(void **state)
{
	assert_string_equal(quoted("invoices"), "\"invoices\"");
	assert_string_equal(quoted("billing.invoices"), "\"billing\".\"invoices\"");
	assert_string_equal(quoted("billing.\"a.b\""), "\"billing\".\"a.b\"");
	assert_string_equal(quoted("\"say \"\"hi\"\"\""), "\"say \"\"hi\"\"\"");
	assert_string_equal(quoted("Straße; drop table x"), "\"Straße; drop table x\"");
}

static void what_is_no_name_is_refused(void **state)
{
	static const char *const bad[] = {"",	 ".",	 "a.",	   ".b",   "a.b.c",  "a\"b",
					  "\"a", "\"\"", "\"a\"b", "\xff", "a.\"\"b"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_null(quoted(bad[i]));
}

static void a_name_that_the_server_would_cut_off_is_refused(void **state)
{
	char name[66] = {0};

	memset(name, 'x', 63);
	assert_non_null(quoted(name));
	name[63] = 'x';
	assert_null(quoted(name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_quoted_part_by_part),
		cmocka_unit_test(what_is_no_name_is_refused),
		cmocka_unit_test(a_name_that_the_server_would_cut_off_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
