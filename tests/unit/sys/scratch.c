/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/sys/scratch.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

enum { PATH_BYTES = 256, TURNS = 4, OPEN_MAX_AT_ONCE = 16 };

char scratch_directory[64];

static int scratch_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int scratch_make(void **state)
{
	(void)state;
	(void)snprintf(scratch_directory, sizeof(scratch_directory), "/tmp/stint-test-XXXXXX");
	return mkdtemp(scratch_directory) == NULL ? -1 : 0;
}

int scratch_remove(void **state)
{
	(void)state;
	return nftw(scratch_directory, scratch_remove_one, OPEN_MAX_AT_ONCE, FTW_DEPTH | FTW_PHYS);
}

const char *scratch_path(const char *name)
{
	static char paths[TURNS][PATH_BYTES];
	static size_t turn;
	char *path = paths[turn++ % TURNS];

	(void)snprintf(path, PATH_BYTES, "%s/%s", scratch_directory, name); /* ours are short */
	return path;
}
