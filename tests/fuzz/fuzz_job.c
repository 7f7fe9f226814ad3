/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz_job.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "job/job.h"

struct job *fuzz_job(struct job **kept, const char *text)
{
	struct err err = ERR_INIT;

	if (*kept == NULL &&
	    job_parse(text, strlen(text), "j", "/nowhere", NULL, NULL, kept, &err) != 0)
		abort();
	return *kept;
}
