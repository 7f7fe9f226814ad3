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

#include "base/attr.h"

/* Installs the handlers; a handler that is there already (a sanitizer's) stays. Main thread, once.
 */
void panic_install(void);
/* What this thread is working on, "run 17, item inv-000123", cut to fit; "" for nothing. */
void panic_context(const char *fmt, ...) ST_PRINTF(1, 2);

#endif
