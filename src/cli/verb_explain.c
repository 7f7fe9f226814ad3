/* SPDX-License-Identifier: Apache-2.0 */
/* `stint explain FILE`: the job with every default, and what will happen. */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/job_file.h"
#include "cli/verbs.h"
#include "job/job.h"

enum { EXPLAIN_MAX = 16 * 1024 * 1024 };

int verb_explain(struct cli *cli, struct err *err)
{
	AUTO(job) struct job *job = NULL;
	AUTO(buf) struct buf text = BUF_INIT(EXPLAIN_MAX);
	struct json_writer w = {0};

	int rc = cli_words(cli, 1, 1, err);
	if (rc < 0)
		return rc;
	rc = job_file_load(cli, cli_word(cli, 0), &job, err);
	if (rc < 0)
		return rc;
	if (!cli->wants_json) {
		job_explain(job, &cli->out.buf);
		return EXIT_DONE;
	}
	job_explain(job, &text);
	jw_init(&w, &cli->out.buf);
	jw_object(&w);
	jw_member_text(&w, "schema", "stint.explain.1");
	jw_member_text(&w, "file", job->path);
	jw_member_text(&w, "job", job->name);
	jw_name(&w, "given");
	jw_raw(&w, job->text, strlen(job->text));
	jw_member_text(&w, "text", buf_str(&text));
	jw_object_end(&w);
	jw_done(&w);
	buf_putc(&cli->out.buf, '\n');
	return buf_check(&text, "the explanation", err);
}
