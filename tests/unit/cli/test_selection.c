/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

/* The engine, which is linked with cli/, has a function of that name, too. Before the ledger's
 * header, whose operation of that name is renamed with it. */
#define chunk_progress bench_chunk_progress
#include "base/err.h"
#include "cli/cli.h"
#include "cli/selection.h"
#include "cli/verbs.h"
#include "contract/bench.c"

static const struct selection_wish skips = {
	.by_itself = SELECT_WAITING | SELECT_RETRY | SELECT_IN_DOUBT | SELECT_DEAD,
	.allowed = SELECT_WAITING | SELECT_RUNNING | SELECT_RETRY | SELECT_IN_DOUBT | SELECT_DEAD,
};
static const struct selection_wish retries = {.by_itself = SELECT_DEAD, .allowed = SELECT_DEAD};

/* A call of `skip` with these options; no words. */
static struct cli call(enum option_id id, const char *value)
{
	struct cli cli = {.verb = verb_get(VERB_SKIP)};

	cli.options.is_given[id] = true;
	cli.options.value[id] = value;
	return cli;
}

static void what_is_no_selection_is_refused(void **state)
{
	static const struct {
		enum option_id id;
		const char *value;
		bool has_word;
		int code;
		const char *said;
	} cases[] = {
		{OPTION_QUIET, NULL, false, ERR_USAGE, "skip of what?"},
		{OPTION_RUN, "1", true, ERR_USAGE, "not both"},
		{OPTION_STATE, "done", false, ERR_USAGE, "does nothing to such items"},
		{OPTION_STATE, "waitign", false, ERR_USAGE, "did you mean 'waiting'"},
		{OPTION_WHERE, "a > 1", false, ERR_USAGE, "not available in this version"},
		{OPTION_QUIET, NULL, true, 0, ""},
		{OPTION_STATE, "running", false, 0, ""},
		{OPTION_ERROR, "00000000", false, 0, ""},
	};
	const char *words[] = {"job/key"};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct cli cli = call(cases[i].id, cases[i].value);
		struct err err = ERR_INIT;
		cli.options.words = words;
		cli.options.n_words = cases[i].has_word ? 1 : 0;
		assert_int_equal(selection_check(&cli, &skips, &err), cases[i].code);
		if (strstr(err.text, cases[i].said) == NULL)
			fail_msg("'%s' does not say '%s'", err.text, cases[i].said);
	}
}

/* Walks the selection and gives how many items it has; each comes once. */
static int64_t count(struct bench *b, const struct cli *cli, const struct selection_wish *wish,
		     int64_t *ret_batches)
{
	struct selection *s = test_calloc(1, sizeof(*s));
	struct selection_batch batch = {0};
	struct err err = ERR_INIT;
	int64_t last_run = 0;
	int64_t n = 0;
	int rc = 0;

	assert_int_equal(selection_init(s, cli, b->ledger, wish, &err), 0);
	*ret_batches = 0;
	while ((rc = selection_next(s, b->ledger, &batch, &err)) == 0) {
		assert_true(batch.n > 0 && batch.n <= SELECTION_BATCH);
		assert_true(batch.run_id >= last_run);
		for (size_t i = 1; i < batch.n; i++)
			assert_true(batch.items[i] > batch.items[i - 1]);
		last_run = batch.run_id;
		n += (int64_t)batch.n;
		(*ret_batches)++;
	}
	assert_int_equal(rc, SELECTION_END);
	assert_int_equal(selection_next(s, b->ledger, &batch, &err), SELECTION_END);
	selection_done(s);
	test_free(s);
	return n;
}

static void many_items_come_in_batches_each_once(void **state)
{
	struct bench *b = *state;
	struct cli waiting = call(OPTION_STATE, "waiting");
	struct cli dead = call(OPTION_STATE, "dead");
	int64_t batches = 0;

	int64_t one = run_ready(b, b->a, &(struct plan){.n_chunks = 20, .n = 500});
	(void)run_ready(b, b->a, &(struct plan){.due = "2026-11-24/1", .n_chunks = 3, .n = 4096});
	assert_int_equal(count(b, &waiting, &skips, &batches), 10000 + 3 * 4096);
	assert_int_equal(batches, 2 + 1 + 3); /* 8 chunks of 500 in a batch */
	assert_int_equal(count(b, &dead, &skips, &batches), 0);
	for (int i = 0; i < 10; i++)
		chunk_work(b, b->a, one, 490);
	assert_int_equal(count(b, &dead, &retries, &batches), 4900);
	assert_int_equal(batches, 2);
	assert_int_equal(count(b, &waiting, &skips, &batches), 5000 + 3 * 4096);
}

