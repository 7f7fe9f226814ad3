/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a value looks when somebody says it again: as it is, or quoted for JSON, URLs, forms, pages.
 * Pure.
 */
#ifndef STINT_WORK_MASK_FORM_H
#define STINT_WORK_MASK_FORM_H

#include <stddef.h>

struct buf;

enum mask_form {
	MASK_FORM_PLAIN,
	MASK_FORM_JSON,	      /* no more escapes than needed */
	MASK_FORM_JSON_ASCII, /* \u00fc for what is not ASCII */
	MASK_FORM_JSON_SLASH, /* and \/ for a slash */
	MASK_FORM_JSON_TWICE, /* a JSON text quoted as a JSON string */
	MASK_FORM_PERCENT,
	MASK_FORM_FORM, /* percent, and + for a blank */
	MASK_FORM_PAGE, /* &amp; */
	MASK_FORM_COUNT_
};

/* No form is longer than this times the value. */
enum { MASK_FORM_GROWTH = 7 };

void mask_form_put(enum mask_form form, const char *text, size_t len, struct buf *out);

#endif
