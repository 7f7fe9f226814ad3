/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stamp FILE [PROGRAM [ARG…]]: writes the monotonic clock, in microseconds, into FILE. With PROGRAM
 * it then becomes that program. So the time from a start to an effect is the difference of two
 * stamps.
 */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct timespec t = {0};
	char text[32];
	if (argc < 2)
		return 64;
	int fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	/* Opened before, so that only the clock and the start are between the two stamps. */
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	int n = snprintf(text, sizeof text, "%lld\n", t.tv_sec * 1000000LL + t.tv_nsec / 1000);
	if (fd < 0 || write(fd, text, (size_t)n) != n)
		return 74;
	if (argc == 2)
		return 0;
	(void)execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
