/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What kind of file system a path is on. The magic numbers are those of statfs(2); linux/magic.h
 * has not all of them, so that they stand here.
 */
#include "sys/file.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include "base/mem.h"

enum fs_trait { FS_REMOTE = 1, FS_VOLATILE = 2 };

struct fs_kind {
	uint32_t magic;
	enum fs_trait trait;
	const char *name;
};

static const struct fs_kind kinds[] = {
	{0x6969, FS_REMOTE, "NFS"},
	{0xff534d42, FS_REMOTE, "CIFS"},
	{0xfe534d42, FS_REMOTE, "SMB2"},
	{0x517b, FS_REMOTE, "SMB"},
	{0x564c, FS_REMOTE, "NCP"},
	{0x01021997, FS_REMOTE, "9p"},
	{0x65735546, FS_REMOTE, "FUSE"}, /* may be anything: sshfs, gluster, s3fs */
	{0x5346414f, FS_REMOTE, "AFS"},
	{0x6b414653, FS_REMOTE, "AFS"},
	{0x73757245, FS_REMOTE, "Coda"},
	{0x00c36400, FS_REMOTE, "Ceph"},
	{0x0bd00bd0, FS_REMOTE, "Lustre"},
	{0x01161970, FS_REMOTE, "GFS2"},
	{0x7461636f, FS_REMOTE, "OCFS2"},
	{0x47504653, FS_REMOTE, "GPFS"},
	{0x786f4256, FS_REMOTE, "VirtualBox shared folder"},
	{0xbacbacbc, FS_REMOTE, "VMware shared folder"},
	{0x01021994, FS_VOLATILE, "tmpfs"},
	{0x858458f6, FS_VOLATILE, "ramfs"},
};

/* statfs of the path or, where it does not exist yet, of the nearest directory above it. */
static int fs_look(const char *path, struct statfs *ret)
{
	AUTO(str) char *at = xstrdup(path);

	while (statfs(at, ret) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != ENOENT)
			return -1;
		char *slash = strrchr(at, '/');
		if (slash == NULL)
			return statfs(".", ret);
		if (slash == at)
			return statfs("/", ret);
		*slash = '\0';
	}
	return 0;
}

static const struct fs_kind *fs_find(const char *path, enum fs_trait trait)
{
	struct statfs st = {0};

	if (fs_look(path, &st) < 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i].magic == (uint32_t)st.f_type && kinds[i].trait == trait)
			return &kinds[i];
	return NULL;
}

bool file_is_remote(const char *path, const char **ret_fs_name)
{
	assert(path != NULL);
	const struct fs_kind *kind = fs_find(path, FS_REMOTE);
	if (ret_fs_name != NULL)
		*ret_fs_name = kind == NULL ? NULL : kind->name;
	return kind != NULL;
}

bool file_is_volatile(const char *path)
{
	assert(path != NULL);
	return fs_find(path, FS_VOLATILE) != NULL;
}

int64_t file_free_bytes(const char *path, int64_t *ret_total)
{
	struct statvfs st = {0};

	assert(path != NULL && ret_total != NULL);
	if (statvfs(path, &st) < 0)
		return -1;
	*ret_total = (int64_t)(st.f_blocks * st.f_frsize);
	return (int64_t)(st.f_bavail * st.f_frsize);
}
