/* SPDX-License-Identifier: Apache-2.0 */
/* A run, as its lanes were told of it, from the ledger. */
#ifndef STINT_CLI_RUN_HELLO_H
#define STINT_CLI_RUN_HELLO_H

#include <stdint.h>

#include "base/attr.h"
#include "frame/frame.h"

struct err;
struct ledger;

typedef int (*run_hello_fn)(void *arg, const struct frame_hello *hello, struct err *err);

/* Calls `fn` with it, once, or never where there is no such run; lent for the call. ERR_LEDGER, or
 * what `fn` fails with. */
ST_MUST_CHECK int run_hello(struct ledger *ledger, int64_t run_id, run_hello_fn fn, void *arg,
			    struct err *err);

#endif
