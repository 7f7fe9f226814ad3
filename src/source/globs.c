/* SPDX-License-Identifier: Apache-2.0 */
#include "source/globs.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "job/job.h"
#include "job/template.h"
#include "source/glob_walk.h"
#include "source/patience.h"
#include "source/source.h"
#include "sys/clock.h"

enum { PATTERN_BYTES_MAX = 64 * 1024, LOOK_AGAIN_S = 1 };

/* One search: what is looked for, and what was found so far. */
struct search {
	const struct job *job;
	const char *name; /* the path, as people see it */
	bool has_magic;
	size_t n_young; /* left out by older_than */
	struct file_list list;
};

void file_list_done(struct file_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->files[i].name);
	free(list->files);
	*list = (struct file_list){0};
}

char *globs_full_path(const struct job *job, const char *name)
{
	struct buf b = BUF_INIT(PATTERN_BYTES_MAX);

	if (name[0] != '/')
		buf_printf(&b, "%s/", job->directory);
	buf_puts(&b, name);
	char *path = buf_take(&b);
	buf_done(&b);
	return path != NULL ? path : xstrdup(name);
}

/* --source is meant as the person who wrote it saw it. */
static int from_here(const char *path, char **ret_path, struct err *err)
{
	char here[PATH_MAX];

	if (path[0] == '/') {
		*ret_path = xstrdup(path);
		return 0;
	}
	if (getcwd(here, sizeof(here)) == NULL)
		return ERR_SYS(err, ERR_IO, errno, "the working directory cannot be found");
	struct buf b = BUF_INIT(PATTERN_BYTES_MAX);
	buf_printf(&b, "%s/%s", here, path);
	*ret_path = buf_take(&b);
	return *ret_path != NULL ? 0 : ERR(err, ERR_DATA, "the path is too long");
}

/* The job's path with its placeholders filled in, or --source instead; gives. */
static int find_path(const struct globs_options *options, char **ret_path, struct err *err)
{
	const char *path = options->job->source.path;
	struct template *t = NULL;
	struct buf b = BUF_INIT(PATTERN_BYTES_MAX);

	if (options->path != NULL && options->path[0] != '\0')
		return from_here(options->path, ret_path, err);
	assert(path != NULL);
	if (strchr(path, '$') == NULL) {
		*ret_path = xstrdup(path);
		return 0;
	}
	const struct template_item none = {0};
	int rc = template_parse(path, strlen(path), options->job, &t, err);
	if (rc == 0)
		rc = template_render(t, TEMPLATE_PATTERN, options->run, &none, &b, err);
	if (rc == 0)
		rc = buf_check(&b, "source.path", err);
	if (rc == 0)
		*ret_path = buf_take(&b);
	template_free(t);
	buf_done(&b);
	return rc;
}

static int not_a_file(const char *name, mode_t mode, struct err *err)
{
	const char *what = "no regular file";

	if (S_ISDIR(mode))
		what = "a directory, not a file";
	else if (S_ISFIFO(mode))
		what = "a pipe (FIFO), not a file";
	else if (S_ISSOCK(mode))
		what = "a socket, not a file";
	else if (S_ISCHR(mode) || S_ISBLK(mode))
		what = "a device, not a file";
	return ERR(err, ERR_DATA, "%s is %s", name, what);
}

static void add_file(struct search *s, const char *name, const struct identity *id)
{
	if ((s->list.n & (s->list.n - 1)) == 0) /* full at powers of two */
		s->list.files = xrealloc(s->list.files, s->list.n == 0 ? 1 : 2 * s->list.n,
					 sizeof(*s->list.files));
	s->list.files[s->list.n++] = (struct file){.name = xstrdup(name), .identity = *id};
}

/* Adds what is there under the path, if it is a file that counts. */
static int look_at(struct search *s, const char *path, const char *name, struct err *err)
{
	struct stat st = {0};
	struct identity id = {0};

	if (stat(path, &st) != 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			return ERR_SYS(err, errno == EACCES ? ERR_PERM : ERR_IO, errno,
				       "%s cannot be looked at", name);
		if (lstat(path, &st) == 0)
			return ERR(err, ERR_DATA, "%s is a link to a file that is not there", name);
		return 0; /* gone in between */
	}
	if (S_ISDIR(st.st_mode) && s->has_magic)
		return 0;
	if (!S_ISREG(st.st_mode))
		return not_a_file(name, st.st_mode, err);
	identity_from_stat(&id, &st);
	utime age_limit = clock_now() - s->job->source.older_than_us;
	if (s->job->source.older_than_us > 0 && id.mtime_ns / 1000 > age_limit) {
		s->n_young++;
		return 0;
	}
	if (s->list.n == FILES_MAX)
		return ERR(err, ERR_DATA, "more than %d files match %s", FILES_MAX, s->name);
	add_file(s, name, &id);
	return 0;
}

static int on_match(void *arg, const char *name, struct err *err)
{
	struct search *s = arg;
	char *path = globs_full_path(s->job, name);
	int rc = look_at(s, path, name, err);

	free(path);
	return rc;
}

static int compare_files(const void *a, const void *b)
{
	const struct file *x = a;
	const struct file *y = b;

	return strcmp(x->name, y->name);
}

