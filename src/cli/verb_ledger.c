/* SPDX-License-Identifier: Apache-2.0 */
/* `stint ledger init|upgrade|verify|info|restored`. */
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/ledger_choice.h"
#include "cli/ledger_target.h"
#include "cli/verbs.h"
#include "ledger/ledger.h"
#include "ledger/rules.h"
#include "pg/uri.h"
#include "sys/clock.h"

enum { PATH_BYTES_MAX = 64 * 1024 };

/* The document of `init`, `upgrade` and `restored`: what was done, in one number or two. */
static void begin_document(struct json_writer *w, struct cli *cli, const char *schema,
			   const char *url)
{
	jw_init(w, &cli->out.buf);
	jw_object(w);
	jw_member_text(w, "schema", schema);
	jw_member_text(w, "ledger", url);
}

static void end_document(struct json_writer *w, struct cli *cli)
{
	jw_object_end(w);
	jw_done(w);
	buf_putc(&cli->out.buf, '\n');
}

static int ledger_init(struct cli *cli, struct err *err)
{
	AUTO(ledger) struct ledger *ledger = NULL;
	AUTO(buf) struct buf shown = BUF_INIT(PATH_BYTES_MAX);
	AUTO(str) char *url = NULL;
	const char *from = NULL;
	struct json_writer w = {0};
	bool is_there = false;

	int rc = cli_ledger_url(cli, &url, &from, err);
	if (rc == 0)
		rc = cli_ledger_is_there(cli, url, &is_there, err);
	if (rc < 0)
		return rc;
	if (cli->is_dry_run) {
		if (ledger_url_file(url) == NULL)
			pg_uri_put_masked(&shown, url);
		else
			buf_puts(&shown, url);
		buf_printf(&cli->out.buf, "%s\n%s\n", buf_str(&shown),
			   is_there ? "is there already" : "would be made");
		return EXIT_DONE;
	}
	rc = cli_open_ledger(cli, LEDGER_CREATE, &ledger, err);
	if (rc < 0)
		return rc;
	if (cli->wants_json) {
		begin_document(&w, cli, "stint.ledger-init.1", ledger_url(ledger));
		jw_member_bool(&w, "is_new", !is_there);
		end_document(&w, cli);
		return EXIT_DONE;
	}
	buf_printf(&cli->out.buf, "%s\n", ledger_url(ledger));
	cli_note(cli, is_there ? "the ledger was there already (%s)" : "made the ledger (%s)",
		 from);
	return EXIT_DONE;
}

static int ledger_bring_up(struct cli *cli, struct err *err)
{
	AUTO(ledger) struct ledger *ledger = NULL;
	struct json_writer w = {0};
	int from = 0;
	int to = 0;

	int rc = cli_open_ledger(cli, LEDGER_ANY_VERSION | (cli->is_dry_run ? LEDGER_READ_ONLY : 0),
				 &ledger, err);
	if (rc < 0)
		return rc;
	if (cli->is_dry_run) {
		buf_printf(&cli->out.buf, "schema version %d\n", ledger_schema_version(ledger));
		return EXIT_DONE;
	}
	rc = ledger_upgrade(ledger, &from, &to, err);
	if (rc < 0)
		return rc;
	if (cli->wants_json) {
		begin_document(&w, cli, "stint.ledger-upgrade.1", ledger_url(ledger));
		jw_member_int(&w, "from", from);
		jw_member_int(&w, "to", to);
		end_document(&w, cli);
	} else if (from == to) {
		buf_printf(&cli->out.buf, "schema version %d: up to date\n", to);
	} else {
		buf_printf(&cli->out.buf, "schema version %d, was %d\n", to, from);
	}
	return EXIT_DONE;
}

/* ---- verify ---- */

struct findings {
	struct cli *cli;
	struct json_writer *w; /* NULL: text */
};

static void on_finding(void *arg, const char *invariant, const char *where, const char *what)
{
	struct findings *f = arg;

	if (f->w == NULL) {
		buf_printf(&f->cli->out.buf, "%s: %s: %s\n", invariant, where, what);
	} else {
		jw_object(f->w);
		jw_member_text(f->w, "invariant", invariant);
		jw_member_text(f->w, "where", where);
		jw_member_text(f->w, "what", what);
		jw_object_end(f->w);
	}
	out_spill(&f->cli->out);
}

