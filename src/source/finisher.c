/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of the files once all is settled: source.then.
 *
 * Items that are files go one by one, each when its chunk is settled and it ended well. A file of
 * records goes as a whole, when the list of chunks ends; its paths are collected until then.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bits.h"
#include "base/err.h"
#include "base/mem.h"
#include "job/job.h"
#include "source/body_format.h"
#include "source/move.h"
#include "source/source.h"
#include "source/teller.h"

enum { PATH_BYTES_MAX = 64 * 1024 };

struct finisher {
	const struct job *job;
	struct teller *teller; /* on_done, on_dead; else NULL */
	struct mover mover;
	struct body_path *paths; /* distinct, of files of records */
	size_t n;
	uint8_t machine[MACHINE_BYTES]; /* that loaded the chunk */
	struct arena arena;
};

struct finisher *finisher_new(const struct job *job, const struct template_run *run)
{
	struct finisher *f = xnew(struct finisher);

	assert(job != NULL);
	f->job = job;
	mover_init(&f->mover, job);
	if (job_writes_back(job))
		f->teller = teller_new(job, run);
	return f;
}

void finisher_free(struct finisher *f)
{
	if (f == NULL)
		return;
	teller_free(f->teller);
	mover_done(&f->mover);
	arena_done(&f->arena);
	free(f->paths);
	free(f);
}

static int act(struct finisher *f, const struct body_path *path, struct err *err)
{
	struct buf name = BUF_INIT(PATH_BYTES_MAX);
	struct identity identity = path->identity;
	int rc = f->mover.n == MOVER_GROUP ? mover_end(&f->mover, err) : 0;

	/* Standard input has no file; nobody should ask about files that are kept. */
	if (rc != 0 || !path->is_known || f->job->source.then == JOB_THEN_KEEP)
		return rc;
	buf_put(&name, path->path, path->path_len);
	rc = buf_check(&name, "a path", err);
	/* Safety: to a machine that does not see it, it would look as if it were moved already. */
	if (rc == 0 && !machine_shows(f->machine, f->job, buf_str(&name), &identity))
		rc = ERR(err, ERR_TEMP,
			 "%s was loaded on another machine and is not seen on this one: `then` is "
			 "done there, by the next call",
			 buf_str(&name));
	if (rc == 0)
		rc = mover_add(&f->mover, buf_str(&name), &identity, err);
	buf_done(&name);
	return rc;
}

/* Chunks come in the order of the files, so that only the last has to be compared; others that come
 * twice do no harm. */
static void collect(struct finisher *f, const struct body_path *path)
{
	if (f->n > 0 && f->paths[f->n - 1].path_len == path->path_len &&
	    memcmp(f->paths[f->n - 1].path, path->path, path->path_len) == 0)
		return;
	if ((f->n & (f->n - 1)) == 0) /* full at powers of two */
		f->paths = xrealloc(f->paths, f->n == 0 ? 1 : 2 * f->n, sizeof(*f->paths));
	f->paths[f->n] = *path;
	f->paths[f->n].path = arena_text(&f->arena, path->path, path->path_len);
	f->n++;
}

/* Goes on after a failure, so that one file does not keep the others; the first is told. */
static void keep_first(int rc, const struct err *failure, int *first_rc, struct err *err)
{
	if (rc == 0 || *first_rc != 0)
		return;
	*first_rc = rc;
	*err = *failure;
}

/* The end of a group of files. */
static int end_group(struct finisher *f, int first_rc, struct err *err)
{
	struct err failure = ERR_INIT;

	keep_first(mover_end(&f->mover, &failure), &failure, &first_rc, err);
	return first_rc;
}

static int act_on_items(struct finisher *f, const struct frame_then *then, struct reader *r,
			const struct body_path *paths, uint32_t n_paths, struct err *err)
{
	int first_rc = 0;
	uint32_t n = reader_u32(r);
	uint16_t n_fields = reader_u16(r);

	if (n != then->n)
		return ERR(err, ERR_DATA, "the stored chunk is damaged");
	for (uint32_t i = 0; i < n; i++) {
		struct err failure = ERR_INIT;
		uint32_t path = 0;
		int64_t line = 0;
		body_skip_item(r, n_fields, &path, &line);
		if (r->failed || path >= n_paths)
			return ERR(err, ERR_DATA, "the stored chunk is damaged");
		if (!bits_get(then->good, i))
			continue;
		keep_first(act(f, &paths[path], &failure), &failure, &first_rc, err);
	}
	return end_group(f, first_rc, err);
}

static int add_staged(struct finisher *f, const struct frame_then *then, struct reader *body,
		      struct err *err)
{
	char *content = NULL;
	size_t len = 0;

	int rc = body_get_staged(body, &content, &len, err);
	if (rc != 0)
		return rc;
	struct reader r = READER(content, len);
	uint32_t n = reader_u32(&r);
	struct body_path *paths = xcalloc(n <= BODY_PATHS_MAX ? n + 1 : 1, sizeof(*paths));
	for (uint32_t i = 0; i < n && n <= BODY_PATHS_MAX && !r.failed; i++)
		body_get_path(&r, &paths[i]);
	if (r.failed || n > BODY_PATHS_MAX)
		rc = ERR(err, ERR_DATA, "the stored chunk is damaged");
	else if (f->job->source.kind == SOURCE_FILES)
		rc = act_on_items(f, then, &r, paths, n, err);
	for (uint32_t i = 0; rc == 0 && i < n && f->job->source.kind != SOURCE_FILES; i++)
		collect(f, &paths[i]);
	free(paths);
	free(content);
	return rc;
}

static int add_reference(struct finisher *f, struct reader *body, struct err *err)
{
	struct body_reference ref = {0};

	int rc = body_get_reference(body, &ref, err);
	if (rc != 0)
		return rc;
	const struct body_path path = {.path = ref.path,
				       .path_len = ref.path_len,
				       .is_known = true,
				       .identity = ref.identity};
	collect(f, &path);
	return 0;
}

static int end_list(struct finisher *f, struct err *err)
{
	int first_rc = 0;

	for (size_t i = 0; i < f->n; i++) {
		struct err failure = ERR_INIT;
		keep_first(act(f, &f->paths[i], &failure), &failure, &first_rc, err);
	}
	return end_group(f, first_rc, err);
}

int finisher_add(struct finisher *f, const struct frame_then *then, struct err *err)
{
	struct body_head head = {0};

	assert(f != NULL && then != NULL && err != NULL);
	if (f->teller != NULL)
		return then->n == 0 ? 0 : teller_tell(f->teller, then, err);
	if (then->body == NULL || then->n == 0)
		return end_list(f, err);
	struct reader r = READER(then->body, then->body_len);
	int rc = body_get_head(&r, &head, err);
	if (rc != 0)
		return rc;
	memcpy(f->machine, head.machine, sizeof(f->machine));
	return head.kind == BODY_STAGED ? add_staged(f, then, &r, err) : add_reference(f, &r, err);
}
