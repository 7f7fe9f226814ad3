/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "source/elements.h"

enum state {
	STATE_TEXT,
	STATE_OPEN,	   /* behind < */
	STATE_NAME,	   /* in the name of a tag */
	STATE_TAG,	   /* behind it */
	STATE_VALUE,	   /* in quotes */
	STATE_SLASH,	   /* behind a / that may close the tag */
	STATE_END,	   /* in an end tag */
	STATE_BANG,	   /* behind <! */
	STATE_COMMENT,	   /* ends with --> */
	STATE_CDATA,	   /* ends with ]]> */
	STATE_PI,	   /* ends with ?> */
	STATE_DOCTYPE,	   /* ends with > outside of brackets and quotes */
	STATE_DOCTYPE_OPEN /* behind a < in it, which may begin a comment */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The name as the job has it, or, where that has no prefix, behind any prefix. */
static bool is_named(const struct elements_xml *x)
{
	size_t len = strlen(x->element);
	const char *colon = memchr(x->name, ':', x->name_len);

	if (x->name_len == len && memcmp(x->name, x->element, len) == 0)
		return true;
	if (colon == NULL || strchr(x->element, ':') != NULL)
		return false;
	colon++;
	return (size_t)(x->name + x->name_len - colon) == len &&
	       memcmp(colon, x->element, len) == 0;
}

/* ---- tags ---- */

static bool begin_tag(struct elements *e)
{
	struct elements_xml *x = &e->xml;

	if (x->is_closed) {
		elements_fail(e, "behind the end of the document begins another element");
		return false;
	}
	x->has_root = true;
	if (!e->is_inside && is_named(x)) {
		elements_begin(e, x->tag_at, x->tag_line, x->tag_indent);
		x->element_depth = x->depth;
	}
	return true;
}

/* The element is over that was opened at this depth. */
static bool close_tag(struct elements *e)
{
	struct elements_xml *x = &e->xml;

	x->is_closed = x->depth == 0;
	x->state = STATE_TEXT;
	return e->is_inside && x->depth == x->element_depth;
}

/* Behind the > of a tag; tells whether an element ends with it. */
static bool tag_ended(struct elements *e, bool is_empty)
{
	struct elements_xml *x = &e->xml;

	if (!begin_tag(e))
		return false;
	if (is_empty)
		return close_tag(e);
	if (++x->depth >= ELEMENTS_DEPTH_MAX)
		elements_fail(e, "nested more than %d deep", ELEMENTS_DEPTH_MAX);
	x->state = STATE_TEXT;
	return false;
}

static bool end_tag_ended(struct elements *e)
{
	struct elements_xml *x = &e->xml;

	if (x->depth == 0) {
		elements_fail(e, "an end tag closes nothing");
		return false;
	}
	x->depth--;
	return close_tag(e);
}

/* ---- declarations ---- */

/* The encoding of <?xml … encoding="…"?>, as far as it was kept in `name`. */
static void note_encoding(struct elements_xml *x)
{
	static const char word[] = "encoding";
	char *text = x->name;

	text[x->name_len < sizeof(x->name) ? x->name_len : sizeof(x->name) - 1] = '\0';
	char *at = strncmp(text, "xml", 3) == 0 && is_blank(text[3]) ? strstr(text, word) : NULL;
	if (at == NULL)
		return;
	at += strcspn(at, "\"'");
	if (*at == '\0')
		return;
	size_t len = strcspn(at + 1, "\"'");
	if (len < sizeof(x->encoding))
		memcpy(x->encoding, at + 1, len); /* the rest is zero */
}

static void keep_name(struct elements_xml *x, char c)
{
	if (x->name_len < sizeof(x->name))
		x->name[x->name_len++] = c;
}

static void open_bang(struct elements *e, char c)
{
	struct elements_xml *x = &e->xml;

	x->run = 0;
	if (c == '-')
		x->state = STATE_COMMENT;
	else if (c == '[')
		x->state = STATE_CDATA;
	else if (c == 'D')
		x->state = STATE_DOCTYPE;
	else
		elements_fail(e, "behind '<!' stands neither a comment nor CDATA nor DOCTYPE");
	x->back = STATE_TEXT;
	x->brackets = 0;
}

/* A byte behind which a comment or CDATA may be over: two of `mark`, then a >. */
static void take_ending(struct elements_xml *x, char c, char mark)
{
	if (c == '>' && x->run >= 2)
		x->state = x->back;
	x->run = c == mark ? (uint8_t)(x->run < 2 ? x->run + 1 : 2) : 0;
}

static void take_pi(struct elements_xml *x, char c)
{
	if (c == '>' && x->run == 1) {
		x->state = x->back;
		if (x->back == STATE_TEXT)
			note_encoding(x);
		return;
	}
	x->run = c == '?';
	keep_name(x, c);
}

static void take_doctype(struct elements_xml *x, char c)
{
	switch (c) {
	case '"':
	case '\'':
		x->quote = c;
		x->back = STATE_DOCTYPE;
		x->state = STATE_VALUE;
		break;
	case '[':
		x->brackets++;
		break;
	case ']':
		x->brackets--;
		break;
	case '<':
		x->state = STATE_DOCTYPE_OPEN;
		x->run = 0;
		break;
	case '>':
		if (x->brackets <= 0)
			x->state = STATE_TEXT;
		break;
	default:
		break;
	}
}

/* A declaration within a DOCTYPE ends with its > like the DOCTYPE; comments and instructions may
 * hold anything. */
static void take_doctype_open(struct elements_xml *x, char c)
{
	x->back = STATE_DOCTYPE;
	if (c == '!' && x->run == 0) {
		x->run = 1;
	} else if (c == '-' && x->run == 1) {
		x->state = STATE_COMMENT;
		x->run = 0;
	} else if (c == '?') {
		x->state = STATE_PI;
		x->run = 0;
		x->name_len = 0;
	} else {
		x->state = STATE_DOCTYPE;
	}
}

/* ---- bytes ---- */

static void take_open(struct elements *e, char c)
{
	struct elements_xml *x = &e->xml;

	x->tag_at = e->at - 1;
	x->tag_line = e->line;
	x->tag_indent = e->at - 1 - e->line_at;
	x->name_len = 0;
	x->run = 0;
	x->back = STATE_TEXT;
	if (c == '/') {
		x->state = STATE_END;
	} else if (c == '!') {
		x->state = STATE_BANG;
	} else if (c == '?') {
		x->state = STATE_PI;
	} else if (c == '\0') {
		elements_fail(e, "the document is UTF-16; convert it to UTF-8");
	} else if (is_blank(c) || c == '<' || c == '>') {
		elements_fail(e, "behind '<' no name begins; in text it is written &lt;");
	} else {
		keep_name(x, c);
		x->state = STATE_NAME;
	}
}

/* In a start tag; tells whether an element ends with this byte. */
static bool take_tag(struct elements *e, char c)
{
	struct elements_xml *x = &e->xml;

	if (c == '>')
		return tag_ended(e, x->state == STATE_SLASH);
	if (c == '<') {
		elements_fail(e, "a tag is not closed before the next begins");
	} else if (c == '/') {
		x->state = STATE_SLASH;
	} else if (c == '"' || c == '\'') {
		x->quote = c;
		x->back = STATE_TAG;
		x->state = STATE_VALUE;
	} else if (x->state == STATE_NAME && !is_blank(c)) {
		keep_name(x, c);
	} else {
		x->state = STATE_TAG;
	}
	return false;
}

static bool take(struct elements *e, char c)
{
	struct elements_xml *x = &e->xml;

	switch ((enum state)x->state) {
	case STATE_TEXT:
		x->state = STATE_OPEN;
		break;
	case STATE_OPEN:
		take_open(e, c);
		break;
	case STATE_NAME:
	case STATE_TAG:
	case STATE_SLASH:
		return take_tag(e, c);
	case STATE_VALUE:
		x->state = x->back;
		break;
	case STATE_END:
		return c == '>' && end_tag_ended(e);
	case STATE_BANG:
		open_bang(e, c);
		break;
	case STATE_COMMENT:
		take_ending(x, c, '-');
		break;
	case STATE_CDATA:
		take_ending(x, c, ']');
		break;
	case STATE_PI:
		take_pi(x, c);
		break;
	case STATE_DOCTYPE:
		take_doctype(x, c);
		break;
	case STATE_DOCTYPE_OPEN:
		take_doctype_open(x, c);
		break;
	}
	return false;
}

/* How many bytes mean nothing in this state; most of a document. */
static size_t count_idle(const struct elements_xml *x, const char *data, size_t len)
{
	const char *stop = NULL;

	if (x->state == STATE_TEXT)
		stop = memchr(data, '<', len);
	else if (x->state == STATE_VALUE)
		stop = memchr(data, x->quote, len);
	else if (x->state == STATE_END)
		stop = memchr(data, '>', len);
	else
		return 0;
	return stop == NULL ? len : (size_t)(stop - data);
}

/* Outside of the root there is only white space. */
static bool check_text(struct elements *e, const char *data, size_t len)
{
	if (e->xml.state != STATE_TEXT || e->xml.depth > 0)
		return true;
	for (size_t i = 0; i < len; i++) {
		if (is_blank(data[i]))
			continue;
		elements_pass(e, data, i);
		elements_fail(e, data[i] == '\0' || (data[i] & 0xfe) == 0xfe
					 ? "the document is UTF-16; convert it to UTF-8"
					 : "this is no XML: text stands outside of any element");
		return false;
	}
	return true;
}

size_t elements_xml_run(struct elements *e, const char *data, size_t i, size_t len,
			bool *ret_is_mark)
{
	if (!e->is_inside && e->at - elements_xml_needed(e) > ELEMENTS_TAG_MAX)
		elements_fail(e, "a tag is longer than %d MiB", ELEMENTS_TAG_MAX >> 20);
	while (i < len && !e->has_failed) {
		size_t idle = count_idle(&e->xml, data + i, len - i);
		if (idle > 0) {
			if (!check_text(e, data + i, idle))
				return i;
			elements_pass(e, data + i, idle);
			i += idle;
			continue;
		}
		*ret_is_mark = take(e, data[i]);
		if (e->has_failed)
			return i;
		elements_pass_one(e, data[i++]);
		if (*ret_is_mark)
			return i;
	}
	return i;
}

/* A tag is known for what it is only once it is closed. */
int64_t elements_xml_needed(const struct elements *e)
{
	const struct elements_xml *x = &e->xml;

	switch ((enum state)x->state) {
	case STATE_OPEN:
		return e->at - 1;
	case STATE_NAME:
	case STATE_TAG:
	case STATE_SLASH:
		return x->tag_at;
	case STATE_VALUE:
		return x->back == STATE_TAG ? x->tag_at : e->at;
	case STATE_TEXT:
	case STATE_END:
	case STATE_BANG:
	case STATE_COMMENT:
	case STATE_CDATA:
	case STATE_PI:
	case STATE_DOCTYPE:
	case STATE_DOCTYPE_OPEN:
		break;
	}
	return e->at;
}

void elements_init_xml(struct elements *e, const char *element)
{
	assert(e != NULL && element != NULL && element[0] != '\0');
	*e = (struct elements){.kind = ELEMENTS_XML, .line = 1};
	e->xml.element = element;
}

const char *elements_xml_missing(const struct elements *e)
{
	const struct elements_xml *x = &e->xml;

	if (x->is_closed && x->state == STATE_TEXT)
		return NULL;
	return x->has_root ? "the document is cut off: what is open is not closed"
			   : "the document is empty";
}
