/* SPDX-License-Identifier: Apache-2.0 */
/* `stint generate SYSTEM FILE…`: what another system needs to work with a job. */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/generate_slurm.h"
#include "cli/verbs.h"

int verb_generate(struct cli *cli, struct err *err)
{
	static const char *const later[] = {"systemd", "cron",	  "kubernetes", "prometheus",
					    "icinga",  "grafana", "marker"};
	int rc = cli_words(cli, 2, 2, err);

	if (rc < 0)
		return rc;
	const char *system = cli_word(cli, 0);
	for (size_t i = 0; i < ARRAY_LEN(later); i++)
		if (strcmp(system, later[i]) == 0)
			return ERR(err, ERR_USAGE, "generate %s: not available in this version",
				   system);
	if (strcmp(system, "slurm") != 0)
		return ERR(err, ERR_USAGE, "generate %s: it is one of slurm",
			   QUOTED(system, strlen(system)));
	return generate_slurm(cli, cli_word(cli, 1), err);
}
