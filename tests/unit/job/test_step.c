/* SPDX-License-Identifier: Apache-2.0 */
/* What a step takes from an earlier one, and every way in which it cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "job/template.h"
#include "unit/job/parsed.h"

#define FETCH                                                                                      \
	"job: a\nsteps:\n"                                                                         \
	"  - name: fetch\n"                                                                        \
	"    source: {csv: {path: a.csv}, key: id, fields: {id: integer, name: text?}}\n"          \
	"    work: {http: {url: \"http://h/${id}\", keep: {token: /t, name: /n}}}\n"
#define STREAM                                                                                     \
	"job: a\nsteps:\n"                                                                         \
	"  - name: fetch\n"                                                                        \
	"    source: {csv: {path: a.csv}, fields: {id: integer}}\n"                                \
	"    work: {exec: {command: [x], mode: stream}}\n"
#define SEND "  - name: send\n    source: {step: fetch}\n"
/* A command of the step `send`, in line 8. */
#define SEND_WORK(argument) SEND "    work: {exec: {command: [x, \"" argument "\"]}}\n"

static void assert_field(const struct job *job, size_t i, const char *name, bool is_assigned)
{
	assert_string_equal(job->source.fields[i].name, name);
	assert_string_equal(job->fields[i].name, name);
	assert_int_equal(job->source.fields[i].is_assigned, is_assigned);
}

static void a_step_has_the_fields_of_another_and_what_it_kept(void **state)
{
	struct job *job = job_of(FETCH SEND "    work: {noop: {}}\n");
	const struct job *send = job_step(job, 2);

	assert_int_equal(send->source.kind, SOURCE_STEP);
	assert_int_equal(send->source.of_step, 1);
	assert_int_equal(send->source.n_fields, 4);
	assert_field(send, 0, "id", false);
	assert_int_equal(send->source.fields[0].type, FIELD_INTEGER);
	assert_field(send, 1, "name", false);
	assert_field(send, 2, "token", true);
	assert_field(send, 3, "step.fetch.name", true); /* there is a field of this name */
	assert_ptr_equal(job_origin(send), job);
	assert_true(job_has_names(send));
	job_free(job);
}

static void what_programs_keep_is_there_where_the_file_names_it(void **state)
{
	struct job *job = job_of(STREAM SEND
				 "    work: {noop: {}}\n"
				 "  - name: third\n    source: {step: send}\n"
				 "    work: {exec: {command: [\"${step.fetch.b}\"]}}\n");

	for (int step = 2; step <= 3; step++) {
		const struct job *of = job_step(job, step);
		assert_int_equal(of->source.n_fields, 2);
		assert_field(of, 1, "b", true);
	}
	assert_false(job_has_names(job_step(job, 3)));
	job_free(job);
}

static void placeholders_name_what_was_kept_and_fields(void **state)
{
	static const struct {
		const char *text;
		size_t field;
	} all[] = {{"${step.fetch.token}", 2},
		   {"${token}", 2},
		   {"${step.fetch.name}", 3},
		   {"${name}", 1},
		   {"${step.fetch.id}", 0}};
	struct job *job = job_of(FETCH SEND "    work: {noop: {}}\n");

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		AUTO(template) struct template *t = NULL;
		struct err err = ERR_INIT;
		size_t field = 99;
		assert_int_equal(template_parse(all[i].text, strlen(all[i].text), job_step(job, 2),
						&t, &err),
				 0);
		assert_true(template_is_field(t, &field));
		assert_int_equal(field, all[i].field);
	}
	job_free(job);
}

static void a_step_takes_the_items_of_one_before_it(void **state)
{
	assert_only_fault(
		FETCH "  - name: send\n    source: {step: fetsch}\n    work: {noop: {}}\n",
		"7:20: steps[].source.step: no step before this one is called 'fetsch'; did you "
		"mean 'fetch'?");
	assert_only_fault(
		FETCH "  - name: send\n    source: {step: send}\n    work: {noop: {}}\n",
		"7:20: steps[].source.step: step 'send' cannot take its own items: that is a "
		"cycle");
	assert_only_fault(
		"job: a\nsteps:\n"
		"  - {name: one, source: {step: two}, work: {noop: {}}}\n"
		"  - {name: two, source: {step: one}, work: {noop: {}}}\n",
		"3:32: steps[].source.step: step 'two' comes later: a step takes the items of one "
		"before it");
	assert_only_fault(
		"job: a\nsource: {step: fetch}\nwork: {noop: {}}\n",
		"2:16: source.step: there is no step before this one whose items it could "
		"take");
	assert_only_fault(
		"job: a\nsteps:\n  - {name: x, source: {step: y}, work: {noop: {}}}\n",
		"3:30: steps[].source.step: there is no step before this one whose items it could "
		"take");
}

