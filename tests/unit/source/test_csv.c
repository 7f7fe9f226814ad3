/* SPDX-License-Identifier: Apache-2.0 */
/* CSV files as users write them, well and badly; what is asserted is what a user would read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "unit/source/desk.h"

#define FIELDS "  fields: {id: integer, name: text, total: decimal}\n"
#define CSV "  csv: {path: in.csv}\n" FIELDS

static void records_become_items_with_their_place_as_key(void **state)
{
	struct desk *d = desk_open();

	desk_write(d, "in.csv", "id,name,total\n1,Ann,12.50\n2,Bob,-3\n");
	desk_job(d, CSV, "");
	desk_load(d);
	desk_expect_end(d);
	EXPECT_ITEMS(d, "in.csv:2 @in.csv:2 id=1 name=Ann total=12.50",
		     "in.csv:3 @in.csv:3 id=2 name=Bob total=-3");
	assert_int_equal(d->read, 2);
	assert_int_equal(d->n_rejects, 0);
	assert_false(d->tell);
	desk_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_become_items_with_their_place_as_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
