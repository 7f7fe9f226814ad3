/* SPDX-License-Identifier: Apache-2.0 */
/* Statements, and the variables that are visible in them. */
#include "job/script_read.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "job/script_reader.h"

enum { CODE_BYTES_MAX = 16 * SCRIPT_BYTES_MAX };

/* ---- the code ---- */

size_t script_mark(struct script_reader *r)
{
	buf_put(&r->source->code, r->scan.text + r->done, r->token.at - r->done);
	r->done = r->token.at;
	return r->source->code.len;
}

int script_replace(struct script_reader *r, const char *with)
{
	(void)script_mark(r);
	buf_puts(&r->source->code, with);
	r->done = r->token.at + r->token.len;
	r->last = r->token;
	int rc = script_scan_next(&r->scan, &r->token, r->err);
	if (rc < 0)
		r->source->fault = script_token_place(&r->scan, &r->token);
	return rc;
}

int script_pass(struct script_reader *r)
{
	(void)script_mark(r);
	buf_put(&r->source->code, r->token.text, r->token.len);
	return script_replace(r, "");
}

/* ---- tokens ---- */

bool script_is(const struct script_reader *r, const char *text)
{
	return (r->token.kind == SCRIPT_SYMBOL || r->token.kind == SCRIPT_WORD) &&
	       script_token_is(&r->token, text);
}

int script_fault(struct script_reader *r, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX] = "";
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* cut when too long: still true */
	va_end(ap);
	r->source->fault = script_token_place(&r->scan, &r->token);
	/* Not behind the blank lines that a block of YAML ends in. */
	if (r->token.kind == SCRIPT_END && r->last.len > 0) {
		r->source->fault = script_token_place(&r->scan, &r->last);
		r->source->fault.column += (int)r->last.len;
	}
	return ERR(r->err, ERR_CONFIG, "%s", text);
}

int script_unexpected(struct script_reader *r, const char *wanted)
{
	if (r->token.kind == SCRIPT_END)
		return script_fault(r, "expected %s, and the script ends", wanted);
	return script_fault(r, "expected %s, found %s", wanted,
			    QUOTED(r->token.text, r->token.len));
}

int script_expect(struct script_reader *r, const char *text)
{
	char wanted[32] = "";

	if (script_is(r, text))
		return script_pass(r);
	(void)snprintf(wanted, sizeof(wanted), "'%s'", text); /* the longest is a word */
	return script_unexpected(r, wanted);
}

int script_enter(struct script_reader *r)
{
	if (r->depth == SCRIPT_DEPTH_MAX)
		return script_fault(r, "nested deeper than %d levels", SCRIPT_DEPTH_MAX);
	r->depth++;
	return 0;
}

void script_leave(struct script_reader *r)
{
	r->depth--;
}

/* ---- names ---- */

int script_check_name(struct script_reader *r)
{
	if (r->token.kind != SCRIPT_NAME)
		return script_unexpected(r, "a name");
	if (script_token_is(&r->token, "_ENV"))
		return script_fault(r, "there is no _ENV here");
	if (r->token.len > 1 && memcmp(r->token.text, "__", 2) == 0)
		return script_fault(r, "names that begin with __ are not for scripts");
	return 0;
}

int script_add_local(struct script_reader *r, const struct script_local *name)
{
	if (r->n_locals == SCRIPT_LOCALS_MAX)
		return script_fault(r, "more than %d variables at once", SCRIPT_LOCALS_MAX);
	r->locals[r->n_locals++] = *name;
	return 0;
}

static struct script_local name_here(const struct script_reader *r)
{
	return (struct script_local){.text = r->token.text, .len = r->token.len};
}

/* ---- functions ---- */

static int read_parameters(struct script_reader *r)
{
	int rc = script_expect(r, "(");

	while (rc == 0 && !script_is(r, ")")) {
		const struct script_local name = name_here(r);
		if (script_is(r, "...")) {
			r->has_arguments = true;
			rc = script_pass(r);
			break;
		}
		rc = script_check_name(r);
		if (rc == 0)
			rc = script_add_local(r, &name);
		if (rc == 0)
			rc = script_pass(r);
		if (rc == 0 && !script_is(r, ")"))
			rc = script_expect(r, ",");
	}
	return rc < 0 ? rc : script_expect(r, ")");
}

