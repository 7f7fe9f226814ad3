/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration files: which ledger, where job files are, and how much there is of what jobs
 * share by name.
 *
 * Promise: a file that is there is read and right, or it is an error; nothing is guessed past one.
 *          What the user's own file says goes before what the system's says.
 * Owner:   config_load fills, config_done frees.
 */
#ifndef STINT_CLI_CONFIG_H
#define STINT_CLI_CONFIG_H

#include <stddef.h>

#include "base/attr.h"

struct err;
struct session_pool;

struct config {
	char *ledger;	   /* URL, NULL none */
	char *ledger_file; /* the file that says so */
	char **job_directories;
	size_t n_job_directories;
	struct session_pool *pools; /* how much there is of named resources */
	size_t n_pools;
};

/* Reads `file` alone (ERR_NOINPUT when it is not there), or where it is NULL /etc/stint/stint.yaml
 * and then $XDG_CONFIG_HOME/stint/stint.yaml, each where there is one. ERR_CONFIG with all faults
 * in its text. */
ST_MUST_CHECK int config_load(const char *file, struct config *ret_config, struct err *err);
/* The same from text; adds to what is there. `path` is for messages and for relative paths. */
ST_MUST_CHECK int config_read(struct config *config, const char *path, const char *text, size_t len,
			      struct err *err);
void config_done(struct config *config);
void config_auto(struct config *config);

/* $`variable`, else `rest` below the home directory; gives, NULL when there is no home either. */
char *config_home(const char *variable, const char *rest);

#endif
