/* SPDX-License-Identifier: Apache-2.0 */
#include "work/exec_env.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "job/item.h"
#include "job/job.h"
#include "work/exec_user.h"
#include "work/work.h"

enum { ENV_MAGIC = 0x45786e76, NUMBER_BYTES = 32 };

static const char FIELD_PREFIX[] = "STINT_FIELD_";

/* One variable of the job's `env`, or of the fields. */
struct env_value {
	const char *name; /* lent by the job, or from `fixed` */
	struct template *value;
};

struct exec_env {
	uint32_t magic;
	const struct work_context *context;
	struct arena fixed; /* what is the same for every attempt */
	char **base;	    /* NAME=VALUE, without those that every attempt sets itself */
	size_t n_base;
	struct env_value *values; /* the job's `env` */
	size_t n_values;
	char **field_names; /* for a shell; in the order of the fields */
	size_t n_fields;
	struct buf text; /* scratch */
};

/* What an attempt's environment is put together in. */
struct env_list {
	struct arena *arena;
	char **all;
	size_t n;
	struct buf *text;
};

/* ---- making ---- */

static bool has_name(const char *entry, const char *name)
{
	size_t len = strlen(name);

	return strncmp(entry, name, len) == 0 && entry[len] == '=';
}

/* Puts it in place of one of the same name, or behind. */
static void base_set(struct exec_env *env, const char *name, const char *value)
{
	buf_reset(&env->text);
	buf_printf(&env->text, "%s=%s", name, value);
	char *entry = arena_str(&env->fixed, buf_str(&env->text));
	for (size_t i = 0; i < env->n_base; i++)
		if (has_name(env->base[i], name)) {
			env->base[i] = entry;
			return;
		}
	env->base[env->n_base++] = entry;
}

static void base_unset(struct exec_env *env, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < env->n_base; i++)
		if (!has_name(env->base[i], name))
			env->base[n++] = env->base[i];
	env->n_base = n;
}

/* The names stand one after another, each with a blank behind. */
static void base_hide(struct exec_env *env, const char *names)
{
	for (const char *end = names; names != NULL && (end = strchr(names, ' ')) != NULL;
	     names = end + 1)
		base_unset(env, arena_text(&env->fixed, names, (size_t)(end - names)));
	base_unset(env, WORK_HIDDEN_VARIABLE);
}

static bool is_field_entry(const char *entry)
{
	return strncmp(entry, FIELD_PREFIX, sizeof(FIELD_PREFIX) - 1) == 0;
}

/* A copy of this process's environment, with room for what is set besides. */
static void base_inherit(struct exec_env *env)
{
	enum { OURS_MAX = 16 };
	size_t n = 0;

	while (environ != NULL && environ[n] != NULL)
		n++;
	env->base = arena_alloc(&env->fixed, (n + OURS_MAX) * sizeof(*env->base));
	for (size_t i = 0; i < n; i++)
		/* When stint is started by stint: the fields of the outer item are not ours. */
		if (!is_field_entry(environ[i]))
			env->base[env->n_base++] = arena_str(&env->fixed, environ[i]);
}

static void base_fill(struct exec_env *env, const struct exec_user *user)
{
	const struct work_context *context = env->context;
	char number[NUMBER_BYTES] = "";

	base_inherit(env);
	if (user != NULL) {
		base_set(env, "HOME", user->home);
		base_set(env, "LOGNAME", user->name);
		base_set(env, "USER", user->name);
	}
	(void)snprintf(number, sizeof(number), "%" PRId64, context->run->id); /* it fits */
	base_set(env, "STINT_JOB", context->run->job);
	base_set(env, "STINT_RUN", context->run->name);
	base_set(env, "STINT_RUN_ID", number);
	base_set(env, "STINT_RUN_DATE", context->run_date);
	base_set(env, "STINT_NONCE", context->nonce);
	base_hide(env, getenv(WORK_HIDDEN_VARIABLE));
	base_unset(env, "STINT_KEY");
	base_unset(env, "STINT_ATTEMPT");
	base_unset(env, "STINT_IDEMPOTENCY_KEY");
	for (size_t i = 0; i < env->n_values; i++)
		base_unset(env, env->values[i].name);
}

static bool is_ours(const char *name)
{
	static const char *const ours[] = {
		"STINT_JOB", "STINT_RUN",     "STINT_RUN_ID", "STINT_RUN_DATE",
		"STINT_KEY", "STINT_ATTEMPT", "STINT_NONCE",  "STINT_IDEMPOTENCY_KEY"};

	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (strcmp(ours[i], name) == 0)
			return true;
	return false;
}

static int parse_values(struct exec_env *env, struct err *err)
{
	const struct job *job = env->context->job;
	char *const *names = job->work.env_names;
	size_t n = 0;

	while (names != NULL && names[n] != NULL)
		n++;
	env->values = xcalloc(n, sizeof(*env->values));
	for (size_t i = 0; i < n; i++) {
		const char *text = job->work.env_values[i];
		struct env_value *value = &env->values[env->n_values];
		if (is_ours(names[i])) /* what identifies an attempt cannot be changed */
			continue;
		int rc = template_parse(text, strlen(text), job, &value->value, err);
		if (rc < 0) {
			err_add(err, "env %s: ", names[i]);
			return rc;
		}
		value->name = names[i];
		env->n_values++;
	}
	return 0;
}

