/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real world of the engine: libuv's loop, the writer thread on the ledger, lanes as processes,
 * signals, clocks, and the progress bar.
 *
 * Owner: the process. host_run blocks until the session is over.
 */
#ifndef STINT_HOST_HOST_H
#define STINT_HOST_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "engine/session.h"

struct err;
struct ledger;

enum host_progress { HOST_PROGRESS_NONE, HOST_PROGRESS_LINES, HOST_PROGRESS_BAR };

struct host_options {
	struct ledger
		*ledger; /* opened for writing; lent: the writer thread uses it alone meanwhile */
	struct session_spec spec; /* nonce, pid, host, boot_id, ledger_uuid, cpus, lanes are filled
				     in by host_run */
	enum host_progress progress;
	int verbosity; /* -1 quiet, 0, 1 verbose */
	int keeper_fd; /* from keeper_child_fd(), -1 none: ticks go there; its end stops the run */
	/* HUP: reads the job file again; NULL when it is wrong (it has said so). */
	const struct job *(*reload)(void *arg);
	void *arg;
};

/* Works the session to its end. `*ret_exit` is the exit status of `run`. Fails only before anything
 * was begun. */
ST_MUST_CHECK int host_run(const struct host_options *options, int *ret_exit, struct err *err);

#endif
