/* SPDX-License-Identifier: Apache-2.0 */
/* Job files as the command line names them: by a path, or by the job's name. */
#ifndef STINT_CLI_JOB_FILE_H
#define STINT_CLI_JOB_FILE_H

#include <stdbool.h>

#include "base/attr.h"

struct cli;
struct err;
struct job;

/* Loads the job file `word`: a path, or a job's name that is looked for (NAME.yaml, NAME.yml) in
 * the configured job directories, /etc/stint/jobs.d and $XDG_CONFIG_HOME/stint/jobs.d. All faults
 * are said on standard error; then it fails with ERR_CONFIG and their number. Gives the job. */
ST_MUST_CHECK int job_file_load(const struct cli *cli, const char *word, struct job **ret_job,
				struct err *err);
/* Whether this host has what the job needs of it before its first item: programs, directories,
 * secrets in the environment. */
ST_MUST_CHECK int job_file_fits_here(const struct job *job, struct err *err);
/* The path alone; gives. ERR_NOINPUT when there is none. */
ST_MUST_CHECK int job_file_find(const struct cli *cli, const char *word, char **ret_path,
				struct err *err);
/* True for a word that can only be meant as a path: it has a '/' or a YAML ending. */
bool job_file_is_path(const char *word);
/* The same, or there is a file of that name. */
bool job_file_may_be(const char *word);

#endif
