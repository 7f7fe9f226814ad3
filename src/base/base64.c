/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"

#include "base/buf.h"

void base64_put(struct buf *out, const char *data, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *d = (const unsigned char *)data;

	for (size_t i = 0; i < len; i += 3) {
		unsigned bits = (unsigned)d[i] << 16;
		bits |= i + 1 < len ? (unsigned)d[i + 1] << 8 : 0;
		bits |= i + 2 < len ? (unsigned)d[i + 2] : 0;
		buf_putc(out, digits[bits >> 18]);
		buf_putc(out, digits[(bits >> 12) & 63]);
		buf_putc(out, i + 1 < len ? digits[(bits >> 6) & 63] : '=');
		buf_putc(out, i + 2 < len ? digits[bits & 63] : '=');
	}
}
