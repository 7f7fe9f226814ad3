/* SPDX-License-Identifier: Apache-2.0 */
#include "job/zone_file.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "job/suggest.h"
#include "sys/file.h"
#include "when/zone.h"

enum { NAME_MAX_BYTES = 64, LIST_MAX = 1024 * 1024, OFFSET_HOURS_MAX = 14, NAMES_MAX = 2000 };

static const char *folder(void)
{
	const char *dir = getenv("TZDIR");

	return dir != NULL && dir[0] == '/' ? dir : "/usr/share/zoneinfo";
}

/* Letters, digits, _ + - in parts between slashes: nothing that could lead elsewhere. */
static bool is_name(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_+-/";
	size_t len = strlen(name);

	return len > 0 && len <= NAME_MAX_BYTES && strspn(name, allowed) == len && name[0] != '/' &&
	       strstr(name, "//") == NULL && name[len - 1] != '/';
}

/* +02:00 as a rule of POSIX, whose signs are the other way round; false when it is none. */
static bool put_offset(const char *name, struct buf *out)
{
	if ((name[0] != '+' && name[0] != '-') || strlen(name) != 6 || name[3] != ':')
		return false;
	for (size_t i = 1; i < 6; i++)
		if (i != 3 && (name[i] < '0' || name[i] > '9'))
			return false;
	int hours = (name[1] - '0') * 10 + name[2] - '0';
	if (hours > OFFSET_HOURS_MAX || name[4] > '5')
		return false;
	buf_printf(out, "<%.3s>%c%s", name, name[0] == '+' ? '-' : '+', name + 1);
	return true;
}

/* The name in the database's own list that is most like it, in `arena`; NULL when none is. */
static const char *find_nearest(const char *name, struct arena *arena)
{
	AUTO(buf) struct buf path = BUF_INIT(4096);
	AUTO(buf) struct buf list = BUF_INIT(LIST_MAX);
	struct err ignored = ERR_INIT;
	const char *names[NAMES_MAX];
	char line[256];
	char known[NAME_MAX_BYTES + 1];
	size_t n = 0;

	buf_printf(&path, "%s/tzdata.zi", folder());
	if (file_read_all(buf_str(&path), LIST_MAX, &list, &ignored) < 0)
		return NULL;
	for (const char *p = buf_str(&list); *p != '\0' && n < NAMES_MAX;) {
		size_t len = strcspn(p, "\n");
		(void)snprintf(line, sizeof(line), "%.*s", (int)len, p); /* cut: a long line */
		p += len + (p[len] == '\n');
		if (sscanf(line, "Z %64s", known) == 1 || sscanf(line, "L %*s %64s", known) == 1)
			names[n++] = arena_str(arena, known);
	}
	return text_nearest(name, strlen(name), names, n);
}

static int read_file(const char *name, struct zone **ret_zone, struct err *err)
{
	AUTO(buf) struct buf path = BUF_INIT(4096);
	AUTO(buf) struct buf data = BUF_INIT(ZONE_FILE_MAX);
	struct arena arena = {0};
	struct err why = ERR_INIT;

	buf_printf(&path, "%s/%s", folder(), name);
	int rc = file_read_all(buf_str(&path), ZONE_FILE_MAX, &data, &why);
	if (rc == 0)
		rc = zone_parse(name, buf_str(&data), data.len, ret_zone, &why);
	if (rc == 0)
		return 0;
	if (rc != ERR_NOINPUT)
		return ERR(err, ERR_CONFIG, "%s", why.text);
	err_set(err, ERR_CONFIG, 0, "there is no time zone '%s' in %s%s", name, folder(),
		DID_YOU_MEAN(find_nearest(name, &arena)));
	arena_done(&arena);
	return ERR_CONFIG;
}

int zone_file_open(const char *name, struct zone **ret_zone, struct err *err)
{
	AUTO(buf) struct buf rule = BUF_INIT(64);

	assert(name != NULL && ret_zone != NULL);
	if (strcmp(name, "UTC") == 0 || strcmp(name, "Etc/UTC") == 0)
		buf_puts(&rule, "UTC0");
	else if (!put_offset(name, &rule) && !is_name(name))
		return ERR(err, ERR_CONFIG,
			   "expected a time zone such as Europe/Berlin, UTC or +02:00, found %s",
			   QUOTED(name, strlen(name)));
	if (rule.len > 0)
		return zone_from_rule(buf_str(&rule), ret_zone, err);
	return read_file(name, ret_zone, err);
}