/* A run of ten items: 0 dead, 1 in doubt, 2 asked, 3 retry, 4 done, 5 skipped, 6 held, 7 done in
 * the chunk, 8 started, 9 waiting. */
static int64_t run_of_all_states(struct bench *b)
{
	static const enum loose_state states[] = {LOOSE_DEAD,  LOOSE_DOUBT, LOOSE_ASKED,
						  LOOSE_RETRY, LOOSE_DONE,  LOOSE_WAIVED};
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 10});
	struct held held;

	assert_true(chunk_claim(b, b->a, run, &held));
	(void)begin(b, b->a, LOP_INSTANCE_LIST);
	for (uint32_t i = 0; i < ARRAY_LEN(states); i++) {
		struct ledger_op *op = loose_put(b, &held, i, states[i]);
		op->u.loose_put.row.person = i % 2 == 0 ? "anna" : NULL;
		op->u.loose_put.row.fingerprint = i < 2 ? "0a1b2c3d" : "";
	}
	struct ledger_op *op = loose_put(b, &held, 6, LOOSE_HELD);
	op->u.loose_put.row.owner = b->a->inc;
	bits_set(held.done, 7);
	bits_set(held.started, 8);
	chunk_progress(b, &held, false);
	commit(b);
	return run;
}

static void filters_narrow_each_other_down(void **state)
{
	struct bench *b = *state;
	static const struct {
		const char *state, *person, *error;
		int64_t n;
	} cases[] = {
		{"waiting", NULL, NULL, 1},    {"running", NULL, NULL, 2},
		{"retry", NULL, NULL, 1},      {"in_doubt", NULL, NULL, 2},
		{"dead", NULL, NULL, 1},       {NULL, "anna", NULL, 2},
		{NULL, NULL, "0a1b2c3d", 2},   {NULL, "anna", "0a1b2c3d", 1},
		{"waiting", "anna", NULL, 0},  {NULL, "berta", NULL, 0},
		{"dead", NULL, "0a1b2c3d", 1}, {"retry", NULL, "0a1b2c3d", 0},
	};
	int64_t batches = 0;

	(void)run_of_all_states(b);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct cli cli = call(OPTION_PERSON, cases[i].person);
		cli.options.is_given[OPTION_STATE] = cases[i].state != NULL;
		cli.options.value[OPTION_STATE] = cases[i].state;
		cli.options.value[OPTION_ERROR] = cases[i].error;
		int64_t n = count(b, &cli, &skips, &batches);
		if (n != cases[i].n)
			fail_msg("case %d: %d instead of %d", (int)i, (int)n, (int)cases[i].n);
	}
}

static void an_item_says_what_it_is_at(void **state)
{
	struct bench *b = *state;
	static const struct {
		const char *state;
		bool is_held;
	} wanted[] = {
		{"dead", false},   {"in_doubt", false}, {"in_doubt", false}, {"retry", false},
		{"done", false},   {"skipped", false},	{"running", true},   {"done", false},
		{"running", true}, {"waiting", true},
	};
	int64_t run = run_of_all_states(b);
	struct selection_item item = {0};
	struct err err = ERR_INIT;

	for (int64_t i = 0; i < (int64_t)ARRAY_LEN(wanted); i++) {
		struct find_item at = {.run_id = run, .number = i};
		assert_int_equal(selection_item(b->ledger, &at, &item, &err), 0);
		assert_string_equal(item.state, wanted[i].state);
		assert_int_equal(item.is_held, wanted[i].is_held);
	}
	struct find_item beyond = {.run_id = run, .number = 10};
	assert_int_equal(selection_item(b->ledger, &beyond, &item, &err), ERR_DATA);
}

static void runs_that_were_given_up_are_left_out(void **state)
{
	struct bench *b = *state;
	struct cli waiting = call(OPTION_STATE, "waiting");
	int64_t batches = 0;

	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 10});
	(void)person(b, PERSON_ABANDON, run, NULL, 0);
	assert_int_equal(count(b, &waiting, &skips, &batches), 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_selection_is_refused),
		CASE(many_items_come_in_batches_each_once),
		CASE(filters_narrow_each_other_down),
		CASE(an_item_says_what_it_is_at),
		CASE(runs_that_were_given_up_are_left_out),
	};
#undef CASE

	bench_backend = "sqlite";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
