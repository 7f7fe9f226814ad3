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

enum { EFFECTS_BYTES_MAX = 1024 * 1024, EFFECTS_MAX = 4096, STATES = 7 };

/* ---- the ledger ---- */

static int take_state(void *arg, const struct ledger_row *row)
{
	struct tally *t = arg;
	const char *state = ledger_row_text(row, 0, NULL);
	int64_t n = ledger_row_int(row, 1);
	const struct {
		const char *name;
		int64_t *count;
	} states[STATES] = {{"waiting", &t->open}, {"running", &t->open},
			    {"done", &t->done},	   {"skipped", &t->skipped},
			    {"retry", &t->retry},  {"in_doubt", &t->in_doubt},
			    {"dead", &t->dead}};

	for (size_t i = 0; i < STATES; i++)
		if (state != NULL && strcmp(state, states[i].name) == 0)
			*states[i].count += n;
	t->items += n;
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

static int read_ledger(const char *stage, struct tally *t, struct err *err)
{
	static const char states[] = "SELECT state, count(*) FROM item GROUP BY state";
	AUTO(ledger) struct ledger *ledger = NULL;
	char url[PATH_MAX];
	int64_t findings = 0;

	play_ledger_url(stage, url, sizeof(url));
	int rc = ledger_open(url, LEDGER_READ_ONLY | LEDGER_VOLATILE, &ledger, err);
	if (rc == 0)
		rc = ledger_select(ledger, states, NULL, 0, take_state, t, err);
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

static void count_effects(struct tally *t, const char **lines, size_t n)
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

static int read_effects(const char *stage, struct tally *t, struct err *err)
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

static void judge(const struct tally_wish *wish, struct tally *t)
{
	if (wish->items > 0 && t->items != wish->items)
		break_promise(t, "%" PRId64 " items of %" PRId64 " are in the ledger", t->items,
			      wish->items);
	if (wish->is_once && t->repeated > 0)
		break_promise(t, "effect: once, and %" PRId64 " took effect more than once",
			      t->repeated);
	if (t->done > t->touched)
		break_promise(t, "%" PRId64 " are done, %" PRId64 " took effect", t->done,
			      t->touched);
	if (t->touched > t->done + t->in_doubt + t->retry + t->dead + t->skipped + t->open)
		break_promise(t, "more took effect than there are items");
	if (t->open > 0)
		break_promise(t, "%" PRId64 " items are left open", t->open);
}

int tally_take(const struct tally_wish *wish, struct tally *ret_tally, struct err *err)
{
	struct tally t = {0};

	assert(wish != NULL && ret_tally != NULL);
	int rc = read_ledger(wish->stage, &t, err);
	if (rc == 0)
		rc = read_effects(wish->stage, &t, err);
	if (rc < 0)
		return rc;
	judge(wish, &t);
	*ret_tally = t;
	return 0;
}
