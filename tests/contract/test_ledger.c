/* SPDX-License-Identifier: Apache-2.0 */
/* What a ledger promises, asked of every backend. */
#include "contract/bench.h"
#include "contract/suites.h"

static const struct suite *const suites[] = {
	&suite_instances, &suite_runs,	&suite_steps,	 &suite_loading, &suite_chunks,
	&suite_loose,	  &suite_reap,	&suite_batches,	 &suite_persons, &suite_telling,
	&suite_sharing,	  &suite_stats, &suite_breakers,
};

int main(void)
{
	static const char *const backends[] = {"memory", "beats", "sqlite"};
	int failed = 0;

	for (size_t i = 0; i < ARRAY_LEN(backends); i++) {
		bench_backend = backends[i];
		print_message("backend: %s\n", bench_backend);
		for (size_t k = 0; k < ARRAY_LEN(suites); k++)
			failed += _cmocka_run_group_tests(suites[k]->name, suites[k]->cases,
							  suites[k]->n, NULL, NULL);
	}
	return failed == 0 ? 0 : 1;
}
