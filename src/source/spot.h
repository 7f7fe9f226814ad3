/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file's name in its folder, which is held open, so that nothing that happens to folders on the
 * way changes which file is meant.
 *
 * Promise: links among the folders are followed only when they are root's or our own. Whoever else
 *          may write somewhere on the way could otherwise put a link in a folder's place and have
 *          files moved or removed that are not theirs.
 */
#ifndef STINT_SOURCE_SPOT_H
#define STINT_SOURCE_SPOT_H

#include "base/attr.h"

struct err;

struct spot {
	int folder;	  /* or AT_FDCWD, with a path as base */
	const char *base; /* lies in the path that it was made from */
};

enum { SPOT_GONE = 1 };

/* SPOT_GONE: there is no such folder. ERR_DATA names a link that is somebody else's; ERR_IO,
 * ERR_PERM. */
ST_MUST_CHECK int spot_open(const char *path, struct spot *ret_spot, struct err *err);
void spot_close(struct spot *spot);

#endif
