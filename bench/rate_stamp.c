/* SPDX-License-Identifier: Apache-2.0 */
/* rate_stamp FILE: appends the monotonic clock, in microseconds, at which it began. */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct timespec t = {0};
	char text[32];

	/* First of all: what a busy disk adds is not when it began. */
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	if (argc != 2)
		return 64;
	int n = snprintf(text, sizeof text, "%lld\n", t.tv_sec * 1000000LL + t.tv_nsec / 1000);
	int fd = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	return fd < 0 || write(fd, text, (size_t)n) != n ? 74 : 0;
}
