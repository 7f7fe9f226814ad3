/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/starter.h"

static const char exec_text[] =
	"work:\n"
	"  exec:\n"
	"    command: [/bin/echo, \"good morning, it is ${run.date}\"]     # your program\n"
	"  effect: idempotent      # a crash in its middle: it is run again\n"
	"  timeout: 5m             # longer than this is a failure\n";

static const char csv_text[] =
	"source:\n"
	"  csv:\n"
	"    path: items.csv       # a glob such as in/*.csv.gz is fine too\n"
	"  key: id                 # what an item is called, in reports and commands\n"
	"  fields:                 # by name and type; others in the file are left out\n"
	"    id: integer\n"
	"    email: {type: text, sensitive: true}      # masked in reports and logs\n"
	"    total: decimal\n"
	"work:\n"
	"  exec:\n"
	"    command: [/bin/echo, \"${id}\", \"${total}\"]     # your program\n"
	"    input: json           # the record's fields on standard input\n"
	"  effect: once            # a crash in its middle: rather ask a person than do it twice\n"
	"  timeout: 60s\n";

static const char jsonl_text[] =
	"source:\n"
	"  jsonl:\n"
	"    path: items.jsonl\n"
	"  key: id\n"
	"  fields:\n"
	"    id: integer\n"
	"    email: {type: text, from: /customer/email, sensitive: true}\n"
	"    note: text?           # may be absent or null\n"
	"work:\n"
	"  exec:\n"
	"    command: [/bin/echo, \"${id}\"]     # your program\n"
	"    input: json           # the item's fields on standard input\n"
	"  effect: once            # a crash in its middle: rather ask a person than do it twice\n"
	"  timeout: 60s\n";

static const char files_text[] =
	"source:\n"
	"  files:\n"
	"    path: in/*.xml\n"
	"    stable_for: 5s        # not while somebody still writes it\n"
	"    when_missing: ok      # no file: nothing to do, and that is well\n"
	"work:\n"
	"  exec:\n"
	"    command: [/bin/echo, \"${path}\"]     # your program\n"
	"    input: none\n"
	"  effect: idempotent      # a crash in its middle: it is run again\n"
	"  timeout: 5m\n";

static const char json_text[] =
	"source:\n"
	"  json:\n"
	"    path: orders.json\n"
	"    pointer: /orders      # the list in the document; \"\": the document is the list\n"
	"  key: id\n"
	"  fields:\n"
	"    id: integer\n"
	"    email: {type: text, from: /customer/email, sensitive: true}\n"
	"    note: text?           # may be absent or null\n"
	"work:\n"
	"  exec:\n"
	"    command: [/bin/echo, \"${id}\"]     # your program\n"
	"    input: json           # the element's fields on standard input\n"
	"  effect: once            # a crash in its middle: rather ask a person than do it twice\n"
	"  timeout: 60s\n";

static const char xml_text[] =
	"source:\n"
	"  xml:\n"
	"    path: orders.xml\n"
	"    element: order        # each element of that name, wherever it stands\n"
	"  key: id\n"
	"  fields:                 # a child of that name, else an attribute\n"
	"    id: {type: integer, from: /@id}\n"
	"    email: {type: text, from: /customer/email, sensitive: true}\n"
	"    note: text?           # may be absent\n"
	"work:\n"
	"  exec:\n"
	"    command: [/bin/echo, \"${id}\"]     # your program\n"
	"    input: json           # the element's fields on standard input\n"
	"  effect: once            # a crash in its middle: rather ask a person than do it twice\n"
	"  timeout: 60s\n";

static const char fixed_text[] =
	"source:\n"
	"  fixed:\n"
	"    path: accounts.txt\n"
	"    columns: {account: [1, 10], total: [11, 12], day: [23, 8]}     # start, length\n"
	"  key: account\n"
	"  fields:\n"
	"    account: text\n"
	"    total: decimal\n"
	"    day: date(%Y%m%d)\n"
	"work:\n"
	"  exec:\n"
	"    command: [/bin/echo, \"${account}\", \"${total}\"]     # your program\n"
	"    input: json           # the line's fields on standard input\n"
	"  effect: once            # a crash in its middle: rather ask a person than do it twice\n"
	"  timeout: 60s\n";

#define ROWS_TEXT(kind, url)                                                                       \
	"source:\n"                                                                                \
	"  " kind ":\n"                                                                            \
	"    url: " url                                                                            \
	"    query: |              # asked page by page, each behind the last row before\n"        \
	"      select id, email, total from invoice\n"                                             \
	"       where sent_at is null and id > ${cursor} order by id limit ${page_size}\n"         \
	"    cursor: id            # unique, never null\n"                                         \
	"    on_done: update invoice set sent_at = ${run.date} where id = ${id}\n"                 \
	"  fields:\n"                                                                              \
	"    id: integer\n"                                                                        \
	"    email: {type: text, sensitive: true}      # masked in reports and logs\n"             \
	"    total: decimal\n"                                                                     \
	"once_per: start           # each call takes what is new\n"                                \
	"work:\n"                                                                                  \
	"  exec:\n"                                                                                \
	"    command: [/bin/echo, \"${id}\", \"${total}\"]     # your program\n"                   \
	"    input: json           # the row's fields on standard input\n"                         \
	"  effect: once            # a crash in its middle: rather ask a person than do it "       \
	"twice\n"                                                                                  \
	"  timeout: 60s\n"

static const char postgres_text[] = ROWS_TEXT(
	"postgres", "env:DATABASE_URL     # postgres://user@host/database\n");
static const char sqlite_text[] = ROWS_TEXT("sqlite", "invoices.db\n");

static const char inbox_text[] =
	"source:\n"
	"  inbox: {}               # what `stint add` and applications put into the ledger for it\n"
	"  fields:\n"
	"    order: integer\n"
	"    email: {type: text, sensitive: true}      # masked in reports and logs\n"
	"    note: text?           # may be absent or null\n"
	"once_per: start           # each call takes what is there\n"
	"work:\n"
	"  exec:\n"
	"    command: [/bin/echo, \"${order}\"]     # your program\n"
	"    input: json           # the item's fields on standard input\n"
	"  effect: once            # a crash in its middle: rather ask a person than do it twice\n"
	"  timeout: 60s\n";

static const char stdin_text[] =
	"source:\n"
	"  stdin:\n"
	"    format: lines         # or csv, jsonl: then with their fields\n"
	"  fields:\n"
	"    line: text\n"
	"work:\n"
	"  exec:\n"
	"    command: [/bin/echo, \"${line}\"]     # your program\n"
	"    input: none\n"
	"  effect: once            # a crash in its middle: rather ask a person than do it twice\n"
	"  timeout: 60s\n";

const struct starter starters[STARTERS] = {
	{"exec", "Says good morning", exec_text},
	{"csv", "A program for each record of a CSV file", csv_text},
	{"jsonl", "A program for each line of a JSON Lines file", jsonl_text},
	{"json", "A program for each element of a JSON document", json_text},
	{"xml", "A program for each element of an XML document", xml_text},
	{"fixed", "A program for each line of columns at fixed places", fixed_text},
	{"postgres", "A program for each row of a PostgreSQL query", postgres_text},
	{"sqlite", "A program for each row of an SQLite query", sqlite_text},
	{"inbox", "A program for each item that is put into the inbox", inbox_text},
	{"files", "A program for each file of a directory", files_text},
	{"stdin", "A program for each line that comes in", stdin_text},
};
