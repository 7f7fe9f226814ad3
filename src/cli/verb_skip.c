/* SPDX-License-Identifier: Apache-2.0 */
/* `stint skip SELECTION --why TEXT`: takes items out. */
#include "cli/cli.h"
#include "cli/person.h"
#include "cli/verbs.h"

static const struct person_words words = {
	.schema = "stint.skip.1",
	.takes = "only items that are waiting, in retry, in doubt or dead can be skipped",
	.will = "will be skipped",
	.would = "would be skipped",
	.one = "is skipped",
	.many = "are skipped",
	.wish =
		{
			.by_itself = SELECT_WAITING | SELECT_RETRY | SELECT_IN_DOUBT | SELECT_DEAD,
			.allowed = SELECT_WAITING | SELECT_RUNNING | SELECT_RETRY |
				   SELECT_IN_DOUBT | SELECT_DEAD,
		},
};

int verb_skip(struct cli *cli, struct err *err)
{
	struct person p = {.cli = cli, .verb = PERSON_SKIP, .words = &words};

	int rc = selection_check(cli, &words.wish, err);
	if (rc == 0)
		rc = person_why(cli, true, &p.why, err);
	return rc < 0 ? rc : person_act(&p, err);
}
