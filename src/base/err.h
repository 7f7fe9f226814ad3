/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A failure, in words that an operator can use.
 *
 * A function that can fail returns `int` and takes a `struct err *` last:
 *   0    done, every `ret_` is set;
 *   > 0  a condition that the function's own comment names; the caller handles it, never passes it
 * on; < 0  a failure: `err` is filled, the caller adds context with err_add() and passes it on. The
 * struct lives on the caller's stack and nothing here allocates, so that reporting a lack of memory
 * needs none. Text from outside is put in with err_quote(), trimmed and printable.
 */
#ifndef STINT_BASE_ERR_H
#define STINT_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

/* code, exit status of a program that ends by it (sysexits.h), words */
#define ERR_CODES(X)                                                                               \
	X(ERR_USAGE, -1, 64, "usage")                                                              \
	X(ERR_NOINPUT, -2, 66, "input missing")                                                    \
	X(ERR_UNAVAILABLE, -3, 69, "unavailable")                                                  \
	X(ERR_BUG, -4, 70, "internal error")                                                       \
	X(ERR_LEDGER, -5, 73, "ledger")                                                            \
	X(ERR_IO, -6, 74, "input/output")                                                          \
	X(ERR_TEMP, -7, 75, "try again")                                                           \
	X(ERR_PERM, -8, 77, "permission")                                                          \
	X(ERR_CONFIG, -9, 78, "configuration")                                                     \
	X(ERR_DATA, -10, 1, "data")                                                                \
	X(ERR_MEMORY, -11, 71, "memory")                                                           \
	X(ERR_TOO_BIG, -12, 1, "too big")                                                          \
	X(ERR_FULL, -13, 74, "no space")

enum err_code {
#define X(name, value, exit_status, text) name = value,
	ERR_CODES(X)
#undef X
};

enum { ERR_TEXT_MAX = 512 };

struct err {
	int code;     /* an enum err_code, 0 when nothing has failed */
	int os_errno; /* errno where the system said no, else 0 */
	char text[ERR_TEXT_MAX];
};

#define ERR_INIT ((struct err){0})

/* What is longer than the text has room for is cut at its end, and ends with "…".
 *
 * Fills `err` and yields the literal `code`, so that `return ERR(err, ERR_IO, …)` reads well and
 * analyzers see a non-zero result. The text says what failed and what to do, without a final dot.
 */
#define ERR(err, code_, ...) (err_set((err), (code_), 0, __VA_ARGS__), (code_))

/* As ERR, with the words of the system's `errno` after a colon. */
#define ERR_SYS(err, code_, os_errno_, ...)                                                        \
	(err_set((err), (code_), (os_errno_), __VA_ARGS__), (code_))

void err_set(struct err *err, int code, int os_errno, const char *fmt, ...) ST_PRINTF(4, 5);

/* Puts context in front: "loading invoices.csv: " + what stood there. */
void err_add(struct err *err, const char *fmt, ...) ST_PRINTF(2, 3);

/* The exit status (CLI, Exit status) for a failure. */
int err_exit_status(const struct err *err);

/* Writes outside text in single quotes; what is not printable UTF-8 as \xNN; cut with "…" to fit
 * `size`. Returns `out`. */
char *err_quote(char *out, size_t size, const char *text, size_t len);

/* A stack buffer for err_quote: `QUOTED(text, len)` may stand among the arguments of a printf. */
#define QUOTED(text, len) err_quote((char[96]){0}, 96, (text), (len))

#endif
