/* SPDX-License-Identifier: Apache-2.0 */
/* `stint generate slurm FILE`: an array job of `stint work`. */
#ifndef STINT_CLI_GENERATE_SLURM_H
#define STINT_CLI_GENERATE_SLURM_H

struct buf;
struct job;

void generate_slurm(const struct job *job, struct buf *b);

#endif
