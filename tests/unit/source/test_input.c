/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes under the records: compressed files, and records of any length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/mem.h"
#include "unit/source/desk.h"

#define FIELDS "  fields: {id: integer, name: text}\n"

enum { PACKED_MAX = 1 << 20, GB = 1 << 30, MB = 1 << 20 };

struct packed {
	char *data;
	size_t len;
};

static struct packed gzip(const char *text, size_t len)
{
	struct packed p = {.data = xcalloc(PACKED_MAX, 1)};
	z_stream z = {0};
	char *in = xmemdup(text, len + 1);

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (Bytef *)in;
	z.avail_in = (uInt)len;
	z.next_out = (Bytef *)p.data;
	z.avail_out = PACKED_MAX;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	p.len = PACKED_MAX - z.avail_out;
	(void)deflateEnd(&z);
	free(in);
	return p;
}

static struct packed zstd(const char *text, size_t len)
{
	struct packed p = {.data = xcalloc(PACKED_MAX, 1)};

	p.len = ZSTD_compress(p.data, PACKED_MAX, text, len, 3);
	assert_false(ZSTD_isError(p.len));
	return p;
}

static void write_packed(struct desk *d, const char *name, const struct packed *p, size_t len)
{
	desk_write_bytes(d, name, p->data, len);
}

/* ---- compressed ---- */

static void gzip_and_zstd_are_read_as_they_are(void **state)
{
	static const char text[] = "id,name\n1,Ann\n2,x\ny,z\n";
	struct desk *d = desk_open();
	struct packed a = gzip(text, sizeof(text) - 1);
	struct packed b = zstd(text, sizeof(text) - 1);

	write_packed(d, "a.csv.gz", &a, a.len);
	write_packed(d, "b.csv.zst", &b, b.len);
	desk_job(d, "  csv: {path: \"*.csv.*\"}\n" FIELDS, "");
	desk_load(d);
	desk_expect_end(d);
	EXPECT_ITEMS(d, "a.csv.gz:2 @a.csv.gz:2 id=1 name=Ann",
		     "a.csv.gz:3 @a.csv.gz:3 id=2 name=x", "b.csv.zst:2 @b.csv.zst:2 id=1 name=Ann",
		     "b.csv.zst:3 @b.csv.zst:3 id=2 name=x");
	EXPECT_REJECTS(d, "a.csv.gz:4:1 byte 18: 'y' is no integer (field id) [y,z]",
		       "b.csv.zst:4:1 byte 18: 'y' is no integer (field id) [y,z]");
	free(a.data);
	free(b.data);
	desk_close(d);
}

static void several_members_and_frames_are_one_file(void **state)
{
	struct desk *d = desk_open();
	struct packed a1 = gzip("id,name\n1,An", 12);
	struct packed a2 = gzip("n\n2,x\n", 6);
	struct packed b1 = zstd("id,name\n1,An", 12);
	struct packed b2 = zstd("n\n2,x\n", 6);
	struct packed none = zstd("", 0);

	memcpy(a1.data + a1.len, a2.data, a2.len);
	memcpy(b1.data + b1.len, none.data, none.len);
	memcpy(b1.data + b1.len + none.len, b2.data, b2.len);
	write_packed(d, "a.gz", &a1, a1.len + a2.len);
	write_packed(d, "b.zst", &b1, b1.len + none.len + b2.len);
	desk_job(d, "  csv: {path: \"*\"}\n" FIELDS, "");
	desk_load(d);
	desk_expect_end(d);
	assert_int_equal(d->n_items, 4);
	assert_string_equal(d->items[2], "b.zst:2 @b.zst:2 id=1 name=Ann");
	free(a1.data);
	free(a2.data);
	free(b1.data);
	free(b2.data);
	free(none.data);
	desk_close(d);
}

static void expect_cut_off_at(struct desk *d, const char *name, size_t len)
{
	char want[300];

	(void)snprintf(want, sizeof(want),
		       "%s is cut off: its compressed data end at byte %zu, in the middle", name,
		       len);
	desk_load(d);
	desk_expect_failure(d, ERR_DATA, want);
}

