/* SPDX-License-Identifier: Apache-2.0 */
/* `stint schema`: a JSON Schema of job files. */
#include "base/err.h"
#include "cli/cli.h"
#include "cli/verbs.h"
#include "job/job.h"

int verb_schema(struct cli *cli, struct err *err)
{
	int rc = cli_words(cli, 0, 0, err);

	if (rc < 0)
		return rc;
	job_put_schema(&cli->out.buf);
	return EXIT_DONE;
}
