/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main of a fuzz target that does not search: feeds it the empty input and every file of the
 * folder named as its argument, so that inputs which once broke something are tested in each build,
 * by each compiler. A folder that is missing or empty is a failure: a target comes with a corpus.
 */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The input stands in memory of exactly its size, so that ASan sees a read of one byte too many. */
static int replay_file(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	struct stat st = {0};

	if (fd < 0 || fstat(fd, &st) != 0) {
		perror(name);
		return -1;
	}
	size_t size = (size_t)st.st_size;
	uint8_t *data = malloc(size + (size == 0));
	ssize_t got = data == NULL ? -1 : read(fd, data, size);
	if (got == (ssize_t)size)
		(void)LLVMFuzzerTestOneInput(data, size);
	else
		perror(name);
	free(data);
	(void)close(fd); /* only read from */
	return got == (ssize_t)size ? 0 : -1;
}

int main(int argc, char **argv)
{
	DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
	int count = 0;
	int failed = 0;

	if (dir == NULL) {
		(void)fprintf(stderr, "usage: replay FOLDER (which must exist)\n");
		return EXIT_FAILURE;
	}
	(void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		if (entry->d_type == DT_DIR)
			continue;
		(void)printf("%s\n", entry->d_name); /* the last one told is the one that broke */
		(void)fflush(stdout);
		failed += replay_file(dirfd(dir), entry->d_name) != 0;
		count++;
	}
	(void)closedir(dir);
	(void)printf("%d inputs, %d unreadable\n", count, failed);
	return count > 0 && failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
