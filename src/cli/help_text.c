/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the help says of a verb beyond its sentence: examples, and what one would ask next. The man
 * pages show the same. Examples are lines as one would type them; details are paragraphs.
 */
#include <stddef.h>

#include "cli/help.h"
#include "cli/verbs.h"

#define SELECTION_TEXT                                                                             \
	"\n\n"                                                                                     \
	"Items are named one by one (JOB/KEY, or RUN:NUMBER as lists show them), or selected "     \
	"by --run, --state, --person and --error, which narrow each other down. Without --run "    \
	"they are those of all runs in the ledger."

#define PERSON_TEXT                                                                                \
	"\n\n"                                                                                     \
	"What nobody works on is changed at once. For what an instance holds a request is "        \
	"left, which it obeys within a second or so. Your name, the time and the reason are "      \
	"kept. On a terminal it says how many and asks first; --yes does not ask. Exit status "    \
	"1: nothing was selected; 75: somebody holds it and it could not be requested."

static const char on_init_examples[] =
	"stint init nightly.yaml            # one program, once a day\n"
	"stint init mails.yaml --from csv   # a program for each record\n";
static const char on_init_details[] =
	"The file is complete: put in your program and your source, check it, run it. A file "
	"that exists is never overwritten; `-` prints it. Kinds: csv, jsonl, json, xml, fixed, "
	"postgres, sqlite, inbox, files and stdin.";

static const char on_check_examples[] = "stint check jobs/*.yaml\n";
static const char on_check_details[] =
	"Every fault is shown as FILE:LINE:COLUMN with what was expected, and the nearest "
	"known word for a typing error. Programs that the job names are looked for. Exit "
	"status 0: nothing wrong; 66: a file is not there; 78: faults.";

static const char on_explain_examples[] = "stint explain mails.yaml\n";
static const char on_explain_details[] =
	"Secrets are shown as the references that stand in the file, never as their values.";

static const char on_schema_examples[] = "stint schema > ~/.config/stint-job.schema.json\n";
static const char on_schema_details[] =
	"JSON Schema, draft 2020-12. In an editor with a YAML language server: `# "
	"yaml-language-server: $schema=PATH` as the file's first line.";

static const char on_drill_examples[] =
	"stint drill mails.yaml\n"
	"stint drill statements.yaml --step fetch   # of several steps, in this one\n";
static const char on_drill_details[] =
	"Plays one night after the other with this program, on a copy of the job: kills "
	"at each stage, a stop, a paused engine, a full disk, an answer that is lost, "
	"comes late, or is a refusal. What the job does is replaced by a stand-in that "
	"does nothing but note that it was called, and verify asks it; effect, "
	"key_valid, when_in_doubt, the attempts, transform and the first items of the "
	"source are yours. Ledger and source are not touched. Of a job with steps the "
	"deed falls on the one that --step names, else on the last one whose effect must "
	"not be repeated, else on the last one; what becomes of the items of each is "
	"shown. It takes about a minute. "
	"Exit status 0: every promise was kept; 1: one was not, and what is left of that "
	"night is shown.";

static const char on_run_examples[] =
	"stint run mails.yaml                    # unfinished runs, then today's\n"
	"stint run mails.yaml --date 2026-11-20  # that day's run and no other\n"
	"stint run mails.yaml --param region=eu\n"
	"stint run mails.yaml --again --source mended.csv\n"
	"stint run mails.yaml -n                 # what would be done\n";
static const char on_run_details[] =
	"A run is named by the job, its slot (the day, unless the job says otherwise) and its "
	"identifying parameters. Runs that are not finished are worked first, oldest first, "
	"each under its own date; then the run of the present slot. A run that has finished "
	"is not repeated: --again makes a further one.\n\n"
	"TERM or INT stops between items; a second one ends attempts. Whatever happens, the "
	"next call goes on where this one ended.\n\n"
	"Exit status 0: finished and every item done or skipped; 1: failed; 3: finished, but "
	"items need a person; 64: usage; 66: the source is not there; 69: could not start; "
	"73, 74: the ledger; 75: stopped early, call again; 77: permission; 78: the job file. "
	"Of several runs the first of 1, 75, 3, 0 that holds for any.";

static const char on_work_examples[] =
	"stint work                      # runs that have something to take\n"
	"stint work invoice-mail --stay  # those of a job, until a signal\n";
static const char on_work_details[] =
	"Takes chunks of runs that are open, each by the job that it began with: no job file "
	"is needed here. Runs that are still being loaded are not touched. It leaves when there is "
	"nothing more to take, with the exit status of the runs it took part in (0: there was "
	"nothing to do). --stay looks again every few seconds until TERM or INT, also when the "
	"ledger cannot be reached for a while. A source of plain files is read where the very "
	"same files are seen, and a file is written where its directory is shared: a host where "
	"that is not so leaves such a run to the others (75), and fails nothing.";

