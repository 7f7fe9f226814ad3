/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/config.h"

#include <assert.h>
#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/session.h"
#include "job/fault.h"
#include "job/node.h"
#include "job/yaml.h"
#include "sys/file.h"

enum { CONFIG_PATH_MAX = 64 * 1024 };

static const char system_file[] = "/etc/stint/stint.yaml";
static const char sqlite_scheme[] = "sqlite:";

struct config_read {
	struct config *config;
	const char *path;
	struct faults *faults;
};

/* `name` as seen from the directory of the file `beside`; gives. */
static char *path_beside(const char *beside, const char *name)
{
	struct buf b = BUF_INIT(CONFIG_PATH_MAX);
	const char *slash = strrchr(beside, '/');

	if (name[0] != '/' && slash != NULL)
		buf_put(&b, beside, (size_t)(slash - beside) + 1);
	buf_puts(&b, name);
	return buf_take(&b);
}

static bool expect_text(struct config_read *read, const struct node *node)
{
	if (node->type == NODE_SCALAR && node->len > 0)
		return true;
	faults_add(read->faults, node->at, "'%s' is to be a text",
		   node->name == NULL ? "an entry" : node->name);
	return false;
}

static void take_ledger(struct config_read *read, const struct node *node)
{
	struct config *config = read->config;
	size_t skip = 0;

	if (!expect_text(read, node))
		return;
	free(config->ledger);
	free(config->ledger_file);
	config->ledger_file = xstrdup(read->path);
	if (strncmp(node->text, sqlite_scheme, strlen(sqlite_scheme)) == 0)
		skip = strlen(sqlite_scheme);
	/* A word before a colon is a scheme; what is left is a path, seen from this file. */
	if (strchr(node->text + skip, ':') != NULL)
		config->ledger = xstrdup(node->text);
	else
		config->ledger = path_beside(read->path, node->text + skip);
}

static void take_directories(struct config_read *read, const struct node *node)
{
	struct config *config = read->config;

	if (node->type != NODE_LIST) {
		faults_add(read->faults, node->at, "'job_directories' is to be a list of paths");
		return;
	}
	for (const struct node *entry = node->first; entry != NULL; entry = entry->next) {
		if (!expect_text(read, entry))
			continue;
		config->job_directories = xrealloc(config->job_directories,
						   config->n_job_directories + 1,
						   sizeof(*config->job_directories));
		config->job_directories[config->n_job_directories++] = path_beside(read->path,
										   entry->text);
	}
}

static void take_pool(struct config_read *read, const struct node *node)
{
	struct config *config = read->config;
	struct err err = ERR_INIT;
	int64_t capacity = 0;

	if (node->type != NODE_SCALAR ||
	    text_parse_int(node->text, node->len, &capacity, &err) < 0 || capacity < 1) {
		faults_add(read->faults, node->at, "pools: %s: expected a whole number from 1",
			   node->name);
		return;
	}
	size_t at = session_pool_find(config->pools, config->n_pools, node->name);
	if (at == config->n_pools) {
		config->pools = xrealloc(config->pools, config->n_pools + 1,
					 sizeof(*config->pools));
		config->pools[config->n_pools++].name = xstrdup(node->name);
	}
	config->pools[at].capacity = capacity;
}

static void take_pools(struct config_read *read, const struct node *node)
{
	if (node->type != NODE_MAP) {
		faults_add(read->faults, node->at,
			   "'pools' is to be a map of names and of how much there is of each");
		return;
	}
	for (const struct node *entry = node->first; entry != NULL; entry = entry->next)
		take_pool(read, entry);
}

/* What may stand in a configuration file; without `take` it is for a later version. */
struct config_key {
	const char *name;
	void (*take)(struct config_read *read, const struct node *node);
};

static const struct config_key keys[] = {
	{"ledger", take_ledger}, {"job_directories", take_directories},
	{"defaults", NULL},	 {"pools", take_pools},
	{"mail", NULL},		 {"dashboard", NULL},
};

