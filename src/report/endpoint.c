/* SPDX-License-Identifier: Apache-2.0 */
#include "report/endpoint.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "ledger/ledger.h"
#include "report/moment.h"
#include "sys/clock.h"

enum { NAME, AT_ONCE, LOWEST, HIGHEST, MOST, BREAKER, SINCE, NEXT_PROBE, REASON };

static int on_endpoint(void *arg, const struct ledger_row *row)
{
	struct endpoints *all = arg;
	struct endpoint *e = &all->endpoints[all->n++];

	*e = (struct endpoint){.name = ledger_row_str(row, NAME, all->arena),
			       .at_once = ledger_row_int(row, AT_ONCE),
			       .lowest = ledger_row_int(row, LOWEST),
			       .highest = ledger_row_int(row, HIGHEST),
			       .max = ledger_row_int(row, MOST),
			       .breaker = ledger_row_str(row, BREAKER, all->arena),
			       .since = moment_at(row, SINCE),
			       .next_probe = moment_at(row, NEXT_PROBE),
			       .reason = ledger_row_str(row, REASON, all->arena)};
	e->is_open = strcmp(e->breaker, "closed") != 0;
	return 0;
}

int endpoints_gather(struct ledger *ledger, int64_t run_id, struct arena *arena,
		     struct endpoints *ret_endpoints, struct err *err)
{
	static const char sql[] =
		"SELECT e.endpoint, e.at_once, m.lowest, m.highest, e.most, e.breaker, e.since,"
		" e.next_probe, e.reason FROM endpoint AS e JOIN"
		" (SELECT endpoint, max(instance) AS instance, min(lowest) AS lowest,"
		"   max(highest) AS highest FROM endpoint WHERE run_id = ?1 GROUP BY endpoint) AS m"
		" ON m.endpoint = e.endpoint AND m.instance = e.instance"
		" WHERE e.run_id = ?1 ORDER BY e.endpoint LIMIT ?2";
	struct ledger_param params[] = {
		{.type = LEDGER_INT, .number = run_id},
		{.type = LEDGER_INT, .number = ENDPOINTS_MAX},
	};

	assert(ledger != NULL && arena != NULL && ret_endpoints != NULL && err != NULL);
	*ret_endpoints = (struct endpoints){.arena = arena};
	return ledger_select(ledger, sql, params, ARRAY_LEN(params), on_endpoint, ret_endpoints,
			     err);
}

static void put_time(struct buf *out, utime t)
{
	char text[CLOCK_TEXT_MAX] = {0};

	clock_format_short(t, text);
	buf_puts(out, text);
}

void endpoint_put_breaker(const struct endpoint *e, struct buf *out)
{
	assert(e->is_open);
	text_put_printable(out, e->name, strlen(e->name), 0);
	buf_puts(out, " is out of order since ");
	put_time(out, e->since);
	buf_puts(out, " (");
	text_put_printable(out, e->reason, strlen(e->reason), 0);
	if (strcmp(e->breaker, "half_open") == 0) {
		buf_puts(out, "); one item is being tried");
		return;
	}
	buf_puts(out, "); one item is tried ");
	put_time(out, e->next_probe);
}

void endpoints_put_text(const struct endpoints *all, const char *indent, struct buf *out)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct endpoint *e = &all->endpoints[i];
		if (e->lowest != e->highest) {
			buf_puts(out, indent);
			text_put_printable(out, e->name, strlen(e->name), 0);
			buf_printf(out,
				   ": %" PRId64 " at once, from %" PRId64 " to %" PRId64
				   " so far (at most %" PRId64 ")\n",
				   e->at_once, e->lowest, e->highest, e->max);
		}
		if (e->is_open) {
			buf_puts(out, indent);
			endpoint_put_breaker(e, out);
			buf_putc(out, '\n');
		}
	}
}

void endpoints_put_json(const struct endpoints *all, struct json_writer *w)
{
	jw_name(w, "endpoints");
	jw_array(w);
	for (size_t i = 0; i < all->n; i++) {
		const struct endpoint *e = &all->endpoints[i];
		jw_object(w);
		jw_member_text(w, "endpoint", e->name);
		jw_member_int(w, "at_once", e->at_once);
		jw_member_int(w, "lowest", e->lowest);
		jw_member_int(w, "highest", e->highest);
		jw_member_int(w, "max", e->max);
		jw_member_text(w, "breaker", e->breaker);
		if (e->is_open) {
			moment_put_json(w, "open_since", e->since);
			moment_put_json(w, "next_probe", e->next_probe);
			jw_member_text(w, "reason", e->reason);
		}
		jw_object_end(w);
	}
	jw_array_end(w);
}
