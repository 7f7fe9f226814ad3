/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/buf.h"
#include "base/err.h"
#include "unit/job/parsed.h"

static const char csv[] = "job: a\nsource: {csv: {path: a.csv}, fields: {id: text}}\n";
static const char exec[] = "work: {exec: {command: [\"true\"]}}\n";

/* A job whose text is `csv`, work, and more. */
static struct job *job_with(const char *work, const char *more)
{
	AUTO(buf) struct buf text = BUF_INIT(10000);

	buf_printf(&text, "%s%s%s", csv, work, more);
	return job_of(buf_str(&text));
}

static void defaults_are_those_of_the_page(void **state)
{
	AUTO(job) struct job *job = job_with(exec, "");

	assert_int_equal(job->once_per, JOB_ONCE_PER_DAY);
	assert_int_equal(job->carry_over, JOB_RESUME_FIRST);
	assert_int_equal(job->overlap, JOB_OVERLAP_SKIP);
	assert_int_equal(job->work.effect, JOB_ONCE);
	assert_int_equal(job->work.input, EXEC_INPUT_JSON);
	assert_int_equal(job->work.timeout_us, 60 * US_PER_S);
	assert_int_equal(job->work.concurrency, 0);
	assert_int_equal(job->work.canary, 0);
	assert_int_equal(job->work.keep_output_bytes, 16 * 1024);
	assert_int_equal(job->work.mode, EXEC_EACH);
	assert_int_equal(job->work.key_valid_us, 0);
	assert_int_equal(job->work.when_in_doubt, JOB_DOUBT_ASK);
	assert_int_equal(job->work.umask, -1);
	assert_false(job->work.max_dead.is_set);
	assert_int_equal(job->retry.attempts, 5);
	assert_int_equal(job->retry.first_us, 10 * US_PER_S);
	assert_float_equal(job->retry.factor, 4, 0);
	assert_int_equal(job->retry.max_us, US_PER_HOUR);
	assert_int_equal(job->retry.jitter, JOB_JITTER_FULL);
	assert_int_equal(job->retry.within_run_us, 20 * US_PER_MIN);
	assert_int_equal(job->breaker.open_for_us, 30 * US_PER_S);
	assert_int_equal(job->breaker.open_max_us, 10 * US_PER_MIN);
	assert_int_equal(job->breaker.give_up_after_us, US_PER_HOUR);
	assert_int_equal(job->chunk_items, 500);
	assert_int_equal(job->chunk_bytes, 4 * 1024 * 1024);
	assert_int_equal(job->window.max_us, 0);
	assert_int_equal(job->window.stop_by_minute, -1);
	assert_int_equal(job->window.grace_us, 60 * US_PER_S);
	assert_int_equal(job->window.stalled_after_us, 10 * US_PER_MIN);
	assert_null(job->person);
}

static void defaults_of_a_csv_source_are_those_of_the_page(void **state)
{
	AUTO(job) struct job *job = job_with(exec, "");
	const struct job_source *s = &job->source;

	assert_int_equal(s->kind, SOURCE_CSV);
	assert_true(s->header);
	assert_int_equal(s->delimiter, ',');
	assert_int_equal(s->quote, '"');
	assert_int_equal(s->encoding, JOB_UTF8);
	assert_int_equal(s->skip_first, 0);
	assert_int_equal(s->when_missing, JOB_MISSING_FAIL);
	assert_int_equal(s->wait_for_us, US_PER_HOUR);
	assert_int_equal(s->stable_for_us, 0);
	assert_int_equal(s->older_than_us, 0);
	assert_false(s->refuse_same_content);
	assert_int_equal(s->then, JOB_THEN_KEEP);
	assert_int_equal(s->unique, JOB_UNIQUE_NONE);
	assert_null(s->key);
	assert_int_equal(s->max_items, 0);
	assert_float_equal(s->surge, 0, 0);
	assert_int_equal(s->when_empty, JOB_EMPTY_OK);
	assert_int_equal(s->when_malformed, JOB_MALFORMED_REJECT);
	assert_false(s->max_rejects.is_set);
	assert_int_equal(s->retry.attempts, 8);
	assert_int_equal(s->retry.first_us, 5 * US_PER_S);
	assert_float_equal(s->retry.factor, 2, 0);
	assert_int_equal(s->retry.max_us, 5 * US_PER_MIN);
}

