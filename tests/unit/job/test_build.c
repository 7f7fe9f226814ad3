/* SPDX-License-Identifier: Apache-2.0 */
/* Rules between keys: combinations that cannot be meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "unit/job/parsed.h"

#define CSV "job: a\nsource: {csv: {path: a.csv}, fields: {id: text, n: integer, opt: text?}"
#define NOOP "work: {noop: {}}\n"

static void exactly_one_kind_is_needed(void **state)
{
	assert_only_fault(
		"job: a\nwork: {timeout: 1s}\n",
		"2:1: work: expected one kind of work: exec, noop, http, sql, table, file, lua");
	assert_only_fault("job: a\nwork: {noop: {}, exec: {shell: x}}\n",
			  "2:18: work.exec: only one kind of work, and noop stands at line 2");
	assert_only_fault("job: a\nsource: {key: id}\n" NOOP,
			  "2:1: source: expected one kind of source: csv, jsonl, json, xml, "
			  "fixed, files, stdin, postgres, sqlite, inbox, "
			  "step");
	assert_only_fault(
		"job: a\nsource: {csv: {path: a}, jsonl: {path: b}, fields: {a: text}}\n" NOOP,
		"2:26: source.jsonl: only one kind of source, and csv stands at line 2");
}

static void mistyped_kind_is_reported_once(void **state)
{
	assert_only_fault("job: a\nsource: {cvs: {path: a}, key: b, fields: {b: text}}\n" NOOP,
			  "2:10: unknown key 'cvs' in source; did you mean 'csv'?");
	assert_only_fault("job: a\nwork: {exce: {shell: x}}\n",
			  "2:8: unknown key 'exce' in work; did you mean 'exec'?");
}

static void records_need_fields(void **state)
{
	assert_only_fault(
		"job: a\nsource: {csv: {path: a.csv}}\n" NOOP,
		"2:1: source: fields: the fields of an item, by name and type, are missing");
	assert_only_fault(
		"job: a\nsource: {stdin: {format: jsonl}, fields: {}}\n" NOOP,
		"2:34: source.fields: the fields of an item, by name and type, are missing");
}

static void files_have_no_other_fields(void **state)
{
	assert_only_fault(
		"job: a\nsource: {files: {path: x}, fields: {a: text}}\n" NOOP,
		"2:28: source.fields: items that are files have the fields path, name, size "
		"and modified, and no others");
}

static void lines_are_one_text(void **state)
{
	assert_only_fault(
		"job: a\nsource: {stdin: {format: lines}, fields: {a: integer}}\n" NOOP,
		"2:34: source.fields: with format lines an item is one text: declare exactly "
		"one field of type text, or none (it is then called line)");
}

static void fields_are_named_and_typed(void **state)
{
	assert_only_fault("job: a\nsource: {csv: {path: a}, fields: {\"Order No\": text}}\n" NOOP,
			  "2:35: source.fields.Order No: 'Order No' is no name: it begins with a "
			  "letter or '_', then come letters, digits and '_', at most 100");
	assert_only_fault(
		"job: a\nsource: {csv: {path: a}, fields: {a: txt}}\n" NOOP,
		"2:38: source.fields.a: expected a field type (text, integer, decimal, "
		"float, boolean, date, timestamp or json), found 'txt'; did you mean 'text'?");
	assert_only_fault("job: a\nsource: {csv: {path: a}, fields: {a: {from: b}}}\n" NOOP,
			  "2:35: source.fields.a.type is missing: Its type.");
	assert_only_fault(
		"job: a\nsource: {jsonl: {path: a}, fields: {a: {type: text, from: b}}}\n" NOOP,
		"2:59: source.fields.a.from: expected a JSON pointer such as "
		"/customer/email, found 'b'");
}

static void one_bad_field_does_not_make_every_placeholder_unknown(void **state)
{
	assert_only_fault(
		"job: a\nsource: {csv: {path: a}, key: b, fields: {a: txt, b: text}}\n"
		"work: {exec: {command: [x, \"${a}\", \"${c}\"]}}\n",
		"2:46: source.fields.a: expected a field type (text, integer, decimal, "
		"float, boolean, date, timestamp or json), found 'txt'; did you mean 'text'?");
}

static void key_is_a_field_that_is_never_null(void **state)
{
	assert_only_fault(CSV ", key: ID}\n" NOOP,
			  "2:79: source.key: there is no field 'ID'; did you mean 'id'?");
	assert_only_fault(CSV ", key: opt}\n" NOOP,
			  "2:79: source.key: field opt may be null, and a key may not");
	assert_only_fault(CSV ", key: \"${run.date}\"}\n" NOOP,
			  "2:79: source.key: all items would have the same key: no field is in it");
	assert_only_fault(CSV ", key: \"${id}-${item.key}\"}\n" NOOP,
			  "2:79: source.key: at character 7: ${item.key} may not stand in a key");
	job_free(job_of(CSV ", key: \"${id}/${n}\"}\n" NOOP));
}

static void uniqueness_needs_a_key(void **state)
{
	assert_only_fault(
		CSV ", unique: job}\n" NOOP,
		"2:74: source.unique: needs source.key: the place of a record names nothing "
		"beyond its run");
	job_free(job_of(CSV ", unique: none}\n" NOOP));
	job_free(job_of("job: a\nsource: {files: {path: x}, unique: job}\n" NOOP));
}

static void delimiter_and_quote_differ(void **state)
{
	assert_only_fault(
		"job: a\nsource: {csv: {path: a, delimiter: '\"'}, fields: {a: text}}\n" NOOP,
		"2:36: source.csv.delimiter: delimiter and quote are the same character");
	assert_only_fault(
		"job: a\nsource: {csv: {path: a, delimiter: '\\t'}, fields: {a: text}}\n" NOOP,
		"2:36: source.csv.delimiter: a tab is written \"\\t\" in double quotes");
	assert_only_fault(
		"job: a\nsource: {csv: {path: a, delimiter: '::'}, fields: {a: text}}\n" NOOP,
		"2:36: source.csv.delimiter: expected one character, found '::'");
}

static void waiting_is_said_with_what_is_waited_for(void **state)
{
	assert_only_fault("job: a\nsource: {files: {path: a, wait_for: 3h}}\n" NOOP,
			  "2:27: source.files.wait_for: means something only with when_missing: "
			  "wait or stable_for");
	job_free(job_of("job: a\nsource: {files: {path: a, wait_for: 3h, stable_for: 5s}}\n" NOOP));
	/* the default, written out */
	job_free(job_of("job: a\nsource: {files: {path: a, wait_for: 1h}}\n" NOOP));
}

