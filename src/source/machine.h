/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which machine a source was read on, so that another one knows that a file it cannot find may
 * well be there: it leaves the work to those that see it, and fails nothing.
 */
#ifndef STINT_SOURCE_MACHINE_H
#define STINT_SOURCE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct err;
struct identity;
struct job;

enum { MACHINE_BYTES = 16 };

/* This one: a hash of /etc/machine-id and the host's name. Containers of one image may share the
 * first, and hosts that nobody named the second. ERR_TEMP when it cannot be read now. */
ST_MUST_CHECK int machine_here(uint8_t out[MACHINE_BYTES], struct err *err);
/* All zero, as version 1 of a chunk left it, is here. */
bool machine_is_here(const uint8_t machine[MACHINE_BYTES]);
/* Whether the very same file that this machine has seen under that name is seen here, also where
 * `then: move` has put it. Devices are numbered by each machine for itself: that of `identity`
 * becomes what it is here. */
bool machine_shows(const uint8_t machine[MACHINE_BYTES], const struct job *job, const char *name,
		   struct identity *identity);

#endif
