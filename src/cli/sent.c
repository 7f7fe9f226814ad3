/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sent.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/run_hello.h"
#include "lane/retell.h"
#include "ledger/ledger.h"
#include "report/next.h"

enum {
	WHAT_BYTES_MAX = 256 * 1024,
	BODY_SHOWN = 400, /* bytes */
	BODY_COLUMNS = 160,
	FOUND = 1,
};

void sent_init(struct sent *sent, struct ledger *ledger)
{
	assert(sent != NULL && ledger != NULL);
	*sent = (struct sent){.ledger = ledger,
			      .person = BUF_INIT(WHAT_BYTES_MAX),
			      .what = BUF_INIT(WHAT_BYTES_MAX),
			      .body = BUF_INIT(BODY_SHOWN)};
}

void sent_done(struct sent *sent)
{
	retell_free(sent->retell);
	buf_done(&sent->person);
	buf_done(&sent->what);
	buf_done(&sent->body);
	*sent = (struct sent){0};
}

/* ---- the run, as its lanes were told of it ---- */

static int on_run(void *arg, const struct frame_hello *hello, struct err *err)
{
	struct sent *sent = arg;
	struct frame_hello of_step = *hello;

	of_step.step = (uint32_t)sent->step;
	(void)err; /* what cannot be told again is said of each item */
	sent->mask = mask_of_job(hello->job_text);
	if (retell_new(&of_step, &sent->retell, &sent->run_trouble) < 0)
		sent->retell = NULL; /* and why is kept */
	return 0;
}

static int on_step(void *arg, const struct ledger_row *row)
{
	*(int64_t *)arg = ledger_row_int(row, 0);
	return FOUND;
}

/* The step of an item; 1 where there is no such item. */
static int find_step(struct sent *sent, int64_t run_id, int64_t number, int64_t *ret_step,
		     struct err *err)
{
	static const char sql[] = "SELECT step FROM chunk WHERE run_id = ?1 AND first_item <= ?2"
				  " ORDER BY first_item DESC LIMIT 1";
	struct ledger_param params[] = {
		{.type = LEDGER_INT, .number = run_id},
		{.type = LEDGER_INT, .number = number},
	};

	*ret_step = 1;
	int rc = ledger_select(sent->ledger, sql, params, ARRAY_LEN(params), on_step, ret_step,
			       err);
	return rc < 0 ? rc : 0;
}

static int open_run(struct sent *sent, int64_t run_id, int64_t number, struct err *err)
{
	int64_t step = 1;
	int rc = find_step(sent, run_id, number, &step, err);

	if (rc < 0 || (sent->run_id == run_id && sent->step == step))
		return rc;
	retell_free(sent->retell);
	sent->retell = NULL;
	sent->run_trouble = ERR_INIT;
	sent->run_id = run_id;
	sent->step = step;
	return run_hello(sent->ledger, run_id, on_run, sent, err);
}

/* ---- an item ---- */

/* Of a masked text the digest would be another's, and with a secret in it nobody knows the text. */
static void put_digest(struct sent *sent, const struct retold *retold)
{
	const struct buf *body = &retold->sent.body;
	uint8_t digest[SHA256_BYTES] = {0};

	if (body->len == 0 || retold->is_masked || memmem(body->data, body->len, "***", 3) != NULL)
		return;
	hash_sha256(body->data, body->len, digest);
	hash_hex(digest, sizeof(digest), sent->digest);
}

static void take_retold(struct sent *sent, const struct retold *retold)
{
	const struct buf *body = &retold->sent.body;
	struct arena arena = {0};

	for (size_t i = 0; i < retold->sent.n_words; i++) {
		buf_puts(&sent->what, i > 0 ? " " : "");
		buf_puts(&sent->what, shell_word(retold->sent.words[i], &arena));
	}
	if (retold->person != NULL)
		buf_puts(&sent->person, mask_value(sent->mask.person, retold->person, &arena));
	arena_done(&arena);
	sent->body_bytes = (int64_t)body->len;
	if (body->len > 0)
		buf_put(&sent->body, body->data, body->len < BODY_SHOWN ? body->len : BODY_SHOWN);
	put_digest(sent, retold);
	memcpy(sent->idempotency_key, retold->idempotency_key, sizeof(sent->idempotency_key));
}

struct finding {
	struct sent *sent;
	int64_t number;
};

