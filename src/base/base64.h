/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648, section 4), with padding. */
#ifndef STINT_BASE_BASE64_H
#define STINT_BASE_BASE64_H

#include <stddef.h>

struct buf;

void base64_put(struct buf *out, const char *data, size_t len);

#endif
