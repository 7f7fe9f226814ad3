/* SPDX-License-Identifier: Apache-2.0 */
#include "script/program.h"

#include <assert.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/decimal.h"
#include "base/err.h"
#include "base/mem.h"
#include "job/constant.h"
#include "job/date.h"
#include "job/item.h"
#include "job/job.h"
#include "job/template.h"
#include "script/amount.h"
#include "script/library.h"
#include "script/sandbox.h"
#include "script/values.h"

enum { PROGRAM_MAGIC = 0x50726f67, CODE_BYTES_MAX = 32 * SCRIPT_BYTES_MAX };

/* What a name of the script stands for. */
struct known {
	char *name;
	struct script_binding binding;
};

struct program {
	uint32_t magic;
	enum script_use use;
	const struct job *job;
	const struct template_run *run;
	void *arg;
	void (*take)(void *arg, lua_State *lua, int first, int n);
	struct sandbox *sandbox;
	struct known *fixed; /* given once */
	size_t n_fixed;
	struct known *args; /* given with each call */
	size_t n_args;
	struct known *fresh; /* fields that have no value yet */
	size_t n_fresh;
	size_t *sets;
	size_t n_sets;
	struct script_source source;	  /* while it is opened */
	const struct template_item *item; /* during a call, as is `answer` */
	const struct program_answer *answer;
	char table_keys[2]; /* whose addresses name the tables of `source` and `item` */
	bool has_source;
	bool has_item;
	enum program_verdict verdict;
	char why[ERR_TEXT_MAX];
};

/* ---- what is given once ---- */

static void set_text(lua_State *lua, const char *key, const char *text)
{
	if (text == NULL)
		values_set_nil(lua, key);
	else {
		(void)lua_pushstring(lua, text);
		lua_setfield(lua, -2, key);
	}
}

static void push_params(const struct program *p, lua_State *lua)
{
	const struct job *job = p->job;

	lua_newtable(lua);
	for (size_t i = 0; i < job->n_params; i++) {
		const struct job_param *param = &job->params[i];
		const char *text = p->run == NULL ? NULL : p->run->param_values[i];
		bool is_null = text == NULL || (text[0] == '\0' && param->field.type != FIELD_TEXT);
		if (is_null) {
			values_set_nil(lua, param->name);
			continue;
		}
		const struct value value = {.text = text, .len = strlen(text)};
		values_push(lua, &param->field, &value);
		lua_setfield(lua, -2, param->name);
	}
	values_protect(lua, "param");
}

static void set_day(lua_State *lua, const char *key, const struct date *day)
{
	char text[DATE_TEXT_LEN + 1] = "";

	date_format_iso(day, text);
	set_text(lua, key, text);
}

static void push_run(const struct program *p, lua_State *lua)
{
	const struct template_run *run = p->run;
	struct date day = {0};

	lua_newtable(lua);
	lua_pushinteger(lua, run == NULL ? 0 : run->id);
	lua_setfield(lua, -2, "id");
	set_text(lua, "job", p->job->name);
	set_text(lua, "slot", run == NULL ? "" : run->slot);
	set_text(lua, "date", run == NULL ? "" : run->date);
	if (run != NULL && run->date != NULL &&
	    date_parse_iso(run->date, strlen(run->date), &day)) {
		day.day = 1;
		set_day(lua, "month_start", &day);
		for (day.day = 31; !date_is_valid(&day);)
			day.day--;
		set_day(lua, "month_end", &day);
	}
	values_protect(lua, "run");
}

/* Filled anew with each call. */
static void push_changing(struct program *p, lua_State *lua, size_t which, const char *name)
{
	lua_newtable(lua);
	lua_pushvalue(lua, -1);
	lua_rawsetp(lua, LUA_REGISTRYINDEX, &p->table_keys[which]);
	values_protect(lua, name);
}

