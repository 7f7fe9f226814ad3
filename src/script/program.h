/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A script of a job, compiled: its fields are parameters of a function, its constants and
 * functions are known to it by name, and nothing else is.
 *
 * Owner: one thread; program_free.
 */
#ifndef STINT_SCRIPT_PROGRAM_H
#define STINT_SCRIPT_PROGRAM_H

#include <lua.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "job/script_names.h"

struct err;
struct job;
struct program;
struct template_item;
struct template_run;

struct program_options {
	enum script_use use;
	const char *name; /* for messages */
	const char *text;
	size_t len;
	const struct job *job;		/* kept */
	const struct template_run *run; /* kept; NULL where it is only compiled */
	int64_t instructions;		/* 0: as the job says */
	int64_t memory_bytes;		/* likewise */
	void *arg;
	/* What the script returned is on the stack from `first` on, `n` values. Inside: may end in
	 * a Lua error. */
	void (*take)(void *arg, lua_State *lua, int first, int n);
};

/* An answer that is to be tested. */
struct program_answer {
	int64_t status;
	const char *body;
	size_t len;
};

/* Gives. ERR_CONFIG: "filter:2: what". */
ST_MUST_CHECK int program_open(const struct program_options *options, struct program **ret_program,
			       struct err *err);
/* Runs it over the fields of an item; `answer` with SCRIPT_TEST. ERR_DATA: "filter:2: what". */
ST_MUST_CHECK int program_run(struct program *p, const struct template_item *item,
			      const struct program_answer *answer, struct err *err);
/* What the script decided by calling dead() or retry() in a run that failed, and why. */
enum program_verdict { PROGRAM_NONE, PROGRAM_DEAD, PROGRAM_RETRY };
enum program_verdict program_verdict(const struct program *p, const char **ret_why);
/* Which fields it gives back, as indices into job->fields, in the order in which it does. */
const size_t *program_sets(const struct program *p, size_t *ret_n);
/* NULL is allowed. */
void program_free(struct program *p);

#endif
