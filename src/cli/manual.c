/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/manual.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"
#include "cli/completion.h"
#include "cli/help.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "job/job.h"

enum { HEAD_MAX = 256 };

/* ---- mdoc ---- */

/* Text with what mdoc would take for a request or an escape made plain, and beyond ASCII by its
 * number, so that it does not depend on how the page is read. */
static void put_mdoc_words(const char *text, struct buf *out)
{
	if (text[0] == '.' || text[0] == '\'')
		buf_puts(out, "\\&");
	for (const char *c = text; *c != '\0';) {
		size_t len = 1;
		if (*c == '\\')
			buf_puts(out, "\\e");
		else if (*c == '-')
			buf_puts(out, "\\-");
		else if ((unsigned char)*c < 0x80) /* ASCII */
			buf_putc(out, *c);
		else
			buf_printf(out, "\\[u%04X]", (unsigned)utf8_decode(c, &len));
		c += len;
	}
}

static void put_mdoc(const char *text, struct buf *out)
{
	put_mdoc_words(text, out);
	buf_putc(out, '\n');
}

static void put_mdoc_options(uint64_t set, struct buf *out)
{
	buf_puts(out, ".Bl -tag -width Ds\n");
	for (size_t id = 0; id < OPTION_COUNT_; id++) {
		const struct option_row *row = option_get((enum option_id)id);
		if ((set & OPTION_BIT(id)) == 0)
			continue;
		buf_puts(out, ".It ");
		if (row->letter != '\0')
			buf_printf(out, "Fl %c , ", row->letter);
		buf_printf(out, "Fl \\-%s", row->name);
		if (row->argument != NULL)
			buf_printf(out, " Ar %s", row->argument);
		buf_putc(out, '\n');
		put_mdoc(row->says, out);
	}
	buf_puts(out, ".El\n");
}

/* Each line of the examples as it stands. */
static void put_mdoc_examples(const char *text, struct buf *out)
{
	buf_puts(out, ".Sh EXAMPLES\n.Bd -literal\n");
	while (*text != '\0') {
		AUTO(buf) struct buf line = BUF_INIT(HEAD_MAX);
		size_t len = strcspn(text, "\n");
		buf_put(&line, text, len);
		put_mdoc(buf_str(&line), out);
		text += len;
		text += strspn(text, "\n");
	}
	buf_puts(out, ".Ed\n");
}

static void put_mdoc_details(const char *text, struct buf *out)
{
	while (*text != '\0') {
		AUTO(buf) struct buf paragraph = BUF_INIT(16384);
		const char *end = strstr(text, "\n\n");
		size_t len = end == NULL ? strlen(text) : (size_t)(end - text);
		buf_put(&paragraph, text, len);
		buf_puts(out, ".Pp\n");
		put_mdoc(buf_str(&paragraph), out);
		text += len;
		text += strspn(text, "\n");
	}
}

static void put_man_verb(const struct verb *verb, struct buf *out)
{
	char title[HEAD_MAX] = {0};

	for (size_t i = 0; verb->name[i] != '\0' && i + 1 < sizeof(title); i++)
		title[i] = (char)(verb->name[i] - 'a' + 'A');
	buf_printf(out,
		   ".\\\" SPDX-License-Identifier: Apache-2.0\n"
		   ".\\\" Made from src/cli/verbs.h by man/update; change it there.\n"
		   ".Dd November 23, 2026\n.Dt STINT-%s 1\n.Os\n"
		   ".Sh NAME\n.Nm stint-%s\n.Nd ",
		   title, verb->name);
	put_mdoc(verb->says, out);
	buf_printf(out, ".Sh SYNOPSIS\n.Nm stint %s\n", verb->name);
	if (verb->options != 0)
		buf_puts(out, ".Op Ar options\n");
	if (verb->words[0] != '\0') {
		buf_puts(out, ".Ar ");
		put_mdoc(verb->words, out);
	}
	buf_puts(out, ".Sh DESCRIPTION\n");
	put_mdoc(verb->says, out);
	put_mdoc_details(help_details(verb), out);
	if (verb->options != 0) {
		buf_puts(out, ".Pp\nIts options:\n");
		put_mdoc_options(verb->options, out);
	}
	buf_puts(out, ".Pp\nOptions of every verb:\n");
	put_mdoc_options(OPTIONS_GLOBAL, out);
	if (help_examples(verb)[0] != '\0')
		put_mdoc_examples(help_examples(verb), out);
	buf_puts(out, ".Sh SEE ALSO\n.Xr stint 1\n");
}

static void put_man_verbs(struct buf *out)
{
	buf_puts(out, ".Bl -tag -width Ds\n");
	for (size_t id = 0; id < VERB_COUNT_; id++) {
		const struct verb *verb = verb_get((enum verb_id)id);
		if (verb->run == NULL)
			continue;
		buf_printf(out, ".It Cm %s", verb->name);
		if (verb->words[0] != '\0') {
			buf_puts(out, " Ar ");
			put_mdoc_words(verb->words, out);
		}
		buf_putc(out, '\n');
		put_mdoc(verb->says, out);
	}
	buf_puts(out, ".El\n");
}

static void put_man_see_also(struct buf *out)
{
	const char *mark = "";

	buf_puts(out, ".Sh SEE ALSO\n");
	for (size_t id = 0; id < VERB_COUNT_; id++) {
		const struct verb *verb = verb_get((enum verb_id)id);
		if (verb->run == NULL)
			continue;
		buf_printf(out, "%s.Xr stint-%s 1", mark, verb->name);
		mark = " ,\n";
	}
	buf_putc(out, '\n');
}

