/* SPDX-License-Identifier: Apache-2.0 */
#include "when/zone.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "when/posix_zone.h"

enum {
	HEADER_BYTES = 44,
	COUNTS_AT = 20,
	TYPE_BYTES = 6,
	TYPES_MAX = 256,
	OFFSET_MAX_S = 26 * 3600, /* RFC 8536, 3.2: at most 25:59:59 */
};

struct zone {
	size_t n; /* changes */
	int64_t *at_s;
	uint8_t *type_of; /* of each change: the type from then on */
	size_t n_types;
	int offset_s[TYPES_MAX];
	bool has_rule; /* from the last change on */
	struct posix_zone rule;
};

/* The numbers of a header, in their order. */
struct counts {
	uint32_t is_ut, is_standard, leaps, changes, types, chars;
};

struct bytes {
	const uint8_t *at;
	size_t left;
};

static bool take(struct bytes *b, size_t n, const uint8_t **ret_at)
{
	if (n > b->left)
		return false;
	*ret_at = b->at;
	b->at += n;
	b->left -= n;
	return true;
}

static uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t get_time(const uint8_t *p, size_t size)
{
	if (size == 4)
		return (int32_t)get_u32(p);
	return (int64_t)((uint64_t)get_u32(p) << 32 | get_u32(p + 4));
}

static bool take_header(struct bytes *b, struct counts *c, uint8_t *ret_version)
{
	const uint8_t *h = NULL;

	if (!take(b, HEADER_BYTES, &h) || memcmp(h, "TZif", 4) != 0)
		return false;
	*ret_version = h[4];
	*c = (struct counts){.is_ut = get_u32(h + COUNTS_AT),
			     .is_standard = get_u32(h + COUNTS_AT + 4),
			     .leaps = get_u32(h + COUNTS_AT + 8),
			     .changes = get_u32(h + COUNTS_AT + 12),
			     .types = get_u32(h + COUNTS_AT + 16),
			     .chars = get_u32(h + COUNTS_AT + 20)};
	return c->types > 0 && c->types <= TYPES_MAX && c->changes <= ZONE_FILE_MAX &&
	       c->chars <= ZONE_FILE_MAX && c->leaps <= ZONE_FILE_MAX && c->is_ut <= TYPES_MAX &&
	       c->is_standard <= TYPES_MAX;
}

static size_t body_bytes(const struct counts *c, size_t time_size)
{
	return c->changes * (time_size + 1) + c->types * TYPE_BYTES + c->chars +
	       c->leaps * (time_size + 4) + c->is_standard + c->is_ut;
}

static bool take_changes(struct zone *z, struct bytes *b, const struct counts *c, size_t size)
{
	const uint8_t *times = NULL;
	const uint8_t *types = NULL;

	if (!take(b, c->changes * size, &times) || !take(b, c->changes, &types))
		return false;
	z->n = c->changes;
	z->at_s = xcalloc(z->n + 1, sizeof(*z->at_s));
	z->type_of = xcalloc(z->n + 1, 1);
	for (size_t i = 0; i < z->n; i++) {
		z->at_s[i] = get_time(times + i * size, size);
		z->type_of[i] = types[i];
		if (types[i] >= c->types || (i > 0 && z->at_s[i] <= z->at_s[i - 1]))
			return false;
	}
	return true;
}

static bool take_types(struct zone *z, struct bytes *b, const struct counts *c)
{
	const uint8_t *types = NULL;

	if (!take(b, c->types * TYPE_BYTES, &types))
		return false;
	z->n_types = c->types;
	for (size_t i = 0; i < z->n_types; i++) {
		z->offset_s[i] = (int32_t)get_u32(types + i * TYPE_BYTES);
		if (z->offset_s[i] <= -OFFSET_MAX_S || z->offset_s[i] >= OFFSET_MAX_S)
			return false;
	}
	return true;
}

/* "\n" RULE "\n"; an empty rule says nothing. */
static bool take_footer(struct zone *z, struct bytes *b)
{
	const uint8_t *text = b->at + 1;

	if (b->left < 2 || b->at[0] != '\n')
		return false;
	const uint8_t *end = memchr(text, '\n', b->left - 1);
	if (end == NULL)
		return false;
	z->has_rule = end > text;
	return !z->has_rule || posix_zone_parse((const char *)text, (size_t)(end - text), &z->rule);
}

