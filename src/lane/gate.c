/* SPDX-License-Identifier: Apache-2.0 */
#include "lane/gate.h"

#include <assert.h>
#include <stddef.h>

enum gate_answer gate_ask(const struct frame_work_item *what, int64_t boot_us, int64_t *ret_wait_us)
{
	assert(what != NULL && ret_wait_us != NULL);
	if (what->closes_at == 0)
		return GATE_OPEN;
	if (boot_us > what->closes_at)
		return GATE_MISSED;
	*ret_wait_us = what->opens_at - boot_us;
	return *ret_wait_us > 0 ? GATE_WAIT : GATE_OPEN;
}

bool gate_is_cut_off(const struct frame_work_item *what, utime begin_before, utime now)
{
	assert(what != NULL);
	return begin_before != 0 && now >= begin_before && !what->is_probe;
}
