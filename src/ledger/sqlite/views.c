/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/sqlite/sqlite.h"

const char *const sq_views[] = {
	NULL,
};
