/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "unit/job/parsed.h"

enum { TEXT_BYTES = 1 << 20 };

static const char least[] = "job: a\nwork: {noop: {}}\n";
static const char full[] =
	"job: mail\ndescription: \"5\"\nparams: {region: {default: eu, identity: true}}\n"
	"secrets: {tok: env:T}\n"
	"source:\n  csv: {path: \"in/*.csv\", delimiter: ;, when_missing: wait, wait_for: 3h}\n"
	"  key: id\n  unique: job\n  max_items: 1000\n  surge: 5x\n  max_rejects: 2%\n"
	"  fields: {id: integer, total: 'decimal(\",\")?', mail: {type: text, sensitive: true}}\n"
	"control: {count: \"${param.region}\", sum: {total: 100.00}}\n"
	"work:\n  exec:\n    command: [./send, \"--to=${mail}\", \"5\", \"it's\"]\n"
	"    input: |\n      Dear ${id},\n\n        yours\n    env: {T: \"${secret.tok}\"}\n"
	"  effect: once\n  when_in_doubt: retry\n  done_when: [0, 3]\n  dead_when: [\"[7-9]\"]\n"
	"  concurrency: 4\n  canary: 20\n"
	"retry: {attempts: 8, jitter: equal}\n"
	"window: {max: 4h, stop_by: 06:00}\ncarry_over: leave\nreport: {person: mail}\n";

static const char request[] =
	"job: web\nsecrets: {s: env:T}\n"
	"source: {csv: {path: in.csv}, key: id, fields: {id: text, total: decimal}}\n"
	"work:\n  http:\n    method: PUT\n    url: https://api.example.com/${id}\n"
	"    auth: {basic: {user: u, password: env:T}}\n    headers: {X-K: \"${secret.s}\"}\n"
	"    json: {id: \"${id}\", t: 1.50, n: null, s: \"null\", five: \"5\","
	" list: [1, \"2\", true, \"true\", {a: \"x: y\"}], empty: {}, none: []}\n"
	"    keep: {a: /b}\n    follow: true\n"
	"  effect: idempotent\n  done_when: [2xx, 303, \"40[89]\"]\n  retry_when: [500-503]\n";

static char *explain(const char *text)
{
	AUTO(buf) struct buf out = BUF_INIT(TEXT_BYTES);
	struct job *job = job_of(text);

	job_explain(job, &out);
	job_free(job);
	return buf_take(&out);
}

static void assert_says(const char *text, const char *words)
{
	AUTO(buf) struct buf flat = BUF_INIT(TEXT_BYTES);
	char *said = explain(text);

	/* the sentences are broken into lines */
	for (const char *p = said; *p != '\0';) {
		if (strncmp(p, "\n# ", 3) == 0) {
			buf_putc(&flat, ' ');
			p += 3;
			continue;
		}
		buf_putc(&flat, *p++);
	}
	if (strstr(buf_str(&flat), words) == NULL)
		fail_msg("'%s' is not said in:\n%s", words, said);
	free(said);
}

static void explained_job_reads_back_to_the_same_job(void **state)
{
	const char *const texts[] = {least, full, request};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		AUTO(buf) struct buf difference = BUF_INIT(TEXT_BYTES);
		char *once = explain(texts[i]);
		AUTO(job) struct job *given = job_of(texts[i]);
		AUTO(job) struct job *read = job_of(once);
		assert_int_equal(job_refresh(given, read, &difference), 0);
		assert_string_equal(buf_str(&difference), "");
		if (given->work.kind == WORK_EXEC) {
			assert_string_equal(given->work.input_template, "Dear ${id},\n\n  yours\n");
			assert_string_equal(read->work.input_template, "Dear ${id},\n\n  yours\n");
			assert_string_equal(read->description, "5");
		}
		free(once);
	}
}

static void defaults_are_shown_with_what_they_are_for(void **state)
{
	char *said = explain(least);

	assert_non_null(strstr(said, "\n  timeout: 60s                          # default. How "
				     "long "
				     "an attempt may take.\n"));
	assert_non_null(strstr(said, "\n  effect: idempotent                    # default. "));
	assert_non_null(strstr(said, "\n  # max: no limit "));
	assert_non_null(strstr(said, "\njob: a\n"));
	free(said);
}

static void lines_stay_short_enough_to_read(void **state)
{
	char *said = explain(full);

	for (const char *line = said; *line != '\0';) {
		size_t n = strcspn(line, "\n");
		if (n > 130 || (line[0] == '#' && n > 78))
			fail_msg("long: %.*s", (int)n, line);
		line += n + 1;
	}
	free(said);
}

static void paragraph_says_what_is_sent(void **state)
{
	assert_says(request, "For each item it sends PUT 'https://api.example.com/${id}' with a "
			     "JSON body, logged on by user and password, with the item's key in "
			     "Idempotency-Key");
	assert_says(request, "and so is 409, not before a Retry-After says so.");
	assert_says(request, "Done are also 200-299, 303, 408-409. To be tried again: 500-503.");
}

