/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What kind of address a host turned out to have, so that a value of an item does not lead a
 * request to where only this machine or its network can reach. Pure.
 */
#ifndef STINT_WORK_HTTP_ADDRESS_H
#define STINT_WORK_HTTP_ADDRESS_H

#include <stdbool.h>

#include "job/http.h"

struct sockaddr;

/* An IPv4 address within an IPv6 one (mapped, NAT64, 6to4) is of its own kind. What is no Internet
 * address at all is HTTP_ADDRESS_NONE. */
enum http_address_kind http_address_kind(const struct sockaddr *address);
/* "loopback", "link_local", "private", … */
const char *http_address_kind_name(enum http_address_kind kind);
/* Whether a host from a placeholder may have such an address. */
bool http_address_is_allowed(const struct job_http *http, enum http_address_kind kind);

#endif
