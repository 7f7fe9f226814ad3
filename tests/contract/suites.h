/* SPDX-License-Identifier: Apache-2.0 */
/* The suites of the ledger's contract, one for each subject. */
#ifndef STINT_TESTS_CONTRACT_SUITES_H
#define STINT_TESTS_CONTRACT_SUITES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct suite {
	const char *name;
	const struct CMUnitTest *cases;
	size_t n;
};

#define CASE(function) cmocka_unit_test_setup_teardown(function, bench_setup, bench_teardown)
#define SUITE(name_, cases_)                                                                       \
	{                                                                                          \
		.name = (name_), .cases = (cases_), .n = sizeof(cases_) / sizeof((cases_)[0])      \
	}

/* All of them on one backend; how many groups failed. */
int suites_run(const char *backend);

extern const struct suite suite_instances;
extern const struct suite suite_runs;
extern const struct suite suite_steps;
extern const struct suite suite_inbox;
extern const struct suite suite_loading;
extern const struct suite suite_chunks;
extern const struct suite suite_loose;
extern const struct suite suite_reap;
extern const struct suite suite_batches;
extern const struct suite suite_failover;
extern const struct suite suite_persons;
extern const struct suite suite_telling;
extern const struct suite suite_endings;
extern const struct suite suite_sharing;
extern const struct suite suite_stats;
extern const struct suite suite_breakers;
extern const struct suite suite_pools;

#endif
