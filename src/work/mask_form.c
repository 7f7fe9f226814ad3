/* SPDX-License-Identifier: Apache-2.0 */
#include "work/mask_form.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/utf8.h"

enum { SURROGATE_BITS = 10, SURROGATE_HIGH = 0xd800, SURROGATE_LOW = 0xdc00, BMP_END = 0x10000 };

static void put_unicode(uint32_t c, struct buf *out)
{
	if (c < BMP_END) {
		buf_printf(out, "\\u%04x", c);
		return;
	}
	c -= BMP_END;
	buf_printf(out, "\\u%04x\\u%04x", SURROGATE_HIGH + (c >> SURROGATE_BITS),
		   SURROGATE_LOW + (c & ((1u << SURROGATE_BITS) - 1)));
}

/* Without the quotes around it. */
static void put_json(const char *text, size_t len, struct buf *out)
{
	AUTO(buf) struct buf quoted = BUF_INIT(MASK_FORM_GROWTH * len + 3);

	/* It never moves, so that nothing is left behind in memory. */
	(void)buf_reserve(&quoted, quoted.max);
	json_put_string(&quoted, text, len);
	if (quoted.len >= 2)
		buf_put(out, quoted.data + 1, quoted.len - 2);
	if (quoted.data != NULL)
		explicit_bzero(quoted.data, quoted.cap);
}

static void put_json_ascii(const char *text, size_t len, bool escapes_slash, struct buf *out)
{
	for (size_t at = 0; at < len;) {
		size_t n = utf8_sequence(text + at, len - at);
		if (n > 1) {
			put_unicode(utf8_decode(text + at, &n), out);
		} else if (text[at] == '/' && escapes_slash) {
			buf_puts(out, "\\/");
		} else {
			n = 1;
			put_json(text + at, n, out);
		}
		at += n;
	}
}

static void put_json_twice(const char *text, size_t len, struct buf *out)
{
	AUTO(buf) struct buf once = BUF_INIT(MASK_FORM_GROWTH * len + 3);

	(void)buf_reserve(&once, once.max); /* it never moves, either */
	put_json(text, len, &once);
	put_json_ascii(buf_str(&once), once.len, false, out);
	if (once.data != NULL)
		explicit_bzero(once.data, once.cap);
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static void put_percent(const char *text, size_t len, bool is_form, struct buf *out)
{
	const char *plain = is_form ? "-._*" : "-._~";

	for (size_t i = 0; i < len; i++) {
		if (is_word(text[i]) || (text[i] != '\0' && strchr(plain, text[i]) != NULL))
			buf_putc(out, text[i]);
		else if (is_form && text[i] == ' ')
			buf_putc(out, '+');
		else
			buf_printf(out, "%%%02X", (unsigned char)text[i]);
	}
}

static void put_page(const char *text, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '&')
			buf_puts(out, "&amp;");
		else if (text[i] == '<')
			buf_puts(out, "&lt;");
		else if (text[i] == '>')
			buf_puts(out, "&gt;");
		else if (text[i] == '"')
			buf_puts(out, "&quot;");
		else if (text[i] == '\'')
			buf_puts(out, "&#39;");
		else
			buf_putc(out, text[i]);
	}
}

void mask_form_put(enum mask_form form, const char *text, size_t len, struct buf *out)
{
	switch (form) {
	case MASK_FORM_PLAIN:
		buf_put(out, text, len);
		return;
	case MASK_FORM_JSON:
		put_json(text, len, out);
		return;
	case MASK_FORM_JSON_ASCII:
	case MASK_FORM_JSON_SLASH:
		put_json_ascii(text, len, form == MASK_FORM_JSON_SLASH, out);
		return;
	case MASK_FORM_JSON_TWICE:
		put_json_twice(text, len, out);
		return;
	case MASK_FORM_PERCENT:
	case MASK_FORM_FORM:
		put_percent(text, len, form == MASK_FORM_FORM, out);
		return;
	case MASK_FORM_PAGE:
		put_page(text, len, out);
		return;
	case MASK_FORM_COUNT_:
		break;
	}
	unreachable("a form that does not exist");
}
