/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A library to be loaded before others: names that end in .test resolve as they are called.
 *
 * inside.test is this machine, gone.test does not exist, again.test cannot be looked up now, and
 * hangs.test is never answered. All other names go their usual way.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

typedef int (*resolve_fn)(const char *node, const char *service, const struct addrinfo *hints,
			  struct addrinfo **ret_list);

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **ret_list)
{
	resolve_fn next = (resolve_fn)dlsym(RTLD_NEXT, "getaddrinfo");

	if (next == NULL)
		return EAI_SYSTEM;
	if (node != NULL && strcmp(node, "inside.test") == 0)
		return next("127.0.0.1", service, hints, ret_list);
	if (node != NULL && strcmp(node, "gone.test") == 0)
		return EAI_NONAME;
	if (node != NULL && strcmp(node, "again.test") == 0)
		return EAI_AGAIN;
	while (node != NULL && strcmp(node, "hangs.test") == 0)
		(void)pause();
	return next(node, service, hints, ret_list);
}
