/* SPDX-License-Identifier: Apache-2.0 */
#include "work/exec_output.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"
#include "work/exec_mask.h"

/* A masked value that is longer is not looked for across the cut. */
enum { MARGIN_MAX = 64 * 1024 };

void exec_output_init(struct exec_output *o, size_t keep, size_t longest)
{
	size_t margin = longest > MARGIN_MAX ? MARGIN_MAX : longest;

	assert(o != NULL && keep <= SIZE_MAX / 4);
	*o = (struct exec_output){.keep = keep, .margin = keep == 0 ? 0 : margin};
	buf_init(&o->tail, 2 * (o->keep + o->margin));
}

void exec_output_done(struct exec_output *o)
{
	buf_done(&o->tail);
}

void exec_output_add(struct exec_output *o, const char *data, size_t len)
{
	size_t hold = o->keep + o->margin;

	o->total += len;
	if (hold == 0)
		return;
	if (len >= hold) {
		buf_reset(&o->tail);
		buf_put(&o->tail, data + (len - hold), hold);
		return;
	}
	/* Only when twice as much has come the older half goes, so that bytes are moved once. */
	if (o->tail.len + len > 2 * hold)
		buf_consume(&o->tail, o->tail.len - (hold - len));
	buf_put(&o->tail, data, len);
}

const char *exec_output_text(const struct exec_output *o, size_t *ret_len)
{
	assert(o != NULL && ret_len != NULL);
	*ret_len = o->tail.len < o->keep ? o->tail.len : o->keep;
	return buf_str(&o->tail) + o->tail.len - *ret_len;
}

bool exec_output_is_cut(const struct exec_output *o)
{
	return o->total > o->keep;
}

void exec_output_put(const struct exec_output *o, struct exec_mask *mask, const struct item *item,
		     struct buf *out)
{
	size_t len = o->tail.len;
	size_t from = len > o->keep ? len - o->keep : 0;
	/* Bytes before the margin are left over from the last move; a value that they cut in two
	 * would be seen in halves. */
	size_t begin = from > o->margin ? from - o->margin : 0;

	if (o->keep == 0 || len == 0)
		return;
	const struct mask_text text = {
		.data = o->tail.data + begin, .len = len - begin, .from = from - begin};
	exec_mask_put(mask, item, &text, out);
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0';
}

void exec_output_put_last_line(const char *text, size_t len, struct buf *out)
{
	while (len > 0 && is_blank(text[len - 1]))
		len--;
	size_t from = len;
	while (from > 0 && text[from - 1] != '\n' && text[from - 1] != '\r')
		from--;
	while (from < len && is_blank(text[from]))
		from++;
	if (len > from)
		text_put_printable(out, text + from, len - from, OUTPUT_LINE_COLUMNS);
}
