/* SPDX-License-Identifier: Apache-2.0 */
#include "job/scalar.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "job/field.h"
#include "job/node.h"
#include "job/pattern.h"
#include "job/suggest.h"

enum {
	EXPECTED_MAX = 300,
	NAME_MAX_CHARS = 100,
	WORDS_MAX = 8, /* of one row, and how long they are: a test counts them */
	WORD_BYTES = 32,
};

#define AMOUNT_MAX INT64_C(1000000000)
enum { AMOUNT_SCALE_MAX = 9 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static size_t skip_digits(const char *text)
{
	size_t n = 0;

	while (is_digit(text[n]))
		n++;
	return n;
}

/* ---- ranges ---- */

static void put_bound(enum schema_type_index type, int64_t bound, struct buf *out)
{
	if (type == SCHEMA_DURATION)
		text_put_duration(out, bound);
	else if (type == SCHEMA_SIZE)
		text_put_size(out, bound);
	else
		buf_printf(out, "%" PRId64, bound);
}

static int check_range(const struct schema_key *key, enum schema_type_index type, int64_t value,
		       const char *text, struct err *err)
{
	int64_t max = key->max == 0 ? INT64_MAX : key->max;

	if (value >= key->min && value <= max)
		return 0;
	AUTO(buf) struct buf range = BUF_INIT(EXPECTED_MAX);
	put_bound(type, key->min, &range);
	if (key->min == key->max) {
		return ERR(err, ERR_CONFIG, "%s is out of range; it must be %s", text,
			   buf_str(&range));
	}
	if (key->max == 0)
		return ERR(err, ERR_CONFIG, "%s is out of range; at least %s", text,
			   buf_str(&range));
	buf_puts(&range, " to ");
	put_bound(type, key->max, &range);
	return ERR(err, ERR_CONFIG, "%s is out of range; it may be %s", text, buf_str(&range));
}

/* ---- single types: 0, or ERR_CONFIG with a reason of its own, or SCALAR_NOT: no such value ----
 */

enum { SCALAR_NOT = 1 };

static bool looks_like_integer(const char *text)
{
	size_t sign = text[0] == '-' ? 1 : 0;
	size_t n = skip_digits(text + sign);

	return n > 0 && text[sign + n] == '\0';
}

static int read_integer(const struct schema_key *key, const struct node *node, struct scalar *s,
			struct err *err)
{
	struct err reason = ERR_INIT;

	if (!node->is_plain || !looks_like_integer(node->text))
		return SCALAR_NOT;
	const char *digits = node->text + (node->text[0] == '-' ? 1 : 0);
	if (digits[0] == '0' && digits[1] != '\0')
		return ERR(
			err, ERR_CONFIG,
			"%s begins with 0; numbers are decimal and written without leading zeros",
			QUOTED(node->text, node->len));
	if (text_parse_int(node->text, node->len, &s->integer, &reason) < 0)
		s->integer = node->text[0] == '-' ? INT64_MIN : INT64_MAX;
	if (reason.code != 0 && key->max == 0)
		return ERR(err, ERR_CONFIG, "%s is out of range; numbers have 64 bits", node->text);
	s->number = (double)s->integer;
	return check_range(key, SCHEMA_INTEGER, s->integer, node->text, err);
}

/* digits [ '.' digits ], at most 15 digits so that a double holds them. */
static bool parse_number(const char *text, size_t len, double *ret_number)
{
	double value = 0;
	double unit = 1;
	size_t n = 0;
	bool in_fraction = false;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '.' && !in_fraction && i > 0 && i + 1 < len) {
			in_fraction = true;
			continue;
		}
		if (!is_digit(text[i]) || ++n > 15)
			return false;
		value = value * 10 + (text[i] - '0');
		unit = in_fraction ? unit * 10 : unit;
	}
	if (n == 0 || (text[0] == '0' && len > 1 && text[1] != '.'))
		return false;
	*ret_number = value / unit;
	return true;
}

static int read_number(const struct schema_key *key, const struct node *node, struct scalar *s,
		       struct err *err)
{
	if (!node->is_plain || !parse_number(node->text, node->len, &s->number))
		return SCALAR_NOT;
	if (s->number < (double)key->min || (key->max != 0 && s->number > (double)key->max))
		return ERR(err, ERR_CONFIG, "%s is out of range; it may be %" PRId64 " to %" PRId64,
			   node->text, key->min, key->max);
	return 0;
}