int script_read_function(struct script_reader *r)
{
	size_t n_locals = r->n_locals;
	bool has_arguments = r->has_arguments;
	int n_loops = r->n_loops;

	r->source->may_run_long = true;
	r->has_arguments = false;
	r->n_loops = 0;
	r->n_functions++;
	int rc = read_parameters(r);
	if (rc == 0)
		rc = script_read_block(r);
	if (rc == 0)
		rc = script_expect(r, "end");
	r->n_functions--;
	r->has_arguments = has_arguments;
	r->n_loops = n_loops;
	r->n_locals = n_locals;
	r->part = PART_OF_ANY;
	return rc;
}

/* ---- statements ---- */

static int read_statements(struct script_reader *r);

static bool ends_block(const struct script_reader *r)
{
	return r->token.kind == SCRIPT_END || script_is(r, "end") || script_is(r, "else") ||
	       script_is(r, "elseif") || script_is(r, "until");
}

static int read_if(struct script_reader *r)
{
	int rc = 0;

	do {
		rc = script_pass(r); /* if, elseif */
		if (rc == 0)
			rc = script_read_expression(r);
		if (rc == 0)
			rc = script_expect(r, "then");
		if (rc == 0)
			rc = script_read_block(r);
	} while (rc == 0 && script_is(r, "elseif"));
	if (rc == 0 && script_is(r, "else")) {
		rc = script_pass(r);
		if (rc == 0)
			rc = script_read_block(r);
	}
	return rc < 0 ? rc : script_expect(r, "end");
}

/* `do` block `end` */
static int read_do(struct script_reader *r)
{
	int rc = script_expect(r, "do");

	if (rc == 0)
		rc = script_read_block(r);
	return rc < 0 ? rc : script_expect(r, "end");
}

static int read_loop(struct script_reader *r)
{
	r->n_loops++;
	int rc = read_do(r);
	r->n_loops--;
	return rc;
}

static int read_while(struct script_reader *r)
{
	int rc = script_pass(r);

	r->source->may_run_long = true;
	if (rc == 0)
		rc = script_read_expression(r);
	return rc < 0 ? rc : read_loop(r);
}

/* The variables of the block are visible in the condition. */
static int read_repeat(struct script_reader *r)
{
	size_t n_locals = r->n_locals;
	int rc = script_enter(r);

	if (rc < 0)
		return rc;
	r->source->may_run_long = true;
	rc = script_pass(r);
	r->n_loops++;
	if (rc == 0)
		rc = read_statements(r);
	r->n_loops--;
	if (rc == 0)
		rc = script_expect(r, "until");
	if (rc == 0)
		rc = script_read_expression(r);
	r->n_locals = n_locals;
	script_leave(r);
	return rc;
}

static int read_for(struct script_reader *r)
{
	struct script_local names[SCRIPT_LOCALS_MAX];
	size_t n = 0;
	size_t n_locals = r->n_locals;
	int rc = script_pass(r);

	r->source->may_run_long = true;
	while (rc == 0 && n < ARRAY_LEN(names)) {
		rc = script_check_name(r);
		names[n++] = name_here(r);
		if (rc == 0)
			rc = script_pass(r);
		if (rc < 0 || !script_is(r, ","))
			break;
		rc = script_pass(r);
	}
	if (rc == 0)
		rc = n == 1 && script_is(r, "=") ? script_pass(r) : script_expect(r, "in");
	if (rc == 0)
		rc = script_read_expressions(r);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = script_add_local(r, &names[i]);
	if (rc == 0)
		rc = read_loop(r);
	r->n_locals = n_locals;
	return rc;
}

/* `<const>`, and no other. */
static int read_attribute(struct script_reader *r)
{
	int rc = script_pass(r);

	if (rc == 0 && !(r->token.kind == SCRIPT_NAME && script_token_is(&r->token, "const")))
		return script_unexpected(r, "const");
	if (rc == 0)
		rc = script_pass(r);
	return rc < 0 ? rc : script_expect(r, ">");
}

