/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/item_walk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/verbs.h"
#include "ledger/ledger.h"

enum { RUNS_MAX = 1000000 };

/* ---- reading the command line ---- */

static int read_state(struct item_walk *walk, struct err *err)
{
	const char *words[ITEM_STATE_COUNT_ + 1] = {0};
	int state = -1;

	for (size_t i = 0; i < ITEM_STATE_COUNT_; i++)
		words[i] = item_state_name((enum item_state)i);
	int rc = options_word(&walk->cli->options, OPTION_STATE, words, -1, &state, err);
	walk->filter.states = state < 0 ? 0 : 1u << state;
	return rc;
}

static int read_words(struct item_walk *walk, struct err *err)
{
	const struct options *o = &walk->cli->options;

	walk->items = xcalloc(o->n_words + 1, sizeof(*walk->items));
	walk->is_named = o->n_words > 0;
	for (size_t i = 0; i < o->n_words; i++) {
		int rc = find_item(walk->cli, walk->ledger, o->words[i], &walk->items[i], err);
		if (rc < 0)
			return rc;
		walk->n_items++;
	}
	return 0;
}

static int keep_run(void *arg, const struct report_run *run)
{
	struct item_walk *walk = arg;

	walk->run = report_run_dup(run, &walk->arena);
	walk->has_run = true;
	return 1;
}

static int read_run(struct item_walk *walk, struct err *err)
{
	const struct options *o = &walk->cli->options;
	struct report_run_filter newest = {.max = 1};

	if (o->is_given[OPTION_RUN]) {
		walk->has_run = true;
		return find_run(walk->cli, walk->ledger, o->value[OPTION_RUN], &walk->arena,
				&walk->run, err);
	}
	if (walk->is_named || o->is_given[OPTION_STATE] || o->is_given[OPTION_PERSON] ||
	    o->is_given[OPTION_ERROR])
		return 0;
	int rc = report_runs(walk->ledger, &newest, keep_run, walk, err);
	if (rc == 0)
		rc = ERR(err, ERR_DATA, "nothing has run yet in %s", ledger_url(walk->ledger));
	return rc < 0 ? rc : 0;
}

int item_walk_read(const struct cli *cli, struct ledger *ledger, struct item_walk *ret_walk,
		   struct err *err)
{
	const struct options *o = &cli->options;

	assert(cli != NULL && ledger != NULL && ret_walk != NULL && err != NULL);
	item_walk_run(cli, ledger, &(struct report_run){0}, 0, ret_walk);
	ret_walk->has_run = false;
	ret_walk->filter.person = o->value[OPTION_PERSON];
	ret_walk->filter.fingerprint = o->value[OPTION_ERROR];
	if (o->is_given[OPTION_WHERE])
		return ERR(err, ERR_USAGE, "--where: not available in this version");
	int rc = read_state(ret_walk, err);
	if (rc == 0)
		rc = read_words(ret_walk, err);
	if (rc == 0)
		rc = read_run(ret_walk, err);
	return rc;
}

void item_walk_run(const struct cli *cli, struct ledger *ledger, const struct report_run *run,
		   unsigned states, struct item_walk *ret_walk)
{
	*ret_walk = (struct item_walk){
		.cli = cli,
		.ledger = ledger,
		.has_run = true,
		.filter = {.number = -1, .states = states},
	};
	ret_walk->run = run->id == 0 ? *run : report_run_dup(run, &ret_walk->arena);
	source_keys_init(&ret_walk->keys, ledger);
}

void item_walk_done(struct item_walk *walk)
{
	if (walk->ledger == NULL)
		return;
	source_keys_done(&walk->keys);
	free(walk->items);
	arena_done(&walk->arena);
	*walk = (struct item_walk){0};
}

void item_walk_auto(struct item_walk *walk)
{
	item_walk_done(walk);
}

/* ---- walking ---- */

struct step {
	struct item_walk *walk;
	const struct report_run *run;
	struct mask mask;
	item_walk_fn fn;
	void *arg;
	struct err *err;
};

static int on_item(void *arg, const struct report_item *item)
{
	struct step *step = arg;
	struct item_walk *walk = step->walk;
	struct report_item shown = *item;
	struct arena arena = {0};

	if (shown.key == NULL) {
		int rc = source_keys_get(&walk->keys, item->run_id, item->number, &shown.key,
					 step->err);
		if (rc < 0)
			return rc;
		if (shown.key == NULL)
			walk->n_keys_missing++;
	}
	shown.key = mask_value(step->mask.key, shown.key, &arena);
	shown.person = mask_value(step->mask.person, shown.person, &arena);
	int rc = step->fn(step->arg, step->run, &shown);
	arena_done(&arena);
	return rc;
}

static int walk_run(struct step *step, const struct report_run *run, int64_t number)
{
	struct report_item_filter *filter = &step->walk->filter;

	step->run = run;
	filter->run_id = run->id;
	filter->number = number;
	int rc = mask_of_run(step->walk->ledger, run->id, &step->mask, step->err);
	return rc < 0 ? rc : report_items(step->walk->ledger, filter, on_item, step, step->err);
}

static int on_run(void *arg, const struct report_run *run)
{
	return walk_run(arg, run, -1);
}

static int walk_named(struct step *step)
{
	struct item_walk *walk = step->walk;
	int rc = 0;

	for (size_t i = 0; i < walk->n_items && rc == 0; i++) {
		struct report_run run = {0};
		if (walk->has_run && walk->run.id != walk->items[i].run_id)
			continue;
		rc = report_run_load(walk->ledger, walk->items[i].run_id, &walk->arena, &run,
				     step->err);
		if (rc == 0)
			rc = walk_run(step, &run, walk->items[i].number);
	}
	return rc;
}

int item_walk_each(struct item_walk *walk, item_walk_fn fn, void *arg, struct err *err)
{
	struct step step = {.walk = walk, .fn = fn, .arg = arg, .err = err};
	struct report_run_filter all = {.max = RUNS_MAX};

	assert(walk != NULL && fn != NULL && err != NULL);
	if (walk->is_named)
		return walk_named(&step);
	if (walk->has_run)
		return walk_run(&step, &walk->run, -1);
	return report_runs(walk->ledger, &all, on_run, &step, err);
}
