/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator: many nights, each from a seed, each twice; where one fails, what failed and how to
 * see it again, made as small as switching faults off can make it.
 *
 *     sim [--seed N] [--nights N] [--jobs N] [--seeds FILE] [--all] [--strict] [--no-shrink]
 *         [--show] [--trace] [--with FAULT,…] [--without FAULT,…] [--records N] [--instances N]
 * [--slots N]
 *
 * Without --seed the seed comes from getrandom(2); it is printed. Nights run in child processes, so
 * that an abort (an assertion of the engine, a sanitizer) is a failed night as any other.
 * Exit: 0 all promises held, 1 one did not, 64 usage.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/hunt.h"
#include "sys/random.h"

#define EXIT_USAGE 64

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

struct number_option {
	const char *name;
	uint64_t *value;
};

/* 0: taken, with its value. */
static int parse_number_option(const struct number_option *options, size_t n, const char *name,
			       const char *value)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(options[i].name, name) == 0)
			return parse_number(value, options[i].value) ? 0
								     : usage("a number is wanted");
	return usage("unknown option");
}

int main(int argc, char **argv)
{
	struct hunt h = {.nights = 1000, .jobs = 1};
	uint64_t jobs = 1;
	const struct number_option options[] = {{"--seed", &h.seed},
						{"--nights", &h.nights},
						{"--jobs", &jobs},
						{"--records", &h.changes.records},
						{"--instances", &h.changes.instances},
						{"--slots", &h.changes.slots}};
	bool has_seed = false;

	h.changes.records = h.changes.instances = h.changes.slots = CHANGE_NONE;
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		has_seed |= strcmp(argv[i], "--seed") == 0;
		if (strcmp(argv[i], "--trace") == 0) {
			h.prints_trace = true;
		} else if (strcmp(argv[i], "--show") == 0) {
			h.shows = true;
		} else if (strcmp(argv[i], "--no-shrink") == 0) {
			h.keeps_size = true;
		} else if (strcmp(argv[i], "--strict") == 0) {
			h.changes.is_strict = true;
		} else if (strcmp(argv[i], "--all") == 0) {
			h.goes_on = true;
		} else if (strcmp(argv[i], "--seeds") == 0 && value != NULL) {
			h.seeds_path = argv[++i];
		} else if (strcmp(argv[i], "--without") == 0 && value != NULL) {
			if (!parse_faults(h.changes.without, argv[++i]))
				return usage("unknown fault");
		} else if (strcmp(argv[i], "--with") == 0 && value != NULL) {
			if (!parse_faults(h.changes.with, argv[++i]))
				return usage("unknown fault");
		} else {
			int rc = parse_number_option(options, ARRAY_LEN(options), argv[i], value);
			if (rc != 0)
				return rc;
			i++;
		}
	}
	if (jobs < 1 || jobs > HUNT_JOBS_MAX)
		return usage("--jobs: 1 to 64");
	h.jobs = (int)jobs;
	if (!has_seed)
		h.seed = random_u64() % UINT64_C(1000000000000);
	return hunt_run(&h);
}
