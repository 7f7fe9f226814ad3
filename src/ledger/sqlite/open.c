/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing, and everything that is refused before a ledger is used. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "ledger/sqlite/sqlite.h"
#include "sys/file.h"

enum {
	LEDGER_MODE = 0640,
	DIRECTORY_MODE = 0750,
	UUID_DIGITS = 2 * LEDGER_UUID_BYTES,
	BUSY_MS = 2000,		   /* for people's shells, which know no gate */
	CHECKPOINT_BYTES = 4 << 20 /* of WAL */
};

struct sq *sq_of(struct ledger *ledger)
{
	struct sq *q = CONTAINER_OF(ledger, struct sq, base);

	assert(ledger->backend == &ledger_sqlite && q->magic == SQ_MAGIC);
	return q;
}

/* "./" before what SQLite would take for a name of its own, such as file: or :memory: */
static char *sq_plain_path(const char *path)
{
	size_t len = strlen(path);
	const char *prefix = path[0] == '/' ? "" : "./";
	char *plain = xcalloc(strlen(prefix) + len + 1, 1);

	memcpy(plain, prefix, strlen(prefix));
	memcpy(plain + strlen(prefix), path, len);
	return plain;
}

/* Safety: where the path is a link, the file that it leads to. The log and the locks stand beside
 * that, for SQLite as for us; by a name of its own we would see nobody who is there by another. */
static char *sq_real_path(const char *path)
{
	char *plain = sq_plain_path(path);
	struct stat st = {0};

	if (lstat(plain, &st) < 0 || !S_ISLNK(st.st_mode))
		return plain;
	char *real = realpath(plain, NULL);
	if (real == NULL) /* it leads nowhere; whoever opens it says so */
		return plain;
	free(plain);
	return real;
}

static char *sq_directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	assert(slash != NULL); /* sq_plain_path put one in */
	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

static int sq_check_file_system(const char *path, unsigned flags, struct err *err)
{
	const char *name = NULL;

	if (file_is_remote(path, &name))
		return ERR(
			err, ERR_LEDGER,
			"the ledger %s lies on %s, where locks and shared memory cannot be relied"
			" on; "
			"put it on a local disk",
			path, name);
	if (file_is_volatile(path) && (flags & (LEDGER_VOLATILE | LEDGER_READ_ONLY)) == 0)
		return ERR(err, ERR_LEDGER,
			   "the ledger %s lies in memory (tmpfs) and would be gone after a reboot;"
			   " put it "
			   "on a disk, or say --volatile if that is meant",
			   path);
	return 0;
}

static int sq_os_error(struct err *err, int os_errno, const char *what, const char *path)
{
	int code = os_errno == EACCES || os_errno == EPERM || os_errno == EROFS ? ERR_PERM
										: ERR_LEDGER;

	err_set(err, code, os_errno, "%s the ledger %s", what, path);
	return code;
}

static int sq_create_file(const char *path, const char *directory, struct err *err)
{
	int rc = file_make_directories(directory, DIRECTORY_MODE, err);

	if (rc < 0)
		return rc;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, LEDGER_MODE);
	if (fd < 0)
		return sq_os_error(err, errno, "create", path);
	(void)close(fd); /* empty as yet */
	return 0;
}

static int sq_check_file(const char *path, const char *directory, unsigned flags, struct err *err)
{
	struct stat st = {0};

	if (stat(path, &st) < 0 && (errno != ENOENT || (flags & LEDGER_CREATE) == 0)) {
		if (errno == ENOENT)
			return ERR(err, ERR_LEDGER, "there is no ledger %s", path);
		return sq_os_error(err, errno, "open", path);
	}
	if (st.st_mode != 0 && !S_ISREG(st.st_mode))
		return ERR(err, ERR_LEDGER, "the ledger %s is no regular file", path);
	/* Safety: by its other name it has another log and other locks. */
	if (st.st_nlink > 1)
		return ERR(err, ERR_LEDGER,
			   "the ledger %s has %ju names (hard links); whoever comes by another one "
			   "would not see what is done by this: remove all but one",
			   path, (uintmax_t)st.st_nlink);
	int rc = sq_check_file_system(path, flags, err);
	if (rc < 0)
		return rc;
	if (st.st_mode == 0)
		return sq_create_file(path, directory, err);
	/* SQLite would silently open for reading what it may not write. */
	if (access(path, (flags & LEDGER_READ_ONLY) != 0 ? R_OK : R_OK | W_OK) < 0)
		return sq_os_error(err, errno, "open", path);
	return 0;
}

static int sq_on_commit(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct sq *q = arg;

	(void)db, (void)name;
	q->wal_pages = pages;
	return SQLITE_OK;
}

