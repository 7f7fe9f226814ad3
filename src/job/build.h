/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of struct job that are more than one value, and the rules between keys.
 *
 * Works on a checked and completed tree after fill_job(). Nodes with faults are left out, so that
 * one mistake is reported once and not again by everything that depends on it.
 */
#ifndef STINT_JOB_BUILD_H
#define STINT_JOB_BUILD_H

#include <stdbool.h>

#include "base/attr.h"
#include "job/fault.h"
#include "job/job.h"
#include "job/script_names.h"
#include "job/steps.h"
#include "job/template.h"

struct node;

struct build {
	struct job *job;
	struct node *root;
	struct faults *faults;
	struct steps_seen steps;
	bool names_are_known; /* all fields, parameters and secrets were right: others may name them
			       */
};

void build_names(struct build *b); /* params, secrets */
void build_constants(struct build *b);
void build_source(struct build *b);  /* kind, fields, trailer, unique */
void build_scripts(struct build *b); /* filter, transform, and the fields that work sees */
void build_work(struct build *b);    /* kind, command, environment, statuses */
void build_http(struct build *b, struct node *node);   /* work.http */
void build_target(struct build *b, struct node *kind); /* work.sql, work.table */
void build_on_finish(struct build *b);
/* SQLSTATEs of done_when and so on. */
void build_states(struct build *b, struct node *list, enum job_when when);
void build_share(struct build *b); /* rate, quota */
void build_require(struct build *b);
void build_output(struct build *b, struct node *file); /* work.file */
void build_control(struct build *b);
void build_totals(struct build *b);
/* A URL of a request: its placeholders, and what they may stand in. */
void build_http_url(struct build *b, struct node *url);
/* work.verify; called by build_work. */
void build_verify(struct build *b, struct node *work);
/* What must hold between keys, once everything is there. */
void build_rules(struct build *b);

/* Reports "PATH: text" at the node's value and marks it bad. */
void build_fault(struct build *b, struct node *node, const char *fmt, ...) ST_PRINTF(3, 4);
/* The same at the node's key. */
void build_fault_key(struct build *b, struct node *node, const char *fmt, ...) ST_PRINTF(3, 4);
/* The same at a place inside the value. */
void build_fault_in(struct build *b, struct node *node, struct mark at, const char *fmt, ...)
	ST_PRINTF(4, 5);
/* Reports that there is no field of the name that is the node's value, with the nearest, or all. */
void build_fault_no_field(struct build *b, struct node *node);
/* True when the node is there, written in the file and right. */
bool build_is_given(const struct node *node);
/* True when it is given and says something else than the default would. */
bool build_is_unusual(const struct node *node);
/* False, with a fault, when the key is no name: a letter or '_', then letters, digits, '_' (and '-'
 * where `dash`). */
bool build_check_name(struct build *b, struct node *node, bool dash);
/* Checks a script and the names in it. */
void build_script(struct build *b, struct node *node, enum script_use use);
/* RFC 6901: begins with '/', and '~' only as ~0 and ~1. */
bool build_is_pointer(const char *text);
/* json, xml, fixed; called by build_source, before build_trailer_span. */
void build_document(struct build *b, struct node *kind);
void build_trailer_span(struct build *b, struct node *node, struct job_column *column);
/* Rows of a database; called by build_source. */
void build_database(struct build *b, struct node *kind);
/* The items of an earlier step: its fields, what it kept, its keys; called by build_source. */
void build_step_source(struct build *b, struct node *source, struct node *step);
/* Where in the file a place in the node's text is. */
struct mark build_mark_in(const struct node *node, struct script_place place);
/* Where byte `at` of the node's text is. */
struct mark build_mark_at(const struct node *node, size_t at);
/* Where the first character of a script is. */
struct job_place build_script_place(const struct node *node);
/* The one key of `map` that is a kind (`csv` in source), NULL with a fault when there is not one.
 */
struct node *build_find_kind(struct build *b, struct node *map, const char *what);
/* Checks the placeholders of a text; does nothing while names are not known. True when it is right;
 * then `ret_constant` (may be NULL) says whether nothing in it depends on the item. */
bool build_check_template(struct build *b, struct node *node, enum template_use use,
			  bool *ret_constant);

#endif
