# SPDX-License-Identifier: Apache-2.0
"""Chaos: five instances on one ledger, killed, stopped, continued at random, and none of an item's
effects is lost, doubled, or told without having been, and all of it ends.

    STINT_CHAOS_SECONDS=600 STINT_CHAOS_SEED=4711 python3 -m pytest tests/system/test_chaos.py -s

As long as one likes, and from a seed; without, some seconds, and a seed that is printed.
"""
import json
import os
import random
import signal
import time

import pytest
from lib import postgres
from lib.box import Box, descendants, kill

SECONDS = float(os.environ.get('STINT_CHAOS_SECONDS', '20'))
ITEMS = int(os.environ.get('STINT_CHAOS_ITEMS', '3000'))
INSTANCES = 5
JOB = '''\
version: 1
job: chaos
source:
  csv: {path: items.csv}
  fields: {id: integer}
work:
  exec: {command: [./act, "${id}"]}
  timeout: 5s
  effect: once
  concurrency: 3
chunk: {items: 20}
'''
# The effect is one write of a whole line.
ACT = '''\
#!/bin/sh
echo "$1" >>effects
exec sleep 0.0$((1 + $1 % 9))
'''


@pytest.fixture(name='box', params=['sqlite', 'postgres'])
def fixture_box(request, tmp_path):
    box = Box(tmp_path)
    server = None
    if request.param == 'postgres':
        server = postgres.Server()
        server.ready()
        box.env['STINT_LEDGER'] = server.database().uri
        box.options = []
    box.file('chaos.yaml', JOB)
    box.file('items.csv', 'id\n' + ''.join(f'{i}\n' for i in range(ITEMS)))
    box.file('act', ACT, mode=0o755)
    yield box
    box.close()
    if server is not None:
        server.close()


def effects(box):
    return [int(line) for line in box.lines('effects')]


class Night:
    def __init__(self, box, rng):
        self.box, self.rng, self.alive, self.did = box, rng, [], {}

    def fill(self):
        self.alive = [p for p in self.alive if p.poll() is None]
        while len(self.alive) < INSTANCES:
            verb = ['run', 'chaos.yaml'] if not self.alive or self.rng.random() < 0.4 else ['work']
            self.alive.append(self.box.start(*verb))

    def disturb(self):
        process = self.rng.choice(self.alive)
        below = [process.pid, *descendants(process.pid)]
        what = self.rng.choice(['kill one', 'kill all', 'stop', 'stop', 'term'])
        self.did[what] = self.did.get(what, 0) + 1
        if what == 'kill one':
            kill(self.rng.choice(below))
        elif what == 'kill all':
            for pid in below:
                kill(pid)
        elif what == 'term':
            process.send_signal(signal.SIGTERM)
        else:
            pid = self.rng.choice(below)
            kill(pid, signal.SIGSTOP)
            time.sleep(self.rng.uniform(0.05, 2))
            kill(pid, signal.SIGCONT)

    def end(self):
        for process in self.alive:
            process.send_signal(signal.SIGTERM)
        for process in self.alive:
            process.wait(180)


def test_nothing_is_lost_doubled_or_made_up_and_all_of_it_ends(box):
    seed = int(os.environ.get('STINT_CHAOS_SEED', random.randrange(1 << 32)))
    print(f'STINT_CHAOS_SEED={seed}')
    night = Night(box, random.Random(seed))
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        night.fill()
        night.disturb()
        time.sleep(night.rng.uniform(0.05, 0.5))
    night.end()
    # Then nothing disturbs any more, and it must come to its end.
    for _ in range(20):
        last = box.run('run', 'chaos.yaml', timeout=600)
        assert last.code in (0, 3, 75), (seed, night.did, last)
        if last.code != 75:
            break
    box.verify()
    counts = json.loads(box.run('report', '--json').out)['counts']
    seen = effects(box)
    doubled = len(seen) - len(set(seen))
    figures = {'L': ITEMS - counts['done'] - counts['in_doubt'] - counts['dead'], 'D': doubled,
               'F': counts['done'] - len(set(seen)) if counts['done'] > len(set(seen)) else 0,
               'N': counts['loaded'] - counts['done'] - counts['in_doubt'] - counts['dead']}
    print(figures, night.did, counts)
    assert figures == {'L': 0, 'D': 0, 'F': 0, 'N': 0}, (seed, night.did, counts)
    assert last.code in (0, 3), (seed, last)
