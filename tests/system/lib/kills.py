# SPDX-License-Identifier: Apache-2.0
"""Kills on the way through a job."""
import random

from lib.box import cast, kill, wait_until


def call_and_kill(box, job, count, calls, most):
    """Calls the job so often; in each call its engine or a lane is killed, after at most `most` more of
    what `count` counts, and it is stopped then. The seed is printed."""
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    print('seed', seed)
    for _ in range(calls):
        process = box.start('run', job)
        until = count() + chance.randrange(1, most + 1)
        wait_until(lambda u=until, p=process: count() >= u or p.poll() is not None)
        roles = cast(process.pid)
        victims = roles['engine'] + roles['lane']
        if victims:
            kill(chance.choice(victims))
        process.terminate()
        process.wait()
