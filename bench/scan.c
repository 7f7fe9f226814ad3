/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan FILE: how fast records of a CSV file are found that lies in the page cache, by the scanner
 * that stint reads with (linked, not copied), called as its reader calls it: a window at a time,
 * some hundreds of marks at a time. Beside it `memchr` counts the newlines of the same memory.
 * Prints both in megabytes a second: "SCANNER MEMCHR".
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "source/csv_scan.h"

enum { WINDOW = 256 * 1024, MARKS = 512 };

static double seconds(void)
{
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t find_records(const char *data, size_t len)
{
	static struct csv_mark marks[MARKS];
	struct csv_scan s;
	size_t n = 0;

	csv_scan_init(&s, ',', '"');
	for (size_t at = 0; at < len;) {
		size_t room = len - at < WINDOW ? len - at : WINDOW;
		for (size_t done = 0; done < room;) {
			size_t used = 0;
			n += csv_scan_run(&s, data + at + done, room - done, marks, MARKS, &used);
			done += used;
		}
		at += room;
	}
	return n;
}

static size_t count_newlines(const char *data, size_t len)
{
	const char *end = data + len;
	size_t n = 0;

	while (data < end) {
		const char *found = memchr(data, '\n', (size_t)(end - data));
		if (found == NULL)
			break;
		n++;
		data = found + 1;
	}
	return n;
}

int main(int argc, char **argv)
{
	struct stat st = {0};
	int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0) {
		fprintf(stderr, "usage: scan FILE\n");
		return 64;
	}
	size_t len = (size_t)st.st_size;
	const char *data = mmap(NULL, len, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (data == MAP_FAILED) {
		perror("mmap");
		return 71;
	}
	/* The first look also brings the file into the page cache and its pages into our tables. */
	size_t lines = count_newlines(data, len);
	double a = seconds();
	size_t records = find_records(data, len);
	double b = seconds();
	size_t again = count_newlines(data, len);
	double c = seconds();
	if (again != lines || records == 0 || records > lines) {
		fprintf(stderr, "scan: %zu records in %zu lines?\n", records, lines);
		return 1;
	}
	printf("%.1f %.1f\n", (double)len / 1e6 / (b - a), (double)len / 1e6 / (c - b));
	return 0;
}
