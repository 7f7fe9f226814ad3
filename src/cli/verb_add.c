/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `stint add JOB [--key K] [FILE]`: puts items, a JSON object on each line, into a job's inbox.
 *
 * A file is looked through first, so that all of it is added or nothing. Standard input comes once:
 * what stands before a bad line is added, and the message says how much that is. Items are in the
 * ledger, durably, before they are counted. Memory is bounded by one batch and one item.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/add_lines.h"
#include "cli/cli.h"
#include "cli/job_file.h"
#include "cli/ledger_choice.h"
#include "cli/verbs.h"
#include "job/job.h"
#include "job/scalar.h"
#include "ledger/ledger.h"
#include "source/encoding.h"
#include "source/input.h"
#include "source/keys.h"
#include "source/patience.h"
#include "source/records.h"
#include "source/shape.h"
#include "sys/clock.h"

enum {
	BATCH_ROWS = 1000,
	BATCH_BYTES = 1024 * 1024,
	DOC_BYTES_MAX = 64 * 1024 * 1024,
};

struct add {
	struct cli *cli;
	struct job *job; /* NULL: only its name is known */
	char *name;
	const char *key;  /* NULL: none */
	const char *path; /* NULL: standard input */
	struct ledger *ledger;
	struct shape shape;
	struct json_doc *doc;
	int64_t added;
	int64_t n; /* items read in this pass */
	/* the batch under way */
	struct ledger_txn *txn;
	struct ledger_inbox_row *rows;
	size_t n_rows;
	size_t bytes;
};

/* ---- the batch ---- */

static void batch_drop(struct add *a)
{
	ledger_txn_free(a->txn);
	a->txn = NULL;
	a->n_rows = 0;
	a->bytes = 0;
}

static int batch_send(struct add *a, struct err *err)
{
	int rc = 0;

	if (a->n_rows == 0)
		return 0;
	struct ledger_op *op = ledger_txn_add(a->txn, LOP_INBOX_ADD);
	op->u.inbox_add = (struct lop_inbox_add){.job = a->name, .rows = a->rows, .n = a->n_rows};
	a->txn->now = clock_now();
	ledger_apply(a->ledger, a->txn);
	if (a->txn->status == LEDGER_APPLIED) {
		a->added += (int64_t)a->n_rows;
	} else {
		*err = a->txn->err;
		rc = err->code < 0 ? err->code : ERR(err, ERR_LEDGER, "writing to the ledger");
	}
	/* Sent again, they might be there twice. */
	if (a->txn->status == LEDGER_UNKNOWN)
		rc = ERR(err, ERR_TEMP,
			 "the ledger did not say whether the %zu items behind those were added: "
			 "see SELECT … FROM inbox_item, and the latest run",
			 a->n_rows);
	batch_drop(a);
	return rc;
}

static int batch_add(void *arg, const struct record *record, struct err *err)
{
	struct add *a = arg;

	if (a->txn == NULL) {
		a->txn = ledger_txn_new();
		a->rows = arena_alloc(&a->txn->arena, BATCH_ROWS * sizeof(*a->rows));
	}
	a->rows[a->n_rows++] = (struct ledger_inbox_row){
		.key = a->key,
		.fields = arena_text(&a->txn->arena, record->text, record->len),
		.len = record->len,
	};
	a->bytes += record->len;
	return a->n_rows == BATCH_ROWS || a->bytes >= BATCH_BYTES ? batch_send(a, err) : 0;
}

/* ---- lines ---- */

static const char *name_of(const struct add *a)
{
	return a->path == NULL ? "standard input" : a->path;
}

static int read_lines(struct add *a, struct input *input, bool sends, struct err *err)
{
	struct add_lines lines = {.name = name_of(a),
				  .shape = a->job == NULL ? NULL : &a->shape,
				  .doc = a->doc,
				  .is_one = a->key != NULL};
	int rc = add_lines_read(&lines, input, sends ? batch_add : NULL, a, err);

	a->n = lines.n;
	return rc;
}

/* ---- all of them ---- */

static int open_input(const struct add *a, const struct patience *patience,
		      struct input **ret_input, struct err *err)
{
	if (a->path == NULL) {
		*ret_input = input_open_stream(STDIN_FILENO, name_of(a), patience);
		return 0;
	}
	if (access(a->path, R_OK) != 0)
		return ERR_SYS(err, errno == EACCES ? ERR_PERM : ERR_NOINPUT, errno, "%s",
			       QUOTED(a->path, strlen(a->path)));
	return input_open(a->path, a->path, patience, ret_input, err);
}

