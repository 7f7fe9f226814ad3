/* SPDX-License-Identifier: Apache-2.0 */
#include "drill/drill.h"

#include <assert.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
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
#include "job/job.h"
#include "sys/file.h"

enum {
	COPY_BYTES_MAX = 16 * 1024 * 1024,
	SAID_BYTES_MAX = 1024 * 1024,
	EXIT_NO_SOURCE = 66,
	WALK_DESCRIPTORS = 8,
	STAGE_MAX = 512,
	FILE_MAX = STAGE_MAX + 32
};

struct drill {
	const struct drill_wish *wish;
	char program[PATH_MAX];
	char directory[256];
	char own_items[STAGE_MAX]; /* "" while the job's own are used */
	int64_t items;		   /* 0: not known yet */
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

static int put_copy(const struct drill *d, enum scene_id scene, const char *stage, const char *path,
		    struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT(COPY_BYTES_MAX);
	bool is_long = d->items == 0 || d->items >= DRILL_TURN;

	copy_put(&(struct copy_wish){.job = d->wish->job,
				     .program = d->program,
				     .stage = stage,
				     .own_items = d->own_items[0] == '\0' ? NULL : d->own_items,
				     .scene = scene,
				     .turn = is_long ? DRILL_TURN : 1},
		 &text);
	int rc = buf_check(&text, "the copy of the job", err);
	return rc < 0 ? rc : file_write_atomic(path, text.data, text.len, 0600, err);
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

static int play_one(struct drill *d, enum scene_id scene, struct drill_scene *ret_played,
		    struct err *err)
{
	char stage[STAGE_MAX];
	char path[FILE_MAX];
	const struct job *job = d->wish->job;

	(void)snprintf(stage, sizeof(stage), "%s/%s%s", d->directory, scene_get(scene)->name,
		       d->own_items[0] == '\0' ? "" : "-own");
	(void)snprintf(path, sizeof(path), "%s/job.yaml", stage);
	if (mkdir(stage, 0700) != 0)
		return ERR_SYS(err, ERR_IO, errno, "%s", stage);
	struct play play = {.program = d->program,
			    .stage = stage,
			    .job = path,
			    .params = d->wish->params,
			    .n_params = d->wish->n_params,
			    .has_source = job->source.kind != SOURCE_NONE,
			    .scene = scene};
	int rc = put_copy(d, scene, stage, path, err);
	if (rc == 0)
		rc = play_scene(&play, err);
	*ret_played = (struct drill_scene){
		.scene = scene, .starts = play.starts, .status = play.status};
	if (rc == 0 && scene == SCENE_CALM && play.status > 3 && play.status != EXIT_NO_SOURCE) {
		rc = ERR(err, ERR_CONFIG, "the copy of the job ends with exit status %d",
			 play.status);
		add_reason(stage, err);
	}
	if (rc < 0 || play.status == EXIT_NO_SOURCE)
		return rc;
	struct tally_wish wish = {.stage = stage,
				  .is_once = job->work.effect == JOB_ONCE &&
					     job->work.when_in_doubt != JOB_DOUBT_RETRY,
				  .items = d->items};
	return tally_take(&wish, &ret_played->tally, err);
}

/* With the job's own items where there are any, else with ours. */
static int play_calm(struct drill *d, struct drill_scene *ret_played, struct err *err)
{
	bool has_none = d->wish->job->source.kind == SOURCE_NONE;
	int rc = 0;

	if (has_none || copy_can_read(d->wish->job)) {
		rc = play_one(d, SCENE_CALM, ret_played, err);
		if (rc < 0 || ret_played->tally.items > 0)
			return rc;
	}
	rc = put_own_items(d, err);
	return rc < 0 ? rc : play_one(d, SCENE_CALM, ret_played, err);
}

static int play_all(struct drill *d, struct drill_end *end, struct err *err)
{
	int rc = 0;

	for (int scene = 0; scene < SCENE_COUNT_ && rc == 0; scene++) {
		struct drill_scene played = {0};
		rc = scene == SCENE_CALM ? play_calm(d, &played, err)
					 : play_one(d, (enum scene_id)scene, &played, err);
		if (rc < 0)
			break;
		d->items = played.tally.items;
		end->n_broken += played.tally.is_broken;
		d->wish->on_scene(d->wish->arg, &played);
	}
	return rc;
}

int drill_play(const struct drill_wish *wish, struct drill_end *ret_end, struct err *err)
{
	struct drill d = {.wish = wish};
	struct drill_end end = {0};

	assert(wish != NULL && wish->job != NULL && wish->on_scene != NULL && ret_end != NULL);
	int rc = drill_prepare(&d, err);
	if (rc < 0)
		return rc;
	rc = play_all(&d, &end, err);
	end.has_own_items = d.own_items[0] != '\0';
	if (rc == 0 && end.n_broken > 0)
		memcpy(end.directory, d.directory, sizeof(end.directory));
	else
		drill_tidy(&d);
	*ret_end = end;
	return rc;
}
