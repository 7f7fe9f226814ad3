/* SPDX-License-Identifier: Apache-2.0 */
/* Named resources: what a job takes of them, against how much there is. */
#ifndef STINT_CLI_POOLS_H
#define STINT_CLI_POOLS_H

#include "base/attr.h"

struct cli;
struct config;
struct err;
struct job;

/* ERR_CONFIG when the job takes more of one than there will ever be. */
ST_MUST_CHECK int pools_check(const struct job *job, const struct config *config, struct err *err);
/* The same by the configuration of this call. */
ST_MUST_CHECK int pools_check_call(const struct cli *cli, const struct job *job, struct err *err);

#endif
