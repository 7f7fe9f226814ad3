/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person can do next about a run: commands that can be pasted, each with its reason.
 * The report, `why`, `status` and the end of `run` say the same.
 */
#ifndef STINT_REPORT_NEXT_H
#define STINT_REPORT_NEXT_H

#include <stddef.h>

struct arena;
struct report_run;

enum { NEXT_MAX = 12 };

struct next_step {
	const char *command; /* for a shell */
	const char *because;
};

struct next {
	struct next_step steps[NEXT_MAX];
	size_t n;
};

/* Texts in the arena. */
void next_of_run(const struct report_run *run, struct arena *arena, struct next *ret_next);
void next_add(struct next *next, const char *command, const char *because);

/* A word for a shell, in quotes where it needs them; printable whatever it holds ($'…').
 * In the arena. */
const char *shell_word(const char *word, struct arena *arena);
/* The job file as a command would name it, and the parameters of the run. */
const char *next_job_file(const struct report_run *run, struct arena *arena);

#endif