static void csv_keys_need_csv_on_standard_input(void **state)
{
	assert_only_fault("job: a\nsource: {stdin: {format: lines, delimiter: ;}}\n" NOOP,
			  "2:33: source.stdin.delimiter: means something only with format: csv");
	job_free(job_of(
		"job: a\nsource: {stdin: {format: csv, delimiter: ;}, fields: {a: text}}\n" NOOP));
}

static void path_may_name_the_run_and_not_the_item(void **state)
{
	job_free(job_of("job: a\nparams: {r: {default: eu}}\nsource: {files: {path: "
			"\"in/${param.r}/${run.date:%Y%m%d}-*\"}}\n" NOOP));
	assert_only_fault("job: a\nsource: {csv: {path: \"${id}.csv\"}, fields: {id: text}}\n" NOOP,
			  "2:22: source.csv.path: ${id} may not stand in the path of a source");
	assert_only_fault("job: a\nsource: {files: {path: ''}}\n" NOOP,
			  "2:24: source.files.path: expected a path, found ''");
}

static void trailer_has_a_pattern_and_names(void **state)
{
	assert_only_fault("job: a\nsource: {csv: {path: a, trailer: {when: \"^(T\"}}, fields: {a: "
			  "text}}\n" NOOP,
			  "2:41: source.csv.trailer.when: '^(T' is no regular expression: missing "
			  "closing parenthesis (at character 4)");
	assert_fault("job: a\nsource: {csv: {path: a, trailer: {columns: {a: 0}}}, fields: {a: "
		     "text}}\n" NOOP,
		     "2:48: source.csv.trailer.columns.a: 0 is out of range; it may be 1 to 10000");
}