/* Makes the list as it is now; it may be empty. */
static int search_run(struct search *s, struct err *err)
{
	int rc = 0;

	file_list_done(&s->list);
	s->n_young = 0;
	if (s->has_magic || strchr(s->name, '\\') != NULL)
		rc = glob_walk(s->job->directory, s->name, on_match, s, err);
	/* Also a name that only looks like a pattern: report[1].csv. */
	if (rc == 0 && s->list.n + s->n_young == 0)
		rc = on_match(s, s->name, err);
	if (rc == 0 && s->list.n > 0)
		qsort(s->list.files, s->list.n, sizeof(*s->list.files), compare_files);
	return rc;
}

static int missing(const struct search *s, int condition, struct err *err)
{
	const char *where = s->name[0] == '/' ? "" : s->job->directory;

	if (s->has_magic)
		err_set(err, ERR_NOINPUT, 0, "no file matches %s%s%s%s", s->name,
			where[0] != '\0' ? " (in " : "", where, where[0] != '\0' ? ")" : "");
	else
		err_set(err, ERR_NOINPUT, 0, "%s is not there%s%s%s", s->name,
			where[0] != '\0' ? " (in " : "", where, where[0] != '\0' ? ")" : "");
	return condition;
}

/* Lists until there is something, or until `end` of the boot clock. */
static int wait_for_some(struct search *s, const struct patience *patience, int64_t end,
			 struct err *err)
{
	const struct job_source *source = &s->job->source;
	char what[256];

	(void)snprintf(what, sizeof(what), "%s to appear", s->name); /* cut is well */
	for (int attempt = 1;;) {
		int rc = search_run(s, err);
		/* A file system that is away for the moment. */
		if (rc < 0 && patience_is_transient(err->os_errno)) {
			rc = patience_again(patience, attempt++, err->os_errno, s->name, err);
			if (rc == 0)
				continue;
		}
		if (rc != 0 || s->list.n + s->n_young > 0)
			return rc;
		if (source->when_missing == JOB_MISSING_OK)
			return missing(s, SOURCE_MISSING_OK, err);
		int64_t left = end - clock_boot_us();
		if (source->when_missing != JOB_MISSING_WAIT || left <= 0)
			return missing(s, SOURCE_MISSING, err);
		int64_t us = left < LOOK_AGAIN_S * US_PER_S ? left : LOOK_AGAIN_S * US_PER_S;
		utime until = clock_now() + left;
		if (patience->wait == NULL || !patience->wait(patience->arg, what, until, us))
			return ERR(err, ERR_TEMP, "stopped while waiting for %s", what);
	}
}

static bool is_same_list(const struct file_list *a, const struct file_list *b,
			 const char **ret_name)
{
	for (size_t i = 0; i < a->n && i < b->n; i++) {
		*ret_name = a->files[i].name;
		if (strcmp(a->files[i].name, b->files[i].name) != 0 ||
		    !identity_is_same(&a->files[i].identity, &b->files[i].identity))
			return false;
	}
	if (a->n != b->n)
		*ret_name = a->n > b->n ? a->files[b->n].name : b->files[a->n].name;
	return a->n == b->n;
}

static int never_stable(const struct search *s, const char *name, struct err *err)
{
	AUTO(buf) struct buf stable = BUF_INIT(64);
	AUTO(buf) struct buf wait = BUF_INIT(64);

	text_put_duration(&stable, s->job->source.stable_for_us);
	text_put_duration(&wait, s->job->source.wait_for_us);
	return ERR(err, ERR_DATA,
		   "%s is still being written: within %s it never stayed the same for %s", name,
		   buf_str(&wait), buf_str(&stable));
}

/* Lists until nothing has changed for stable_for. */
static int wait_for_stable(struct search *s, const struct patience *patience, int64_t end,
			   struct err *err)
{
	const struct job_source *source = &s->job->source;
	char what[256];

	for (;;) {
		const char *name = s->name;
		struct file_list before = s->list;
		(void)snprintf(what, sizeof(what), "%s to stay the same", name); /* cut is well */
		s->list = (struct file_list){0};
		int rc = patience_pause(patience, what, source->stable_for_us, err);
		if (rc == 0)
			rc = wait_for_some(s, patience, end, err);
		bool is_same = rc == 0 && is_same_list(&before, &s->list, &name);
		if (rc == 0 && !is_same && clock_boot_us() > end)
			rc = never_stable(s, name, err);
		file_list_done(&before);
		if (rc != 0 || is_same)
			return rc;
	}
}

int globs_list(const struct globs_options *options, struct file_list *ret_list, struct err *err)
{
	struct search s = {.job = options->job};
	char *path = NULL;

	assert(options->job != NULL && options->patience != NULL && ret_list != NULL);
	int rc = find_path(options, &path, err);
	if (rc != 0)
		return rc;
	int64_t end = clock_boot_us() + s.job->source.wait_for_us;
	s.name = path;
	s.has_magic = glob_has_magic(path);
	rc = wait_for_some(&s, options->patience, end, err);
	if (rc == 0 && s.list.n > 0 && s.job->source.stable_for_us > 0)
		rc = wait_for_stable(&s, options->patience, end, err);
	free(path);
	if (rc != 0)
		file_list_done(&s.list);
	else
		*ret_list = s.list;
	return rc;
}