static void a_compressed_file_that_is_cut_off_is_told_wherever_the_cut_is(void **state)
{
	static const char text[] = "id,name\n1,Ann\n2,Bob\n";
	struct desk *d = desk_open();
	struct packed a = gzip(text, sizeof(text) - 1);
	struct packed b = zstd(text, sizeof(text) - 1);

	desk_job(d, "  csv: {path: in.gz}\n" FIELDS, "");
	for (size_t len = 0; len < a.len; len++) {
		write_packed(d, "in.gz", &a, len);
		expect_cut_off_at(d, "in.gz", len);
	}
	desk_job(d, "  csv: {path: in.zst}\n" FIELDS, "");
	for (size_t len = 0; len < b.len; len++) {
		write_packed(d, "in.zst", &b, len);
		expect_cut_off_at(d, "in.zst", len);
	}
	free(a.data);
	free(b.data);
	desk_close(d);
}

static void a_compressed_file_that_is_damaged_is_told(void **state)
{
	static const char text[] = "id,name\n1,Ann\n2,Bob\n";
	struct desk *d = desk_open();
	struct packed a = gzip(text, sizeof(text) - 1);
	struct packed b = zstd(text, sizeof(text) - 1);

	a.data[a.len - 6] ^= 1; /* the checksum */
	write_packed(d, "in.gz", &a, a.len);
	desk_job(d, "  csv: {path: in.gz}\n" FIELDS, "");
	desk_load(d);
	desk_expect_failure(d, ERR_DATA, "in.gz is damaged near byte 36: incorrect data check");
	desk_write(d, "in.gz", "id,name\n1,Ann\n");
	desk_load(d);
	desk_expect_failure(d, ERR_DATA, "in.gz is damaged near byte 2: incorrect header check");
	b.data[0] ^= 1;
	write_packed(d, "in.zst", &b, b.len);
	desk_job(d, "  csv: {path: in.zst}\n" FIELDS, "");
	desk_load(d);
	assert_int_equal(d->rc, ERR_DATA);
	assert_non_null(strstr(d->err.text, "in.zst is damaged near byte "));
	free(a.data);
	free(b.data);
	desk_close(d);
}

/* ---- records of any length ---- */

static int64_t peak_mb(void)
{
	struct rusage usage = {0};

	(void)getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss / 1024;
}

/* A file of `size` bytes that takes no space: these texts at its start and at its end. */
static void write_sparse(struct desk *d, const char *name, const char *start, const char *end,
			 int64_t size)
{
	desk_write(d, name, start);
	int fd = open(desk_path(d, name), O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, end, strlen(end), size - (int64_t)strlen(end)),
			 (ssize_t)strlen(end));
	(void)close(fd);
}

static void a_line_of_1_gb_is_rejected_in_bounded_memory(void **state)
{
	struct desk *d = desk_open();
	int64_t before = peak_mb();

	write_sparse(d, "in.csv", "id,name\n1,Ann\n2,", "\n3,Eve\n", GB);
	desk_job(d, "  csv: {path: in.csv}\n" FIELDS, "");
	desk_load(d);
	desk_expect_end(d);
	EXPECT_ITEMS(d, "in.csv:2 @in.csv:2 id=1 name=Ann", "in.csv:4 @in.csv:4 id=3 name=Eve");
	assert_int_equal(d->read, 3);
	assert_int_equal(d->n_rejects, 1);
	assert_int_equal(
		strncmp(d->rejects[0],
			"in.csv:3:1 byte 14: longer than 8 MiB: it has 1,073,741,804 bytes "
			"[2,",
			68),
		0);
	assert_true(peak_mb() - before < 100);
	desk_close(d);
}

