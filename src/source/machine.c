/* SPDX-License-Identifier: Apache-2.0 */
#include "source/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "source/globs.h"
#include "source/identity.h"
#include "source/moved.h"
#include "sys/file.h"
#include "sys/proc.h"

enum { HOST_MAX = 256 };

_Static_assert((int)MACHINE_BYTES == (int)XXH128_BYTES, "a machine is named by a hash");

int machine_here(uint8_t out[MACHINE_BYTES], struct err *err)
{
	static _Thread_local bool is_known;
	static _Thread_local uint8_t known[MACHINE_BYTES];
	char id[PROC_ID_MAX] = "";
	char host[HOST_MAX] = "";
	char both[PROC_ID_MAX + HOST_MAX];

	if (!is_known) { /* asked for each chunk */
		if (!proc_machine_id(id))
			return ERR(err, ERR_TEMP,
				   "which machine this is cannot be read (/etc/machine-id)");
		proc_host_name(host, sizeof(host));
		int len = snprintf(both, sizeof(both), "%s/%s", id, host);
		hash_xxh128(both, (size_t)len, known);
		is_known = true;
	}
	memcpy(out, known, sizeof(known));
	return 0;
}

bool machine_is_here(const uint8_t machine[MACHINE_BYTES])
{
	static const uint8_t unknown[MACHINE_BYTES];
	uint8_t here[MACHINE_BYTES];

	if (memcmp(machine, unknown, sizeof(unknown)) == 0)
		return true;
	struct err unused = ERR_INIT;
	/* Where that cannot be told, the file itself shows it. */
	return machine_here(here, &unused) == 0 && memcmp(machine, here, sizeof(here)) == 0;
}

bool machine_shows(const uint8_t machine[MACHINE_BYTES], const struct job *job, const char *name,
		   struct identity *identity)
{
	AUTO(str) char *path = globs_full_path(job, name);
	struct stat st = {0};
	struct identity now = {0};

	if (machine_is_here(machine))
		return true;
	if (stat(path, &st) == 0) {
		identity_from_stat(&now, &st);
		if (!identity_is_same_far(identity, &now))
			return false;
		identity->device = now.device;
		return true;
	}
	AUTO(fd) int moved = moved_open(job, name, identity);
	return moved >= 0;
}
