/* SPDX-License-Identifier: Apache-2.0 */
/* What a ledger promises, asked of one backend. */
#include "contract/suites.h"
#include "contract/bench.h"

static const struct suite *const suites[] = {
	&suite_instances, &suite_runs,	  &suite_steps,	  &suite_loading,  &suite_chunks,
	&suite_loose,	  &suite_reap,	  &suite_batches, &suite_persons,  &suite_telling,
	&suite_endings,	  &suite_sharing, &suite_stats,	  &suite_breakers, &suite_failover,
	&suite_inbox,	  &suite_pools,
};

int suites_run(const char *backend)
{
	int failed = 0;

	bench_backend = backend;
	print_message("backend: %s\n", backend);
	for (size_t i = 0; i < ARRAY_LEN(suites); i++)
		failed += _cmocka_run_group_tests(suites[i]->name, suites[i]->cases, suites[i]->n,
						  NULL, NULL);
	return failed;
}
