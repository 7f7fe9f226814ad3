/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks between processes and between threads.
 *
 * Between processes: open-file-description locks (fcntl F_OFD_*) on one byte of a file. They belong
 * to the open file, not to the process: two opens in one process exclude each other, and closing a
 * third descriptor of the same file drops nothing. The kernel gives them back when the last
 * descriptor of that open goes, also by SIGKILL. Not to be relied on where file_is_remote().
 *
 * Between threads: a mutex that knows its name and its owner. Never call out (callback, input,
 * output, log) while holding one.
 */
#ifndef STINT_SYS_LOCK_H
#define STINT_SYS_LOCK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Locks the byte for this open file, which must be open for writing. 0 when got (also when it had
 * it), 1 when another open file has it and `wait` is false, -1 with errno. */
int ofd_lock(int fd, int64_t byte, bool wait);
/* 0, or -1 with errno. */
int ofd_unlock(int fd, int64_t byte);
/* 1 when another open file has it, 0 when it is free or ours, -1 with errno. */
int ofd_probe(int fd, int64_t byte);

struct lock {
	pthread_mutex_t mutex;
	const char *name;	  /* kept; for messages and debuggers */
	_Atomic(pthread_t) owner; /* valid while `is_held` */
	atomic_bool is_held;
};

/* Keeps `name`. */
void lock_init(struct lock *l, const char *name);
/* The lock must be free. */
void lock_done(struct lock *l);
/* Taking a lock twice, or giving one that is not ours, ends the process. */
void lock_take(struct lock *l);
void lock_give(struct lock *l);
/* Gives the lock, waits for `condition` and takes it again. May wake without reason. */
void lock_wait(struct lock *l, pthread_cond_t *condition);
/* Ends the process when the calling thread does not hold it. */
void lock_assert_held(const struct lock *l);

#endif
