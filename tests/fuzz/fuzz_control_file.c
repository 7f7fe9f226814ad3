/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a control file: read, or refused with words. */
#include <assert.h>

#include "base/err.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_job.h"
#include "job/job.h"
#include "source/control_file.h"

static const char job_text[] =
	"{\"version\": 1, \"job\": \"j\", \"source\": {\"csv\": {\"path\": \"x\"}, \"fields\": "
	"{\"a\": \"integer\", \"b\": \"decimal(\\\",\\\")\"}}, \"work\": {\"noop\": {}}}";

static struct job *the_job(void)
{
	static struct job *job;

	return fuzz_job(&job, job_text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct control_file file = {0};
	struct err err = ERR_INIT;

	if (control_file_parse(the_job(), "x.ctl", (const char *)data, size, &file, &err) == 0)
		control_file_done(&file);
	else
		assert(err.text[0] != '\0');
	return 0;
}
