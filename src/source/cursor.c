/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a load stands, as bytes: enough to go on exactly behind a batch in a new process.
 *
 * To change it: raise CURSOR_VERSION; a run that was interrupted while loading begins its load anew
 * when its cursor is of another version (ERR_DATA says so), nothing else reads it.
 *
 *   all:   u8 version, the machine that it stands on, list, u32 index, u8 in a file [identity,
 *          u64 offset, line, number], u64 read, loaded, rejected, held back, trailer, totals
 *   list:  u8 0: standard input
 *          u8 3: a database; the place is then what database_put_place writes
 *          u8 4: a step; the place is then what step_put_place writes
 *          u8 5: an inbox; the place is then what inbox_put_place writes
 *          u8 1: u32 files, u32 length, zstd of the names, each with a '\0'
 *          u8 2: u32 files, XXH3-128 of the names. They are too many to be written with every
 *          batch; the files are listed again, and must be the same
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "job/job.h"
#include "source/load.h"

enum {
	CURSOR_VERSION = 2,
	LIST_NONE = 0,
	LIST_WHOLE = 1,
	LIST_DIGEST = 2,
	LIST_DATABASE = 3,
	LIST_STEP = 4,
	LIST_INBOX = 5,
	LIST_NAMES_MAX = 4 * 1024 * 1024,
	LIST_PACKED_MAX = 16 * 1024,	       /* it is written with every batch */
	LIST_BYTES_MAX = LIST_PACKED_MAX + 64, /* with its head */
};

static void digest_list(const struct file_list *list, uint8_t digest[XXH128_BYTES])
{
	struct hash128 *h = hash128_new();

	for (size_t i = 0; i < list->n; i++)
		hash128_add(h, list->files[i].name, strlen(list->files[i].name) + 1);
	hash128_end(h, digest);
	hash128_free(h);
}

/* True when the whole list was put. */
static bool put_whole(struct buf *b, const struct file_list *list)
{
	AUTO(buf) struct buf names = BUF_INIT(LIST_NAMES_MAX);
	size_t before = b->len;
	bool is_put = false;

	for (size_t i = 0; i < list->n; i++)
		buf_put(&names, list->files[i].name, strlen(list->files[i].name) + 1);
	if (names.failed)
		return false;
	size_t bound = ZSTD_compressBound(names.len);
	char *packed = xcalloc(bound, 1);
	size_t len = ZSTD_compress(packed, bound, buf_str(&names), names.len, 1);
	if (!ZSTD_isError(len) && len <= LIST_PACKED_MAX) {
		buf_put_u8(b, LIST_WHOLE);
		buf_put_u32(b, (uint32_t)list->n);
		buf_put_bytes(b, packed, len);
		is_put = true;
	}
	free(packed);
	assert(is_put || b->len == before);
	return is_put;
}

int cursor_set_list(struct source *s, struct err *err)
{
	uint8_t digest[XXH128_BYTES];

	s->list_bytes = BUF_INIT(LIST_BYTES_MAX);
	if (s->rows != NULL) {
		buf_put_u8(&s->list_bytes, LIST_DATABASE);
	} else if (s->step != NULL) {
		buf_put_u8(&s->list_bytes, LIST_STEP);
	} else if (s->inbox != NULL) {
		buf_put_u8(&s->list_bytes, LIST_INBOX);
	} else if (s->is_stdin) {
		buf_put_u8(&s->list_bytes, LIST_NONE);
	} else if (!put_whole(&s->list_bytes, &s->list)) {
		digest_list(&s->list, digest);
		buf_put_u8(&s->list_bytes, LIST_DIGEST);
		buf_put_u32(&s->list_bytes, (uint32_t)s->list.n);
		buf_put(&s->list_bytes, digest, sizeof(digest));
	}
	return buf_check(&s->list_bytes, "the list of files", err);
}

static void put_place(const struct source *s, struct buf *b)
{
	if (s->rows != NULL) {
		database_put_place(s->rows, b);
		return;
	}
	if (s->step != NULL) {
		step_put_place(s->step, b);
		return;
	}
	if (s->inbox != NULL) {
		inbox_put_place(s->inbox, b);
		return;
	}
	buf_put_u32(b, (uint32_t)s->index);
	buf_put_u8(b, s->is_open && !s->is_stdin ? 1 : 0);
	if (!s->is_open || s->is_stdin)
		return;
	const struct records *r = &s->records;
	identity_put(b, &s->list.files[s->index].identity);
	buf_put_u64(b, (uint64_t)(s->has_pending ? s->pending.offset : r->base + (int64_t)r->at));
	buf_put_u64(b, (uint64_t)(s->has_pending ? s->pending.line : r->line));
	buf_put_u64(b, (uint64_t)s->number);
}

void cursor_put(struct source *s, struct buf *b)
{
	buf_put_u8(b, CURSOR_VERSION);
	buf_put(b, s->machine, sizeof(s->machine));
	buf_put(b, s->list_bytes.data, s->list_bytes.len);
	put_place(s, b);
	buf_put_u64(b, (uint64_t)s->tally.read);
	buf_put_u64(b, (uint64_t)s->tally.loaded);
	buf_put_u64(b, (uint64_t)s->tally.rejected);
	buf_put_u64(b, (uint64_t)s->tally.held_back);
	trailer_put(&s->trailer, b);
	totals_put(&s->totals, b);
	sums_put(&s->sums, b);
}

static int damaged(struct err *err)
{
	return ERR(err, ERR_DATA, "what was stored about the load so far is damaged; load again");
}

