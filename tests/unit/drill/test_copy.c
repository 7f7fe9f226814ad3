/* SPDX-License-Identifier: Apache-2.0 */
/* The copy of a job that a drill plays with: the same promises, and nothing that anybody hears. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "drill/copy.h"
#include "drill/standin.h"
#include "job/job.h"

static struct job *parsed(const char *text)
{
	struct job *job = NULL;
	struct err err = ERR_INIT;

	if (job_parse(text, strlen(text), "job.yaml", "/jobs", NULL, NULL, &job, &err) < 0)
		fail_msg("%s", err.text);
	return job;
}

/* The copy, and that it is a job file; the first step is plain when there are items for it. The
 * caller frees both. */
static struct job *copied(const char *text, const char *own_items, struct buf *ret_text)
{
	AUTO(job) struct job *job = parsed(text);
	const bool is_plain[JOB_STEPS_MAX] = {own_items != NULL};
	struct copy_wish wish = {.job = job,
				 .program = "/usr/bin/stint",
				 .stage = "/tmp/stage",
				 .own_items = own_items == NULL ? "/nowhere" : own_items,
				 .is_plain = is_plain,
				 .scene = SCENE_LOST,
				 .deed_step = (int)job->n_steps,
				 .turn = 3};

	copy_put(&wish, ret_text);
	return parsed(buf_str(ret_text));
}

static const char careful[] =
	"job: pay\n"
	"params: {region: {type: text, default: eu, identity: true}}\n"
	"secrets: {token: env:TOKEN}\n"
	"source: {csv: {path: pay.csv, delimiter: ';', then: delete}, key: id, unique: run,"
	" fields: {id: integer, mail: text}}\n"
	"filter: id ~= nil\n"
	"work: {exec: {command: [/bin/pay, '${id}', '${secret.token}']}, effect: once,"
	" when_in_doubt: skip, timeout: 10m, concurrency: 40, canary: 5, max_dead: 1}\n"
	"retry: {attempts: 7, first: 1h}\n"
	"window: {stop_by: 06:00}\n"
	"chunk: {items: 5}\n"
	"report: {person: mail}\n";

static void the_promises_are_those_of_the_job(void **state)
{
	AUTO(buf) struct buf text = BUF_INIT(100000);
	AUTO(job) struct job *copy = copied(careful, NULL, &text);

	assert_string_equal(copy->name, "pay");
	assert_int_equal(copy->work.effect, JOB_ONCE);
	assert_int_equal(copy->work.when_in_doubt, JOB_DOUBT_SKIP);
	assert_int_equal(copy->retry.attempts, 7);
	assert_int_equal(copy->chunk_items, 5);
	assert_int_equal(copy->n_params, 1);
	assert_string_equal(copy->source.path, "/jobs/pay.csv");
	assert_int_equal(copy->source.delimiter, ';');
	assert_int_equal(copy->source.unique, JOB_UNIQUE_RUN);
	assert_string_equal(copy->source.key, "id");
	assert_int_equal(copy->source.n_fields, 2);
	assert_non_null(copy->filter);
}

static void nothing_is_done_and_nobody_is_waited_for(void **state)
{
	AUTO(buf) struct buf text = BUF_INIT(100000);
	AUTO(job) struct job *copy = copied(careful, NULL, &text);
	static const char *const command[] = {"/usr/bin/stint", STANDIN_VERB, "/tmp/stage",
					      "lost-answer", "3"};

	assert_int_equal(copy->work.kind, WORK_EXEC);
	for (size_t i = 0; i < ARRAY_LEN(command); i++)
		assert_string_equal(copy->work.command[i], command[i]);
	assert_null(copy->work.command[ARRAY_LEN(command)]);
	assert_int_equal(copy->work.input, EXEC_INPUT_NONE);
	assert_int_equal(copy->source.then, JOB_THEN_KEEP);
	assert_null(strstr(buf_str(&text), "/bin/pay"));
	assert_int_equal(copy->window.stop_by_minute, -1);
	assert_int_equal(copy->work.canary, 0);
	assert_true(copy->retry.max_us <= US_PER_S);
	assert_true(copy->work.timeout_us < STANDIN_SLOW_SECONDS * US_PER_S);
	assert_true(copy->work.concurrency > 1 && copy->work.concurrency < 12);
}

static void a_source_that_cannot_be_read_is_replaced(void **state)
{
	AUTO(buf) struct buf text = BUF_INIT(100000);
	AUTO(job) struct job *copy = copied(careful, "/tmp/items.csv", &text);

	assert_string_equal(copy->source.path, "/tmp/items.csv");
	assert_int_equal(copy->source.n_fields, 1);
	assert_null(copy->filter); /* over fields that are not there */
	assert_int_equal(copy->work.effect, JOB_ONCE);
}

static void defaults_are_said(void **state)
{
	AUTO(buf) struct buf text = BUF_INIT(100000);
	AUTO(buf) struct buf other = BUF_INIT(100000);
	AUTO(job) struct job *exec = copied("job: a\nwork: {exec: {shell: 'true'}}\n", NULL, &text);
	AUTO(job) struct job *noop = copied("job: b\nwork: {noop: {}}\n", NULL, &other);

	assert_int_equal(exec->work.effect, JOB_ONCE);
	assert_int_equal(noop->work.effect, JOB_IDEMPOTENT);
	assert_int_equal(noop->source.kind, SOURCE_NONE);
}

