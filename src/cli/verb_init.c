/* SPDX-License-Identifier: Apache-2.0 */
/* `stint init [FILE] [--from KIND]`: a small job file to start from. Never overwrites. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/starter.h"
#include "cli/verbs.h"
#include "sys/file.h"

enum { FILE_MAX = 64 * 1024, FILE_MODE = 0644 };

static const char default_file[] = "job.yaml";

static const char *const later_kinds[] = {"odbc", "http", "amqp", "redis", "kafka"};

/* The file's name without directory and ending, in letters that a job's name may have. */
static char *job_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *name = xstrdup(slash == NULL ? path : slash + 1);
	char *dot = strrchr(name, '.');

	if (dot != NULL && dot != name)
		*dot = '\0';
	for (char *c = name; *c != '\0'; c++)
		if (isalnum((unsigned char)*c) == 0 && strchr("._-", *c) == NULL)
			*c = '-';
	if (isalnum((unsigned char)name[0]) == 0)
		name[0] = 'j';
	return name;
}

static void put_file(const struct starter *starter, const char *path, struct buf *out)
{
	AUTO(str) char *name = job_name(path);
	const char *shown = strcmp(path, "-") == 0 ? "FILE" : path;

	buf_printf(out,
		   "# stint check %s      is it right?\n"
		   "# stint explain %s    what will happen, with every default\n"
		   "# stint run %s        runs it; `stint help KEY` explains a key, as: "
		   "stint help retry\n"
		   "version: 1\n"
		   "job: %s\n"
		   "description: %s\n\n",
		   shown, shown, shown, strcmp(path, "-") == 0 ? "my-job" : name,
		   starter->description);
	buf_puts(out, starter->text);
	buf_puts(out, "retry:\n"
		      "  attempts: 5                 # in all; with growing waits in between\n"
		      "  first: 10s\n");
}

static int find_starter(const struct cli *cli, const struct starter **ret_starter, struct err *err)
{
	const char *words[STARTERS + 1] = {0};
	const char *kind = cli->options.value[OPTION_FROM_KIND];
	int index = 0;

	for (size_t i = 0; kind != NULL && i < ARRAY_LEN(later_kinds); i++)
		if (strcmp(later_kinds[i], kind) == 0)
			return ERR(err, ERR_USAGE, "--from %s: not available in this version",
				   kind);
	for (size_t i = 0; i < STARTERS; i++)
		words[i] = starters[i].kind;
	int rc = options_word(&cli->options, OPTION_FROM_KIND, words, 0, &index, err);
	if (rc == 0)
		*ret_starter = &starters[index];
	return rc;
}

/* O_EXCL: what is there stays as it is. */
static int write_new(const char *path, const struct buf *text, struct err *err)
{
	AUTO(fd) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);

	if (fd < 0 && errno == EEXIST)
		return ERR(err, ERR_DATA, "%s is there already and is left as it is; name another",
			   path);
	if (fd < 0)
		return ERR_SYS(err, errno == EACCES || errno == EROFS ? ERR_PERM : ERR_IO, errno,
			       "making %s", path);
	if (fd_write_all(fd, text->data, text->len) != 0)
		return ERR_SYS(err, ERR_IO, errno, "writing %s", path);
	return 0;
}

int verb_init(struct cli *cli, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT(FILE_MAX);
	const struct starter *starter = NULL;
	const char *path = cli_word(cli, 0) == NULL ? default_file : cli_word(cli, 0);
	struct json_writer w = {0};

	int rc = cli_words(cli, 0, 1, err);
	if (rc == 0)
		rc = find_starter(cli, &starter, err);
	if (rc < 0)
		return rc;
	assert(starter != NULL);
	put_file(starter, path, &text);
	if (strcmp(path, "-") == 0 || cli->is_dry_run) {
		buf_put(&cli->out.buf, text.data, text.len);
		return EXIT_DONE;
	}
	rc = write_new(path, &text, err);
	if (rc < 0)
		return rc;
	if (cli->wants_json) {
		jw_init(&w, &cli->out.buf);
		jw_object(&w);
		jw_member_text(&w, "schema", "stint.init.1");
		jw_member_text(&w, "file", path);
		jw_object_end(&w);
		jw_done(&w);
		buf_putc(&cli->out.buf, '\n');
		return EXIT_DONE;
	}
	buf_printf(&cli->out.buf, "%s\n", path);
	cli_note(cli, "next: edit %s, then `stint check %s` and `stint run %s`", path, path, path);
	return EXIT_DONE;
}
