/* SPDX-License-Identifier: Apache-2.0 */
/* Times as the ledger's views have them: 2026-11-23T14:51:14.123Z. They sort as texts. */
#ifndef STINT_REPORT_MOMENT_H
#define STINT_REPORT_MOMENT_H

#include "base/attr.h"

struct json_writer;
struct ledger_row;

enum { MOMENT_TEXT_MAX = 32 };

/* 0 for NULL and for what is no such time. */
utime moment_parse(const char *text);
void moment_format(utime t, char out[MOMENT_TEXT_MAX]);
/* The column of a row; 0 for null. */
utime moment_at(const struct ledger_row *row, int column);
/* A member of an object; null for 0 and UTIME_NEVER. */
void moment_put_json(struct json_writer *w, const char *name, utime t);

#endif
