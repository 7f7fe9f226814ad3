/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An item as a text on a program's standard input.
 *
 * json: one object of all fields in the order of their declaration, one line. csv: one line, values
 * quoted as RFC 4180 says where they hold a comma, a quote or a line end; a null is nothing, an
 * empty text is "".
 */
#ifndef STINT_WORK_EXEC_INPUT_H
#define STINT_WORK_EXEC_INPUT_H

struct buf;
struct item;
struct job;

void exec_input_put_json(const struct job *job, const struct item *item, struct buf *out);
void exec_input_put_csv(const struct job *job, const struct item *item, struct buf *out);

#endif
