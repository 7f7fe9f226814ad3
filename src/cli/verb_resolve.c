/* SPDX-License-Identifier: Apache-2.0 */
/* `stint resolve SELECTION --done|--retry|--skip --why TEXT`: decides items in doubt. */
#include "base/err.h"
#include "cli/cli.h"
#include "cli/person.h"
#include "cli/verbs.h"

#define TAKES "only items in doubt can be resolved"
#define WISH                                                                                       \
	{                                                                                          \
		.by_itself = SELECT_IN_DOUBT, .allowed = SELECT_IN_DOUBT                           \
	}

/* The options that decide, and what they do. */
static const struct {
	enum option_id option;
	enum person_verb verb;
	struct person_words words;
} decisions[] = {
	{
		OPTION_DONE,
		PERSON_RESOLVE_DONE,
		{
			.schema = "stint.resolve.1",
			.takes = TAKES,
			.will = "will count as done",
			.would = "would count as done",
			.one = "counts as done",
			.many = "count as done",
			.wish = WISH,
		},
	},
	{
		OPTION_RETRY,
		PERSON_RESOLVE_RETRY,
		{
			.schema = "stint.resolve.1",
			.takes = TAKES,
			.will = "will be tried again",
			.would = "would be tried again",
			.one = "will be tried again",
			.many = "will be tried again",
			.wish = WISH,
		},
	},
	{
		OPTION_SKIP,
		PERSON_RESOLVE_SKIP,
		{
			.schema = "stint.resolve.1",
			.takes = TAKES,
			.will = "will be skipped",
			.would = "would be skipped",
			.one = "is skipped",
			.many = "are skipped",
			.wish = WISH,
		},
	},
};

int verb_resolve(struct cli *cli, struct err *err)
{
	struct person p = {.cli = cli};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(decisions); i++) {
		if (!cli->options.is_given[decisions[i].option])
			continue;
		p.verb = decisions[i].verb;
		p.words = &decisions[i].words;
		n++;
	}
	if (n != 1)
		return ERR(err, ERR_USAGE,
			   "resolve needs one of --done (they took effect), --retry (they did not) "
			   "and --skip (neither: they are taken out)%s",
			   n == 0 ? "" : ", not several");
	int rc = selection_check(cli, &p.words->wish, err);
	if (rc == 0)
		rc = person_why(cli, true, &p.why, err);
	return rc < 0 ? rc : person_act(&p, err);
}
