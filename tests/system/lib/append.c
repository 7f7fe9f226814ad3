/* SPDX-License-Identifier: Apache-2.0 */
/*
 * append FILE KEY [MILLISECONDS]: the effect that tests count. Appends a line with the key to the
 * file, in one write, after waiting so long, and as long as there is a file "hold" here, or a file
 * "gate" that is not longer than FILE.
 *
 * append FILE: the same as a worker for `mode: stream`, for the key of each line.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_BYTES = 65536, WAIT_MS = 2, MODE = 0644, DECIMAL = 10, EXIT_LATER = 75 };

static int is_held(const char *path)
{
	struct stat gate;
	struct stat file = {0};

	if (access("hold", F_OK) == 0)
		return 1;
	(void)stat(path, &file); /* nothing yet */
	return stat("gate", &gate) == 0 && file.st_size >= gate.st_size;
}

static int append(const char *path, const char *key, int len)
{
	char line[256];

	while (is_held(path))
		(void)poll(NULL, 0, WAIT_MS);
	int n = snprintf(line, sizeof(line), "%.*s\n", len, key);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, MODE);
	if (fd < 0)
		return EXIT_LATER;
	ssize_t written = write(fd, line, (size_t)n);
	(void)close(fd);
	return written == (ssize_t)n ? 0 : EXIT_LATER;
}

/* The text of "NAME":"…" in a line; its length in `ret_len`. */
static const char *member(const char *line, const char *name, int *ret_len)
{
	const char *at = strstr(line, name);

	if (at == NULL)
		exit(EXIT_LATER);
	at += strlen(name);
	*ret_len = (int)strcspn(at, "\"");
	return at;
}

static int work_lines(const char *path)
{
	static char line[LINE_BYTES];
	int len = 0;

	while (fgets(line, sizeof(line), stdin) != NULL) {
		const char *key = member(line, "\"key\":\"", &len);
		const char *outcome = append(path, key, len) == 0 ? "done" : "retry";
		const char *id = member(line, "{\"id\":\"", &len);
		(void)printf("{\"id\":\"%.*s\",\"outcome\":\"%s\"}\n", len, id, outcome);
		(void)fflush(stdout);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2)
		return work_lines(argv[1]);
	if (argc < 3)
		return 64;
	if (argc > 3)
		(void)poll(NULL, 0, (int)strtol(argv[3], NULL, DECIMAL)); /* may be shorter */
	return append(argv[1], argv[2], (int)strlen(argv[2]));
}
