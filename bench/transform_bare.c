/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transform_bare FILE SCRIPT: runs a script in plain Lua over the records of a CSV file, as one
 * would write it down: the columns are globals (id an integer, total a number, the rest text), the
 * script is compiled once, and what it sets is read back as text. Numbers are binary floating
 * point, nothing is checked, limited or recorded. Prints records a second.
 */
#include <lauxlib.h> /* lint: allow foreign: a bare program is written against Lua itself */
#include <lua.h>
#include <lualib.h> /* lint: allow foreign: likewise */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { COLUMNS = 4, DIGITS_MAX = 9 };

static int fn_round(lua_State *lua)
{
	static const double powers[DIGITS_MAX + 1] = {1,   1e1, 1e2, 1e3, 1e4,
						      1e5, 1e6, 1e7, 1e8, 1e9};
	double power = powers[luaL_optinteger(lua, 2, 0) % (DIGITS_MAX + 1)];

	lua_pushnumber(lua, round(luaL_checknumber(lua, 1) * power) / power);
	return 1;
}

static void die(const char *what)
{
	fprintf(stderr, "transform_bare: %s\n", what);
	exit(1);
}

static void set_globals(lua_State *lua, char *line)
{
	char *columns[COLUMNS] = {NULL};
	char *rest = line;

	for (int i = 0; i < COLUMNS; i++)
		columns[i] = strsep(&rest, ",\n");
	if (columns[COLUMNS - 1] == NULL)
		die("a record has too few columns");
	lua_pushinteger(lua, strtoll(columns[0], NULL, 10));
	lua_setglobal(lua, "id");
	lua_pushstring(lua, columns[1]);
	lua_setglobal(lua, "name");
	lua_pushstring(lua, columns[2]);
	lua_setglobal(lua, "due");
	lua_pushnumber(lua, strtod(columns[3], NULL));
	lua_setglobal(lua, "total");
}

static size_t read_back(lua_State *lua)
{
	static const char *const names[] = {"vat", "gross", "label"};
	size_t bytes = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = 0;
		(void)lua_getglobal(lua, names[i]);
		if (lua_tolstring(lua, -1, &len) == NULL)
			die("the script did not set it");
		bytes += len;
		lua_pop(lua, 1);
	}
	return bytes;
}

int main(int argc, char **argv)
{
	FILE *in = argc == 3 ? fopen(argv[1], "r") : NULL;
	lua_State *lua = luaL_newstate();
	struct timespec began;
	struct timespec ended;
	char *line = NULL;
	size_t size = 0;
	size_t n = 0;
	size_t bytes = 0;

	if (in == NULL || lua == NULL)
		die("usage: transform_bare FILE SCRIPT");
	luaL_openlibs(lua);
	lua_register(lua, "round", fn_round);
	if (luaL_dostring(lua, "upper = string.upper") != LUA_OK ||
	    luaL_loadfile(lua, argv[2]) != LUA_OK)
		die(lua_tostring(lua, -1));
	clock_gettime(CLOCK_MONOTONIC, &began);
	if (getline(&line, &size, in) < 0)
		die("no header");
	for (; getline(&line, &size, in) > 0; n++) {
		set_globals(lua, line);
		lua_pushvalue(lua, 1);
		if (lua_pcall(lua, 0, 0, 0) != LUA_OK)
			die(lua_tostring(lua, -1));
		bytes += read_back(lua);
	}
	clock_gettime(CLOCK_MONOTONIC, &ended);
	double s = (double)(ended.tv_sec - began.tv_sec) +
		   (double)(ended.tv_nsec - began.tv_nsec) / 1e9;
	printf("%.1f\n", (double)n / s);
	return bytes > 0 ? 0 : 1;
}
