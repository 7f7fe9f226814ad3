/* SPDX-License-Identifier: Apache-2.0 */
#include "work/exec_plan.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "job/item.h"
#include "job/job.h"
#include "sys/proc.h"
#include "work/exec_env.h"
#include "work/exec_input.h"
#include "work/work.h"

enum { PLAN_MAGIC = 0x506c616e };

static const char SHELL[] = "/bin/sh";

struct exec_plan {
	uint32_t magic;
	const struct work_context *context;
	struct template **arguments; /* `command`; none with `shell` */
	size_t n_arguments;
	char *shell_argv[4];
	char *program; /* found once and for all, or NULL */
	struct template *directory;
	struct template *input;
	struct exec_env *env;
	struct arena fixed;
	struct arena arena; /* of the present call */
	struct buf text;    /* scratch */
};

/* ---- making ---- */

static int parse(const struct exec_plan *plan, const char *text, struct template **ret_template,
		 struct err *err)
{
	return template_parse(text, strlen(text), plan->context->job, ret_template, err);
}

static int parse_command(struct exec_plan *plan, struct err *err)
{
	char *const *command = plan->context->job->work.command;
	size_t n = 0;

	while (command[n] != NULL)
		n++;
	if (n == 0)
		return ERR(err, ERR_CONFIG, "the command is empty");
	plan->arguments = xcalloc(n, sizeof(struct template *));
	for (size_t i = 0; i < n; i++) {
		int rc = parse(plan, command[i], &plan->arguments[i], err);
		if (rc < 0) {
			err_add(err, "command, argument %zu: ", i);
			return rc;
		}
		plan->n_arguments++;
	}
	return 0;
}

static int parse_templates(struct exec_plan *plan, struct err *err)
{
	const struct job_work *work = &plan->context->job->work;
	int rc = 0;

	if (work->shell == NULL)
		rc = parse_command(plan, err);
	if (rc == 0 && work->directory != NULL) {
		rc = parse(plan, work->directory, &plan->directory, err);
		if (rc < 0)
			err_add(err, "directory: ");
	}
	if (rc == 0 && work->input == EXEC_INPUT_TEMPLATE) {
		rc = parse(plan, work->input_template, &plan->input, err);
		if (rc < 0)
			err_add(err, "input: ");
	}
	return rc;
}

char *exec_plan_join(const char *directory, const char *path)
{
	struct buf b = BUF_INIT(strlen(directory) + strlen(path) + 1);

	while (strncmp(path, "./", 2) == 0 && path[2] != '/' && path[2] != '\0')
		path += 2;
	if (path[0] != '/') {
		buf_puts(&b, directory);
		buf_putc(&b, '/');
	}
	buf_puts(&b, path);
	char *joined = buf_take(&b);
	assert(joined != NULL); /* its size is known */
	return joined;
}

/* A program that is the same for all items is looked for once. One that is not found is left to the
 * attempts, each of which then looks for itself and says why. */
static void find_program(struct exec_plan *plan)
{
	struct err err = ERR_INIT;
	char path[PATH_MAX] = "";

	if (plan->n_arguments == 0 || !template_is_constant(plan->arguments[0]))
		return;
	buf_reset(&plan->text);
	if (template_render(plan->arguments[0], TEMPLATE_ARGUMENT, plan->context->run, NULL,
			    &plan->text, &err) < 0)
		return;
	if (strchr(buf_str(&plan->text), '/') != NULL)
		plan->program = exec_plan_join(plan->context->job->directory, buf_str(&plan->text));
	else if (proc_find_program(buf_str(&plan->text), path, sizeof(path), &err) == 0 &&
		 path[0] == '/')
		plan->program = xstrdup(path);
}

static int plan_fill(struct exec_plan *plan, const struct exec_user *user, struct err *err)
{
	static const char option[] = "-c";
	const char *text = plan->context->job->work.shell;
	int rc = parse_templates(plan, err);

	if (rc == 0)
		rc = exec_env_new(plan->context, user, &plan->env, err);
	if (rc < 0)
		return rc;
	if (text != NULL) {
		plan->shell_argv[0] = arena_str(&plan->fixed, SHELL);
		plan->shell_argv[1] = arena_str(&plan->fixed, option);
		plan->shell_argv[2] = arena_str(&plan->fixed, text);
	}
	find_program(plan);
	return 0;
}

int exec_plan_new(const struct work_context *context, const struct exec_user *user,
		  struct exec_plan **ret_plan, struct err *err)
{
	assert(context != NULL && ret_plan != NULL);
	struct exec_plan *plan = xnew(struct exec_plan);
	plan->magic = PLAN_MAGIC;
	plan->context = context;
	buf_init(&plan->text, EXEC_STRING_MAX);
	int rc = plan_fill(plan, user, err);
	if (rc < 0) {
		exec_plan_free(plan);
		return rc;
	}
	*ret_plan = plan;
	return 0;
}