static void every_key_of_a_csv_source_arrives(void **state)
{
	AUTO(job)
	struct job *job = job_of(
		"job: a\nsource:\n  csv:\n    path: in/*.csv.gz\n    header: false\n"
		"    delimiter: ;\n    quote: \"'\"\n    encoding: windows-1252\n    skip_first: "
		"3\n"
		"    trailer: {when: \"^T;\", columns: {count: 2, sum: 3}}\n    when_missing: "
		"wait\n"
		"    wait_for: 3h\n    stable_for: 5s\n    older_than: 30d\n"
		"    same_content: refuse\n    then: move:done/today\n"
		"  key: id\n  unique: {within: 400d}\n  max_items: 200000\n  surge: 5x\n"
		"  when_empty: fail\n  when_malformed: fail\n  max_rejects: 1.5%\n"
		"  intake: snapshot\n  retry: {attempts: 2, first: 1s, factor: 1.5, max: 2s}\n"
		"  fields:\n    id: integer\n    mail: {type: text(40)?, from: E-Mail, "
		"sensitive: true}\n"
		"work: {noop: {}}\n");
	const struct job_source *s = &job->source;

	assert_string_equal(s->path, "in/*.csv.gz");
	assert_false(s->header);
	assert_int_equal(s->delimiter, ';');
	assert_int_equal(s->quote, '\'');
	assert_int_equal(s->encoding, JOB_WINDOWS_1252);
	assert_int_equal(s->skip_first, 3);
	assert_string_equal(s->trailer_when, "^T;");
	assert_int_equal(s->n_trailer_columns, 2);
	assert_string_equal(s->trailer_columns[1].name, "sum");
	assert_int_equal(s->trailer_columns[1].column, 3);
	assert_int_equal(s->when_missing, JOB_MISSING_WAIT);
	assert_int_equal(s->wait_for_us, 3 * US_PER_HOUR);
	assert_int_equal(s->stable_for_us, 5 * US_PER_S);
	assert_int_equal(s->older_than_us, 30 * US_PER_DAY);
	assert_true(s->refuse_same_content);
	assert_int_equal(s->then, JOB_THEN_MOVE);
	assert_string_equal(s->then_directory, "done/today");
	assert_string_equal(s->key, "id");
	assert_int_equal(s->unique, JOB_UNIQUE_WITHIN);
	assert_int_equal(s->unique_within_us, 400 * US_PER_DAY);
	assert_int_equal(s->max_items, 200000);
	assert_float_equal(s->surge, 5, 0);
	assert_int_equal(s->when_empty, JOB_EMPTY_FAIL);
	assert_int_equal(s->when_malformed, JOB_MALFORMED_FAIL);
	assert_true(s->max_rejects.is_set && s->max_rejects.is_ratio);
	assert_float_equal(s->max_rejects.ratio, 0.015, 1e-12);
	assert_int_equal(s->retry.attempts, 2);
	assert_float_equal(s->retry.factor, 1.5, 0);
	assert_int_equal(s->n_fields, 2);
	assert_int_equal(s->fields[0].type, FIELD_INTEGER);
	assert_string_equal(s->fields[1].name, "mail");
	assert_string_equal(s->fields[1].from, "E-Mail");
	assert_int_equal(s->fields[1].max_chars, 40);
	assert_true(s->fields[1].optional);
	assert_true(s->fields[1].sensitive);
}

static void quote_may_be_nothing(void **state)
{
	AUTO(job)
	struct job *job = job_of("job: a\nsource: {csv: {path: a, quote: \"\", delimiter: "
				 "\"\\t\"}, fields: {a: text}}\nwork: {noop: {}}\n");

	assert_int_equal(job->source.quote, '\0');
	assert_int_equal(job->source.delimiter, '\t');
}

static void limits_may_be_counts(void **state)
{
	AUTO(job)
	struct job *job = job_of("job: a\nsource: {stdin: {format: lines}, max_rejects: 0}\n"
				 "work: {noop: {}, max_dead: 7}\n");

	assert_true(job->source.max_rejects.is_set);
	assert_false(job->source.max_rejects.is_ratio);
	assert_int_equal(job->source.max_rejects.count, 0);
	assert_int_equal(job->work.max_dead.count, 7);
}