static void push_given(struct program *p, lua_State *lua, enum script_given given)
{
	switch (given) {
	case SCRIPT_GIVEN_PARAM:
		push_params(p, lua);
		return;
	case SCRIPT_GIVEN_RUN:
		push_run(p, lua);
		return;
	case SCRIPT_GIVEN_SOURCE:
		p->has_source = true;
		push_changing(p, lua, 0, "source");
		return;
	case SCRIPT_GIVEN_ITEM:
		p->has_item = true;
		push_changing(p, lua, 1, "item");
		return;
	case SCRIPT_GIVEN_STATUS:
	case SCRIPT_GIVEN_BODY:
	case SCRIPT_GIVEN_JSON:
	case SCRIPT_GIVEN_COUNT_:
		break;
	}
	unreachable("these come with each call");
}

static void push_numbers(const struct script_source *source, lua_State *lua)
{
	lua_createtable(lua, (int)source->n_numbers, 0);
	for (size_t i = 0; i < source->n_numbers; i++) {
		struct err err = ERR_INIT;
		struct decimal d = {0};
		if (decimal_parse(source->numbers[i], strlen(source->numbers[i]), '.', &d, &err) <
		    0)
			(void)luaL_error(lua, "%s", err.text);
		amount_push(lua, &d);
		lua_rawseti(lua, -2, (lua_Integer)i + 1);
	}
}

/* ---- verdicts ---- */

static int give_verdict(lua_State *lua, enum program_verdict verdict)
{
	struct program *p = lua_touserdata(lua, lua_upvalueindex(1));
	size_t len = 0;
	const char *why = luaL_checklstring(lua, 1, &len);

	p->verdict = verdict;
	len = len < sizeof(p->why) - 1 ? len : sizeof(p->why) - 1;
	memcpy(p->why, why, len);
	p->why[len] = '\0';
	return luaL_error(lua, "%s", p->why); /* ends the script; nothing can catch it */
}

static int fn_dead(lua_State *lua)
{
	return give_verdict(lua, PROGRAM_DEAD);
}

static int fn_retry(lua_State *lua)
{
	return give_verdict(lua, PROGRAM_RETRY);
}

static void open_verdicts(struct program *p, lua_State *lua)
{
	lua_pushlightuserdata(lua, p);
	lua_pushcclosure(lua, fn_dead, 1);
	lua_setfield(lua, -2, "dead");
	lua_pushlightuserdata(lua, p);
	lua_pushcclosure(lua, fn_retry, 1);
	lua_setfield(lua, -2, "retry");
}

/* In the order of put_head. */
static int program_give(void *arg, lua_State *lua)
{
	struct program *p = OBJ_CAST(arg, struct program, PROGRAM_MAGIC);
	int first = lua_gettop(lua) + 1;

	luaL_checkstack(lua, 2 * SCRIPT_NAMES_MAX, NULL);
	lua_newtable(lua);
	library_open(lua);
	open_verdicts(p, lua);
	amount_push_helpers(lua);
	push_numbers(&p->source, lua);
	for (size_t i = 0; i < p->n_fixed; i++) {
		const struct script_binding *b = &p->fixed[i].binding;
		if (b->meaning == SCRIPT_IS_FUNCTION)
			(void)lua_getfield(lua, first, p->fixed[i].name);
		else if (b->meaning == SCRIPT_IS_CONSTANT)
			values_push_constant(lua, &p->job->constants[b->index]);
		else
			push_given(p, lua, (enum script_given)b->index);
	}
	lua_remove(lua, first); /* the functions by name */
	return lua_gettop(lua) - first + 1;
}

/* ---- what is given with each call ---- */

static void fill_source(const struct program *p, lua_State *lua)
{
	const struct item *item = p->item->item;

	(void)lua_rawgetp(lua, LUA_REGISTRYINDEX, &p->table_keys[0]);
	set_text(lua, "path", item->source_path);
	lua_pushinteger(lua, item->source_line);
	lua_setfield(lua, -2, "line");
	lua_pop(lua, 1);
}