/* So large that no sum of them is too large for a decimal. */
static int read_amount(const struct node *node, struct scalar *s, struct err *err)
{
	const struct decimal most = decimal_from_int(AMOUNT_MAX);
	struct err reason = ERR_INIT;

	if (!node->is_plain || decimal_parse(node->text, node->len, '.', &s->amount, &reason) < 0)
		return SCALAR_NOT;
	if (s->amount.negative || s->amount.scale > AMOUNT_SCALE_MAX ||
	    decimal_compare(&s->amount, &most) > 0)
		return ERR(err, ERR_CONFIG,
			   "%s is out of range; it may be 0 to %" PRId64
			   " with %d digits behind the point",
			   node->text, AMOUNT_MAX, AMOUNT_SCALE_MAX);
	return 0;
}

static int read_boolean(const struct node *node, struct scalar *s, struct err *err)
{
	static const char *const others[] = {"yes",  "Yes",  "YES",   "no",   "No",  "NO",
					     "on",   "On",   "ON",    "off",  "Off", "OFF",
					     "True", "TRUE", "False", "FALSE"};

	if (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0) {
		if (!node->is_plain)
			return ERR(err, ERR_CONFIG,
				   "expected true or false without quotes, found %s",
				   QUOTED(node->text, node->len));
		s->integer = node->text[0] == 't';
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (strcmp(node->text, others[i]) == 0)
			return ERR(err, ERR_CONFIG,
				   "%s is no boolean in YAML 1.2; write true or false",
				   QUOTED(node->text, node->len));
	return SCALAR_NOT;
}

static int read_word(const struct schema_key *key, const struct node *node, struct scalar *s)
{
	int index = schema_find_word(key, node->text, node->len);

	if (index < 0)
		return SCALAR_NOT;
	s->is_later = schema_word(key, index).is_later;
	s->integer = index;
	return 0;
}

static int read_duration(const struct schema_key *key, const struct node *node, struct scalar *s,
			 struct err *err)
{
	struct err reason = ERR_INIT;

	if (text_parse_duration(node->text, node->len, &s->integer, &reason) < 0)
		return SCALAR_NOT;
	return check_range(key, SCHEMA_DURATION, s->integer, node->text, err);
}

static int read_size(const struct schema_key *key, const struct node *node, struct scalar *s,
		     struct err *err)
{
	struct err reason = ERR_INIT;

	if (text_parse_size(node->text, node->len, &s->integer, &reason) < 0)
		return SCALAR_NOT;
	return check_range(key, SCHEMA_SIZE, s->integer, node->text, err);
}

static int read_ratio(const struct node *node, struct scalar *s, struct err *err)
{
	double percent = 0;

	if (node->len < 2 || node->text[node->len - 1] != '%' ||
	    !parse_number(node->text, node->len - 1, &percent))
		return SCALAR_NOT;
	if (percent > 100)
		return ERR(err, ERR_CONFIG, "%s is out of range; it may be 0%% to 100%%",
			   node->text);
	s->number = percent / 100;
	return 0;
}

static int read_limit(const struct node *node, struct scalar *s, struct err *err)
{
	static const struct schema_key count = {.min = 0};
	int r = read_ratio(node, s, err);

	s->limit = (struct job_limit){.is_set = true, .is_ratio = true, .ratio = s->number};
	if (r <= 0)
		return r;
	r = read_integer(&count, node, s, err);
	s->limit = (struct job_limit){.is_set = true, .count = s->integer};
	return r;
}

static int read_factor(const struct node *node, struct scalar *s, struct err *err)
{
	if (node->len < 2 || node->text[node->len - 1] != 'x' ||
	    !parse_number(node->text, node->len - 1, &s->number))
		return SCALAR_NOT;
	if (s->number < 1)
		return ERR(err, ERR_CONFIG, "%s is out of range; at least 1x", node->text);
	return 0;
}

static int read_rate(const struct node *node, struct scalar *s)
{
	static const int64_t units[] = {US_PER_S, US_PER_MIN, US_PER_HOUR, US_PER_DAY};
	static const char letters[] = "smhd";
	size_t n = skip_digits(node->text);

	if (n == 0 || n > 9 || node->text[0] == '0' || node->text[n] != '/' || node->len != n + 2)
		return SCALAR_NOT;
	const char *unit = strchr(letters, node->text[n + 1]);
	if (unit == NULL)
		return SCALAR_NOT;
	s->rate.per_us = units[unit - letters];
	for (size_t i = 0; i < n; i++)
		s->rate.n = 10 * s->rate.n + node->text[i] - '0';
	return 0;
}

static int read_clock(const struct node *node, struct scalar *s)
{
	const char *t = node->text;

	if (node->len != 5 || !is_digit(t[0]) || !is_digit(t[1]) || t[2] != ':' ||
	    !is_digit(t[3]) || !is_digit(t[4]))
		return SCALAR_NOT;
	int hour = (t[0] - '0') * 10 + t[1] - '0';
	int minute = (t[3] - '0') * 10 + t[4] - '0';
	if (hour > 23 || minute > 59)
		return SCALAR_NOT;
	s->integer = hour * 60 + minute;
	return 0;
}

static int read_char(const struct schema_key *key, const struct node *node, struct scalar *s,
		     struct err *err)
{
	if (node->len == 1 && node->text[0] != '\n' && (unsigned char)node->text[0] < 0x80) {
		s->character = node->text[0];
		return 0;
	}
	if (strcmp(node->text, "\\t") == 0)
		return ERR(err, ERR_CONFIG, "a tab is written \"\\t\" in double quotes");
	if (node->len == 0 && strcmp(schema_name(key), "quote") == 0)
		return 0;
	return SCALAR_NOT;
}

static int read_job_name(const struct node *node, struct err *err)
{
	if (node->len > NAME_MAX_CHARS)
		return ERR(err, ERR_CONFIG, "a name has at most %d characters, not %zu",
			   NAME_MAX_CHARS, node->len);
	for (size_t i = 0; i < node->len; i++)
		if (!is_letter(node->text[i]) && !is_digit(node->text[i]) &&
		    strchr("._-", node->text[i]) == NULL)
			return SCALAR_NOT;
	if (node->len == 0 || node->text[0] == '-' || node->text[0] == '.')
		return ERR(err, ERR_CONFIG, "a name begins with a letter, a digit or '_', not %s",
			   QUOTED(node->text, node->len));
	return 0;
}

bool scalar_is_job_name(const char *name)
{
	const struct node node = {.type = NODE_SCALAR, .text = name, .len = strlen(name)};
	struct err ignored = ERR_INIT;

	return read_job_name(&node, &ignored) == 0;
}

static int read_secret(const struct node *node)
{
	static const char *const kinds[] = {"env:", "file:", "credential:"};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		size_t n = strlen(kinds[i]);
		if (strncmp(node->text, kinds[i], n) == 0 && node->text[n] != '\0')
			return i == 2 && strchr(node->text, '/') != NULL ? SCALAR_NOT : 0;
	}
	return SCALAR_NOT;
}

