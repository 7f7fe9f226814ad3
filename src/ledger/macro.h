/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Macros in the texts of views: what SQL repeats is written once. Pure.
 *
 * Form: @name(a; b) stands for the text of that macro with $1 and $2 replaced.
 */
#ifndef STINT_LEDGER_MACRO_H
#define STINT_LEDGER_MACRO_H

struct buf;

struct ledger_macro {
	const char *name; /* NULL: the end of the list */
	const char *text;
};

/* Appends `text` with its macros in place. A macro that is not in the list is a fault of ours. */
void ledger_macros_put(struct buf *out, const char *text, const struct ledger_macro *macros);

#endif
