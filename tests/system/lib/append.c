/* SPDX-License-Identifier: Apache-2.0 */
/*
 * append FILE KEY [MILLISECONDS]: the effect that tests count. Appends a line with the key to the
 * file, in one write, after waiting so long, and as long as there is a file "hold" here.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINE_BYTES = 256, WAIT_MS = 2, MODE = 0644, DECIMAL = 10 };

int main(int argc, char **argv)
{
	char line[LINE_BYTES];

	if (argc < 3)
		return 64;
	if (argc > 3)
		(void)poll(NULL, 0, (int)strtol(argv[3], NULL, DECIMAL)); /* may be shorter */
	while (access("hold", F_OK) == 0)
		(void)poll(NULL, 0, WAIT_MS);
	int len = snprintf(line, sizeof(line), "%s\n", argv[2]);
	int fd = open(argv[1], O_WRONLY | O_CREAT | O_APPEND, MODE);
	return fd >= 0 && write(fd, line, (size_t)len) == (ssize_t)len ? 0 : 75;
}
