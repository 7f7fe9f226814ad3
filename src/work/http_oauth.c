/* SPDX-License-Identifier: Apache-2.0 */
#include "work/http_oauth.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

#define OAUTH_MAGIC 0x4f417574

enum {
	TOKEN_BYTES_MAX = 16 * 1024,
	ANSWER_MEMORY_MAX = 1024 * 1024,
	STATUS_BAD_REQUEST = 400,
	STATUS_UNAUTHORIZED = 401,
	STATUS_REQUEST_TIMEOUT = 408,
	STATUS_TOO_MANY = 429,
	STATUS_SERVER = 500
};

/* A token is given up so long before its end, or a tenth of its life, but lives this long. */
#define MARGIN_US (60 * US_PER_S)
#define MARGIN_PART 10
#define LIFE_LEAST_US US_PER_S
#define LIFE_MOST_US (INT64_C(30) * US_PER_DAY)

struct http_oauth {
	uint32_t magic;
	char *token;	 /* NULL: none */
	uint64_t number; /* of the token, or the last one */
	int64_t until;	 /* boot_us; UTIME_NEVER: it was not said */
	bool has_worked;
	/* RFC 6749 2.3.1: every endpoint knows basic authentication. Not every one does. */
	bool client_in_form;
	bool way_is_sure;
};

/* RFC 6749 5.2, and two of 4.1.2.1 that endpoints say here, too. Anything else that an endpoint
 * says stays unsaid: it might say what it was told. */
static const char *const known_errors[] = {
	"invalid_request",	  "invalid_client", "invalid_grant", "unauthorized_client",
	"unsupported_grant_type", "invalid_scope",  "access_denied", "temporarily_unavailable"};

struct http_oauth *http_oauth_new(void)
{
	struct http_oauth *oauth = xnew(struct http_oauth);

	oauth->magic = OAUTH_MAGIC;
	return oauth;
}

static void give_up_token(struct http_oauth *oauth)
{
	if (oauth->token != NULL)
		explicit_bzero(oauth->token, strlen(oauth->token));
	free(TAKE(oauth->token));
}

void http_oauth_free(struct http_oauth *oauth)
{
	if (oauth == NULL)
		return;
	assert(oauth->magic == OAUTH_MAGIC);
	give_up_token(oauth);
	oauth->magic = 0;
	free(oauth);
}

const char *http_oauth_token(const struct http_oauth *oauth, int64_t boot_us, uint64_t *ret_number)
{
	if (oauth->token == NULL || boot_us >= oauth->until)
		return NULL;
	*ret_number = oauth->number;
	return oauth->token;
}

/* application/x-www-form-urlencoded. */
static void put_encoded(struct buf *out, const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;

		if (c < 0x80 && (isalnum(c) || strchr("-._*", c) != NULL))
			buf_putc(out, *p);
		else if (c == ' ')
			buf_putc(out, '+');
		else
			buf_printf(out, "%%%02X", c);
	}
}

static void put_pair(struct buf *form, const char *name, const char *value)
{
	buf_printf(form, "&%s=", name);
	put_encoded(form, value);
}

void http_oauth_put_request(const struct http_oauth *oauth, const struct http_oauth_client *client,
			    const struct http_oauth_request *request)
{
	buf_puts(request->form, "grant_type=client_credentials");
	if (client->scope != NULL && client->scope[0] != '\0')
		put_pair(request->form, "scope", client->scope);
	if (oauth->client_in_form) {
		put_pair(request->form, "client_id", client->id);
		put_pair(request->form, "client_secret", client->secret);
		return;
	}
	put_encoded(request->user, client->id);
	put_encoded(request->password, client->secret);
}

static const char *known_error(const struct json *root)
{
	const struct json *said = json_find(root, "error", strlen("error"));

	for (size_t i = 0; said != NULL && said->type == JSON_STRING && i < ARRAY_LEN(known_errors);
	     i++)
		if (said->text_len == strlen(known_errors[i]) &&
		    memcmp(said->text, known_errors[i], said->text_len) == 0)
			return known_errors[i];
	return NULL;
}

static int take_refusal(struct http_oauth *oauth, const struct http_oauth_answer *answer,
			struct err *err)
{
	AUTO(json_doc) struct json_doc *doc = NULL;
	const struct json *root = NULL;
	struct err unread = ERR_INIT;
	const char *error = NULL;
	long status = answer->status;
	bool is_ours = status == STATUS_BAD_REQUEST || status == STATUS_UNAUTHORIZED;