static void controls_are_over_fields_that_add_up(void **state)
{
	assert_only_fault(CSV "}\ncontrol: {sum: {id: 5}}\n" NOOP,
			  "3:17: control.sum.id: a field of type text cannot be summed exactly");
	assert_only_fault(CSV "}\ncontrol: {sum: {m: 5}}\n" NOOP,
			  "3:17: control.sum.m: there is no such field");
	assert_only_fault(CSV "}\ncontrol: {sum: [1]}\n" NOOP,
			  "3:16: control.sum: expected a map of names, found a list");
	assert_only_fault(CSV "}\ncontrol: {count: many}\n" NOOP,
			  "3:18: control.count: expected a number or a placeholder such as "
			  "${trailer.count}, found 'many'");
	assert_only_fault(CSV "}\ncontrol: {count: \"${trailer.n}\"}\n" NOOP,
			  "3:18: control.count: unknown placeholder ${trailer.n}");
	assert_only_fault("job: a\ncontrol: {count: 5}\n" NOOP,
			  "2:1: control: there is no source whose records could be counted");
	job_free(job_of(CSV "}\ncontrol: {count: 100, sum: {n: -5.50}}\n" NOOP));
}

static void program_is_a_command_or_a_script(void **state)
{
	assert_only_fault("job: a\nwork: {exec: {}}\n",
			  "2:8: work.exec: expected command: [program, argument] or shell: TEXT");
	assert_only_fault("job: a\nwork:\n  exec:\n    command: [a]\n    shell: b\n",
			  "5:5: work.exec.shell: command stands at line 4; one of them");
	assert_only_fault("job: a\nwork: {exec: {command: []}}\n",
			  "2:24: work.exec.command: expected a program and its arguments, found "
			  "nothing");
	assert_only_fault("job: a\nwork: {exec: {shell: ''}}\n",
			  "2:22: work.exec.shell: expected a script, found ''");
}

static void input_is_a_word_or_a_text(void **state)
{
	assert_only_fault(
		"job: a\nwork: {exec: {shell: x, input: jsn}}\n",
		"2:32: work.exec.input: expected json, csv, none or a text, found 'jsn'; did "
		"you mean 'json'?");
	assert_only_fault("job: a\nwork: {exec: {shell: x, input: csv}}\n",
			  "2:32: work.exec.input: without a source there are no fields to write as "
			  "csv");
	job_free(job_of("job: a\nwork: {exec: {shell: x, input: \"1 + 1\\n\"}}\n"));
}

static void unknown_placeholders_are_found_before_a_run(void **state)
{
	assert_only_fault(
		CSV "}\nwork: {exec: {command: [a, \"--id=${di}\"]}}\n",
		"3:28: work.exec.command[]: at character 6: unknown placeholder ${di}; did "
		"you mean 'id'?");
	assert_only_fault(CSV "}\nwork: {exec: {shell: x, env: {A: \"${step.x.y}\"}}}\n",
			  "3:34: work.exec.env.A: ${step.x.y}: there is no step 'x'");
	assert_only_fault(CSV "}\nwork: {exec: {shell: x, input: \"${trailer.n}\"}}\n",
			  "3:32: work.exec.input: unknown placeholder ${trailer.n}");
}

static void variables_of_ours_cannot_be_set(void **state)
{
	assert_only_fault("job: a\nwork: {exec: {shell: x, env: {STINT_KEY: a}}}\n",
			  "2:31: work.exec.env.STINT_KEY: stint sets this variable itself");
	assert_only_fault(
		"job: a\nwork: {exec: {shell: x, env: {A-B: a}}}\n",
		"2:31: work.exec.env.A-B: 'A-B' is no name: it begins with a letter or '_', "
		"then come letters, digits and '_', at most 100");
}

static void statuses_have_one_meaning(void **state)
{
	assert_only_fault("job: a\nwork: {exec: {shell: x}, done_when: [0, 3], dead_when: [1-5]}\n",
			  "2:45: work.dead_when: exit status 3 stands in done_when too");
	assert_only_fault(
		"job: a\nwork: {noop: {}, done_when: [0]}\n",
		"2:18: work.done_when: noop starts no program that could end with a status");
	assert_only_fault(
		"job: a\nwork: {exec: {shell: x}, done_when: [2xx]}\n",
		"2:38: work.done_when[]: '2xx' is a status of HTTP or SQL; a program ends "
		"with a status from 0 to 255");
}

