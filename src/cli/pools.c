/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/pools.h"

#include <assert.h>
#include <inttypes.h>

#include "base/err.h"
#include "cli/cli.h"
#include "cli/config.h"
#include "engine/session.h"
#include "job/job.h"

int pools_check(const struct job *job, const struct config *config, struct err *err)
{
	assert(job != NULL && config != NULL && err != NULL);
	for (size_t i = 0; i < job->require.n_pools; i++) {
		const struct job_pool *wanted = &job->require.pools[i];
		size_t at = session_pool_find(config->pools, config->n_pools, wanted->name);
		const struct session_pool *pool = at == config->n_pools ? NULL : &config->pools[at];
		if (pool == NULL && wanted->units > 1)
			return ERR(err, ERR_CONFIG,
				   "require.pools.%s: %" PRId64
				   ", and there is 1 of what the configuration does not name under "
				   "pools",
				   wanted->name, wanted->units);
		if (pool != NULL && wanted->units > pool->capacity)
			return ERR(err, ERR_CONFIG,
				   "require.pools.%s: %" PRId64 ", and there are only %" PRId64
				   " by the configuration",
				   wanted->name, wanted->units, pool->capacity);
	}
	return 0;
}

int pools_check_call(const struct cli *cli, const struct job *job, struct err *err)
{
	AUTO(config) struct config config = {0};

	if (job->require.n_pools == 0)
		return 0;
	int rc = config_load(cli->options.value[OPTION_CONFIG], &config, err);
	return rc < 0 ? rc : pools_check(job, &config, err);
}
