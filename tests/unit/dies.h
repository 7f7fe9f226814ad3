/* SPDX-License-Identifier: Apache-2.0 */
/* For the cases that say "ends the process": tried in a child, whose words nobody sees. */
#ifndef STINT_TESTS_UNIT_DIES_H
#define STINT_TESTS_UNIT_DIES_H

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whether `act` does not come back: ends by abort(), or by a sanitizer that notices first. */
/* lint: allow header-body: shared by tests of every folder, which link nothing of each other */
static inline bool dies(void (*act)(void))
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		(void)dup2(null, STDERR_FILENO);
		struct sigaction plain = {.sa_handler = SIG_DFL}; /* cmocka catches it */
		(void)sigaction(SIGABRT, &plain, NULL);
		act();
		_exit(0);
	}
	return child > 0 && waitpid(child, &status, 0) == child && status != 0;
}

#endif
