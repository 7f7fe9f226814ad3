/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue_bare URI MODE BATCH: works off the rows of the table raw_job, BATCH at a time, and does
 * nothing with them. Prints rows a second.
 *
 * ledger: claims rows (UPDATE, FOR UPDATE SKIP LOCKED, commit) and marks them done (UPDATE,
 * commit); they stay, as in a ledger of a row for each item. delete: takes them out (DELETE … SKIP
 * LOCKED … RETURNING, commit). A crash loses a batch, so this is more than a queue may do: an upper
 * bound.
 */
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A one-dimensional bigint[] in PostgreSQL's binary form: number of dimensions, has nulls, element
 * type, length, lower bound; then each element with its length. */
enum { BATCH_MAX = 10000, HEAD_WORDS = 5, INT8_OID = 20, ELEMENT_BYTES = 12 };

static const char claim_by_update[] =
	"update raw_job set state = 1, locked_at = now() where id = any(array("
	"select id from raw_job where state = 0 order by id limit $1 for update skip locked)) "
	"returning id, payload";
static const char claim_by_delete[] =
	"delete from raw_job where id = any(array("
	"select id from raw_job where state = 0 order by id limit $1 for update skip locked)) "
	"returning id, payload";
static const char finish[] =
	"update raw_job set state = 2, done_at = now() where id = any($1::bigint[])";

static void die(PGconn *pg, const char *what)
{
	(void)fprintf(stderr, "queue_bare: %s: %s\n", what, pg == NULL ? "" : PQerrorMessage(pg));
	exit(1);
}

static double seconds(void)
{
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void prepare(PGconn *pg, const char *name, const char *sql)
{
	PGresult *result = PQprepare(pg, name, sql, 0, NULL);

	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		die(pg, name);
	PQclear(result);
}

static void mark_done(PGconn *pg, const PGresult *claimed, int n)
{
	static char ids[HEAD_WORDS * 4 + ELEMENT_BYTES * BATCH_MAX];
	const uint32_t head[HEAD_WORDS] = {htonl(1), 0, htonl(INT8_OID), htonl((uint32_t)n),
					   htonl(1)};
	const uint32_t eight = htonl(8);
	const char *values[] = {ids};
	const int formats[] = {1};
	char *at = ids + sizeof head;

	memcpy(ids, head, sizeof head);
	for (int i = 0; i < n; i++) {
		memcpy(at, &eight, 4);
		memcpy(at + 4, PQgetvalue(claimed, i, 0), 8);
		at += ELEMENT_BYTES;
	}
	const int lengths[] = {(int)(at - ids)};
	PGresult *result = PQexecPrepared(pg, "finish", 1, values, lengths, formats, 0);
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		die(pg, "finish");
	PQclear(result);
}

int main(int argc, char **argv)
{
	long batch = argc == 4 ? strtol(argv[3], NULL, 10) : 0;
	bool keeps = argc == 4 && strcmp(argv[2], "ledger") == 0;
	long done = 0;
	int n = 0;

	if (batch < 1 || batch > BATCH_MAX || (!keeps && strcmp(argv[2], "delete") != 0))
		die(NULL, "usage: queue_bare URI ledger|delete BATCH");
	PGconn *pg = PQconnectdb(argv[1]);
	if (PQstatus(pg) != CONNECTION_OK)
		die(pg, "connecting");
	prepare(pg, "claim", keeps ? claim_by_update : claim_by_delete);
	prepare(pg, "finish", finish);
	double start = seconds();
	do {
		const char *values[] = {argv[3]};
		PGresult *claimed = PQexecPrepared(pg, "claim", 1, values, NULL, NULL, 1);
		if (PQresultStatus(claimed) != PGRES_TUPLES_OK)
			die(pg, "claim");
		n = PQntuples(claimed);
		if (keeps && n > 0)
			mark_done(pg, claimed, n);
		PQclear(claimed);
		done += n;
	} while (n > 0);
	printf("%.1f\n", (double)done / (seconds() - start));
	PQfinish(pg);
	return 0;
}
