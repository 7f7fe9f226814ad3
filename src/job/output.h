/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file that items are written into, as the job file says it: work.file.
 *
 * Owner: part of struct job.
 */
#ifndef STINT_JOB_OUTPUT_H
#define STINT_JOB_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

enum job_output_format {
	OUTPUT_CSV,
	OUTPUT_JSONL,
	OUTPUT_XML,
	OUTPUT_FIXED,
	JOB_OUTPUT_FORMAT_COUNT_
};

struct job_output_column {
	size_t field;	 /* in job->fields */
	uint32_t start;	 /* fixed: its first character, from 0 … */
	uint32_t length; /* … and how many it has */
};

struct job_output {
	char *path; /* a template */
	enum job_output_format format;
	struct job_output_column *columns;
	size_t n_columns;
	char *root;
	char *element;
};

void job_output_done(struct job_output *output);

#endif
