/* SPDX-License-Identifier: Apache-2.0 */
/* What a ledger promises, asked of PostgreSQL: tests/tools/with_postgres starts a server for it. */
#include "contract/suites.h"

int main(void)
{
	return suites_run("postgres") == 0 ? 0 : 1;
}