static int one_pass(struct add *a, bool sends, struct err *err)
{
	const struct patience patience = {0};
	struct input *input = NULL;
	struct err why = ERR_INIT;

	int rc = open_input(a, &patience, &input, err);
	if (rc != 0)
		return rc;
	rc = read_lines(a, input, sends, err);
	input_close(input);
	/* What stands before a bad line was good. With --key there is only one, or none. */
	int sent = a->key != NULL && rc < 0 ? 0 : batch_send(a, rc < 0 ? &why : err);
	if (rc == 0 || sent == 0)
		return rc == 0 ? sent : rc;
	*err = why;
	return sent;
}

static void put_document(const struct add *a)
{
	struct json_writer w = {0};

	jw_init(&w, &a->cli->out.buf);
	jw_object(&w);
	jw_member_text(&w, "schema", "stint.add.1");
	jw_member_bool(&w, "dry_run", a->cli->is_dry_run);
	jw_member_text(&w, "job", a->name);
	jw_member_int(&w, "items", a->n);
	jw_member_int(&w, "added", a->added);
	jw_object_end(&w);
	jw_done(&w);
	buf_putc(&a->cli->out.buf, '\n');
}

static void put(const struct add *a)
{
	bool would = a->cli->is_dry_run;
	int64_t n = would ? a->n : a->added;

	if (a->cli->wants_json)
		put_document(a);
	else if (!a->cli->is_quiet)
		buf_printf(&a->cli->out.buf, "%" PRId64 " item%s%s into the inbox of %s\n", n,
			   n == 1 ? "" : "s",
			   would    ? " would be put"
			   : n == 1 ? " was put"
				    : " were put",
			   a->name);
}

static int add_all(struct add *a, struct err *err)
{
	bool twice = a->path != NULL || a->cli->is_dry_run;
	int rc = twice ? one_pass(a, false, err) : 0;

	if (rc == 0 && !a->cli->is_dry_run)
		rc = one_pass(a, true, err);
	if (rc == 0) {
		put(a);
		return EXIT_DONE;
	}
	if (a->added > 0)
		err_add(err, "%" PRId64 " items were added, and nothing behind them: ", a->added);
	else
		err_add(err, "nothing was added: ");
	return rc;
}

/* ---- whose inbox ---- */

static int use_job(struct add *a, struct err *err)
{
	if (a->job->source.kind != SOURCE_INBOX)
		return ERR(err, ERR_CONFIG, "job %s reads no inbox: its source is another one",
			   a->job->name);
	a->name = xstrdup(a->job->name);
	shape_init(&a->shape, a->job);
	return 0;
}

/* A file, or a name: that of a file in the job directories, or of a job that this host has no file
 * of. */
static int find_inbox(struct add *a, struct err *err)
{
	const char *word = cli_word(a->cli, 0);
	AUTO(str) char *path = NULL;
	struct err why = ERR_INIT;

	int rc = job_file_find(a->cli, word, &path, &why);
	if (rc == 0) {
		rc = job_file_load(a->cli, path, &a->job, err);
		return rc == 0 ? use_job(a, err) : rc;
	}
	if (rc != ERR_NOINPUT || job_file_is_path(word)) {
		*err = why;
		return rc;
	}
	if (!scalar_is_job_name(word))
		return ERR(err, ERR_USAGE, "%s is no name of a job", QUOTED(word, strlen(word)));
	a->name = xstrdup(word);
	return 0;
}

static int check_key(const struct add *a, struct err *err)
{
	if (a->key == NULL)
		return 0;
	if (a->key[0] == '\0')
		return ERR(err, ERR_USAGE, "--key: an item's key may not be empty");
	if (strlen(a->key) > KEY_BYTES_MAX)
		return ERR(err, ERR_USAGE, "--key: at most %d bytes", KEY_BYTES_MAX);
	if (encoding_find_bad(JOB_UTF8, a->key, strlen(a->key), NULL) < strlen(a->key))
		return ERR(err, ERR_USAGE, "--key: a byte of it is no character of UTF-8");
	return 0;
}

int verb_add(struct cli *cli, struct err *err)
{
	struct add a = {.cli = cli,
			.key = cli->options.value[OPTION_KEY],
			.path = cli_word(cli, 1),
			.doc = json_doc_new(DOC_BYTES_MAX)};

	if (a.path != NULL && strcmp(a.path, "-") == 0)
		a.path = NULL;
	int rc = cli_words(cli, 1, 2, err);
	if (rc == 0)
		rc = check_key(&a, err);
	if (rc == 0)
		rc = find_inbox(&a, err);
	if (rc == 0 && !cli->is_dry_run)
		rc = cli_open_ledger(cli, LEDGER_CREATE, &a.ledger, err);
	if (rc == 0)
		rc = add_all(&a, err);
	batch_drop(&a);
	ledger_close(a.ledger);
	if (a.job != NULL)
		shape_done(&a.shape);
	json_doc_free(a.doc);
	job_free(a.job);
	free(a.name);
	return rc;
}