static void fill_item(const struct program *p, lua_State *lua)
{
	const struct template_item *item = p->item;

	(void)lua_rawgetp(lua, LUA_REGISTRYINDEX, &p->table_keys[1]);
	(void)lua_pushlstring(lua, item->item->key, item->item->key_len);
	lua_setfield(lua, -2, "key");
	set_text(lua, "date", p->run == NULL ? "" : p->run->date);
	/* A transform gives the same for each attempt. */
	if (p->use != SCRIPT_TRANSFORM) {
		lua_pushinteger(lua, item->attempt);
		lua_setfield(lua, -2, "attempt");
		set_text(lua, "idempotency_key", item->idempotency_key);
	}
	lua_pop(lua, 1);
}

static void push_arg(const struct program *p, lua_State *lua, const struct script_binding *b)
{
	if (b->meaning == SCRIPT_IS_FIELD) {
		values_push(lua, &p->job->fields[b->index], &p->item->item->fields[b->index]);
		return;
	}
	assert(p->answer != NULL);
	if (b->index == SCRIPT_GIVEN_STATUS)
		lua_pushinteger(lua, p->answer->status);
	else if (b->index == SCRIPT_GIVEN_BODY)
		(void)lua_pushlstring(lua, p->answer->body, p->answer->len);
	else
		values_push_json(lua, p->answer->body, p->answer->len);
}

static void program_call(void *arg, lua_State *lua)
{
	struct program *p = OBJ_CAST(arg, struct program, PROGRAM_MAGIC);

	luaL_checkstack(lua, SCRIPT_NAMES_MAX + LUA_MINSTACK, NULL);
	if (p->has_source)
		fill_source(p, lua);
	if (p->has_item)
		fill_item(p, lua);
	for (size_t i = 0; i < p->n_args; i++)
		push_arg(p, lua, &p->args[i].binding);
	lua_call(lua, (int)p->n_args, LUA_MULTRET);
	p->take(p->arg, lua, 1, lua_gettop(lua));
}

/* ---- opening ---- */

static void add_known(struct known **list, size_t *n, const struct script_name *name,
		      const struct script_binding *binding)
{
	*list = xrealloc(*list, *n + 1, sizeof(**list));
	(*list)[*n].name = xstrndup(name->text, name->len);
	(*list)[*n].binding = *binding;
	++*n;
}

static bool comes_with_call(const struct script_binding *b)
{
	return b->meaning == SCRIPT_IS_FIELD ||
	       (b->meaning == SCRIPT_IS_GIVEN &&
		(b->index == SCRIPT_GIVEN_STATUS || b->index == SCRIPT_GIVEN_BODY ||
		 b->index == SCRIPT_GIVEN_JSON));
}

static int bind_names(struct program *p, const char *called, struct err *err)
{
	for (size_t i = 0; i < p->source.n_names; i++) {
		const struct script_name *name = &p->source.names[i];
		struct script_binding b = {0};
		int rc = script_bind(p->job, p->use, name, &b, err);
		if (rc < 0) {
			err_add(err, "%s:%d: ", called, name->place.line);
			return rc;
		}
		bool is_fresh = p->use == SCRIPT_TRANSFORM && b.meaning == SCRIPT_IS_FIELD &&
				b.index >= p->job->source.n_fields;
		if (is_fresh)
			add_known(&p->fresh, &p->n_fresh, name, &b);
		else if (comes_with_call(&b))
			add_known(&p->args, &p->n_args, name, &b);
		else
			add_known(&p->fixed, &p->n_fixed, name, &b);
		if (name->set_at.line == 0)
			continue;
		p->sets = xrealloc(p->sets, p->n_sets + 1, sizeof(*p->sets));
		p->sets[p->n_sets++] = b.index;
	}
	return 0;
}

static void put_names(struct buf *code, const struct known *list, size_t n, bool *is_first)
{
	for (size_t i = 0; i < n; i++) {
		buf_printf(code, "%s%s", *is_first ? "" : ",", list[i].name);
		*is_first = false;
	}
}

