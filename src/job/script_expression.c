/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions, by precedence; what is done with numbers becomes calls. */
#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "job/script_reader.h"

enum { UNARY = 12, INTEGER_DIGITS_MAX = 18, HEX_DIGITS_MAX = 15 };

struct operator
{
	const char *text;
	int left;  /* how strongly it binds what is before it */
	int right; /* … behind it */
	const char *call;
	bool is_equality;
};

static const struct operator operators[] = {
	{"or", 1, 1, NULL, false},	 {"and", 2, 2, NULL, false},
	{"<", 3, 3, NULL, false},	 {">", 3, 3, NULL, false},
	{"<=", 3, 3, NULL, false},	 {">=", 3, 3, NULL, false},
	{"~=", 3, 3, " __ne(", true},	 {"==", 3, 3, " __eq(", true},
	{"..", 9, 8, NULL, false},	 {"+", 10, 10, " __add(", false},
	{"-", 10, 10, " __sub(", false}, {"*", 11, 11, " __mul(", false},
	{"/", 11, 11, " __div(", false}, {"//", 11, 11, " __idiv(", false},
	{"%", 11, 11, " __mod(", false},
};

static const struct operator* find_operator(const struct script_token *token)
{
	for (size_t i = 0; i < ARRAY_LEN(operators); i++)
		if ((token->kind == SCRIPT_SYMBOL || token->kind == SCRIPT_WORD) &&
		    script_token_is(token, operators[i].text))
			return &operators[i];
	return NULL;
}

/* ---- numbers ---- */

static int add_number(struct script_reader *r, bool negative)
{
	struct script_source *source = r->source;
	const struct script_token *t = &r->token;
	const char *point = memchr(t->text, '.', t->len);
	size_t whole = point == NULL ? t->len : (size_t)(point - t->text);
	size_t fraction = point == NULL ? 0 : t->len - whole - 1;

	if (source->n_numbers == SCRIPT_NUMBERS_MAX)
		return script_fault(r, "more than %d numbers with a point", SCRIPT_NUMBERS_MAX);
	/* Lua reads `.5` and `5.` too. */
	AUTO(buf) struct buf text = BUF_INIT(SCRIPT_BYTES_MAX);
	buf_printf(&text, "%s%.*s%s%.*s", negative ? "-" : "", whole == 0 ? 1 : (int)whole,
		   whole == 0 ? "0" : t->text, fraction == 0 ? "" : ".", (int)fraction,
		   fraction == 0 ? "" : point + 1);
	source->numbers = xrealloc(source->numbers, source->n_numbers + 1, sizeof(char *));
	source->numbers[source->n_numbers++] = buf_take(&text);
	buf_reset(&text);
	buf_printf(&text, " __k[%zu]", source->n_numbers);
	return script_replace(r, buf_str(&text));
}

static bool is_hex(const struct script_token *t)
{
	return t->len > 2 && t->text[0] == '0' && (t->text[1] | 0x20) == 'x';
}

static int read_number(struct script_reader *r, bool negative)
{
	const struct script_token *t = &r->token;
	size_t digits = 0;
	size_t points = 0;

	r->part = PART_OF_ANY;
	if (is_hex(t)) {
		while (digits + 2 < t->len && isxdigit((unsigned char)t->text[digits + 2]))
			digits++;
		if (digits != t->len - 2 || digits > HEX_DIGITS_MAX)
			return script_fault(r, "expected a number, found %s",
					    QUOTED(t->text, t->len));
		return script_pass(r);
	}
	for (size_t i = 0; i < t->len; i++) {
		digits += t->text[i] >= '0' && t->text[i] <= '9' ? 1 : 0;
		points += t->text[i] == '.' ? 1 : 0;
	}
	if (digits + points != t->len || points > 1)
		return script_fault(r, "expected a number such as 12 or 0.92, found %s",
				    QUOTED(t->text, t->len));
	if (points > 0 || digits > INTEGER_DIGITS_MAX)
		return add_number(r, negative);
	if (negative)
		buf_puts(&r->source->code, " -");
	return script_pass(r);
}

