/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of the job itself, its parameters and secrets, and the order of the top level. */
#include "job/job.h"
#include "job/schema.h"

static const struct schema_key rows[] = {
	{"version", T_INTEGER, .min = 1, .max = 1, .fallback = "1",
	 .says = "The version of the file format."},
	{"job", T_JOB_NAME, .is_required = true, AT(name),
	 .says = "The job's name: what its runs, items and reports go by."},
	{"description", T_TEXT, AT(description), .is_refreshed = true,
	 .says = "What the job is for."},
	{"owner", T_TEXT, AT(owner), .is_refreshed = true,
	 .says = "Who is told, unless a route says otherwise."},
	{"runbook", T_TEXT, AT(runbook), .is_refreshed = true,
	 .says = "Where a person reads what to do."},
	{"params", T_NAMES, .says = "What may be handed in with --param NAME=VALUE."},
	{"params.*", T_MAP, .says = "A parameter; one that is not declared is refused."},
	{"params.*.type", T_FIELD_TYPE, .fallback = "text", .says = "Its type, as of fields."},
	{"params.*.default", T_TEXT, .otherwise = "must be given",
	 .says = "Its value where none is given."},
	{"params.*.identity", T_BOOLEAN, .fallback = "false",
	 .says = "Whether it is part of the run's name: other values make other runs."},
	{"secrets", T_NAMES, .says = "What ${secret.NAME} stands for; never written in the file."},
	{"secrets.*", T_SECRET,
	 .says = "A reference: env:NAME, file:PATH or credential:NAME (of systemd)."},
	{"constants", T_NAMES, .says = "Values for ${constant.NAME} and Lua."},
	{"constants.*", T_ANY, .says = "A value or a tree of values."},
	{"once_per", T_ENUM, .words = "slot|day|start", AT(once_per),
	 .otherwise = "slot with a schedule, else day", .says = "What a run is for."},
	{"carry_over", T_ENUM, .words = "resume_first|leave|abandon", .fallback = "resume_first",
	 AT(carry_over), .is_refreshed = true,
	 .says = "What becomes of runs that could not finish when the job starts again."},
};

const struct schema_table schema_top = {rows, ARRAY_LEN(rows)};
