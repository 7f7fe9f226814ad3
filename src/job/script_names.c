/* SPDX-License-Identifier: Apache-2.0 */
#include "job/script_names.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "job/constant.h"
#include "job/job.h"
#include "job/suggest.h"

static const char letters[] = {
	[SCRIPT_FILTER] = 'F', [SCRIPT_TRANSFORM] = 'T', [SCRIPT_WORK] = 'W', [SCRIPT_TEST] = 'B'};

static const char *const use_words[] = {[SCRIPT_FILTER] = "a filter",
					[SCRIPT_TRANSFORM] = "a transform",
					[SCRIPT_WORK] = "lua work",
					[SCRIPT_TEST] = "a test of an answer"};

struct fixed {
	const char *name;
	const char *uses;
};

static const struct fixed givens[] = {
#define X(id, name, uses) {name, uses},
	SCRIPT_GIVENS(X)
#undef X
};

static const struct fixed functions[] = {
#define X(name, uses) {#name, uses},
	SCRIPT_FUNCTIONS(X)
#undef X
};

static bool is_in(const struct fixed *fixed, enum script_use use)
{
	return strchr(fixed->uses, letters[use]) != NULL;
}

static bool find_fixed(const struct fixed *table, size_t n, const struct script_name *name,
		       size_t *ret_index)
{
	for (size_t i = 0; i < n; i++) {
		if (strlen(table[i].name) == name->len &&
		    memcmp(table[i].name, name->text, name->len) == 0) {
			*ret_index = i;
			return true;
		}
	}
	return false;
}

/* Which fields there are at the time. */
static size_t count_fields(const struct job *job, enum script_use use)
{
	return use == SCRIPT_FILTER ? job->source.n_fields : job->n_fields;
}

static bool find_field(const struct job *job, enum script_use use, const struct script_name *name,
		       size_t *ret_index)
{
	for (size_t i = 0; i < count_fields(job, use); i++) {
		const char *field = job->fields[i].name;
		if (strlen(field) == name->len && memcmp(field, name->text, name->len) == 0) {
			*ret_index = i;
			return true;
		}
	}
	return false;
}

static int complain_unknown(const struct job *job, enum script_use use,
			    const struct script_name *name, struct err *err)
{
	size_t n_fields = count_fields(job, use);
	size_t n = 0;
	const char **names = xcalloc(n_fields + job->n_constants + ARRAY_LEN(givens) +
					     ARRAY_LEN(functions),
				     sizeof(*names));

	for (size_t i = 0; i < n_fields; i++)
		names[n++] = job->fields[i].name;
	for (size_t i = 0; i < job->n_constants; i++)
		names[n++] = job->constants[i].name;
	for (size_t i = 0; i < ARRAY_LEN(givens); i++)
		if (is_in(&givens[i], use))
			names[n++] = givens[i].name;
	for (size_t i = 0; i < ARRAY_LEN(functions); i++)
		if (is_in(&functions[i], use))
			names[n++] = functions[i].name;
	const char *near = text_nearest(name->text, name->len, names, n);
	err_set(err, ERR_CONFIG, 0, "%s is no field, no constant and no function here%s",
		QUOTED(name->text, name->len), DID_YOU_MEAN(near));
	free((void *)names);
	return ERR_CONFIG;
}

static int check_use(const struct fixed *fixed, enum script_use use, struct err *err)
{
	if (is_in(fixed, use))
		return 0;
	return ERR(err, ERR_CONFIG, "'%s' is not known in %s", fixed->name, use_words[use]);
}

static int complain_set(const struct script_name *name, enum script_use use, struct err *err)
{
	return ERR(err, ERR_CONFIG, "%s cannot be set in %s; local %.*s = … makes a variable",
		   QUOTED(name->text, name->len), use_words[use],
		   (int)(name->len < 64 ? name->len : 64), name->text);
}

int script_bind(const struct job *job, enum script_use use, const struct script_name *name,
		struct script_binding *ret_binding, struct err *err)
{
	struct script_binding found = {0};

	assert(job != NULL && use < SCRIPT_USE_COUNT_ && name != NULL && ret_binding != NULL);
	bool is_given = find_fixed(givens, ARRAY_LEN(givens), name, &found.index);
	if (is_given && (use == SCRIPT_TEST ||
			 (!find_field(job, use, name, &found.index) &&
			  !constant_find_name(job, name->text, name->len, &found.index)))) {
		found.meaning = SCRIPT_IS_GIVEN;
		int rc = check_use(&givens[found.index], use, err);
		if (rc < 0)
			return rc;
	} else if (find_field(job, use, name, &found.index)) {
		found.meaning = SCRIPT_IS_FIELD;
	} else if (constant_find_name(job, name->text, name->len, &found.index)) {
		found.meaning = SCRIPT_IS_CONSTANT;
	} else if (find_fixed(functions, ARRAY_LEN(functions), name, &found.index)) {
		found.meaning = SCRIPT_IS_FUNCTION;
		int rc = check_use(&functions[found.index], use, err);
		if (rc < 0)
			return rc;
	} else {
		return complain_unknown(job, use, name, err);
	}
	if (name->set_at.line != 0 && (found.meaning != SCRIPT_IS_FIELD || use != SCRIPT_TRANSFORM))
		return complain_set(name, use, err);
	*ret_binding = found;
	return 0;
}