static void a_quoted_column_of_1_gb_is_rejected_in_bounded_memory(void **state)
{
	struct desk *d = desk_open();
	int64_t before = peak_mb();

	write_sparse(d, "in.csv", "id,name\n1,Ann\n2,\"a\nb", "\"\n3,Eve\n", GB);
	desk_job(d, "  csv: {path: in.csv}\n" FIELDS, "");
	desk_load(d);
	desk_expect_end(d);
	EXPECT_ITEMS(d, "in.csv:2 @in.csv:2 id=1 name=Ann", "in.csv:5 @in.csv:5 id=3 name=Eve");
	assert_int_equal(d->n_rejects, 1);
	write_sparse(d, "in.csv", "id,name\n1,Ann\n2,\"a\nb", "\n3,Eve\n", GB / 4);
	desk_load(d);
	desk_expect_end(d);
	assert_int_equal(d->n_items, 1);
	assert_non_null(strstr(d->rejects[0], "bytes; a quote in it is never closed ["));
	assert_true(peak_mb() - before < 100);
	desk_close(d);
}

/* ---- many records of all sizes ---- */

enum { RECORDS = 3000, LENGTH_MAX = 400000 };

/* What the generator knows of each good record. */
struct made {
	int64_t line[RECORDS];
	size_t name_len[RECORDS];
	size_t n;
	size_t n_bad;
};

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Records from a few bytes to some hundred thousand, with line ends and quotes in them, bad ones
 * and empty lines between them. */
static void make_records(struct buf *b, struct made *made, uint64_t seed)
{
	int64_t line = 2;

	buf_puts(b, "id,name\n");
	for (int i = 0; i < RECORDS; i++) {
		uint64_t r = next_random(&seed);
		size_t len = r % 200 == 0 ? next_random(&seed) % LENGTH_MAX : r % 90;
		bool is_quoted = r % 3 == 0;
		if (r % 17 == 0) {
			buf_puts(b, "\n");
			line++;
		}
		if (r % 23 == 0) {
			buf_puts(b, "bad,record,here\n");
			line++;
			made->n_bad++;
		}
		made->line[made->n] = line;
		made->name_len[made->n] = len;
		buf_printf(b, is_quoted ? "%zu,\"" : "%zu,", made->n);
		made->n++;
		for (size_t k = 0; k < len; k++) {
			bool is_end = is_quoted && k % 70 == 50;
			buf_putc(b, is_end ? '\n' : 'x');
			line += is_end;
		}
		buf_puts(b, is_quoted ? "\"\r\n" : "\n");
		line++;
	}
}

static void expect_made(const struct desk *d, const struct made *made)
{
	char want[100];

	desk_expect_end(d);
	assert_int_equal(d->n_items, made->n);
	assert_int_equal(d->n_rejects, made->n_bad);
	for (size_t i = 0; i < made->n; i++) {
		const char *name = strstr(d->items[i], " name=");
		int len = snprintf(want, sizeof(want),
				   ":%lld id=%zu name=", (long long)made->line[i], i);
		assert_non_null(name);
		assert_non_null(strstr(d->items[i], want));
		assert_true(len > 0);
		assert_int_equal(strlen(name + 6), made->name_len[i]);
	}
}

static void records_of_all_sizes_are_found_whatever_the_chunks(void **state)
{
	static const char *const chunks[] = {"", "chunk: {items: 1}", "chunk: {items: 4096}",
					     "chunk: {items: 100, bytes: 16M}"};
	struct desk *d = desk_open();
	struct buf b = BUF_INIT(100 * MB);
	struct made made = {0};

	make_records(&b, &made, 20261123);
	desk_write_bytes(d, "in.csv", buf_str(&b), b.len);
	size_t bound = ZSTD_compressBound(b.len);
	char *packed = xcalloc(bound, 1);
	size_t len = ZSTD_compress(packed, bound, buf_str(&b), b.len, 1);
	desk_write_bytes(d, "in.csv.zst", packed, len);
	free(packed);
	buf_done(&b);
	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		desk_job(d, "  csv: {path: in.csv}\n" FIELDS "  max_rejects: 10000\n", chunks[i]);
		desk_load(d);
		expect_made(d, &made);
		desk_job(d, "  csv: {path: in.csv.zst}\n" FIELDS "  max_rejects: 10000\n",
			 chunks[i]);
		desk_load(d);
		expect_made(d, &made);
	}
	d->job->chunk_bytes = 3000;
	desk_load(d);
	expect_made(d, &made);
	desk_close(d);
}

