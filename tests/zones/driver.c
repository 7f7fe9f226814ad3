/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zones_driver FOLDER: for each line `NAME TIME` says the offset then, and the instants at which
 * clocks show that time, in one line.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "when/zone.h"

static struct zone *open_zone(const char *folder, const char *name)
{
	static char data[ZONE_FILE_MAX];
	struct zone *zone = NULL;
	struct err err = ERR_INIT;
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *f = fopen(path, "rb");
	size_t len = f == NULL ? 0 : fread(data, 1, sizeof(data), f);
	if (f == NULL || fclose(f) != 0 || zone_parse(name, data, len, &zone, &err) != 0) {
		(void)fprintf(stderr, "%s: %s\n", path, err.text);
		exit(1);
	}
	return zone;
}

int main(int argc, char **argv)
{
	struct zone *zone = NULL;
	char open[128] = "";
	char name[128];
	int64_t at = 0;

	if (argc != 2)
		return 64;
	while (scanf("%127s %" SCNd64, name, &at) == 2) {
		int64_t instants[ZONE_INSTANTS_MAX] = {0};
		if (strcmp(name, open) != 0) {
			zone_free(zone);
			zone = open_zone(argv[1], name);
			(void)snprintf(open, sizeof(open), "%s", name);
		}
		int n = zone_instants(zone, at, instants);
		printf("%d", zone_offset_s(zone, at));
		for (int i = 0; i < n; i++)
			printf(" %" PRId64, instants[i]);
		printf("\n");
	}
	zone_free(zone);
	return 0;
}
