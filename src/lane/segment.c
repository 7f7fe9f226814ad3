/* SPDX-License-Identifier: Apache-2.0 */
#include "lane/segment.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "job/job.h"
#include "lane/brief.h"
#include "lane/pack.h"
#include "source/body.h"
#include "source/machine.h"
#include "sys/fault.h"
#include "sys/file.h"
#include "work/output.h"

enum {
	PIECE_BYTES = 256 * 1024,
	ITEM_BYTES_MAX = 64 * 1024 * 1024,
	PATH_BYTES_MAX = 4096,
	MODE = 0600,
	DIRECTORY_MODE = 0700,
	UUID_BYTES = 4, /* of the ledger's: enough to tell neighbours apart */
};

int segment_fail(int os_errno, const char *what, const char *path, struct err *err)
{
	switch (os_errno) {
	case ENOENT:
	case ENOTDIR:
	case EISDIR:
		return ERR_SYS(err, ERR_NOINPUT, os_errno, "cannot %s '%s'", what, path);
	case EACCES:
	case EPERM:
	case EROFS:
		return ERR_SYS(err, ERR_PERM, os_errno, "cannot %s '%s'", what, path);
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ERR_SYS(err, ERR_FULL, os_errno, "cannot %s '%s'", what, path);
	default:
		return ERR_SYS(err, ERR_IO, os_errno, "cannot %s '%s'", what, path);
	}
}

/* ---- names ---- */

static int make_target(struct segments *s, struct err *err)
{
	const struct job *job = s->brief->job;
	const char *path = job->work.output.path;
	AUTO(template) struct template *t = NULL;
	struct buf name = BUF_INIT(PATH_BYTES_MAX);
	const struct template_item nothing = {0};

	int rc = template_parse_for(TEMPLATE_FOR_PATH, path, strlen(path), job, &t, err);
	if (rc == 0)
		rc = template_render(t, TEMPLATE_TEXT, &s->brief->run, &nothing, &name, err);
	if (rc == 0)
		rc = buf_check(&name, "work.file.path", err);
	if (rc == 0 && strlen(buf_str(&name)) != name.len)
		rc = ERR(err, ERR_CONFIG, "work.file.path has a NUL in it");
	if (rc == 0) {
		AUTO(buf) struct buf whole = BUF_INIT(2 * PATH_BYTES_MAX);
		if (buf_str(&name)[0] != '/')
			buf_printf(&whole, "%s/", job->directory);
		buf_puts(&whole, buf_str(&name));
		s->target = buf_take(&whole);
	}
	buf_done(&name);
	return rc < 0 ? ERR_CONFIG : 0;
}

static void make_directory_name(struct segments *s)
{
	struct buf name = BUF_INIT(3 * PATH_BYTES_MAX);
	const char *base = strrchr(s->target, '/') + 1;
	char ledger[2 * UUID_BYTES + 1];

	s->parent = xstrndup(s->target, (size_t)(base - s->target));
	hash_hex(s->brief->hello.ledger_uuid, UUID_BYTES, ledger);
	buf_printf(&name, "%s.%s.stint-%s-%" PRId64, s->parent, base, ledger,
		   s->brief->hello.run_id);
	s->directory = buf_take(&name);
}

/* Of a file of a shelf; with '.', the process and a number behind it. */
static void put_shelf_name(struct buf *out, int64_t shelf)
{
	buf_printf(out, "%020" PRId64, shelf);
}

static void leave_file(struct segments *s)
{
	if (s->fd >= 0)
		(void)close(s->fd); /* what was written is checked by who reads it */
	s->fd = -1;
	free(s->file);
	s->file = NULL;
}

int segments_init(struct segments *s, const struct brief *brief, struct err *err)
{
	assert(s != NULL && brief != NULL && brief->job->work.kind == WORK_FILE);
	*s = (struct segments){.brief = brief,
			       .fd = -1,
			       .there = {.first_item = -1},
			       .text = BUF_INIT(ITEM_BYTES_MAX + PIECE_BYTES),
			       .packed = BUF_INIT((size_t)2 * ITEM_BYTES_MAX)};
	s->output = output_new(brief->job);
	s->hash = hash128_new();
	s->made_by = hash_xxh64(brief->hello.job_text, strlen(brief->hello.job_text)) |
		     1; /* never 0 */
	int rc = make_target(s, err);
	if (rc < 0)
		return rc;
	make_directory_name(s);
	s->pack = pack_new(pack_kind_of(s->target));
	return 0;
}