static void put_man(struct buf *out)
{
	buf_puts(out,
		 ".\\\" SPDX-License-Identifier: Apache-2.0\n"
		 ".\\\" Made from src/cli/ by man/update; change it there.\n"
		 ".Dd November 23, 2026\n.Dt STINT 1\n.Os\n"
		 ".Sh NAME\n.Nm stint\n.Nd works batches that nobody watches\n"
		 ".Sh SYNOPSIS\n.Nm\n.Ar verb\n.Op Ar options\n.Op Ar arguments\n"
		 ".Sh DESCRIPTION\n"
		 "A job file says where items come from and what is done with each;\n"
		 ".Nm\nworks them, keeps in its ledger what was done, and goes on where it was\n"
		 "ended, however it was ended.\n"
		 "Nothing is lost, nothing is done twice, and nothing fails in silence.\n"
		 ".Pp\nThe verbs:\n");
	put_man_verbs(out);
	buf_puts(out, ".Pp\nOptions of every verb:\n");
	put_mdoc_options(OPTIONS_GLOBAL, out);
	buf_puts(
		out,
		".Pp\nA run is named\n.Sm off\n.Ar JOB Li @ Ar SLOT\n.Oo Li \\&, Ar NAME Li = Ar "
		"VALUE\n"
		".Oc Li ... Oo Li # Ar N Oc\n.Sm on\nor by its number, an item\n"
		".Ar JOB Ns / Ns Ar KEY\nor\n.Ar RUN Ns : Ns Ar NUMBER ,\n"
		"a job by its file or its name.\n"
		".Sh ENVIRONMENT\n.Bl -tag -width Ds\n"
		".It Ev STINT_LEDGER\nthe ledger, where there is no\n.Fl \\-ledger .\n"
		".It Ev NO_COLOR\nno colours when it is set.\n.El\n"
		".Sh FILES\n.Bl -tag -width Ds\n"
		".It Pa /etc/stint/stint.yaml , $XDG_CONFIG_HOME/stint/stint.yaml\n"
		"configuration: ledger, job_directories, pools.\n"
		".It Pa /var/lib/stint/ledger.db\nthe ledger of the system, where there is one.\n"
		".It Pa $XDG_STATE_HOME/stint/ledger.db\nelse this user's.\n.El\n"
		".Sh EXIT STATUS\n.Bl -tag -width Ds -compact\n"
		".It 0\ndone; of a run: finished, every item done or skipped, or nothing to do\n"
		".It 1\nno, or not found; of a run: it failed\n"
		".It 3\nthe run is finished, but items need a person\n"
		".It 64\nusage\n.It 66\na file or the source is not there\n"
		".It 69\nthe run could not start\n.It 70\nan error of stint itself\n"
		".It 73\nthe ledger cannot be opened or created\n.It 74\nthe storage of the ledger "
		"failed\n"
		".It 75\nthe run was stopped and goes on at the next call; elsewhere: try again\n"
		".It 77\npermission denied\n.It 78\nthe job file or the configuration is "
		"wrong\n.El\n");
	put_man_see_also(out);
}

/* ---- markdown ---- */

static void put_markdown_verb(const struct verb *verb, struct buf *out)
{
	buf_printf(out, "\n### stint %s%s%s\n\n", verb->name, verb->words[0] == '\0' ? "" : " ",
		   verb->words);
	buf_printf(out, "%s.\n", verb->says);
	if (help_details(verb)[0] != '\0')
		buf_printf(out, "\n%s\n", help_details(verb));
	if (verb->options != 0)
		buf_puts(out, "\n| option | |\n|---|---|\n");
	for (size_t id = 0; id < OPTION_COUNT_; id++) {
		const struct option_row *row = option_get((enum option_id)id);
		if ((verb->options & OPTION_BIT(id)) == 0)
			continue;
		buf_puts(out, "| `");
		if (row->letter != '\0')
			buf_printf(out, "-%c`, `", row->letter);
		buf_printf(out, "--%s%s%s` | %s |\n", row->name, row->argument == NULL ? "" : " ",
			   row->argument == NULL ? "" : row->argument, row->says);
	}
	if (help_examples(verb)[0] != '\0')
		buf_printf(out, "\n```sh\n%s```\n", help_examples(verb));
}

static void put_markdown(struct buf *out)
{
	for (size_t id = 0; id < VERB_COUNT_; id++)
		if (verb_get((enum verb_id)id)->run != NULL)
			put_markdown_verb(verb_get((enum verb_id)id), out);
	buf_puts(out, "\n### Known, but not in this version\n\n");
	for (size_t id = 0; id < VERB_COUNT_; id++) {
		const struct verb *verb = verb_get((enum verb_id)id);
		if (verb->run == NULL)
			buf_printf(out, "- `%s`: %s\n", verb->name, verb->says);
	}
}

int manual_put(const char *what, const char *verb_name, struct buf *out, struct err *err)
{
	assert(what != NULL && out != NULL && err != NULL);
	if (strcmp(what, "man") == 0 && verb_name == NULL) {
		put_man(out);
	} else if (strcmp(what, "man") == 0) {
		const struct verb *verb = verb_find(verb_name);
		if (verb == NULL || verb->run == NULL)
			return ERR(err, ERR_USAGE, ":man: there is no verb %s",
				   QUOTED(verb_name, strlen(verb_name)));
		put_man_verb(verb, out);
	} else if (strcmp(what, "markdown") == 0) {
		put_markdown(out);
	} else if (strcmp(what, "job-file") == 0) {
		job_put_reference(out);
	} else if (!completion_put(what, out)) {
		return ERR(
			err, ERR_USAGE,
			"help: :man, :markdown, :job-file, :bash, :zsh and :fish are what can be "
			"made");
	}
	return 0;
}
