/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/hunt.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/night.h"

enum { CHILD_FAILED = 1, SEEDS_MAX = 4096 };

/* What a child tells its parent, in memory that both have. */
struct report {
	uint64_t seed; /* of the night under way */
	uint64_t nights;
	int64_t events, starts, commits;
	int64_t virtual_s;
	uint64_t failed; /* when it goes on */
};

/* What all children have in common. */
struct board {
	_Atomic uint64_t failed_at; /* the first night that failed; later ones need not be tried */
	struct report report[HUNT_JOBS_MAX];
};

void changes_apply(const struct changes *c, struct options *o)
{
	for (size_t i = 0; i < FAULT_COUNT_; i++) {
		/* A night in which nothing but the rate holds items up is then none. */
		o->is_paced = o->is_paced && !c->with[i];
		o->fault[i] = (o->fault[i] || c->with[i]) && !c->without[i];
	}
	if (c->records != CHANGE_NONE)
		o->n_records = (uint32_t)c->records;
	if (c->instances != CHANGE_NONE && c->instances >= 1)
		o->instances = (int)c->instances;
	if (c->slots != CHANGE_NONE && c->slots >= 1 && c->slots <= OPTIONS_SLOTS_MAX)
		o->slots = (int)c->slots;
}

/* ---- one night, in this process ---- */

/* True when it went well, both times alike. */
static bool hunt_night(const struct options *o, unsigned flags, struct night_result *ret_result)
{
	struct night_result again;

	night_run(o, flags, ret_result);
	if (ret_result->failure.happened || (flags & (NIGHT_PRINT | NIGHT_ONCE)) != 0)
		return !ret_result->failure.happened;
	night_run(o, 0, &again);
	if (again.hash == ret_result->hash)
		return true;
	ret_result->failure.happened = true;
	(void)snprintf(ret_result->failure.check, sizeof(ret_result->failure.check), "determinism");
	(void)snprintf(ret_result->failure.text, sizeof(ret_result->failure.text),
		       "the same seed gave %" PRId64 " events and then %" PRId64,
		       ret_result->events, again.events);
	return false;
}

static void hunt_options(const struct hunt *h, uint64_t seed, struct options *ret_options)
{
	options_from_seed(ret_options, seed);
	changes_apply(&h->changes, ret_options);
}

/* ---- children ---- */

static struct board *board_new(void)
{
	struct board *board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (board == MAP_FAILED) {
		perror("sim: mmap");
		exit(EXIT_FAILURE);
	}
	return board;
}

/* The night with this number failed, or was the first to. */
static void board_note(struct board *board, uint64_t at)
{
	uint64_t first = atomic_load(&board->failed_at);

	while (at < first && !atomic_compare_exchange_weak(&board->failed_at, &first, at))
		;
}

/* Every `jobs`th night from `from` on, until one fails, here or in a sister. */
static void child_run(const struct hunt *h, const uint64_t *seeds, uint64_t n, uint64_t from,
		      struct board *board)
{
	struct report *r = &board->report[from % (uint64_t)h->jobs];

	for (uint64_t i = from; i < n && i < atomic_load(&board->failed_at);
	     i += (uint64_t)h->jobs) {
		struct options o;
		struct night_result result;
		r->seed = seeds != NULL ? seeds[i] : h->seed + i;
		hunt_options(h, r->seed, &o);
		bool went_well = hunt_night(&o, h->once ? NIGHT_ONCE : 0, &result);
		r->nights++;
		r->events += result.events;
		r->starts += result.starts;
		r->commits += result.commits;
		r->virtual_s += result.virtual_us / US_PER_S;
		if (!went_well && !h->goes_on) {
			board_note(board, i);
			_exit(CHILD_FAILED);
		}
		if (!went_well) {
			r->failed++;
			(void)printf("seed %" PRIu64 ": check %s: %s\n", r->seed,
				     result.failure.check, result.failure.text);
			(void)fflush(stdout); /* whole lines, whoever else prints */
		}
	}
	(void)fflush(stdout);
	exit(0); /* not _exit: a leak is a failure, too */
}

static pid_t hunt_fork(void)
{
	(void)fflush(stdout);
	pid_t pid = fork();
	if (pid < 0) {
		perror("sim: fork");
		exit(EXIT_FAILURE);
	}
	return pid;
}

