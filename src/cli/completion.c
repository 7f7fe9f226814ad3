/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/completion.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "cli/options.h"
#include "cli/verbs.h"

/* What may stand behind an option or a verb, where it is a list of words. */
struct choice {
	const char *name;
	const char *words;
};

static const struct choice option_choices[] = {
	{"state", "waiting running done skipped retry in_doubt dead"},
	{"by", "hour instance position error person"},
	{"format", "text json csv"},
	{"from", "csv fixed files inbox json jsonl postgres sqlite stdin xml"},
	{"date", "today yesterday"},
	{"since", "today yesterday"},
};

static const struct choice verb_choices[] = {
	{"ledger", "init upgrade verify info restored"},
};

static const char *find_choice(const struct choice *choices, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(choices[i].name, name) == 0)
			return choices[i].words;
	return NULL;
}

/* Whether a file completes it. */
static bool wants_file(const char *argument)
{
	return argument != NULL &&
	       (strncmp(argument, "FILE", 4) == 0 || strncmp(argument, "[FILE", 5) == 0 ||
		strcmp(argument, "PATH") == 0 || strcmp(argument, "DIR") == 0);
}

/* ---- bash ---- */

static void put_bash_options(uint64_t set, struct buf *out)
{
	const char *mark = "";

	for (size_t id = 0; id < OPTION_COUNT_; id++) {
		const struct option_row *row = option_get((enum option_id)id);
		if ((set & OPTION_BIT(id)) == 0)
			continue;
		buf_printf(out, "%s--%s", mark, row->name);
		mark = " ";
	}
}

static void put_bash(struct buf *out)
{
	buf_puts(out, "# SPDX-License-Identifier: Apache-2.0\n"
		      "# Made from src/cli/verbs.h by man/update; change it there.\n"
		      "_stint()\n{\n"
		      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
		      "\tlocal verb='' i options='' words='' files=''\n"
		      "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		      "\t\tcase ${COMP_WORDS[i]} in\n"
		      "\t\t--ledger | --config) ((i++)) ;;\n"
		      "\t\t-*) ;;\n"
		      "\t\t*)\n\t\t\tverb=${COMP_WORDS[i]}\n\t\t\tbreak\n\t\t\t;;\n"
		      "\t\tesac\n\tdone\n"
		      "\tcase $prev in\n");
	for (size_t i = 0; i < sizeof(option_choices) / sizeof(option_choices[0]); i++)
		buf_printf(out,
			   "\t--%s)\n\t\tmapfile -t COMPREPLY < <(compgen -W '%s' -- \"$cur\")\n"
			   "\t\treturn\n\t\t;;\n",
			   option_choices[i].name, option_choices[i].words);
	buf_puts(out, "\t--config | --source | --to)\n"
		      "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n\t\treturn\n\t\t;;\n"
		      "\tesac\n\tcase $verb in\n");
	for (size_t id = 0; id < VERB_COUNT_; id++) {
		const struct verb *verb = verb_get((enum verb_id)id);
		const char *words = find_choice(
			verb_choices, sizeof(verb_choices) / sizeof(verb_choices[0]), verb->name);
		if (verb->run == NULL)
			continue;
		buf_printf(out, "\t%s)\n\t\toptions='", verb->name);
		put_bash_options(verb->options, out);
		buf_puts(out, "'\n");
		if (words != NULL)
			buf_printf(out, "\t\twords='%s'\n", words);
		if (wants_file(verb->words))
			buf_puts(out, "\t\tfiles=-f\n");
		buf_puts(out, "\t\t;;\n");
	}
	buf_puts(out, "\t'')\n\t\twords='");
	for (size_t id = 0; id < VERB_COUNT_; id++)
		if (verb_get((enum verb_id)id)->run != NULL)
			buf_printf(out, "%s%s", id == 0 ? "" : " ",
				   verb_get((enum verb_id)id)->name);
	buf_puts(out, "'\n\t\t;;\n\tesac\n\tif [[ $cur == -* ]]; then\n\t\twords=\"$options ");
	put_bash_options(OPTIONS_GLOBAL, out);
	buf_puts(out, "\"\n\t\tfiles=''\n\tfi\n"
		      "\tmapfile -t COMPREPLY < <(compgen $files -W \"$words\" -- \"$cur\")\n}\n"
		      "complete -o filenames -F _stint stint\n");
}

/* ---- zsh ---- */

/* Text inside single quotes and brackets of an _arguments specification. */
static void put_zsh_text(const char *text, struct buf *out)
{
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '\'')
			buf_puts(out, "'\\''");
		else if (strchr("[]:\\", *c) != NULL)
			buf_printf(out, "\\%c", *c);
		else
			buf_putc(out, *c);
	}
}

static void put_zsh_options(uint64_t set, const char *indent, struct buf *out)
{
	for (size_t id = 0; id < OPTION_COUNT_; id++) {
		const struct option_row *row = option_get((enum option_id)id);
		if ((set & OPTION_BIT(id)) == 0)
			continue;
		const char *choice = find_choice(option_choices,
						 sizeof(option_choices) / sizeof(option_choices[0]),
						 row->name);
		buf_printf(out, " \\\n%s", indent);
		if (row->letter != '\0')
			buf_printf(out, "'(-%c --%s)'{-%c,--%s}'", row->letter, row->name,
				   row->letter, row->name);
		else
			buf_printf(out, "'%s--%s", id == OPTION_PARAM ? "*" : "", row->name);
		buf_putc(out, '[');
		put_zsh_text(row->says, out);
		buf_putc(out, ']');
		if (row->argument != NULL)
			buf_printf(out, ":%s:", row->argument);
		if (choice != NULL)
			buf_printf(out, "(%s)", choice);
		else if (wants_file(row->argument))
			buf_puts(out, "_files");
		buf_putc(out, '\'');
	}
}

