/* SPDX-License-Identifier: Apache-2.0 */
#include "job/target.h"

#include <stdlib.h>
#include <string.h>

static void texts_free(char **texts)
{
	for (size_t i = 0; texts != NULL && texts[i] != NULL; i++)
		free(texts[i]);
	free(texts);
}

void job_target_done(struct job_target *target)
{
	free(target->url);
	free(target->table);
	texts_free(target->columns);
	texts_free(target->values);
	texts_free(target->conflict_on);
	texts_free(target->statements);
	free(target->before);
	free(target->after);
	free(target->states);
}

bool job_state_matches(const char *pattern, const char *state)
{
	for (size_t i = 0; i < JOB_STATE_CHARS; i++)
		if (state[i] == '\0' || (pattern[i] != 'x' && pattern[i] != state[i]))
			return false;
	return true;
}
