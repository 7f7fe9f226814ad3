/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The handler may run anywhere, with any lock held: it calls write(2), backtrace(3), which was
 * called once before so that its library is loaded, and what signal-safety(7) allows.
 */
#include "sys/panic.h"

#include <assert.h>
#include <execinfo.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"

enum { DIGITS_MAX = 20, FRAMES_MAX = 64, STACK_BYTES = 64 * 1024 };

static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE};

static _Thread_local struct {
	const char *run; /* NULL: nothing in particular */
	int64_t item;
} context;

/* An overflown stack has no room for a handler. */
static char panic_stack[STACK_BYTES];

static void panic_say(const char *text)
{
	ssize_t n = write(STDERR_FILENO, text, strlen(text));

	(void)n; /* we are dying; there is nobody else to tell */
}

static void panic_say_number(int64_t number)
{
	char digits[DIGITS_MAX + 1] = "";
	char *at = &digits[DIGITS_MAX];
	uint64_t left = (uint64_t)number; /* items are counted from 0 */

	do {
		*--at = (char)('0' + left % 10);
		left /= 10;
	} while (left > 0);
	panic_say(at);
}

static void panic_say_context(void)
{
	if (context.run == NULL) {
		panic_say("nothing in particular");
		return;
	}
	panic_say("run ");
	panic_say(context.run);
	panic_say(", item ");
	panic_say_number(context.item);
}

static void panic_handle(int sig)
{
	void *frames[FRAMES_MAX] = {0};
	const char *name = sigabbrev_np(sig);

	panic_say("stint " STINT_VERSION ": died by SIG");
	panic_say(name == NULL ? "?" : name);
	panic_say("\nwhile working on: ");
	panic_say_context();
	panic_say("\nbacktrace:\n");
	backtrace_symbols_fd(frames, backtrace(frames, FRAMES_MAX), STDERR_FILENO);
	(void)raise(sig); /* the handler is gone (SA_RESETHAND): this ends the process */
}

void panic_install(void)
{
	void *frame = NULL;
	stack_t stack = {.ss_sp = panic_stack, .ss_size = sizeof(panic_stack)};
	struct sigaction action = {
		.sa_handler = panic_handle,
		.sa_flags = (int)(SA_RESETHAND | SA_NODEFER | SA_ONSTACK),
	};

	(void)backtrace(&frame, 1);
	int rc = sigaltstack(&stack, NULL);
	assert(rc == 0);
	(void)sigemptyset(&action.sa_mask); /* cannot fail */
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		struct sigaction before = {0};
		rc = sigaction(signals[i], NULL, &before);
		assert(rc == 0);
		if (before.sa_handler != SIG_DFL)
			continue;
		rc = sigaction(signals[i], &action, NULL);
		assert(rc == 0);
	}
}

void panic_context(const char *run, int64_t item)
{
	assert(item >= 0);
	context.run = run;
	context.item = item;
}
