/* SPDX-License-Identifier: Apache-2.0 */
#include "job/job.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "job/build.h"
#include "job/check.h"
#include "job/complete.h"
#include "job/constant.h"
#include "job/fault.h"
#include "job/fill.h"
#include "job/node.h"
#include "job/steps.h"
#include "job/yaml.h"
#include "sys/file.h"
#include "when/zone.h"

/* JSON may need six bytes for one of the file's, and aliases expand. */
enum { TEXT_BYTES_MAX = 16 * YAML_BYTES_MAX };

/* ---- freeing ---- */

static void texts_free(char **texts)
{
	for (size_t i = 0; texts != NULL && texts[i] != NULL; i++)
		free(texts[i]);
	free(texts);
}

static void source_done(struct job_source *source)
{
	free(source->path);
	free(source->trailer_when);
	free(source->element);
	for (size_t i = 0; i < source->n_spans; i++)
		free(source->spans[i].name);
	free(source->spans);
	for (size_t i = 0; i < source->n_trailer_columns; i++)
		free(source->trailer_columns[i].name);
	free(source->trailer_columns);
	free(source->then_directory);
	free(source->key);
	free(source->database.url);
	free(source->database.query);
	free(source->database.cursor);
	free(source->database.on_done);
	free(source->database.on_dead);
	free(source->max_age.field);
	free(source->step);
	for (size_t i = 0; i < source->n_kept; i++)
		free(source->kept[i].name);
	free(source->kept);
	for (size_t i = 0; i < source->n_fields; i++)
		field_done(&source->fields[i]);
	free(source->fields);
}

static void work_done(struct job_work *work)
{
	texts_free(work->command);
	texts_free(work->verify.command);
	free(work->verify.url);
	free(work->shell);
	free(work->input_template);
	texts_free(work->env_names);
	texts_free(work->env_values);
	free(work->directory);
	free(work->script);
	for (size_t i = 0; i < work->n_tests; i++)
		free(work->tests[i].text);
	free(work->tests);
	free(work->user);
	job_http_done(&work->http);
	job_target_done(&work->target);
	job_output_done(&work->output);
	free(work->quota.name);
	free(work->quota.time_zone);
	zone_free(work->quota.zone);
	free(work->quota.remaining_header);
}

static void step_free(struct job *job)
{
	for (size_t i = 0; i < job->n_params; i++) {
		free(job->params[i].name);
		free(job->params[i].fallback);
		field_done(&job->params[i].field);
	}
	for (size_t i = 0; i < job->n_secrets; i++) {
		free(job->secrets[i].name);
		free(job->secrets[i].reference);
	}
	for (size_t i = 0; i < job->n_controls; i++) {
		free(job->controls[i].field);
		free(job->controls[i].expected);
	}
	free(job->params);
	free(job->secrets);
	free(job->controls);
	free(job->control_file);
	free(job->filter);
	free(job->transform);
	for (size_t i = job->source.n_fields; i < job->n_fields; i++)
		field_done(&job->fields[i]);
	free(job->fields); /* the others are the source's */
	for (size_t i = 0; i < job->n_constants; i++)
		constant_done(&job->constants[i]);
	free(job->constants);
	for (size_t i = 0; i < job->require.n_pools; i++)
		free(job->require.pools[i].name);
	free(job->require.pools);
	for (size_t i = 0; i < job->n_finishes; i++)
		job_target_done(&job->finishes[i]);
	free(job->finishes);
	source_done(&job->source);
	work_done(&job->work);
	free(job->path);
	free(job->directory);
	free(job->name);
	free(job->description);
	free(job->owner);
	free(job->runbook);
	free(job->person);
	free(job->cost.currency);
	free(job->text);
	free(job->step_name);
	texts_free(job->step_names);
	free(job);
}

void job_free(struct job *job)
{
	if (job == NULL)
		return;
	struct job **steps = job->steps;
	for (size_t i = job->n_steps; i-- > 0;)
		step_free(steps[i]);
	free(steps);
}

void job_auto(struct job **job)
{
	job_free(*job);
}

/* ---- reading ---- */

