/* SPDX-License-Identifier: Apache-2.0 */
#include "job/build.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "job/node.h"
#include "job/scalar.h"
#include "job/schema.h"
#include "job/suggest.h"

enum { TEXT_MAX = 400, NAME_CHARS_MAX = 100 };

/* ---- what the builders share ---- */

static void add_fault(struct build *b, struct node *node, struct mark at, const char *text)
{
	AUTO(buf) struct buf path = BUF_INIT(TEXT_MAX);

	node->is_bad = true;
	node_put_path(node, &path);
	faults_add(b->faults, at, "%s%s%s", buf_str(&path), path.len > 0 ? ": " : "", text);
}

void build_fault(struct build *b, struct node *node, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* cut when too long: still true */
	va_end(ap);
	add_fault(b, node, node->at, text);
}

void build_fault_key(struct build *b, struct node *node, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* cut when too long: still true */
	va_end(ap);
	add_fault(b, node, node_mark(node), text);
}

void build_fault_in(struct build *b, struct node *node, struct mark at, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* cut when too long: still true */
	va_end(ap);
	add_fault(b, node, at, text);
}

/* The field that is meant in spite of a typing error, or NULL. */
static const char *nearest_field(const struct job *job, const struct node *node)
{
	const struct field *fields = job->fields;
	size_t n_fields = job->n_fields;
	const char **names = xcalloc(n_fields + 1, sizeof(*names));

	for (size_t i = 0; i < n_fields; i++)
		names[i] = fields[i].name;
	const char *near = text_nearest(node->text, node->len, names, n_fields);
	for (size_t i = 0; i < n_fields; i++)
		if (strcasecmp(names[i], node->text) == 0)
			near = names[i];
	free(names);
	return near;
}

void build_fault_no_field(struct build *b, struct node *node)
{
	const struct job *job = b->job;
	const struct field *fields = job->fields;
	size_t n_fields = job->n_fields;
	const char *near = nearest_field(b->job, node);
	AUTO(buf) struct buf more = BUF_INIT(TEXT_MAX);

	buf_puts(&more, DID_YOU_MEAN(near));
	for (size_t i = 0; i < n_fields && near == NULL; i++)
		buf_printf(&more, "%s%s", i == 0 ? "; the fields are " : ", ", fields[i].name);
	build_fault(b, node, "there is no field %s%s", QUOTED(node->text, node->len),
		    buf_str(&more));
}

bool build_is_given(const struct node *node)
{
	return node != NULL && !node->is_default && !node_is_bad(node);
}

bool build_is_unusual(const struct node *node)
{
	if (!build_is_given(node) || node->type != NODE_SCALAR || node->key->fallback == NULL)
		return build_is_given(node);
	const char *text = node->key->fallback;
	bool is_quoted = strchr("\"'", text[0]) != NULL;
	if (is_quoted)
		return strlen(text) != node->len + 2 ||
		       memcmp(text + 1, node->text, node->len) != 0;
	const struct node fallback = {
		.type = NODE_SCALAR, .is_plain = true, .text = text, .len = strlen(text)};
	return !scalar_is_same(node->key, node, &fallback);
}

static bool is_name(const char *name, bool dash)
{
	for (size_t i = 0; name[i] != '\0'; i++) {
		char c = name[i];
		bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
		bool is_later = (c >= '0' && c <= '9') || (dash && c == '-');
		if (!is_letter && (i == 0 || !is_later))
			return false;
	}
	return name[0] != '\0' && strlen(name) <= NAME_CHARS_MAX;
}

bool build_check_name(struct build *b, struct node *node, bool dash)
{
	if (is_name(node->name, dash))
		return true;
	build_fault_key(
		b, node,
		"%s is no name: it begins with a letter or '_', then come letters, digits%s "
		"'_', at most %d",
		QUOTED(node->name, strlen(node->name)), dash ? ", '-' and" : " and",
		NAME_CHARS_MAX);
	return false;
}

static bool has_bad_child(const struct node *map)
{
	for (const struct node *c = map->first; c != NULL; c = c->next)
		if (c->is_bad)
			return true;
	return false;
}

