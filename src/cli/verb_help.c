/* SPDX-License-Identifier: Apache-2.0 */
/* `stint help [VERB|KEY]`, and what the build and shells ask for: `stint help :man VERB`, `:bash`,
 * … */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/help.h"
#include "cli/manual.h"
#include "cli/verbs.h"
#include "job/schema.h"

enum { KEYS_SHOWN_MAX = 12, NAMES_MAX = 1024, PART_MAX = 64 };

static void put_verb_json(const struct verb *verb, struct json_writer *w)
{
	jw_object(w);
	jw_member_text(w, "name", verb->name);
	jw_member_text(w, "arguments", verb->words);
	jw_member_text(w, "text", verb->says);
	jw_member_bool(w, "available", verb->run != NULL);
	jw_name(w, "options");
	jw_array(w);
	for (size_t id = 0; id < OPTION_COUNT_; id++) {
		const struct option_row *row = option_get((enum option_id)id);
		if ((verb->options & OPTION_BIT(id)) == 0)
			continue;
		jw_object(w);
		jw_member_text(w, "name", row->name);
		jw_member_text(w, "argument", row->argument);
		jw_member_text(w, "text", row->says);
		jw_object_end(w);
	}
	jw_array_end(w);
	jw_object_end(w);
}

/* One verb, or all where `only` is NULL. */
static void put_json(const struct verb *only, struct buf *out)
{
	struct json_writer w = {0};

	jw_init(&w, out);
	jw_object(&w);
	jw_member_text(&w, "schema", "stint.help.1");
	jw_name(&w, "verbs");
	jw_array(&w);
	for (size_t id = 0; id < VERB_COUNT_; id++)
		if (only == NULL || only == verb_get((enum verb_id)id))
			put_verb_json(verb_get((enum verb_id)id), &w);
	jw_array_end(&w);
	jw_object_end(&w);
	jw_done(&w);
	buf_putc(out, '\n');
}

/* The key at a path such as `retry.attempts`, or NULL. */
static const struct schema_key *find_key(const char *path)
{
	const struct schema_key *key = schema_find(path);
	char part[PART_MAX] = {0};

	/* Shared keys have no row under their full path: walk down to them. */
	for (const char *at = path; key == NULL || at != path;) {
		size_t len = strcspn(at, ".");
		if (len == 0 || len >= sizeof(part))
			return NULL;
		memcpy(part, at, len);
		part[len] = '\0';
		key = schema_child(key, part);
		if (key == NULL || at[len] == '\0')
			return key;
		at += len + 1;
	}
	return key;
}

/* The keys of a job file with that path, or with that last name. Returns how many there are. */
static size_t put_keys(const char *word, struct buf *out)
{
	const struct schema_key *exact = find_key(word);
	size_t n = 0;

	if (exact != NULL) {
		schema_put_help(exact, out);
		return 1;
	}
	for (size_t i = 0; schema_get(i) != NULL; i++) {
		const struct schema_key *key = schema_get(i);
		if (strcmp(schema_name(key), word) != 0)
			continue;
		n++;
		if (n > KEYS_SHOWN_MAX)
			continue;
		if (n > 1)
			buf_putc(out, '\n');
		schema_put_help(key, out);
	}
	if (n > KEYS_SHOWN_MAX)
		buf_printf(out, "\n… and %zu more keys of that name\n", n - KEYS_SHOWN_MAX);
	return n;
}

static int fail_unknown(const char *word, struct err *err)
{
	const char *names[NAMES_MAX] = {0};
	size_t n = 0;

	for (size_t id = 0; id < VERB_COUNT_; id++)
		names[n++] = verb_get((enum verb_id)id)->name;
	for (size_t i = 0; schema_get(i) != NULL && n + 2 <= NAMES_MAX; i++) {
		names[n++] = schema_get(i)->path;
		names[n++] = schema_name(schema_get(i));
	}
	const char *nearest = text_nearest(word, strlen(word), names, n);
	if (nearest != NULL)
		return ERR(err, ERR_USAGE,
			   "there is no verb and no key of a job file %s; did you mean '%s'?",
			   QUOTED(word, strlen(word)), nearest);
	return ERR(err, ERR_USAGE,
		   "there is no verb and no key of a job file %s; `stint help` lists the verbs, "
		   "`stint schema` has the keys",
		   QUOTED(word, strlen(word)));
}

int verb_help(struct cli *cli, struct err *err)
{
	const char *word = cli_word(cli, 0);
	struct buf *out = &cli->out.buf;

	if (word != NULL && word[0] == ':')
		return manual_put(word + 1, cli_word(cli, 1), out, err);
	int rc = cli_words(cli, 0, 1, err);
	if (rc < 0)
		return rc;
	const struct verb *verb = word == NULL ? NULL : verb_find(word);
	if (cli->wants_json && (word == NULL || verb != NULL)) {
		put_json(verb, out);
		return EXIT_DONE;
	}
	if (word == NULL) {
		help_put_all(&cli->out);
		return EXIT_DONE;
	}
	if (verb == NULL)
		return put_keys(word, out) > 0 ? EXIT_DONE : fail_unknown(word, err);
	if (verb->run == NULL)
		buf_printf(out, "stint %s %s\n%s\n(not available in this version)\n", verb->name,
			   verb->words, verb->says);
	else
		help_put_verb(verb, &cli->out);
	if (find_key(word) != NULL) {
		buf_puts(out, "\nIt is also a key of job files:\n");
		schema_put_help(find_key(word), out);
	}
	return EXIT_DONE;
}
