/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_bare FROM TO: records of make_csv as lines of JSON, as one would write it down: columns are
 * split at commas, an integer and a decimal are taken as they stand, texts are escaped; written
 * beside TO, synced and renamed. Nothing is checked, recorded, or done again. Prints records a
 * second.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { COLUMNS = 4, BUFFER_BYTES = 1 << 18 };

static void die(const char *what)
{
	fprintf(stderr, "file_bare: %s\n", what);
	exit(1);
}

static void put_text(FILE *out, const char *text)
{
	putc_unlocked('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			putc_unlocked('\\', out);
		if ((unsigned char)*text < ' ')
			fprintf(out, "\\u%04x", (unsigned)*text);
		else
			putc_unlocked(*text, out);
	}
	putc_unlocked('"', out);
}

static void put_record(FILE *out, char *line)
{
	char *columns[COLUMNS] = {NULL};
	char *rest = line;

	for (int i = 0; i < COLUMNS; i++)
		columns[i] = strsep(&rest, ",\n");
	if (columns[COLUMNS - 1] == NULL)
		die("a record has too few columns");
	fputs_unlocked("{\"id\":", out);
	fputs_unlocked(columns[0], out);
	fputs_unlocked(",\"name\":", out);
	put_text(out, columns[1]);
	fputs_unlocked(",\"due\":", out);
	put_text(out, columns[2]);
	fputs_unlocked(",\"total\":", out);
	fputs_unlocked(columns[3], out);
	fputs_unlocked("}\n", out);
}

int main(int argc, char **argv)
{
	static char in_buffer[BUFFER_BYTES];
	static char out_buffer[BUFFER_BYTES];
	FILE *in = argc == 3 ? fopen(argv[1], "r") : NULL;
	FILE *out = fopen("file_bare.new", "w");
	struct timespec began;
	struct timespec ended;
	char *line = NULL;
	size_t size = 0;
	size_t n = 0;

	if (in == NULL || out == NULL)
		die("usage: file_bare FROM TO");
	(void)setvbuf(in, in_buffer, _IOFBF, sizeof in_buffer);
	(void)setvbuf(out, out_buffer, _IOFBF, sizeof out_buffer);
	clock_gettime(CLOCK_MONOTONIC, &began);
	if (getline(&line, &size, in) < 0)
		die("no header");
	for (; getline(&line, &size, in) > 0; n++)
		put_record(out, line);
	if (fflush(out) != 0 || fsync(fileno(out)) != 0 || rename("file_bare.new", argv[2]) != 0)
		die("the file cannot be written");
	clock_gettime(CLOCK_MONOTONIC, &ended);
	printf("%.1f\n", (double)n / ((double)(ended.tv_sec - began.tv_sec) +
				      (double)(ended.tv_nsec - began.tv_nsec) / 1e9));
	free(line);
	return 0;
}