void exec_plan_free(struct exec_plan *plan)
{
	if (plan == NULL)
		return;
	assert(plan->magic == PLAN_MAGIC);
	for (size_t i = 0; i < plan->n_arguments; i++)
		template_free(plan->arguments[i]);
	free(plan->arguments);
	free(plan->program);
	template_free(plan->directory);
	template_free(plan->input);
	exec_env_free(plan->env);
	if (plan->text.data != NULL)
		explicit_bzero(plan->text.data,
			       plan->text.cap); /* secrets may have gone through it */
	buf_done(&plan->text);
	arena_done(&plan->fixed);
	arena_done(&plan->arena);
	plan->magic = 0;
	free(plan);
}

/* ---- filling in ---- */

/* Renders into the scratch buffer and gives a copy from the call's arena. */
static int render(struct exec_plan *plan, const struct template *t,
		  const struct template_item *item, char **ret_text, struct err *err)
{
	buf_reset(&plan->text);
	int rc = template_render(t, TEMPLATE_ARGUMENT, plan->context->run, item, &plan->text, err);
	if (rc < 0)
		return rc;
	if (memchr(buf_str(&plan->text), '\0', plan->text.len) != NULL)
		return ERR(err, ERR_DATA, "a NUL in an argument");
	*ret_text = arena_text(&plan->arena, buf_str(&plan->text), plan->text.len);
	return 0;
}

static int fill_command(struct exec_plan *plan, const struct template_item *item,
			struct exec_call *call, struct err *err)
{
	char **argv = arena_alloc(&plan->arena, (plan->n_arguments + 1) * sizeof(char *));

	for (size_t i = 0; i < plan->n_arguments; i++) {
		int rc = render(plan, plan->arguments[i], item, &argv[i], err);
		if (rc < 0) {
			err_add(err, "command, argument %zu: ", i);
			return rc;
		}
	}
	call->argv = argv;
	call->program = plan->program;
	if (call->program != NULL)
		return 0;
	call->is_of_item = !template_is_constant(plan->arguments[0]);
	call->program = argv[0];
	if (strchr(argv[0], '/') != NULL && argv[0][0] != '/') {
		AUTO(str) char *path = exec_plan_join(plan->context->job->directory, argv[0]);
		call->program = arena_str(&plan->arena, path);
	}
	return 0;
}

static int fill_directory(struct exec_plan *plan, const struct template_item *item,
			  struct exec_call *call, struct err *err)
{
	const char *base = plan->context->job->directory;
	char *text = NULL;

	call->directory = base;
	if (plan->directory == NULL)
		return 0;
	int rc = render(plan, plan->directory, item, &text, err);
	if (rc < 0) {
		err_add(err, "directory: ");
		return rc;
	}
	AUTO(str) char *path = exec_plan_join(base, text);
	call->directory = arena_str(&plan->arena, path);
	call->is_of_item = call->is_of_item || !template_is_constant(plan->directory);
	return 0;
}

int exec_plan_call(struct exec_plan *plan, const struct template_item *item,
		   struct exec_call *ret_call, struct err *err)
{
	struct exec_call call = {0};
	int rc = 0;

	assert(plan != NULL && plan->magic == PLAN_MAGIC && ret_call != NULL);
	arena_reset(&plan->arena);
	if (plan->n_arguments > 0) {
		rc = fill_command(plan, item, &call, err);
	} else {
		call.program = SHELL;
		call.argv = plan->shell_argv;
	}
	if (rc == 0)
		rc = fill_directory(plan, item, &call, err);
	if (rc == 0)
		rc = exec_env_make(plan->env, item, &plan->arena, &call.envp, err);
	if (rc == 0)
		*ret_call = call;
	return rc;
}

bool exec_plan_has_input(const struct exec_plan *plan)
{
	return plan->context->job->work.input != EXEC_INPUT_NONE;
}

int exec_plan_put_input(struct exec_plan *plan, const struct template_item *item, struct buf *out,
			struct err *err)
{
	const struct job *job = plan->context->job;

	assert(plan->magic == PLAN_MAGIC && item != NULL && out != NULL);
	switch (job->work.input) {
	case EXEC_INPUT_JSON:
		exec_input_put_json(job, item->item, out);
		break;
	case EXEC_INPUT_CSV:
		exec_input_put_csv(job, item->item, out);
		break;
	case EXEC_INPUT_TEMPLATE: {
		int rc = template_render(plan->input, TEMPLATE_TEXT, plan->context->run, item, out,
					 err);
		if (rc < 0) {
			err_add(err, "input: ");
			return rc;
		}
		break;
	}
	case EXEC_INPUT_NONE:
	case EXEC_INPUT_COUNT_:
		unreachable("there is no input");
	}
	return buf_check(out, "the program's input", err);
}
