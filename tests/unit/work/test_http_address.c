/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/attr.h"
#include "work/http_address.h"

static const struct {
	const char *text;
	enum http_address_kind kind;
} cases[] = {
	{"127.0.0.1", HTTP_ADDRESS_LOOPBACK},
	{"127.255.255.254", HTTP_ADDRESS_LOOPBACK},
	{"::1", HTTP_ADDRESS_LOOPBACK},
	{"::ffff:127.0.0.1", HTTP_ADDRESS_LOOPBACK},
	{"::127.0.0.1", HTTP_ADDRESS_LOOPBACK},
	{"64:ff9b::7f00:1", HTTP_ADDRESS_LOOPBACK},
	{"2002:7f00:1::", HTTP_ADDRESS_LOOPBACK},
	{"169.254.169.254", HTTP_ADDRESS_LINK_LOCAL},
	{"::ffff:169.254.169.254", HTTP_ADDRESS_LINK_LOCAL},
	{"fe80::1", HTTP_ADDRESS_LINK_LOCAL},
	{"febf::1", HTTP_ADDRESS_LINK_LOCAL},
	{"10.1.2.3", HTTP_ADDRESS_PRIVATE},
	{"172.16.0.1", HTTP_ADDRESS_PRIVATE},
	{"172.31.255.255", HTTP_ADDRESS_PRIVATE},
	{"172.32.0.1", HTTP_ADDRESS_PUBLIC},
	{"172.15.255.255", HTTP_ADDRESS_PUBLIC},
	{"192.168.1.1", HTTP_ADDRESS_PRIVATE},
	{"192.169.1.1", HTTP_ADDRESS_PUBLIC},
	{"100.64.0.1", HTTP_ADDRESS_PRIVATE},
	{"100.128.0.1", HTTP_ADDRESS_PUBLIC},
	{"198.19.255.255", HTTP_ADDRESS_PRIVATE},
	{"fd00:ec2::254", HTTP_ADDRESS_PRIVATE},
	{"fec0::1", HTTP_ADDRESS_PRIVATE},
	{"64:ff9b::a01:203", HTTP_ADDRESS_PRIVATE},
	{"64:ff9b:1::1", HTTP_ADDRESS_PRIVATE},
	{"0.0.0.0", HTTP_ADDRESS_NONE},
	{"0.1.2.3", HTTP_ADDRESS_NONE},
	{"::", HTTP_ADDRESS_NONE},
	{"::ffff:0.0.0.0", HTTP_ADDRESS_NONE},
	{"224.0.0.1", HTTP_ADDRESS_NONE},
	{"255.255.255.255", HTTP_ADDRESS_NONE},
	{"ff02::1", HTTP_ADDRESS_NONE},
	{"2001::1", HTTP_ADDRESS_NONE},
	{"100::1", HTTP_ADDRESS_NONE},
	{"192.0.2.1", HTTP_ADDRESS_NONE},
	{"1.1.1.1", HTTP_ADDRESS_PUBLIC},
	{"223.255.255.255", HTTP_ADDRESS_PUBLIC},
	{"2606:4700::1111", HTTP_ADDRESS_PUBLIC},
	{"64:ff9b::101:101", HTTP_ADDRESS_PUBLIC},
};

static void each_address_is_of_its_kind(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sockaddr_storage storage = {0};
		struct sockaddr_in in = {.sin_family = AF_INET};
		struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
		if (inet_pton(AF_INET, cases[i].text, &in.sin_addr) == 1) {
			memcpy(&storage, &in, sizeof(in));
		} else {
			assert_int_equal(inet_pton(AF_INET6, cases[i].text, &in6.sin6_addr), 1);
			memcpy(&storage, &in6, sizeof(in6));
		}
		enum http_address_kind kind = http_address_kind((struct sockaddr *)&storage);
		if (kind != cases[i].kind)
			fail_msg("%s is called %s", cases[i].text, http_address_kind_name(kind));
	}
}

static void only_what_the_job_allows_is_allowed(void **state)
{
	const struct job_http none = {0};
	const struct job_http some = {.allows[HTTP_ADDRESS_PRIVATE] = true};

	assert_true(http_address_is_allowed(&none, HTTP_ADDRESS_PUBLIC));
	assert_false(http_address_is_allowed(&none, HTTP_ADDRESS_LOOPBACK));
	assert_false(http_address_is_allowed(&none, HTTP_ADDRESS_NONE));
	assert_true(http_address_is_allowed(&some, HTTP_ADDRESS_PRIVATE));
	assert_false(http_address_is_allowed(&some, HTTP_ADDRESS_LOOPBACK));
	assert_false(http_address_is_allowed(&some, HTTP_ADDRESS_NONE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_address_is_of_its_kind),
		cmocka_unit_test(only_what_the_job_allows_is_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
