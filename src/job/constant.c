/* SPDX-License-Identifier: Apache-2.0 */
#include "job/constant.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "job/job.h"

void constant_done(struct job_constant *constant)
{
	assert(constant != NULL);
	for (size_t i = 0; i < constant->n; i++)
		constant_done(&constant->members[i]);
	free(constant->members);
	free(constant->name);
	free(constant->text);
	*constant = (struct job_constant){0};
}

bool constant_find_name(const struct job *job, const char *name, size_t len, size_t *ret_index)
{
	assert(job != NULL && (name != NULL || len == 0) && ret_index != NULL);
	for (size_t i = 0; i < job->n_constants; i++) {
		if (strlen(job->constants[i].name) == len &&
		    memcmp(job->constants[i].name, name, len) == 0) {
			*ret_index = i;
			return true;
		}
	}
	return false;
}

/* How much of the path, with the point behind it, names this member; 0: it does not. */
static size_t match(const struct job_constant *c, size_t number, const char *path, size_t len)
{
	int64_t wanted = 0;
	struct err err = ERR_INIT;
	size_t n = 0;

	if (c->name == NULL) {
		while (n < len && path[n] != '.')
			n++;
		if (text_parse_int(path, n, &wanted, &err) < 0 || wanted != (int64_t)number)
			return 0;
	} else {
		n = strlen(c->name);
		if (n > len || memcmp(c->name, path, n) != 0)
			return 0;
	}
	if (n == len)
		return n;
	return path[n] == '.' && n + 1 < len ? n + 1 : 0;
}

/* The depth is bounded by the reader of the file. */
static const struct job_constant *find(const struct job_constant *list, size_t n, const char *path,
				       size_t len)
{
	for (size_t i = 0; i < n; i++) {
		size_t used = match(&list[i], i + 1, path, len);
		if (used == 0)
			continue;
		if (used == len)
			return &list[i];
		const struct job_constant *found = find(list[i].members, list[i].n, path + used,
							len - used);
		if (found != NULL)
			return found;
	}
	return NULL;
}

const struct job_constant *constant_find(const struct job *job, const char *path, size_t len)
{
	assert(job != NULL && (path != NULL || len == 0));
	return find(job->constants, job->n_constants, path, len);
}
