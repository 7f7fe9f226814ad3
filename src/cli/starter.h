/* SPDX-License-Identifier: Apache-2.0 */
/* What `stint init` writes: a small job for each kind of source, which is right as it stands. */
#ifndef STINT_CLI_STARTER_H
#define STINT_CLI_STARTER_H

/* What stands between the head and the foot of each kind's file. */
struct starter {
	const char *kind;
	const char *description;
	const char *text;
};

enum { STARTERS = 11 };
extern const struct starter starters[STARTERS];

#endif