static const char on_status_examples[] = "stint status\n"
					 "stint status invoice-mail --json\n";
static const char on_status_details[] = "Exit status 1: the job has never run.";

static const char on_why_examples[] = "stint why invoice-mail\n"
				      "stint why invoice-mail@2026-11-23\n"
				      "stint why invoice-mail/inv-000017\n";
static const char on_why_details[] =
	"What it says stands in the ledger; every answer ends with commands that help.";

static const char on_runs_list_examples[] = "stint runs -N 5\n"
					    "stint runs invoice-mail --compare\n";
static const char on_runs_list_details[] = "The newest first; 20 unless -N says how many.";

static const char on_report_examples[] = "stint report\n"
					 "stint report invoice-mail@2026-11-23 --by error\n"
					 "stint report --since yesterday\n"
					 "stint report --format csv > items-that-failed.csv\n";
static const char on_report_details[] =
	"The sums are checked before anything is printed: read = loaded + filtered + rejected "
	"+ held back, and loaded = done + skipped + retry + in doubt + dead + running + "
	"waiting. If they do not hold the report says so and the exit status is 70.\n\n"
	"`--format csv` is a line for each item that failed, waits for another try or needs a "
	"person.";

static const char on_forecast_examples[] = "stint forecast invoice-mail\n"
					   "stint forecast invoice-mail.yaml --items 50000\n";
static const char on_forecast_details[] =
	"From up to 50 finished runs; one that was unlike the others changes little. With a job "
	"file, by its window and cost of today; with a name, by those of the latest run. Growth is "
	"told from four runs on. Exit status 1: no run that had items has finished yet.";

static const char on_items_examples[] = "stint items --run invoice-mail@2026-11-23 --state dead\n"
					"stint items invoice-mail/inv-000017\n"
					"stint items --error 3f2a90c1 --json\n";
static const char on_items_details[] =
	"Without a selection: the items of the latest run." SELECTION_TEXT;

static const char on_attempts_examples[] = "stint attempts invoice-mail/inv-000017\n"
					   "stint attempts 12:4711\n";
static const char on_attempts_details[] =
	"All failures are kept, and those successes that left output or followed a failure.";

static const char on_logs_examples[] = "stint logs invoice-mail@2026-11-23\n"
				       "stint logs 12:4711\n";
static const char on_logs_details[] = "The tail of what each recorded attempt said, oldest first.";

static const char on_rejects_examples[] =
	"stint rejects invoice-mail@2026-11-23\n"
	"stint rejects 12 --format csv > mended.csv; $EDITOR mended.csv\n"
	"stint run invoice-mail.yaml --again --source mended.csv\n";
static const char on_rejects_details[] =
	"`--format csv` gives the header of the source and then the records byte by byte as "
	"they stood there, so that they can be mended and fed back. Elements of a JSON or XML "
	"document stand in a document like it.";

static const char on_retry_examples[] =
	"stint retry invoice-mail/inv-000017\n"
	"stint retry --run invoice-mail@2026-11-23 --error 3f2a90c1 --now\n";
static const char on_retry_details[] =
	"Without --state: items that are dead. The next `stint run` of the job works them; "
	"--now works them here." SELECTION_TEXT PERSON_TEXT;

static const char on_resolve_examples[] =
	"stint resolve invoice-mail/inv-000017 --done --why 'is in their inbox'\n"
	"stint resolve --run 12 --retry --why 'their log shows nothing'\n";
static const char on_resolve_details[] =
	"An item is in doubt when an attempt at it may have taken effect and nobody can tell: "
	"look at the other side, then decide. --retry does it again, with the same "
	"idempotency key." SELECTION_TEXT PERSON_TEXT;

static const char on_skip_examples[] = "stint skip invoice-mail/inv-000017 --why 'paid in cash'\n";
static const char on_skip_details[] =
	"Without --state: items that are waiting, in retry, in doubt or dead." SELECTION_TEXT
		PERSON_TEXT;

static const char on_stop_examples[] = "stint stop invoice-mail@2026-11-23\n"
				       "stint stop --all --now\n";
static const char on_stop_details[] =
	"The run ends with exit status 75, and the next `stint run` goes on with it." PERSON_TEXT;

static const char on_abandon_examples[] =
	"stint abandon invoice-mail@2026-11-20 --why 'sent by hand'\n";
static const char on_abandon_details[] =
	"What is not settled stays as it is and is never worked again. What it wrote beside a "
	"file that it was to make goes; where somebody was still at work on it, call it once "
	"more." PERSON_TEXT;

static const char on_add_examples[] =
	"stint add orders orders.jsonl\n"
	"echo '{\"order\": 17}' | stint add orders.yaml --key order-17\n";