static int read_field_type(const struct node *node, struct err *err)
{
	struct field field = {0};
	int r = field_parse_type(&field, node->text, node->len, err);

	field_done(&field);
	return r;
}

static int read_umask(const struct node *node, struct scalar *s)
{
	int64_t value = 0;

	if (node->len < 3 || node->len > 4 || (node->len == 4 && node->text[0] != '0'))
		return SCALAR_NOT;
	for (size_t i = 0; i < node->len; i++) {
		if (node->text[i] < '0' || node->text[i] > '7')
			return SCALAR_NOT;
		value = value * 8 + node->text[i] - '0';
	}
	s->integer = value;
	return 0;
}

static int read_then(const struct node *node, struct scalar *s)
{
	static const char move[] = "move:";

	if (strcmp(node->text, "keep") == 0)
		s->integer = JOB_THEN_KEEP;
	else if (strcmp(node->text, "delete") == 0)
		s->integer = JOB_THEN_DELETE;
	else if (strncmp(node->text, move, sizeof(move) - 1) == 0 && node->len >= sizeof(move))
		s->integer = JOB_THEN_MOVE;
	else
		return SCALAR_NOT;
	return 0;
}

static int read_as(enum schema_type_index type, const struct schema_key *key,
		   const struct node *node, struct scalar *s, struct err *err)
{
	switch (type) {
	case SCHEMA_MAP:
	case SCHEMA_NAMES:
	case SCHEMA_LIST:
		return SCALAR_NOT;
	case SCHEMA_ENUM:
		return read_word(key, node, s);
	case SCHEMA_BOOLEAN:
		return read_boolean(node, s, err);
	case SCHEMA_INTEGER:
		return read_integer(key, node, s, err);
	case SCHEMA_NUMBER:
		return read_number(key, node, s, err);
	case SCHEMA_AMOUNT:
		return read_amount(node, s, err);
	case SCHEMA_DURATION:
		return read_duration(key, node, s, err);
	case SCHEMA_SIZE:
		return read_size(key, node, s, err);
	case SCHEMA_RATIO:
		return read_ratio(node, s, err);
	case SCHEMA_LIMIT:
		return read_limit(node, s, err);
	case SCHEMA_FACTOR:
		return read_factor(node, s, err);
	case SCHEMA_RATE:
		return read_rate(node, s);
	case SCHEMA_CLOCK:
		return read_clock(node, s);
	case SCHEMA_CHAR:
		return read_char(key, node, s, err);
	case SCHEMA_JOB_NAME:
		return read_job_name(node, err);
	case SCHEMA_SECRET:
		return read_secret(node);
	case SCHEMA_FIELD_TYPE:
		return read_field_type(node, err);
	case SCHEMA_PATTERN:
		return pattern_check(node->text, node->len, err);
	case SCHEMA_UMASK:
		return read_umask(node, s);
	case SCHEMA_THEN:
		return read_then(node, s);
	case SCHEMA_STATUSES: /* which there are is known once the kind of work is */
	case SCHEMA_TEMPLATE: /* its names are checked once all fields are known */
	case SCHEMA_TEXT:
	case SCHEMA_ANY:
		return 0;
	case SCHEMA_TYPE_COUNT_:
		break;
	}
	unreachable("a type of the table");
}

