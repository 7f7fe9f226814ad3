/* SPDX-License-Identifier: Apache-2.0 */
/* What a run may ask its session. */
#ifndef STINT_ENGINE_SESSION_INSIDE_H
#define STINT_ENGINE_SESSION_INSIDE_H

#include <stddef.h>
#include <stdint.h>

struct commit;
struct session;
struct session_spec;

struct commit *session_commit(struct session *s);
const struct session_spec *session_get_spec(const struct session *s);
/* The last lane number that was given out. */
uint32_t *session_lane_number(struct session *s);
/* How many items the job's last runs had; lent. */
const int64_t *session_history(const struct session *s, size_t *ret_n);

#endif
