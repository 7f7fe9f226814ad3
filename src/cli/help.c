/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/help.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "cli/out.h"
#include "cli/verbs.h"

enum {
	HELP_COLUMNS = 92, /* lines of prose are not made longer than can be read */
	VERB_INDENT = 28,  /* where the sentence of a verb begins */
	OPTION_INDENT = 28,
};

static size_t help_columns(const struct out *out)
{
	return out->columns == 0 || out->columns > HELP_COLUMNS ? HELP_COLUMNS : out->columns;
}

static void put_blanks(struct buf *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_putc(out, ' ');
}

void help_put_wrapped(const char *text, size_t indent, size_t used, size_t columns, struct buf *out)
{
	size_t at = used;

	assert(text != NULL && out != NULL);
	while (*text != '\0') {
		size_t len = strcspn(text, " ");
		size_t width = utf8_width(text, len);
		if (at > indent && at + 1 + width > columns) {
			buf_putc(out, '\n');
			put_blanks(out, indent);
			at = indent;
		} else if (at > used || at > indent) {
			buf_putc(out, ' ');
			at++;
		}
		buf_put(out, text, len);
		at += width;
		text += len;
		text += strspn(text, " ");
	}
	buf_putc(out, '\n');
}

/* `head` in the left column, `text` in the right one. */
static void put_entry(struct out *out, const char *head, const char *text, size_t indent)
{
	size_t width = utf8_width(head, strlen(head)) + 2;

	buf_puts(&out->buf, "  ");
	buf_puts(&out->buf, head);
	if (width + 2 > indent) {
		buf_putc(&out->buf, '\n');
		width = 0;
	}
	put_blanks(&out->buf, indent - width);
	help_put_wrapped(text, indent, indent, help_columns(out), &out->buf);
}

static void put_heading(struct out *out, const char *text)
{
	buf_putc(&out->buf, '\n');
	out_style(out, OUT_BOLD);
	buf_puts(&out->buf, text);
	out_plain(out);
	buf_putc(&out->buf, '\n');
}

static void put_options(struct out *out, uint64_t set)
{
	for (size_t id = 0; id < OPTION_COUNT_; id++) {
		AUTO(buf) struct buf head = BUF_INIT(256);
		if ((set & OPTION_BIT(id)) == 0)
			continue;
		option_put_form((enum option_id)id, &head);
		put_entry(out, buf_str(&head), option_get((enum option_id)id)->says, OPTION_INDENT);
	}
}

void help_put_all(struct out *out)
{
	struct buf *b = &out->buf;

	buf_puts(
		b,
		"stint VERB [options] [arguments]\n"
		"works batches that nobody watches: nothing lost, nothing twice, nothing silent\n");
	put_heading(out, "Verbs");
	for (size_t id = 0; id < VERB_COUNT_; id++) {
		const struct verb *verb = verb_get((enum verb_id)id);
		AUTO(buf) struct buf head = BUF_INIT(256);
		if (verb->run == NULL)
			continue;
		buf_printf(&head, "%s %s", verb->name, verb->words);
		put_entry(out, buf_str(&head), verb->says, VERB_INDENT);
	}
	put_heading(out, "Options of every verb");
	put_options(out, OPTIONS_GLOBAL);
	buf_puts(b, "\nSELECTION: ITEM… or --run RUN, --state STATE, --person PERSON, --error "
		    "FINGERPRINT.\n"
		    "A run is JOB@SLOT[,NAME=VALUE…][#N] or its number, an item JOB/KEY or "
		    "RUN:NUMBER,\n"
		    "a job its file or its name.\n");
	put_heading(out, "Known, but not in this version");
	AUTO(buf) struct buf later = BUF_INIT(1024);
	for (size_t id = 0; id < VERB_COUNT_; id++)
		if (verb_get((enum verb_id)id)->run == NULL)
			buf_printf(&later, "%s%s", later.len == 0 ? "" : ", ",
				   verb_get((enum verb_id)id)->name);
	buf_puts(b, "  ");
	help_put_wrapped(buf_str(&later), 2, 2, help_columns(out), b);
	buf_puts(
		b,
		"\n`stint help VERB` says more and shows examples; `stint help KEY` explains a key "
		"of a job\nfile, such as `stint help retry.attempts`. To begin: `stint init`.\n");
}

/* Paragraphs, parted by an empty line, each filled. */
static void put_details(struct out *out, const char *text)
{
	while (*text != '\0') {
		const char *end = strstr(text, "\n\n");
		size_t len = end == NULL ? strlen(text) : (size_t)(end - text);
		AUTO(buf) struct buf paragraph = BUF_INIT(8192);
		buf_put(&paragraph, text, len);
		buf_putc(&out->buf, '\n');
		help_put_wrapped(buf_str(&paragraph), 0, 0, help_columns(out), &out->buf);
		text += len;
		text += strspn(text, "\n");
	}
}

static void put_examples(struct out *out, const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		buf_puts(&out->buf, "  ");
		buf_put(&out->buf, text, len);
		buf_putc(&out->buf, '\n');
		text += len;
		text += strspn(text, "\n");
	}
}

void help_put_verb(const struct verb *verb, struct out *out)
{
	struct buf *b = &out->buf;

	assert(verb != NULL && out != NULL);
	out_style(out, OUT_BOLD);
	buf_printf(b, "stint %s", verb->name);
	out_plain(out);
	buf_printf(b, "%s%s%s\n", verb->options == 0 ? "" : " [options]",
		   verb->words[0] == '\0' ? "" : " ", verb->words);
	help_put_wrapped(verb->says, 0, 0, help_columns(out), b);
	if (help_examples(verb)[0] != '\0') {
		put_heading(out, "Examples");
		put_examples(out, help_examples(verb));
	}
	put_details(out, help_details(verb));
	if (verb->options != 0) {
		put_heading(out, "Options");
		put_options(out, verb->options);
	}
	put_heading(out, "Options of every verb");
	put_options(out, OPTIONS_GLOBAL);
}
