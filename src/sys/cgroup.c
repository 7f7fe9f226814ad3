/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/cgroup.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "sys/file.h"

enum { FILE_BYTES_MAX = 1024 * 1024, PATH_BYTES_MAX = 8192, DIRECTORY_MODE = 0755 };

/* Where this process and its keeper go, so that the group above may have limits for others. */
static const char main_name[] = "stint.main";
static const char how[] =
	"memory and CPU weight need a control group (version 2) that is delegated "
	"to stint: Delegate=yes in its systemd unit";

/* ---- files of a group ---- */

static int group_read(const char *group, const char *name, struct buf *out, struct err *err)
{
	AUTO(buf) struct buf path = BUF_INIT(PATH_BYTES_MAX);

	buf_printf(&path, "%s/%s", group, name);
	return file_read_all(buf_str(&path), FILE_BYTES_MAX, out, err);
}

/* -1 with errno. */
static int group_write(const char *group, const char *name, const char *text)
{
	AUTO(buf) struct buf path = BUF_INIT(PATH_BYTES_MAX);

	buf_printf(&path, "%s/%s", group, name);
	AUTO(fd) int fd = open(buf_str(&path), O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -1 : fd_write_all(fd, text, strlen(text));
}

/* Is the word among those that a file lists? */
static bool group_lists(const char *group, const char *file, const char *word)
{
	AUTO(buf) struct buf text = BUF_INIT(FILE_BYTES_MAX);
	struct err ignored = ERR_INIT;
	size_t len = strlen(word);

	if (group_read(group, file, &text, &ignored) < 0)
		return false;
	for (const char *at = buf_str(&text); *at != '\0';) {
		size_t n = strcspn(at, " \n");
		if (n == len && memcmp(at, word, len) == 0)
			return true;
		at += n + (at[n] != '\0');
	}
	return false;
}

/* ---- where we are ---- */

/* The line "0::/path" of /proc/self/cgroup. */
static bool find_own_path(const char *text, const char **ret_path, size_t *ret_len)
{
	const char *line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");

	if (line == NULL)
		return false;
	*ret_path = strchr(line, '/');
	if (*ret_path == NULL)
		return false;
	*ret_len = strcspn(*ret_path, "\n");
	return true;
}

/* The mount point of a line of /proc/self/mountinfo whose file system is cgroup2. */
static bool find_mount(const char *text, const char **ret_path, size_t *ret_len)
{
	const char *mark = strstr(text, " - cgroup2 ");
	if (mark == NULL)
		return false;
	const char *line = mark;
	while (line > text && line[-1] != '\n')
		line--;
	for (int field = 0; field < 4; field++) { /* numbers, device, root */
		line += strcspn(line, " ");
		line += *line == ' ';
	}
	*ret_path = line;
	*ret_len = strcspn(line, " ");
	return *ret_len > 0;
}

int cgroup_find_own(char **ret_path, struct err *err)
{
	AUTO(buf) struct buf own = BUF_INIT(FILE_BYTES_MAX);
	AUTO(buf) struct buf mounts = BUF_INIT(FILE_BYTES_MAX);
	AUTO(buf) struct buf path = BUF_INIT(PATH_BYTES_MAX);
	const char *at = NULL;
	size_t len = 0;

	assert(ret_path != NULL && err != NULL);
	if (file_read_all("/proc/self/cgroup", FILE_BYTES_MAX, &own, err) < 0 ||
	    file_read_all("/proc/self/mountinfo", FILE_BYTES_MAX, &mounts, err) < 0 ||
	    !find_mount(buf_str(&mounts), &at, &len))
		return ERR(err, ERR_UNAVAILABLE, "%s", how);
	buf_put(&path, at, len);
	if (!find_own_path(buf_str(&own), &at, &len))
		return ERR(err, ERR_UNAVAILABLE, "%s", how);
	if (len > 1)
		buf_put(&path, at, len);
	/* An engine that was started again by a keeper that has moved. */
	size_t tail = strlen(main_name) + 1;
	if (path.len > tail && buf_str(&path)[path.len - tail] == '/' &&
	    strcmp(buf_str(&path) + path.len - tail + 1, main_name) == 0)
		path.data[path.len -= tail] = '\0';
	*ret_path = buf_take(&path);
	return 0;
}

/* ---- making room for limits ---- */

static int complain(const char *base, const char *what, int error, struct err *err)
{
	return ERR_SYS(err, ERR_UNAVAILABLE, error, "%s (%s: %s)", how, base, what);
}

/* Only we may be in the group: this process and its keeper. */
static int move_down(const char *base, struct err *err)
{
	AUTO(buf) struct buf pids = BUF_INIT(FILE_BYTES_MAX);
	AUTO(buf) struct buf below = BUF_INIT(PATH_BYTES_MAX);
	struct err ignored = ERR_INIT;

	buf_printf(&below, "%s/%s", base, main_name);
	if (mkdir(buf_str(&below), DIRECTORY_MODE) < 0 && errno != EEXIST)
		return complain(base, "making a group below it", errno, err);
	if (group_read(base, "cgroup.procs", &pids, &ignored) < 0)
		return complain(base, "reading who is in it", ignored.os_errno, err);
	for (const char *at = buf_str(&pids); *at != '\0';) {
		size_t n = strcspn(at, "\n");
		int64_t pid = 0;
		if (text_parse_int(at, n, &pid, &ignored) < 0 ||
		    (pid != getpid() && pid != getppid()))
			return complain(base, "others are in the group, too", EBUSY, err);
		if (cgroup_take(buf_str(&below), (pid_t)pid, err) < 0)
			return ERR_UNAVAILABLE;
		at += n + (at[n] != '\0');
	}
	return 0;
}

static int enable(const char *base, const char *controller, struct err *err)
{
	char word[32];

	if (group_lists(base, "cgroup.subtree_control", controller))
		return 0;
	if (!group_lists(base, "cgroup.controllers", controller))
		return ERR(err, ERR_UNAVAILABLE, "%s (%s has no controller '%s')", how, base,
			   controller);
	(void)snprintf(word, sizeof(word), "+%s", controller);
	if (group_write(base, "cgroup.subtree_control", word) == 0)
		return 0;
	if (errno != EBUSY)
		return complain(base, "passing its controllers on", errno, err);
	int rc = move_down(base, err);
	if (rc == 0 && group_write(base, "cgroup.subtree_control", word) < 0)
		return complain(base, "passing its controllers on", errno, err);
	return rc;
}

/* What earlier engines left when they were killed; those in use stay. */
static void remove_empty(const char *base, const char *prefix)
{
	AUTO(buf) struct buf path = BUF_INIT(PATH_BYTES_MAX);
	DIR *directory = opendir(base);

	if (directory == NULL)
		return;
	for (const struct dirent *e = readdir(directory); e != NULL; e = readdir(directory)) {
		if (strncmp(e->d_name, prefix, strlen(prefix)) != 0)
			continue;
		buf_reset(&path);
		buf_printf(&path, "%s/%s", base, e->d_name);
		cgroup_remove(buf_str(&path));
	}
	(void)closedir(directory); /* nothing was written */
}

static int set_limits(const char *group, const struct cgroup_limits *limits, struct err *err)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%" PRId64, limits->memory_max);
	if (limits->memory_max > 0 && group_write(group, "memory.max", text) < 0)
		return complain(group, "memory.max", errno, err);
	(void)snprintf(text, sizeof(text), "%d", limits->cpu_weight);
	if (limits->cpu_weight > 0 && group_write(group, "cpu.weight", text) < 0)
		return complain(group, "cpu.weight", errno, err);
	return 0;
}

