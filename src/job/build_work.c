/* SPDX-License-Identifier: Apache-2.0 */
/* The work: its kind, what a program is started with, which exit status means what. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "job/build.h"
#include "job/node.h"
#include "job/schema.h"
#include "job/status.h"
#include "job/suggest.h"

/* ---- exec ---- */

/* A worker of mode: stream outlives items: what it is started with cannot depend on one. */
static enum template_use use_of(const struct build *b)
{
	return b->job->work.mode == EXEC_STREAM ? TEMPLATE_FOR_WORKER : TEMPLATE_FOR_ITEM;
}

static void build_command(struct build *b, struct node *command)
{
	struct job_work *work = &b->job->work;
	size_t n = 0;

	if (command == NULL || command->type != NODE_LIST)
		return;
	if (command->n == 0 || (command->first->type == NODE_SCALAR && command->first->len == 0)) {
		build_fault(b, command, "expected a program and its arguments, found nothing");
		return;
	}
	work->command = xcalloc(command->n + 1, sizeof(*work->command));
	for (struct node *c = command->first; c != NULL; c = c->next) {
		if (c->type != NODE_SCALAR)
			continue;				   /* reported */
		(void)build_check_template(b, c, use_of(b), NULL); /* it reported */
		work->command[n++] = xstrdup(c->text);
	}
}

static void check_command_or_shell(struct build *b, struct node *exec)
{
	struct node *command = node_find(exec, "command");
	struct node *shell = node_find(exec, "shell");

	if (command == NULL && shell == NULL)
		build_fault_key(b, exec, "expected command: [program, argument] or shell: TEXT");
	else if (command != NULL && shell != NULL)
		build_fault_key(b, shell, "command stands at line %d; one of them",
				command->name_at.line);
	else if (shell != NULL && build_is_given(shell) && shell->len == 0)
		build_fault(b, shell, "expected a script, found ''");
}

/* A word that is nearly one of ours is no text for a program's input. */
static const char *nearest_input(const struct node *input)
{
	static const char *const words[] = {"json", "csv", "none"};

	return text_nearest(input->text, input->len, words, ARRAY_LEN(words));
}

static void build_input(struct build *b, struct node *input)
{
	struct job_work *work = &b->job->work;

	if (input == NULL || input->type != NODE_SCALAR || input->is_bad)
		return;
	int word = schema_find_word(input->key, input->text, input->len);
	if (word == EXEC_INPUT_CSV && node_find(b->root, "source") == NULL)
		build_fault(b, input, "without a source there are no fields to write as csv");
	if (word >= 0) {
		work->input = (enum exec_input)word;
		return;
	}
	const char *near = nearest_input(input);
	if (near != NULL) {
		build_fault(b, input, "expected json, csv, none or a text, found %s%s",
			    QUOTED(input->text, input->len), DID_YOU_MEAN(near));
		return;
	}
	work->input = EXEC_INPUT_TEMPLATE;
	(void)build_check_template(b, input, TEMPLATE_FOR_ITEM, NULL); /* it reported */
	work->input_template = xstrdup(input->text);
}

/* Variables that stint sets itself. */
static bool is_reserved(const char *name)
{
	static const char *const ours[] = {"STINT_KEY",	    "STINT_JOB",
					   "STINT_RUN_ID",  "STINT_RUN_DATE",
					   "STINT_ATTEMPT", "STINT_IDEMPOTENCY_KEY",
					   "STINT_NONCE"};

	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (strcmp(name, ours[i]) == 0)
			return true;
	return strncmp(name, "STINT_FIELD_", 12) == 0;
}

static void build_env(struct build *b, struct node *env)
{
	struct job_work *work = &b->job->work;
	size_t n = 0;

	if (env == NULL || env->type != NODE_MAP)
		return;
	work->env_names = xcalloc(env->n + 1, sizeof(*work->env_names));
	work->env_values = xcalloc(env->n + 1, sizeof(*work->env_values));
	for (struct node *c = env->first; c != NULL; c = c->next) {
		if (c->key == NULL || c->is_bad || !build_check_name(b, c, false))
			continue;
		if (is_reserved(c->name)) {
			build_fault_key(b, c, "stint sets this variable itself");
			continue;
		}
		(void)build_check_template(b, c, use_of(b), NULL); /* it reported */
		work->env_names[n] = xstrdup(c->name);
		work->env_values[n++] = xstrdup(c->text);
	}
}

static void check_mode(struct build *b, struct node *exec)
{
	struct node *input = node_find(exec, "input");
	struct node *workers = node_find(exec, "workers");

	if (b->job->work.mode == EXEC_STREAM && build_is_given(input))
		build_fault_key(
			b, input,
			"with mode: stream items come as lines of JSON; there is no other input");
	else if (b->job->work.mode != EXEC_STREAM && build_is_given(workers))
		build_fault_key(b, workers, "means something only with mode: stream");
}

static void build_exec(struct build *b, struct node *exec)
{
	struct node *user = node_find_good(exec, "user");

	b->job->work.kind = WORK_EXEC;
	check_command_or_shell(b, exec);
	build_command(b, node_find(exec, "command"));
	build_input(b, node_find(exec, "input"));
	build_env(b, node_find(exec, "env"));
	(void)build_check_template(b, node_find(exec, "directory"), use_of(b),
				   NULL); /* it reported */
	check_mode(b, exec);
	if (user != NULL && user->len == 0)
		build_fault(b, user, "expected a user's name, found ''");
}

