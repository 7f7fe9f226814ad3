/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program: what a person calls (cli/), and by a hidden verb, started by the engine only, a
 * lane.
 */
#include <string.h>

#include "cli/cli.h"
#include "host/process.h"
#include "lane/lane.h"
#include "sys/panic.h"

int main(int argc, char **argv)
{
	panic_install();
	if (argc > 1 && strcmp(argv[1], PROCESS_LANE_VERB) == 0)
		return lane_main();
	return cli_main(argc, argv);
}
