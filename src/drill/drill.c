/* SPDX-License-Identifier: Apache-2.0 */
#include "drill/drill.h"

#include <assert.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "drill/copy.h"
#include "drill/play.h"
#include "drill/standin.h"
#include "job/job.h"
#include "sys/file.h"

enum {
	COPY_BYTES_MAX = 16 * 1024 * 1024,
	SAID_BYTES_MAX = 1024 * 1024,
	EXIT_NEEDS_PERSON = 3,
	EXIT_NO_SOURCE = 66,
	WALK_DESCRIPTORS = 8,
	STAGE_MAX = 512,
	FILE_MAX = STAGE_MAX + 32
};

struct drill {
	const struct drill_wish *wish;
	char program[PATH_MAX];
	char directory[256];
	char own_items[STAGE_MAX];
	bool is_plain[JOB_STEPS_MAX]; /* copy.h */
	bool keeps_texts;	      /* likewise */
	int deed_step;
	int n_calm;		  /* how often the calm scene was played */
	const struct tally *calm; /* what came of it; NULL: not known yet */
};

static int drill_prepare(struct drill *d, struct err *err)
{
	const char *where = getenv("TMPDIR");
	ssize_t n = readlink("/proc/self/exe", d->program, sizeof(d->program) - 1);

	if (n <= 0)
		return ERR_SYS(err, ERR_BUG, errno, "finding this program");
	d->program[n] = '\0';
	int len = snprintf(d->directory, sizeof(d->directory), "%s/stint-drill-XXXXXX",
			   where == NULL || where[0] != '/' ? "/tmp" : where);
	if (len < 0 || (size_t)len >= sizeof(d->directory))
		return ERR(err, ERR_USAGE, "TMPDIR is too long");
	if (mkdtemp(d->directory) == NULL)
		return ERR_SYS(err, ERR_IO, errno, "making a directory for the drill, %s",
			       d->directory);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	(void)remove(path); /* what stays is in the way of nobody */
	return 0;
}

