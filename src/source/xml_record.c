/* SPDX-License-Identifier: Apache-2.0 */
#include "source/xml_record.h"

#include <assert.h>
#include <expat.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "job/job.h"
#include "source/csv_record.h"
#include "source/encoding.h"
#include "source/shape.h"
#include "sys/random.h"

enum { STEPS_MAX = 32 };

/* The way to a field below the element. */
struct way {
	const char *step[STEPS_MAX]; /* lent from `text` */
	size_t len[STEPS_MAX];
	size_t n;	   /* elements to go through */
	bool is_attribute; /* then step[n] is its name … */
	bool is_either;	   /* … and it may be an attribute, too: nothing was said */
	/* while a record is read */
	size_t depth; /* so many steps are open */
	bool is_read; /* text goes into it */
	bool is_done; /* it was found: what comes later does not count … */
	bool is_weak; /* … but as an attribute, and an element goes before that */
	bool is_null;
	size_t at;
};

struct xml_record {
	const struct job *job;
	XML_Parser parser;
	struct way *ways;
	struct xml_value *values;
	unsigned long salt; /* libexpat would ask the kernel for one for each element */
	size_t depth;
	struct buf *texts; /* of each field, as it comes in pieces */
};

static bool is_step(const struct way *w, size_t i, const char *name)
{
	const char *local = strchr(name, ':');

	if (strncmp(name, w->step[i], w->len[i]) == 0 && name[w->len[i]] == '\0')
		return true;
	/* A name without a prefix is meant for elements with any. */
	return local != NULL && memchr(w->step[i], ':', w->len[i]) == NULL &&
	       strncmp(local + 1, w->step[i], w->len[i]) == 0 && local[1 + w->len[i]] == '\0';
}

static void make_way(struct way *w, const struct field *field)
{
	const char *p = field->from;

	if (p == NULL) {
		w->step[0] = field->name;
		w->len[0] = strlen(field->name);
		w->n = 1;
		w->is_either = true;
		return;
	}
	while (*p == '/' && w->n < STEPS_MAX - 1) {
		p++;
		w->is_attribute = *p == '@';
		p += w->is_attribute;
		w->step[w->n] = p;
		w->len[w->n] = strcspn(p, "/");
		p += w->len[w->n];
		w->n += !w->is_attribute;
	}
}

struct xml_record *xml_record_new(const struct job *job)
{
	struct xml_record *x = xnew(struct xml_record);
	size_t n = job->source.n_fields;

	x->job = job;
	x->salt = (unsigned long)random_u64() | 1; /* 0 would have it make one */
	x->ways = xcalloc(n + 1, sizeof(*x->ways));
	x->values = xcalloc(n + 1, sizeof(*x->values));
	x->texts = xcalloc(n + 1, sizeof(*x->texts));
	for (size_t i = 0; i < n; i++) {
		make_way(&x->ways[i], &job->source.fields[i]);
		buf_init(&x->texts[i], RECORD_BYTES_MAX * ENCODING_GROWTH);
	}
	return x;
}

void xml_record_free(struct xml_record *x)
{
	if (x == NULL)
		return;
	if (x->parser != NULL)
		XML_ParserFree(x->parser);
	for (size_t i = 0; i < x->job->source.n_fields; i++)
		buf_done(&x->texts[i]);
	free(x->texts);
	free(x->ways);
	free(x->values);
	free(x);
}

/* ---- while it is parsed ---- */

static void take_attribute(struct xml_record *x, size_t field, const char *value)
{
	struct way *w = &x->ways[field];

	buf_reset(&x->texts[field]);
	buf_puts(&x->texts[field], value);
	w->is_done = true;
	w->is_weak = w->is_either;
	w->is_null = false;
	w->at = (size_t)XML_GetCurrentByteIndex(x->parser);
}

static void look_at_attributes(struct xml_record *x, size_t field, const char **attributes)
{
	const struct way *w = &x->ways[field];
	size_t step = w->is_either ? 0 : w->n;

	if (w->is_done || w->depth != (w->is_either ? 0 : w->n) || x->depth != w->depth + 1)
		return;
	for (size_t i = 0; attributes[i] != NULL; i += 2)
		if (is_step(w, step, attributes[i])) {
			take_attribute(x, field, attributes[i + 1]);
			return;
		}
}

static bool is_nil(const char **attributes)
{
	for (size_t i = 0; attributes[i] != NULL; i += 2) {
		const char *colon = strchr(attributes[i], ':');
		if (colon != NULL && strcmp(colon + 1, "nil") == 0 &&
		    (strcmp(attributes[i + 1], "true") == 0 || strcmp(attributes[i + 1], "1") == 0))
			return true;
	}
	return false;
}

static void begin_text(struct xml_record *x, size_t field, const char **attributes)
{
	struct way *w = &x->ways[field];

	if (w->is_attribute || w->depth != w->n || (w->is_done && !w->is_weak))
		return;
	buf_reset(&x->texts[field]);
	w->is_read = true;
	w->is_done = true;
	w->is_weak = false;
	w->is_null = is_nil(attributes);
	w->at = (size_t)XML_GetCurrentByteIndex(x->parser);
}

