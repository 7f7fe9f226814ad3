/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/selection.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bits.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/verbs.h"
#include "ledger/ledger.h"
#include "report/run.h"
#include "sys/clock.h"

enum {
	FOUND = 1, /* ends a query: one row was wanted */
	FULL = 2,  /* ends a query: the batch has no room for the next row */
	STATES = 7,
	LIST_MAX = 96,
};

/* Words of --state; 0: no verb does anything about these. */
static const struct {
	const char *name;
	unsigned bit;
} states[STATES] = {
	{"waiting", SELECT_WAITING},
	{"running", SELECT_RUNNING},
	{"done", 0},
	{"skipped", 0},
	{"retry", SELECT_RETRY},
	{"in_doubt", SELECT_IN_DOUBT},
	{"dead", SELECT_DEAD},
};

/* ---- the command line ---- */

/* "waiting, retry, dead" */
static void list_states(unsigned set, char out[LIST_MAX])
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < STATES; i++) {
		size_t len = strlen(states[i].name);
		if ((states[i].bit & set) == 0)
			continue;
		assert(used + len + 3 <= LIST_MAX);
		if (used > 0) {
			memcpy(out + used, ", ", 2);
			used += 2;
		}
		memcpy(out + used, states[i].name, len + 1);
		used += len;
	}
}

/* The set that --state and the verb make. */
static int choose_states(const struct cli *cli, const struct selection_wish *wish,
			 unsigned *ret_states, struct err *err)
{
	const char *names[STATES + 1] = {0};
	char list[LIST_MAX];
	int index = -1;

	for (size_t i = 0; i < STATES; i++)
		names[i] = states[i].name;
	int rc = options_word(&cli->options, OPTION_STATE, names, -1, &index, err);
	if (rc < 0)
		return rc;
	*ret_states = index < 0 ? wish->by_itself : states[index].bit;
	if ((*ret_states & wish->allowed) != 0)
		return 0;
	list_states(wish->allowed, list);
	return ERR(err, ERR_USAGE,
		   "--state %s: %s does nothing to such items; it takes those in %s",
		   states[index].name, cli->verb->name, list);
}

int selection_check(const struct cli *cli, const struct selection_wish *wish, struct err *err)
{
	const bool *given = cli->options.is_given;
	bool has_filter = given[OPTION_RUN] || given[OPTION_STATE] || given[OPTION_PERSON] ||
			  given[OPTION_ERROR];
	unsigned ignored = 0;

	assert(cli->verb != NULL && wish != NULL && err != NULL);
	if (given[OPTION_WHERE])
		return ERR(err, ERR_USAGE,
			   "--where: not available in this version; --run, --state, --person and "
			   "--error select");
	if (has_filter && cli->options.n_words > 0)
		return ERR(err, ERR_USAGE,
			   "%s: items by name, or --run, --state, --person and --error, but not "
			   "both: %s",
			   cli->verb->name,
			   QUOTED(cli->options.words[0], strlen(cli->options.words[0])));
	if (!has_filter && cli->options.n_words == 0)
		return ERR(
			err, ERR_USAGE,
			"%s of what? Name items (JOB/KEY or RUN:NUMBER), or select them by --run, "
			"--state, --person or --error",
			cli->verb->name);
	return choose_states(cli, wish, &ignored, err);
}

