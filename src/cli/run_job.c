/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_job.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "job/job.h"
#include "ledger/ledger.h"

enum { PATH_BYTES_MAX = 64 * 1024, FOUND = 1 };

struct loading {
	struct job **job;
	struct err *err;
	int rc;
};

int run_job_parse(const char *text, const char *path, struct job **ret_job, struct err *err)
{
	AUTO(buf) struct buf directory = BUF_INIT(PATH_BYTES_MAX);
	const char *slash = strrchr(path, '/');

	buf_put(&directory, path, slash == NULL ? 0 : (size_t)(slash - path));
	return job_parse(text, strlen(text), path, slash == NULL ? "." : buf_str(&directory), NULL,
			 NULL, ret_job, err);
}

static int on_text(void *arg, const struct ledger_row *row)
{
	struct loading *l = arg;
	const char *text = ledger_row_text(row, 0, NULL);
	const char *path = ledger_row_text(row, 1, NULL);

	if (text == NULL || path == NULL) {
		l->rc = ERR(l->err, ERR_LEDGER, "the run has no job");
		return FOUND;
	}
	l->rc = run_job_parse(text, path, l->job, l->err);
	return FOUND;
}

int run_job_load(struct ledger *ledger, int64_t run_id, struct job **ret_job, struct err *err)
{
	static const char sql[] = "SELECT job_text, job_path FROM run_text WHERE run_id = ?1";
	struct ledger_param param = {.type = LEDGER_INT, .number = run_id};
	struct loading loading = {.job = ret_job, .err = err};

	assert(ledger != NULL && ret_job != NULL && err != NULL);
	int rc = ledger_select(ledger, sql, &param, 1, on_text, &loading, err);
	if (rc == 0)
		return ERR(err, ERR_DATA, "there is no run %" PRId64, run_id);
	return rc < 0 ? rc : loading.rc;
}