static void drill_tidy(const struct drill *d)
{
	(void)nftw(d->directory, remove_one, WALK_DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
}

static int put_own_items(struct drill *d, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT(COPY_BYTES_MAX);

	(void)snprintf(d->own_items, sizeof(d->own_items), "%s/items.csv", d->directory);
	buf_puts(&text, "id\n");
	for (int i = 1; i <= DRILL_ITEMS; i++)
		buf_printf(&text, "item-%d\n", i);
	return file_write_atomic(d->own_items, text.data, text.len, 0600, err);
}

static const struct job *step_at(const struct drill *d, size_t i)
{
	return d->wish->job->steps[i];
}

/* The attempt that the deed falls on. */
static int drill_turn(const struct drill *d)
{
	bool is_few = d->calm != NULL && d->calm->step[d->deed_step - 1].items < DRILL_TURN;

	return is_few ? 1 : DRILL_TURN;
}

static int put_copy(const struct drill *d, enum scene_id scene, const char *stage, const char *path,
		    struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT(COPY_BYTES_MAX);

	copy_put(&(struct copy_wish){.job = d->wish->job,
				     .program = d->program,
				     .stage = stage,
				     .own_items = d->own_items,
				     .is_plain = d->is_plain,
				     .keeps_texts = d->keeps_texts,
				     .scene = scene,
				     .deed_step = d->deed_step,
				     .turn = drill_turn(d)},
		 &text);
	int rc = buf_check(&text, "the copy of the job", err);
	return rc < 0 ? rc : file_write_atomic(path, text.data, text.len, 0600, err);
}

/* The stage of a run, and in it those of its steps. */
static int make_stages(const struct drill *d, const char *stage, struct err *err)
{
	char path[TALLY_STAGE_MAX];

	if (mkdir(stage, 0700) != 0)
		return ERR_SYS(err, ERR_IO, errno, "%s", stage);
	for (size_t i = 0; i < d->wish->job->n_steps && step_at(d, i)->step_name != NULL; i++) {
		standin_stage(stage, step_at(d, i), path, sizeof(path));
		if (mkdir(path, 0700) != 0)
			return ERR_SYS(err, ERR_IO, errno, "%s", path);
	}
	return 0;
}

/* The last line that the program said, as the reason. */
static void add_reason(const char *stage, struct err *err)
{
	AUTO(buf) struct buf said = BUF_INIT(SAID_BYTES_MAX);
	struct err ignored = ERR_INIT;
	char path[FILE_MAX];

	(void)snprintf(path, sizeof(path), "%.*s/said", STAGE_MAX, stage);
	if (file_read_all(path, SAID_BYTES_MAX, &said, &ignored) < 0 || said.len == 0)
		return;
	AUTO(str) char *text = buf_take(&said);
	if (text == NULL)
		return;
	size_t len = strlen(text);
	while (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	const char *line = strrchr(text, '\n');
	err_add(err, "%s: ", line == NULL ? text : line + 1);
}

/* The step that it has all the done items of, as the calm scene shows; 0: it has not. */
static int takes_all_of(const struct drill *d, const struct job *step)
{
	if (d->calm == NULL || step->source.kind != SOURCE_STEP ||
	    step->source.take != JOB_TAKE_DONE)
		return 0;
	int of = step->source.of_step;
	return d->calm->step[step->step - 1].items == d->calm->step[of - 1].done ? of : 0;
}

static int take_tally(const struct drill *d, const char *stage, struct tally *ret_tally,
		      struct err *err)
{
	size_t n = d->wish->job->n_steps;
	struct tally_wish_step *steps = xcalloc(n, sizeof(*steps));

	for (size_t i = 0; i < n; i++) {
		const struct job *step = step_at(d, i);
		steps[i] = (struct tally_wish_step){
			.name = step->step_name,
			.is_once = step->work.effect == JOB_ONCE &&
				   step->work.when_in_doubt != JOB_DOUBT_RETRY,
			.go_on_when = step->go_on_when,
			.calm = d->calm == NULL ? NULL : &d->calm->step[i],
			.is_of_step = step->source.kind == SOURCE_STEP,
			.all_of_step = takes_all_of(d, step)};
		standin_stage(stage, step, steps[i].stage, sizeof(steps[i].stage));
	}
	const struct tally_wish wish = {.stage = stage, .step = steps, .n_steps = n};
	int rc = tally_take(&wish, ret_tally, err);
	free(steps);
	return rc;
}

static bool is_playable(const struct play *play)
{
	return play->scene != SCENE_CALM || play->status <= EXIT_NEEDS_PERSON ||
	       play->status == EXIT_NO_SOURCE;
}

static int play_one(struct drill *d, enum scene_id scene, struct drill_scene *ret_played,
		    struct err *err)
{
	char stage[STAGE_MAX];
	char deed_stage[TALLY_STAGE_MAX];
	char path[FILE_MAX];
	char number[16] = "";
	const struct job *job = d->wish->job;
	bool has_deed = scene != SCENE_CALM && scene_get(scene)->times > 0;
	bool has_source = false;

	for (size_t i = 0; i < job->n_steps; i++)
		has_source = has_source || step_at(d, i)->source.kind != SOURCE_NONE;
	if (scene == SCENE_CALM && d->n_calm++ > 0)
		(void)snprintf(number, sizeof(number), "-%d", d->n_calm);
	(void)snprintf(stage, sizeof(stage), "%s/%s%s", d->directory, scene_get(scene)->name,
		       number);
	standin_stage(stage, step_at(d, (size_t)d->deed_step - 1), deed_stage, sizeof(deed_stage));
	(void)snprintf(path, sizeof(path), "%s/job.yaml", stage);
	struct play play = {.program = d->program,
			    .stage = stage,
			    .deed_stage = deed_stage,
			    .job = path,
			    .params = d->wish->params,
			    .n_params = d->wish->n_params,
			    .has_source = has_source,
			    .scene = scene};
	int rc = make_stages(d, stage, err);
	if (rc == 0)
		rc = put_copy(d, scene, stage, path, err);
	if (rc == 0)
		rc = play_scene(&play, err);
	*ret_played = (struct drill_scene){.scene = scene,
					   .deed_step = has_deed ? d->deed_step : 0,
					   .starts = play.starts,
					   .status = play.status};
	if (rc == 0 && !is_playable(&play)) {
		rc = ERR(err, ERR_CONFIG, "the copy of the job ends with exit status %d",
			 play.status);
		add_reason(stage, err);
	}
	return rc < 0 ? rc : take_tally(d, stage, &ret_played->tally, err);
}

/* ---- nothing goes wrong ---- */

/* With items, but without what they are good for: of a source that is empty or not there, or made
 * of what answers kept, which is made up. */
static bool is_in_want(const struct job *step, const struct tally *tally)
{
	const struct tally_step *t = &tally->step[step->step - 1];
	const struct job_source *source = &step->source;
	bool has_script = step->filter != NULL || step->transform != NULL || source->key != NULL;

	if (copy_can_read(step))
		return t->items == 0;
	if (source->kind != SOURCE_STEP || source->take != JOB_TAKE_DONE || source->n_kept == 0)
		return false;
	return has_script && tally->step[source->of_step - 1].done > 0 &&
	       (t->items == 0 || t->dead + t->rejected > 0);
}

/* The first step that lacks something and can do with less; true when there is one, and it does
 * with less now. */
static bool make_plainer(struct drill *d, const struct tally *tally, struct drill_end *end)
{
	for (size_t i = 0; i < d->wish->job->n_steps; i++) {
		const struct job *step = step_at(d, i);
		if (i > 0 && tally_holds_back(&tally->step[i - 1], step->go_on_when))
			return false; /* it was not its turn */
		if (copy_is_plain(d->is_plain, step) || !is_in_want(step, tally))
			continue;
		if (step->source.kind == SOURCE_STEP && !d->keeps_texts) {
			d->keeps_texts = true; /* scripts may want these */
			return true;
		}
		d->is_plain[i] = true;
		if (!tally->step[i].is_loaded)
			memcpy(end->why[i], tally->reason, sizeof(end->why[i]));
		return true;
	}
	return false;
}

/* With the job's own items where there are any, else with ours. */
static int play_calm(struct drill *d, struct drill_end *end, struct drill_scene *ret_played,
		     struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < d->wish->job->n_steps; i++) {
		enum source_kind kind = step_at(d, i)->source.kind;
		d->is_plain[i] = kind != SOURCE_NONE && kind != SOURCE_STEP &&
				 !copy_can_read(step_at(d, i));
	}
	do {
		rc = play_one(d, SCENE_CALM, ret_played, err);
	} while (rc == 0 && make_plainer(d, &ret_played->tally, end));
	return rc;
}

/* ---- and then something does ---- */

/* That one that was asked for; else the last whose effect must not be repeated, else the last one,
 * of those that have items. */
static int choose_deed_step(const struct drill *d, const struct tally *calm)
{
	int chosen = 0;
	bool is_once = false;

	if (d->wish->deed_step > 0)
		return d->wish->deed_step;

	for (size_t i = 0; i < d->wish->job->n_steps; i++) {
		bool is_this_once = step_at(d, i)->work.effect == JOB_ONCE;
		if (calm->step[i].items == 0 || (is_once && !is_this_once))
			continue;
		chosen = (int)i + 1;
		is_once = is_this_once;
	}
	return chosen == 0 ? 1 : chosen;
}

static int check_deed_step(const struct drill *d, const struct tally *calm, struct err *err)
{
	const struct job *step = step_at(d, (size_t)d->deed_step - 1);

	if (d->wish->deed_step == 0 || calm->step[d->deed_step - 1].items > 0)
		return 0;
	return ERR(err, ERR_USAGE, "nothing can go wrong in step %s: it has no items",
		   step->step_name);
}

static int play_all(struct drill *d, struct drill_end *end, struct err *err)
{
	struct tally calm = {0};
	int rc = put_own_items(d, err);

	for (int scene = 0; scene < SCENE_COUNT_ && rc == 0; scene++) {
		struct drill_scene played = {0};
		rc = scene == SCENE_CALM ? play_calm(d, end, &played, err)
					 : play_one(d, (enum scene_id)scene, &played, err);
		if (rc < 0)
			break;
		if (scene == SCENE_CALM) {
			calm = played.tally;
			d->calm = &calm;
			d->deed_step = choose_deed_step(d, &calm);
			rc = check_deed_step(d, &calm, err);
		}
		if (rc < 0)
			break;
		end->n_broken += played.tally.is_broken;
		d->wish->on_scene(d->wish->arg, &played);
	}
	d->calm = NULL;
	return rc;
}

/* Until all that we started is ended and tidied away: a paused engine would stay for ever. */
static void hold_signals(sigset_t *ret_old)
{
	sigset_t held;

	(void)sigemptyset(&held);
	(void)sigaddset(&held, SIGINT);
	(void)sigaddset(&held, SIGTERM);
	(void)sigaddset(&held, SIGHUP);
	(void)pthread_sigmask(SIG_BLOCK, &held, ret_old);
}

int drill_play(const struct drill_wish *wish, struct drill_end *ret_end, struct err *err)
{
	struct drill d = {.wish = wish, .deed_step = 1};
	struct drill_end end = {0};

	assert(wish != NULL && wish->job != NULL && wish->on_scene != NULL && ret_end != NULL);
	sigset_t old;
	int rc = drill_prepare(&d, err);
	if (rc < 0)
		return rc;
	hold_signals(&old);
	rc = play_all(&d, &end, err);
	for (size_t i = 0; i < wish->job->n_steps; i++)
		end.is_plain[i] = copy_is_plain(d.is_plain, step_at(&d, i));
	if (rc == 0 && end.n_broken > 0)
		memcpy(end.directory, d.directory, sizeof(end.directory));
	else
		drill_tidy(&d);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL); /* one that has come ends us here */
	*ret_end = end;
	return rc;
}