static void put_zsh(struct buf *out)
{
	buf_puts(out, "#compdef stint\n"
		      "# SPDX-License-Identifier: Apache-2.0\n"
		      "# Made from src/cli/verbs.h by man/update; change it there.\n"
		      "_stint_verbs() {\n\tlocal -a verbs=(\n");
	for (size_t id = 0; id < VERB_COUNT_; id++) {
		const struct verb *verb = verb_get((enum verb_id)id);
		if (verb->run == NULL)
			continue;
		buf_printf(out, "\t\t'%s:", verb->name);
		put_zsh_text(verb->says, out);
		buf_puts(out, "'\n");
	}
	buf_puts(out, "\t)\n\t_describe verb verbs\n}\n\n_stint() {\n\tlocal line state\n"
		      "\t_arguments -C");
	put_zsh_options(OPTIONS_GLOBAL, "\t\t", out);
	buf_puts(out, " \\\n\t\t'1:verb:_stint_verbs' '*::argument:->rest'\n"
		      "\t[[ $state == rest ]] || return\n\tcase $line[1] in\n");
	for (size_t id = 0; id < VERB_COUNT_; id++) {
		const struct verb *verb = verb_get((enum verb_id)id);
		const char *words = find_choice(
			verb_choices, sizeof(verb_choices) / sizeof(verb_choices[0]), verb->name);
		if (verb->run == NULL)
			continue;
		buf_printf(out, "\t%s)\n\t\t_arguments", verb->name);
		put_zsh_options(OPTIONS_GLOBAL | verb->options, "\t\t\t", out);
		if (words != NULL)
			buf_printf(out, " \\\n\t\t\t'1:what:(%s)'", words);
		else if (wants_file(verb->words))
			buf_puts(out, " \\\n\t\t\t'*:file:_files'");
		buf_puts(out, "\n\t\t;;\n");
	}
	buf_puts(out, "\tesac\n}\n\n_stint \"$@\"\n");
}

/* ---- fish ---- */

static void put_fish_text(const char *text, struct buf *out)
{
	buf_putc(out, '\'');
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '\'' || *c == '\\')
			buf_putc(out, '\\');
		buf_putc(out, *c);
	}
	buf_putc(out, '\'');
}

static void put_fish_options(const char *condition, uint64_t set, struct buf *out)
{
	for (size_t id = 0; id < OPTION_COUNT_; id++) {
		const struct option_row *row = option_get((enum option_id)id);
		if ((set & OPTION_BIT(id)) == 0)
			continue;
		const char *choice = find_choice(option_choices,
						 sizeof(option_choices) / sizeof(option_choices[0]),
						 row->name);
		buf_printf(out, "complete -c stint%s -l %s", condition, row->name);
		if (row->letter != '\0')
			buf_printf(out, " -s %c", row->letter);
		if (choice != NULL)
			buf_printf(out, " -x -a '%s'", choice);
		else if (row->argument != NULL)
			buf_puts(out, wants_file(row->argument) ? " -r -F" : " -x");
		buf_puts(out, " -d ");
		put_fish_text(row->says, out);
		buf_putc(out, '\n');
	}
}

static void put_fish(struct buf *out)
{
	buf_puts(out, "# SPDX-License-Identifier: Apache-2.0\n"
		      "# Made from src/cli/verbs.h by man/update; change it there.\n"
		      "complete -c stint -f\n");
	put_fish_options("", OPTIONS_GLOBAL, out);
	for (size_t id = 0; id < VERB_COUNT_; id++) {
		const struct verb *verb = verb_get((enum verb_id)id);
		const char *words = find_choice(
			verb_choices, sizeof(verb_choices) / sizeof(verb_choices[0]), verb->name);
		AUTO(buf) struct buf condition = BUF_INIT(256);
		if (verb->run == NULL)
			continue;
		buf_printf(out, "complete -c stint -n __fish_use_subcommand -a %s -d ", verb->name);
		put_fish_text(verb->says, out);
		buf_putc(out, '\n');
		buf_printf(&condition, " -n '__fish_seen_subcommand_from %s'", verb->name);
		if (words != NULL)
			buf_printf(out, "complete -c stint%s -a '%s'\n", buf_str(&condition),
				   words);
		if (wants_file(verb->words))
			buf_printf(out, "complete -c stint%s -F\n", buf_str(&condition));
		put_fish_options(buf_str(&condition), verb->options, out);
	}
}

bool completion_put(const char *shell, struct buf *out)
{
	assert(shell != NULL && out != NULL);
	if (strcmp(shell, "bash") == 0)
		put_bash(out);
	else if (strcmp(shell, "zsh") == 0)
		put_zsh(out);
	else if (strcmp(shell, "fish") == 0)
		put_fish(out);
	else
		return false;
	return true;
}