static void complain_no_kind(struct build *b, struct node *map, const char *what)
{
	AUTO(buf) struct buf kinds = BUF_INIT(TEXT_MAX);

	for (const struct schema_key *key = schema_first_child(map->key); key != NULL;
	     key = schema_next_child(map->key, key))
		if (key->is_kind && !key->later)
			buf_printf(&kinds, "%s%s", kinds.len > 0 ? ", " : "", schema_name(key));
	build_fault_key(b, map, "expected one kind of %s: %s", what, buf_str(&kinds));
}

struct node *build_find_kind(struct build *b, struct node *map, const char *what)
{
	struct node *found = NULL;

	for (struct node *c = map->first; c != NULL; c = c->next) {
		if (c->key == NULL || !c->key->is_kind)
			continue;
		if (found != NULL) {
			build_fault_key(b, c, "only one kind of %s, and %s stands at line %d", what,
					found->name, found->name_at.line);
			return NULL;
		}
		found = c;
	}
	/* an unknown key was reported: it may well be the kind */
	if (found == NULL && !has_bad_child(map))
		complain_no_kind(b, map, what);
	return found == NULL || found->is_bad ? NULL : found;
}

bool build_check_template(struct build *b, struct node *node, enum template_use use,
			  bool *ret_constant)
{
	AUTO(template) struct template *t = NULL;
	struct err err = ERR_INIT;

	if (!b->names_are_known || node == NULL || node->type != NODE_SCALAR || node->is_bad)
		return false;
	if (template_parse_for(use, node->text, node->len, b->job, &t, &err) < 0) {
		build_fault(b, node, "%s", err.text);
		return false;
	}
	if (ret_constant != NULL)
		*ret_constant = template_is_constant(t);
	return true;
}

/* ---- parameters and secrets ---- */

static void build_param_default(struct build *b, struct node *node, struct job_param *param)
{
	struct value value = {0};
	struct err err = ERR_INIT;

	if (node == NULL || node->is_bad)
		return;
	AUTO(buf) struct buf scratch = BUF_INIT(node->len + 128);
	(void)buf_reserve(&scratch, node->len + 64); /* it must not move; see field_check */
	if (field_check(&param->field, node->text, node->len, &scratch, &value, &err) < 0) {
		build_fault(b, node, "%s", err.text);
		return;
	}
	param->fallback = xstrndup(value.is_null ? "" : value.text, value.len);
}

static void build_param(struct build *b, struct node *node, struct job_param *param)
{
	const struct node *type = node_find_good(node, "type");
	const struct node *identity = node_find_good(node, "identity");
	struct err err = ERR_INIT;

	param->name = xstrdup(node->name);
	param->field.name = xstrdup(node->name);
	param->identity = identity != NULL && strcmp(identity->text, "true") == 0;
	if (type == NULL)
		return;
	if (field_parse_type(&param->field, type->text, type->len, &err) < 0)
		unreachable("the type was checked");
	build_param_default(b, node_find(node, "default"), param);
}

static bool is_users_own(const struct node *node)
{
	return node->key == NULL; /* x-…; unknown keys do not occur in maps of names */
}

static void build_params(struct build *b)
{
	struct node *params = node_find(b->root, "params");

	if (params == NULL || params->type != NODE_MAP)
		return;
	b->job->params = xcalloc(params->n + 1, sizeof(*b->job->params));
	for (struct node *c = params->first; c != NULL; c = c->next)
		if (!is_users_own(c) && build_check_name(b, c, true))
			build_param(b, c, &b->job->params[b->job->n_params++]);
}

static void build_secrets(struct build *b)
{
	struct node *secrets = node_find(b->root, "secrets");

	if (secrets == NULL || secrets->type != NODE_MAP)
		return;
	b->job->secrets = xcalloc(secrets->n + 1, sizeof(*b->job->secrets));
	for (struct node *c = secrets->first; c != NULL; c = c->next) {
		if (is_users_own(c) || !build_check_name(b, c, true) || c->is_bad)
			continue;
		struct job_secret *secret = &b->job->secrets[b->job->n_secrets++];
		secret->name = xstrdup(c->name);
		secret->reference = xstrdup(c->text);
	}
}

void build_names(struct build *b)
{
	assert(b != NULL && b->job != NULL && b->root != NULL);
	build_params(b);
	build_secrets(b);
}
