/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is refused in a script before Lua sees it.
 *
 * In Lua a decimal is never == a number, whatever their values: a filter that says `total == 0`
 * would quietly do the wrong thing. So == and ~= may compare with a text in quotes, nil, true or
 * false only, and equal(a, b) is there for numbers. _ENV would lead around the names that a script
 * is given.
 */
#ifndef STINT_SCRIPT_TOKENS_H
#define STINT_SCRIPT_TOKENS_H

#include <stddef.h>

#include "base/attr.h"

struct err;

/* ERR_CONFIG, as Lua puts it: "NAME:LINE: what". */
ST_MUST_CHECK int tokens_check(const char *name, const char *text, size_t len, struct err *err);

#endif
