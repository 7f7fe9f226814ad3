/* SPDX-License-Identifier: Apache-2.0 */
/* Names in SQL: of tables and columns, always quoted. */
#ifndef STINT_TARGET_NAME_H
#define STINT_TARGET_NAME_H

struct buf;
struct target;

/* "name", with '"' doubled. */
void name_put(struct buf *out, const char *name);
/* The columns of the target's table, with commas. */
void name_put_columns(struct buf *out, const struct target *t);

/* "INSERT INTO table (the columns)"; the table's name is quoted already. */
void name_put_insert(struct buf *out, const char *table, const struct target *t);
/* " ON CONFLICT …", as the job says; nothing where it says that a conflict fails. */
void name_put_conflict(struct buf *out, const struct target *t);
/* The columns that a conflict is about, with commas; nothing where the job names none. */
void name_put_keys(struct buf *out, const struct target *t);

/* commit: run: the table that the rows of the run are gathered in. Needs no quotes. */
void target_put_gather_name(const struct target *t, struct buf *out);

#endif