static int compare_items(const void *a, const void *b)
{
	const struct find_item *x = a;
	const struct find_item *y = b;

	if (x->run_id != y->run_id)
		return x->run_id < y->run_id ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

/* Sorts the named items and takes out what was named twice. */
static void sort_named(struct selection *s)
{
	size_t n = 0;

	if (s->n_named > 1)
		qsort(s->named, s->n_named, sizeof(*s->named), compare_items);
	for (size_t i = 0; i < s->n_named; i++)
		if (n == 0 || compare_items(&s->named[n - 1], &s->named[i]) != 0)
			s->named[n++] = s->named[i];
	s->n_named = n;
}

static int find_named(struct selection *s, const struct cli *cli, struct ledger *ledger,
		      struct err *err)
{
	s->is_named = true;
	s->named = xcalloc(cli->options.n_words, sizeof(*s->named));
	for (size_t i = 0; i < cli->options.n_words; i++) {
		int rc = find_item(cli, ledger, cli->options.words[i], &s->named[i], err);
		if (rc < 0)
			return rc;
		s->n_named++;
	}
	sort_named(s);
	return 0;
}

int selection_init(struct selection *s, const struct cli *cli, struct ledger *ledger,
		   const struct selection_wish *wish, struct err *err)
{
	const char *run_word = cli->options.value[OPTION_RUN];
	struct arena arena = {0};
	struct report_run run = {0};

	assert(s != NULL && ledger != NULL && err != NULL);
	*s = (struct selection){
		.person = cli->options.value[OPTION_PERSON],
		.error = cli->options.value[OPTION_ERROR],
	};
	selection_rewind(s);
	int rc = choose_states(cli, wish, &s->states, err);
	if (rc < 0)
		return rc;
	if (cli->options.n_words > 0)
		return find_named(s, cli, ledger, err);
	if (run_word == NULL)
		return 0;
	rc = find_run(cli, ledger, run_word, &arena, &run, err);
	s->only_run = run.id;
	arena_done(&arena);
	return rc;
}

void selection_done(struct selection *s)
{
	free(s->named);
	*s = (struct selection){0};
}

void selection_rewind(struct selection *s)
{
	s->next_named = 0;
	s->run_id = 0;
	s->phase = SELECTION_CHUNKS;
	s->after = INT64_MAX; /* nothing more in this run, which is none */
	s->n = 0;
}

/* ---- the walk ---- */

static int keep_id(void *arg, const struct ledger_row *row)
{
	int64_t *id = arg;

	*id = ledger_row_int(row, 0);
	return FOUND;
}

/* The next run in which something can be changed; SELECTION_END. */
static int next_run(struct selection *s, struct ledger *ledger, struct err *err)
{
	static const char sql[] = "SELECT run_id FROM run WHERE run_id > ?1"
				  " AND state NOT IN ('abandoned', 'missed') ORDER BY run_id LIMIT "
				  "1";
	struct ledger_param param = {.type = LEDGER_INT, .number = s->run_id};
	int rc = FOUND;

	if (s->only_run != 0 && s->run_id != 0)
		return SELECTION_END;
	if (s->only_run != 0)
		s->run_id = s->only_run;
	else
		rc = ledger_select(ledger, sql, &param, 1, keep_id, &s->run_id, err);
	if (rc != FOUND)
		return rc < 0 ? rc : SELECTION_END;
	s->phase = SELECTION_LOOSE;
	s->after = -1;
	return 0;
}

static int keep_loose(void *arg, const struct ledger_row *row)
{
	struct selection *s = arg;

	assert(s->n < SELECTION_BATCH);
	s->items[s->n++] = ledger_row_int(row, 0);
	return 0;
}

/* Items that left their chunk, by number. */
static int fill_loose(struct selection *s, struct ledger *ledger, struct err *err)
{
	static const char sql[] =
		"SELECT item FROM loose WHERE run_id = ?1 AND item > ?2"
		" AND state IN (?3, ?4, ?5, ?6, ?7, ?8)"
		" AND (?9 IS NULL OR person = ?9) AND (?10 IS NULL OR fingerprint = ?10)"
		" ORDER BY item LIMIT ?11";
	bool in_doubt = (s->states & SELECT_IN_DOUBT) != 0;
	struct ledger_param params[] = {
		{.type = LEDGER_INT, .number = s->run_id},
		{.type = LEDGER_INT, .number = s->after},
		{.type = LEDGER_INT, .number = (s->states & SELECT_RUNNING) != 0 ? LOOSE_HELD : 0},
		{.type = LEDGER_INT, .number = (s->states & SELECT_RETRY) != 0 ? LOOSE_RETRY : 0},
		{.type = LEDGER_INT, .number = (s->states & SELECT_DEAD) != 0 ? LOOSE_DEAD : 0},
		{.type = LEDGER_INT, .number = in_doubt ? LOOSE_DOUBT : 0},
		{.type = LEDGER_INT, .number = in_doubt ? LOOSE_PROBING : 0},
		{.type = LEDGER_INT, .number = in_doubt ? LOOSE_ASKED : 0},
		{.type = LEDGER_TEXT, .text = s->person},
		{.type = LEDGER_TEXT, .text = s->error},
		{.type = LEDGER_INT, .number = SELECTION_BATCH},
	};

	int rc = ledger_select(ledger, sql, params, ARRAY_LEN(params), keep_loose, s, err);
	if (s->n > 0)
		s->after = s->items[s->n - 1];
	if (s->n < SELECTION_BATCH) { /* there were no more */
		s->phase = SELECTION_CHUNKS;
		s->after = -1;
	}
	return rc;
}

/* Lends the bitmap of a column, NULL when it is too short for `n` bits. */
static const uint8_t *bits_at(const struct ledger_row *row, int column, int64_t n)
{
	size_t len = 0;
	const void *bits = ledger_row_text(row, column, &len);

	return bits != NULL && len >= BITS_BYTES((size_t)n) ? bits : NULL;
}

static int keep_chunk(void *arg, const struct ledger_row *row)
{
	struct selection *s = arg;
	int64_t first = ledger_row_int(row, 0);
	int64_t n = ledger_row_int(row, 1);
	const uint8_t *started = bits_at(row, 2, n);
	const uint8_t *done = bits_at(row, 3, n);

	if (s->n > 0 && n > SELECTION_BATCH - (int64_t)s->n)
		return FULL;
	s->after = first;
	if (n > SELECTION_BATCH || started == NULL || done == NULL)
		return 0; /* no such chunk can be; `ledger verify` finds it */
	for (int64_t i = 0; i < n; i++) {
		unsigned is = bits_get(started, (size_t)i) ? SELECT_RUNNING : SELECT_WAITING;
		if (!bits_get(done, (size_t)i) && (s->states & is) != 0)
			s->items[s->n++] = first + i;
	}
	return 0;
}

/* Items that are still in their chunk: they have no person and no error yet. */
static int fill_chunks(struct selection *s, struct ledger *ledger, struct err *err)
{
	static const char sql[] =
		"SELECT first_item, n, started, done FROM chunk WHERE run_id = ?1"
		" AND first_item > ?2 AND state <> 2 AND n_done < n ORDER BY first_item";
	struct ledger_param params[] = {
		{.type = LEDGER_INT, .number = s->run_id},
		{.type = LEDGER_INT, .number = s->after},
	};
	int rc = 0;

	if ((s->states & (SELECT_WAITING | SELECT_RUNNING)) != 0 && s->person == NULL &&
	    s->error == NULL && s->after != INT64_MAX)
		rc = ledger_select(ledger, sql, params, ARRAY_LEN(params), keep_chunk, s, err);
	if (rc == 0)
		s->after = INT64_MAX; /* there were no more */
	return rc < 0 ? rc : 0;
}

/* The named items of the next run. */
static int fill_named(struct selection *s)
{
	if (s->next_named == s->n_named)
		return SELECTION_END;
	s->run_id = s->named[s->next_named].run_id;
	while (s->n < SELECTION_BATCH && s->next_named < s->n_named &&
	       s->named[s->next_named].run_id == s->run_id)
		s->items[s->n++] = s->named[s->next_named++].number;
	return 0;
}

static int fill(struct selection *s, struct ledger *ledger, struct err *err)
{
	if (s->is_named)
		return fill_named(s);
	if (s->phase == SELECTION_LOOSE)
		return fill_loose(s, ledger, err);
	if (s->after == INT64_MAX)
		return next_run(s, ledger, err);
	return fill_chunks(s, ledger, err);
}

int selection_next(struct selection *s, struct ledger *ledger, struct selection_batch *ret_batch,
		   struct err *err)
{
	int rc = 0;

	assert(s != NULL && ledger != NULL && ret_batch != NULL && err != NULL);
	s->n = 0;
	while (s->n == 0 && rc == 0)
		rc = fill(s, ledger, err);
	*ret_batch = (struct selection_batch){.run_id = s->run_id, .items = s->items, .n = s->n};
	return rc;
}

/* ---- one item ---- */

static int keep_item(void *arg, const struct ledger_row *row)
{
	struct selection_item *item = arg;
	int64_t n = ledger_row_int(row, 3);
	int64_t place = ledger_row_int(row, 6);
	const uint8_t *started = bits_at(row, 4, n);
	const uint8_t *done = bits_at(row, 5, n);
	bool is_loose = !ledger_row_is_null(row, 0);

	if (place < 0 || place >= n || started == NULL || done == NULL)
		return 0;
	if (is_loose) {
		item->state = loose_state_name((enum loose_state)ledger_row_int(row, 0));
		item->is_held = !ledger_row_is_null(row, 1) || ledger_row_int(row, 7) != 0;
		return FOUND;
	}
	if (bits_get(done, (size_t)place)) {
		item->state = "done";
		return FOUND;
	}
	item->is_held = ledger_row_int(row, 2) == CHUNK_HELD;
	item->state = bits_get(started, (size_t)place) ? "running" : "waiting";
	return FOUND;
}

int selection_item(struct ledger *ledger, const struct find_item *item,
		   struct selection_item *ret_item, struct err *err)
{
	static const char sql[] =
		"SELECT l.state, l.owner, c.state, c.n, c.started, c.done, ?2 - c.first_item,"
		" l.state IN (3, 7, 8) AND l.quiet_until > ?3"
		" FROM chunk AS c LEFT JOIN loose AS l ON l.run_id = ?1 AND l.item = ?2"
		" WHERE c.run_id = ?1 AND c.first_item ="
		"  (SELECT max(first_item) FROM chunk WHERE run_id = ?1 AND first_item <= ?2)";
	struct ledger_param params[] = {
		{.type = LEDGER_INT, .number = item->run_id},
		{.type = LEDGER_INT, .number = item->number},
		{.type = LEDGER_INT, .number = clock_now() / US_PER_MS},
	};

	assert(ledger != NULL && ret_item != NULL && err != NULL);
	*ret_item = (struct selection_item){.state = ""};
	int rc = ledger_select(ledger, sql, params, ARRAY_LEN(params), keep_item, ret_item, err);
	if (rc == 0)
		return ERR(err, ERR_DATA, "run %" PRId64 " has no item %" PRId64, item->run_id,
			   item->number);
	return rc < 0 ? rc : 0;
}
