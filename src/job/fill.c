/* SPDX-License-Identifier: Apache-2.0 */
#include "job/fill.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "job/job.h"
#include "job/node.h"
#include "job/scalar.h"
#include "job/schema.h"

static void put_bytes(struct job *job, const struct schema_key *key, const void *value, size_t n)
{
	assert(key->bytes == n);
	memcpy((char *)job + key->at, value, n);
}

/* Enums, integers, booleans: as wide as the member is. */
static void put_integer(struct job *job, const struct schema_key *key, int64_t value)
{
	int narrow = (int)value;
	bool flag = value != 0;

	if (key->bytes == sizeof(value))
		put_bytes(job, key, &value, sizeof(value));
	else if (key->bytes == sizeof(narrow))
		put_bytes(job, key, &narrow, sizeof(narrow));
	else
		put_bytes(job, key, &flag, sizeof(flag));
}

static void put_text(struct job *job, const struct schema_key *key, const char *text)
{
	char *copy = xstrdup(text);
	char *old = NULL;

	memcpy(&old, (const char *)job + key->at, sizeof(old));
	free(old); /* two kinds of source, which is a fault, fill the same member */
	put_bytes(job, key, &copy, sizeof(copy));
}

static void put_then(struct job *job, const struct schema_key *key, const struct scalar *scalar,
		     const struct node *node)
{
	put_integer(job, key, scalar->integer);
	if (scalar->integer != JOB_THEN_MOVE)
		return;
	free(job->source.then_directory);
	job->source.then_directory = xstrdup(strchr(node->text, ':') + 1);
}

/* A rate, or the one that holds all day. */
static void put_rate(struct job *job, const struct schema_key *key, const struct scalar *scalar)
{
	const struct job_rates one = {.rule = {{.limit = scalar->rate}}, .n = 1};

	if (key->bytes == sizeof(one))
		put_bytes(job, key, &one, sizeof(one));
	else
		put_bytes(job, key, &scalar->rate, sizeof(scalar->rate));
}

static void put_scalar(struct job *job, const struct schema_key *key, const struct scalar *scalar,
		       const struct node *node)
{
	switch (scalar->type) {
	case SCHEMA_ENUM:
	case SCHEMA_BOOLEAN:
	case SCHEMA_INTEGER:
	case SCHEMA_DURATION:
	case SCHEMA_SIZE:
	case SCHEMA_CLOCK:
	case SCHEMA_UMASK:
		put_integer(job, key, scalar->integer);
		return;
	case SCHEMA_NUMBER:
	case SCHEMA_FACTOR:
	case SCHEMA_RATIO:
		put_bytes(job, key, &scalar->number, sizeof(scalar->number));
		return;
	case SCHEMA_AMOUNT:
		put_bytes(job, key, &scalar->amount, sizeof(scalar->amount));
		return;
	case SCHEMA_CHAR:
		put_bytes(job, key, &scalar->character, sizeof(scalar->character));
		return;
	case SCHEMA_LIMIT:
		put_bytes(job, key, &scalar->limit, sizeof(scalar->limit));
		return;
	case SCHEMA_RATE:
		put_rate(job, key, scalar);
		return;
	case SCHEMA_THEN:
		put_then(job, key, scalar, node);
		return;
	case SCHEMA_JOB_NAME:
	case SCHEMA_PATTERN:
	case SCHEMA_TEMPLATE:
	case SCHEMA_TEXT:
		put_text(job, key, node->text);
		return;
	case SCHEMA_MAP:
	case SCHEMA_NAMES:
	case SCHEMA_LIST:
	case SCHEMA_SECRET:
	case SCHEMA_FIELD_TYPE:
	case SCHEMA_STATUSES:
	case SCHEMA_ANY:
	case SCHEMA_TYPE_COUNT_:
		break;
	}
	unreachable("no row binds a value of this type");
}

static void fill_node(struct job *job, const struct node *node)
{
	struct scalar scalar = {0};
	struct err err = ERR_INIT;

	if (node->key != NULL && node->key->later)
		return;
	for (const struct node *c = node->first; c != NULL; c = c->next)
		fill_node(job, c);
	if (node->key == NULL || node->key->bytes == 0 || node->is_bad || node->type != NODE_SCALAR)
		return;
	if (scalar_read(node->key, node, &scalar, &err) < 0)
		unreachable("the value was checked"); /* defaults: a test reads them all */
	put_scalar(job, node->key, &scalar, node);
}

void fill_job(struct job *job, const struct node *root)
{
	assert(job != NULL && root != NULL);
	fill_node(job, root);
}
