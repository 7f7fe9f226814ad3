/* SPDX-License-Identifier: Apache-2.0 */
#include "work/exec_mask.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "job/item.h"
#include "job/job.h"
#include "job/secret.h"
#include "work/mask_form.h"

enum { MASK_MAGIC = 0x4d61736b };

static const char STARS[] = "***";

struct needle {
	char *text;
	size_t len;
};

struct exec_mask {
	uint32_t magic;
	const struct job *job;
	struct needle *needles; /* of the secrets, then the present item's */
	size_t n_secrets;
	size_t n;
	size_t room;
};

/* ---- what is looked for ---- */

static void mask_drop(struct exec_mask *mask, size_t from)
{
	for (size_t i = from; i < mask->n; i++) {
		explicit_bzero(mask->needles[i].text, mask->needles[i].len);
		free(mask->needles[i].text);
	}
	mask->n = from < mask->n ? from : mask->n;
}

/* Adds a form of a value, whose other forms begin at `from`. */
static void mask_add_form(struct exec_mask *mask, size_t from, const struct buf *form)
{
	if (form->len < MASK_BYTES_MIN || form->failed)
		return;
	for (size_t i = from; i < mask->n; i++)
		if (mask->needles[i].len == form->len &&
		    memcmp(mask->needles[i].text, form->data, form->len) == 0)
			return;
	if (mask->n == mask->room) {
		mask->room = 2 * mask->room + MASK_FORM_COUNT_;
		mask->needles = xrealloc(mask->needles, mask->room, sizeof(*mask->needles));
	}
	mask->needles[mask->n++] = (struct needle){.text = xmemdup(form->data, form->len),
						   .len = form->len};
}

static void mask_add(struct exec_mask *mask, const char *text, size_t len)
{
	AUTO(buf) struct buf form = BUF_INIT(MASK_FORM_GROWTH * len + 1);
	size_t from = mask->n;

	if (len < MASK_BYTES_MIN)
		return;
	/* It never moves, so that nothing is left behind in memory. */
	(void)buf_reserve(&form, MASK_FORM_GROWTH * len);
	for (int i = 0; i < MASK_FORM_COUNT_; i++) {
		buf_reset(&form);
		mask_form_put((enum mask_form)i, text, len, &form);
		mask_add_form(mask, from, &form);
	}
	explicit_bzero(form.data, form.cap);
}

void exec_mask_add(struct exec_mask *mask, const char *text, size_t len)
{
	assert(mask != NULL && mask->magic == MASK_MAGIC && text != NULL);
	mask_drop(mask, mask->n_secrets);
	mask_add(mask, text, len);
	mask->n_secrets = mask->n;
}

struct exec_mask *exec_mask_new(const struct job *job)
{
	struct exec_mask *mask = xnew(struct exec_mask);
	AUTO(buf) struct buf value = BUF_INIT(SECRET_BYTES_MAX);
	struct err err = ERR_INIT;

	mask->magic = MASK_MAGIC;
	mask->job = job;
	(void)buf_reserve(&value, SECRET_BYTES_MAX);
	for (size_t i = 0; i < job->n_secrets; i++) {
		buf_reset(&value);
		if (secret_read(job, &job->secrets[i], &value, &err) == 0)
			exec_mask_add(mask, buf_str(&value), value.len);
	}
	explicit_bzero(value.data, value.cap);
	return mask;
}

void exec_mask_free(struct exec_mask *mask)
{
	if (mask == NULL)
		return;
	assert(mask->magic == MASK_MAGIC);
	mask_drop(mask, 0);
	free(mask->needles);
	mask->magic = 0;
	free(mask);
}

static void mask_take_item(struct exec_mask *mask, const struct item *item)
{
	const struct job *job = mask->job;

	mask_drop(mask, mask->n_secrets);
	for (size_t i = 0; item != NULL && i < job->n_fields; i++) {
		const struct value *value = &item->fields[i];
		if (job->fields[i].sensitive && !value->is_null)
			mask_add(mask, value->text, value->len);
	}
}

/* ---- looking for it ---- */

size_t exec_mask_longest(struct exec_mask *mask, const struct item *item)
{
	size_t longest = 0;

	assert(mask != NULL && mask->magic == MASK_MAGIC);
	mask_take_item(mask, item);
	for (size_t i = 0; i < mask->n; i++)
		if (mask->needles[i].len > longest)
			longest = mask->needles[i].len;
	return longest;
}

/* How long the longest needle is that stands at `data`, 0 when none does. With `is_cut` the
 * beginning of one may be all that is left. */
static size_t mask_match(const struct exec_mask *mask, const char *data, size_t len, bool is_cut)
{
	size_t longest = 0;

	for (size_t i = 0; i < mask->n; i++) {
		const struct needle *needle = &mask->needles[i];
		size_t n = needle->len <= len || !is_cut ? needle->len : len;
		if (n <= len && n >= MASK_BYTES_MIN && n > longest &&
		    memcmp(data, needle->text, n) == 0)
			longest = n;
	}
	return longest;
}

void exec_mask_put(struct exec_mask *mask, const struct item *item, const struct mask_text *text,
		   struct buf *out)
{
	bool may_begin[UINT8_MAX + 1] = {false}; /* most bytes begin no needle */
	size_t plain = text->from;		 /* what was not yet written begins here */

	assert(mask != NULL && mask->magic == MASK_MAGIC);
	assert(text->from <= text->len);
	mask_take_item(mask, item);
	for (size_t i = 0; i < mask->n; i++)
		may_begin[(unsigned char)mask->needles[i].text[0]] = true;
	for (size_t at = 0; mask->n > 0 && at < text->len;) {
		size_t found = 0;
		if (may_begin[(unsigned char)text->data[at]])
			found = mask_match(mask, text->data + at, text->len - at, text->is_cut);
		if (found == 0) {
			at++;
			continue;
		}
		if (at + found > text->from) {
			if (at > plain)
				buf_put(out, text->data + plain, at - plain);
			buf_puts(out, STARS);
			plain = at + found;
		}
		at += found;
	}
	if (text->len > plain)
		buf_put(out, text->data + plain, text->len - plain);
}

/* In place of the quoted value, where it stands first. */
static void mask_quoted(struct buf *text, const struct needle *needle)
{
	AUTO(buf) struct buf masked = BUF_INIT(text->max);
	const char *quoted = QUOTED(needle->text, needle->len);
	const char *at = strstr(buf_str(text), quoted);

	if (at == NULL)
		return;
	buf_put(&masked, text->data, (size_t)(at - text->data));
	buf_puts(&masked, STARS);
	buf_puts(&masked, at + strlen(quoted));
	buf_reset(text);
	buf_put(text, buf_str(&masked), masked.len);
}

void exec_mask_put_err(struct exec_mask *mask, const struct item *item, const struct err *err,
		       struct buf *out)
{
	AUTO(buf) struct buf words = BUF_INIT(ERR_TEXT_MAX);

	assert(mask != NULL && mask->magic == MASK_MAGIC && err != NULL);
	buf_puts(&words, err->text);
	mask_take_item(mask, item);
	for (size_t i = 0; i < mask->n; i++)
		mask_quoted(&words, &mask->needles[i]);
	const struct mask_text text = {.data = buf_str(&words), .len = words.len};
	exec_mask_put(mask, item, &text, out);
}
