/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger's files as others may have changed them: removed or replaced under us, or not what the
 * disk has because an fsync failed.
 *
 * SQLite goes on in a file that has no name any more, as if nothing were the matter; what is
 * committed there is gone when the last process closes it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "ledger/sqlite/sqlite.h"
#include "sys/fault.h"
#include "sys/file.h"

enum { MARK_MODE = 0640 };

static char *path_with(const char *path, const char *suffix)
{
	size_t n = strlen(path) + strlen(suffix) + 1;
	char *joined = xcalloc(n, 1);

	(void)snprintf(joined, n, "%s%s", path, suffix); /* sized for it */
	return joined;
}

static bool file_note(const char *path, struct sq_file_id *ret_id)
{
	struct stat st = {0};

	if (stat(path, &st) < 0)
		return false;
	*ret_id = (struct sq_file_id){.dev = st.st_dev, .ino = st.st_ino};
	return true;
}

static bool file_is_same(const char *path, const struct sq_file_id *id)
{
	struct sq_file_id now = {0};

	return file_note(path, &now) && now.dev == id->dev && now.ino == id->ino;
}

int sq_files_open(struct sq *q, struct err *err)
{
	q->files.wal_path = path_with(q->path, "-wal");
	q->files.mark_path = path_with(q->path, ".unsynced");
	if (!file_note(q->path, &q->files.db) || !file_note(q->files.wal_path, &q->files.wal))
		return ERR_SYS(err, ERR_IO, errno, "ledger %s: it or its log (-wal) is gone",
			       q->path);
	return 0;
}

void sq_files_close(struct sq *q)
{
	free(q->files.wal_path);
	free(q->files.mark_path);
	q->files = (struct sq_files){0};
}

int sq_files_check(struct sq *q, struct err *err)
{
	int in_wal = 0;
	int moved = 0;

	if (!file_is_same(q->path, &q->files.db))
		return ERR(err, ERR_IO,
			   "the ledger %s was replaced or removed while it was in use; end every "
			   "stint that uses it, and put it back",
			   q->path);
	if (file_is_same(q->files.wal_path, &q->files.wal))
		return 0;
	/* Safety: we still have the log open, nobody else ever will. What it holds is moved into
	 * the ledger now, or it is lost. */
	int rc = FAULT("ledger.rescue")
			 ? SQLITE_OK
			 : sqlite3_wal_checkpoint_v2(q->db, NULL, SQLITE_CHECKPOINT_FULL, &in_wal,
						     &moved);
	return ERR(err, ERR_IO,
		   "the log %s was replaced or removed while the ledger was in use; what it held "
		   "%s; end every stint that uses the ledger, then start again",
		   q->files.wal_path,
		   rc == SQLITE_OK && moved == in_wal ? "has been saved" : "could not be saved");
}

void sq_files_mark_unsynced(struct sq *q)
{
	if (q->files.mark_path == NULL)
		return;
	int fd = open(q->files.mark_path, O_WRONLY | O_CREAT | O_CLOEXEC, MARK_MODE);
	if (fd >= 0)
		(void)close(fd); /* empty */
	/* Without a mark a power failure could still take what the kernel has dropped; nothing
	 * better can be done on a disk that takes no file. */
}

int sq_files_mend(struct sq *q, struct err *err)
{
	int in_wal = 0;
	int moved = 0;

	if (access(q->files.mark_path, F_OK) < 0)
		return 0;
	/* Safety: after a failed fsync the page cache shows what the disk may not have, and no
	 * later fsync would tell. A checkpoint writes every page of the log anew, into the
	 * database, and has these writes synced. */
	errno = 0;
	int rc = sqlite3_wal_checkpoint_v2(q->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, &in_wal,
					   &moved);
	if ((rc & 0xff) == SQLITE_BUSY)
		return ERR(err, ERR_TEMP,
			   "the ledger %s has to be written anew after its storage failed, and "
			   "somebody is reading it",
			   q->path);
	if (rc != SQLITE_OK) {
		(void)sq_fail(q, rc); /* said by sq_err */
		return sq_err(q, err);
	}
	(void)unlink(q->files.mark_path); /* if it stays, this is done once more */
	return file_sync_directory(q->directory, err);
}
