/* SPDX-License-Identifier: Apache-2.0 */
/* Help, made from the tables of verbs and options. */
#ifndef STINT_CLI_HELP_H
#define STINT_CLI_HELP_H

#include <stddef.h>

struct buf;
struct out;
struct verb;

/* `stint help`: all verbs and the options that each has. */
void help_put_all(struct out *out);
/* `stint help VERB`. */
void help_put_verb(const struct verb *verb, struct out *out);

/* Paragraphs of prose that say more about a verb, parted by an empty line; "" none. */
const char *help_details(const struct verb *verb);
/* Example lines: a command, and behind " # " what it does; "" none. */
const char *help_examples(const struct verb *verb);

/* Appends `text` in lines of at most `columns`, each after the first with `indent` blanks before
 * it; `used` columns of the first line are taken. */
void help_put_wrapped(const char *text, size_t indent, size_t used, size_t columns,
		      struct buf *out);

#endif
