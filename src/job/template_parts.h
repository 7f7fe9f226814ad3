/* SPDX-License-Identifier: Apache-2.0 */
/* A parsed template: its parts in order, shared by reading and rendering. */
#ifndef STINT_JOB_TEMPLATE_PARTS_H
#define STINT_JOB_TEMPLATE_PARTS_H

#include <stddef.h>

#include "job/template_name.h"

struct template
{
	const struct job *job; /* kept */
	struct part *parts;
	size_t n;
};

#endif