static int ledger_check_all(struct cli *cli, struct err *err)
{
	AUTO(ledger) struct ledger *ledger = NULL;
	struct json_writer w = {0};
	struct findings f = {.cli = cli, .w = cli->wants_json ? &w : NULL};
	int64_t n = 0;

	int rc = cli_open_ledger(cli, LEDGER_READ_ONLY, &ledger, err);
	if (rc < 0)
		return rc;
	if (f.w != NULL) {
		begin_document(&w, cli, "stint.ledger-verify.1", ledger_url(ledger));
		jw_name(&w, "findings");
		jw_array(&w);
	}
	rc = ledger_verify(ledger, on_finding, &f, &n, err);
	if (rc < 0)
		return rc;
	if (f.w != NULL) {
		jw_array_end(&w);
		jw_member_bool(&w, "ok", n == 0);
		jw_member_bool(&w, "files_checked", ledger_not_checked(ledger)[0] == '\0');
		end_document(&w, cli);
	} else if (n == 0) {
		buf_printf(&cli->out.buf, "%s: every invariant holds\n", ledger_url(ledger));
	} else {
		cli_error("%" PRId64 " finding%s in %s: keep a copy of the %s, and restore a "
			  "backup (then `stint ledger restored`)",
			  n, n == 1 ? "" : "s", ledger_url(ledger),
			  ledger_url_file(ledger_url(ledger)) != NULL ? "file" : "database");
	}
	if (ledger_not_checked(ledger)[0] != '\0')
		cli_note(cli,
			 "whether the server's files are whole was not looked at: %s "
			 "(docs/ledger-postgres.md)",
			 ledger_not_checked(ledger));
	return n == 0 ? EXIT_DONE : EXIT_NO;
}

/* ---- info ---- */

struct info {
	char uuid[2 * LEDGER_UUID_BYTES + 1];
	int64_t file_bytes;
	int64_t wal_bytes;
	int64_t n_instances; /* live */
	int64_t n_runs;
	int64_t n_open_runs;
	int64_t n_items;
	int64_t n_loose;
	int64_t n_chunks;
};

static int64_t size_of(const char *path, const char *ending)
{
	AUTO(buf) struct buf name = BUF_INIT(PATH_BYTES_MAX);
	struct stat st = {0};

	buf_printf(&name, "%s%s", path, ending);
	return stat(buf_str(&name), &st) == 0 ? (int64_t)st.st_size : 0;
}

static void count_instance(void *arg, const struct ledger_instance_row *row)
{
	struct info *info = arg;
	bool is_over = row->state == INSTANCE_ENDED || row->state == INSTANCE_REAPED;

	info->n_instances += is_over || rule_seems_gone(row) ? 0 : 1;
}

static void count_run(void *arg, const struct ledger_run_row *row)
{
	struct info *info = arg;
	bool is_over = row->state == RUN_FINISHED || row->state == RUN_ABANDONED ||
		       row->state == RUN_MISSED;

	info->n_runs++;
	info->n_open_runs += is_over ? 0 : 1;
	info->n_items += row->n_items;
}

static void count_chunk(void *arg, const struct ledger_chunk_row *row)
{
	struct info *info = arg;

	(void)row; /* counted, not looked at */
	info->n_chunks++;
}

static void count_loose(void *arg, const struct ledger_loose_row *row)
{
	struct info *info = arg;

	(void)row; /* counted, not looked at */
	info->n_loose++;
}

static void put_info(struct cli *cli, struct ledger *ledger, const struct info *info)
{
	struct buf *b = &cli->out.buf;

	buf_printf(b, "ledger     %s\nuuid       %s\nschema     %d\nsize       ",
		   ledger_url(ledger), info->uuid, ledger_schema_version(ledger));
	text_put_count(b, info->file_bytes);
	buf_puts(b, " bytes, and ");
	text_put_count(b, info->wal_bytes);
	buf_puts(b, " not yet moved in\nruns       ");
	text_put_count(b, info->n_runs);
	buf_puts(b, ", not over ");
	text_put_count(b, info->n_open_runs);
	buf_puts(b, "\nitems      ");
	text_put_count(b, info->n_items);
	buf_puts(b, " in ");
	text_put_count(b, info->n_chunks);
	buf_puts(b, " chunks, on their own ");
	text_put_count(b, info->n_loose);
	buf_puts(b, "\ninstances  ");
	text_put_count(b, info->n_instances);
	buf_puts(b, " at work\n");
}

static void put_info_json(struct cli *cli, struct ledger *ledger, const struct info *info)
{
	struct json_writer w = {0};

	begin_document(&w, cli, "stint.ledger-info.1", ledger_url(ledger));
	jw_member_text(&w, "uuid", info->uuid);
	jw_member_int(&w, "schema_version", ledger_schema_version(ledger));
	jw_member_int(&w, "file_bytes", info->file_bytes);
	jw_member_int(&w, "wal_bytes", info->wal_bytes);
	jw_member_int(&w, "runs", info->n_runs);
	jw_member_int(&w, "open_runs", info->n_open_runs);
	jw_member_int(&w, "items", info->n_items);
	jw_member_int(&w, "chunks", info->n_chunks);
	jw_member_int(&w, "loose_items", info->n_loose);
	jw_member_int(&w, "live_instances", info->n_instances);
	end_document(&w, cli);
}