/* Runs the nights in h->jobs processes; false when one failed, its seed in ret_seed. */
static bool hunt_nights(const struct hunt *h, const uint64_t *seeds, uint64_t n,
			struct board *board, uint64_t *ret_seed)
{
	pid_t pids[HUNT_JOBS_MAX];
	struct report *all = board->report;
	bool went_well = true;

	memset(all, 0, sizeof(board->report));
	atomic_store(&board->failed_at, UINT64_MAX);
	for (int i = 0; i < h->jobs; i++) {
		pids[i] = hunt_fork();
		if (pids[i] == 0)
			child_run(h, seeds, n, (uint64_t)i, board);
	}
	for (int i = 0; i < h->jobs; i++) {
		int status = 0;
		(void)waitpid(pids[i], &status, 0);
		while (h->goes_on && WIFSIGNALED(status) && seeds == NULL) {
			(void)printf("seed %" PRIu64 ": it died by signal %d\n", all[i].seed,
				     WTERMSIG(status));
			all[i].failed++;
			pid_t pid = hunt_fork();
			if (pid == 0)
				child_run(h, seeds, n, all[i].seed - h->seed + (uint64_t)h->jobs,
					  board);
			(void)waitpid(pid, &status, 0);
		}
		if (status != 0 && !h->goes_on && seeds == NULL)
			board_note(board, all[i].seed - h->seed);
		if (status != 0 && (went_well || all[i].seed < *ret_seed)) {
			*ret_seed = all[i].seed;
			went_well = false;
		}
	}
	return went_well;
}

/* ---- making a failure small ---- */

/* Assertions that are seen twenty times over tell nothing new. */
static void hunt_hush(void)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		(void)dup2(fd, STDOUT_FILENO);
		(void)dup2(fd, STDERR_FILENO);
	}
}

/* Does a night with these changes still fail? Quietly, in a child. */
static bool hunt_still_fails(const struct hunt *h, uint64_t seed, const struct changes *c)
{
	pid_t pid = hunt_fork();

	if (pid == 0) {
		struct options o;
		struct night_result result;
		options_from_seed(&o, seed);
		changes_apply(&h->changes, &o);
		changes_apply(c, &o);
		hunt_hush();
		_exit(hunt_night(&o, 0, &result) ? 0 : CHILD_FAILED);
	}
	int status = 0;
	(void)waitpid(pid, &status, 0);
	return status != 0;
}

static void shrink_number(const struct hunt *h, uint64_t seed, struct changes *c, uint64_t *number,
			  uint64_t now)
{
	while (now > 1) {
		uint64_t was = *number;
		*number = now / 2;
		if (!hunt_still_fails(h, seed, c)) {
			*number = was;
			return;
		}
		now /= 2;
	}
}

static void hunt_shrink(const struct hunt *h, uint64_t seed, struct changes *c)
{
	struct options o;

	hunt_options(h, seed, &o);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < FAULT_COUNT_; i++) {
			if (!o.fault[i] || c->without[i])
				continue;
			c->without[i] = true;
			c->without[i] = hunt_still_fails(h, seed, c);
		}
	}
	shrink_number(h, seed, c, &c->instances, (uint64_t)o.instances);
	shrink_number(h, seed, c, &c->slots, (uint64_t)o.slots);
	shrink_number(h, seed, c, &c->records, o.n_records);
}

static void changes_print(const struct changes *c)
{
	const char *before = " --without ";

	for (size_t i = 0; i < FAULT_COUNT_; i++) {
		if (!c->without[i])
			continue;
		(void)printf("%s%s", before, fault_name((enum fault_kind)i));
		before = ",";
	}
	if (c->records != CHANGE_NONE)
		(void)printf(" --records %" PRIu64, c->records);
	if (c->instances != CHANGE_NONE)
		(void)printf(" --instances %" PRIu64, c->instances);
	if (c->slots != CHANGE_NONE)
		(void)printf(" --slots %" PRIu64, c->slots);
}

