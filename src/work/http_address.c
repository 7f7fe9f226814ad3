/* SPDX-License-Identifier: Apache-2.0 */
#include "work/http_address.h"

#include <assert.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "base/attr.h"

enum { IPV6_BYTES = 16 };

/* The first that fits counts. From the registries of special addresses of IANA (RFC 6890). */
static const struct {
	uint8_t prefix[4];
	int bits;
	enum http_address_kind kind;
} of_v4[] = {
	{{127}, 8, HTTP_ADDRESS_LOOPBACK},
	{{0}, 8, HTTP_ADDRESS_NONE}, /* 0.0.0.0 reaches this machine */
	{{169, 254}, 16, HTTP_ADDRESS_LINK_LOCAL},
	{{10}, 8, HTTP_ADDRESS_PRIVATE},
	{{172, 16}, 12, HTTP_ADDRESS_PRIVATE},
	{{192, 168}, 16, HTTP_ADDRESS_PRIVATE},
	{{100, 64}, 10, HTTP_ADDRESS_PRIVATE}, /* behind a carrier's NAT */
	{{198, 18}, 15, HTTP_ADDRESS_PRIVATE}, /* for measuring networks */
	{{192, 0, 0}, 24, HTTP_ADDRESS_NONE},  /* protocols */
	{{192, 0, 2}, 24, HTTP_ADDRESS_NONE},  /* documentation */
	{{198, 51, 100}, 24, HTTP_ADDRESS_NONE},
	{{203, 0, 113}, 24, HTTP_ADDRESS_NONE},
	{{224}, 3, HTTP_ADDRESS_NONE}, /* multicast, reserved, broadcast */
};

/* With `v4_at`: the IPv4 address that is in it from that byte on says what it is. */
static const struct {
	uint8_t prefix[IPV6_BYTES];
	int bits;
	enum http_address_kind kind;
	int v4_at;
} of_v6[] = {
	{{[15] = 1}, 128, HTTP_ADDRESS_LOOPBACK, 0},
	{{0}, 128, HTTP_ADDRESS_NONE, 0},
	{{[10] = 0xff, 0xff}, 96, HTTP_ADDRESS_NONE, 12},	       /* mapped */
	{{0}, 96, HTTP_ADDRESS_NONE, 12},			       /* compatible, of old */
	{{[1] = 0x64, 0xff, 0x9b}, 96, HTTP_ADDRESS_NONE, 12},	       /* NAT64 */
	{{[1] = 0x64, 0xff, 0x9b, 0, 1}, 48, HTTP_ADDRESS_PRIVATE, 0}, /* NAT64 of a site */
	{{0x20, 0x02}, 16, HTTP_ADDRESS_NONE, 2},		       /* 6to4 */
	{{0x20, 0x01, 0, 0}, 32, HTTP_ADDRESS_NONE, 0},		       /* Teredo */
	{{0x20, 0x01, 0x0d, 0xb8}, 32, HTTP_ADDRESS_NONE, 0},	       /* documentation */
	{{0xfe, 0x80}, 10, HTTP_ADDRESS_LINK_LOCAL, 0},
	{{0xfe, 0xc0}, 10, HTTP_ADDRESS_PRIVATE, 0}, /* of a site, of old */
	{{0xfc}, 7, HTTP_ADDRESS_PRIVATE, 0},
	{{0xff}, 8, HTTP_ADDRESS_NONE, 0},     /* multicast */
	{{[0] = 1}, 64, HTTP_ADDRESS_NONE, 0}, /* discarded */
};

static bool has_prefix(const uint8_t *address, const uint8_t *prefix, int bits)
{
	size_t whole = (size_t)bits / 8;
	int rest = bits % 8;

	if (memcmp(address, prefix, whole) != 0)
		return false;
	return rest == 0 || (address[whole] ^ prefix[whole]) >> (8 - rest) == 0;
}

static enum http_address_kind kind_of_v4(const uint8_t *address)
{
	for (size_t i = 0; i < ARRAY_LEN(of_v4); i++)
		if (has_prefix(address, of_v4[i].prefix, of_v4[i].bits))
			return of_v4[i].kind;
	return HTTP_ADDRESS_PUBLIC;
}

static enum http_address_kind kind_of_v6(const uint8_t *address)
{
	for (size_t i = 0; i < ARRAY_LEN(of_v6); i++) {
		if (!has_prefix(address, of_v6[i].prefix, of_v6[i].bits))
			continue;
		if (of_v6[i].v4_at != 0)
			return kind_of_v4(address + of_v6[i].v4_at);
		return of_v6[i].kind;
	}
	return HTTP_ADDRESS_PUBLIC;
}

enum http_address_kind http_address_kind(const struct sockaddr *address)
{
	assert(address != NULL);
	if (address->sa_family == AF_INET) {
		struct sockaddr_in in = {0};
		memcpy(&in, address, sizeof(in));
		return kind_of_v4((const uint8_t *)&in.sin_addr);
	}
	if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 in6 = {0};
		memcpy(&in6, address, sizeof(in6));
		return kind_of_v6((const uint8_t *)&in6.sin6_addr);
	}
	return HTTP_ADDRESS_NONE;
}

const char *http_address_kind_name(enum http_address_kind kind)
{
	static const char *const names[] = {[HTTP_ADDRESS_LOOPBACK] = "loopback",
					    [HTTP_ADDRESS_LINK_LOCAL] = "link_local",
					    [HTTP_ADDRESS_PRIVATE] = "private",
					    [HTTP_ADDRESS_NONE] = "no host's own",
					    [HTTP_ADDRESS_PUBLIC] = "public"};

	assert(kind < HTTP_ADDRESS_COUNT_);
	return names[kind];
}

bool http_address_is_allowed(const struct job_http *http, enum http_address_kind kind)
{
	assert(http != NULL && kind < HTTP_ADDRESS_COUNT_);
	return kind == HTTP_ADDRESS_PUBLIC || http->allows[kind];
}
