/* SPDX-License-Identifier: Apache-2.0 */
#include "source/keys.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "job/item.h"
#include "job/job.h"
#include "job/template.h"
#include "source/csv_record.h"

/* A path and a number fit; a key that is too long is a flaw of its record. */
enum { TEXT_BYTES_MAX = 64 * 1024 };

int keys_init(struct keys *k, const struct job *job, const struct template_run *run,
	      struct err *err)
{
	const char *key = job->source.key;

	*k = (struct keys){.run = run, .text = BUF_INIT(TEXT_BYTES_MAX)};
	k->how = job->source.kind == SOURCE_FILES   ? KEYS_PATH
		 : job->source.kind == SOURCE_STEP  ? KEYS_GIVEN
		 : job->source.kind == SOURCE_INBOX ? KEYS_ROW
						    : KEYS_PLACE;
	k->are_names = job_has_names(job);
	if (key == NULL)
		return 0;
	int field = job_find_field(job, key, strlen(key));
	if (field >= 0) {
		k->how = KEYS_FIELD;
		k->field = (size_t)field;
		return 0;
	}
	k->how = KEYS_TEMPLATE;
	if (run == NULL)
		return 0;
	return template_parse_key(job, &k->template, err);
}

void keys_done(struct keys *k)
{
	template_free(k->template);
	buf_done(&k->text);
	*k = (struct keys){0};
}

bool keys_are_names(const struct keys *k)
{
	return k->are_names;
}

static void make_place(struct keys *k, const struct item *item)
{
	buf_puts(&k->text, item->source_path[0] == '\0' ? "stdin" : item->source_path);
	buf_putc(&k->text, ':');
	text_put_number(&k->text, item->source_line);
}

static int make_text(struct keys *k, struct item *item, struct flaw *ret_flaw)
{
	const struct template_item filled = {.item = item, .attempt = 1, .idempotency_key = ""};
	struct err err = ERR_INIT;

	assert(k->template != NULL);
	item->key = "";
	item->key_len = 0;
	if (template_render(k->template, TEMPLATE_TEXT, k->run, &filled, &k->text, &err) == 0)
		return 0;
	flaw_set(ret_flaw, 0, "its key cannot be made: %s", err.text);
	return KEYS_FLAW;
}

static int check_key(const struct item *item, struct flaw *ret_flaw)
{
	if (item->key_len == 0) {
		flaw_set(ret_flaw, 0, "its key is empty");
		return KEYS_FLAW;
	}
	if (item->key_len > KEY_BYTES_MAX) {
		flaw_set(ret_flaw, 0, "its key has %zu bytes, at most %d are allowed",
			 item->key_len, KEY_BYTES_MAX);
		return KEYS_FLAW;
	}
	if (memchr(item->key, '\0', item->key_len) != NULL) {
		flaw_set(ret_flaw, 0, "there is a NUL character in its key");
		return KEYS_FLAW;
	}
	return 0;
}

int keys_make(struct keys *k, struct item *item, struct flaw *ret_flaw)
{
	assert(k != NULL && item != NULL && ret_flaw != NULL);
	if (k->how == KEYS_GIVEN)
		return 0;
	buf_reset(&k->text);
	if (k->given != NULL) {
		item->key = k->given;
		item->key_len = strlen(k->given);
		return check_key(item, ret_flaw);
	}
	assert(k->how != KEYS_ROW);
	if (k->how == KEYS_FIELD) {
		const struct value *v = &item->fields[k->field];
		item->key = v->is_null ? "" : v->text;
		item->key_len = v->is_null ? 0 : v->len;
		return check_key(item, ret_flaw);
	}
	if (k->how == KEYS_PLACE)
		make_place(k, item);
	if (k->how == KEYS_PATH)
		buf_puts(&k->text, item->source_path);
	int rc = k->how == KEYS_TEMPLATE ? make_text(k, item, ret_flaw) : 0;
	if (rc != 0)
		return rc;
	item->key = buf_str(&k->text);
	item->key_len = k->text.len;
	/* What stint itself makes of a path may be as long as paths are. */
	return k->how == KEYS_TEMPLATE ? check_key(item, ret_flaw) : 0;
}
