/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a kind of work must do. The front (work.c) has checked the arguments, counts what is under
 * way and passes on the outcomes; a backend does its work and nothing else.
 *
 * A new kind: one file with one of these, a line in the table of work.c, and the tests of
 * tests/unit/work.
 */
#ifndef STINT_WORK_BACKEND_H
#define STINT_WORK_BACKEND_H

#include "base/attr.h"
#include "work/work.h"

struct work_backend {
	const char *name;
	/* Keeps `context` until `free`. Gives in *ret_state. */
	int (*open)(const struct work_context *context, void **ret_state, struct err *err);
	/* Begins; context->done is called once for each, never from within this. */
	void (*start)(void *state, const struct work_attempt *attempt);
	/* The ticket, or all with UINT32_MAX. A ticket that is not there is none of its business:
	 * the attempt may have ended meanwhile. */
	void (*cancel)(void *state, uint32_t ticket);
	/* Lets go of what outlives attempts; see work_close. NULL: there is nothing of the kind. */
	bool (*close)(void *state);
	/* Ends what is under way at once, without telling. */
	void (*free)(void *state);
	int (*check)(const struct job *job, struct err *err);
};

extern const struct work_backend work_exec;
extern const struct work_backend work_file;
extern const struct work_backend work_http;
extern const struct work_backend work_lua;
extern const struct work_backend work_noop;
extern const struct work_backend work_stream;

#endif
