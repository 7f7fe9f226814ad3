/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include <assert.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

enum {
	LONG_BASE = 256,		    /* values of long options begin behind the letters */
	LETTERS_MAX = 3 + 2 * OPTION_COUNT_ /* "+:", a letter and perhaps a colon each, '\0' */
};

static const struct option_row rows[OPTION_COUNT_] = {
#define X(id, name_, letter_, argument_, says_)                                                    \
	[id] = {.name = (name_), .letter = (letter_), .argument = (argument_), .says = (says_)},
	OPTIONS(X)
#undef X
};

const struct option_row *option_get(enum option_id id)
{
	assert(id < OPTION_COUNT_);
	return &rows[id];
}

/* What getopt_long is told. */
struct form {
	struct option longs[OPTION_COUNT_ + 1];
	char letters[LETTERS_MAX];
};

static bool is_allowed(const struct options_input *in, size_t id)
{
	return (in->allowed & OPTION_BIT(id)) != 0;
}

static void form_fill(struct form *form, const struct options_input *in)
{
	size_t n_longs = 0;
	size_t n = 0;

	if (in->verb == NULL)
		form->letters[n++] = '+'; /* stop before the verb */
	form->letters[n++] = ':';	  /* say "argument missing" apart from "unknown" */
	for (size_t id = 0; id < OPTION_COUNT_; id++) {
		if (!is_allowed(in, id))
			continue;
		form->longs[n_longs++] = (struct option){
			.name = rows[id].name,
			.has_arg = rows[id].argument == NULL ? no_argument : required_argument,
			.val = LONG_BASE + (int)id,
		};
		if (rows[id].letter == '\0')
			continue;
		form->letters[n++] = rows[id].letter;
		if (rows[id].argument != NULL)
			form->letters[n++] = ':';
	}
	form->longs[n_longs] = (struct option){0};
	form->letters[n] = '\0';
}

/* The id that getopt's value stands for, or OPTION_COUNT_. */
static size_t find_id(const struct options_input *in, int value)
{
	if (value >= LONG_BASE)
		return (size_t)(value - LONG_BASE);
	for (size_t id = 0; id < OPTION_COUNT_; id++)
		if (is_allowed(in, id) && rows[id].letter != '\0' && rows[id].letter == (char)value)
			return id;
	return OPTION_COUNT_;
}

static void option_take(struct options *o, size_t id, const char *value)
{
	o->is_given[id] = true;
	o->value[id] = value;
	if (id != OPTION_PARAM)
		return;
	o->params = xrealloc(o->params, o->n_params + 1, sizeof(*o->params));
	o->params[o->n_params++] = value;
}

static int fail_missing(const struct options_input *in, struct err *err)
{
	size_t id = find_id(in, optopt);

	assert(id < OPTION_COUNT_);
	return ERR(err, ERR_USAGE, "--%s needs a value: --%s %s", rows[id].name, rows[id].name,
		   rows[id].argument);
}

/* Ends a message with where to look. */
static void add_where(const struct options_input *in, char *out, size_t size)
{
	if (in->verb == NULL)
		(void)snprintf(out, size, "`stint help` lists verbs and options");
	else
		(void)snprintf(out, size, "`stint help %s` lists its options", in->verb);
}

static int fail_unknown_long(const struct options_input *in, const char *word, struct err *err)
{
	const char *names[OPTION_COUNT_] = {0};
	size_t n = 0;
	size_t n_begin = 0;
	size_t len = strcspn(word, "=");
	char where[96] = {0};

	for (size_t id = 0; id < OPTION_COUNT_; id++) {
		if (!is_allowed(in, id))
			continue;
		names[n++] = rows[id].name;
		n_begin += strncmp(rows[id].name, word, len) == 0 ? 1 : 0;
	}
	add_where(in, where, sizeof(where));
	if (len > 0 && n_begin > 1)
		return ERR(err, ERR_USAGE, "'--%.*s' could mean more than one option; %s", (int)len,
			   word, where);
	const char *nearest = text_nearest(word, len, names, n);
	if (nearest != NULL)
		return ERR(err, ERR_USAGE, "there is no option %s; did you mean '--%s'? (%s)",
			   QUOTED(word - 2, len + 2), nearest, where);
	return ERR(err, ERR_USAGE, "there is no option %s%s; %s", QUOTED(word - 2, len + 2),
		   in->verb == NULL ? " before the verb" : "", where);
}

