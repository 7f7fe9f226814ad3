/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Libraries that are loaded when they are first needed (dlopen(3)). libcurl and libpq bring thirty
 * others along; linked as usual, each of the four processes of a run would load them all, which
 * takes longer than everything else that it does before its first item.
 *
 * A library's calls are defined once, in a file of their own (pg/libpq.c, work/libcurl.c), under
 * their own names: whoever uses them includes the library's header and sees no difference. Who
 * begins to use a library calls late_load() first, to have a clear error where it is missing.
 *
 * Thread: all functions may be called by any.
 */
#ifndef STINT_SYS_LATE_H
#define STINT_SYS_LATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct err;

struct late_library {
	const char *file;	  /* libpq.so.5 */
	const char *package;	  /* Debian's, for the one who has to install it */
	const char *const *names; /* of its functions */
	size_t n;
	void *calls; /* n pointers to functions, filled in the order of `names` */
	atomic_bool is_loaded;
};

/* ERR_UNAVAILABLE when it is not there, or is no such library. */
ST_MUST_CHECK int late_load(struct late_library *library, struct err *err);

/* For calls whose caller must have loaded it, and has unless there is a mistake. */
void late_load_now(struct late_library *library);

/* In each call: must cost nothing when it is there. */
static inline void late_need(struct late_library *library)
{
	if (!atomic_load_explicit(&library->is_loaded, memory_order_acquire))
		late_load_now(library);
}

/* A list of calls is a macro CALLS(V, N) with a line for each: V(type, name, takes, passes), or
 * N(name, takes, passes) where it yields nothing. Of it come the pointers (in a struct `calls`),
 * their names, and, behind a `library` with both, the functions. */
#define LATE_POINTERS(CALLS) CALLS(LATE_POINTER, LATE_POINTER_N)
#define LATE_NAMES(CALLS) CALLS(LATE_NAME, LATE_NAME_N)
#define LATE_FUNCTIONS(CALLS) CALLS(LATE_FUNCTION, LATE_FUNCTION_N)

#define LATE_POINTER(type, name, takes, passes) __typeof__(name) *name;
#define LATE_POINTER_N(name, takes, passes) __typeof__(name) *name;
#define LATE_NAME(type, name, takes, passes) #name,
#define LATE_NAME_N(name, takes, passes) #name,
#define LATE_FUNCTION(type, name, takes, passes)                                                   \
	type name takes                                                                            \
	{                                                                                          \
		late_need(&library);                                                               \
		return calls.name passes;                                                          \
	}
#define LATE_FUNCTION_N(name, takes, passes)                                                       \
	void name takes                                                                            \
	{                                                                                          \
		late_need(&library);                                                               \
		calls.name passes;                                                                 \
	}

#endif
