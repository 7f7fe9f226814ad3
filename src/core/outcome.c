/* SPDX-License-Identifier: Apache-2.0 */
#include "core/outcome.h"

const char *outcome_name(enum outcome outcome)
{
	switch (outcome) {
#define X(id, value, text)                                                                         \
	case id:                                                                                   \
		return text;
		OUTCOMES(X)
#undef X
	case OUTCOME_COUNT_:
		break;
	}
	return "?";
}