static char **texts_copy(const char *const *texts)
{
	size_t n = 0;

	if (texts == NULL)
		return NULL;
	while (texts[n] != NULL)
		n++;
	char **copy = xcalloc(n + 1, sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		copy[i] = xstrdup(texts[i]);
	return copy;
}

static char *canonical_text(const struct node *root)
{
	AUTO(buf) struct buf text = BUF_INIT(TEXT_BYTES_MAX);

	node_put_json(root, &text);
	return buf_take(&text); /* NULL when it does not fit */
}

static struct job *job_new(const char *path, const char *directory)
{
	struct job *job = xnew(struct job);

	job->path = xstrdup(path);
	job->directory = xstrdup(directory);
	job->window.stop_by_minute = -1;
	job->window.cutoff.minute = -1;
	job->window.gentle = (struct job_gentle){.concurrency = 1, .nice = 19};
	job->process = (struct job_process){.nice = JOB_NICE_AS_IS, .io = JOB_IO_AS_IS};
	job->work.umask = -1;
	return job;
}

/* Everything after YAML, of one step. What is wrong is in `faults`; the job is then not to be used.
 */
static void step_build(struct job *job, struct node *root, struct arena *arena,
		       struct faults *faults)
{
	struct build build = {.job = job, .root = root, .faults = faults};

	job->text = canonical_text(root);
	if (job->text == NULL)
		faults_add(faults, root->at, "the file is too large once aliases are expanded");
	steps_look(root, arena, &build.steps);
	job->step_names = texts_copy(build.steps.names);
	steps_select(root, (size_t)job->step);
	complete_tree(root, arena);
	fill_job(job, root);
	build_names(&build);
	build_constants(&build);
	build_source(&build);
	build_scripts(&build);
	build_control(&build);
	build_totals(&build);
	build_work(&build);
	build_share(&build);
	build_require(&build);
	build_on_finish(&build);
	build_rules(&build);
}

/* Where the text of a job is, and what it is called. */
struct job_file {
	const char *text;
	size_t len;
	const char *path;
	const char *directory;
};

/* All steps; each has a tree of its own, made from the same text. `root` is the first's. */
static struct job *job_build(const struct job_file *file, struct node *root, struct arena *arena,
			     struct faults *faults)
{
	size_t n = steps_check(root, faults);
	bool has_bad_list = node_is_bad(node_find(root, "steps"));
	size_t n_steps = n == 0 || has_bad_list ? 1 : n;
	struct job **steps = xcalloc(n_steps, sizeof(*steps));

	for (size_t i = 0; i < n_steps; i++) {
		steps[i] = job_new(file->path, file->directory);
		steps[i]->step = (int)i + 1;
		steps[i]->steps = steps;
		steps[i]->n_steps = i + 1; /* it sees those before it */
		if (i > 0) {
			root = yaml_read(file->text, file->len, arena, faults);
			check_tree(root, faults);
		}
		if (n == 0 || !has_bad_list)
			step_build(steps[i], root, arena, faults);
	}
	for (size_t i = 0; i < n_steps; i++)
		steps[i]->n_steps = n_steps;
	return steps[0];
}

/* lint: allow parameters: the text, its name and place, and whom to tell stand side by side */
int job_parse(const char *text, size_t len, const char *path, const char *directory,
	      job_report_fn report, void *arg, struct job **ret_job, struct err *err)
{
	struct arena arena = {0};
	struct faults faults = {0};
	struct job *job = NULL;

	assert((text != NULL || len == 0) && path != NULL && directory != NULL && ret_job != NULL &&
	       err != NULL);
	struct node *root = yaml_read(text, len, &arena, &faults);
	if (root != NULL) {
		check_tree(root, &faults);
		if (root->type == NODE_MAP)
			job = job_build(&(struct job_file){text, len, path, directory}, root,
					&arena, &faults);
	}
	int r = faults_report(&faults, path, report, arg, err);
	faults_done(&faults);
	arena_done(&arena);
	if (r < 0) {
		job_free(job);
		return r;
	}
	*ret_job = job;
	return 0;
}

/* The absolute path of the directory that `path` is in; the caller frees. */
static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash == path ? 1 : (size_t)(slash - path); /* of "/a" it is "/" */
	char *directory = slash == NULL ? xstrdup(".") : xstrndup(path, len);
	char *absolute = realpath(directory, NULL);

	if (absolute == NULL) /* it was just read from: the name as it is will do */
		return directory;
	free(directory);
	return absolute;
}

int job_load(const char *path, job_report_fn report, void *arg, struct job **ret_job,
	     struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT(YAML_BYTES_MAX + 1);

	assert(path != NULL && ret_job != NULL && err != NULL);
	int r = file_read_all(path, YAML_BYTES_MAX, &text, err);
	if (r == ERR_TOO_BIG)
		return ERR(err, ERR_CONFIG, "%s is larger than 1 MiB; this is no job file", path);
	if (r < 0)
		return r;
	AUTO(str) char *directory = directory_of(path);
	return job_parse(buf_str(&text), text.len, path, directory, report, arg, ret_job, err);
}

/* ---- questions ---- */

struct job *job_step(const struct job *job, int step)
{
	assert(job != NULL);
	return step < 1 || (size_t)step > job->n_steps ? NULL : job->steps[step - 1];
}

