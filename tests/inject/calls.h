/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that fail when a test wants it: the allocator and the system calls of the whole process, in
 * our own code, in SQLite and in every other library, since this program's definitions come before
 * those of the C library.
 *
 * Counts the calls of one kind, on all threads, and has the n-th one fail. What the C library does
 * inside itself (stdio's reads and writes) is not seen; its allocations are.
 */
#ifndef STINT_TESTS_INJECT_CALLS_H
#define STINT_TESTS_INJECT_CALLS_H

#include <stdbool.h>

enum call_kind {
	CALL_MEMORY, /* malloc, calloc, realloc */
	CALL_READ,   /* read, pread, readv, recv */
	CALL_WRITE,  /* write, pwrite, writev, send */
	CALL_SYNC,   /* fsync, fdatasync */
	CALL_FILE,   /* open, rename, link, unlink, mkdir, ftruncate, fallocate, mmap, locks */
	CALL_KIND_COUNT_
};

struct call_fault {
	enum call_kind kind;
	int os_errno;	   /* 0: reads and writes do half of what they should */
	bool is_permanent; /* all later ones fail, too */
};

/* From now on calls are counted, and the n-th fails; 0: none does. */
void calls_arm(const struct call_fault *fault, int nth);
/* Neither counted nor failing until calls_go_on. */
void calls_pause(void);
void calls_go_on(void);
int calls_counted(void);

#endif
