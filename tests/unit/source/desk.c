/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/mem.h"
#include "job/item.h"
#include "source/body.h"
#include "unit/source/desk.h"

enum { LINE_MAX_BYTES = 1000000, RAW_SHOWN = 60, PATHS = 4 };

static struct desk the_desk;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static bool desk_wait(void *arg, const char *what, utime until, int64_t us)
{
	struct desk *d = arg;

	(void)until;
	d->n_waits++;
	(void)snprintf(d->waits, sizeof(d->waits), "%s", what);
	if (d->on_wait != NULL)
		d->on_wait(d);
	/* Tests set waits of a few milliseconds. */
	(void)poll(NULL, 0, us > 5000 ? 5 : (int)(us / 1000) + 1);
	return !d->is_stopped;
}

static bool has_key(const char *list, const char *key)
{
	char wanted[200];

	(void)snprintf(wanted, sizeof(wanted), ",%s,", key);
	return list != NULL && strstr(list, wanted) != NULL;
}

static int desk_find_keys(void *arg, const struct frame_keys *keys, struct frame_keys_answer *ret,
			  struct err *err)
{
	static uint8_t open[512];
	static uint8_t seen[512];
	struct desk *d = arg;

	(void)err;
	memset(open, 0, sizeof(open));
	memset(seen, 0, sizeof(seen));
	for (uint32_t i = 0; i < keys->n; i++) {
		if (has_key(d->open_keys, keys->keys[i]))
			bits_set(open, i);
		if (has_key(d->seen_keys, keys->keys[i]))
			bits_set(seen, i);
	}
	*ret = (struct frame_keys_answer){.n = keys->n, .open = open, .seen = seen};
	return 0;
}

static int desk_find_content(void *arg, const struct frame_content *content, const char **ret_run,
			     struct err *err)
{
	struct desk *d = arg;

	(void)err;
	memcpy(d->digest, content->digest, sizeof(d->digest));
	*ret_run = d->known_run == NULL ? "" : d->known_run;
	return 0;
}

struct desk *desk_open(void)
{
	struct desk *d = &the_desk;

	*d = (struct desk){0};
	(void)snprintf(d->dir, sizeof(d->dir), "/tmp/stint-desk-XXXXXX");
	assert_non_null(mkdtemp(d->dir));
	d->run = (struct template_run){.id = 7,
				       .name = "j@2026-11-23",
				       .job = "j",
				       .slot = "2026-11-23",
				       .date = "2026-11-23"};
	return d;
}

void desk_forget(struct desk *d)
{
	for (size_t i = 0; i < d->n_items; i++)
		free(d->items[i]);
	for (size_t i = 0; i < d->n_rejects; i++)
		free(d->rejects[i]);
	for (size_t i = 0; i < d->n_chunks; i++)
		free(d->chunks[i].body);
	d->n_items = 0;
	d->n_rejects = 0;
	d->n_chunks = 0;
	d->read = 0;
	d->held_back = 0;
}

void desk_close(struct desk *d)
{
	desk_forget(d);
	job_free(d->job);
	free(d->cursor);
	(void)nftw(d->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	*d = (struct desk){0};
}

const char *desk_path(const struct desk *d, const char *name)
{
	static char paths[PATHS][300];
	static unsigned next;
	char *path = paths[next++ % PATHS];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", d->dir, name);
	return path;
}

static void write_as(struct desk *d, const char *name, const void *data, size_t len, int flags)
{
	int fd = open(desk_path(d, name), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), (ssize_t)len);
	(void)close(fd);
}

void desk_write_bytes(struct desk *d, const char *name, const void *data, size_t len)
{
	write_as(d, name, data, len, O_TRUNC);
}

void desk_write(struct desk *d, const char *name, const char *text)
{
	write_as(d, name, text, strlen(text), O_TRUNC);
}

void desk_append(struct desk *d, const char *name, const char *text)
{
	write_as(d, name, text, strlen(text), O_APPEND);
}

char *desk_read(struct desk *d, const char *name, size_t *ret_len)
{
	int fd = open(desk_path(d, name), O_RDONLY | O_CLOEXEC);
	char *data = xcalloc(1, 1 << 20);

	assert_true(fd >= 0);
	ssize_t got = read(fd, data, (1 << 20) - 1);
	assert_true(got >= 0);
	(void)close(fd);
	if (ret_len != NULL)
		*ret_len = (size_t)got;
	return data;
}

bool desk_has(const struct desk *d, const char *name)
{
	struct stat st = {0};

	return lstat(desk_path(d, name), &st) == 0;
}

void desk_job(struct desk *d, const char *source, const char *more)
{
	struct buf b = BUF_INIT(100000);

	job_free(d->job);
	d->job = NULL;
	buf_printf(&b, "version: 1\njob: j\nsource:\n%s\nwork: {noop: {}}\n%s\n", source, more);
	int rc = job_parse(buf_str(&b), b.len, "j.yaml", d->dir, NULL, NULL, &d->job, &d->err);
	if (rc != 0)
		fail_msg("%s in\n%s", d->err.text, buf_str(&b));
	buf_done(&b);
	d->options = (struct source_options){.job = d->job,
					     .run = &d->run,
					     .arg = d,
					     .wait = desk_wait,
					     .find_keys = desk_find_keys,
					     .find_content = desk_find_content};
}

/* ---- loading ---- */

static void keep_item(struct desk *d, const struct item *item)
{
	struct buf b = BUF_INIT(LINE_MAX_BYTES);

	assert_true(d->n_items < DESK_LINES_MAX);
	assert_non_null(item->key);
	buf_put(&b, item->key, item->key_len);
	buf_printf(&b, " @%s:%" PRId64, item->source_path, item->source_line);
	for (size_t i = 0; i < d->job->source.n_fields; i++) {
		const struct value *v = &item->fields[i];
		buf_printf(&b, " %s=", d->job->source.fields[i].name);
		if (v->is_null)
			buf_puts(&b, "null");
		else
			buf_put(&b, v->text, v->len);
	}
	d->items[d->n_items++] = buf_take(&b);
}

