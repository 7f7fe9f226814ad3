/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last words of a process that dies by its own fault.
 *
 * Handlers for SIGABRT (a failed assertion), SIGSEGV, SIGBUS, SIGILL and SIGFPE write to standard
 * error what was being worked on and a backtrace, and then let the signal end the process as it
 * would have. Nothing is repaired: recovery is the ledger's job.
 */
#ifndef STINT_SYS_PANIC_H
#define STINT_SYS_PANIC_H

#include <stdint.h>

/* Installs the handlers; a handler that is there already (a sanitizer's) stays. Main thread, once.
 */
void panic_install(void);
/* What this thread is working on: an item of the run `run`, which is lent until the next call;
 * NULL: nothing in particular. Only noted, so that it costs nothing to say it of each item. */
void panic_context(const char *run, int64_t item);

#endif