/* The words of the row as C strings; how many there are. */
static size_t collect_words(const struct schema_key *key, char texts[WORDS_MAX][WORD_BYTES],
			    const char *words[WORDS_MAX])
{
	size_t n = 0;

	for (; n < WORDS_MAX && schema_word(key, (int)n).text != NULL; n++) {
		struct schema_word word = schema_word(key, (int)n);
		(void)snprintf(texts[n], WORD_BYTES, "%.*s", (int)word.len, word.text); /* fits */
		words[n] = texts[n];
	}
	return n;
}

static int complain(const struct schema_key *key, const struct node *node, struct err *err)
{
	AUTO(buf) struct buf expected = BUF_INIT(EXPECTED_MAX);
	char texts[WORDS_MAX][WORD_BYTES];
	const char *words[WORDS_MAX];

	schema_put_expected(key, &expected);
	bool is_quoted_number = !node->is_plain && (key->types & (T_INTEGER | T_NUMBER)) != 0 &&
				looks_like_integer(node->text);
	size_t n = collect_words(key, texts, words);
	return ERR(err, ERR_CONFIG, "expected %s%s, found %s%s", buf_str(&expected),
		   is_quoted_number ? " without quotes" : "", QUOTED(node->text, node->len),
		   DID_YOU_MEAN(text_nearest(node->text, node->len, words, n)));
}

int scalar_read(const struct schema_key *key, const struct node *node, struct scalar *ret_scalar,
		struct err *err)
{
	assert(node->type == NODE_SCALAR);
	for (int type = 0; type < SCHEMA_TYPE_COUNT_; type++) {
		struct scalar s = {.type = (enum schema_type_index)type};
		if ((key->types & (1u << type)) == 0)
			continue;
		int r = read_as(s.type, key, node, &s, err);
		if (r < 0)
			return r;
		if (r > 0)
			continue;
		*ret_scalar = s;
		return 0;
	}
	return complain(key, node, err);
}

bool scalar_is_same(const struct schema_key *key, const struct node *a, const struct node *b)
{
	const unsigned numeric = T_BOOLEAN | T_INTEGER | T_DURATION | T_SIZE | T_CLOCK | T_UMASK;
	struct scalar x = {0};
	struct scalar y = {0};
	struct err err = ERR_INIT;

	if (strcmp(a->text, b->text) == 0)
		return true;
	if (key == NULL || scalar_read(key, a, &x, &err) < 0 || scalar_read(key, b, &y, &err) < 0 ||
	    x.type != y.type)
		return false;
	if (x.type == SCHEMA_RATE)
		return x.rate.n == y.rate.n && x.rate.per_us == y.rate.per_us;
	return ((1u << x.type) & numeric) != 0 && x.integer == y.integer;
}
