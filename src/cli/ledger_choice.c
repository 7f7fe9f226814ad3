/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ledger_choice.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/config.h"
#include "ledger/ledger.h"
#include "pg/uri.h"
#include "work/work.h"

enum { URL_MAX = 64 * 1024 };

static const char system_path[] = "/var/lib/stint/ledger.db";

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static int url_check(const char *url, const char *from, char **ret_url, struct err *err)
{
	struct buf b = BUF_INIT(URL_MAX);

	if (pg_uri_is(url)) {
		AUTO(pg_uri) struct pg_uri uri = {0};
		if (pg_uri_parse(url, &uri, err) < 0) {
			err_add(err, "the ledger that %s names: ", from);
			return err->code;
		}
		*ret_url = xstrdup(url);
		return 0;
	}
	if (begins(url, "env:"))
		return ERR(err, ERR_CONFIG, "env:NAME (in %s) leads to another env:NAME", from);
	const char *path = begins(url, "sqlite:") ? url + strlen("sqlite:") : url;
	if (path[0] == '\0')
		return ERR(err, ERR_CONFIG,
			   "%s names no ledger: sqlite:PATH or postgres://… is expected", from);
	if (path == url && strstr(url, "://") != NULL)
		return ERR(err, ERR_CONFIG,
			   "%s: %s is no ledger; sqlite:PATH, a plain path, postgres://… or "
			   "env:NAME is",
			   from, QUOTED(url, strlen(url)));
	buf_printf(&b, "sqlite:%s", path);
	*ret_url = buf_take(&b);
	return 0;
}

/* What somebody wrote, with env:NAME looked up. */
static int url_named(const char *url, const char *from, char **ret_url, struct err *err)
{
	if (!begins(url, "env:"))
		return url_check(url, from, ret_url, err);
	const char *value = getenv(url + strlen("env:"));
	if (value == NULL || value[0] == '\0')
		return ERR(err, ERR_CONFIG,
			   "%s says the ledger is in the environment variable %s, which is not set",
			   from, QUOTED(url + strlen("env:"), strlen(url) - strlen("env:")));
	return url_check(value, from, ret_url, err);
}

/* Whether there is a ledger of the system. Not readable is an error, never another ledger. */
static int system_exists(const char *path, bool *ret_exists, struct err *err)
{
	*ret_exists = access(path, F_OK) == 0;
	if (!*ret_exists && errno != ENOENT && errno != ENOTDIR)
		return ERR_SYS(
			err, ERR_PERM, errno,
			"whether there is a ledger %s cannot be seen; name one by --ledger or "
			"STINT_LEDGER",
			path);
	if (*ret_exists && access(path, R_OK) != 0)
		return ERR_SYS(
			err, ERR_PERM, errno,
			"the ledger %s cannot be read; become a user who may, or name another "
			"by --ledger or STINT_LEDGER",
			path);
	return 0;
}

int ledger_choose(const struct ledger_wish *wish, char **ret_url, const char **ret_from,
		  struct err *err)
{
	bool exists = false;
	struct buf b = BUF_INIT(URL_MAX);

	assert(wish != NULL && ret_url != NULL && ret_from != NULL && err != NULL);
	if (wish->option != NULL) {
		*ret_from = "--ledger";
		return url_named(wish->option, *ret_from, ret_url, err);
	}
	if (wish->variable != NULL && wish->variable[0] != '\0') {
		*ret_from = "STINT_LEDGER";
		return url_named(wish->variable, *ret_from, ret_url, err);
	}
	if (wish->config->ledger != NULL) {
		*ret_from = "the configuration file";
		return url_named(wish->config->ledger, wish->config->ledger_file, ret_url, err);
	}
	int rc = system_exists(wish->system_path, &exists, err);
	if (rc < 0)
		return rc;
	if (exists) {
		*ret_from = "the system's";
		return url_check(wish->system_path, *ret_from, ret_url, err);
	}
	AUTO(str) char *home = config_home("XDG_STATE_HOME", ".local/state");
	if (home == NULL)
		return ERR(err, ERR_CONFIG,
			   "there is no home directory for a ledger; name one by --ledger or "
			   "STINT_LEDGER");
	*ret_from = "this user's";
	buf_printf(&b, "sqlite:%s/stint/ledger.db", home);
	*ret_url = buf_take(&b);
	return 0;
}

int cli_ledger_url(const struct cli *cli, char **ret_url, const char **ret_from, struct err *err)
{
	AUTO(config) struct config config = {0};
	struct ledger_wish wish = {
		.option = cli->options.value[OPTION_LEDGER],
		.variable = getenv("STINT_LEDGER"),
		.config = &config,
		.system_path = system_path,
	};

	int rc = config_load(cli->options.value[OPTION_CONFIG], &config, err);
	return rc < 0 ? rc : ledger_choose(&wish, ret_url, ret_from, err);
}

/* The variable that `text` leads to: env:NAME, else `otherwise`. */
static const char *variable_of(const char *text, const char *otherwise)
{
	return begins(text, "env:") ? text + strlen("env:") : otherwise;
}

static bool holds_password(const char *variable)
{
	const char *value = getenv(variable);
	AUTO(pg_uri) struct pg_uri uri = {0};
	struct err ignored = ERR_INIT;

	return value != NULL && pg_uri_is(value) && pg_uri_parse(value, &uri, &ignored) == 0 &&
	       pg_uri_find(&uri, "password") != NULL;
}

