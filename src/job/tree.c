/* SPDX-License-Identifier: Apache-2.0 */
#include "job/tree.h"

#include <assert.h>
#include <string.h>

#include "job/check.h"
#include "job/complete.h"
#include "job/fault.h"
#include "job/job.h"
#include "job/steps.h"
#include "job/yaml.h"

struct node *tree_of_job(const struct job *job, struct arena *arena)
{
	struct faults faults = {0};

	assert(job != NULL && job->text != NULL && arena != NULL);
	struct node *root = yaml_read(job->text, strlen(job->text), arena, &faults);
	assert(root !=
	       NULL); /* what job_parse wrote reads back: a test and a fuzzer hold it to that */
	check_tree(root, &faults);
	assert(faults.n == 0);
	steps_select(root, (size_t)job->step);
	complete_tree(root, arena);
	return root;
}