/* Of the tables and indexes of the ledger's schema. */
static const char size_at_server[] =
	"SELECT coalesce(sum(pg_relation_size(c.oid)), 0)::bigint FROM pg_class AS c"
	" JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = 'stint'";

static int take_size(void *arg, const struct ledger_row *row)
{
	int64_t *size = arg;

	*size = ledger_row_int(row, 0);
	return 0;
}

static int ledger_tell(struct cli *cli, struct err *err)
{
	AUTO(ledger) struct ledger *ledger = NULL;
	struct info info = {0};
	uint8_t uuid[LEDGER_UUID_BYTES] = {0};
	struct ledger_visitor visitor = {
		.arg = &info,
		.instance = count_instance,
		.run = count_run,
		.chunk = count_chunk,
		.loose = count_loose,
	};

	int rc = cli_open_ledger(cli, LEDGER_READ_ONLY | LEDGER_ANY_VERSION, &ledger, err);
	if (rc == 0)
		rc = ledger_walk(ledger, &visitor, err);
	if (rc < 0)
		return rc;
	const char *path = ledger_url_file(ledger_url(ledger));
	ledger_uuid(ledger, uuid);
	hash_hex(uuid, sizeof(uuid), info.uuid);
	if (path != NULL) {
		info.file_bytes = size_of(path, "");
		info.wal_bytes = size_of(path, "-wal");
	} else if (ledger_select(ledger, size_at_server, NULL, 0, take_size, &info.file_bytes,
				 err) < 0) {
		return err->code;
	}
	if (cli->wants_json)
		put_info_json(cli, ledger, &info);
	else
		put_info(cli, ledger, &info);
	return EXIT_DONE;
}

/* ---- restored ---- */

static int ledger_put_in_doubt(struct cli *cli, struct err *err)
{
	AUTO(ledger) struct ledger *ledger = NULL;
	struct json_writer w = {0};
	int64_t doubtful = 0;

	if (cli->is_dry_run)
		return ERR(err, ERR_USAGE,
			   "ledger restored: --dry-run is not available; a copy of the ledger is "
			   "harmless to try it on");
	if (!cli_ask(cli,
		     "Was this ledger restored from a backup, and is nothing at work on it?")) {
		cli_note(cli, "nothing was changed");
		return EXIT_NO;
	}
	int rc = cli_open_ledger(cli, 0, &ledger, err);
	if (rc == 0)
		rc = ledger_restored(ledger, clock_now(), &doubtful, err);
	if (rc < 0)
		return rc;
	if (cli->wants_json) {
		begin_document(&w, cli, "stint.ledger-restored.1", ledger_url(ledger));
		jw_member_int(&w, "in_doubt", doubtful);
		end_document(&w, cli);
		return EXIT_DONE;
	}
	text_put_count(&cli->out.buf, doubtful);
	buf_puts(&cli->out.buf, " items were put in doubt\n");
	if (doubtful > 0)
		cli_note(cli, "next: `stint items --state in_doubt`, look at the other side, and "
			      "`stint resolve`");
	return EXIT_DONE;
}

static int ledger_of_target(struct cli *cli, const char *word, struct err *err)
{
	const char *url = cli->options.value[OPTION_TARGET];

	if (strcmp(word, "init") == 0)
		return ledger_target_init(cli, url, err);
	if (strcmp(word, "verify") == 0)
		return ledger_target_verify(cli, url, err);
	return ERR(err, ERR_USAGE, "ledger: --target goes with init and verify");
}

int verb_ledger(struct cli *cli, struct err *err)
{
	static const char *const words[] = {"init", "upgrade", "verify", "info", "restored"};
	static const verb_fn functions[] = {ledger_init, ledger_bring_up, ledger_check_all,
					    ledger_tell, ledger_put_in_doubt};
	const char *word = cli_word(cli, 0);

	int rc = cli_words(cli, 1, 1, err);
	if (rc < 0)
		return rc;
	if (cli->options.is_given[OPTION_TARGET])
		return ledger_of_target(cli, word, err);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(words[i], word) == 0)
			return functions[i](cli, err);
	const char *nearest = text_nearest(word, strlen(word), words, ARRAY_LEN(words));
	if (nearest != NULL)
		return ERR(err, ERR_USAGE, "ledger %s: did you mean '%s'?",
			   QUOTED(word, strlen(word)), nearest);
	return ERR(err, ERR_USAGE, "ledger %s: it is one of init, upgrade, verify, info, restored",
		   QUOTED(word, strlen(word)));
}