static int read_local_function(struct script_reader *r)
{
	int rc = script_pass(r);
	const struct script_local name = name_here(r);

	if (rc == 0)
		rc = script_check_name(r);
	if (rc == 0)
		rc = script_add_local(r, &name);
	if (rc == 0)
		rc = script_pass(r);
	return rc < 0 ? rc : script_read_function(r);
}

static int read_local(struct script_reader *r)
{
	struct script_local names[SCRIPT_LOCALS_MAX];
	size_t n = 0;
	int rc = script_pass(r);

	if (rc == 0 && script_is(r, "function"))
		return read_local_function(r);
	while (rc == 0 && n < ARRAY_LEN(names)) {
		rc = script_check_name(r);
		names[n++] = name_here(r);
		if (rc == 0)
			rc = script_pass(r);
		if (rc == 0 && script_is(r, "<"))
			rc = read_attribute(r);
		if (rc < 0 || !script_is(r, ","))
			break;
		rc = script_pass(r);
	}
	if (rc == 0 && script_is(r, "=")) {
		rc = script_pass(r);
		if (rc == 0)
			rc = script_read_expressions(r);
	}
	/* Only now: in `local x = x` the second is another. */
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = script_add_local(r, &names[i]);
	return rc;
}

static int read_return(struct script_reader *r)
{
	bool is_ours = r->n_functions == 0;
	int rc = 0;

	if (is_ours && r->form == SCRIPT_ASSIGNS) {
		/* What was assigned is given back at the end. */
		rc = script_replace(r, " goto __end");
		if (rc == 0 && !ends_block(r) && !script_is(r, ";"))
			return script_fault(r, "a transform assigns and returns nothing");
	} else {
		r->has_return = r->has_return || is_ours;
		rc = script_pass(r);
		if (rc == 0 && !ends_block(r) && !script_is(r, ";"))
			rc = script_read_expressions(r);
	}
	if (rc == 0 && script_is(r, ";"))
		rc = script_pass(r);
	if (rc == 0 && !ends_block(r))
		return script_unexpected(r, "the end of the block behind return");
	return rc;
}

static int note_target(struct script_reader *r, const struct script_token *at)
{
	if (r->part != PART_OF_NAME && r->part != PART_OF_INDEX)
		return script_unexpected(r, "a statement that calls or assigns");
	if (r->part != PART_OF_NAME || r->name == SIZE_MAX)
		return 0;
	struct script_name *name = &r->source->names[r->name];
	if (name->set_at.line == 0)
		name->set_at = script_token_place(&r->scan, at);
	return 0;
}

/* A call or an assignment. */
static int read_plain(struct script_reader *r)
{
	struct script_token at = r->token;
	int rc = script_read_suffixed(r);

	if (rc < 0 || (r->part == PART_OF_CALL && !script_is(r, "=") && !script_is(r, ",")))
		return rc;
	rc = note_target(r, &at);
	while (rc == 0 && script_is(r, ",")) {
		rc = script_pass(r);
		at = r->token;
		if (rc == 0)
			rc = script_read_suffixed(r);
		if (rc == 0)
			rc = note_target(r, &at);
	}
	if (rc == 0)
		rc = script_expect(r, "=");
	return rc < 0 ? rc : script_read_expressions(r);
}

static int read_statement(struct script_reader *r)
{
	if (script_is(r, "break") && r->n_loops == 0)
		return script_fault(r, "break outside a loop");
	if (script_is(r, ";") || script_is(r, "break"))
		return script_pass(r);
	if (script_is(r, "if"))
		return read_if(r);
	if (script_is(r, "while"))
		return read_while(r);
	if (script_is(r, "do"))
		return read_do(r);
	if (script_is(r, "for"))
		return read_for(r);
	if (script_is(r, "repeat"))
		return read_repeat(r);
	if (script_is(r, "local"))
		return read_local(r);
	if (script_is(r, "return"))
		return read_return(r);
	if (script_is(r, "function"))
		return script_fault(r, "functions are local here: local function");
	if (script_is(r, "goto") || script_is(r, "::"))
		return script_fault(r, "there is no goto here");
	return read_plain(r);
}

static int read_statements(struct script_reader *r)
{
	int rc = 0;

	while (rc == 0 && !ends_block(r))
		rc = read_statement(r);
	return rc;
}

