/* SPDX-License-Identifier: Apache-2.0 */
/* What a ledger promises, asked of every backend that needs no server. */
#include "contract/suites.h"

#include "base/attr.h"

int main(void)
{
	static const char *const backends[] = {"memory", "beats", "sqlite"};
	int failed = 0;

	for (size_t i = 0; i < ARRAY_LEN(backends); i++)
		failed += suites_run(backends[i]);
	return failed == 0 ? 0 : 1;
}