static void a_header_that_never_ends_is_told(void **state)
{
	struct desk *d = desk_open();

	write_sparse(d, "in.csv", "id,name", "\n", 20 * MB);
	desk_job(d, "  csv: {path: in.csv}\n" FIELDS, "");
	desk_load(d);
	desk_expect_failure(d, ERR_DATA, "in.csv: the header is longer than 8 MiB");
	desk_close(d);
}

/* A record of exactly `size` bytes, and one more behind it. */
static void load_record_of(struct desk *d, size_t size)
{
	char *text = xcalloc(size + 100, 1);
	size_t at = 0;

	memcpy(text, "id,name\n1,", 10);
	at = 8 + size - 1;
	memset(text + 10, 'x', at - 10);
	memcpy(text + at, "\n2,Bob\n", 7);
	desk_write_bytes(d, "in.csv", text, at + 7);
	desk_job(d, "  csv: {path: in.csv}\n" FIELDS, "");
	d->skip_items = true;
	desk_load(d);
	free(text);
}

static void a_record_of_8_mib_is_read_and_one_byte_more_is_not(void **state)
{
	struct desk *d = desk_open();

	load_record_of(d, 8 * MB);
	desk_expect_end(d);
	assert_int_equal(d->n_items, 2);
	assert_int_equal(d->n_chunks, 2); /* the first is larger than a chunk should be */
	d->n_items = 0;
	load_record_of(d, 8 * MB + 1);
	desk_expect_end(d);
	assert_int_equal(d->n_items, 1);
	assert_int_equal(d->n_rejects, 1);
	d->n_items = 0;
	desk_close(d);
}

static void a_gigabyte_of_empty_lines_within_a_chunk_is_no_matter(void **state)
{
	struct desk *d = desk_open();
	char *lines = xcalloc(1, 30 * MB);

	memset(lines, '\n', 30 * MB);
	memcpy(lines, "id,name\n1,Ann\n", 14);
	memcpy(lines + 30 * MB - 6, "2,Bob\n", 6);
	desk_write_bytes(d, "in.csv", lines, 30 * MB);
	free(lines);
	desk_job(d, "  csv: {path: in.csv}\n" FIELDS, "");
	desk_load(d);
	desk_expect_end(d);
	assert_int_equal(d->n_items, 2);
	assert_int_equal(d->n_chunks, 2);
	desk_close(d);
}

static void rejects_are_kept_as_they_stood_up_to_a_limit(void **state)
{
	struct desk *d = desk_open();
	struct source *source = NULL;
	struct frame_loaded batch = {0};
	char *text = xcalloc(1, 200 * 1024);

	memset(text, 'x', 200 * 1024 - 1);
	memcpy(text, "id,name\n", 8);
	desk_write(d, "in.csv", text);
	free(text);
	desk_job(d, "  csv: {path: in.csv}\n" FIELDS, "");
	assert_int_equal(source_open(&d->options, &source, &d->err), 0);
	assert_int_equal(source_next(source, &batch, &d->err), 0);
	assert_int_equal(batch.n_rejects, 1);
	assert_int_equal(batch.rejects[0].raw_len, 64 * 1024);
	assert_true(batch.rejects[0].is_cut);
	source_free(source);
	desk_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gzip_and_zstd_are_read_as_they_are),
		cmocka_unit_test(several_members_and_frames_are_one_file),
		cmocka_unit_test(a_compressed_file_that_is_cut_off_is_told_wherever_the_cut_is),
		cmocka_unit_test(a_compressed_file_that_is_damaged_is_told),
		cmocka_unit_test(a_line_of_1_gb_is_rejected_in_bounded_memory),
		cmocka_unit_test(a_quoted_column_of_1_gb_is_rejected_in_bounded_memory),
		cmocka_unit_test(records_of_all_sizes_are_found_whatever_the_chunks),
		cmocka_unit_test(a_header_that_never_ends_is_told),
		cmocka_unit_test(a_record_of_8_mib_is_read_and_one_byte_more_is_not),
		cmocka_unit_test(a_gigabyte_of_empty_lines_within_a_chunk_is_no_matter),
		cmocka_unit_test(rejects_are_kept_as_they_stood_up_to_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