static void paragraph_says_what_is_read(void **state)
{
	assert_says(least, "Has one item in each run, with the key ${run.slot}.");
	assert_says(full, "Reads the CSV records of 'in/*.csv'; each is an item with the fields "
			  "id, "
			  "total, mail, named by 'id'. Where there is none, it waits up to 3h, "
			  "then "
			  "fails (exit status 66).");
	assert_says(full, "more than 2% end the run. More than 1000 items stop it before the first "
			  "one. So do more than 5 times the median of the last 20 runs (from 5 "
			  "on).");
	assert_says(full, "Before the first item is processed the number of records must be "
			  "'${param.region}' and the sum of total must be '100.00'");
	assert_says("job: a\nsource: {files: {path: x, when_missing: ok}}\nwork: {noop: {}}\n",
		    "Takes the files 'x'; each is an item with the fields path, name, size, "
		    "modified, "
		    "named by its path. Where there is none, there is nothing to do.");
	assert_says("job: a\nsource: {stdin: {format: lines}}\nwork: {noop: {}}\n",
		    "Reads lines from standard input; each is an item with the field line,");
}

static void paragraph_says_what_a_crash_means(void **state)
{
	assert_says(full, "Such an item is in doubt; it is never repeated in silence: it is then "
			  "tried again, because when_in_doubt says so");
	assert_says("job: a\nwork: {exec: {shell: x}}\n", "a person decides (stint resolve)");
	assert_says("job: a\nwork: {exec: {shell: x}, effect: idempotent, key_valid: 1d}\n",
		    "it is done again, with the same ${item.idempotency_key}. To do it twice "
		    "must be "
		    "harmless. The other side knows the key for 1d; after that an item is in "
		    "doubt");
	assert_says("job: a\nwork: {exec: {shell: x}, verify: {command: [look, a]}}\n",
		    "never repeated in silence: 'look' is asked whether it took effect, 10s later: "
		    "if so it is done; if it twice says no, it is tried again; if it cannot tell, "
		    "it is asked again as often as retry says, and then a person decides");
}

static void paragraph_spells_attempts_and_waits_out(void **state)
{
	assert_says("job: a\nwork: {exec: {shell: x}}\n",
		    "An attempt that fails is repeated, up to 5 in all, after 10s, 40s, 2m40s and "
		    "10m40s (each a random part of that)");
	assert_says(full, "up to 8 in all, after 10s, 40s, 2m40s, 10m40s, 42m40s and so on, at "
			  "most 1h "
			  "(each at least half of that)");
	assert_says("job: a\nwork: {exec: {shell: x}}\nretry: {attempts: 1}\n",
		    "An attempt that fails is not repeated: the item is dead at once.");
	assert_says(full, "Done are also exit status 0, 3. Dead at once: exit status 7-9.");
}

static void paragraph_says_what_stops_it_and_who_is_needed(void **state)
{
	assert_says(full, "The run stops between items when a signal or a person says so, after "
			  "4h, or at 06:00 (nothing is begun that would not end by then), when "
			  "nothing was settled for 10m, or when more than 10% of its "
			  "items "
			  "(and at least 20) are dead.");
	assert_says("job: a\nwork: {noop: {}}\n"
		    "window: {max: 4h, when_over: go_on}\n",
		    "Its window is over after 4h; it then goes on as before.");
	assert_says("job: a\nwork: {noop: {}}\n"
		    "window: {stop_by: 06:00, when_over: gentle, expect: 45m}\n",
		    "Its window is over at 06:00; it then goes on gently: at most 1 at once, with "
		    "niceness 19. A warning goes out when the forecast says that it will take "
		    "longer than 45m.");
	assert_says("job: a\nwork: {noop: {}}\n"
		    "window: {date_cutoff: {at: 23:59, then: hold}}\n",
		    "Items not begun by 23:59 of the run's date are held until a person decides "
		    "(--ignore-window).");
	assert_says(full, "carry_over is leave.");
	assert_says(full, "and for whom each is (mail).");
	assert_says(least, "Each day has one run: once it has finished, another call of the same "
			   "day "
			   "says so and does nothing, unless --again is given.");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(explained_job_reads_back_to_the_same_job),
		cmocka_unit_test(defaults_are_shown_with_what_they_are_for),
		cmocka_unit_test(lines_stay_short_enough_to_read),
		cmocka_unit_test(paragraph_says_what_is_read),
		cmocka_unit_test(paragraph_says_what_is_sent),
		cmocka_unit_test(paragraph_says_what_a_crash_means),
		cmocka_unit_test(paragraph_spells_attempts_and_waits_out),
		cmocka_unit_test(paragraph_says_what_stops_it_and_who_is_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
