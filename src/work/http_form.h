/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forms as bodies. Pure: made twice of the same they are the same, byte for byte, which is why the
 * boundary of a multipart form is no random one.
 */
#ifndef STINT_WORK_HTTP_FORM_H
#define STINT_WORK_HTTP_FORM_H

#include <stddef.h>

struct buf;

struct http_field {
	const char *name;
	const char *value;
	size_t len;
};

/* application/x-www-form-urlencoded, as the URL standard has it. */
void http_form_put(const struct http_field *fields, size_t n, struct buf *out);

enum { HTTP_BOUNDARY_BYTES = 48 };

/* multipart/form-data (RFC 7578). The boundary is made of `seed`, and is none of what stands in a
 * value. */
void http_multipart_put(const struct http_field *fields, size_t n, const char *seed,
			char boundary[HTTP_BOUNDARY_BYTES], struct buf *out);

#endif
