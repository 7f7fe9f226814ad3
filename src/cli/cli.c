/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli/help.h"
#include "cli/verbs.h"

/* Standard descriptors that are closed would be taken by the next file that is opened, the ledger.
 */
static void open_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) == -1 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY) != fd)
			_exit(EXIT_STATUS_BUG);
}

int cli_words(const struct cli *cli, size_t min, size_t max, struct err *err)
{
	const struct verb *verb = cli->verb;
	size_t n = cli->options.n_words;

	if (n < min)
		return ERR(err, ERR_USAGE, "%s needs %s: stint %s %s (`stint help %s` says more)",
			   verb->name, verb->words, verb->name, verb->words, verb->name);
	if (n > max)
		return ERR(err, ERR_USAGE, "%s: %s is one word too many: stint %s %s", verb->name,
			   QUOTED(cli->options.words[max], strlen(cli->options.words[max])),
			   verb->name, verb->words);
	return 0;
}

const char *cli_word(const struct cli *cli, size_t i)
{
	return i < cli->options.n_words ? cli->options.words[i] : NULL;
}

static void take_flags(struct cli *cli)
{
	const bool *given = cli->options.is_given;

	cli->is_quiet = given[OPTION_QUIET];
	cli->is_verbose = given[OPTION_VERBOSE] && !given[OPTION_QUIET];
	cli->wants_json = given[OPTION_JSON];
	cli->is_dry_run = given[OPTION_DRY_RUN];
}

static int fail_no_verb(const char *word, struct err *err)
{
	const char *nearest = verb_nearest(word);

	if (nearest != NULL)
		return ERR(err, ERR_USAGE, "there is no verb %s; did you mean '%s'?",
			   QUOTED(word, strlen(word)), nearest);
	return ERR(err, ERR_USAGE, "there is no verb %s; `stint help` lists them",
		   QUOTED(word, strlen(word)));
}

/* Reads the options behind the verb and does it. */
static int run_verb(struct cli *cli, int argc, char **argv, struct err *err)
{
	int next = 0;
	struct options_input input = {
		.argc = argc,
		.argv = argv,
		.allowed = OPTIONS_GLOBAL | cli->verb->options,
		.verb = cli->verb->name,
	};

	if (cli->verb->run == NULL)
		return ERR(err, ERR_USAGE, "%s: not available in this version", cli->verb->name);
	int rc = options_parse(&cli->options, &input, &next, err);
	if (rc < 0) {
		err_add(err, "%s: ", cli->verb->name);
		return rc;
	}
	take_flags(cli);
	if (cli->options.is_given[OPTION_HELP]) {
		help_put_verb(cli->verb, &cli->out);
		return EXIT_DONE;
	}
	if (cli->options.is_given[OPTION_VERSION])
		cli->verb = verb_get(VERB_VERSION);
	return cli->verb->run(cli, err);
}

static int run_all(struct cli *cli, int argc, char **argv, struct err *err)
{
	struct options_input input = {.argc = argc, .argv = argv, .allowed = OPTIONS_GLOBAL};
	int next = 0;

	int rc = options_parse(&cli->options, &input, &next, err);
	if (rc < 0)
		return rc;
	take_flags(cli);
	if (cli->options.is_given[OPTION_VERSION]) {
		cli->verb = verb_get(VERB_VERSION);
		return cli->verb->run(cli, err);
	}
	if (cli->options.is_given[OPTION_HELP] && next >= argc) {
		help_put_all(&cli->out);
		return EXIT_DONE;
	}
	if (next >= argc)
		return ERR(err, ERR_USAGE,
			   "a verb is missing: stint VERB [options] [arguments]; `stint help` "
			   "lists the verbs");
	cli->verb = verb_find(argv[next]);
	if (cli->verb == NULL)
		return fail_no_verb(argv[next], err);
	return run_verb(cli, argc - next, argv + next, err);
}

/* A file that may not grow further (setrlimit(2)) is a full disk, and no reason to die. */
static void ignore_file_limit(void)
{
	const struct sigaction ignore = {.sa_handler = SIG_IGN};

	(void)sigaction(SIGXFSZ, &ignore, NULL); /* a valid number */
}

int cli_main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct err late = ERR_INIT;
	struct cli cli = {.argv = argv};

	assert(argc >= 0 && argv != NULL);
	open_standard();
	ignore_file_limit();
	out_init(&cli.out, STDOUT_FILENO);
	/* getopt puts argv in another order, and the keeper wants it as it was. */
	char **copy = xcalloc((size_t)argc + 1, sizeof(*copy));
	if (argc > 0)
		memcpy(copy, argv, (size_t)argc * sizeof(*copy));
	int status = run_all(&cli, argc, copy, &err);
	if (status < 0) {
		cli_error("%s", err.text);
		status = err_exit_status(&err);
	}
	if (out_end(&cli.out, &late) < 0) {
		cli_error("%s", late.text);
		status = status == EXIT_DONE ? err_exit_status(&late) : status;
	}
	out_done(&cli.out);
	options_done(&cli.options);
	free(copy);
	return status;
}
