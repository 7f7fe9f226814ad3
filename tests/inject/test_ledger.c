/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger, on both backends, while calls fail in it. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "inject/inject.h"
#include "inject/script.h"
#include "ledger/ledger.h"

#define URL "sqlite:ledger.db"

static void nothing(void)
{
}

static void play_sqlite(void)
{
	script_play(URL);
}

static void play_memory(void)
{
	script_play("memory:");
}

static void complain_of_finding(void *arg, const char *invariant, const char *where,
				const char *what)
{
	(void)arg;
	(void)inject_complain("verify: %s: %s: %s", invariant, where, what);
}

/* What stands in it is what was acknowledged, or that and the step that was under way. */
static bool is_as_acknowledged(struct ledger *ledger, const struct inject_end *end)
{
	const uint64_t *digests = inject_shared();
	size_t n = (size_t)end->acknowledged;
	uint64_t is = script_digest(ledger);

	if (is == digests[n] || (n < script_length() && is == digests[n + 1]))
		return true;
	for (size_t i = 0; i <= script_length(); i++)
		if (is == digests[i])
			return inject_complain("%zu steps are there, %zu acknowledged", i, n);
	return inject_complain("something else is there; %zu acknowledged", n);
}

static bool can_be_worked_on(struct ledger *ledger)
{
	struct ledger_txn *txn = ledger_txn_new();
	struct ledger_op *op = ledger_txn_add(txn, LOP_INSTANCE_BEGIN);

	memset(op->u.instance_begin.nonce, 7, sizeof(op->u.instance_begin.nonce));
	op->u.instance_begin.name = "next";
	op->u.instance_begin.host = "host";
	op->u.instance_begin.boot_id = "boot";
	ledger_apply(ledger, txn);
	bool is_well = txn->status == LEDGER_APPLIED ||
		       inject_complain("the next instance: %s", txn->err.text);
	ledger_txn_free(txn);
	return is_well;
}

static bool ledger_is_whole(const struct inject_end *end)
{
	struct ledger *ledger = NULL;
	struct err err = ERR_INIT;
	int64_t findings = 0;

	if (ledger_open(URL, LEDGER_VOLATILE | LEDGER_CREATE, &ledger, &err) < 0)
		return inject_complain("opening it again: %s", err.text);
	bool is_well = ledger_verify(ledger, complain_of_finding, NULL, &findings, &err) == 0 ||
		       inject_complain("verifying: %s", err.text);
	is_well = is_well && findings == 0 && is_as_acknowledged(ledger, end) &&
		  can_be_worked_on(ledger);
	ledger_close(ledger);
	return is_well;
}

/* ---- reading what is there ---- */

static void make_ledger(void)
{
	script_play(URL);
}

static int say_row(void *arg, const struct ledger_row *row)
{
	(void)arg;
	for (int i = 0; i < ledger_row_columns(row); i++) {
		size_t len = 0;
		const char *text = ledger_row_text(row, i, &len);
		inject_say("%s=%.*s ", ledger_row_name(row, i), (int)len, text == NULL ? "" : text);
	}
	inject_say("\n");
	return 0;
}

static void say_loose(void *arg, const struct ledger_loose_row *row)
{
	(void)arg;
	inject_say("loose %d %d %s %s\n", (int)row->item, row->state, row->key, row->err);
}

static void say_chunk(void *arg, const struct ledger_chunk_row *row)
{
	(void)arg;
	inject_say("chunk %d %d %d\n", (int)row->id, row->state, row->rev);
}

static void read_all_of_it(void)
{
	static const char *const queries[] = {
		"SELECT run, state, items, done, read, rejected FROM run",
		"SELECT item, key, state FROM item", "SELECT run, item, key FROM attempt",
		"SELECT line, reason, raw FROM reject"};
	static const struct ledger_visitor visitor = {.chunk = say_chunk, .loose = say_loose};
	struct ledger *ledger = NULL;
	struct err err = ERR_INIT;

	if (ledger_open(URL, LEDGER_READ_ONLY, &ledger, &err) < 0)
		inject_fail(&err);
	for (size_t i = 0; i < ARRAY_LEN(queries); i++)
		if (ledger_select(ledger, queries[i], NULL, 0, say_row, NULL, &err) != 0)
			inject_fail(&err);
	if (ledger_walk(ledger, &visitor, &err) < 0)
		inject_fail(&err);
	ledger_close(ledger);
}

int main(void)
{
	/* A lock that cannot be had is waited for, seconds each time. */
	static const unsigned waiting = INJECT(CALL_FILE);
	const struct inject_scenario scenarios[] = {
		{"ledger, sqlite", INJECT_ALL & ~waiting, nothing, play_sqlite, ledger_is_whole,
		 false},
		{"ledger, memory", INJECT(CALL_MEMORY), nothing, play_memory, NULL, true},
		{"ledger, read", INJECT_ALL & ~waiting, make_ledger, read_all_of_it, NULL, true},
	};

	return inject_main(scenarios, ARRAY_LEN(scenarios));
}