static void every_key_of_exec_arrives(void **state)
{
	AUTO(job)
	struct job *job = job_with(
		"secrets: {tok: env:TOKEN}\n"
		"work:\n  exec:\n    command: [./send, \"--to=${id}\", 5, -v, \"\"]\n"
		"    input: \"${id}\\n\"\n    env: {A: \"${secret.tok}\", B: 010}\n"
		"    directory: /tmp/${id}\n    user: nobody\n    umask: 027\n    keep_output: "
		"64K\n"
		"    mode: each\n  effect: idempotent\n  key_valid: 24h\n  when_in_doubt: retry\n"
		"  accept_rpo: true\n  timeout: 90s\n  concurrency: 3\n  canary: 20\n  max_dead: "
		"5%\n"
		"  done_when: [0, 3]\n  retry_when: [10-12]\n  dead_when: [\"2[0-4]\", \"[4-6]\"]\n"
		"  doubt_when: [255]\n",
		"");
	const struct job_work *w = &job->work;

	assert_int_equal(w->kind, WORK_EXEC);
	assert_string_equal(w->command[0], "./send");
	assert_string_equal(w->command[2], "5");
	assert_string_equal(w->command[3], "-v");
	assert_string_equal(w->command[4], "");
	assert_null(w->command[5]);
	assert_int_equal(w->input, EXEC_INPUT_TEMPLATE);
	assert_string_equal(w->input_template, "${id}\n");
	assert_string_equal(w->env_names[1], "B");
	assert_string_equal(w->env_values[1], "010");
	assert_null(w->env_names[2]);
	assert_string_equal(w->directory, "/tmp/${id}");
	assert_string_equal(w->user, "nobody");
	assert_int_equal(w->umask, 027);
	assert_int_equal(w->keep_output_bytes, 64 * 1024);
	assert_int_equal(w->effect, JOB_IDEMPOTENT);
	assert_int_equal(w->key_valid_us, US_PER_DAY);
	assert_int_equal(w->when_in_doubt, JOB_DOUBT_RETRY);
	assert_int_equal(w->timeout_us, 90 * US_PER_S);
	assert_int_equal(w->concurrency, 3);
	assert_int_equal(w->canary, 20);
	assert_float_equal(w->max_dead.ratio, 0.05, 1e-12);
	assert_true(bits_get(w->done_when, 0) && bits_get(w->done_when, 3));
	assert_int_equal(bits_count(w->done_when, 256), 2);
	assert_int_equal(bits_count(w->retry_when, 256), 3);
	assert_int_equal(bits_count(w->dead_when, 256), 8);
	assert_true(bits_get(w->dead_when, 24) && bits_get(w->dead_when, 6));
	assert_true(bits_get(w->doubt_when, 255));
}

