/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/lock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"

static struct flock ofd_range(int64_t byte, short type)
{
	/* l_pid must be 0 for these locks (fcntl(2)) */
	return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
}

int ofd_lock(int fd, int64_t byte, bool wait)
{
	struct flock range = ofd_range(byte, F_WRLCK);
	int rc = 0;

	assert(byte >= 0);
	do
		rc = fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &range);
	while (rc < 0 && errno == EINTR);
	if (rc == 0)
		return 0;
	return !wait && (errno == EAGAIN || errno == EACCES) ? 1 : -1;
}

int ofd_unlock(int fd, int64_t byte)
{
	struct flock range = ofd_range(byte, F_UNLCK);

	assert(byte >= 0);
	return fcntl(fd, F_OFD_SETLK, &range) < 0 ? -1 : 0;
}

int ofd_probe(int fd, int64_t byte)
{
	struct flock range = ofd_range(byte, F_WRLCK);

	assert(byte >= 0);
	if (fcntl(fd, F_OFD_GETLK, &range) < 0)
		return -1;
	return range.l_type == F_UNLCK ? 0 : 1;
}

/* A mutex fails only when it is used wrongly. */
static void lock_require(const struct lock *l, const char *what, int rc)
{
	if (rc == 0)
		return;
	(void)fprintf(stderr, "lock '%s': %s: %s\n", l->name, what,
		      strerrordesc_np(rc)); /* abort */
	abort();
}

static void lock_set_owner(struct lock *l)
{
	atomic_store_explicit(&l->owner, pthread_self(), memory_order_relaxed);
	atomic_store_explicit(&l->is_held, true, memory_order_relaxed);
}

static void lock_clear_owner(struct lock *l)
{
	atomic_store_explicit(&l->is_held, false, memory_order_relaxed);
}

void lock_init(struct lock *l, const char *name)
{
	pthread_mutexattr_t attr;

	assert(l != NULL && name != NULL);
	*l = (struct lock){.name = name};
	lock_require(l, "attributes", pthread_mutexattr_init(&attr));
	lock_require(l, "type", pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK));
	lock_require(l, "make", pthread_mutex_init(&l->mutex, &attr));
	lock_require(l, "attributes", pthread_mutexattr_destroy(&attr));
}

void lock_done(struct lock *l)
{
	assert(l != NULL && !atomic_load(&l->is_held));
	lock_require(l, "unmake", pthread_mutex_destroy(&l->mutex));
}

void lock_take(struct lock *l)
{
	assert(l != NULL);
	lock_require(l, "take", pthread_mutex_lock(&l->mutex));
	lock_set_owner(l);
}

void lock_give(struct lock *l)
{
	lock_assert_held(l);
	lock_clear_owner(l);
	lock_require(l, "give", pthread_mutex_unlock(&l->mutex));
}

void lock_wait(struct lock *l, pthread_cond_t *condition)
{
	assert(condition != NULL);
	lock_assert_held(l);
	lock_clear_owner(l);
	lock_require(l, "wait", pthread_cond_wait(condition, &l->mutex));
	lock_set_owner(l);
}

void lock_assert_held(const struct lock *l)
{
	assert(l != NULL);
	/* Relaxed is enough: only a thread that holds it finds itself here. */
	bool is_held = atomic_load_explicit(&l->is_held, memory_order_relaxed);
	pthread_t owner = atomic_load_explicit(&l->owner, memory_order_relaxed);
	if (!is_held || pthread_equal(owner, pthread_self()) == 0)
		lock_require(l, "is not held by this thread", EPERM);
}
