/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_hello.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "ledger/ledger.h"

enum { DIRECTORY_MAX = 64 * 1024, FOUND = 1 };

struct asked {
	struct ledger *ledger;
	int64_t run_id;
	run_hello_fn fn;
	void *arg;
	struct err *err;
	int rc;
};

static int on_run(void *arg, const struct ledger_row *row)
{
	struct asked *asked = arg;
	AUTO(buf) struct buf directory = BUF_INIT(DIRECTORY_MAX);
	const char *path = ledger_row_text(row, 5, NULL);
	const char *slash = strrchr(path, '/');
	struct frame_hello hello = {.version = FRAME_VERSION,
				    .role = LANE_WORKER,
				    .run_id = asked->run_id,
				    .step = 1,
				    .run_name = ledger_row_text(row, 0, NULL),
				    .slot = ledger_row_text(row, 1, NULL),
				    .date = ledger_row_text(row, 2, NULL),
				    .params = ledger_row_text(row, 3, NULL),
				    .job_text = ledger_row_text(row, 4, NULL),
				    .job_path = path,
				    .nonce = "",
				    .source_path = ""};

	buf_put(&directory, path, slash == NULL ? 0 : (size_t)(slash - path));
	hello.job_directory = slash == NULL ? "." : buf_str(&directory);
	ledger_uuid(asked->ledger, hello.ledger_uuid);
	asked->rc = asked->fn(asked->arg, &hello, asked->err);
	return FOUND;
}

int run_hello(struct ledger *ledger, int64_t run_id, run_hello_fn fn, void *arg, struct err *err)
{
	static const char sql[] = "SELECT r.run, r.slot, r.date, r.params, t.job_text, t.job_path"
				  " FROM run AS r JOIN run_text AS t ON t.run_id = r.run_id"
				  " WHERE r.run_id = ?1";
	struct ledger_param param = {.type = LEDGER_INT, .number = run_id};
	struct asked asked = {.ledger = ledger, .run_id = run_id, .fn = fn, .arg = arg, .err = err};

	assert(ledger != NULL && fn != NULL);
	int rc = ledger_select(ledger, sql, &param, 1, on_run, &asked, err);
	return rc < 0 ? rc : asked.rc;
}
