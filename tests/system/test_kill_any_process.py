# SPDX-License-Identifier: Apache-2.0
"""Fifty times in one run one of its processes is killed; every item is still accounted for.

The moments and the victims are random; the seed is printed, and SEED=… repeats it.
"""
import os
import random
import subprocess
import time

import pytest
from lib.box import cast, kill, wait_until

ITEMS = 5000
KILLS = 50
CONCURRENCY = 4
# Under way is at most what runs, and as much again that may begin or whose end is not yet durable.
AHEAD = 2 * CONCURRENCY + 8

JOB = '''
version: 1
job: kill
source:
  csv: {{path: items.csv}}
  key: id
  fields: {{id: integer}}
work:
  exec: {{shell: 'echo "$STINT_KEY" >>effects', input: none}}
  effect: {effect}
  concurrency: {concurrency}
retry: {{attempts: 20, first: 20ms, factor: 1, max: 50ms}}
chunk: {{items: 100}}
'''


def all_keys():
    return [str(i) for i in range(1, ITEMS + 1)]


def write_job(box, effect):
    box.file('items.csv', 'id\n' + '\n'.join(all_keys()) + '\n')
    box.file('kill.yaml', JOB.format(effect=effect, concurrency=CONCURRENCY))


def effects_so_far(box):
    """How many effects there are. Cheap: keys are written as lines, so newlines count."""
    try:
        with open(os.path.join(box.path, 'effects'), 'rb') as f:
            return f.read().count(b'\n')
    except FileNotFoundError:
        return 0


def kill_one(box, dice, run):
    """Kills a process of a random role; programs of items are short, so one is waited for. Gives the role."""
    while run.poll() is None:
        role = dice.choice(['keeper', 'engine', 'lane', 'child'])
        for _ in range(40):
            there = cast(run.pid)[role]
            if there and kill(dice.choice(there)):
                return role
            if effects_so_far(box) > ITEMS * 0.95:
                break
    return None


def torture(box, dice):
    """Runs the job to its end and kills on the way. Gives the kills by role and the last exit status."""
    moments = sorted(dice.randrange(1, ITEMS * 9 // 10) for _ in range(KILLS))
    killed = {'keeper': 0, 'engine': 0, 'lane': 0, 'child': 0}
    run = box.start('run', 'kill.yaml', '--no-progress')
    for moment in moments:
        role = None
        end = time.monotonic() + 30
        while role is None:
            assert time.monotonic() < end, f'no progress at {moment}: {box.process_said(run)[-3000:]}'
            if run.poll() is not None:
                assert run.returncode in (75, -9), (run.returncode, box.process_said(run)[-3000:])
                run = box.start('run', 'kill.yaml', '--no-progress')
            time.sleep(0.003 + dice.random() * 0.02)
            if effects_so_far(box) >= moment:
                role = kill_one(box, dice, run)
        killed[role] += 1
        if role == 'engine' and dice.random() < 0.7:
            # The keeper would wait before it starts another engine; so that the next kill comes soon,
            # it mostly dies too, as when the whole machine stops.
            kill(run.pid)
            killed['keeper'] += 1
        if role in ('keeper', 'engine'):
            box.verify()
    for _ in range(20):
        try:
            run.wait(120)
        except subprocess.TimeoutExpired:
            pytest.fail(f'hangs: {box.process_said(run)[-3000:]}')
        if run.returncode in (0, 3):
            break
        assert run.returncode in (75, -9), (run.returncode, box.process_said(run)[-3000:])
        run = box.start('run', 'kill.yaml', '--no-progress')
    return killed, run.returncode


@pytest.fixture(name='dice')
def make_dice():
    seed = int(os.environ.get('SEED', random.SystemRandom().randrange(1 << 32)))
    print(f'SEED={seed}')
    return random.Random(seed)


def test_idempotent_items_are_all_done_and_few_twice(box, dice):
    write_job(box, 'idempotent')
    killed, status = torture(box, dice)
    print('killed:', killed)
    assert status == 0
    effects = box.lines('effects')
    assert set(effects) == set(all_keys())
    # Twice is only what was under way, or done but not yet durable, when something was killed.
    print('twice:', len(effects) - ITEMS)
    assert len(effects) - ITEMS <= sum(killed.values()) * AHEAD
    assert box.keys('dead') == []
    assert box.keys('in_doubt') == []
    box.verify()


def test_once_items_never_run_twice_and_what_is_missing_is_in_doubt(box, dice):
    write_job(box, 'once')
    killed, status = torture(box, dice)
    effects = box.lines('effects')
    doubtful = box.keys('in_doubt')
    print('killed:', killed, 'in doubt:', len(doubtful), 'of these done:', len(set(doubtful) & set(effects)))
    assert len(effects) == len(set(effects)), 'an item ran twice'
    assert set(all_keys()) - set(effects) <= set(doubtful), 'an item was lost'
    assert status == (3 if doubtful else 0)
    assert len(doubtful) <= sum(killed.values()) * AHEAD
    assert box.keys('dead') == []
    box.verify()


def test_a_killed_engine_is_started_again_by_its_keeper(box):
    write_job(box, 'idempotent')
    run = box.start('run', 'kill.yaml', '--no-progress')
    wait_until(lambda: effects_so_far(box) > 100)
    engine = cast(run.pid)['engine']
    assert len(engine) == 1
    kill(engine[0])
    assert run.wait(120) == 0, box.process_said(run)
    assert 'killed' in box.process_said(run).lower() or 'signal' in box.process_said(run).lower()
    assert set(box.lines('effects')) == set(all_keys())
    box.verify()


def test_an_engine_whose_keeper_died_stops_with_grace(box):
    write_job(box, 'once')
    run = box.start('run', 'kill.yaml', '--no-progress')
    wait_until(lambda: effects_so_far(box) > 100)
    roles = cast(run.pid)
    kill(run.pid)
    run.wait()
    everyone = roles['engine'] + roles['lane']
    wait_until(lambda: not any(os.path.exists(f'/proc/{p}') for p in everyone))
    box.verify()
    # With grace: nothing was cut off, so nothing is in doubt, and the next call does the rest.
    assert box.keys('in_doubt') == []
    done = effects_so_far(box)
    assert done < ITEMS
    said = box.run('run', 'kill.yaml', '--no-progress')
    assert said.code == 0, said
    assert sorted(box.lines('effects')) == sorted(all_keys())
    box.verify()