static void hunt_explain(const struct hunt *h, uint64_t seed)
{
	struct changes c = h->changes;
	struct options o;
	struct night_result result;

	(void)printf("FAILED: seed %" PRIu64 "\n", seed);
	if (!h->keeps_size) {
		(void)puts("making it smaller ...");
		hunt_shrink(h, seed, &c);
	}
	hunt_options(h, seed, &o);
	changes_apply(&c, &o);
	options_print(&o);
	(void)printf("repeat the whole:  make sim SEED=%" PRIu64 " NIGHTS=1\n", seed);
	(void)printf(
		"repeat the small:  build-dev/tests/sim/sim --nights 1 --no-shrink --seed %" PRIu64,
		seed);
	changes_print(&c);
	(void)puts("  (--trace: every line)");
	(void)printf("keep it:           echo '%" PRIu64
		     " # what it found' >>tests/sim/seeds.txt\n",
		     seed);
	pid_t pid = hunt_fork();
	if (pid == 0) {
		bool went_well = hunt_night(&o, NIGHT_KEEP, &result);
		if (!went_well)
			(void)printf("check %s: %s\n", result.failure.check, result.failure.text);
		(void)fflush(stdout);
		_exit(went_well ? 0 : CHILD_FAILED);
	}
	int status = 0;
	(void)waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		(void)printf("it died by signal %d\n", WTERMSIG(status));
	else if (status == 0)
		(void)puts("it went well this time: it is not deterministic");
}

/* ---- the whole ---- */

static uint64_t seeds_read(const char *path, uint64_t *seeds)
{
	char line[256];
	uint64_t n = 0;
	FILE *f = path == NULL ? NULL : fopen(path, "re");

	if (f == NULL)
		return 0;
	while (n < SEEDS_MAX && fgets(line, sizeof(line), f) != NULL) {
		char *end = NULL;
		uint64_t seed = strtoull(line, &end, 10);
		if (end != line) /* else a comment */
			seeds[n++] = seed;
	}
	(void)fclose(f);
	return n;
}

static double seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void hunt_sum_up(const struct hunt *h, const struct report *all, double took)
{
	struct report sum = {0};

	for (int i = 0; i < h->jobs; i++) {
		sum.nights += all[i].nights;
		sum.events += all[i].events;
		sum.starts += all[i].starts;
		sum.commits += all[i].commits;
		sum.virtual_s += all[i].virtual_s;
	}
	(void)printf(
		"%" PRIu64 " nights from seed %" PRIu64 ", each %s: %" PRId64 " starts, %" PRId64
		" commits, %" PRId64 " events, %" PRId64 " virtual hours; %.1f s, %.0f nights/s\n",
		sum.nights, h->seed, h->once ? "once" : "twice", sum.starts, sum.commits,
		sum.events, sum.virtual_s / 3600, took, took > 0 ? (double)sum.nights / took : 0);
}

static int hunt_show(const struct hunt *h)
{
	for (uint64_t i = 0; i < h->nights; i++) {
		struct options o;
		struct night_result result = {0};
		hunt_options(h, h->seed + i, &o);
		if (h->shows)
			options_print(&o);
		if (!h->prints_trace)
			continue;
		if (!hunt_night(&o, NIGHT_PRINT, &result)) {
			(void)printf("check %s: %s\n", result.failure.check, result.failure.text);
			return CHILD_FAILED;
		}
		(void)printf("hash %016" PRIx64 ", %" PRId64 " events\n", result.hash,
			     result.events);
	}
	return 0;
}

int hunt_run(const struct hunt *h)
{
	struct board *board = board_new();
	const struct report *all = board->report;
	uint64_t seeds[SEEDS_MAX];
	uint64_t n = seeds_read(h->seeds_path, seeds);
	uint64_t failed = 0;
	double began = seconds();

	if (h->prints_trace || h->shows)
		return hunt_show(h);
	(void)printf("seed %" PRIu64 "\n", h->seed);
	bool went_well = n == 0 || hunt_nights(h, seeds, n, board, &failed);
	if (went_well)
		went_well = hunt_nights(h, NULL, h->nights, board, &failed);
	hunt_sum_up(h, all, seconds() - began);
	for (int i = 0; h->goes_on && i < h->jobs; i++)
		went_well = went_well && all[i].failed == 0;
	if (!went_well && !h->goes_on)
		hunt_explain(h, failed);
	return went_well ? 0 : CHILD_FAILED;
}
