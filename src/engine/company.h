/* SPDX-License-Identifier: Apache-2.0 */
/* Who else is in a run: told when it is joined, and when one comes, leaves, or is declared dead. */
#ifndef STINT_ENGINE_COMPANY_H
#define STINT_ENGINE_COMPANY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger/row.h"

struct run;

/* More are worked with as any, and not told of by name. */
enum { COMPANY_MAX = 256, COMPANY_NAME_MAX = 160 };

struct companion {
	int64_t inc;
	char name[COMPANY_NAME_MAX]; /* with pid and host */
};

struct company {
	struct companion *all; /* NULL: nobody yet */
	size_t n;
	int64_t look_at; /* boot clock */
	bool is_out;	 /* the ledger is being asked */
};

void company_done(struct company *c);
/* We have joined, and these are in it. */
void company_join(struct run *r, const struct ledger_instance_row *others, size_t n);
/* Asks who is in it, when it is time: called when the ledger is asked something anyway. */
void company_look(struct run *r);

#endif
