/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking a server to stop what it does for a connection. PQcancel opens a connection of its own and
 * waits, without any limit, until the server has closed it: one that is frozen, whose kernel goes
 * on taking connections (a container that is paused), would hold us for as long as it is frozen.
 */
#include <stddef.h>

#include "pg/pg.h"
#include "sys/aside.h"
#include "sys/clock.h"

#define CANCEL_LIMIT_US (2 * US_PER_S)

static void cancel_ask(void *arg)
{
	char said[256];
	PGcancel *cancel = arg;

	/* When it does not arrive, the connection is closed all the same. */
	(void)PQcancel(cancel, said, sizeof(said));
	PQfreeCancel(cancel);
}

void pg_cancel(PGconn *conn)
{
	PGcancel *cancel = PQgetCancel(conn);

	if (cancel != NULL && !aside_call(cancel_ask, cancel, CANCEL_LIMIT_US))
		PQfreeCancel(cancel);
}