/* ---- lua ---- */

static void build_lua(struct build *b, struct node *lua)
{
	struct node *script = node_find_good(lua, "script");

	b->job->work.kind = WORK_LUA;
	if (script == NULL || script->type != NODE_SCALAR)
		return;
	b->job->work.script_at = build_script_place(script);
	build_script(b, script, SCRIPT_WORK);
}

/* ---- statuses ---- */

static void build_statuses(struct build *b, struct node *list, uint8_t set[STATUS_BYTES])
{
	struct err err = ERR_INIT;

	if (list == NULL || list->type != NODE_LIST)
		return;
	if (b->job->work.kind == WORK_NOOP) {
		build_fault_key(b, list, "noop starts no program that could end with a status");
		return;
	}
	if (b->job->work.kind == WORK_FILE) {
		build_fault_key(b, list, "what is written into a file ends with no status");
		return;
	}
	if (b->job->work.kind == WORK_LUA) {
		build_fault_key(b, list, "a script says itself what becomes of an item");
		return;
	}
	if (job_is_stream(b->job)) {
		build_fault_key(b, list,
				"with mode: stream a worker says itself what became of an item");
		return;
	}
	enum status_kind kind = b->job->work.kind == WORK_HTTP ? STATUS_OF_HTTP : STATUS_OF_EXIT;
	for (struct node *c = list->first; c != NULL; c = c->next)
		if (c->type == NODE_SCALAR && !c->is_bad &&
		    status_parse(kind, c->text, c->len, set, &err) < 0)
			build_fault(b, c, "%s", err.text);
}

static void build_tests(struct build *b, struct node *list, enum job_when when)
{
	struct job_work *work = &b->job->work;

	if (list == NULL || list->type != NODE_LIST || list->is_bad)
		return;
	for (struct node *c = list->first; c != NULL; c = c->next) {
		struct node *body = node_find_good(c, "body");
		if (body == NULL || body->type != NODE_SCALAR)
			continue;
		build_script(b, body, SCRIPT_TEST);
		work->tests = xrealloc(work->tests, work->n_tests + 1, sizeof(*work->tests));
		work->tests[work->n_tests++] = (struct job_test){
			.when = when, .text = xstrdup(body->text), .at = build_script_place(body)};
	}
}

static void build_outcomes(struct build *b, struct node *work)
{
	static const char *const names[] = {
#define X(id, name) [id] = name,
		JOB_WHENS(X)
#undef X
	};
	struct job_work *w = &b->job->work;
	uint8_t *const sets[] = {w->done_when, w->retry_when, w->dead_when, w->doubt_when};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct node *list = node_find(work, names[i]);
		if (job_has_target(b->job)) {
			if (list != NULL && list->type == NODE_LIST)
				build_states(b, list, (enum job_when)i);
			continue;
		}
		build_statuses(b, list, sets[i]);
		build_tests(b, list, (enum job_when)i);
		for (size_t k = 0; k < i && build_is_given(list); k++) {
			int both = status_find_common(sets[i], sets[k]);
			if (both >= 0)
				build_fault_key(b, list, "%s %d stands in %s too",
						b->job->work.kind == WORK_HTTP ? "status"
									       : "exit status",
						both, names[k]);
		}
	}
}

/* ---- effects ---- */

static void check_effect(struct build *b, struct node *work, const struct node *kind)
{
	struct node *effect = node_find_good(work, "effect");
	struct node *key_valid = node_find(work, "key_valid");

	if (effect == NULL)
		return;
	if (b->job->work.kind == WORK_FILE) {
		if (b->job->work.effect != JOB_TRANSACTIONAL)
			build_fault(b, effect, "a file appears once, complete: transactional");
		return;
	}
	if ((b->job->work.target.before != NULL || job_has_end(b->job)) &&
	    b->job->work.effect != JOB_TRANSACTIONAL)
		build_fault(b, effect,
			    "before, after and commit: run are done once, which a marker table "
			    "has to say; that needs effect: transactional");
	if (b->job->work.effect == JOB_TRANSACTIONAL && !job_has_target(b->job))
		build_fault(b, effect,
			    "transactional is impossible with %s, which has no transaction that a "
			    "marker could be part of; once or idempotent",
			    kind->name);
	else if (build_is_given(key_valid) && b->job->work.effect != JOB_IDEMPOTENT)
		build_fault_key(b, key_valid,
				"means something only with effect: idempotent, and it is %s",
				effect->text);
}

void build_work(struct build *b)
{
	struct node *work = node_find(b->root, "work");

	if (work == NULL || work->type != NODE_MAP)
		return;
	struct node *kind = build_find_kind(b, work, "work");
	if (kind == NULL || kind->type != NODE_MAP)
		return;
	if (strcmp(kind->name, "exec") == 0)
		build_exec(b, kind);
	else if (strcmp(kind->name, "http") == 0)
		build_http(b, kind);
	else if (strcmp(kind->name, "lua") == 0)
		build_lua(b, kind);
	else if (strcmp(kind->name, "sql") == 0 || strcmp(kind->name, "table") == 0)
		build_target(b, kind);
	else if (strcmp(kind->name, "file") == 0)
		build_output(b, kind);
	else
		b->job->work.kind = WORK_NOOP;
	build_outcomes(b, work);
	check_effect(b, work, kind);
	build_verify(b, work);
}
