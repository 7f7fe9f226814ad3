/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/params.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/utf8.h"
#include "job/job.h"

enum {
	PARAMS_BYTES_MAX = 1024 * 1024,
	NAMES_MAX = 256, /* that are looked through for the nearest one */
	SCRATCH_EXTRA = 64,
};

/* One parameter on its way. */
struct choice {
	const struct job_param *param;
	const char *given; /* the text of --param, NULL none */
	char *value;	   /* canonical; owned */
};

static int choice_compare(const void *a, const void *b)
{
	const struct choice *x = a;
	const struct choice *y = b;

	return strcmp(x->param->name, y->param->name);
}

static int fail_undeclared(const struct job *job, const char *name, size_t len, struct err *err)
{
	const char *names[NAMES_MAX] = {0};
	size_t n = 0;

	for (; n < job->n_params && n < NAMES_MAX; n++)
		names[n] = job->params[n].name;
	const char *nearest = text_nearest(name, len, names, n);
	if (nearest != NULL)
		return ERR(err, ERR_USAGE, "job %s declares no parameter %s; did you mean '%s'?",
			   job->name, QUOTED(name, len), nearest);
	return ERR(err, ERR_USAGE,
		   "job %s declares no parameter %s (params: in the job file declares them)",
		   job->name, QUOTED(name, len));
}

static int take_given(const struct job *job, struct choice *choices, const char *text,
		      struct err *err)
{
	const char *equals = strchr(text, '=');

	if (equals == NULL || equals == text)
		return ERR(err, ERR_USAGE, "--param %s: NAME=VALUE is expected",
			   QUOTED(text, strlen(text)));
	size_t len = (size_t)(equals - text);
	for (size_t i = 0; i < job->n_params; i++) {
		const char *name = choices[i].param->name;
		if (strlen(name) != len || memcmp(name, text, len) != 0)
			continue;
		if (choices[i].given != NULL)
			return ERR(err, ERR_USAGE, "--param %s is given twice", name);
		choices[i].given = equals + 1;
		return 0;
	}
	return fail_undeclared(job, text, len, err);
}

static int check_value(const struct job *job, struct choice *choice, struct err *err)
{
	const struct job_param *param = choice->param;
	const char *text = choice->given != NULL ? choice->given : param->fallback;
	AUTO(buf) struct buf scratch = BUF_INIT(PARAMS_BYTES_MAX);
	struct value value = {0};

	if (text == NULL && !param->field.optional)
		return ERR(err, ERR_USAGE, "job %s needs the parameter '%s': --param %s=… (%s)",
			   job->name, param->name, param->name, field_type_name(param->field.type));
	text = text == NULL ? "" : text;
	if (buf_reserve(&scratch, strlen(text) + SCRATCH_EXTRA) == NULL)
		return ERR(err, ERR_USAGE, "--param %s is too long", param->name);
	if (field_check(&param->field, text, strlen(text), &scratch, &value, err) < 0) {
		err_add(err, "--param %s: ", param->name);
		err->code = ERR_USAGE; /* the value is the caller's, not the data's */
		return ERR_USAGE;
	}
	choice->value = value.is_null ? xstrdup("") : xstrndup(value.text, value.len);
	return 0;
}

/* Whether the character may stand in a run's name, which people see in every list. */
static bool is_for_name(const char *c, size_t len)
{
	size_t same = 0;

	if (len == 1 && (*c == ' ' || strchr(",#%/", *c) != NULL))
		return false;
	return utf8_is_printable(utf8_decode(c, &same));
}

/* A value is well-formed UTF-8: field_check saw to it. */
static void put_in_name(const char *text, struct buf *out)
{
	size_t rest = strlen(text);

	for (size_t n = 0; rest > 0; text += n, rest -= n) {
		n = utf8_sequence(text, rest);
		bool is_plain = n > 0 && is_for_name(text, n);
		n = n == 0 ? 1 : n;
		for (size_t i = 0; !is_plain && i < n; i++)
			buf_printf(out, "%%%02X", (unsigned char)text[i]);
		if (is_plain)
			buf_put(out, text, n);
	}
}

static void put_all(const struct choice *choices, size_t n, struct params *out)
{
	struct json_writer w = {0};

	jw_init(&w, &out->json);
	jw_object(&w);
	for (size_t i = 0; i < n; i++) {
		jw_member_text(&w, choices[i].param->name, choices[i].value);
		if (!choices[i].param->identity)
			continue;
		buf_printf(&out->identity, "%s%s=", out->identity.len == 0 ? "" : ",",
			   choices[i].param->name);
		put_in_name(choices[i].value, &out->identity);
	}
	jw_object_end(&w);
	jw_done(&w);
}

int params_choose(const struct job *job, const char *const *given, size_t n,
		  struct params *ret_params, struct err *err)
{
	struct params params = {.json = BUF_INIT(PARAMS_BYTES_MAX),
				.identity = BUF_INIT(PARAMS_BYTES_MAX)};
	int rc = 0;

	assert(job != NULL && ret_params != NULL && err != NULL);
	struct choice *choices = xcalloc(job->n_params + 1, sizeof(*choices));
	for (size_t i = 0; i < job->n_params; i++)
		choices[i].param = &job->params[i];
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = take_given(job, choices, given[i], err);
	for (size_t i = 0; i < job->n_params && rc == 0; i++)
		rc = check_value(job, &choices[i], err);
	if (rc == 0) {
		qsort(choices, job->n_params, sizeof(*choices), choice_compare);
		put_all(choices, job->n_params, &params);
		rc = buf_check(&params.json, "the parameters", err);
	}
	for (size_t i = 0; i < job->n_params; i++)
		free(choices[i].value);
	free(choices);
	if (rc < 0) {
		params_done(&params);
		return rc;
	}
	*ret_params = params;
	return 0;
}

void params_done(struct params *p)
{
	buf_done(&p->json);
	buf_done(&p->identity);
}

void params_auto(struct params *p)
{
	params_done(p);
}