int exec_env_new(const struct work_context *context, const struct exec_user *user,
		 struct exec_env **ret_env, struct err *err)
{
	assert(context != NULL && ret_env != NULL);
	const struct job *job = context->job;
	struct exec_env *env = xnew(struct exec_env);
	env->magic = ENV_MAGIC;
	env->context = context;
	buf_init(&env->text, EXEC_STRING_MAX);
	int rc = parse_values(env, err);
	if (rc < 0) {
		exec_env_free(env);
		return rc;
	}
	if (job->work.shell != NULL) {
		env->n_fields = job->n_fields;
		env->field_names = arena_alloc(&env->fixed,
					       env->n_fields * sizeof(*env->field_names));
		for (size_t i = 0; i < env->n_fields; i++)
			env->field_names[i] = exec_env_field_name(&env->fixed, job->fields[i].name);
	}
	base_fill(env, user);
	*ret_env = env;
	return 0;
}

void exec_env_free(struct exec_env *env)
{
	if (env == NULL)
		return;
	assert(env->magic == ENV_MAGIC);
	for (size_t i = 0; i < env->n_values; i++)
		template_free(env->values[i].value);
	free(env->values);
	if (env->text.data != NULL)
		explicit_bzero(env->text.data,
			       env->text.cap); /* secrets may have gone through it */
	buf_done(&env->text);
	arena_done(&env->fixed);
	env->magic = 0;
	free(env);
}

/* ---- filling in ---- */

char *exec_env_field_name(struct arena *arena, const char *field)
{
	size_t prefix = sizeof(FIELD_PREFIX) - 1;
	char *name = arena_alloc(arena, prefix + strlen(field) + 1);

	memcpy(name, FIELD_PREFIX, prefix);
	for (size_t i = 0; field[i] != '\0'; i++) {
		char c = field[i];
		bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			       (c >= '0' && c <= '9');
		name[prefix + i] = '_';
		if (is_word)
			name[prefix + i] = c;
	}
	return name;
}

/* Ends the entry that stands in the scratch buffer after its '='. */
static int list_add(struct env_list *list, const char *name, struct err *err)
{
	if (list->text->failed)
		return ERR(err, ERR_TOO_BIG,
			   "variable %s is longer than a program can be given (%d)", name,
			   EXEC_STRING_MAX);
	if (memchr(list->text->data, '\0', list->text->len) != NULL)
		return ERR(err, ERR_DATA, "a NUL in the value of variable %s", name);
	list->all[list->n++] = arena_text(list->arena, list->text->data, list->text->len);
	return 0;
}

static void list_begin(struct env_list *list, const char *name)
{
	buf_reset(list->text);
	buf_puts(list->text, name);
	buf_putc(list->text, '=');
}

static int list_put(struct env_list *list, const char *name, const char *value, size_t len,
		    struct err *err)
{
	list_begin(list, name);
	buf_put(list->text, value, len);
	return list_add(list, name, err);
}

static int put_values(struct exec_env *env, struct env_list *list, const struct template_item *item,
		      struct err *err)
{
	for (size_t i = 0; i < env->n_values; i++) {
		const struct env_value *value = &env->values[i];
		list_begin(list, value->name);
		int rc = template_render(value->value, TEMPLATE_ARGUMENT, env->context->run, item,
					 list->text, err);
		if (rc == 0)
			rc = list_add(list, value->name, err);
		if (rc < 0) {
			err_add(err, "env %s: ", value->name);
			return rc;
		}
	}
	return 0;
}

/* A null is a variable that is not set. */
static int put_fields(struct exec_env *env, struct env_list *list, const struct item *item,
		      struct err *err)
{
	for (size_t i = 0; i < env->n_fields; i++) {
		const struct value *value = &item->fields[i];
		if (value->is_null)
			continue;
		int rc = list_put(list, env->field_names[i], value->text, value->len, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int put_attempt(struct env_list *list, const struct template_item *item, struct err *err)
{
	char number[NUMBER_BYTES] = "";
	const struct item *fields = item->item;

	int n = snprintf(number, sizeof(number), "%d", item->attempt);
	int rc = list_put(list, "STINT_KEY", fields->key, fields->key_len, err);
	if (rc == 0)
		rc = list_put(list, "STINT_ATTEMPT", number, (size_t)n, err);
	if (rc == 0)
		rc = list_put(list, "STINT_IDEMPOTENCY_KEY", item->idempotency_key,
			      strlen(item->idempotency_key), err);
	return rc;
}

int exec_env_make(struct exec_env *env, const struct template_item *item, struct arena *arena,
		  char *const **ret_envp, struct err *err)
{
	enum { PER_ATTEMPT = 3, END = 1 };

	assert(env != NULL && env->magic == ENV_MAGIC && (item == NULL || item->item != NULL));
	size_t room = env->n_base + env->n_values + env->n_fields + PER_ATTEMPT + END;
	struct env_list list = {
		.arena = arena,
		.all = arena_alloc(arena, room * sizeof(char *)),
		.n = env->n_base,
		.text = &env->text,
	};
	memcpy(list.all, env->base, env->n_base * sizeof(*list.all));
	int rc = put_values(env, &list, item, err);
	if (rc == 0 && item != NULL)
		rc = put_fields(env, &list, item->item, err);
	if (rc == 0 && item != NULL)
		rc = put_attempt(&list, item, err);
	if (rc < 0)
		return rc;
	assert(list.n < room);
	*ret_envp = list.all; /* the arena's memory is zero: the end is there */
	return 0;
}