static void XMLCALL on_start(void *arg, const char *name, const char **attributes)
{
	struct xml_record *x = arg;
	size_t above = x->depth++; /* the element itself is at 0 */

	for (size_t i = 0; i < x->job->source.n_fields; i++) {
		struct way *w = &x->ways[i];
		bool is_next = above > 0 && w->depth == above - 1 && w->depth < w->n &&
			       is_step(w, w->depth, name);
		if (is_next)
			w->depth++;
		if (is_next && w->depth == w->n)
			begin_text(x, i, attributes);
		if (w->is_attribute || w->is_either)
			look_at_attributes(x, i, attributes);
	}
}

static void XMLCALL on_end(void *arg, const char *name)
{
	struct xml_record *x = arg;

	(void)name;
	x->depth--;
	for (size_t i = 0; i < x->job->source.n_fields; i++) {
		struct way *w = &x->ways[i];
		if (w->depth == x->depth && w->depth > 0) {
			w->is_read = false;
			w->depth--;
		}
	}
}

static void XMLCALL on_text(void *arg, const char *text, int len)
{
	struct xml_record *x = arg;

	for (size_t i = 0; i < x->job->source.n_fields; i++)
		if (x->ways[i].is_read)
			buf_put(&x->texts[i], text, (size_t)len);
}

/* windows-1252 is the one that libexpat does not know by itself. */
static int XMLCALL on_encoding(void *arg, const char *name, XML_Encoding *info)
{
	(void)arg;
	if (strcasecmp(name, "windows-1252") != 0 && strcasecmp(name, "cp1252") != 0)
		return XML_STATUS_ERROR;
	for (int c = 0; c < 256; c++) {
		AUTO(buf) struct buf out = BUF_INIT(8);
		char byte = (char)c;
		encoding_put_utf8(JOB_WINDOWS_1252, &byte, 1, &out);
		size_t used = 0;
		uint32_t point = utf8_decode(buf_str(&out), &used);
		info->map[c] = point != UTF8_REPLACEMENT ? (int)point : -1;
	}
	info->data = NULL;
	info->convert = NULL;
	info->release = NULL;
	return XML_STATUS_OK;
}

/* ---- one record ---- */

static void prepare(struct xml_record *x, const char *encoding)
{
	const char *name = encoding[0] == '\0' ? "UTF-8" : encoding;

	if (x->parser == NULL)
		x->parser = XML_ParserCreate(name);
	else if (!XML_ParserReset(x->parser, name))
		unreachable("a parser can be reset");
	if (x->parser == NULL)
		mem_give_up(1, sizeof(x->parser));
	if (!XML_SetHashSalt(x->parser, x->salt))
		unreachable("nothing was parsed yet");
	XML_SetUserData(x->parser, x);
	XML_SetElementHandler(x->parser, on_start, on_end);
	XML_SetCharacterDataHandler(x->parser, on_text);
	XML_SetUnknownEncodingHandler(x->parser, on_encoding, NULL);
	x->depth = 0;
	for (size_t i = 0; i < x->job->source.n_fields; i++) {
		struct way *w = &x->ways[i];
		w->depth = 0;
		w->is_read = w->is_done = w->is_weak = w->is_null = false;
		buf_reset(&x->texts[i]);
	}
}

static int say_flaw(struct xml_record *x, const char *encoding, struct flaw *ret_flaw)
{
	enum XML_Error code = XML_GetErrorCode(x->parser);
	XML_Index at = XML_GetErrorByteIndex(x->parser);

	if (code == XML_ERROR_NO_MEMORY)
		mem_give_up(1, 1);
	if (code == XML_ERROR_UNKNOWN_ENCODING)
		flaw_set(ret_flaw, 0,
			 "the document's encoding is %s; UTF-8, US-ASCII, ISO-8859-1 and "
			 "windows-1252 can be read",
			 encoding);
	else
		flaw_set(ret_flaw, at < 0 ? 0 : (size_t)at, "this is no XML: %s",
			 XML_ErrorString(code));
	return XML_RECORD_FLAW;
}

int xml_record_read(struct xml_record *x, const char *encoding, const char *text, size_t len,
		    const struct xml_value **ret_values, struct flaw *ret_flaw)
{
	assert(x != NULL && encoding != NULL && text != NULL && len <= RECORD_BYTES_MAX);
	prepare(x, encoding);
	if (XML_Parse(x->parser, text, (int)len, XML_TRUE) != XML_STATUS_OK)
		return say_flaw(x, encoding, ret_flaw);
	for (size_t i = 0; i < x->job->source.n_fields; i++) {
		const struct way *w = &x->ways[i];
		bool is_there = w->is_done && !w->is_null;
		x->values[i] = (struct xml_value){.text = is_there ? buf_str(&x->texts[i]) : NULL,
						  .len = is_there ? x->texts[i].len : 0,
						  .at = w->is_done ? w->at : 0};
	}
	*ret_values = x->values;
	return 0;
}