static const char on_add_details[] =
	"Items come from FILE (also .gz and .zst), or from standard input. All of a file is looked "
	"at before any of it is added. With a job file, fields are checked, too. --key names one "
	"item; without, source.key of the job file does, or the item's number in the inbox. With a "
	"ledger in PostgreSQL an application may do the same in its own transaction: INSERT INTO "
	"stint.inbox(job, key, fields) VALUES (…).";

static const char on_instances_examples[] = "stint instances\n";
static const char on_instances_details[] = "Those that live; -v shows those that ended, too.";

static const char on_generate_examples[] = "stint generate slurm invoice-mail.yaml | sbatch\n"
					   "stint generate slurm invoice-mail.yaml --to jobs\n"
					   "stint generate marker import.yaml | psql billing\n";
static const char on_generate_details[] =
	"slurm: an array job of `stint work`. Each task is told to end before its time limit, by "
	"the job's window.grace and a minute; what is left is taken by the other tasks, or by the "
	"next submission (exit status 75). The ledger must be one that all nodes reach. marker: "
	"the DDL of the table in which work sql and table, and on_finish, mark what took effect; "
	"`stint ledger init --target URL` makes it itself. With --to each job has a file there, "
	"JOB.slurm or JOB.marker.sql.";

static const char on_ledger_examples[] = "stint ledger info\n"
					 "stint ledger verify\n"
					 "stint ledger init --ledger sqlite:/srv/batch/ledger.db\n"
					 "stint ledger init --target env:BILLING_DB\n"
					 "stint ledger verify --target env:BILLING_DB\n";
static const char on_ledger_details[] =
	"init makes the ledger (run does so by itself). upgrade brings an older one up to "
	"date. verify checks every invariant and the storage; exit status 1 when something "
	"was found. info says where it is, how big, and what is in it. restored is for after "
	"a restore from backup: it puts every open item that must not be done twice in doubt. "
	"With --target, init makes the marker table of a database that work sql or table writes "
	"to, and verify tells what is committed there and not here, and the reverse.";

static const char on_version_examples[] = "stint version\n";

static const char on_help_examples[] = "stint help run\n"
				       "stint help retry.attempts\n";
static const char on_help_details[] =
	"Completions for shells: `stint help :bash`, `:zsh`, `:fish`.";

struct verb_text {
	const char *examples;
	const char *details;
};

static const struct verb_text texts[VERB_COUNT_] = {
	[VERB_INIT] = {on_init_examples, on_init_details},
	[VERB_CHECK] = {on_check_examples, on_check_details},
	[VERB_EXPLAIN] = {on_explain_examples, on_explain_details},
	[VERB_SCHEMA] = {on_schema_examples, on_schema_details},
	[VERB_DRILL] = {on_drill_examples, on_drill_details},
	[VERB_RUN] = {on_run_examples, on_run_details},
	[VERB_WORK] = {on_work_examples, on_work_details},
	[VERB_STATUS] = {on_status_examples, on_status_details},
	[VERB_WHY] = {on_why_examples, on_why_details},
	[VERB_RUNS_LIST] = {on_runs_list_examples, on_runs_list_details},
	[VERB_REPORT] = {on_report_examples, on_report_details},
	[VERB_FORECAST] = {on_forecast_examples, on_forecast_details},
	[VERB_ITEMS] = {on_items_examples, on_items_details},
	[VERB_ATTEMPTS] = {on_attempts_examples, on_attempts_details},
	[VERB_LOGS] = {on_logs_examples, on_logs_details},
	[VERB_REJECTS] = {on_rejects_examples, on_rejects_details},
	[VERB_RETRY] = {on_retry_examples, on_retry_details},
	[VERB_RESOLVE] = {on_resolve_examples, on_resolve_details},
	[VERB_SKIP] = {on_skip_examples, on_skip_details},
	[VERB_STOP] = {on_stop_examples, on_stop_details},
	[VERB_ABANDON] = {on_abandon_examples, on_abandon_details},
	[VERB_ADD] = {on_add_examples, on_add_details},
	[VERB_INSTANCES] = {on_instances_examples, on_instances_details},
	[VERB_LEDGER] = {on_ledger_examples, on_ledger_details},
	[VERB_GENERATE] = {on_generate_examples, on_generate_details},
	[VERB_VERSION] = {on_version_examples, ""},
	[VERB_HELP] = {on_help_examples, on_help_details},
};

const char *help_details(const struct verb *verb)
{
	const char *text = texts[verb - verb_get((enum verb_id)0)].details;

	return text == NULL ? "" : text;
}

const char *help_examples(const struct verb *verb)
{
	const char *text = texts[verb - verb_get((enum verb_id)0)].examples;

	return text == NULL ? "" : text;
}
