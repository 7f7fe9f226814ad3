/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is checked of a job file's text before and beside the YAML parser: that it is text at all,
 * its tabs, and which sentence helps when the parser gives up.
 */
#ifndef STINT_JOB_YAML_TEXT_H
#define STINT_JOB_YAML_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "job/fault.h"

/* Lines in which tabs are content: those of block scalars. */
struct tab_lines {
	int from; /* inclusive, from 1 */
	int to;	  /* exclusive */
	struct tab_lines *next;
};

/* False, with a fault, when it is too big, empty or no text. */
bool yaml_text_check(const char *text, size_t len, struct faults *faults);
/* The place of the byte at `offset`. */
struct mark yaml_text_mark(const char *text, size_t len, size_t offset);
/* The byte at a place, len when there is none. */
size_t yaml_text_offset(const char *text, size_t len, struct mark at);
/* The place of the first tab that is no content, line 0 when there is none. */
struct mark yaml_text_find_tab(const char *text, size_t len, const struct tab_lines *allowed);
void yaml_text_add_tab(struct mark at, struct faults *faults);
/* What to write instead, for what the parser stumbled over at `offset`; NULL when nothing is known.
 */
const char *yaml_text_hint(const char *text, size_t len, size_t offset, const char *problem);

#endif
