/* SPDX-License-Identifier: Apache-2.0 */
#include "source/identity.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "sys/fault.h"

enum { NS_PER_S = 1000000000 };

void identity_from_stat(struct identity *id, const struct stat *st)
{
	assert(id != NULL && st != NULL);
	*id = (struct identity){
		.device = (uint64_t)st->st_dev,
		.inode = (uint64_t)st->st_ino,
		.size = (int64_t)st->st_size,
		.mtime_ns = (int64_t)st->st_mtim.tv_sec * NS_PER_S + st->st_mtim.tv_nsec,
	};
}

bool identity_is_copy(const struct identity *a, const struct identity *b)
{
	return a->size == b->size && a->mtime_ns == b->mtime_ns;
}

bool identity_is_same(const struct identity *a, const struct identity *b)
{
	return a->device == b->device && a->inode == b->inode && identity_is_copy(a, b);
}

bool identity_is_same_far(const struct identity *a, const struct identity *b)
{
	return a->inode == b->inode && identity_is_copy(a, b);
}

const char *identity_difference(const struct identity *then, const struct identity *now, char *out,
				size_t size)
{
	assert(size > 0);
	out[0] = '\0';
	if (then->device != now->device || then->inode != now->inode)
		(void)snprintf(out, size, "another file has taken its place"); /* cut is well */
	else if (then->size != now->size)
		(void)snprintf(out, size, "its size was %" PRId64 ", is %" PRId64, then->size,
			       now->size);
	else if (then->mtime_ns != now->mtime_ns)
		(void)snprintf(out, size, "it was written to, its size is the same");
	return out;
}

int identity_check(const struct identity *then, int fd, const char *path, const char *name,
		   struct err *err)
{
	struct stat st = {0};
	struct identity now = {0};
	char text[96] = "";

	if (FAULT("source.changed"))
		return 0;
	if (fd >= 0 && fstat(fd, &st) == 0) {
		identity_from_stat(&now, &st);
		if (identity_difference(then, &now, text, sizeof(text))[0] != '\0')
			return ERR(err, ERR_DATA, "%s changed while it was read: %s", name, text);
	}
	if (stat(path, &st) != 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return ERR(err, ERR_DATA, "%s vanished while it was read", name);
		return ERR_SYS(err, ERR_IO, errno, "%s cannot be looked at again", name);
	}
	identity_from_stat(&now, &st);
	if (identity_difference(then, &now, text, sizeof(text))[0] != '\0')
		return ERR(err, ERR_DATA, "%s changed while it was read: %s", name, text);
	return 0;
}

void identity_put(struct buf *b, const struct identity *id)
{
	buf_put_u64(b, id->device);
	buf_put_u64(b, id->inode);
	buf_put_u64(b, (uint64_t)id->size);
	buf_put_u64(b, (uint64_t)id->mtime_ns);
}

void identity_get(struct reader *r, struct identity *ret_id)
{
	ret_id->device = reader_u64(r);
	ret_id->inode = reader_u64(r);
	ret_id->size = (int64_t)reader_u64(r);
	ret_id->mtime_ns = (int64_t)reader_u64(r);
}
