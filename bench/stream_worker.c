/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_worker [BATCH]: a worker for `mode: stream` that does nothing, for bench/run stream. It
 * answers each line with done, and writes each answer before it looks at the next line; with BATCH
 * it writes so many in one go, or fewer when no line is there to be read at once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { IN_BYTES = 1 << 16, OUT_BYTES = 1 << 16, ANSWER_BYTES = 64 };

static char in[IN_BYTES];
static char out[OUT_BYTES];
static size_t out_len;

static void flush_out(void)
{
	for (size_t at = 0; at < out_len;) {
		ssize_t n = write(STDOUT_FILENO, out + at, out_len - at);
		if (n < 0)
			exit(EXIT_FAILURE);
		at += (size_t)n;
	}
	out_len = 0;
}

/* Of {"id":"…", the id. */
static void answer(const char *line)
{
	static const char head[] = "{\"id\":\"";
	static const char tail[] = "\",\"outcome\":\"done\"}\n";
	const char *id = line + sizeof(head) - 1;
	size_t len = strcspn(id, "\"");

	memcpy(out + out_len, head, sizeof(head) - 1);
	out_len += sizeof(head) - 1;
	memcpy(out + out_len, id, len);
	out_len += len;
	memcpy(out + out_len, tail, sizeof(tail) - 1);
	out_len += sizeof(tail) - 1;
}

int main(int argc, char **argv)
{
	long batch = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
	long waiting = 0;
	size_t len = 0;

	for (;;) {
		ssize_t n = read(STDIN_FILENO, in + len, sizeof(in) - len);
		if (n <= 0)
			return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
		len += (size_t)n;
		char *line = in;
		for (;;) {
			char *stop = memchr(line, '\n', (size_t)(in + len - line));
			if (stop == NULL)
				break;
			answer(line);
			line = stop + 1;
			if (++waiting >= batch || out_len > OUT_BYTES - ANSWER_BYTES) {
				flush_out();
				waiting = 0;
			}
		}
		if (waiting > 0) {
			flush_out();
			waiting = 0;
		}
		len -= (size_t)(line - in);
		memmove(in, line, len);
	}
}