static void split_names(struct file_list *list, const char *names, size_t len, size_t n)
{
	const char *end = names + len;

	list->files = xcalloc(n + 1, sizeof(*list->files));
	while (list->n < n && names < end) {
		const char *stop = memchr(names, '\0', (size_t)(end - names));
		if (stop == NULL)
			return;
		list->files[list->n++] = (struct file){.name = xstrdup(names)};
		names = stop + 1;
	}
}

static int get_whole(struct file_list *ret_list, struct reader *r, struct err *err)
{
	size_t n = reader_u32(r);
	size_t len = 0;
	const char *packed = reader_bytes(r, &len);

	if (packed == NULL || n > FILES_MAX)
		return damaged(err);
	unsigned long long size = ZSTD_getFrameContentSize(packed, len);
	if (size > LIST_NAMES_MAX) /* also what says "unknown" or "error" */
		return damaged(err);
	char *names = xcalloc((size_t)size + 1, 1);
	bool is_whole = ZSTD_decompress(names, (size_t)size, packed, len) == size;
	if (is_whole)
		split_names(ret_list, names, (size_t)size, n);
	free(names);
	return is_whole && ret_list->n == n ? 0 : damaged(err);
}

static int list_again(struct source *s, struct reader *r, struct err *err)
{
	const struct globs_options options = {.job = s->job,
					      .run = s->options.run,
					      .path = s->options.path,
					      .patience = &s->patience};
	uint8_t digest[XXH128_BYTES] = {0};
	size_t n = reader_u32(r);
	const char *expected = reader_raw(r, sizeof(digest));

	if (expected == NULL)
		return damaged(err);
	int rc = globs_list(&options, &s->list, err);
	if (rc > 0) /* missing: err says so */
		return ERR_DATA;
	if (rc < 0)
		return rc;
	digest_list(&s->list, digest);
	if (s->list.n == n && memcmp(digest, expected, sizeof(digest)) == 0)
		return 0;
	return ERR(err, ERR_DATA,
		   "the files are not those that the load began with (%zu then, %zu now): load "
		   "again",
		   n, s->list.n);
}

static int get_list(struct source *s, struct reader *r, struct err *err)
{
	switch (reader_u8(r)) {
	case LIST_NONE:
		return ERR(err, ERR_DATA,
			   "standard input cannot be read again: its load cannot go on");
	case LIST_DATABASE:
		return s->rows != NULL ? 0 : damaged(err);
	case LIST_STEP:
		return s->step != NULL ? 0 : damaged(err);
	case LIST_INBOX:
		return s->inbox != NULL ? 0 : damaged(err);
	case LIST_WHOLE:
		return get_whole(&s->list, r, err);
	case LIST_DIGEST:
		return list_again(s, r, err);
	default:
		return damaged(err);
	}
}

static void get_place(struct source *s, struct reader *r)
{
	if (s->rows != NULL) {
		database_get_place(s->rows, r);
		return;
	}
	if (s->step != NULL) {
		step_get_place(s->step, r);
		return;
	}
	if (s->inbox != NULL) {
		inbox_get_place(s, r);
		return;
	}
	s->index = reader_u32(r);
	s->start.is_set = reader_u8(r) != 0;
	if (!s->start.is_set)
		return;
	identity_get(r, &s->start.identity);
	s->start.offset = (int64_t)reader_u64(r);
	s->start.line = (int64_t)reader_u64(r);
	s->start.number = (int64_t)reader_u64(r);
}

static void take_machine(struct source *s, struct reader *r)
{
	const char *at = reader_raw(r, MACHINE_BYTES);
	uint8_t machine[MACHINE_BYTES];

	if (at == NULL)
		return; /* r->failed tells */
	memcpy(machine, at, sizeof(machine));
	s->is_from_elsewhere = source_has_files(s) && !machine_is_here(machine);
}

int cursor_get(struct source *s, const void *data, size_t len, struct err *err)
{
	struct reader r = READER(data, len);
	uint8_t version = reader_u8(&r);

	if (version != CURSOR_VERSION)
		return ERR(err, ERR_DATA,
			   "the load was begun by another version of this program: load again");
	take_machine(s, &r);
	int rc = get_list(s, &r, err);
	if (rc != 0)
		return rc;
	get_place(s, &r);
	s->tally.read = (int64_t)reader_u64(&r);
	s->tally.loaded = (int64_t)reader_u64(&r);
	s->tally.rejected = (int64_t)reader_u64(&r);
	s->tally.held_back = (int64_t)reader_u64(&r);
	trailer_get(&s->trailer, &r);
	totals_get(&s->totals, &r);
	sums_get(&s->sums, &r);
	bool is_sound = reader_is_done(&r) && s->index <= s->list.n &&
			(!s->start.is_set ||
			 (s->index < s->list.n && s->start.offset >= 0 && s->start.line > 0));
	return is_sound ? 0 : damaged(err);
}

int cursor_get_behind(struct source *s, const void *data, size_t len, struct err *err)
{
	struct reader r = READER(data, len);

	if (s->rows == NULL || reader_u8(&r) != FRAME_CURSOR_BEHIND ||
	    reader_u8(&r) != CURSOR_VERSION || reader_raw(&r, MACHINE_BYTES) == NULL ||
	    reader_u8(&r) != LIST_DATABASE)
		return ERR(err, ERR_DATA,
			   "the last run was loaded from something else, so there is no place to "
			   "go on from (cursor_from: last_run)");
	database_get_behind(s->rows, &r);
	return r.failed ? damaged(err) : 0;
}
