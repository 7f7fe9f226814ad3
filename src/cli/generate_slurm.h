/* SPDX-License-Identifier: Apache-2.0 */
/* `stint generate slurm FILE`: an array job of `stint work`. */
#ifndef STINT_CLI_GENERATE_SLURM_H
#define STINT_CLI_GENERATE_SLURM_H

#include "base/attr.h"

struct cli;
struct err;

/* Prints it, or writes it into the directory of --to and says where. */
ST_MUST_CHECK int generate_slurm(struct cli *cli, const char *file, struct err *err);

#endif