struct job *job_find_step(const struct job *job, const char *name)
{
	assert(job != NULL && name != NULL);
	for (size_t i = 0; i < job->n_steps; i++)
		if (job->steps[i]->step_name != NULL && strcmp(job->steps[i]->step_name, name) == 0)
			return job->steps[i];
	return NULL;
}

static int find_field(const struct field *fields, size_t n, const char *name, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(fields[i].name) == len && memcmp(fields[i].name, name, len) == 0)
			return (int)i;
	return -1;
}

int job_find_field(const struct job *job, const char *name, size_t len)
{
	assert(job != NULL && (name != NULL || len == 0));
	return find_field(job->source.fields, job->source.n_fields, name, len);
}

int job_find_work_field(const struct job *job, const char *name, size_t len)
{
	assert(job != NULL && (name != NULL || len == 0));
	return find_field(job->fields, job->n_fields, name, len);
}

const char *job_when_name(enum job_when when)
{
	static const char *const names[] = {
#define X(id, name) name,
		JOB_WHENS(X)
#undef X
	};

	assert(when < JOB_WHEN_COUNT_);
	return names[when];
}

bool job_has_target(const struct job *job)
{
	assert(job != NULL);
	return job->work.kind == WORK_SQL || job->work.kind == WORK_TABLE;
}

bool job_is_bulk(const struct job *job)
{
	bool takes_units = job->work.kind == WORK_NOOP || job->work.kind == WORK_FILE ||
			   (job_has_target(job) && job->work.effect != JOB_ONCE &&
			    !job_needs_start_mark(job));

	assert(job != NULL);
	/* Keys that are to be remembered come back with each item, and what is counted is counted
	 * one by one. */
	return takes_units && job->work.rates.n == 0 && job->work.quota.name == NULL &&
	       job->source.unique != JOB_UNIQUE_JOB && job->source.unique != JOB_UNIQUE_WITHIN;
}

bool job_has_end(const struct job *job)
{
	assert(job != NULL);
	return job_end_is_of_items(job) || job->work.target.after != NULL ||
	       job_is_all_or_none(job);
}

bool job_has_finish(const struct job *job)
{
	assert(job != NULL);
	return job->n_finishes > 0;
}

void job_finish(const struct job *job, size_t i, struct job *ret_job)
{
	assert(job != NULL && i < job->n_finishes && ret_job != NULL);
	*ret_job = *job;
	/* The mark of a run is by its step: this one is none of the job's. */
	ret_job->step = JOB_STEPS_MAX + 1 + (int)i;
	ret_job->work.kind = WORK_SQL;
	ret_job->work.effect = JOB_TRANSACTIONAL;
	ret_job->work.target = job->finishes[i];
}

bool job_end_is_of_items(const struct job *job)
{
	assert(job != NULL);
	return job->work.kind == WORK_FILE;
}

bool job_is_all_or_none(const struct job *job)
{
	assert(job != NULL);
	return job->work.target.commit == JOB_COMMIT_RUN;
}

bool job_verifies(const struct job *job)
{
	assert(job != NULL);
	return job->work.verify.command != NULL || job->work.verify.url != NULL;
}

bool job_is_from_files(const struct job *job)
{
	return job->source.kind >= SOURCE_CSV && job->source.kind <= SOURCE_FILES;
}

bool job_is_from_database(const struct job *job)
{
	assert(job != NULL);
	return job->source.kind == SOURCE_POSTGRES || job->source.kind == SOURCE_SQLITE;
}

const struct job *job_origin(const struct job *job)
{
	assert(job != NULL);
	while (job->source.kind == SOURCE_STEP && job->source.of_step > 0)
		job = job->steps[job->source.of_step - 1];
	return job;
}

bool job_has_names(const struct job *job)
{
	assert(job != NULL);
	while (job->source.kind == SOURCE_STEP && job->source.key == NULL &&
	       job->source.of_step > 0)
		job = job->steps[job->source.of_step - 1];
	return job->source.key != NULL || job->source.kind == SOURCE_FILES ||
	       job->source.kind == SOURCE_INBOX || job->source.kind == SOURCE_NONE;
}

bool job_writes_back(const struct job *job)
{
	assert(job != NULL);
	return job_is_from_database(job) &&
	       (job->source.database.on_done != NULL || job->source.database.on_dead != NULL);
}

bool job_is_stream(const struct job *job)
{
	assert(job != NULL);
	return job->work.kind == WORK_EXEC && job->work.mode == EXEC_STREAM;
}

bool job_needs_start_mark(const struct job *job)
{
	assert(job != NULL);
	return job->work.effect == JOB_ONCE ||
	       (job->work.effect == JOB_IDEMPOTENT && job->work.key_valid_us > 0);
}
