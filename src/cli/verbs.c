/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verbs.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"

static const struct verb rows[VERB_COUNT_] = {
#define X(id, name_, fn_, words_, says_, options_)                                                 \
	[id] = {.name = (name_),                                                                   \
		.run = (fn_),                                                                      \
		.words = (words_),                                                                 \
		.says = (says_),                                                                   \
		.options = (options_)},
	VERBS(X)
#undef X
};

const struct verb *verb_get(enum verb_id id)
{
	assert(id < VERB_COUNT_);
	return &rows[id];
}

const struct verb *verb_find(const char *name)
{
	assert(name != NULL);
	for (size_t i = 0; i < VERB_COUNT_; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

const char *verb_nearest(const char *word)
{
	const char *names[VERB_COUNT_] = {0};

	assert(word != NULL);
	for (size_t i = 0; i < VERB_COUNT_; i++)
		names[i] = rows[i].name;
	return text_nearest(word, strlen(word), names, VERB_COUNT_);
}