static void effects_that_cannot_be_are_refused(void **state)
{
	assert_only_fault("job: a\nwork: {exec: {shell: x}, effect: transactional}\n",
			  "2:34: work.effect: transactional is impossible with exec, which has no "
			  "transaction that a marker could be part of; once or idempotent");
	assert_only_fault("job: a\nwork: {exec: {shell: x}, key_valid: 1d}\n",
			  "2:26: work.key_valid: means something only with effect: idempotent, and "
			  "it is once");
}

static void who_verifies_is_one_and_has_something_to_say(void **state)
{
	assert_only_fault("job: a\nwork: {exec: {shell: x}, verify: {settle: 5s}}\n",
			  "2:26: work.verify: expected command: [program, argument] or http: "
			  "{url: …}");
	assert_only_fault("job: a\nwork: {exec: {shell: x}, verify: {command: []}}\n",
			  "2:44: work.verify.command: expected a program and its arguments, found "
			  "nothing");
	assert_only_fault(
		"job: a\nwork: {exec: {shell: x}, verify: {command: [look, \"${idd}\"]}}\n",
		"2:51: work.verify.command[]: unknown placeholder ${idd}");
	assert_only_fault("job: a\nwork: {exec: {shell: x}, verify: {http: {url: 'ftp://x/'}}}\n",
			  "2:47: work.verify.http.url: expected a URL of http or https, found "
			  "'ftp://x/'");
	assert_only_fault("job: a\nwork: {exec: {shell: x}, verify: {http: {url: 'http://x/', "
			  "done_when: [404]}}}\n",
			  "2:60: work.verify.http.done_when: status 404 would say both, that it "
			  "took effect and that it did not");
	assert_only_fault("job: a\nwork: {exec: {shell: x}, effect: idempotent, verify: "
			  "{command: [look]}}\n",
			  "2:46: work.verify: means something only where items can be in doubt: "
			  "with effect: once, or idempotent with key_valid");
}

static void slot_needs_a_schedule(void **state)
{
	assert_only_fault("job: a\nonce_per: slot\n" NOOP,
			  "2:11: once_per: slot needs a schedule; without one: day or start");
}

static void person_is_a_field(void **state)
{
	assert_only_fault(CSV "}\nreport: {person: idd}\n" NOOP,
			  "3:18: report.person: there is no field 'idd'; did you mean 'id'?");
	assert_only_fault(
		CSV "}\nreport: {person: customer}\n" NOOP,
		"3:18: report.person: there is no field 'customer'; the fields are id, n, "
		"opt");
}

static void age_is_that_of_a_date(void **state)
{
	static const char head[] =
		"job: a\nsource: {csv: {path: x}, fields: {n: integer, d: date, t: 'timestamp?'}, "
		"max_age: {field: ";
	AUTO(buf) struct buf text = BUF_INIT(4096);

	buf_printf(&text, "%sn, limit: 3d}}\nwork: {noop: {}}\n", head);
	assert_only_fault(buf_str(&text),
			  "2:91: source.max_age.field: n is an integer; an age is that of a date "
			  "or a timestamp");
	buf_reset(&text);
	buf_printf(&text, "%sx, limit: 3d}}\nwork: {noop: {}}\n", head);
	assert_only_fault(buf_str(&text), "2:91: source.max_age.field: there is no field 'x'; the "
					  "fields are n, d, t");
	buf_reset(&text);
	buf_printf(&text, "%st, limit: 3d}}\nwork: {noop: {}}\n", head);
	job_free(job_of(buf_str(&text)));
}

static void waits_grow(void **state)
{
	assert_only_fault("job: a\nretry: {first: 2h, max: 1h}\n" NOOP,
			  "2:16: retry.first: 2h is longer than max, which is 1h");
	job_free(job_of("job: a\nretry: {first: 2h}\n" NOOP));
}

