/* SPDX-License-Identifier: Apache-2.0 */
#include "core/timing.h"

const char *timing_name(enum timing timing)
{
	switch (timing) {
#define X(id, number, name)                                                                        \
	case id:                                                                                   \
		return name;
		TIMINGS(X)
#undef X
	case TIMING_COUNT_:
		break;
	}
	return "?";
}