int cgroup_make(const char *base, const char *name, const struct cgroup_limits *limits,
		char **ret_path, struct err *err)
{
	static const char prefix[] = "stint.lanes.";
	AUTO(buf) struct buf path = BUF_INIT(PATH_BYTES_MAX);
	int rc = 0;

	assert(base != NULL && name != NULL && limits != NULL && ret_path != NULL);
	if (limits->memory_max > 0)
		rc = enable(base, "memory", err);
	if (rc == 0 && limits->cpu_weight > 0)
		rc = enable(base, "cpu", err);
	if (rc < 0)
		return rc;
	remove_empty(base, prefix);
	buf_printf(&path, "%s/%s%s", base, prefix, name);
	if (mkdir(buf_str(&path), DIRECTORY_MODE) < 0)
		return complain(base, "making a group below it", errno, err);
	rc = set_limits(buf_str(&path), limits, err);
	if (rc < 0)
		cgroup_remove(buf_str(&path));
	else
		*ret_path = buf_take(&path);
	return rc;
}

int cgroup_take(const char *path, pid_t pid, struct err *err)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	if (group_write(path, "cgroup.procs", text) < 0)
		return complain(path, "moving a process there", errno, err);
	return 0;
}

void cgroup_remove(const char *path)
{
	(void)rmdir(path); /* in use: it stays */
}
