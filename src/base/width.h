/* SPDX-License-Identifier: Apache-2.0 */
/* How many columns of a terminal one character takes; wcwidth(3) would depend on the locale. */
#ifndef STINT_BASE_WIDTH_H
#define STINT_BASE_WIDTH_H

#include <stddef.h>
#include <stdint.h>

/* 0 for combining marks and invisible format characters, 2 for wide East Asian ones, else 1. */
size_t width_of(uint32_t code_point);

#endif