/* All of it in front of the script's first line. */
static void put_head(const struct program *p, struct buf *code)
{
	bool is_first = true;

	buf_puts(code, "local ");
#define X(name) buf_puts(code, "__" #name ",");
	SCRIPT_HELPERS(X)
#undef X
	buf_puts(code, "__k");
	for (size_t i = 0; i < p->n_fixed; i++)
		buf_printf(code, ",%s", p->fixed[i].name);
	buf_puts(code, "=... return function(");
	put_names(code, p->args, p->n_args, &is_first);
	put_names(code, p->fresh, p->n_fresh, &is_first);
	buf_puts(code, ") ");
}

static void put_tail(const struct program *p, struct buf *code)
{
	if (p->use == SCRIPT_TRANSFORM) {
		buf_puts(code, " return ");
		for (size_t i = 0; i < p->n_sets; i++)
			buf_printf(code, "%s%s", i == 0 ? "" : ",",
				   p->job->fields[p->sets[i]].name);
	}
	buf_puts(code, "\nend");
}

static int compile(struct program *p, const struct program_options *o, struct err *err)
{
	AUTO(buf) struct buf code = BUF_INIT(CODE_BYTES_MAX);
	const struct job *job = o->job;
	const struct sandbox_options options = {
		.name = o->name,
		.instructions = o->instructions > 0 ? o->instructions : job->lua_instructions,
		.memory_bytes = o->memory_bytes > 0 ? o->memory_bytes : job->lua_memory_bytes,
		.may_run_long = p->source.may_run_long,
		.arg = p,
		.give = program_give,
		.call = program_call};

	put_head(p, &code);
	buf_put(&code, p->source.code.data, p->source.code.len);
	put_tail(p, &code);
	int rc = buf_check(&code, "the script", err);
	return rc < 0 ? rc : sandbox_open(&options, buf_str(&code), code.len, &p->sandbox, err);
}

static int program_read(struct program *p, const struct program_options *o, struct err *err)
{
	static const enum script_form forms[] = {[SCRIPT_FILTER] = SCRIPT_GIVES,
						 [SCRIPT_TRANSFORM] = SCRIPT_ASSIGNS,
						 [SCRIPT_WORK] = SCRIPT_ACTS,
						 [SCRIPT_TEST] = SCRIPT_GIVES};

	int rc = script_read(forms[o->use], o->text, o->len, &p->source, err);
	if (rc < 0) {
		err_add(err, "%s:%d: ", o->name, p->source.fault.line);
		return rc;
	}
	return bind_names(p, o->name, err);
}

int program_open(const struct program_options *options, struct program **ret_program,
		 struct err *err)
{
	assert(options != NULL && options->job != NULL && options->take != NULL &&
	       ret_program != NULL && err != NULL);
	struct program *p = xnew(struct program);
	p->magic = PROGRAM_MAGIC;
	p->use = options->use;
	p->job = options->job;
	p->run = options->run;
	p->arg = options->arg;
	p->take = options->take;
	int rc = program_read(p, options, err);
	if (rc == 0)
		rc = compile(p, options, err);
	script_source_done(&p->source);
	if (rc < 0)
		program_free(p);
	else
		*ret_program = p;
	return rc;
}

int program_run(struct program *p, const struct template_item *item,
		const struct program_answer *answer, struct err *err)
{
	assert(p != NULL && (item != NULL || p->use == SCRIPT_TEST) && err != NULL);
	p->item = item;
	p->answer = answer;
	p->verdict = PROGRAM_NONE;
	int rc = sandbox_call(p->sandbox, err);
	p->item = NULL;
	p->answer = NULL;
	return rc;
}

const size_t *program_sets(const struct program *p, size_t *ret_n)
{
	*ret_n = p->n_sets;
	return p->sets;
}

enum program_verdict program_verdict(const struct program *p, const char **ret_why)
{
	*ret_why = p->why;
	return p->verdict;
}

static void known_free(struct known *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i].name);
	free(list);
}

void program_free(struct program *p)
{
	if (p == NULL)
		return;
	sandbox_free(p->sandbox);
	known_free(p->fixed, p->n_fixed);
	known_free(p->args, p->n_args);
	known_free(p->fresh, p->n_fresh);
	free(p->sets);
	p->magic = 0;
	free(p);
}
