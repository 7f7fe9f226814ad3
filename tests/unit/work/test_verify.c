/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a program whether an item took effect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <string.h>

#include "core/outcome.h"
#include "job/job.h"
#include "unit/work/probe.h"

static struct probe *probe(void)
{
	static struct probe p;

	return &p;
}

/* `work` as probe_open takes it; asks instead of working. */
static void ask(struct probe *p, const char *work)
{
	probe_open(p, work, NULL);
	p->is_probe = true;
	probe_start(p, 7);
	probe_wait(p, 1);
}

static void the_exit_status_is_the_answer(void **state)
{
	static const struct {
		const char *work;
		int outcome;
		const char *err_class;
	} cases[] = {
		{"  exec: {command: [/bin/false]}\n  verify: {command: [/bin/true]}\n",
		 OUTCOME_DONE, ""},
		{"  exec: {command: [/bin/true]}\n  verify: {command: [/bin/false]}\n",
		 OUTCOME_RETRY, "exit-1"},
		{"  exec: {command: [/bin/true]}\n"
		 "  verify: {command: [/bin/sh, -c, exit 2]}\n",
		 OUTCOME_UNKNOWN, "exit-2"},
		/* what the job says of its own program's statuses is not about this one */
		{"  exec: {command: [/bin/true]}\n  done_when: [1]\n"
		 "  verify: {command: [/bin/false]}\n",
		 OUTCOME_RETRY, "exit-1"},
		{"  exec: {command: [/bin/true]}\n"
		 "  verify: {command: [/bin/sh, -c, exit 65]}\n",
		 OUTCOME_UNKNOWN, "exit-65"},
		{"  exec: {command: [/bin/true]}\n"
		 "  verify: {command: [/bin/sh, -c, kill -9 $$]}\n",
		 OUTCOME_UNKNOWN, "signal-9"},
		{"  exec: {command: [/bin/true]}\n  timeout: 100ms\n"
		 "  verify: {command: [/bin/sleep, \"60\"]}\n",
		 OUTCOME_UNKNOWN, "timeout"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct probe *p = probe();
		ask(p, cases[i].work);
		assert_int_equal(p->outcome, cases[i].outcome);
		assert_string_equal(p->err_class, cases[i].err_class);
		probe_close(p);
	}
}

/* Safety: a "no" would have the item done again. */
static void what_cannot_be_asked_is_no_answer(void **state)
{
	static const char *const cases[] = {
		"  exec: {command: [/bin/true]}\n  verify: {command: [/no/such/program]}\n",
		"  exec: {command: [/bin/true]}\n  verify: {command: [\"/no/such/${id}\"]}\n",
		"  exec: {command: [/bin/true]}\n  verify: {command: [/etc/passwd]}\n",
		"  exec: {command: [/bin/true]}\n  verify: {command: [/bin/false, \"${total}\"]}\n",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct probe *p = probe();
		probe_open(p, cases[i], NULL);
		probe_set(p, FIELD_TOTAL, "1\0002", 3); /* no argument */
		p->is_probe = true;
		probe_start(p, 7);
		probe_wait(p, 1);
		assert_int_equal(p->outcome, OUTCOME_UNKNOWN);
		probe_close(p);
	}
}

static void it_gets_what_the_items_program_gets(void **state)
{
	struct probe *p = probe();

	ask(p, "  exec: {command: [/bin/true], env: {REGION: \"${id}-eu\"}}\n"
	       "  verify: {command: [/bin/sh, -c, \"cat; echo; echo $STINT_KEY "
	       "$STINT_IDEMPOTENCY_KEY $STINT_ATTEMPT $REGION $0; exit 2\", \"${id}\"]}\n");
	assert_string_equal(p->output, "{\"id\":\"inv-1\",\"secret\":\"***\",\"total\":12.50,"
				       "\"n_1\":3}\n\n"
				       "inv-1 ikey 2 inv-1-eu inv-1\n");
	probe_close(p);
}

static void for_an_item_that_goes_to_a_worker_a_program_is_asked(void **state)
{
	struct probe *p = probe();

	ask(p, "  exec: {command: [/bin/cat], mode: stream}\n  effect: once\n"
	       "  verify: {command: [/bin/sh, -c, \"grep -q inv-1\"]}\n");
	assert_int_equal(p->outcome, OUTCOME_DONE);
	probe_close(p);
}

static void the_item_itself_is_worked_as_ever(void **state)
{
	struct probe *p = probe();

	probe_run(p, "  exec: {shell: exit 65}\n  verify: {command: [/bin/true]}\n");
	assert_int_equal(p->outcome, OUTCOME_DEAD);
	probe_close(p);
}

static void a_program_that_is_not_there_is_noticed_before_the_run(void **state)
{
	struct probe *p = probe();
	struct err err = ERR_INIT;

	probe_open(p, "  exec: {command: [/bin/true]}\n  verify: {command: [/no/such/program]}\n",
		   NULL);
	assert_int_equal(work_check(p->job, &err), ERR_CONFIG);
	assert_non_null(strstr(err.text, "work: verify: "));
	probe_close(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_exit_status_is_the_answer),
		cmocka_unit_test(what_cannot_be_asked_is_no_answer),
		cmocka_unit_test(it_gets_what_the_items_program_gets),
		cmocka_unit_test(for_an_item_that_goes_to_a_worker_a_program_is_asked),
		cmocka_unit_test(the_item_itself_is_worked_as_ever),
		cmocka_unit_test(a_program_that_is_not_there_is_noticed_before_the_run),
	};
	const struct sigaction ignore = {.sa_handler = SIG_IGN};

	if (sigaction(SIGPIPE, &ignore, NULL) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
