/* SPDX-License-Identifier: Apache-2.0 */
/* A parsed template: its parts in order, shared by reading and rendering. */
#ifndef STINT_JOB_TEMPLATE_PARTS_H
#define STINT_JOB_TEMPLATE_PARTS_H

#include <stddef.h>

#include "base/attr.h"
#include "job/template_name.h"

struct buf;
struct err;

struct template
{
	const struct job *job; /* kept */
	struct part *parts;
	size_t n;
};

/* Appends what one part stands for, as it is; failures as those of template_render. */
ST_MUST_CHECK int template_put_part(const struct template *t, size_t i,
				    const struct template_run *run,
				    const struct template_item *item, struct buf *out,
				    struct err *err);

#endif
