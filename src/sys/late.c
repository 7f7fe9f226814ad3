/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/late.h"

#include <assert.h>
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "base/err.h"

static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

static int fill(struct late_library *library, struct err *err)
{
	/* Never closed: threads and exit handlers of its own may be in it. */
	void *handle = dlopen(library->file, RTLD_NOW | RTLD_LOCAL);

	if (handle == NULL)
		return ERR(err, ERR_UNAVAILABLE, "%s cannot be loaded: install the package %s (%s)",
			   library->file, library->package, dlerror());
	for (size_t i = 0; i < library->n; i++) {
		void *at = dlsym(handle, library->names[i]);
		if (at == NULL)
			return ERR(err, ERR_UNAVAILABLE, "%s has no %s: it is too old",
				   library->file, library->names[i]);
		/* A pointer to a function has the size of any other (POSIX, dlsym). */
		memcpy((char *)library->calls + i * sizeof(at), &at, sizeof(at));
	}
	return 0;
}

int late_load(struct late_library *library, struct err *err)
{
	int r = 0;

	assert(library != NULL && library->calls != NULL && library->n > 0);
	if (atomic_load_explicit(&library->is_loaded, memory_order_acquire))
		return 0;
	pthread_mutex_lock(&loading);
	if (!atomic_load_explicit(&library->is_loaded, memory_order_relaxed))
		r = fill(library, err);
	if (r == 0)
		atomic_store_explicit(&library->is_loaded, true, memory_order_release);
	pthread_mutex_unlock(&loading);
	return r;
}

void late_load_now(struct late_library *library)
{
	struct err err = ERR_INIT;

	if (late_load(library, &err) != 0)
		unreachable(err.text);
}
