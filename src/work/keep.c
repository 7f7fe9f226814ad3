/* SPDX-License-Identifier: Apache-2.0 */
#include "work/keep.h"

#include <assert.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "job/http.h"
#include "work/exec_mask.h"

enum {
	PARSED_BYTES_MAX = 4 * KEEP_BYTES_MAX + 64 * KEEP_BYTES_MAX,
	ANSWER_BYTES_MAX = 64 * 1024 * 1024,
};

static void put_masked(struct exec_mask *mask, const struct item *item, const struct buf *json,
		       struct buf *out)
{
	AUTO(json_doc) struct json_doc *doc = NULL;
	AUTO(buf) struct buf masked = BUF_INIT(KEEP_BYTES_MAX);
	const struct mask_text text = {.data = buf_str(json), .len = json->len};
	const struct json *root = NULL;
	struct err err = ERR_INIT;

	if (json->failed)
		return;
	exec_mask_put(mask, item, &text, &masked);
	/* Stars in place of a number are no JSON any more. */
	if (masked.failed ||
	    json_parse(buf_str(&masked), masked.len, PARSED_BYTES_MAX, &doc, &root, &err) < 0)
		return;
	buf_put(out, masked.data, masked.len);
}

void keep_put_object(struct exec_mask *mask, const struct item *item, const struct json *object,
		     struct buf *out)
{
	AUTO(buf) struct buf json = BUF_INIT(KEEP_BYTES_MAX);

	assert(mask != NULL && object != NULL && out != NULL);
	json_put(&json, object);
	put_masked(mask, item, &json, out);
}

void keep_put_found(struct exec_mask *mask, const struct item *item, const struct job_pairs *pairs,
		    const struct buf *answer, struct buf *out)
{
	AUTO(json_doc) struct json_doc *doc = NULL;
	AUTO(buf) struct buf json = BUF_INIT(KEEP_BYTES_MAX);
	const struct json *root = NULL;
	struct err err = ERR_INIT;

	assert(mask != NULL && pairs != NULL && answer != NULL && out != NULL);
	if (json_parse(buf_str(answer), answer->len, ANSWER_BYTES_MAX, &doc, &root, &err) < 0)
		return;
	buf_putc(&json, '{');
	for (size_t i = 0; i < pairs->n; i++) {
		const struct json *found = json_pointer(root, pairs->list[i].value);
		buf_puts(&json, i > 0 ? ",\"" : "\"");
		buf_puts(&json, pairs->list[i].name); /* a name: nothing to escape in it */
		buf_puts(&json, "\":");
		if (found == NULL)
			buf_puts(&json, "null");
		else
			json_put(&json, found);
	}
	buf_putc(&json, '}');
	put_masked(mask, item, &json, out);
}
