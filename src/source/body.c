/* SPDX-License-Identifier: Apache-2.0 */
#include "source/body.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/bits.h"
#include "base/err.h"
#include "base/mem.h"
#include "job/job.h"
#include "source/body_format.h"
#include "source/csv_scan.h"
#include "source/elements.h"
#include "source/globs.h"
#include "source/keys.h"
#include "source/moved.h"
#include "source/records.h"
#include "source/shape.h"
#include "sys/fault.h"

enum { MARKS_AT_ONCE = 512 };

/* An item's record in the range, or its bytes in the staged content. */
struct place {
	uint32_t at;
	uint32_t len;
	int64_t line;
};

struct body {
	const struct job *job;
	uint32_t n;
	bool check_only;
	bool is_staged;
	uint8_t machine[MACHINE_BYTES]; /* that loaded it … */
	bool is_far;			/* … is another one */
	bool sees_all;			/* the files that its items are */
	char *data;			/* the range of the file, or the staged content */
	size_t len;
	struct place *places; /* of the items */
	struct item *items;   /* made when first asked for: key NULL before */
	char *path;
	const char **paths; /* staged: of the items */
	uint32_t n_paths;
	const char **stored_keys; /* by reference, where the job's keys need the run; else NULL */
	struct shape shape;
	struct keys keys;
	struct arena arena;
};

static int changed(const struct body *b, struct err *err, const char *why)
{
	err_set(err, ERR_DATA, 0, "%s is not what was loaded: %s", b->path, why);
	return BODY_CHANGED;
}

/* ---- by reference: reading the range ---- */

/* Opens the file if it is the one that was loaded, also where `then: move` has put it. */
static int open_file(const struct body *b, const struct body_reference *ref, int *ret_fd,
		     struct err *err)
{
	char why[96] = "it is not there any more";
	struct stat st = {0};
	struct identity now = {0};
	char *path = globs_full_path(b->job, b->path);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int os_errno = errno;

	free(path);
	if (fd >= 0 && fstat(fd, &st) == 0) {
		identity_from_stat(&now, &st);
		bool is_same = b->is_far ? identity_is_same_far(&ref->identity, &now)
					 : identity_is_same(&ref->identity, &now);
		if (is_same || FAULT("source.changed")) {
			*ret_fd = fd;
			return 0;
		}
		(void)identity_difference(&ref->identity, &now, why, sizeof(why));
	}
	if (fd >= 0)
		(void)close(fd); /* only opened */
	if (fd < 0 && os_errno != ENOENT && os_errno != ENOTDIR)
		return ERR_SYS(err, ERR_IO, os_errno, "%s cannot be opened", b->path);
	*ret_fd = moved_open(b->job, b->path, &ref->identity);
	return *ret_fd >= 0 ? 0 : changed(b, err, why);
}

