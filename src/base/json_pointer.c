/* SPDX-License-Identifier: Apache-2.0 */
/* JSON pointers (RFC 6901): `/items/0/a~1b`. A pointer is followed as it is read, without a copy.
 */
#include "base/json.h"

#include <assert.h>
#include <string.h>

/* Whether a reference token, with ~0 for '~' and ~1 for '/', says `name`. */
static bool token_is(const char *token, size_t len, const char *name, size_t name_len)
{
	size_t at = 0;

	for (size_t i = 0; i < len; i++, at++) {
		char c = token[i];
		if (c == '~') {
			i++;
			if (i == len || (token[i] != '0' && token[i] != '1'))
				return false; /* not a valid token: it names nothing */
			c = token[i] == '0' ? '~' : '/';
		}
		if (at == name_len || name[at] != c)
			return false;
	}
	return at == name_len;
}

static const struct json *find_member(const struct json *object, const char *token, size_t len)
{
	for (const struct json *m = object->first; m != NULL; m = m->next)
		if (token_is(token, len, m->name, m->name_len))
			return m;
	return NULL;
}

/* An index has no leading zeros; "-", the element after the last, never exists. */
static const struct json *find_element(const struct json *array, const char *token, size_t len)
{
	size_t index = 0;

	if (len == 0 || (len > 1 && token[0] == '0'))
		return NULL;
	for (size_t i = 0; i < len; i++) {
		if (token[i] < '0' || token[i] > '9' || index > array->n)
			return NULL;
		index = index * 10 + (size_t)(token[i] - '0');
	}
	const struct json *element = array->first;
	for (size_t i = 0; i < index && element != NULL; i++)
		element = element->next;
	return element;
}

const struct json *json_pointer(const struct json *root, const char *pointer)
{
	const struct json *at = root;

	assert(root != NULL && pointer != NULL);
	while (at != NULL && *pointer != '\0') {
		if (*pointer != '/')
			return NULL;
		const char *token = pointer + 1;
		size_t len = strcspn(token, "/");
		pointer = token + len;
		if (at->type == JSON_OBJECT)
			at = find_member(at, token, len);
		else
			at = at->type == JSON_ARRAY ? find_element(at, token, len) : NULL;
	}
	return at;
}

size_t json_pointer_take(const char **pointer, char *out, size_t size)
{
	size_t n = 0;

	assert(**pointer == '/');
	for ((*pointer)++; **pointer != '\0' && **pointer != '/'; (*pointer)++) {
		char c = **pointer;
		if (c == '~' && (*pointer)[1] != '\0') {
			(*pointer)++;
			c = **pointer == '1' ? '/' : '~';
		}
		if (n < size)
			out[n++] = c;
	}
	return n;
}
