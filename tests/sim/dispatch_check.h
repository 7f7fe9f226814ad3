/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an engine may send to a lane, checked at the moment of sending against what is durable then:
 * bodies are those of the ledger, items are this engine's, started marks are there before once
 * effects (I3).
 */
#ifndef STINT_TESTS_SIM_DISPATCH_CHECK_H
#define STINT_TESTS_SIM_DISPATCH_CHECK_H

#include <stddef.h>

struct proc;

void dispatch_check(struct proc *p, const char *bytes, size_t len);

#endif