static void parameters_have_defaults_of_their_type(void **state)
{
	assert_only_fault("job: a\nparams: {n: {type: integer, default: many}}\n" NOOP,
			  "2:38: params.n.default: 'many' is no integer (field n)");
	assert_only_fault(
		"job: a\nparams: {a.b: {type: text}}\n" NOOP,
		"2:10: params.a.b: 'a.b' is no name: it begins with a letter or '_', then "
		"come letters, digits, '-' and '_', at most 100");
}

static void secrets_are_references(void **state)
{
	assert_only_fault("job: a\nsecrets: {a: hunter2}\n" NOOP,
			  "2:14: secrets.a: expected env:NAME, file:PATH or credential:NAME, found "
			  "'hunter2'");
	assert_only_fault("job: a\nsecrets: {a: \"credential:../x\"}\n" NOOP,
			  "2:14: secrets.a: expected env:NAME, file:PATH or credential:NAME, found "
			  "'credential:../x'");
}

static void workers_of_a_stream_depend_on_no_item(void **state)
{
	static const char head[] = "job: a\nsource: {csv: {path: a}, fields: {b: text}}\n";
	AUTO(buf) struct buf text = BUF_INIT(4096);

	buf_printf(&text, "%swork: {exec: {command: [x, \"${b}\"], mode: stream}}\n", head);
	assert_only_fault(buf_str(&text),
			  "3:28: work.exec.command[]: ${b} may not stand where a worker of "
			  "mode: stream is started, which sees many items");
	buf_reset(&text);
	buf_printf(&text, "%swork: {exec: {shell: x, mode: stream, input: csv}}\n", head);
	assert_only_fault(buf_str(&text),
			  "3:39: work.exec.input: with mode: stream items come as lines of JSON; "
			  "there is no other input");
	buf_reset(&text);
	buf_printf(&text, "%swork: {exec: {shell: x, workers: 2}}\n", head);
	assert_only_fault(buf_str(&text),
			  "3:25: work.exec.workers: means something only with mode: stream");
	buf_reset(&text);
	buf_printf(&text, "%swork: {exec: {shell: x, mode: stream}, retry_when: [3]}\n", head);
	assert_only_fault(buf_str(&text),
			  "3:40: work.retry_when: with mode: stream a worker says itself what "
			  "became of an item");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exactly_one_kind_is_needed),
		cmocka_unit_test(mistyped_kind_is_reported_once),
		cmocka_unit_test(records_need_fields),
		cmocka_unit_test(files_have_no_other_fields),
		cmocka_unit_test(lines_are_one_text),
		cmocka_unit_test(fields_are_named_and_typed),
		cmocka_unit_test(one_bad_field_does_not_make_every_placeholder_unknown),
		cmocka_unit_test(key_is_a_field_that_is_never_null),
		cmocka_unit_test(uniqueness_needs_a_key),
		cmocka_unit_test(delimiter_and_quote_differ),
		cmocka_unit_test(waiting_is_said_with_what_is_waited_for),
		cmocka_unit_test(csv_keys_need_csv_on_standard_input),
		cmocka_unit_test(path_may_name_the_run_and_not_the_item),
		cmocka_unit_test(trailer_has_a_pattern_and_names),
		cmocka_unit_test(controls_are_over_fields_that_add_up),
		cmocka_unit_test(program_is_a_command_or_a_script),
		cmocka_unit_test(input_is_a_word_or_a_text),
		cmocka_unit_test(unknown_placeholders_are_found_before_a_run),
		cmocka_unit_test(variables_of_ours_cannot_be_set),
		cmocka_unit_test(statuses_have_one_meaning),
		cmocka_unit_test(effects_that_cannot_be_are_refused),
		cmocka_unit_test(who_verifies_is_one_and_has_something_to_say),
		cmocka_unit_test(slot_needs_a_schedule),
		cmocka_unit_test(person_is_a_field),
		cmocka_unit_test(age_is_that_of_a_date),
		cmocka_unit_test(waits_grow),
		cmocka_unit_test(parameters_have_defaults_of_their_type),
		cmocka_unit_test(secrets_are_references),
		cmocka_unit_test(workers_of_a_stream_depend_on_no_item),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
