/* SPDX-License-Identifier: Apache-2.0 */
/* What process.c and grave.c share. */
#ifndef STINT_HOST_PROCESS_INSIDE_H
#define STINT_HOST_PROCESS_INSIDE_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/list.h"
#include "host/process.h"

struct loop_child;
struct loop_watch;

struct process {
	struct list link;
	struct processes *all;
	uint32_t lane;
	pid_t pid;
	int64_t start_time;
	int fd; /* belongs to `watch` */
	struct loop_watch *watch;
	struct loop_child *child;
	struct buf in;
	struct buf out;
	struct lane_shared *shared;
	int status; /* of waitpid, when reaped */
	bool is_reaped;
	bool is_at_end; /* it closed its socket */
	bool is_mute;	/* sent rubbish: nothing more is believed */
};

struct processes {
	struct loop *loop;
	const char *group; /* a control group, NULL: ours */
	struct process_events events;
	uint8_t nonce[16];
	int64_t until; /* for struct lane_shared */
	struct list all;
	struct list graves;
};

void process_free(struct process *p);

#endif