static const char stepped[] =
	"job: pay\n"
	"steps:\n"
	"  - name: fetch\n"
	"    source: {csv: {path: pay.csv}, key: id, fields: {id: integer}}\n"
	"    work: {http: {url: 'http://x/${id}', keep: {token: /t}}, effect: idempotent}\n"
	"    retry: {attempts: 3}\n"
	"  - name: send\n"
	"    source: {step: fetch, key: 'k${step.fetch.token}'}\n"
	"    filter: token ~= nil\n"
	"    work: {exec: {command: [/bin/pay, '${step.fetch.token}']}, effect: once}\n"
	"    go_on_when: done_with_failures\n"
	"    chunk: {items: 7}\n"
	"  - name: book\n"
	"    work: {sql: {postgres: 'env:DB', statement: insert into t values (1)}}\n";

static void each_step_has_its_own(void **state)
{
	AUTO(buf) struct buf text = BUF_INIT(100000);
	AUTO(job) struct job *copy = copied(stepped, NULL, &text);

	assert_int_equal(copy->n_steps, 3);
	const struct job *send = copy->steps[1];
	assert_int_equal(copy->retry.attempts, 3);
	assert_string_equal(send->step_name, "send");
	assert_int_equal(send->source.of_step, 1);
	assert_int_equal(send->chunk_items, 7);
	assert_int_equal(send->go_on_when, JOB_GO_ON_FAILURES);
	assert_int_equal(send->work.effect, JOB_ONCE);
	assert_non_null(send->filter);
	assert_string_equal(copy->work.command[2], "/tmp/stage/step-1");
	assert_string_equal(send->work.command[2], "/tmp/stage/step-2");
}

static void the_deed_falls_on_one_step(void **state)
{
	AUTO(buf) struct buf text = BUF_INIT(100000);
	AUTO(job) struct job *copy = copied(stepped, NULL, &text);

	assert_string_equal(copy->steps[0]->work.command[3], "calm");
	assert_string_equal(copy->steps[1]->work.command[3], "calm");
	assert_string_equal(copy->steps[2]->work.command[3], "lost-answer");
}

static void what_later_steps_need_is_kept(void **state)
{
	AUTO(buf) struct buf text = BUF_INIT(100000);
	AUTO(job) struct job *copy = copied(stepped, NULL, &text);

	assert_true(job_is_stream(copy->steps[0]));
	assert_string_equal(copy->work.command[5], STANDIN_KEEP_NUMBERS);
	assert_string_equal(copy->work.command[6], "token");
	assert_int_equal(copy->steps[1]->source.n_kept, 1);
	assert_false(job_is_stream(copy->steps[1]));
}

static void what_a_target_does_once_is_marked(void **state)
{
	AUTO(buf) struct buf text = BUF_INIT(100000);
	AUTO(job) struct job *copy = copied(stepped, NULL, &text);

	assert_int_equal(copy->steps[2]->work.effect, JOB_IDEMPOTENT);
	assert_string_equal(copy->steps[2]->work.command[5], STANDIN_MARKS);
	assert_null(copy->steps[1]->work.command[5]);
}

/* Who takes the items of a step with items of our own has none of the fields that the job's have.
 */
static void our_own_items_are_passed_on(void **state)
{
	AUTO(buf) struct buf text = BUF_INIT(100000);
	AUTO(job) struct job *copy = copied(stepped, "/tmp/items.csv", &text);

	assert_string_equal(copy->source.path, "/tmp/items.csv");
	assert_int_equal(copy->steps[1]->source.of_step, 1);
	assert_null(copy->steps[1]->source.key);
	assert_null(copy->steps[1]->filter);
}

static void every_kind_of_file_is_read(void **state)
{
	static const char *const kinds[] = {
		"csv: {path: a}", "jsonl: {path: a}", "json: {path: a, pointer: /a}",
		"xml: {path: a, element: b}", "fixed: {path: a, columns: {id: [1, 2]}}"};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		AUTO(buf) struct buf text = BUF_INIT(100000);
		AUTO(buf) struct buf file = BUF_INIT(1000);
		buf_printf(&file, "job: a\nsource: {%s, fields: {id: integer}}\nwork: {noop: {}}\n",
			   kinds[i]);
		AUTO(job) struct job *copy = copied(buf_str(&file), NULL, &text);
		assert_string_equal(copy->source.path, "/jobs/a");
		assert_true(copy_can_read(copy));
	}
}

static void only_what_can_be_read_again_is_read(void **state)
{
	AUTO(job)
	struct job *files = parsed("job: a\nsource: {files: {path: '/in/*'}}\nwork: {noop: {}}\n");
	AUTO(job)
	struct job *in = parsed("job: a\nsource: {stdin: {format: lines}}\nwork: {noop: {}}\n");

	assert_true(copy_can_read(files));
	assert_false(copy_can_read(in));
}

static void every_scene_has_its_name(void **state)
{
	for (int i = 0; i < SCENE_COUNT_; i++)
		assert_int_equal(scene_from_name(scene_get((enum scene_id)i)->name), i);
	assert_int_equal(scene_from_name("nonsense"), SCENE_COUNT_);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_promises_are_those_of_the_job),
		cmocka_unit_test(nothing_is_done_and_nobody_is_waited_for),
		cmocka_unit_test(a_source_that_cannot_be_read_is_replaced),
		cmocka_unit_test(defaults_are_said),
		cmocka_unit_test(each_step_has_its_own),
		cmocka_unit_test(the_deed_falls_on_one_step),
		cmocka_unit_test(what_later_steps_need_is_kept),
		cmocka_unit_test(what_a_target_does_once_is_marked),
		cmocka_unit_test(our_own_items_are_passed_on),
		cmocka_unit_test(every_kind_of_file_is_read),
		cmocka_unit_test(only_what_can_be_read_again_is_read),
		cmocka_unit_test(every_scene_has_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
