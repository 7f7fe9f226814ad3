/* SPDX-License-Identifier: Apache-2.0 */
/* A directory of its own for each test program, removed with all that is in it. */
#ifndef STINT_TESTS_UNIT_SYS_SCRATCH_H
#define STINT_TESTS_UNIT_SYS_SCRATCH_H

extern char scratch_directory[];

/* For cmocka_run_group_tests. */
int scratch_make(void **state);
int scratch_remove(void **state);
/* A path in the directory; lent until the fourth call from now. */
const char *scratch_path(const char *name);

#endif
