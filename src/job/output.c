/* SPDX-License-Identifier: Apache-2.0 */
#include "job/output.h"

#include <stdlib.h>

void job_output_done(struct job_output *output)
{
	free(output->path);
	free(output->columns);
	free(output->root);
	free(output->element);
}