	if (is_ours && !oauth->client_in_form && !oauth->way_is_sure) {
		oauth->client_in_form = true;
		return HTTP_OAUTH_AGAIN;
	}
	/* The next attempt begins from the start. */
	oauth->client_in_form = oauth->client_in_form && oauth->way_is_sure;
	if (json_parse(answer->body, answer->len, ANSWER_MEMORY_MAX, &doc, &root, &unread) == 0)
		error = known_error(root);
	if (status == STATUS_TOO_MANY || status == STATUS_REQUEST_TIMEOUT ||
	    status >= STATUS_SERVER)
		return ERR(err, ERR_UNAVAILABLE, "the token endpoint answered %ld", status);
	return ERR(err, ERR_CONFIG, "the token endpoint answered %ld%s%s", status,
		   error != NULL ? ", " : "", error != NULL ? error : "");
}

/* What may stand in a header, RFC 6750 being stricter than most endpoints. */
static bool is_token(const struct json *value)
{
	if (value == NULL || value->type != JSON_STRING || value->text_len == 0 ||
	    value->text_len > TOKEN_BYTES_MAX)
		return false;
	for (size_t i = 0; i < value->text_len; i++)
		if (value->text[i] <= ' ' || value->text[i] > '~')
			return false;
	return true;
}

/* How long a token lives, by its answer: seconds, as a number or (some) as a text. */
static int64_t life_us(const struct json *root)
{
	const struct json *said = json_find(root, "expires_in", strlen("expires_in"));
	struct err err = ERR_INIT;
	int64_t seconds = 0;

	if (said == NULL || (said->type != JSON_NUMBER && said->type != JSON_STRING) ||
	    text_parse_int(said->text, said->text_len, &seconds, &err) != 0)
		return INT64_MAX;
	if (seconds >= LIFE_MOST_US / US_PER_S)
		return LIFE_MOST_US;
	int64_t life = seconds * US_PER_S;
	life -= life / MARGIN_PART < MARGIN_US ? life / MARGIN_PART : MARGIN_US;
	return life < LIFE_LEAST_US ? LIFE_LEAST_US : life;
}

int http_oauth_take(struct http_oauth *oauth, int64_t boot_us,
		    const struct http_oauth_answer *answer, struct err *err)
{
	AUTO(json_doc) struct json_doc *doc = NULL;
	const struct json *root = NULL;
	/* Where a JSON error stands might be within the token: its words are not passed on. */
	struct err unread = ERR_INIT;

	assert(oauth->magic == OAUTH_MAGIC);
	if (answer->status / 100 != 2)
		return take_refusal(oauth, answer, err);
	if (json_parse(answer->body, answer->len, ANSWER_MEMORY_MAX, &doc, &root, &unread) != 0 ||
	    root->type != JSON_OBJECT)
		return ERR(err, ERR_DATA, "the token endpoint's answer is no JSON object");
	const struct json *token = json_find(root, "access_token", strlen("access_token"));
	const struct json *kind = json_find(root, "token_type", strlen("token_type"));
	if (!is_token(token))
		return ERR(err, ERR_DATA, "the token endpoint's answer has no access_token");
	if (kind != NULL && (kind->type != JSON_STRING || strcasecmp(kind->text, "bearer") != 0))
		return ERR(err, ERR_DATA, "the token endpoint's token is no bearer token");
	give_up_token(oauth);
	oauth->token = xstrndup(token->text, token->text_len);
	oauth->number++;
	oauth->has_worked = false;
	oauth->way_is_sure = true;
	int64_t life = life_us(root);
	oauth->until = life == INT64_MAX ? UTIME_NEVER : boot_us + life;
	return 0;
}

void http_oauth_worked(struct http_oauth *oauth, uint64_t number)
{
	if (number == oauth->number)
		oauth->has_worked = true;
}

bool http_oauth_is_worn(struct http_oauth *oauth, uint64_t number)
{
	if (number != oauth->number)
		return true;
	if (oauth->token == NULL)
		return oauth->has_worked;
	/* Either way the next attempt shall ask for a new one. */
	give_up_token(oauth);
	return oauth->has_worked;
}