static void every_key_of_a_run_arrives(void **state)
{
	AUTO(job)
	struct job *job = job_with(
		exec, "version: 1\ndescription: d\nowner: o\nrunbook: r\nonce_per: start\n"
		      "carry_over: abandon\n"
		      "retry: {attempts: 3, first: 1s, factor: 2.5, max: 9s, jitter: none, "
		      "within_run: 0}\n"
		      "breaker: {open_for: 1s, open_max: 2s, give_up_after: 3s}\n"
		      "chunk: {items: 7, bytes: 64K}\n"
		      "window: {max: 4h, stop_by: 06:30, grace: 5s, stalled_after: 1m, when_over: "
		      "gentle, gentle: {concurrency: 3}, expect: 45m, "
		      "date_cutoff: {at: 23:59, then: hold}}\n"
		      "process: {nice: -5, io: idle, memory_max: 1G, cpu_weight: 20}\n"
		      "report: {person: id}\n");

	assert_string_equal(job->description, "d");
	assert_string_equal(job->owner, "o");
	assert_string_equal(job->runbook, "r");
	assert_int_equal(job->once_per, JOB_ONCE_PER_START);
	assert_int_equal(job->carry_over, JOB_ABANDON);
	assert_int_equal(job->retry.attempts, 3);
	assert_float_equal(job->retry.factor, 2.5, 0);
	assert_int_equal(job->retry.jitter, JOB_JITTER_NONE);
	assert_int_equal(job->retry.within_run_us, 0);
	assert_int_equal(job->breaker.open_for_us, US_PER_S);
	assert_int_equal(job->breaker.at_least, 20);
	assert_int_equal(job->breaker.window_us, US_PER_MIN);
	assert_true(job->breaker.failures > 0.49 && job->breaker.failures < 0.51);
	assert_int_equal(job->breaker.open_max_us, 2 * US_PER_S);
	assert_int_equal(job->breaker.give_up_after_us, 3 * US_PER_S);
	assert_int_equal(job->chunk_items, 7);
	assert_int_equal(job->chunk_bytes, 64 * 1024);
	assert_int_equal(job->window.max_us, 4 * US_PER_HOUR);
	assert_int_equal(job->window.stop_by_minute, 390);
	assert_int_equal(job->window.grace_us, 5 * US_PER_S);
	assert_int_equal(job->window.stalled_after_us, US_PER_MIN);
	assert_int_equal(job->window.expect_us, 45 * US_PER_MIN);
	assert_int_equal(job->window.cutoff.minute, 24 * 60 - 1);
	assert_int_equal(job->window.cutoff.then, JOB_CUTOFF_HOLD);
	assert_int_equal(job->window.when_over, JOB_OVER_GENTLE);
	assert_int_equal(job->window.gentle.concurrency, 3);
	assert_int_equal(job->window.gentle.nice, 19);
	assert_int_equal(job->process.nice, -5);
	assert_int_equal(job->process.io, JOB_IO_IDLE);
	assert_int_equal(job->process.memory_max, INT64_C(1024) * 1024 * 1024);
	assert_int_equal(job->process.cpu_weight, 20);
	assert_string_equal(job->person, "id");
}

static void params_secrets_and_controls_arrive(void **state)
{
	AUTO(job)
	struct job *job = job_of(
		"job: a\nparams:\n  region: {type: text, default: eu, identity: true}\n"
		"  rate: {type: 'decimal(\",\")', default: '1,50'}\n  n: {type: integer}\n"
		"secrets: {a: env:A, b: file:secrets/b, c: credential:c}\n"
		"source: {csv: {path: a, trailer: {when: ^T, columns: {n: 2}}}, fields: {x: "
		"decimal}}\n"
		"control: {count: \"${trailer.n}\", sum: {x: \"${param.rate}\"}, over: loaded}\n"
		"work: {noop: {}}\n");

	assert_int_equal(job->n_params, 3);
	assert_string_equal(job->params[0].name, "region");
	assert_string_equal(job->params[0].fallback, "eu");
	assert_true(job->params[0].identity);
	assert_string_equal(job->params[1].fallback, "1.50");
	assert_null(job->params[2].fallback);
	assert_false(job->params[2].identity);
	assert_int_equal(job->n_secrets, 3);
	assert_string_equal(job->secrets[1].reference, "file:secrets/b");
	assert_int_equal(job->n_controls, 2);
	assert_null(job->controls[0].field);
	assert_string_equal(job->controls[0].expected, "${trailer.n}");
	assert_string_equal(job->controls[1].field, "x");
	assert_true(job->control_over_loaded);
}

static void job_without_source_is_one_item(void **state)
{
	AUTO(job) struct job *job = job_of("job: a\nwork: {exec: {shell: 'echo ${HOME}'}}\n");

	assert_int_equal(job->source.kind, SOURCE_NONE);
	assert_int_equal(job->source.n_fields, 0);
	assert_int_equal(job->work.input, EXEC_INPUT_NONE);
	assert_string_equal(job->work.shell, "echo ${HOME}"); /* the shell's own */
	assert_null(job->work.command);
}

