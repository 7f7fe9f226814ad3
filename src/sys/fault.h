/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fault points: named places where a test has this process killed, stopped, or told that something
 * failed. They exist in builds with -Dfaults only; in a release FAULT() is the constant false.
 *
 * STINT_FAULT=NAME:N:WHAT,… has the N-th time that a process comes by NAME do WHAT:
 *   kill   SIGKILL, as a power failure would
 *   stop   SIGSTOP, until somebody sends SIGCONT
 *   crash  abort, as a bug would
 *   err    FAULT() is true, and its place behaves as if what follows had failed
 *   always FAULT() is true this time and from then on
 * STINT_FAULT_ONCE=FILE: only the process that can create FILE does it; processes that are started
 * again then come by unharmed.
 *
 * Any thread.
 */
#ifndef STINT_SYS_FAULT_H
#define STINT_SYS_FAULT_H

#include <stdbool.h>

#if STINT_FAULTS
#define FAULT(name) fault_point(name)
#else
#define FAULT(name) false
#endif

/* True when the caller is to behave as if it had failed here. */
bool fault_point(const char *name);

#endif
