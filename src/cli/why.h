/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer to `why`: sentences that say what is the case, and commands that lead on.
 *
 * Owner: whoever declared it; texts are in its arena.
 */
#ifndef STINT_CLI_WHY_H
#define STINT_CLI_WHY_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "report/next.h"

struct cli;
struct err;
struct ledger;
struct report_run;

enum { WHY_MAX = 32 };

struct why {
	struct arena arena;
	const char *kind;  /* job, run, item */
	const char *name;  /* of what was asked about */
	const char *state; /* as users see it; NULL none */
	const char *step;  /* of the item, or that the run is at; NULL none */
	const char *because[WHY_MAX];
	size_t n;
	struct next next;
	struct report_run *latest; /* of a job, NULL none; in the arena */
};

void why_done(struct why *why);
/* Adds a sentence, made printable. */
void why_say(struct why *why, const char *fmt, ...) ST_PRINTF(2, 3);
/* Adds "1 item is …" or "3 items are …"; nothing for 0. */
void why_count(struct why *why, int64_t n, const char *one, const char *many);
/* Adds a command. */
void why_next(struct why *why, const char *because, const char *fmt, ...) ST_PRINTF(3, 4);
void why_put(struct why *why, struct cli *cli);

/* The three kinds of question. */
ST_MUST_CHECK int why_run(struct ledger *ledger, const struct report_run *run, struct why *why,
			  struct err *err);
/* A part of that: the rate and the quota of a run at work. */
ST_MUST_CHECK int why_share(struct ledger *ledger, const struct report_run *run, struct why *why,
			    struct err *err);
ST_MUST_CHECK int why_job(struct cli *cli, struct ledger *ledger, const char *word, struct why *why,
			  struct err *err);
ST_MUST_CHECK int why_item(struct cli *cli, struct ledger *ledger, const char *word,
			   struct why *why, struct err *err);

#endif