static void files_and_lines_have_fields_of_their_own(void **state)
{
	AUTO(job)
	struct job *files = job_of("job: a\nsource: {files: {path: in/*}}\nwork: {noop: {}}\n");
	AUTO(job)
	struct job *lines = job_of("job: a\nsource: {stdin: {format: lines}}\nwork: {noop: {}}\n");
	AUTO(job)
	struct job *named = job_of("job: a\nsource: {stdin: {format: lines}, fields: {host: "
				   "text(64)}, key: host}\nwork: {noop: {}}\n");

	assert_int_equal(files->source.n_fields, 4);
	assert_int_equal(files->source.fields[2].type, FIELD_INTEGER);
	assert_int_equal(files->source.fields[3].type, FIELD_TIMESTAMP);
	assert_int_equal(job_find_field(files, "modified", 8), 3);
	assert_int_equal(job_find_field(files, "modif", 5), -1);
	assert_string_equal(lines->source.fields[0].name, "line");
	assert_string_equal(named->source.fields[0].name, "host");
	assert_int_equal(named->source.n_fields, 1);
}

static void stalled_after_is_at_least_twice_the_timeout(void **state)
{
	AUTO(job) struct job *slow = job_of("job: a\nwork: {noop: {}, timeout: 1h}\n");
	AUTO(job) struct job *quick = job_of("job: a\nwork: {noop: {}, timeout: 1s}\n");

	assert_int_equal(slow->window.stalled_after_us, 2 * US_PER_HOUR);
	assert_int_equal(quick->window.stalled_after_us, 10 * US_PER_MIN);
}

static void start_marks_are_needed_by_what_may_not_be_repeated(void **state)
{
	AUTO(job) struct job *once = job_with(exec, "");
	AUTO(job) struct job *noop = job_with("work: {noop: {}}\n", "");
	AUTO(job)
	struct job *keyed = job_with(
		"work: {exec: {shell: x}, effect: idempotent, key_valid: 1d}\n", "");

	assert_true(job_needs_start_mark(once));
	assert_false(job_needs_start_mark(noop));
	assert_true(job_needs_start_mark(keyed));
	assert_true(job_is_bulk(noop));
	assert_false(job_is_bulk(once));
}

static void users_own_keys_are_left_alone_at_any_level(void **state)
{
	AUTO(job)
	struct job *job = job_of(
		"job: a\nx-a: {b: [~, {c: yes}]}\nsource:\n  x-b: 1\n  stdin: {x-c: 2, format: "
		"lines}\n"
		"work: {noop: {x-d: ~}, x-e: 010}\nretry: {x-f: a}\nparams: {x-note: hello}\n");

	assert_int_equal(job->n_params, 0);
}

static void canonical_text_reads_back_to_itself(void **state)
{
	static const char *const texts[] = {
		"job: a\nwork: {noop: {}}\n",
		"job: a\nwork: {exec: {command: [a, \"5\", 5, 1.50, 010, true, \"true\", ~x, '', "
		"\"\\u2028\\x85\\ufeff\\e\"]}}\n",
		"x-a: &a {n: ~, t: yes, e: '', d: 1e5}\nx-b: [*a, *a]\njob: a\nwork: {noop: {}}\n",
		"job: a\nwork:\n  exec:\n    shell: |\n      #!/bin/sh\n        echo \"a\" 'b'\n\n"
		"    input: >-\n      one\n      two\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		AUTO(job) struct job *job = job_of(texts[i]);
		AUTO(job) struct job *again = job_of(job->text);
		AUTO(buf) struct buf difference = BUF_INIT(10000);
		assert_string_equal(again->text, job->text);
		assert_int_equal(job_refresh(again, job, &difference), 0);
	}
	AUTO(job) struct job *job = job_of("job: 'a'\nwork: {noop: {}, canary: 3, timeout: 5s}\n");
	assert_string_equal(job->text, "{\"job\":\"a\",\"work\":{\"noop\":{},\"canary\":3,"
				       "\"timeout\":\"5s\"}}");
}

/* ---- files ---- */

struct files {
	char directory[64];
};

static int setup_files(void **state)
{
	static struct files files;

	memcpy(files.directory, "/tmp/stint-job-XXXXXX", sizeof("/tmp/stint-job-XXXXXX"));
	assert_non_null(mkdtemp(files.directory));
	*state = &files;
	return 0;
}

