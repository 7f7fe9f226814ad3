/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold between keys of different sections. */
#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "job/build.h"
#include "job/node.h"

static void check_once_per(struct build *b)
{
	struct node *once_per = node_find(b->root, "once_per");

	if (build_is_given(once_per) && b->job->once_per == JOB_ONCE_PER_SLOT &&
	    node_find(b->root, "schedule") == NULL)
		build_fault(b, once_per, "slot needs a schedule; without one: day or start");
}

static void check_person(struct build *b)
{
	struct node *person = node_find_good(node_find(b->root, "report"), "person");

	if (person != NULL && b->names_are_known &&
	    job_find_work_field(b->job, person->text, person->len) < 0)
		build_fault_no_field(b, person);
}

/* An item's age is that of a date or a timestamp of its own. */
static void check_max_age(struct build *b)
{
	struct node *source = node_find(b->root, "source");
	struct node *field = node_find_good(node_find(source, "max_age"), "field");

	if (field == NULL || !b->names_are_known)
		return;
	int index = job_find_field(b->job, field->text, field->len);
	if (index < 0) {
		build_fault_no_field(b, field);
		return;
	}
	enum field_type type = b->job->source.fields[index].type;
	if (type != FIELD_DATE && type != FIELD_TIMESTAMP)
		build_fault(b, field, "%s is %s %s; an age is that of a date or a timestamp",
			    b->job->source.fields[index].name,
			    strchr("aeiou", field_type_name(type)[0]) != NULL ? "an" : "a",
			    field_type_name(type));
}

/* A first wait above the longest one; only where the file says both. */
static void check_waits(struct build *b, const struct node *map, const char *first, const char *max)
{
	struct node *low = node_find(map, first);
	struct node *high = node_find(map, max);
	int64_t low_us = 0;
	int64_t high_us = 0;
	struct err err = ERR_INIT;

	if (!build_is_given(low) || !build_is_given(high) ||
	    text_parse_duration(low->text, low->len, &low_us, &err) < 0 ||
	    text_parse_duration(high->text, high->len, &high_us, &err) < 0 || low_us <= high_us)
		return;
	build_fault(b, low, "%s is longer than %s, which is %s", low->text, max, high->text);
}

/* So many at first must not be more than so many at most; where only the most is said, it is. */
static void check_concurrency(struct build *b)
{
	struct node *map = node_find(node_find(b->root, "work"), "concurrency");
	struct job_work *work = &b->job->work;

	if (work->concurrency_start <= work->concurrency || map == NULL)
		return;
	struct node *start = node_find(map, "start");
	if (build_is_given(start))
		build_fault(b, start, "start is %d, which is more than max, which is %d",
			    work->concurrency_start, work->concurrency);
	work->concurrency_start = work->concurrency;
}

static void check_cost(struct build *b)
{
	struct node *cost = node_find(b->root, "cost");
	struct node *after = node_find(cost, "value_after");

	b->job->cost.is_given = build_is_given(cost);
	if (build_is_given(after) && node_find(cost, "value_per_item") == NULL)
		build_fault(b, after, "says when value_per_item comes, which is not given");
}

/* How a program ends that is started for each item says something about that item, as long as the
 * job does not say otherwise: a batch of bad items shall be dead tonight, and not wait for an hour.
 * What hits every item alike opens the breaker all the same. */
static void build_breaker(struct build *b)
{
	const struct job_work *work = &b->job->work;

	if (work->kind == WORK_EXEC && work->mode == EXEC_EACH &&
	    !build_is_given(node_find(b->root, "breaker")))
		b->job->breaker.at_least = INT64_MAX;
}

void build_rules(struct build *b)
{
	assert(b != NULL && b->job != NULL && b->root != NULL);
	check_once_per(b);
	check_person(b);
	check_concurrency(b);
	build_breaker(b);
	check_cost(b);
	check_max_age(b);
	check_waits(b, node_find(b->root, "retry"), "first", "max");
	check_waits(b, node_find(node_find(b->root, "source"), "retry"), "first", "max");
	check_waits(b, node_find(b->root, "breaker"), "open_for", "open_max");
}