/* What is wrong with it, NULL when nothing is. */
static const char *parse(struct zone *z, struct bytes *b)
{
	struct counts c = {0};
	const uint8_t *skipped = NULL;
	uint8_t version = 0;
	size_t size = 4;

	if (!take_header(b, &c, &version))
		return "it is no file of the time zone database";
	if (version >= '2') { /* what follows is for programs of the last century */
		if (!take(b, body_bytes(&c, size), &skipped) || !take_header(b, &c, &version))
			return "it is cut off or damaged";
		size = 8;
	}
	size_t rest = body_bytes(&c, size);
	if (c.leaps > 0)
		return "it counts leap seconds, which nothing here does";
	if (!take_changes(z, b, &c, size) || !take_types(z, b, &c))
		return "it is cut off or damaged";
	rest -= c.changes * (size + 1) + c.types * TYPE_BYTES;
	if (!take(b, rest, &skipped) || (size == 8 && !take_footer(z, b)))
		return "it is cut off or damaged";
	return NULL;
}

int zone_parse(const char *name, const void *data, size_t len, struct zone **ret_zone,
	       struct err *err)
{
	struct bytes b = {.at = data, .left = len};
	struct zone *z = xnew(struct zone);

	assert(name != NULL && data != NULL && ret_zone != NULL);
	const char *wrong = len > ZONE_FILE_MAX ? "it is too large" : parse(z, &b);
	if (wrong != NULL) {
		zone_free(z);
		return ERR(err, ERR_DATA, "the file of time zone %s: %s", name, wrong);
	}
	*ret_zone = z;
	return 0;
}

int zone_from_rule(const char *rule, struct zone **ret_zone, struct err *err)
{
	struct zone *z = xnew(struct zone);

	assert(rule != NULL && ret_zone != NULL);
	if (!posix_zone_parse(rule, strlen(rule), &z->rule)) {
		zone_free(z);
		return ERR(err, ERR_DATA, "%s is no rule of a time zone",
			   QUOTED(rule, strlen(rule)));
	}
	z->has_rule = true;
	*ret_zone = z;
	return 0;
}

void zone_free(struct zone *z)
{
	if (z == NULL)
		return;
	free(z->at_s);
	free(z->type_of);
	free(z);
}

void zone_auto(struct zone **zone)
{
	zone_free(*zone);
}

int zone_offset_s(const struct zone *z, int64_t at_s)
{
	size_t low = 0; /* changes before it are not later than at_s */
	size_t high = z->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (z->at_s[middle] <= at_s)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == z->n && z->has_rule)
		return posix_zone_offset_s(&z->rule, at_s);
	return z->offset_s[low == 0 ? 0 : z->type_of[low - 1]];
}

/* Adds the time when a clock with this offset shows the local time, if it is in force then. */
static int try_offset(const struct zone *z, int64_t local_s, int offset_s, int n,
		      int64_t ret_s[ZONE_INSTANTS_MAX])
{
	int64_t at_s = local_s - offset_s;

	if (n == ZONE_INSTANTS_MAX || zone_offset_s(z, at_s) != offset_s)
		return n;
	for (int i = 0; i < n; i++)
		if (ret_s[i] == at_s)
			return n;
	ret_s[n] = at_s;
	return n + 1;
}

int zone_instants(const struct zone *z, int64_t local_s, int64_t ret_s[ZONE_INSTANTS_MAX])
{
	int n = 0;

	for (size_t i = 0; i < z->n_types; i++)
		n = try_offset(z, local_s, z->offset_s[i], n, ret_s);
	if (z->has_rule) {
		n = try_offset(z, local_s, z->rule.standard_s, n, ret_s);
		if (z->rule.has_summer)
			n = try_offset(z, local_s, z->rule.summer_s, n, ret_s);
	}
	if (n == 2 && ret_s[0] > ret_s[1]) {
		int64_t later = ret_s[0];
		ret_s[0] = ret_s[1];
		ret_s[1] = later;
	}
	return n;
}