static int teardown_files(void **state)
{
	const struct files *files = *state;

	return rmdir(files->directory);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void ignore(void *arg, const char *message)
{
}

static int load(const char *path, struct job **ret_job, struct err *err)
{
	return job_load(path, ignore, NULL, ret_job, err);
}

static void job_is_loaded_with_its_directory(void **state)
{
	const struct files *files = *state;
	AUTO(buf) struct buf path = BUF_INIT(200);
	AUTO(job) struct job *job = NULL;
	struct err err = ERR_INIT;

	buf_printf(&path, "%s/a.yaml", files->directory);
	write_file(buf_str(&path), "job: a\nwork: {noop: {}}\n");
	assert_int_equal(load(buf_str(&path), &job, &err), 0);
	assert_string_equal(job->path, buf_str(&path));
	assert_string_equal(job->directory, files->directory);
	assert_int_equal(unlink(buf_str(&path)), 0);
}

static void missing_file_and_directory_are_no_input(void **state)
{
	const struct files *files = *state;
	struct job *job = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(load("/nowhere/a.yaml", &job, &err), ERR_NOINPUT);
	assert_int_equal(err_exit_status(&err), 66);
	assert_non_null(strstr(err.text, "/nowhere/a.yaml"));
	assert_int_equal(load(files->directory, &job, &err), ERR_NOINPUT);
	assert_non_null(strstr(err.text, "directory"));
	assert_null(job);
}

static void file_without_permission_says_so(void **state)
{
	const struct files *files = *state;
	AUTO(buf) struct buf path = BUF_INIT(200);
	struct job *job = NULL;
	struct err err = ERR_INIT;

	if (geteuid() == 0)
		skip(); /* root may read everything */
	buf_printf(&path, "%s/a.yaml", files->directory);
	write_file(buf_str(&path), "job: a\nwork: {noop: {}}\n");
	assert_int_equal(chmod(buf_str(&path), 0), 0);
	assert_int_equal(load(buf_str(&path), &job, &err), ERR_PERM);
	assert_int_equal(unlink(buf_str(&path)), 0);
}

static void fault_names_the_file_as_it_was_given(void **state)
{
	const struct files *files = *state;
	AUTO(buf) struct buf path = BUF_INIT(200);
	AUTO(buf) struct buf expected = BUF_INIT(300);
	struct job *job = NULL;
	struct err err = ERR_INIT;

	buf_printf(&path, "%s/../%s/a.yaml", files->directory, strrchr(files->directory, '/') + 1);
	write_file(buf_str(&path), "job: a\nwork: {noop: {}}\nretyr: {}\n");
	assert_int_equal(job_load(buf_str(&path), NULL, NULL, &job, &err), ERR_CONFIG);
	buf_printf(&expected, "%s:3:1: unknown key 'retyr'; did you mean 'retry'?", buf_str(&path));
	assert_string_equal(err.text, buf_str(&expected));
	assert_int_equal(err_exit_status(&err), 78);
	assert_int_equal(unlink(buf_str(&path)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_those_of_the_page),
		cmocka_unit_test(defaults_of_a_csv_source_are_those_of_the_page),
		cmocka_unit_test(every_key_of_a_csv_source_arrives),
		cmocka_unit_test(quote_may_be_nothing),
		cmocka_unit_test(limits_may_be_counts),
		cmocka_unit_test(every_key_of_exec_arrives),
		cmocka_unit_test(every_key_of_a_run_arrives),
		cmocka_unit_test(params_secrets_and_controls_arrive),
		cmocka_unit_test(job_without_source_is_one_item),
		cmocka_unit_test(files_and_lines_have_fields_of_their_own),
		cmocka_unit_test(stalled_after_is_at_least_twice_the_timeout),
		cmocka_unit_test(start_marks_are_needed_by_what_may_not_be_repeated),
		cmocka_unit_test(users_own_keys_are_left_alone_at_any_level),
		cmocka_unit_test(canonical_text_reads_back_to_itself),
		cmocka_unit_test_setup_teardown(job_is_loaded_with_its_directory, setup_files,
						teardown_files),
		cmocka_unit_test_setup_teardown(missing_file_and_directory_are_no_input,
						setup_files, teardown_files),
		cmocka_unit_test_setup_teardown(file_without_permission_says_so, setup_files,
						teardown_files),
		cmocka_unit_test_setup_teardown(fault_names_the_file_as_it_was_given, setup_files,
						teardown_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