static int on_chunk(void *arg, const struct ledger_row *row)
{
	const struct finding *f = arg;
	struct sent *sent = f->sent;
	struct frame_chunk chunk = {.first_item = ledger_row_int(row, 0),
				    .n = (uint32_t)ledger_row_int(row, 1)};
	int32_t redo = (int32_t)ledger_row_int(row, 3);
	struct retold retold = {0};

	chunk.body = ledger_row_text(row, 2, &chunk.body_len);
	if (retell_open(sent->retell, &chunk, &sent->trouble) == 0 &&
	    retell_item(sent->retell, f->number, redo, sent->mask.key, &retold, &sent->trouble) ==
		    0)
		take_retold(sent, &retold);
	work_sent_done(&retold.sent);
	return FOUND;
}

static int find_item(struct sent *sent, int64_t number, struct err *err)
{
	static const char sql[] =
		"SELECT c.first_item, c.n, b.body, coalesce((SELECT l.redo FROM loose AS l"
		"  WHERE l.run_id = ?1 AND l.item = ?2), 0)"
		" FROM chunk AS c LEFT JOIN chunk_body AS b ON b.chunk_id = c.id"
		" WHERE c.run_id = ?1 AND c.first_item <= ?2 ORDER BY c.first_item DESC LIMIT 1";
	struct ledger_param params[] = {
		{.type = LEDGER_INT, .number = sent->run_id},
		{.type = LEDGER_INT, .number = number},
	};
	struct finding finding = {.sent = sent, .number = number};
	int rc = ledger_select(sent->ledger, sql, params, ARRAY_LEN(params), on_chunk, &finding,
			       err);

	return rc < 0 ? rc : 0;
}

int sent_get(struct sent *sent, int64_t run_id, int64_t number, struct err *err)
{
	assert(sent != NULL && err != NULL);
	buf_reset(&sent->person);
	buf_reset(&sent->what);
	buf_reset(&sent->body);
	sent->body_bytes = 0;
	sent->digest[0] = sent->idempotency_key[0] = '\0';
	int rc = open_run(sent, run_id, number, err);
	sent->trouble = sent->run_trouble;
	if (rc == 0 && sent->retell != NULL)
		rc = find_item(sent, number, err);
	return rc;
}

/* ---- showing ---- */

/* On one line, without the end of its own last one. */
static void put_printable(struct buf *out, const struct buf *text, size_t columns)
{
	size_t len = text->len;

	if (len > 0 && text->data[len - 1] == '\n')
		len--;
	if (len > 0)
		text_put_printable(out, text->data, len, columns);
}

void sent_put_text(const struct sent *sent, const char *indent, struct buf *out)
{
	if (sent->trouble.code != 0) {
		buf_printf(out, "%swhat was sent cannot be shown: ", indent);
		text_put_printable(out, sent->trouble.text, strlen(sent->trouble.text), 0);
		buf_putc(out, '\n');
	}
	if (sent->what.len > 0) {
		buf_printf(out, "%ssent: ", indent);
		put_printable(out, &sent->what, 0);
		buf_putc(out, '\n');
	}
	if (sent->body_bytes > 0) {
		buf_printf(out, "%swith (%" PRId64 " bytes%s%s): ", indent, sent->body_bytes,
			   sent->digest[0] == '\0' ? "" : ", SHA-256 ", sent->digest);
		put_printable(out, &sent->body, BODY_COLUMNS);
		buf_putc(out, '\n');
	}
	if (sent->idempotency_key[0] != '\0')
		buf_printf(out, "%sidempotency key %s\n", indent, sent->idempotency_key);
}

void sent_put_json(const struct sent *sent, struct json_writer *w)
{
	jw_name(w, "sent");
	jw_object(w);
	jw_member_text(w, "what", sent->what.len == 0 ? NULL : buf_str(&sent->what));
	jw_name(w, "body");
	if (sent->body_bytes == 0)
		jw_null(w);
	else
		jw_string(w, sent->body.data, sent->body.len);
	jw_member_int(w, "body_bytes", sent->body_bytes);
	jw_member_text(w, "body_sha256", sent->digest[0] == '\0' ? NULL : sent->digest);
	jw_member_text(w, "idempotency_key",
		       sent->idempotency_key[0] == '\0' ? NULL : sent->idempotency_key);
	jw_member_text(w, "trouble", sent->trouble.code == 0 ? NULL : sent->trouble.text);
	jw_object_end(w);
}