static int read_range(struct body *b, const struct body_reference *ref, int fd, struct err *err)
{
	uint8_t hash[XXH128_BYTES];
	size_t at = 0;

	if (ref->size > INT32_MAX)
		return ERR(err, ERR_DATA, "the stored chunk is damaged");
	b->len = (size_t)ref->size;
	b->data = xcalloc(b->len + 1, 1);
	while (at < b->len) {
		ssize_t got = pread(fd, b->data + at, b->len - at, ref->offset + (int64_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ERR_SYS(err, ERR_IO, errno, "%s cannot be read", b->path);
		if (got == 0)
			return changed(b, err, "it has become shorter");
		at += (size_t)got;
	}
	hash_xxh128(b->data, b->len, hash);
	if (memcmp(hash, ref->hash, sizeof(hash)) != 0)
		return changed(b, err, "its bytes differ");
	return 0;
}

/* ---- by reference: finding the records ---- */

struct finder {
	struct body *body;
	struct csv_scan scan;
	const struct body_reference *ref;
	uint32_t record; /* of those that are no empty lines */
	uint32_t item;
	size_t at;
	int64_t line;
};

/* False when there are more than there should be. */
static bool take_place(struct finder *f, size_t at, size_t len, int64_t line)
{
	if (f->record == f->ref->n_records)
		return false;
	bool is_skipped = f->ref->skips != NULL && bits_get(f->ref->skips, f->record);
	f->record++;
	if (!is_skipped)
		f->body->places[f->item++] = (struct place){
			.at = (uint32_t)at, .len = (uint32_t)len, .line = line};
	return true;
}

/* Takes the record up to `end`. */
static bool take_record(struct finder *f, size_t end, int64_t lines)
{
	const char *text = f->body->data + f->at;
	size_t len = end - f->at;

	if (len > 0 && text[len - 1] == '\n')
		len--;
	if (len > 0 && text[len - 1] == '\r')
		len--;
	if (!csv_scan_is_blank(&f->scan, text, len) && !take_place(f, f->at, len, f->line))
		return false;
	f->at = end;
	f->line += lines;
	return true;
}

static bool find_records(struct finder *f)
{
	struct body *b = f->body;
	struct csv_mark marks[MARKS_AT_ONCE];
	size_t scanned = 0;

	csv_scan_init(&f->scan, b->shape.form.delimiter, b->shape.form.quote);
	while (scanned < b->len) {
		size_t used = 0;
		size_t n = csv_scan_run(&f->scan, b->data + scanned, b->len - scanned, marks,
					MARKS_AT_ONCE, &used);
		for (size_t i = 0; i < n; i++) {
			if (!take_record(f, scanned + marks[i].end, marks[i].lines))
				return false;
		}
		scanned += used;
	}
	if (f->at < b->len && !take_record(f, b->len, (int64_t)f->scan.lines))
		return false;
	return f->record == f->ref->n_records && f->item == b->n;
}

/* The same for elements of a JSON document: the range begins with one and ends with one. */
static bool find_elements(struct finder *f)
{
	struct body *b = f->body;
	struct element_mark marks[MARKS_AT_ONCE];
	struct elements e;
	size_t at = 0;

	elements_init_json(&e, b->job->source.element);
	elements_enter(&e, f->line);
	while (at < b->len + 1 && !e.has_failed) {
		/* Behind the range the list may as well be over: so a number is, too. */
		bool is_end = at == b->len;
		size_t used = 0;
		size_t n = elements_run(&e, is_end ? "]" : b->data + at, is_end ? 1 : b->len - at,
					marks, MARKS_AT_ONCE, &used);
		for (size_t i = 0; i < n; i++)
			if (!take_place(f, (size_t)marks[i].begin,
					(size_t)(marks[i].end - marks[i].begin), marks[i].line))
				return false;
		at += used;
	}
	return !e.has_failed && f->record == f->ref->n_records && f->item == b->n;
}

static int take_stored_keys(struct body *b, const struct body_reference *ref, struct err *err)
{
	const char *at = ref->keys;
	const char *end = ref->keys + ref->keys_len;

	b->stored_keys = xcalloc(b->n + 1, sizeof(char *));
	for (uint32_t i = 0; i < b->n; i++) {
		const char *stop = at < end ? memchr(at, '\0', (size_t)(end - at)) : NULL;
		if (stop == NULL)
			return ERR(err, ERR_DATA, "the stored chunk is damaged");
		b->stored_keys[i] = arena_text(&b->arena, at, (size_t)(stop - at));
		at = stop + 1;
	}
	return 0;
}

static int take_columns(struct body *b, const struct body_reference *ref, struct err *err)
{
	struct reader r = READER(ref->column_bytes, ref->n_fields * sizeof(uint32_t));
	size_t n = b->job->source.n_fields;
	uint32_t *column_of = xcalloc(n + 1, sizeof(*column_of));
	bool is_sound = ref->n_fields == n && ref->n_columns > 0;

	for (size_t i = 0; is_sound && i < n; i++) {
		column_of[i] = reader_u32(&r);
		is_sound = column_of[i] < ref->n_columns && ref->n_columns <= UINT16_MAX;
	}
	if (is_sound)
		shape_set_columns(&b->shape, ref->n_columns, column_of);
	free(column_of);
	return is_sound ? 0 : ERR(err, ERR_DATA, "the stored chunk does not fit the job's fields");
}

static int open_reference(struct body *b, struct reader *r, struct err *err)
{
	struct body_reference ref = {0};
	int fd = -1;

	int rc = body_get_reference(r, &ref, err);
	if (rc != 0)
		return rc;
	if (ref.n_items != b->n || ref.format != b->shape.format)
		return ERR(err, ERR_DATA, "the stored chunk is not of this job");
	b->path = xstrndup(ref.path, ref.path_len);
	rc = open_file(b, &ref, &fd, err);
	if (rc != 0)
		return rc;
	rc = read_range(b, &ref, fd, err);
	(void)close(fd); /* only read from */
	if (rc != 0 || b->check_only)
		return rc;
	struct finder f = {.body = b, .ref = &ref, .line = ref.first_line};
	b->places = xcalloc(b->n, sizeof(*b->places));
	if (ref.format == SHAPE_JSON ? !find_elements(&f) : !find_records(&f))
		return changed(b, err, "its records are others");
	if (ref.format == SHAPE_CSV)
		rc = take_columns(b, &ref, err);
	if (rc == 0 && ref.has_keys)
		rc = take_stored_keys(b, &ref, err);
	return rc;
}

/* Whatever keeps this machine from reading what another one has loaded: that one knows better. */
static int or_elsewhere(const struct body *b, int rc, struct err *err)
{
	if (!b->is_far || b->path == NULL || rc == 0)
		return rc;
	err_add(err, "loaded on another machine: ");
	return BODY_ELSEWHERE;
}

/* ---- staged ---- */

/* Items that are files are worked where those files are. */
static bool sees(const struct body *b, struct body_path *path)
{
	AUTO(str) char *name = xstrndup(path->path, path->path_len);

	return b->job->source.kind != SOURCE_FILES || !path->is_known ||
	       machine_shows(b->machine, b->job, name, &path->identity);
}

static int read_paths(struct body *b, struct reader *r)
{
	uint32_t n = reader_u32(r);

	if (r->failed || n > BODY_PATHS_MAX)
		return ERR_DATA;
	b->paths = xcalloc(n + 1, sizeof(char *));
	for (; b->n_paths < n && !r->failed; b->n_paths++) {
		struct body_path path = {0};
		body_get_path(r, &path);
		if (r->failed)
			return ERR_DATA;
		b->paths[b->n_paths] = arena_text(&b->arena, path.path, path.path_len);
		b->sees_all = b->sees_all && (!b->is_far || sees(b, &path));
	}
	return r->failed ? ERR_DATA : 0;
}

/* Finds where each item begins, going over all of them once. */
static int find_items(struct body *b, struct reader *r)
{
	size_t n_fields = b->job->source.n_fields;

	if (read_paths(b, r) != 0 || reader_u32(r) != b->n || reader_u16(r) != n_fields)
		return ERR_DATA;
	b->places = xcalloc(b->n, sizeof(*b->places));
	for (uint32_t i = 0; i < b->n; i++) {
		uint32_t path = 0;
		b->places[i].at = (uint32_t)r->at;
		body_skip_item(r, n_fields, &path, &b->places[i].line);
		if (r->failed || path >= b->n_paths)
			return ERR_DATA;
	}
	return reader_is_done(r) ? 0 : ERR_DATA;
}

static int open_staged(struct body *b, struct reader *r, struct err *err)
{
	int rc = body_get_staged(r, &b->data, &b->len, err);

	if (rc != 0)
		return rc;
	b->is_staged = true;
	struct reader content = READER(b->data, b->len);
	if (find_items(b, &content) != 0)
		return ERR(err, ERR_DATA, "the stored chunk is damaged");
	b->path = xstrdup(b->n_paths > 0 ? b->paths[0] : "");
	if (b->sees_all)
		return 0;
	err_set(err, ERR_DATA, 0,
		"loaded on another machine: %s is not here, or is another file here", b->path);
	return BODY_ELSEWHERE;
}

/* ---- the face ---- */

int body_open(const struct job *job, const void *data, size_t len, uint32_t n, bool check_only,
	      struct body **ret_body, struct err *err)
{
	struct reader r = READER(data, len);
	struct body_head head = {0};

	assert(job != NULL && ret_body != NULL && err != NULL && n > 0);
	int rc = body_get_head(&r, &head, err);
	if (rc != 0)
		return rc;
	struct body *b = xnew(struct body);
	b->job = job;
	b->n = n;
	b->check_only = check_only;
	memcpy(b->machine, head.machine, sizeof(b->machine));
	b->is_far = !machine_is_here(b->machine);
	b->sees_all = true;
	b->items = xcalloc(n, sizeof(*b->items));
	shape_init(&b->shape, job);
	rc = keys_init(&b->keys, job, NULL, err);
	if (rc == 0 && head.kind == BODY_STAGED)
		rc = open_staged(b, &r, err);
	else if (rc == 0)
		rc = or_elsewhere(b, open_reference(b, &r, err), err);
	if (rc != 0)
		body_free(b);
	else
		*ret_body = b;
	return rc;
}

int body_machine(const void *data, size_t len, uint8_t ret_machine[MACHINE_BYTES], struct err *err)
{
	struct reader r = READER(data, len);
	struct body_head head = {0};

	int rc = body_get_head(&r, &head, err);
	if (rc == 0)
		memcpy(ret_machine, head.machine, MACHINE_BYTES);
	return rc;
}

const char *body_path(const struct body *body)
{
	return body->path;
}

void body_free(struct body *b)
{
	if (b == NULL)
		return;
	shape_done(&b->shape);
	keys_done(&b->keys);
	arena_done(&b->arena);
	free(b->data);
	free(b->places);
	free(b->items);
	free(b->path);
	free((void *)b->paths);
	free((void *)b->stored_keys);
	free(b);
}

/* What the shape lends is overwritten by the next record: it moves to the arena, but for what
 * stands in the range itself. */
static const struct value *keep_values(struct body *b)
{
	size_t n = b->job->source.n_fields;
	struct value *values = arena_alloc(&b->arena, n * sizeof(*values) + 1);

	for (size_t i = 0; i < n; i++) {
		const struct value *v = &b->shape.values[i];
		bool is_ours = (uintptr_t)v->text - (uintptr_t)b->data < b->len;
		values[i] = *v;
		if (!v->is_null && !is_ours)
			values[i].text = arena_text(&b->arena, v->text, v->len);
	}
	return values;
}

static int make_referenced(struct body *b, uint32_t index, struct item *item, struct err *err)
{
	const struct place *p = &b->places[index];
	struct flaw flaw;

	item->source_path = b->path;
	item->source_line = p->line;
	if (shape_read(&b->shape, b->data + p->at, p->len, &flaw) != 0)
		return ERR(err, ERR_DATA, "%s:%" PRId64 ": %s", b->path, p->line, flaw.reason);
	item->fields = keep_values(b);
	if (b->stored_keys != NULL) {
		item->key = b->stored_keys[index];
		item->key_len = strlen(item->key);
		return 0;
	}
	if (keys_make(&b->keys, item, &flaw) != 0)
		return ERR(err, ERR_DATA, "%s:%" PRId64 ": %s", b->path, p->line, flaw.reason);
	item->key = arena_text(&b->arena, item->key, item->key_len);
	return 0;
}

/* What the bytes of a value begin with that brings its type. */
static void take_type(struct value *v)
{
	bool is_sound = v->len > 0 && (uint8_t)v->text[0] < FIELD_TYPE_COUNT_;

	v->type = is_sound ? (uint8_t)v->text[0] : FIELD_TEXT;
	v->text += is_sound ? 1 : 0;
	v->len -= is_sound ? 1 : 0;
}

static void make_staged(struct body *b, uint32_t index, struct item *item)
{
	struct reader r = READER(b->data, b->len);
	size_t n = b->job->source.n_fields;
	struct value *values = arena_alloc(&b->arena, n * sizeof(*values) + 1);

	r.at = b->places[index].at;
	item->source_path = b->paths[reader_u32(&r)];
	item->source_line = (int64_t)reader_u64(&r);
	const char *key = reader_bytes(&r, &item->key_len);
	item->key = arena_text(&b->arena, key, item->key_len);
	for (size_t i = 0; i < n; i++) {
		uint32_t len = reader_u32(&r);
		values[i].is_null = len == UINT32_MAX;
		if (values[i].is_null)
			continue;
		values[i].text = reader_raw(&r, len);
		values[i].len = len;
		if (b->job->source.fields[i].is_assigned)
			take_type(&values[i]);
	}
	assert(!r.failed); /* it was walked over when the body was opened */
	item->fields = values;
}

int body_item(struct body *body, uint32_t index, struct item *ret_item, struct err *err)
{
	assert(body != NULL && index < body->n && ret_item != NULL && !body->check_only);
	struct item *item = &body->items[index];
	if (item->key == NULL) {
		struct item made = {0};
		if (body->is_staged)
			make_staged(body, index, &made);
		else if (make_referenced(body, index, &made, err) != 0)
			return ERR_DATA;
		*item = made;
	}
	*ret_item = *item;
	return 0;
}
