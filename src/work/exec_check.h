/* SPDX-License-Identifier: Apache-2.0 */
/* Before a run: are the program, the directory and the user there that exec names? */
#ifndef STINT_WORK_EXEC_CHECK_H
#define STINT_WORK_EXEC_CHECK_H

#include "base/attr.h"

struct err;
struct job;

/* ERR_CONFIG says what is missing. What depends on an item or a run is not looked at. */
ST_MUST_CHECK int exec_check(const struct job *job, struct err *err);

#endif
