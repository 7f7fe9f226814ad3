# SPDX-License-Identifier: Apache-2.0
"""Two hundred times in one run one of its processes is killed; every item is still accounted for.

The moments and the victims are random; the seed is printed, and SEED=… repeats it.
"""
import os
import random
import signal
import subprocess
import time

import pytest
from lib.box import cast, is_alive, kill, wait_until
from lib.figures import figures
from lib.job import without

ITEMS = 20000
KILLS = 200
CONCURRENCY = 4
KEY_BYTES = 6  # of a line of effects: five digits and a newline
FIRST = 10000
APART = 80  # about so many effects between two kills

JOB = '''
version: 1
job: kill
source:
  csv: {{path: items.csv}}
  key: id
  fields: {{id: text}}
work:
  exec: {exec}
  effect: {effect}
  concurrency: {concurrency}
retry: {{attempts: 20, first: 20ms, factor: 1, max: 50ms}}
chunk: {{items: 100}}
'''

EXEC = {'each': '{command: [./append, effects, "${id}", "1"], input: none}',
        'stream': '{command: [./append, effects], mode: stream, workers: 2}'}


def all_keys():
    return [str(i) for i in range(FIRST, FIRST + ITEMS)]


def write_job(box, effect, mode='each'):
    box.compile('append', 'append.c', '-static')
    box.file('items.csv', 'id\n' + '\n'.join(all_keys()) + '\n')
    box.file('kill.yaml', JOB.format(exec=EXEC[mode], effect=effect, concurrency=CONCURRENCY))


def effects_so_far(box):
    try:
        return os.path.getsize(os.path.join(box.path, 'effects')) // KEY_BYTES
    except FileNotFoundError:
        return 0


def kill_one(dice, run):
    """Kills a process of a random role; programs of items are short, so one is waited for. Gives the role."""
    role = dice.choice(['keeper', 'engine', 'lane', 'child'])
    for _ in range(20):
        there = cast(run.pid)[role]
        if there and kill(dice.choice(there)):
            return role
    return None


def restart(box, run):
    """The run, or another call when it was killed."""
    if run.poll() is None:
        return run
    assert run.returncode in (75, -9), (run.returncode, box.process_said(run)[-3000:])
    return box.start('run', 'kill.yaml', '--no-progress')


def open_gate(box, effects):
    """Lets effects happen until there are so many: without it a fast machine would be done before all
    were killed."""
    with open(os.path.join(box.path, 'gate'), 'ab') as gate:
        gate.truncate(effects * KEY_BYTES)


def kill_at(box, dice, run, moment):
    """Kills one when so many effects are there. Gives the role, and the run that goes on."""
    open_gate(box, moment + dice.randrange(1, APART // 2))
    end = time.monotonic() + 180
    while True:
        assert time.monotonic() < end, f'no progress at {moment}: {box.process_said(run)[-3000:]}'
        run = restart(box, run)
        time.sleep(0.002 + dice.random() * 0.01)
        role = kill_one(dice, run) if effects_so_far(box) >= moment else None
        if role is not None:
            return role, run


def torture(box, dice):
    """Runs the job to its end and kills on the way. Gives the kills by role and the last exit status."""
    killed = {'keeper': 0, 'engine': 0, 'lane': 0, 'child': 0}
    kills = 12 if box.database else KILLS  # there, who died is known after ten seconds
    open_gate(box, 1)
    run = box.start('run', 'kill.yaml', '--no-progress')
    for i in range(1, kills + 1):
        role, run = kill_at(box, dice, run, i * APART + dice.randrange(APART // 2))
        killed[role] += 1
        if role == 'engine' and dice.random() < 0.85:
            # The keeper would wait before it starts another engine; so that the next kill comes soon,
            # it mostly dies too, as when the whole machine stops.
            kill(run.pid)
            run.wait(120)
            killed['keeper'] += 1
        if role in ('keeper', 'engine') and dice.random() < 0.2:
            box.verify()
    os.unlink(os.path.join(box.path, 'gate'))
    for _ in range(20):
        try:
            run.wait(180)
        except subprocess.TimeoutExpired:
            pytest.fail(f'hangs: {box.process_said(run)[-3000:]}')
        if run.returncode in (0, 3):
            break
        run = restart(box, run)
    return killed, run.returncode


@pytest.fixture(name='dice')
def make_dice():
    seed = int(os.environ.get('SEED', random.SystemRandom().randrange(1 << 32)))
    print(f'SEED={seed}')
    return random.Random(seed)


def give_another_chance(box, status):
    """Chance may kill the process of one item three times; it is given up then, and rightly so, until a
    person says otherwise. Gives the exit status of the call after that."""
    dead = box.ask("select key, crashes from item where state = 'dead'")
    assert status == (3 if dead else 0)
    assert all(crashes == 3 for _, crashes in dead) and len(dead) <= KILLS // 10, dead
    if dead:
        assert box.run('retry', '--state', 'dead').code == 0
        status = box.run('run', 'kill.yaml', '--no-progress').code
    return status


@pytest.mark.long
@pytest.mark.parametrize('mode', EXEC)
def test_idempotent_items_are_all_done_and_few_twice(box, dice, mode):
    write_job(box, 'idempotent', mode)
    killed, status = torture(box, dice)
    status = give_another_chance(box, status)
    found = figures(box, all_keys(), 'idempotent', crashes=sum(killed.values()), concurrency=CONCURRENCY)
    print('killed:', killed, found)
    assert status == 0
    assert set(box.lines('effects')) == set(all_keys())


@pytest.mark.long
@pytest.mark.parametrize('mode', EXEC)
def test_once_items_never_run_twice_and_what_is_missing_is_in_doubt(box, dice, mode):
    write_job(box, 'once', mode)
    killed, status = torture(box, dice)
    found = figures(box, all_keys(), 'once', crashes=sum(killed.values()), concurrency=CONCURRENCY)
    doubtful = box.keys('in_doubt')
    print('killed:', killed, found)
    assert set(all_keys()) - set(box.lines('effects')) <= set(doubtful), 'an item was lost'
    assert status == (3 if doubtful else 0)
    assert box.keys('dead') == []


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
    assert figures(box, all_keys(), 'once', concurrency=CONCURRENCY).needless == 0


def test_without_an_eye_on_its_keeper_an_engine_goes_on(box):
    """The negative control."""
    write_job(without(box, 'host.keeper'), 'once')
    run = box.start('run', 'kill.yaml', '--no-progress')
    wait_until(lambda: effects_so_far(box) > 100)
    engine = cast(run.pid)['engine']
    kill(run.pid)
    run.wait()
    before = effects_so_far(box)
    wait_until(lambda: effects_so_far(box) > before + 500 or not is_alive(engine[0]))
    is_at_work = is_alive(engine[0])
    kill(engine[0], signal.SIGTERM)
    wait_until(lambda: not is_alive(engine[0]))
    assert is_at_work and effects_so_far(box) > before + 500