/* ---- what expressions are made of ---- */

/* `name = value`, `[key] = value`, or only a value. */
static int read_entry(struct script_reader *r)
{
	struct script_scan ahead = r->scan;
	struct script_token next = {0};
	int rc = 0;

	if (script_is(r, "[")) {
		rc = script_pass(r);
		if (rc == 0)
			rc = script_read_expression(r);
		if (rc == 0)
			rc = script_expect(r, "]");
		if (rc == 0)
			rc = script_expect(r, "=");
	} else if (r->token.kind == SCRIPT_NAME &&
		   script_scan_next(&ahead, &next, &(struct err){0}) == 0 &&
		   next.kind == SCRIPT_SYMBOL && script_token_is(&next, "=")) {
		rc = script_pass(r);
		if (rc == 0)
			rc = script_pass(r);
	}
	return rc < 0 ? rc : script_read_expression(r);
}

static int read_table(struct script_reader *r)
{
	int rc = script_pass(r);

	while (rc == 0 && !script_is(r, "}")) {
		rc = read_entry(r);
		if (rc == 0 && !script_is(r, "}"))
			rc = script_is(r, ";") ? script_pass(r) : script_expect(r, ",");
	}
	r->part = PART_OF_ANY;
	return rc < 0 ? rc : script_pass(r);
}

static int read_arguments(struct script_reader *r)
{
	int rc = 0;

	if (r->token.kind == SCRIPT_TEXT) {
		rc = script_pass(r);
	} else if (script_is(r, "{")) {
		rc = read_table(r);
	} else {
		rc = script_expect(r, "(");
		if (rc == 0 && !script_is(r, ")"))
			rc = script_read_expressions(r);
		if (rc == 0)
			rc = script_expect(r, ")");
	}
	r->part = PART_OF_CALL;
	return rc;
}

/* Notes a name that is none of the script's variables. */
static int note_name(struct script_reader *r)
{
	struct script_source *source = r->source;
	const struct script_token *t = &r->token;

	r->part = PART_OF_NAME;
	r->name = SIZE_MAX;
	for (size_t i = r->n_locals; i > 0; i--)
		if (r->locals[i - 1].len == t->len &&
		    memcmp(r->locals[i - 1].text, t->text, t->len) == 0)
			return 0;
	for (r->name = 0; r->name < source->n_names; r->name++) {
		const struct script_name *name = &source->names[r->name];
		if (name->len == t->len && memcmp(name->text, t->text, t->len) == 0)
			return 0;
	}
	if (source->n_names == SCRIPT_NAMES_MAX)
		return script_fault(r, "more than %d names of fields, constants and functions",
				    SCRIPT_NAMES_MAX);
	source->names = xrealloc(source->names, source->n_names + 1, sizeof(*source->names));
	source->names[source->n_names++] = (struct script_name){
		.text = t->text, .len = t->len, .place = script_token_place(&r->scan, t)};
	return 0;
}

static int read_primary(struct script_reader *r)
{
	int rc = 0;

	if (r->token.kind == SCRIPT_NAME) {
		rc = script_check_name(r);
		if (rc == 0)
			rc = note_name(r);
		return rc < 0 ? rc : script_pass(r);
	}
	if (!script_is(r, "("))
		return script_unexpected(r, "a value");
	rc = script_pass(r);
	if (rc == 0)
		rc = script_read_expression(r);
	if (rc == 0)
		rc = script_expect(r, ")");
	r->part = PART_OF_ANY;
	return rc;
}

static int read_suffix(struct script_reader *r)
{
	int rc = 0;

	if (script_is(r, "[")) {
		rc = script_pass(r);
		if (rc == 0)
			rc = script_read_expression(r);
		if (rc == 0)
			rc = script_expect(r, "]");
		r->part = PART_OF_INDEX;
		return rc;
	}
	bool is_member = script_is(r, ".");
	if (!is_member && !script_is(r, ":"))
		return read_arguments(r);
	rc = script_pass(r);
	if (rc == 0 && r->token.kind != SCRIPT_NAME)
		rc = script_unexpected(r, "a name");
	if (rc == 0)
		rc = script_pass(r);
	r->part = PART_OF_INDEX;
	return rc == 0 && !is_member ? read_arguments(r) : rc;
}