static void take_key(struct config_read *read, const struct node *node)
{
	const char *names[ARRAY_LEN(keys)] = {0};

	if (strncmp(node->name, "x-", 2) == 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		names[i] = keys[i].name;
		if (strcmp(keys[i].name, node->name) != 0)
			continue;
		if (keys[i].take == NULL)
			faults_add(read->faults, node->name_at,
				   "'%s' is not available in this version", node->name);
		else
			keys[i].take(read, node);
		return;
	}
	const char *nearest = text_nearest(node->name, strlen(node->name), names, ARRAY_LEN(keys));
	if (nearest != NULL)
		faults_add(read->faults, node->name_at, "unknown key '%s'; did you mean '%s'?",
			   node->name, nearest);
	else
		faults_add(read->faults, node->name_at, "unknown key '%s'", node->name);
}

int config_read(struct config *config, const char *path, const char *text, size_t len,
		struct err *err)
{
	struct arena arena = {0};
	struct faults faults = {0};
	struct config_read read = {.config = config, .path = path, .faults = &faults};

	assert(config != NULL && path != NULL && text != NULL && err != NULL);
	const struct node *root = yaml_read(text, len, &arena, &faults);
	if (root != NULL && root->type != NODE_MAP)
		faults_add(&faults, root->at, "a configuration file is a map of keys");
	else if (root != NULL)
		for (const struct node *node = root->first; node != NULL; node = node->next)
			take_key(&read, node);
	int rc = faults_report(&faults, path, NULL, NULL, err);
	faults_done(&faults);
	arena_done(&arena);
	return rc;
}

/* Reads the file where there is one. A file that cannot be read is an error: what it says may
 * matter. */
static int read_file(struct config *config, const char *path, bool must_exist, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT(YAML_BYTES_MAX);

	if (!must_exist && access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	int rc = file_read_all(path, YAML_BYTES_MAX, &text, err);
	if (rc < 0) {
		err_add(err, "configuration: ");
		return rc;
	}
	return config_read(config, path, buf_str(&text), text.len, err);
}

char *config_home(const char *variable, const char *rest)
{
	struct buf b = BUF_INIT(CONFIG_PATH_MAX);
	const char *home = getenv(variable);

	if (home != NULL && home[0] == '/') { /* the XDG specification: relative ones are ignored */
		buf_puts(&b, home);
		return buf_take(&b);
	}
	home = getenv("HOME");
	if (home == NULL || home[0] != '/') {
		const struct passwd *me = getpwuid(geteuid());
		home = me == NULL ? NULL : me->pw_dir;
	}
	if (home == NULL)
		return NULL;
	buf_printf(&b, "%s/%s", home, rest);
	return buf_take(&b);
}

int config_load(const char *file, struct config *ret_config, struct err *err)
{
	struct config config = {0};
	struct buf own = BUF_INIT(CONFIG_PATH_MAX);

	assert(ret_config != NULL && err != NULL);
	int rc = read_file(&config, file == NULL ? system_file : file, file != NULL, err);
	if (rc == 0 && file == NULL) {
		AUTO(str) char *home = config_home("XDG_CONFIG_HOME", ".config");
		buf_printf(&own, "%s/stint/stint.yaml", home == NULL ? "" : home);
		rc = home == NULL ? 0 : read_file(&config, buf_str(&own), false, err);
	}
	buf_done(&own);
	if (rc < 0) {
		config_done(&config);
		return rc;
	}
	*ret_config = config;
	return 0;
}

void config_done(struct config *config)
{
	for (size_t i = 0; i < config->n_job_directories; i++)
		free(config->job_directories[i]);
	free(config->job_directories);
	for (size_t i = 0; i < config->n_pools; i++)
		free(config->pools[i].name);
	free(config->pools);
	free(config->ledger);
	free(config->ledger_file);
	*config = (struct config){0};
}

void config_auto(struct config *config)
{
	config_done(config);
}