void segments_done(struct segments *s)
{
	if (s->brief == NULL)
		return;
	segment_drop(s);
	leave_file(s);
	shelf_forget(&s->there);
	output_free(s->output);
	pack_free(s->pack);
	hash128_free(s->hash);
	buf_done(&s->text);
	buf_done(&s->packed);
	free(s->target);
	free(s->parent);
	free(s->directory);
}

/* ---- the directory that all of them write to ---- */

static char *mark_path(const struct segments *s, const uint8_t machine[MACHINE_BYTES])
{
	struct buf path = BUF_INIT(4 * PATH_BYTES_MAX);
	char name[2 * MACHINE_BYTES + 1];

	hash_hex(machine, MACHINE_BYTES, name);
	buf_printf(&path, "%s/machine-%s", s->directory, name);
	return buf_take(&path);
}

/* What goes wrong is told when the segment is begun. */
static void put_mark(struct segments *s)
{
	uint8_t machine[MACHINE_BYTES];
	struct err unused = ERR_INIT;

	if (machine_here(machine, &unused) < 0)
		return;
	AUTO(str) char *path = mark_path(s, machine);
	if (mkdir(s->directory, DIRECTORY_MODE) < 0 && errno != EEXIST)
		return;
	AUTO(fd) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, MODE);
	s->is_marked = fd >= 0;
}

int segments_meet(struct segments *s, const void *body, size_t len, struct err *err)
{
	uint8_t machine[MACHINE_BYTES];
	int rc = body_machine(body, len, machine, err);

	if (rc < 0)
		return rc;
	if (machine_is_here(machine)) {
		if (!s->is_marked)
			put_mark(s);
		return 0;
	}
	AUTO(str) char *path = mark_path(s, machine);
	if (access(path, F_OK) == 0)
		return 0;
	return ERR(err, ERR_TEMP,
		   "loaded on another machine, with which this one does not share the directory of "
		   "'%s'",
		   s->target);
}

/* ---- writing ---- */

/* Nothing that is made later shall be in vain. */
static int check_target(const struct segments *s, struct err *err)
{
	struct stat st = {0};

	if (stat(s->target, &st) == 0 && S_ISDIR(st.st_mode))
		return ERR(err, ERR_NOINPUT, "'%s' is a directory, not a file", s->target);
	return 0;
}