int cli_hide_ledger(const struct cli *cli, struct err *err)
{
	static const char usual[] = "STINT_LEDGER";
	AUTO(config) struct config config = {0};
	AUTO(buf) struct buf names = BUF_INIT(URL_MAX);
	const char *option = cli->options.value[OPTION_LEDGER];
	const char *variable = getenv(usual);

	int rc = config_load(cli->options.value[OPTION_CONFIG], &config, err);
	if (rc < 0)
		return rc;
	const char *named[] = {
		variable == NULL ? usual : variable_of(variable, usual),
		option == NULL ? usual : variable_of(option, usual),
		config.ledger == NULL ? usual : variable_of(config.ledger, usual),
	};
	for (size_t i = 0; i < ARRAY_LEN(named); i++)
		if (holds_password(named[i]))
			buf_printf(&names, "%s ", named[i]);
	if (names.len > 0 && setenv(WORK_HIDDEN_VARIABLE, buf_str(&names), 1) != 0)
		return ERR(err, ERR_MEMORY, "handing on what programs are not to see");
	return 0;
}

/* Whether there is a file at all; other troubles are ledger_open's to tell. */
static bool is_missing(const char *url)
{
	const char *path = ledger_url_file(url);

	return path != NULL && access(path, F_OK) != 0 && errno == ENOENT;
}

static int open_url(const struct cli *cli, const char *url, unsigned flags,
		    struct ledger **ret_ledger, struct err *err)
{
	if (cli->options.is_given[OPTION_VOLATILE])
		flags |= LEDGER_VOLATILE;
	return ledger_open(url, flags, ret_ledger, err);
}

/* 0, or ERR_NOINPUT where there is none at that URL, or a failure. */
static int open_if_there(const struct cli *cli, const char *url, struct ledger **ret_ledger,
			 struct err *err)
{
	if (is_missing(url))
		return ERR_NOINPUT;
	return open_url(cli, url, LEDGER_READ_ONLY, ret_ledger, err);
}

/* Says that there is none as yet, and what that means. */
static int no_ledger(const char *url, const char *from, const char *then, struct err *err)
{
	AUTO(buf) struct buf shown = BUF_INIT(URL_MAX);
	const char *path = ledger_url_file(url);

	if (path != NULL)
		buf_puts(&shown, path);
	else
		pg_uri_put_masked(&shown, url);
	return ERR(err, ERR_LEDGER, "there is no ledger %s (%s)%s", buf_str(&shown), from, then);
}

int cli_ledger_is_there(const struct cli *cli, const char *url, bool *ret_is_there, struct err *err)
{
	AUTO(ledger) struct ledger *ledger = NULL;
	unsigned flags = LEDGER_READ_ONLY | LEDGER_ANY_VERSION;

	*ret_is_there = !is_missing(url);
	if (ledger_url_file(url) != NULL)
		return 0;
	int rc = open_url(cli, url, flags, &ledger, err);
	*ret_is_there = rc == 0;
	if (rc != ERR_NOINPUT)
		return rc;
	*err = ERR_INIT;
	return 0;
}

int cli_open_ledger(const struct cli *cli, unsigned flags, struct ledger **ret_ledger,
		    struct err *err)
{
	static const char makes[] = "; the first `stint run` or `stint ledger init` makes it";
	AUTO(str) char *url = NULL;
	const char *from = NULL;

	int rc = cli_ledger_url(cli, &url, &from, err);
	if (rc < 0)
		return rc;
	if ((flags & LEDGER_CREATE) == 0 && is_missing(url))
		return no_ledger(url, from, makes, err);
	rc = open_url(cli, url, flags, ret_ledger, err);
	if (rc == ERR_NOINPUT) /* nobody has made one at that server */
		return no_ledger(url, from, makes, err);
	if (rc == 0)
		cli_detail(cli, "ledger %s (%s)", ledger_url(*ret_ledger), from);
	return rc;
}

int cli_read_ledger(const struct cli *cli, struct ledger **ret_ledger, struct err *err)
{
	static const char empty[] = ": nothing has run there yet; --ledger names another";
	AUTO(str) char *url = NULL;
	const char *from = NULL;

	int rc = cli_ledger_url(cli, &url, &from, err);
	if (rc < 0)
		return rc;
	rc = open_if_there(cli, url, ret_ledger, err);
	if (rc != ERR_NOINPUT)
		return rc;
	(void)no_ledger(url, from, empty, err); /* it is none of the ledger's faults */
	err->code = ERR_DATA;
	return err->code;
}

int cli_find_ledger(const struct cli *cli, struct ledger **ret_ledger, struct err *err)
{
	AUTO(str) char *url = NULL;
	const char *from = NULL;
	int rc = cli_ledger_url(cli, &url, &from, err);

	if (rc < 0)
		return rc;
	rc = open_if_there(cli, url, ret_ledger, err);
	if (rc == 0)
		cli_detail(cli, "ledger %s (%s)", ledger_url(*ret_ledger), from);
	if (rc != ERR_NOINPUT)
		return rc;
	*err = ERR_INIT;
	return CLI_NO_LEDGER;
}
