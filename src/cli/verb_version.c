/* SPDX-License-Identifier: Apache-2.0 */
/* `stint version`: version, build, libraries and their versions. */
#include "base/buf.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/verbs.h"
#include "cli/versions.h"

struct library {
	const char *name;
	const char *version;
};

static const struct library libraries[] = {
#define X(name_, version_) {.name = (name_), .version = (version_)},
	VERSIONS_LIBRARIES(X)
#undef X
};

static void put_json(struct buf *out)
{
	struct json_writer w = {0};

	jw_init(&w, out);
	jw_object(&w);
	jw_member_text(&w, "schema", "stint.version.1");
	jw_member_text(&w, "version", STINT_VERSION);
	jw_member_text(&w, "build", VERSIONS_BUILD);
	jw_member_text(&w, "compiler", VERSIONS_COMPILER);
	jw_member_text(&w, "system", VERSIONS_SYSTEM);
	jw_name(&w, "libraries");
	jw_object(&w);
	for (size_t i = 0; i < ARRAY_LEN(libraries); i++)
		jw_member_text(&w, libraries[i].name, libraries[i].version);
	jw_object_end(&w);
	jw_object_end(&w);
	jw_done(&w);
	buf_putc(out, '\n');
}

int verb_version(struct cli *cli, struct err *err)
{
	struct buf *out = &cli->out.buf;

	if (cli->options.n_words > 0)
		return cli_words(cli, 0, 0, err);
	if (cli->wants_json) {
		put_json(out);
		return EXIT_DONE;
	}
	buf_printf(out, "stint %s\n", STINT_VERSION);
	if (cli->options.is_given[OPTION_VERSION] && !cli->is_verbose)
		return EXIT_DONE;
	buf_printf(out, "build      %s, %s, %s\n", VERSIONS_BUILD, VERSIONS_COMPILER,
		   VERSIONS_SYSTEM);
	buf_puts(out, "libraries  ");
	for (size_t i = 0; i < ARRAY_LEN(libraries); i++)
		buf_printf(out, "%s%s %s", i == 0 ? "" : ", ", libraries[i].name,
			   libraries[i].version);
	buf_putc(out, '\n');
	return EXIT_DONE;
}