/* A new file, of this process alone. */
static int make_file(struct segments *s, int64_t shelf, struct err *err)
{
	struct buf path = BUF_INIT(4 * PATH_BYTES_MAX);
	const char *file_system = NULL;

	if (mkdir(s->directory, DIRECTORY_MODE) < 0 && errno != EEXIST)
		return segment_fail(errno, "make the directory", s->directory, err);
	s->is_remote = file_is_remote(s->directory, &file_system);
	while (s->fd < 0) {
		buf_reset(&path);
		buf_printf(&path, "%s/", s->directory);
		put_shelf_name(&path, shelf);
		buf_printf(&path, ".%ld.%d", (long)getpid(), s->n_files++);
		s->fd = open(buf_str(&path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, MODE);
		if (s->fd >= 0 || errno == EEXIST)
			continue;
		int rc = segment_fail(errno, "write", buf_str(&path), err);
		buf_done(&path);
		return rc;
	}
	s->file = buf_take(&path);
	s->shelf = shelf;
	s->end = 0;
	return 0;
}

int segment_begin(struct segments *s, int64_t first_item, struct err *err)
{
	int64_t shelf = shelf_of(first_item);

	assert(!s->has_begun);
	int rc = check_target(s, err);
	if (s->fd >= 0 && s->shelf != shelf)
		leave_file(s);
	if (rc == 0 && s->fd < 0)
		rc = make_file(s, shelf, err);
	if (rc < 0)
		return rc;
	if (lseek(s->fd, s->end + (int64_t)sizeof(struct segment_head), SEEK_SET) < 0)
		return segment_fail(errno, "write", s->file, err);
	s->has_begun = true;
	s->first_item = first_item;
	s->n_bytes = 0;
	hash128_free(s->hash);
	s->hash = hash128_new();
	buf_reset(&s->text);
	return 0;
}

void segment_try(struct segments *s)
{
	assert(!s->has_begun);
	buf_reset(&s->text);
}

static int write_piece(struct segments *s, struct err *err)
{
	const struct buf *piece = &s->text;

	if (!s->has_begun || s->text.len == 0) {
		buf_reset(&s->text);
		return 0;
	}
	if (s->pack != NULL) {
		buf_reset(&s->packed);
		int rc = pack_piece(s->pack, &s->text, &s->packed, err);
		if (rc < 0)
			return rc;
		piece = &s->packed;
	}
	if (fd_write_all(s->fd, piece->data, piece->len) < 0)
		return segment_fail(errno, "write", s->file, err);
	hash128_add(s->hash, piece->data, piece->len);
	s->n_bytes += (int64_t)piece->len;
	buf_reset(&s->text);
	return 0;
}

int segment_add(struct segments *s, const struct item *item, struct err *err)
{
	int rc = output_put_item(s->output, item, &s->text, err);

	if (rc < 0)
		return rc;
	return s->text.len < PIECE_BYTES ? 0 : write_piece(s, err);
}

int segment_end(struct segments *s, const uint8_t *bits, uint32_t n, struct err *err)
{
	struct segment_head head = {.made_by = s->made_by,
				    .items = hash_xxh64(bits, BITS_BYTES(n)),
				    .first_item = s->first_item};

	assert(s->has_begun);
	int rc = write_piece(s, err);
	hash128_end(s->hash, head.hash);
	head.n_bytes = s->n_bytes;
	segment_head_seal(&head);
	(void)FAULT("segment.written");
	if (rc == 0 && pwrite(s->fd, &head, sizeof(head), s->end) != (ssize_t)sizeof(head))
		rc = segment_fail(errno, "write", s->file, err);
	if (rc == 0) {
		s->end += (int64_t)sizeof(head) + s->n_bytes;
		s->has_begun = false;
	}
	(void)FAULT("segment.named");
	shelf_forget(&s->there);
	segment_drop(s);
	/* Other machines are sure to see what was written when it is closed (NFS). */
	if (s->is_remote)
		leave_file(s);
	return rc;
}

/* Safety: nothing stays behind the last segment where a head will be looked for; a text may look
 * like one. */
void segment_drop(struct segments *s)
{
	if (s->has_begun && ftruncate(s->fd, s->end) < 0)
		leave_file(s);
	s->has_begun = false;
	buf_reset(&s->text);
}

/* ---- reading ---- */

static void add_file(void *arg, int directory, const char *name)
{
	struct shelf *shelf = arg;
	AUTO(buf) struct buf start = BUF_INIT(PATH_BYTES_MAX);

	put_shelf_name(&start, shelf->first_item);
	if (strncmp(name, buf_str(&start), start.len) == 0)
		shelf_add_file(shelf, directory, name);
}

static void read_shelf(struct segments *s, int64_t shelf)
{
	if (s->there.first_item == shelf)
		return;
	shelf_forget(&s->there);
	s->there.first_item = shelf;
	segments_each(s, add_file, &s->there);
	shelf_sort(&s->there);
}

static int open_file(const struct segments *s, int flags)
{
	AUTO(buf) struct buf path = BUF_INIT(4 * PATH_BYTES_MAX);

	buf_printf(&path, "%s/%s", s->directory, s->there.files[s->opened->file]);
	return open(buf_str(&path), flags | O_CLOEXEC | O_NOFOLLOW);
}

int segment_open(struct segments *s, int64_t first_item, const uint8_t *bits, uint32_t n,
		 struct segment_head *ret_head)
{
	read_shelf(s, shelf_of(first_item));
	s->opened = shelf_find(&s->there, first_item, s->made_by, hash_xxh64(bits, BITS_BYTES(n)));
	if (s->opened == NULL)
		return -1;
	AUTO(fd) int fd = open_file(s, O_RDONLY);
	if (fd < 0 || lseek(fd, s->opened->at + (int64_t)sizeof(*ret_head), SEEK_SET) < 0)
		return -1;
	*ret_head = s->opened->head;
	int ret = fd;
	fd = -1;
	return ret;
}

void segment_spoil(struct segments *s)
{
	struct segment_head *head = &s->opened->head;
	AUTO(fd) int fd = open_file(s, O_WRONLY);

	head->made_by = 0;
	segment_head_seal(head);
	/* Where that fails it is found again, and spoiled again, a few times (assemble.c). */
	if (fd >= 0)
		(void)!pwrite(fd, head, sizeof(*head), s->opened->at);
}

/* ---- removing ---- */

void segments_each(const struct segments *s, void (*fn)(void *arg, int directory, const char *name),
		   void *arg)
{
	/* Safety: the name can be guessed, and what a link leads to is not ours. */
	int fd = open(s->directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
		if (entry->d_name[0] != '.')
			fn(arg, fd, entry->d_name);
	(void)closedir(dir);
}

static void remove_any(void *arg, int directory, const char *name)
{
	(void)arg;
	(void)FAULT("segment.removed");
	(void)unlinkat(directory, name, 0); /* what stays is only litter */
}

bool segments_are_there(const struct segments *s)
{
	return access(s->directory, F_OK) == 0;
}

void segments_remove(const struct segments *s)
{
	segments_each(s, remove_any, NULL);
	(void)rmdir(s->directory);
}
