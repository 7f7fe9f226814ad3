/* SPDX-License-Identifier: Apache-2.0 */
/* What a job wants before any item is touched. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "job/build.h"
#include "job/node.h"

static int compare_names(const void *a, const void *b)
{
	const struct job_pool *x = a;
	const struct job_pool *y = b;

	return strcmp(x->name, y->name);
}

static void build_pool(struct build *b, struct node *node, struct job_require *require)
{
	struct err err = ERR_INIT;
	int64_t units = 0;

	if (!build_check_name(b, node, true) || node->is_bad)
		return;
	if (text_parse_int(node->text, node->len, &units, &err) < 0) {
		build_fault(b, node, "%s", err.text);
		return;
	}
	require->pools[require->n_pools++] = (struct job_pool){.name = xstrdup(node->name),
							       .units = units};
}

void build_require(struct build *b)
{
	struct node *pools = node_find(node_find(b->root, "require"), "pools");
	struct job_require *require = &b->job->require;

	if (pools == NULL || pools->type != NODE_MAP)
		return;
	if (pools->n > JOB_POOLS_MAX) {
		build_fault_key(b, pools, "at most %d of them", JOB_POOLS_MAX);
		return;
	}
	require->pools = xcalloc(pools->n + 1, sizeof(*require->pools));
	for (struct node *c = pools->first; c != NULL; c = c->next)
		if (c->key != NULL) /* else x-…, the user's own */
			build_pool(b, c, require);
	if (require->n_pools > 1) /* so that two runs lock them in one order */
		qsort(require->pools, require->n_pools, sizeof(*require->pools), compare_names);
}