static void keep_items(struct desk *d, const struct desk_chunk *chunk)
{
	struct body *body = NULL;
	struct err err = ERR_INIT;

	if (d->skip_items) {
		d->n_items += chunk->n;
		return;
	}
	int rc = body_open(d->job, chunk->body, chunk->len, chunk->n, false, &body, &err);
	if (rc != 0)
		fail_msg("body_open %d: %s", rc, err.text);
	/* Backwards: what is lent must stay. */
	struct item *items = xcalloc(chunk->n, sizeof(*items));
	for (uint32_t i = chunk->n; i-- > 0;) {
		if (body_item(body, i, &items[i], &err) != 0)
			fail_msg("body_item: %s", err.text);
	}
	for (uint32_t i = 0; i < chunk->n; i++)
		keep_item(d, &items[i]);
	free(items);
	body_free(body);
}

static void keep_reject(struct desk *d, const struct frame_reject *r)
{
	struct buf b = BUF_INIT(LINE_MAX_BYTES);
	size_t shown = r->raw_len < RAW_SHOWN ? r->raw_len : RAW_SHOWN;

	assert_true(d->n_rejects < DESK_LINES_MAX);
	buf_printf(&b, "%s:%" PRId64 ":%" PRId64 " byte %" PRId64 ": %s [", r->path, r->line,
		   r->column, r->offset, r->reason);
	buf_put(&b, r->raw, shown);
	buf_printf(&b, "]%s", r->is_cut ? " cut" : "");
	d->rejects[d->n_rejects++] = buf_take(&b);
}

static void keep_batch(struct desk *d, const struct frame_loaded *batch)
{
	for (uint32_t i = 0; i < batch->n_rejects; i++)
		keep_reject(d, &batch->rejects[i]);
	d->read += batch->read;
	d->held_back += batch->held_back;
	d->tell = batch->tell;
	assert_int_equal(batch->read, batch->n + batch->n_rejects + batch->held_back);
	free(d->cursor);
	d->cursor = xmemdup(batch->cursor, batch->cursor_len);
	d->cursor_len = batch->cursor_len;
	if (batch->n == 0)
		return;
	assert_true(d->n_chunks < DESK_CHUNKS_MAX);
	assert_true(batch->n <= d->job->chunk_items);
	struct desk_chunk *chunk = &d->chunks[d->n_chunks++];
	*chunk = (struct desk_chunk){.body = xmemdup(batch->body, batch->body_len),
				     .len = batch->body_len,
				     .n = batch->n};
	keep_items(d, chunk);
}

void desk_load_some(struct desk *d, int max_batches)
{
	struct source *source = NULL;
	struct frame_loaded batch = {0};

	d->err = ERR_INIT;
	d->rc = source_open(&d->options, &source, &d->err);
	for (int i = 0; d->rc == 0 && (max_batches == 0 || i < max_batches); i++) {
		d->rc = source_next(source, &batch, &d->err);
		if (d->rc == 0)
			keep_batch(d, &batch);
	}
	source_free(source);
}

void desk_load(struct desk *d)
{
	desk_forget(d);
	desk_load_some(d, 0);
}

void desk_resume(struct desk *d)
{
	char *cursor = xmemdup(d->cursor, d->cursor_len);

	d->options.cursor = cursor;
	d->options.cursor_len = d->cursor_len;
	desk_load_some(d, 0);
	d->options.cursor = NULL;
	d->options.cursor_len = 0;
	free(cursor);
}

int desk_finish(struct desk *d, struct err *err)
{
	struct finisher *f = finisher_new(d->job, NULL);
	uint8_t good[512];
	int rc = 0;

	memset(good, 0xff, sizeof(good));
	for (size_t i = 0; rc == 0 && i < d->n_chunks; i++) {
		const struct frame_then then = {.chunk_id = (int64_t)i + 1,
						.n = d->chunks[i].n,
						.good = good,
						.body = d->chunks[i].body,
						.body_len = d->chunks[i].len};
		rc = finisher_add(f, &then, err);
	}
	const struct frame_then end = {0};
	if (rc == 0)
		rc = finisher_add(f, &end, err);
	finisher_free(f);
	return rc;
}

/* ---- what should be ---- */

static void expect_lines(char *const *have, size_t n_have, const char *const *want, size_t n_want,
			 const char *what)
{
	for (size_t i = 0; i < n_have || i < n_want; i++) {
		const char *a = i < n_have ? have[i] : "(nothing)";
		const char *b = i < n_want ? want[i] : "(nothing)";
		if (strcmp(a, b) != 0)
			fail_msg("%s %zu is\n  %s\nshould be\n  %s", what, i + 1, a, b);
	}
}

void desk_expect_items(const struct desk *d, size_t n, const char *const *lines)
{
	expect_lines(d->items, d->n_items, lines, n, "item");
}

void desk_expect_rejects(const struct desk *d, size_t n, const char *const *lines)
{
	expect_lines(d->rejects, d->n_rejects, lines, n, "reject");
}

void desk_expect_end(const struct desk *d)
{
	if (d->rc != SOURCE_END)
		fail_msg("the load ended with %d: %s", d->rc, d->err.text);
}

void desk_expect_failure(const struct desk *d, int code, const char *text)
{
	if (d->rc != code || strcmp(d->err.text, text) != 0)
		fail_msg("the load ended with %d:\n  %s\nshould be %d:\n  %s", d->rc, d->err.text,
			 code, text);
}