static void a_placeholder_names_what_is_kept_by_then(void **state)
{
	assert_only_fault(
		FETCH SEND_WORK("${step.fetch.tokn}"),
		"8:32: steps[].work.exec.command[]: ${step.fetch.tokn}: step fetch keeps no "
		"'tokn'; did you mean 'token'?");
	assert_only_fault(
		FETCH SEND_WORK("${step.fetch.colour}"),
		"8:32: steps[].work.exec.command[]: ${step.fetch.colour}: step fetch keeps no "
		"'colour'; it keeps token, name");
	assert_only_fault(
		FETCH SEND_WORK("${step.fech.token}"),
		"8:32: steps[].work.exec.command[]: ${step.fech.token}: there is no step 'fech'; "
		"did you mean 'fetch'?");
	assert_only_fault(
		FETCH SEND_WORK("${step.send.token}"),
		"8:32: steps[].work.exec.command[]: ${step.send.token}: send is this step, which "
		"has kept nothing yet");
	assert_only_fault(
		FETCH SEND_WORK("${step.last.token}") "  - {name: last, work: {noop: {}}}\n",
		"8:32: steps[].work.exec.command[]: ${step.last.token}: step last comes later: "
		"there is nothing of it when this one begins");
	assert_only_fault(
		FETCH SEND_WORK("${step.fetch}"),
		"8:32: steps[].work.exec.command[]: ${step.fetch}: expected ${step.fetch.FIELD}");
	assert_only_fault(
		FETCH "  - name: send\n"
		      "    work: {exec: {command: [x, \"${step.fetch.token}\"]}}\n",
		"7:32: steps[].work.exec.command[]: ${step.fetch.token}: the items here are not "
		"those of step fetch; take them with source: {step: fetch}");
	assert_only_fault(
		"job: a\nsteps:\n  - {name: one, work: {noop: {}}}\n"
		"  - name: two\n    source: {step: one}\n"
		"    work: {exec: {command: [x, \"${step.one.y}\"]}}\n",
		"6:32: steps[].work.exec.command[]: ${step.one.y}: step one keeps no 'y'; it keeps "
		"nothing");
	assert_only_fault("job: a\nwork: {exec: {command: [x, \"${step.one.y}\"]}}\n",
			  "2:28: work.exec.command[]: ${step.one.y}: there is no step 'one'");
}

static void what_a_step_takes_must_be_there(void **state)
{
	assert_only_fault(
		FETCH "  - name: send\n    source: {step: fetch, fields: {id: text}}\n"
		      "    work: {noop: {}}\n",
		"7:27: steps[].source.fields: the items of a step have its fields, and what it "
		"kept; they are declared there");
	assert_only_fault(
		FETCH "  - name: send\n    source: {step: fetch, state: dead}\n"
		      "    work: {noop: {}}\n",
		"7:34: steps[].source.state: nothing of step fetch is dead when step send begins "
		"(go_on_when: done); say go_on_when: done_with_failures there");
	assert_only_fault("job: a\nsource: {files: {path: a}, state: dead}\nwork: {noop: {}}\n",
			  "2:28: source.state: means something only with the items of a step");
	assert_only_fault(
		"job: a\nsteps:\n  - name: one\n"
		"    source: {csv: {path: a, then: delete}, fields: {id: text}}\n"
		"    work: {noop: {}}\n"
		"  - {name: two, source: {step: one}, work: {noop: {}}}\n",
		"6:32: steps[].source.step: step one deletes its files when it is finished "
		"(then: delete), and this one reads their records again; "
		"say then: keep or move:DIRECTORY");
	assert_only_fault(
		STREAM "  - name: send\n    source: {step: fetch, unique: job}\n"
		       "    work: {noop: {}}\n",
		"7:27: steps[].source.unique: needs source.key: the place of a record names "
		"nothing beyond its run");
	assert_only_fault(FETCH "  - name: send\n    source: {step: fetch, key: token}\n"
				"    work: {noop: {}}\n",
			  "7:32: steps[].source.key: field token may be null, and a key may not");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_step_has_the_fields_of_another_and_what_it_kept),
		cmocka_unit_test(what_programs_keep_is_there_where_the_file_names_it),
		cmocka_unit_test(placeholders_name_what_was_kept_and_fields),
		cmocka_unit_test(a_step_takes_the_items_of_one_before_it),
		cmocka_unit_test(a_placeholder_names_what_is_kept_by_then),
		cmocka_unit_test(what_a_step_takes_must_be_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
