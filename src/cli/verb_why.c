/* SPDX-License-Identifier: Apache-2.0 */
/* `stint why JOB|RUN|ITEM`. */
#include "base/err.h"
#include "cli/cli.h"
#include "cli/find.h"
#include "cli/ledger_choice.h"
#include "cli/verbs.h"
#include "cli/why.h"
#include "ledger/ledger.h"
#include "report/run.h"

static int answer(struct cli *cli, struct ledger *ledger, struct why *why, struct err *err)
{
	const char *word = cli_word(cli, 0);
	enum find_kind kind = FIND_NOTHING;
	struct report_run run = {0};

	int rc = find_kind(cli, ledger, word, &kind, err);
	if (rc < 0)
		return rc;
	if (kind == FIND_ITEM)
		return why_item(cli, ledger, word, why, err);
	if (kind == FIND_JOB)
		return why_job(cli, ledger, word, why, err);
	rc = find_run(cli, ledger, word, &why->arena, &run, err);
	return rc < 0 ? rc : why_run(ledger, &run, why, err);
}

int verb_why(struct cli *cli, struct err *err)
{
	AUTO(ledger) struct ledger *ledger = NULL;
	struct why why = {0};

	int rc = cli_words(cli, 1, 1, err);
	if (rc == 0)
		rc = cli_read_ledger(cli, &ledger, err);
	if (rc == 0)
		rc = answer(cli, ledger, &why, err);
	if (rc == 0)
		why_put(&why, cli);
	why_done(&why);
	return rc;
}