static int fail_unknown(const struct options_input *in, struct err *err)
{
	char where[96] = {0};
	char letter = (char)optopt;

	if (optopt >= LONG_BASE)
		return ERR(err, ERR_USAGE, "--%s takes no value", rows[find_id(in, optopt)].name);
	if (optopt == 0)
		return fail_unknown_long(in, in->argv[optind - 1] + 2, err);
	add_where(in, where, sizeof(where));
	return ERR(err, ERR_USAGE, "there is no option '-%c'; %s", letter, where);
}

int options_parse(struct options *o, const struct options_input *in, int *ret_next, struct err *err)
{
	struct form form = {0};
	int value = 0;

	assert(o != NULL && in != NULL && ret_next != NULL && err != NULL);
	form_fill(&form, in);
	opterr = 0;
	optind = 0; /* GNU: begin anew */
	for (;;) {
		value = getopt_long(in->argc, in->argv, form.letters, form.longs, NULL);
		if (value == -1)
			break;
		if (value == ':')
			return fail_missing(in, err);
		size_t id = value == '?' ? OPTION_COUNT_ : find_id(in, value);
		if (id >= OPTION_COUNT_)
			return fail_unknown(in, err);
		option_take(o, id, optarg);
	}
	*ret_next = optind;
	if (in->verb == NULL)
		return 0;
	o->words = xcalloc((size_t)(in->argc - optind) + 1, sizeof(*o->words));
	for (int i = optind; i < in->argc; i++)
		o->words[o->n_words++] = in->argv[i];
	return 0;
}

void options_done(struct options *o)
{
	free(o->params);
	free(o->words);
	*o = (struct options){0};
}

int options_number(const struct options *o, enum option_id id, const struct option_range *range,
		   int64_t *ret_value, struct err *err)
{
	struct err ignored = ERR_INIT;
	const char *text = o->value[id];
	int64_t value = range->fallback;

	if (o->is_given[id] && (text_parse_int(text, strlen(text), &value, &ignored) < 0 ||
				value < range->min || value > range->max))
		return ERR(err, ERR_USAGE,
			   "--%s %s: a whole number from %" PRId64 " to %" PRId64 " is expected",
			   rows[id].name, QUOTED(text, strlen(text)), range->min, range->max);
	*ret_value = value;
	return 0;
}

int options_word(const struct options *o, enum option_id id, const char *const *words, int fallback,
		 int *ret_index, struct err *err)
{
	char list[192] = {0};
	size_t used = 0;
	size_t n = 0;

	if (!o->is_given[id]) {
		*ret_index = fallback;
		return 0;
	}
	const char *text = o->value[id];
	for (; words[n] != NULL; n++) {
		if (strcmp(words[n], text) == 0) {
			*ret_index = (int)n;
			return 0;
		}
		const char *mark = words[n + 1] == NULL ? " or " : ", ";
		int len = snprintf(list + used, sizeof(list) - used, "%s%s", n == 0 ? "" : mark,
				   words[n]);
		assert(len > 0 && used + (size_t)len < sizeof(list));
		used += (size_t)len;
	}
	const char *nearest = text_nearest(text, strlen(text), words, n);
	if (nearest != NULL)
		return ERR(err, ERR_USAGE, "--%s %s: did you mean '%s'? (%s)", rows[id].name,
			   QUOTED(text, strlen(text)), nearest, list);
	return ERR(err, ERR_USAGE, "--%s %s: it is one of %s", rows[id].name,
		   QUOTED(text, strlen(text)), list);
}

void option_put_form(enum option_id id, struct buf *out)
{
	const struct option_row *row = option_get(id);

	if (row->letter != '\0')
		buf_printf(out, "-%c, --%s", row->letter, row->name);
	else
		buf_printf(out, "    --%s", row->name);
	if (row->argument != NULL)
		buf_printf(out, " %s", row->argument);
}
