/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files as items: path, name, size and time of change of each. They are staged, with their
 * identity, so that a file that changed since is not moved away or deleted in the place of the one
 * that was listed.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "job/item.h"
#include "job/job.h"
#include "source/load.h"
#include "sys/clock.h"

enum { NS_PER_US = 1000, TIME_TEXT_MAX = 48, SIZE_TEXT_MAX = 24 };

/* The texts behind the values of one file. */
struct file_texts {
	char size[SIZE_TEXT_MAX];
	char modified[TIME_TEXT_MAX];
};

/* RFC 3339 in UTC, to the microsecond where there is a fraction. */
static void format_time(int64_t mtime_ns, char out[TIME_TEXT_MAX])
{
	struct civil c = {0};
	char fraction[16] = "";

	clock_civil_utc(mtime_ns / NS_PER_US - (mtime_ns % NS_PER_US < 0), &c);
	if (c.us != 0)
		(void)snprintf(fraction, sizeof(fraction), ".%06d", c.us); /* fits */
	(void)snprintf(out, TIME_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d%sZ", c.year, c.month,
		       c.day, c.hour, c.minute, c.second, fraction); /* fits */
}

static struct value text_value(const char *text)
{
	return (struct value){.text = text, .len = strlen(text)};
}

/* What a field of this name says about the file. */
static struct value value_of(const struct file *file, const char *field,
			     const struct file_texts *texts)
{
	if (strcmp(field, "path") == 0)
		return text_value(file->name);
	if (strcmp(field, "size") == 0)
		return text_value(texts->size);
	if (strcmp(field, "modified") == 0)
		return text_value(texts->modified);
	const char *slash = strrchr(file->name, '/');
	return text_value(slash == NULL ? file->name : slash + 1);
}

/* Looks at the file once more: the list may be old by now. */
static bool has_file_flaw(struct source *s, struct file *file, struct flaw *flaw)
{
	struct stat st = {0};
	char *path = globs_full_path(s->job, file->name);
	int rc = stat(path, &st);
	int os_errno = errno;

	free(path);
	if (rc != 0 && (os_errno == ENOENT || os_errno == ENOTDIR))
		flaw_set(flaw, 0, "the file vanished after it was listed");
	else if (rc != 0)
		flaw_set(flaw, 0, "the file cannot be looked at: %s", strerror(os_errno));
	else if (!S_ISREG(st.st_mode))
		flaw_set(flaw, 0, "it is no regular file any more");
	else if (utf8_find_bad(file->name, strlen(file->name)) != strlen(file->name))
		flaw_set(flaw, 0, "its name is no UTF-8");
	else {
		identity_from_stat(&file->identity, &st);
		return false;
	}
	return true;
}

static void make_item(struct source *s, const struct file *file, struct file_texts *texts,
		      struct item *ret_item)
{
	const struct job_source *source = &s->job->source;

	(void)snprintf(texts->size, sizeof(texts->size), "%" PRId64,
		       file->identity.size); /* 20 characters at most */
	format_time(file->identity.mtime_ns, texts->modified);
	for (size_t i = 0; i < source->n_fields; i++)
		s->shape.values[i] = value_of(file, source->fields[i].name, texts);
	*ret_item = (struct item){.fields = s->shape.values, .source_path = file->name};
}

static int take_file(struct source *s, struct err *err)
{
	struct file *file = &s->list.files[s->index];
	struct file_texts texts = {0};
	struct item item = {0};

	s->batch->n_read++;
	if (has_file_flaw(s, file, &s->flaw)) {
		const struct judge_reject reject = {.flaw = &s->flaw};
		return judge_reject(s, &reject, err);
	}
	make_item(s, file, &texts, &item);
	return judge_item(s, &item, NULL, err);
}

int files_fill(struct source *s, struct err *err)
{
	uint32_t limit = load_item_limit(s);

	if (limit == 0)
		return SOURCE_END;
	while (s->index < s->list.n && s->batch->n < limit && !batch_is_full(s->batch) &&
	       !s->has_failed && (int64_t)s->batch->content.len < load_chunk_bytes(s)) {
		int rc = take_file(s, err);
		if (rc != 0)
			return rc;
		s->index++;
	}
	if (!batch_is_empty(s->batch))
		return 0;
	int rc = totals_check(&s->totals, NULL, NULL, s->options.run, &s->patience, err);
	return rc == 0 ? SOURCE_END : rc;
}

int files_replay_keys(struct source *s, struct err *err)
{
	size_t last = s->index;
	int rc = 0;

	for (s->index = 0; rc == 0 && s->index < last; s->index++) {
		struct file *file = &s->list.files[s->index];
		struct file_texts texts = {0};
		struct item item = {0};
		if (has_file_flaw(s, file, &s->flaw))
			continue;
		make_item(s, file, &texts, &item);
		rc = judge_item_key(s, &item, err);
	}
	s->index = last;
	return rc;
}
