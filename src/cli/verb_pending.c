/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs that are being written: a line goes when its file comes. */
#include "base/err.h"
#include "cli/cli.h"
#include "cli/verbs.h"

#define PENDING(X)

#define X(name)                                                                                    \
	int verb_##name(struct cli *cli, struct err *err)                                          \
	{                                                                                          \
		(void)cli;                                                                         \
		return ERR(err, ERR_USAGE, #name ": is being written");                            \
	}
PENDING(X)
#undef X
