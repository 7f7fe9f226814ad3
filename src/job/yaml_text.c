/* SPDX-License-Identifier: Apache-2.0 */
#include "job/yaml_text.h"

#include <assert.h>
#include <string.h>

#include "base/utf8.h"
#include "job/yaml.h"

static const struct mark start = {.line = 1, .column = 1};

struct mark yaml_text_mark(const char *text, size_t len, size_t offset)
{
	struct mark at = start;

	for (size_t i = 0; i < len && i < offset; i++) {
		if (text[i] == '\n') {
			at.line++;
			at.column = 1;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) { /* not a continuation byte */
			at.column++;
		}
	}
	return at;
}

size_t yaml_text_offset(const char *text, size_t len, struct mark at)
{
	struct mark here = start;

	for (size_t i = 0; i < len; i++) {
		bool is_start = ((unsigned char)text[i] & 0xc0) != 0x80;
		if (is_start && here.line == at.line && here.column == at.column)
			return i;
		if (text[i] == '\n') {
			here.line++;
			here.column = 1;
		} else if (is_start) {
			here.column++;
		}
	}
	return len;
}

/* True when nothing stands there but blanks and comments. */
static bool is_without_content(const char *text, size_t len)
{
	bool in_comment = false;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n' || text[i] == '\r')
			in_comment = false;
		else if (text[i] == '#')
			in_comment = true;
		else if (!in_comment && text[i] != ' ' && text[i] != '\t')
			return false;
	}
	return true;
}

static bool is_control(char c)
{
	unsigned char u = (unsigned char)c;

	return (u < 0x20 && c != '\n' && c != '\r' && c != '\t') || u == 0x7f;
}

bool yaml_text_check(const char *text, size_t len, struct faults *faults)
{
	assert((text != NULL || len == 0) && faults != NULL);
	if (len > YAML_BYTES_MAX) {
		faults_add(faults, start, "the file is larger than 1 MiB; this is no job file");
		return false;
	}
	size_t bad = utf8_find_bad(text, len);
	for (size_t i = 0; i < bad; i++) {
		if (!is_control(text[i]))
			continue;
		faults_add(faults, yaml_text_mark(text, len, i),
			   "a control character (byte 0x%02x); a job file is plain text in UTF-8",
			   (unsigned)(unsigned char)text[i]);
		return false;
	}
	if (bad < len) {
		faults_add(faults, yaml_text_mark(text, len, bad),
			   "byte 0x%02x is no UTF-8; a job file is plain text in UTF-8",
			   (unsigned)(unsigned char)text[bad]);
		return false;
	}
	if (is_without_content(text, len)) {
		faults_add(faults, start, "the file is empty; the least is a job and its work");
		return false;
	}
	return true;
}

static bool tab_is_allowed(const struct tab_lines *allowed, int line)
{
	for (; allowed != NULL; allowed = allowed->next)
		if (line >= allowed->from && line < allowed->to)
			return true;
	return false;
}

struct mark yaml_text_find_tab(const char *text, size_t len, const struct tab_lines *allowed)
{
	struct mark at = start;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\t' && !tab_is_allowed(allowed, at.line))
			return at;
		if (text[i] == '\n') {
			at.line++;
			at.column = 1;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			at.column++;
		}
	}
	return (struct mark){0};
}

void yaml_text_add_tab(struct mark at, struct faults *faults)
{
	faults_add(
		faults, at,
		"a tab; indent with blanks, and write one in a value as \"\\t\" in double quotes");
}

const char *yaml_text_hint(const char *text, size_t len, size_t offset, const char *problem)
{
	char c = offset < len ? text[offset] : '\0';

	if (c == '{' && offset > 0 && text[offset - 1] == '$')
		return "inside [ ] and { } quote what begins with ${, as in \"${id}\"";
	if (strstr(problem, "mapping values are not allowed") != NULL)
		return "a value that holds ': ' is put in quotes; else look at the indentation";
	if (strstr(problem, "cannot start any token") != NULL)
		return "put a value that begins with this character in quotes";
	if (strstr(problem, "alphabetic or numeric character") != NULL)
		return "put a value that begins with * or & in quotes";
	if (strstr(problem, "expected ',' or") != NULL)
		return "a bracket was opened and not closed, or a comma is missing";
	if (strstr(problem, "expected key") != NULL || strstr(problem, "expected ':'") != NULL)
		return "look at the indentation and for a missing colon";
	if (strstr(problem, "end of stream") != NULL)
		return "a quote was opened and not closed";
	return NULL;
}
