/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room on the file system. LEDGER.ballast holds some that is let go of when the disk is full, so
 * that what was done can still be written down before work stops.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "ledger/sqlite/sqlite.h"
#include "sys/file.h"

enum { MIB = 1024 * 1024, BALLAST_MAX = 16 * MIB, LOW_MAX = 64 * MIB, BALLAST_MODE = 0640 };

/* The smaller of `max` bytes and 2 % of the file system. */
static int64_t sq_space_share(int64_t total, int64_t max)
{
	return total / 50 < max ? total / 50 : max;
}

void sq_space_look(struct sq *q)
{
	int64_t total = 0;
	int64_t available = file_free_bytes(q->path, &total);

	/* When the system does not say, a write will. */
	q->space.is_low = available >= 0 && available < sq_space_share(total, LOW_MAX);
}

/* No ballast is no failure: it is an extra. */
static void sq_ballast_make(struct sq *q)
{
	int64_t total = 0;
	int64_t available = file_free_bytes(q->path, &total);
	int64_t size = sq_space_share(total, BALLAST_MAX);

	if (available < 0 || available < size + sq_space_share(total, LOW_MAX))
		return;
	int fd = open(q->space.path, O_RDWR | O_CREAT | O_CLOEXEC, BALLAST_MODE);
	if (fd < 0)
		return;
	q->space.is_held = posix_fallocate(fd, 0, size) == 0;
	(void)close(fd); /* nothing in it matters */
	if (!q->space.is_held)
		(void)unlink(q->space.path); /* what little it got is better free */
}

void sq_space_open(struct sq *q)
{
	size_t len = strlen(q->path);

	q->space.path = xcalloc(len + sizeof(".ballast"), 1);
	memcpy(q->space.path, q->path, len);
	memcpy(q->space.path + len, ".ballast", sizeof(".ballast"));
	sq_ballast_make(q);
	sq_space_look(q);
}

void sq_space_close(struct sq *q)
{
	free(q->space.path);
	q->space = (struct sq_space){0};
}

bool sq_space_release(struct sq *q)
{
	q->space.is_low = true;
	q->space.is_held = false;
	return unlink(q->space.path) == 0;
}