static int sq_connect(struct sq *q, const char *name, int flags)
{
	errno = 0;
	int rc = sqlite3_open_v2(name, &q->db, flags | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc != SQLITE_OK)
		return sq_fail(q, rc);
	(void)sqlite3_extended_result_codes(q->db, 1); /* cannot fail on an open connection */
	(void)sqlite3_busy_timeout(q->db, BUSY_MS);
	sqlite3_wal_hook(q->db, sq_on_commit, q);
	rc = sq_functions_add(q->db);
	if (rc == SQLITE_OK)
		rc = sqlite3_db_config(q->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_db_config(q->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	/* Readers use the views, and SQLite 3.40 holds json_extract in a view for unsafe otherwise.
	 */
	bool is_reader = (flags & SQLITE_OPEN_READONLY) != 0;
	if (rc == SQLITE_OK)
		rc = sqlite3_db_config(q->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, is_reader, NULL);
	return rc == SQLITE_OK ? 0 : sq_fail(q, rc);
}

static int sq_settings(struct sq *q)
{
	/* The wal hook takes the place of automatic checkpoints: it never makes one. The cache is
	 * small, since memory must not grow with the ledger, and the kernel keeps the file's pages
	 * anyway: 512 KiB were as fast as 16 MiB. */
	return sq_exec(q, "PRAGMA synchronous = FULL;"
			  "PRAGMA foreign_keys = ON;"
			  "PRAGMA cell_size_check = ON;"
			  "PRAGMA mmap_size = 0;"
			  "PRAGMA journal_size_limit = 16777216;"
			  "PRAGMA secure_delete = FAST;"
			  "PRAGMA cache_size = -512;");
}

/* What a reader is told that may not make LEDGER-shm. */
static bool sq_is_unwritable(const struct sq *q)
{
	int primary = q->rc & 0xff;

	return primary == SQLITE_CANTOPEN || primary == SQLITE_READONLY;
}

/* A reader needs LEDGER-shm. Where it is not there and cannot be made, the file is complete in
 * itself when there is no WAL: a copy on a read-only medium. */
static int sq_connect_reader(struct sq *q, struct err *err)
{
	static const char probe[] = "SELECT count(*) FROM sqlite_schema";
	AUTO(str) char *wal = NULL;
	AUTO(str) char *uri = NULL;
	int64_t n = 0;

	if (sq_connect(q, q->path, SQLITE_OPEN_READONLY) == 0 &&
	    sq_number(q, probe, SQ_NO_ARGS, &n) == 1)
		return 0;
	size_t len = strlen(q->path);
	wal = xcalloc(len + sizeof("-wal"), 1);
	(void)snprintf(wal, len + sizeof("-wal"), "%s-wal", q->path); /* sized for it */
	if (!sq_is_unwritable(q) || access(wal, F_OK) == 0 || strpbrk(q->path, "%?#") != NULL)
		return sq_err(q, err);
	sq_cache_done(q);
	(void)sqlite3_close(q->db); /* nothing is open in it */
	uri = xcalloc(len + sizeof("file:?immutable=1"), 1);
	(void)snprintf(uri, len + sizeof("file:?immutable=1"), "file:%s?immutable=1", q->path);
	if (sq_connect(q, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI) < 0)
		return sq_err(q, err);
	return 0;
}

static int sq_check_version(const struct sq *q, int version, unsigned flags, struct err *err)
{
	int newest = sq_schema_newest(&sq_schema);

	if (version > newest)
		return ERR(err, ERR_LEDGER,
			   "the ledger %s has version %d and this program knows %d: it was upgraded"
			   " by a newer "
			   "stint; use that one",
			   q->path, version, newest);
	if (version == 0 && (flags & (LEDGER_CREATE | LEDGER_ANY_VERSION)) == 0)
		return ERR(err, ERR_LEDGER, "%s is not a ledger: the file is empty", q->path);
	if (version < newest && (flags & LEDGER_READ_ONLY) != 0 &&
	    (flags & LEDGER_ANY_VERSION) == 0)
		return ERR(
			err, ERR_LEDGER,
			"the ledger %s has version %d and this program reads %d: run `stint ledger "
			"upgrade`",
			q->path, version, newest);
	return 0;
}

static int sq_make_wal(struct sq *q, struct err *err)
{
	static const char set_mode[] = "PRAGMA journal_mode = WAL";
	static const char auto_vacuum[] = "PRAGMA auto_vacuum = INCREMENTAL";
	struct arena a = {0};
	int version = 0;
	int rc = sq_schema_find(q, &version, err);

	if (rc < 0)
		return rc;
	/* Of a file without pages; anything else that can wait goes into the schema's transaction,
	 * since each one before the WAL costs four times as many writes to the disk. */
	if (version == 0 && sq_exec(q, auto_vacuum) < 0)
		return sq_err(q, err);
	sqlite3_stmt *st = sq_query(q, set_mode, SQ_NO_ARGS);
	rc = sq_next(q, st);
	bool is_wal = rc == 1 && strcmp(sq_column_text(&a, st, 0), "wal") == 0;
	sq_end(st);
	arena_done(&a);
	if (rc < 0)
		return sq_err(q, err);
	return is_wal ? 0
		      : ERR(err, ERR_LEDGER, "the ledger %s cannot be put into WAL mode", q->path);
}

/* Under the gate: no two processes make or upgrade one ledger at a time. */
static int sq_prepare_writer(struct sq *q, unsigned flags, struct err *err)
{
	int version = 0;
	int rc = sq_schema_find(q, &version, err);

	if (rc == 0)
		rc = sq_check_version(q, version, flags, err);
	if (rc == 0 && sq_settings(q) < 0)
		rc = sq_err(q, err);
	if (rc == 0)
		rc = sq_make_wal(q, err);
	if (rc == 0 && (version == 0 || (flags & LEDGER_ANY_VERSION) == 0))
		rc = sq_schema_upgrade(q, &sq_schema, err);
	if (rc == 0)
		rc = sq_files_open(q, err);
	if (rc == 0)
		rc = sq_files_mend(q, err);
	/* Safety: SQLite overlooks a failing fsync of the directory; without that fsync the WAL,
	 * and with it commits that were acknowledged, may be gone after a power failure. */
	if (rc == 0)
		rc = file_sync_directory(q->directory, err);
	return rc;
}

static int sq_open_writer(struct sq *q, unsigned flags, struct err *err)
{
	int rc = sq_locks_open(&q->locks, q->path, false, err);

	if (rc < 0)
		return rc;
	if (sq_connect(q, q->path, SQLITE_OPEN_READWRITE) < 0)
		return sq_err(q, err);
	rc = sq_gate_take(&q->locks, err);
	if (rc < 0)
		return rc;
	rc = sq_prepare_writer(q, flags, err);
	sq_gate_give(&q->locks);
	if (rc == 0 && sqlite3_db_readonly(q->db, "main") != 0)
		rc = ERR(err, ERR_PERM, "the ledger %s may only be read", q->path);
	if (rc == 0)
		sq_space_open(q);
	return rc;
}

static int sq_open_reader(struct sq *q, unsigned flags, struct err *err)
{
	int version = 0;
	int rc = sq_locks_open(&q->locks, q->path, true, err);

	if (rc == 0)
		rc = sq_connect_reader(q, err);
	if (rc == 0 && sq_settings(q) < 0)
		rc = sq_err(q, err);
	if (rc == 0)
		rc = sq_schema_find(q, &version, err);
	if (rc == 0)
		rc = sq_check_version(q, version, flags, err);
	return rc;
}

static int sq_identify(struct sq *q, struct err *err)
{
	static const char uuid[] = "SELECT value FROM meta WHERE name = 'ledger_uuid'";
	struct arena a = {0};
	int rc = sq_schema_find(q, &q->base.schema_version, err);

	if (rc < 0 || q->base.schema_version == 0)
		return rc;
	sqlite3_stmt *st = sq_query(q, uuid, SQ_NO_ARGS);
	if (sq_next(q, st) != 1) {
		arena_done(&a);
		return ERR(err, ERR_LEDGER, "the ledger %s has no name of its own: it is damaged",
			   q->path);
	}
	const char *hex = sq_column_text(&a, st, 0);
	for (size_t i = 0; i < LEDGER_UUID_BYTES && strlen(hex) == UUID_DIGITS; i++) {
		char two[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
		q->base.uuid[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	sq_end(st);
	arena_done(&a);
	return 0;
}

static void sq_close(struct ledger *ledger)
{
	struct sq *q = sq_of(ledger);

	q->magic = 0;
	sq_cache_done(q);
	(void)sqlite3_close(q->db); /* every statement is finalized */
	sq_locks_close(&q->locks);
	sq_space_close(q);
	sq_files_close(q);
	free(q->path);
	free(q->directory);
	free(q);
}

static int sq_open(const char *path, unsigned flags, struct ledger **ret_ledger, struct err *err)
{
	struct sq *q = xnew(struct sq);

	q->magic = SQ_MAGIC;
	q->base.backend = &ledger_sqlite;
	q->path = sq_real_path(path);
	q->directory = sq_directory_of(q->path);
	q->locks = (struct sq_locks){.live_fd = -1, .gate_fd = -1, .probe_fd = -1};
	q->checkpoint_at = CHECKPOINT_BYTES / 4096;
	int rc = sq_check_file(q->path, q->directory, flags, err);
	if (rc == 0)
		rc = (flags & LEDGER_READ_ONLY) != 0 ? sq_open_reader(q, flags, err)
						     : sq_open_writer(q, flags, err);
	if (rc == 0)
		rc = sq_identify(q, err);
	if (rc < 0) {
		sq_close(&q->base);
		return rc;
	}
	*ret_ledger = &q->base;
	return 0;
}

const struct ledger_backend ledger_sqlite = {
	.name = "sqlite",
	.open = sq_open,
	.close = sq_close,
	.apply = sq_apply,
	.select = sq_select,
	.walk = sq_walk,
	.check_storage = sq_check_storage,
	.upgrade = sq_upgrade,
	.restored = sq_restored,
};
