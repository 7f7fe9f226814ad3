/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seam, simulated: struct world_ops over an instance of the simulated machine.
 *
 * Once a crash was drawn within a call of the engine, everything that it still asks for is
 * swallowed.
 */
#ifndef STINT_TESTS_SIM_WORLD_H
#define STINT_TESTS_SIM_WORLD_H

#include "engine/world.h"

extern const struct world_ops sim_world_ops; /* the world is a struct instance */

#endif