int script_read_block(struct script_reader *r)
{
	size_t n_locals = r->n_locals;
	int rc = script_enter(r);

	if (rc < 0)
		return rc;
	rc = read_statements(r);
	r->n_locals = n_locals;
	script_leave(r);
	return rc;
}

/* ---- the whole ---- */

static void begin(struct script_reader *r, const char *text, size_t len)
{
	script_source_done(r->source);
	r->source->code = BUF_INIT(CODE_BYTES_MAX);
	r->done = 0;
	r->depth = 0;
	r->n_locals = 0;
	r->n_functions = 0;
	r->n_loops = 0;
	r->has_return = false;
	r->last = (struct script_token){0};
	script_scan_init(&r->scan, text, len);
}

static int read_first(struct script_reader *r)
{
	int rc = script_scan_next(&r->scan, &r->token, r->err);

	if (rc < 0)
		r->source->fault = script_token_place(&r->scan, &r->token);
	return rc;
}

/* True when all of it is one expression. */
static bool read_as_expression(struct script_reader *r, const char *text, size_t len)
{
	begin(r, text, len);
	buf_puts(&r->source->code, "return ");
	return read_first(r) == 0 && script_read_expression(r) == 0 && r->token.kind == SCRIPT_END;
}

static int read_as_statements(struct script_reader *r, const char *text, size_t len)
{
	begin(r, text, len);
	if (r->form == SCRIPT_ASSIGNS)
		buf_puts(&r->source->code, "do ");
	int rc = read_first(r);
	if (rc == 0)
		rc = script_read_block(r);
	if (rc == 0 && r->token.kind != SCRIPT_END)
		rc = script_unexpected(r, "a statement");
	if (rc == 0 && r->form == SCRIPT_GIVES && !r->has_return)
		rc = script_fault(r, "expected an expression, or statements that end in return");
	if (rc == 0 && r->form == SCRIPT_ASSIGNS)
		buf_puts(&r->source->code, "\nend ::__end::");
	return rc;
}

/* Which of two faults to tell: of a text that is meant as an expression, that of the expression. */
static bool is_statement(const char *text, size_t len)
{
	static const char *const words[] = {"if",    "for",    "while", "do",	   "repeat",
					    "local", "return", "goto",	"function"};
	struct script_scan scan;
	struct script_token token;
	struct err err = ERR_INIT;
	bool is_one = false;

	script_scan_init(&scan, text, len);
	while (!is_one && script_scan_next(&scan, &token, &err) == 0 && token.kind != SCRIPT_END)
		for (size_t i = 0; i < ARRAY_LEN(words); i++)
			is_one = is_one ||
				 (token.kind == SCRIPT_WORD && script_token_is(&token, words[i]));
	return is_one;
}

int script_read(enum script_form form, const char *text, size_t len,
		struct script_source *ret_source, struct err *err)
{
	struct script_local locals[SCRIPT_LOCALS_MAX];
	struct script_reader r = {.form = form, .source = ret_source, .locals = locals, .err = err};
	int rc = 0;

	assert((text != NULL || len == 0) && ret_source != NULL && err != NULL);
	*ret_source = (struct script_source){.fault = {.line = 1, .column = 1}};
	if (len > SCRIPT_BYTES_MAX)
		return ERR(err, ERR_CONFIG, "longer than %d KiB", SCRIPT_BYTES_MAX / 1024);
	bool is_read = form == SCRIPT_GIVES && read_as_expression(&r, text, len);
	if (!is_read && form == SCRIPT_GIVES && !is_statement(text, len)) {
		rc = err->code != 0 ? err->code
				    : script_unexpected(&r, "the end of the expression");
	} else if (!is_read) {
		*err = ERR_INIT;
		rc = read_as_statements(&r, text, len);
	}
	if (rc == 0)
		rc = buf_check(&ret_source->code, "the script", err);
	return rc;
}

void script_source_done(struct script_source *source)
{
	assert(source != NULL);
	buf_done(&source->code);
	for (size_t i = 0; i < source->n_numbers; i++)
		free(source->numbers[i]);
	free(source->numbers);
	free(source->names);
	*source = (struct script_source){0};
}
