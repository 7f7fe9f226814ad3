/* SPDX-License-Identifier: Apache-2.0 */
#include "drill/tally.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "drill/play.h"
#include "drill/standin.h"
#include "ledger/ledger.h"
#include "sys/file.h"

enum { EFFECTS_BYTES_MAX = 1024 * 1024, EFFECTS_MAX = 4096 };

/* ---- the ledger ---- */

struct reading {
	struct tally *tally;
	size_t n_steps;
};

static void take_words(const struct ledger_row *row, int column, char *out)
{
	const char *words = ledger_row_text(row, column, NULL);

	(void)snprintf(out, TALLY_WORDS_MAX, "%s", words == NULL ? "" : words);
}

static int take_reason(void *arg, const struct ledger_row *row)
{
	struct tally *tally = arg;

	take_words(row, 0, tally->reason);
	return 0;
}

static int take_step(void *arg, const struct ledger_row *row)
{
	const struct reading *reading = arg;
	int64_t number = ledger_row_int(row, 0);

	if (number < 1 || number > (int64_t)reading->n_steps)
		return 0;
	struct tally_step *t = &reading->tally->step[number - 1];
	int64_t *const counts[] = {&t->items,	 &t->done, &t->skipped, &t->retry,
				   &t->in_doubt, &t->dead, &t->open,	&t->rejected};
	t->has_begun = ledger_row_int(row, 1) != 0;
	t->is_loaded = ledger_row_int(row, 1) > 1;
	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		*counts[i] = ledger_row_int(row, (int)i + 2);
	take_words(row, (int)ARRAY_LEN(counts) + 2, t->dead_error);
	return 0;
}

static void break_promise(struct tally *t, const char *fmt, ...) ST_PRINTF(2, 3);
static void break_promise(struct tally *t, const char *fmt, ...)
{
	va_list ap;

	if (t->is_broken)
		return;
	t->is_broken = true;
	va_start(ap, fmt);
	(void)vsnprintf(t->broken, sizeof(t->broken), fmt, ap);
	va_end(ap);
}

static void take_finding(void *arg, const char *invariant, const char *where, const char *what)
{
	break_promise(arg, "the ledger is not right: %s, %s: %s", invariant, where, what);
}

static int read_ledger(const struct tally_wish *wish, struct tally *t, struct err *err)
{
	static const char steps[] =
		"SELECT number, CASE state WHEN 'waiting' THEN 0 WHEN 'loading' THEN 1 ELSE 2 END,"
		" items, done, skipped,"
		" retry, in_doubt, dead, waiting + running, rejected,"
		" (SELECT i.error FROM item AS i WHERE i.state = 'dead' AND i.step IS s.step"
		" LIMIT 1) FROM step AS s";
	static const char reason[] = "SELECT reason FROM run";
	AUTO(ledger) struct ledger *ledger = NULL;
	char url[PATH_MAX];
	int64_t findings = 0;
	struct reading reading = {.tally = t, .n_steps = wish->n_steps};

	play_ledger_url(wish->stage, url, sizeof(url));
	int rc = ledger_open(url, LEDGER_READ_ONLY | LEDGER_VOLATILE, &ledger, err);
	if (rc == 0)
		rc = ledger_select(ledger, steps, NULL, 0, take_step, &reading, err);
	if (rc == 0)
		rc = ledger_select(ledger, reason, NULL, 0, take_reason, t, err);
	if (rc == 0)
		rc = ledger_verify(ledger, take_finding, t, &findings, err);
	return rc;
}

/* ---- the effects ---- */

/* Lines in order, so that those of one key stand together. */
static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "KEY ATTEMPT HEX": the first word. */
static size_t key_length(const char *line)
{
	return strcspn(line, " ");
}

static void count_effects(struct tally_step *t, const char **lines, size_t n)
{
	int64_t of_this = 0;

	qsort(lines, n, sizeof(*lines), compare_lines);
	for (size_t i = 0; i < n; i++) {
		size_t len = key_length(lines[i]);
		bool is_same = i > 0 && len == key_length(lines[i - 1]) &&
			       strncmp(lines[i], lines[i - 1], len) == 0;
		of_this = is_same ? of_this + 1 : 1;
		t->touched += !is_same;
		t->repeated += of_this == 2;
		t->most = of_this > t->most ? of_this : t->most;
	}
	t->effects = (int64_t)n;
}

