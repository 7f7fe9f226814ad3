/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program: what a person calls (cli/), and by hidden verbs a lane, started by the engine only,
 * and the stand-in of a drill.
 */
#include <string.h>

#include "cli/cli.h"
#include "drill/standin.h"
#include "host/process.h"
#include "lane/lane.h"
#include "sys/panic.h"

int main(int argc, char **argv)
{
	panic_install();
	if (argc > 1 && strcmp(argv[1], PROCESS_LANE_VERB) == 0)
		return lane_main();
	if (argc > 1 && strcmp(argv[1], STANDIN_VERB) == 0)
		return standin_main(argc, argv);
	return cli_main(argc, argv);
}
