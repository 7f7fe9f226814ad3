/* SPDX-License-Identifier: Apache-2.0 */
#include "core/fingerprint.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/hash.h"

enum { SHAPE_MAX = 256 };

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '_' || (unsigned char)c >= 0x80;
}

static bool has_digit(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] >= '0' && s[i] <= '9')
			return true;
	return false;
}

/* The length of a quoted part with its quotes, 0 when there is none here or it is not closed. */
static size_t quoted_length(const char *s)
{
	if (*s != '\'' && *s != '"')
		return 0;
	const char *end = strchr(s + 1, *s);
	return end == NULL ? 0 : (size_t)(end - s) + 1;
}

/* Words with a digit become '#', quoted parts become '*', the rest stays. */
static size_t error_shape(const char *text, char shape[SHAPE_MAX])
{
	size_t n = 0;

	while (*text != '\0' && n + 1 < SHAPE_MAX) {
		size_t quoted = quoted_length(text);
		size_t word = 0;
		while (is_word(text[word]))
			word++;
		if (quoted > 0) {
			shape[n++] = '*';
			text += quoted;
		} else if (word > 0 && has_digit(text, word)) {
			shape[n++] = '#';
			text += word;
		} else {
			shape[n++] = *text++;
		}
	}
	return n;
}

void fingerprint(const char *err_class, const char *text, char out[FINGERPRINT_CHARS + 1])
{
	char shape[2 * SHAPE_MAX];
	uint8_t digest[SHA256_BYTES];

	assert(err_class != NULL && text != NULL);
	out[0] = '\0';
	if (err_class[0] == '\0' && text[0] == '\0')
		return;
	size_t n = strnlen(err_class, SHAPE_MAX - 1);
	memcpy(shape, err_class, n);
	shape[n++] = ':';
	n += error_shape(text, shape + n);
	hash_sha256(shape, n, digest);
	hash_hex(digest, FINGERPRINT_CHARS / 2, out);
}