static int read_effects(const char *stage, struct tally_step *t, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT(EFFECTS_BYTES_MAX);
	const char *lines[EFFECTS_MAX];
	char path[PATH_MAX];
	size_t n = 0;

	(void)snprintf(path, sizeof(path), "%s/" STANDIN_EFFECTS, stage);
	int rc = file_read_all(path, EFFECTS_BYTES_MAX, &text, err);
	if (rc == ERR_NOINPUT) /* nothing took effect */
		return 0;
	if (rc < 0)
		return rc;
	AUTO(str) char *all = buf_take(&text);
	char *rest = NULL;
	for (char *line = all == NULL ? NULL : strtok_r(all, "\n", &rest);
	     line != NULL && n < EFFECTS_MAX; line = strtok_r(NULL, "\n", &rest))
		lines[n++] = line;
	count_effects(t, lines, n);
	return 0;
}

/* ---- the promises ---- */

/* "fetch: " where there are several. */
static void break_step(struct tally *t, const struct tally_wish_step *wish, const char *fmt, ...)
	ST_PRINTF(3, 4);
static void break_step(struct tally *t, const struct tally_wish_step *wish, const char *fmt, ...)
{
	char what[TALLY_BROKEN_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	break_promise(t, "%s%s%s", wish->name == NULL ? "" : wish->name,
		      wish->name == NULL ? "" : ": ", what);
}

/* How many items it must have, -1: nobody knows. */
static int64_t items_expected(const struct tally_wish *wish, size_t i, const struct tally *t)
{
	const struct tally_wish_step *step = &wish->step[i];

	if (step->calm == NULL || !step->calm->has_begun || (i > 0 && !t->step[i].has_begun))
		return -1;
	if (step->is_of_step)
		return step->all_of_step == 0 ? -1 : t->step[step->all_of_step - 1].done;
	return step->calm->items;
}

static void judge_items(const struct tally_wish *wish, size_t i, struct tally *t)
{
	const struct tally_wish_step *step = &wish->step[i];
	const struct tally_step *of = &t->step[i];
	int64_t expected = items_expected(wish, i, t);

	if (expected >= 0 && of->items != expected)
		break_step(t, step, "%" PRId64 " items of %" PRId64 " are in the ledger", of->items,
			   expected);
	if (step->is_once && of->repeated > 0)
		break_step(t, step, "effect: once, and %" PRId64 " took effect more than once",
			   of->repeated);
	if (of->done > of->touched)
		break_step(t, step, "%" PRId64 " are done, %" PRId64 " took effect", of->done,
			   of->touched);
	if (of->touched > of->items)
		break_step(t, step, "more took effect than there are items");
	if (of->open > 0)
		break_step(t, step, "%" PRId64 " items are left open", of->open);
}

/* That steps begin when they may, and only then. */
static void judge_order(const struct tally_wish *wish, size_t i, struct tally *t)
{
	const struct tally_wish_step *step = &wish->step[i];
	const struct tally_step *before = &t->step[i - 1];
	bool may = before->has_begun && !tally_holds_back(before, step->go_on_when);

	if (t->step[i].has_begun && !may)
		break_step(t, step, "has begun, though %s had not ended as go_on_when says",
			   wish->step[i - 1].name);
	if (!t->step[i].has_begun && may && step->calm != NULL && step->calm->has_begun)
		break_step(t, step, "has not begun, though nothing is left of %s",
			   wish->step[i - 1].name);
}

bool tally_holds_back(const struct tally_step *before, enum job_go_on go_on_when)
{
	bool is_left = before->open + before->retry > 0;
	bool has_failed = before->dead + before->in_doubt + before->rejected > 0;

	return is_left || (go_on_when == JOB_GO_ON_DONE && has_failed);
}

int tally_take(const struct tally_wish *wish, struct tally *ret_tally, struct err *err)
{
	struct tally t = {0};

	assert(wish != NULL && wish->n_steps > 0 && wish->n_steps <= JOB_STEPS_MAX &&
	       ret_tally != NULL);
	int rc = read_ledger(wish, &t, err);
	for (size_t i = 0; i < wish->n_steps && rc == 0; i++)
		rc = read_effects(wish->step[i].stage, &t.step[i], err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < wish->n_steps; i++) {
		judge_items(wish, i, &t);
		if (i > 0)
			judge_order(wish, i, &t);
	}
	*ret_tally = t;
	return 0;
}
