/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator: many nights, each from a seed, each twice; where one fails, what failed and how to
 * see it again, made as small as switching faults off can make it.
 *
 *     sim [--seed N] [--nights N] [--jobs N] [--seeds FILE] [--all] [--once] [--no-shrink]
 *         [--show] [--trace]
 *         [--with FAULT,…] [--without FAULT,…] [--records N] [--instances N] [--slots N]
 *
 * Without --seed the seed comes from getrandom(2); it is printed. Nights run in child processes, so
 * that an abort (an assertion of the engine, a sanitizer) is a failed night as any other.
 * Exit: 0 all promises held, 1 one did not, 64 usage.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/hunt.h"
#include "sys/random.h"

#define EXIT_USAGE 64
#define NO_SEED UINT64_MAX
#define SEEDS UINT64_C(1000000000000) /* short enough to be typed */

static int usage(const char *what)
{
	(void)fprintf(stderr, "sim: %s\n", what);
	return EXIT_USAGE;
}

static bool parse_number(const char *text, uint64_t *ret_value)
{
	char *end = NULL;

	if (text == NULL || *text < '0' || *text > '9')
		return false;
	errno = 0;
	*ret_value = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0';
}

static bool parse_faults(bool faults[FAULT_COUNT_], const char *text)
{
	char name[32];

	while (text != NULL && *text != '\0') {
		size_t len = strcspn(text, ",");
		if (len >= sizeof(name))
			return false;
		memcpy(name, text, len);
		name[len] = '\0';
		enum fault_kind kind = fault_from_name(name);
		if (kind == FAULT_COUNT_)
			return false;
		faults[kind] = true;
		text += len + (text[len] == ',' ? 1 : 0);
	}
	return true;
}

/* What an option sets: a number, faults, a path, or just that it was given. */
struct option_row {
	const char *name;
	uint64_t *number;
	bool *faults;
	const char **text;
	bool *flag;
};

/* 0: taken; *ret_used says whether its value was, too. */
static int parse_option(const struct option_row *row, const char *value, bool *ret_used)
{
	*ret_used = row->flag == NULL;
	if (row->flag != NULL)
		*row->flag = true;
	else if (value == NULL)
		return usage("a value is missing");
	else if (row->text != NULL)
		*row->text = value;
	else if (row->faults != NULL && !parse_faults(row->faults, value))
		return usage("unknown fault");
	else if (row->number != NULL && !parse_number(value, row->number))
		return usage("a number is wanted");
	return 0;
}

static int parse_options(const struct option_row *rows, size_t n, char **argv)
{
	for (int i = 1; argv[i] != NULL; i++) {
		const struct option_row *row = NULL;
		bool is_used = false;
		for (size_t k = 0; k < n; k++)
			if (strcmp(rows[k].name, argv[i]) == 0)
				row = &rows[k];
		if (row == NULL)
			return usage("unknown option");
		int rc = parse_option(row, argv[i + 1], &is_used);
		if (rc != 0)
			return rc;
		i += is_used;
	}
	return 0;
}

static uint64_t online_cpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	if (n < 1)
		return 1;
	return n > HUNT_JOBS_MAX ? HUNT_JOBS_MAX : (uint64_t)n;
}

int main(int argc, char **argv)
{
	struct hunt h = {.seed = NO_SEED, .nights = 1000};
	uint64_t jobs = online_cpus();
	const struct option_row rows[] = {
		{"--seed", .number = &h.seed},
		{"--nights", .number = &h.nights},
		{"--jobs", .number = &jobs},
		{"--seeds", .text = &h.seeds_path},
		{"--once", .flag = &h.once},
		{"--all", .flag = &h.goes_on},
		{"--no-shrink", .flag = &h.keeps_size},
		{"--show", .flag = &h.shows},
		{"--trace", .flag = &h.prints_trace},
		{"--with", .faults = h.changes.with},
		{"--without", .faults = h.changes.without},
		{"--records", .number = &h.changes.records},
		{"--instances", .number = &h.changes.instances},
		{"--slots", .number = &h.changes.slots},
	};

	(void)argc;
	h.changes.records = h.changes.instances = h.changes.slots = CHANGE_NONE;
	int rc = parse_options(rows, ARRAY_LEN(rows), argv);
	if (rc != 0)
		return rc;
	if (jobs < 1 || jobs > HUNT_JOBS_MAX)
		return usage("--jobs: 1 to 64");
	h.jobs = (int)jobs;
	if (h.seed == NO_SEED)
		h.seed = random_u64() % SEEDS;
	return hunt_run(&h);
}
