/* SPDX-License-Identifier: Apache-2.0 */
/* What a job is allowed of the other side: its rates and its quota. */
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "job/build.h"
#include "job/node.h"
#include "job/scalar.h"
#include "job/zone_file.h"

/* ---- rates ---- */

static bool read_good(const struct node *node, struct scalar *ret_scalar)
{
	struct err err = ERR_INIT;

	return node != NULL && node->key != NULL && node->type == NODE_SCALAR && !node->is_bad &&
	       scalar_read(node->key, node, ret_scalar, &err) == 0;
}

/* False: something is missing or wrong, and was reported. */
static bool build_hours(struct build *b, struct node *entry, struct job_rate_rule *rule)
{
	struct node *from = node_find(entry, "from");
	struct node *to = node_find(entry, "to");
	struct scalar begin = {0};
	struct scalar end = {0};

	if (from == NULL && to == NULL)
		return true;
	if (from == NULL || to == NULL) {
		build_fault_key(b, from != NULL ? from : to, "expected both from and to");
		return false;
	}
	if (!read_good(from, &begin) || !read_good(to, &end))
		return false;
	if (begin.integer == end.integer) {
		build_fault(b, to, "%s is when it begins, too; without from and to it is all day",
			    to->text);
		return false;
	}
	rule->from_minute = (int)begin.integer;
	rule->to_minute = (int)end.integer;
	return true;
}

static void build_rate_list(struct build *b, struct node *list)
{
	struct job_rates *rates = &b->job->work.rates;

	for (struct node *c = list->first; c != NULL; c = c->next) {
		struct job_rate_rule rule = {.limit = {0}};
		struct scalar limit = {0};
		if (c->type != NODE_MAP || !read_good(node_find(c, "limit"), &limit) ||
		    !build_hours(b, c, &rule))
			continue;
		if (rates->n == JOB_RATE_RULES_MAX) {
			build_fault(b, c, "more than %d rates", JOB_RATE_RULES_MAX);
			return;
		}
		rule.limit = limit.rate;
		rates->rule[rates->n++] = rule;
	}
}

/* ---- quota ---- */

static void build_quota(struct build *b, struct node *map)
{
	struct job_quota *quota = &b->job->work.quota;
	struct node *name = node_find_good(map, "name");
	struct node *reserve = node_find_good(map, "reserve");
	struct node *zone = node_find_good(map, "time_zone");
	struct node *header = node_find_good(map, "remaining_header");
	struct err why = ERR_INIT;

	if (name != NULL && name->len == 0)
		build_fault(b, name, "expected a name, found ''");
	if (reserve != NULL && quota->limit > 0 && quota->reserve >= quota->limit)
		build_fault(b, reserve, "%s of %lld leave nothing for this job", reserve->text,
			    (long long)quota->limit);
	if (zone != NULL && zone_file_open(zone->text, &quota->zone, &why) < 0)
		build_fault(b, zone, "%s", why.text);
	if (header != NULL && (b->job->work.kind == WORK_EXEC || b->job->work.kind == WORK_NOOP ||
			       b->job->work.kind == WORK_FILE))
		build_fault_key(b, header, "means something only where answers have headers: http");
}

void build_share(struct build *b)
{
	struct node *work = node_find(b->root, "work");
	struct node *rate = node_find(work, "rate");
	struct node *quota = node_find(work, "quota");

	if (rate != NULL && rate->type == NODE_LIST && !rate->is_bad)
		build_rate_list(b, rate);
	if (quota != NULL && quota->type == NODE_MAP && !quota->is_bad)
		build_quota(b, quota);
}
