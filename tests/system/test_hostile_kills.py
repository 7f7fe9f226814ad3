# SPDX-License-Identifier: Apache-2.0
"""Keeper, engine and lanes are killed at random moments while they talk to the hostile server.

With `once` each key reaches the server at most once, whatever happened; with `idempotent` all that can be
done is done, and a key comes with the same bytes each time. The seed is printed, and SEED=… repeats it.
"""
import os
import random
import subprocess
import time

import pytest
from lib import web_job
from lib.box import cast, kill
from lib.hostile import Hostile

ITEMS = 600
KILLS = 30
CONCURRENCY = 8
# How often, and what: each is honest in the end, but for what the server refuses for good.
WAYS = [(60, 'slow:20'), (10, 'ok'), (8, 'close-after-request,slow:5'), (5, 'reset-after-request,slow:5'),
        (3, 'close-after-headers,ok'), (3, 'half-body,ok'), (2, 'half-headers,ok'), (3, 'status:503,slow:5'),
        (5, 'die-when-reused'), (3, 'status:422'), (1, 'drip:1'), (1, 'endless,ok')]
# Answered by this, an item is done.
HONEST = ('ok', 'slow', 'die-when-reused', 'drip', 'endless')


@pytest.fixture(name='dice')
def make_dice():
    seed = int(os.environ.get('SEED', random.SystemRandom().randrange(1 << 32)))
    print(f'SEED={seed}')
    return random.Random(seed)


@pytest.fixture(name='server')
def make_server():
    server = Hostile()
    yield server
    server.close()


def restart(box, run):
    """The run, or another call when it was killed."""
    if run.poll() is None:
        return run
    assert run.returncode in (0, 3, 75, -9), (run.returncode, box.process_said(run)[-3000:])
    return box.start(*web_job.RUN)


def kill_some(dice, run):
    """One of a random role; with an engine mostly its keeper, too, as when the whole machine stops. (A keeper
    alone would wait longer each time before it starts another.) Gives the role, None when there was none."""
    role = dice.choice(['keeper', 'engine', 'lane'])
    there = cast(run.pid)[role]
    if not there or not kill(dice.choice(there)):
        return None
    if role == 'engine' and dice.random() < 0.85:
        kill(run.pid)
        run.wait(120)
    return role


def torture(box, server, dice):
    """Runs the job to its end, and kills on the way whenever so many requests have come. Gives the kills."""
    moments = sorted(dice.randrange(1, ITEMS * 9 // 10) for _ in range(KILLS))
    killed = []
    run = box.start(*web_job.RUN)
    end = time.monotonic() + 400
    while moments and run.poll() not in (0, 3):
        assert time.monotonic() < end, box.process_said(run)[-3000:]
        time.sleep(0.001 + dice.random() * 0.01)
        if len(server.requests) >= moments[0]:
            role = kill_some(dice, run)
            if role is not None:
                killed.append(role)
                moments.pop(0)
        run = restart(box, run) if run.poll() not in (0, 3) else run
    for _ in range(30):
        try:
            run.wait(180)
        except subprocess.TimeoutExpired:
            pytest.fail(f'hangs: {box.process_said(run)[-3000:]}')
        if run.returncode in (0, 3):
            return killed, run.returncode
        run = restart(box, run)
    pytest.fail(f'does not come to an end: {box.process_said(run)[-3000:]}')


def write_job(box, server, dice, effect):
    ways = dice.choices([way for _, way in WAYS], [n for n, _ in WAYS], k=ITEMS)
    items = {f'i{i}': way for i, way in enumerate(ways)}
    web_job.write(box, server.url(path=''), items, effect=effect, concurrency=CONCURRENCY, attempts=30,
                  timeout='30s', work='max_dead: 100%')
    return items


def answered(request):
    return request.is_whole and request.way.split(':')[0] in HONEST


@pytest.mark.long
@pytest.mark.parametrize('effect', ['once', 'idempotent'])
def test_whoever_is_killed_the_server_got_what_was_promised(box, server, dice, effect):
    items = write_job(box, server, dice, effect)
    killed, status = torture(box, server, dice)
    server.settle()
    box.verify()
    print('killed:', killed)
    found = web_job.states(box)
    received = {}
    for request in server.received():
        received.setdefault(request.name, []).append(request)
    assert set(found) == set(items)
    assert len(killed) > KILLS // 3
    for name, way in items.items():
        requests = received.get(name, [])
        assert len({r.key for r in requests if r.key}) <= 1, (name, requests)
        assert len({r.sha256 for r in requests if r.is_whole}) <= 1, (name, requests)
        allowed = {'done', 'in_doubt'} if effect == 'once' else {'done'}
        allowed = {'dead', *(allowed - {'done'})} if way == 'status:422' else allowed
        assert found[name] in allowed, (name, way, found[name], requests)
        if effect == 'once':
            assert len(requests) <= 1, (name, requests)
        if found[name] == 'done':
            assert any(answered(r) for r in requests), (name, requests)
    assert status == 3


def test_the_oracle_sees_an_item_that_was_sent_twice(box, server, dice):
    """Negative control: what is in doubt is sent once more, by a person's decision, and that shows."""
    del dice
    web_job.write(box, server.url(path=''), {'a': 'close-after-request,ok'}, effect='once')
    web_job.run(box, 3)
    assert len(server.received('a')) == 1
    said = box.run('resolve', 'web/a', '--retry', '--why', 'the other side says that it did not happen', '-y')
    assert said.code == 0, said
    web_job.run(box, 0)
    first, second = server.received('a')
    assert first.key == second.key and first.sha256 == second.sha256