int script_read_suffixed(struct script_reader *r)
{
	int rc = read_primary(r);

	while (rc == 0 && (r->token.kind == SCRIPT_TEXT || script_is(r, "(") || script_is(r, "{") ||
			   script_is(r, "[") || script_is(r, ".") || script_is(r, ":")))
		rc = read_suffix(r);
	return rc;
}

static int read_simple(struct script_reader *r)
{
	if (r->token.kind == SCRIPT_NUMBER)
		return read_number(r, false);
	if (r->token.kind == SCRIPT_TEXT || script_is(r, "nil") || script_is(r, "true") ||
	    script_is(r, "false")) {
		r->part = PART_OF_PLAIN;
		return script_pass(r);
	}
	if (script_is(r, "{"))
		return read_table(r);
	if (script_is(r, "function")) {
		int rc = script_pass(r);
		return rc < 0 ? rc : script_read_function(r);
	}
	if (script_is(r, "...")) {
		r->part = PART_OF_ANY;
		return r->has_arguments ? script_pass(r)
					: script_fault(r, "there are no arguments here");
	}
	return script_read_suffixed(r);
}

/* ---- operators ---- */

static int read_binary(struct script_reader *r, int limit);

static int read_unary(struct script_reader *r)
{
	if (script_is(r, "not") || script_is(r, "#")) {
		int rc = script_pass(r);
		if (rc == 0)
			rc = read_binary(r, UNARY);
		r->part = PART_OF_ANY;
		return rc;
	}
	if (!script_is(r, "-"))
		return read_simple(r);
	int rc = script_replace(r, "");
	if (rc == 0 && r->token.kind == SCRIPT_NUMBER) {
		(void)script_mark(r);
		return read_number(r, true);
	}
	buf_puts(&r->source->code, " __neg(");
	if (rc == 0)
		rc = read_binary(r, UNARY);
	buf_puts(&r->source->code, ")");
	r->part = PART_OF_ANY;
	return rc;
}

/* `a + b` in the code becomes `__add(a , b)`. */
static void make_call(struct script_reader *r, const struct operator* op, size_t start, size_t at)
{
	struct buf *code = &r->source->code;
	size_t len = strlen(op->call);

	if (code->failed || buf_reserve(code, len + 1) == NULL)
		return;
	memset(code->data + at, ' ', strlen(op->text));
	code->data[at] = ',';
	buf_puts(code, ")");
	buf_puts(code, op->call); /* room; then in front of it all */
	memmove(code->data + start + len, code->data + start, code->len - len - start);
	memcpy(code->data + start, op->call, len);
}

static int read_binary(struct script_reader *r, int limit)
{
	int rc = script_enter(r);
	if (rc < 0)
		return rc;
	size_t start = script_mark(r);
	rc = read_unary(r);
	for (;;) {
		const struct operator* op = rc<0 ? NULL : find_operator(&r->token);
		if (op == NULL || op->left <= limit)
			break;
		bool is_plain = r->part == PART_OF_PLAIN;
		size_t at = script_mark(r);
		rc = script_pass(r);
		if (rc == 0)
			rc = read_binary(r, op->right);
		is_plain = is_plain || r->part == PART_OF_PLAIN;
		if (rc == 0 && op->call != NULL && !(op->is_equality && is_plain))
			make_call(r, op, start, at);
		r->part = PART_OF_ANY;
	}
	script_leave(r);
	return rc;
}

int script_read_expression(struct script_reader *r)
{
	return read_binary(r, 0);
}

int script_read_expressions(struct script_reader *r)
{
	int rc = script_read_expression(r);

	while (rc == 0 && script_is(r, ",")) {
		rc = script_pass(r);
		if (rc == 0)
			rc = script_read_expression(r);
	}
	return rc;
}
