/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parameters of a run: what --param says, checked against what the job declares.
 *
 * Promise: a run's name is one and the same for equal parameters, and different for different ones:
 *          in it, characters that part names (`,` `#` `%` `/`, blanks and controls) stand as %XX.
 */
#ifndef STINT_CLI_PARAMS_H
#define STINT_CLI_PARAMS_H

#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"

struct err;
struct job;

struct params {
	struct buf json;     /* {"NAME":"VALUE",…}: all of them, sorted by name */
	struct buf identity; /* "NAME=VALUE,…": the identifying ones, sorted by name; "" none */
};

/* `given`: NAME=VALUE each. ERR_USAGE: undeclared, missing, given twice, or not of its type. Gives
 * in *ret_params. */
ST_MUST_CHECK int params_choose(const struct job *job, const char *const *given, size_t n,
				struct params *ret_params, struct err *err);
void params_done(struct params *p);
void params_auto(struct params *p);

#endif
