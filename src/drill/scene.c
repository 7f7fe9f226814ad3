/* SPDX-License-Identifier: Apache-2.0 */
#include "drill/scene.h"

#include <assert.h>
#include <string.h>

static const struct scene scenes[SCENE_COUNT_] = {
#define X(id, name, says, times) [id] = {name, says, times},
	SCENES(X)
#undef X
};

const struct scene *scene_get(enum scene_id id)
{
	assert(id < SCENE_COUNT_);
	return &scenes[id];
}

enum scene_id scene_from_name(const char *name)
{
	int id = 0;

	while (id < SCENE_COUNT_ && strcmp(scenes[id].name, name) != 0)
		id++;
	return (enum scene_id)id;
}
