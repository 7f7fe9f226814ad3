# SPDX-License-Identifier: Apache-2.0
"""Chaos: five instances on one ledger, killed, stopped, continued and, where the ledger is a server's,
cut off from it at random; and none of an item's effects is lost, doubled, or told without having been,
and all of it ends.

    make chaos           ten minutes on PostgreSQL; make chaos-long: thirty
    STINT_CHAOS_SECONDS=600 STINT_CHAOS_SEED=4711 python3 -m pytest tests/system/test_chaos.py -s

As long as one likes, and from a seed; without, some seconds, and a seed that is printed.
"""
import heapq
import itertools
import os
import random
import signal
import time

import pytest
from lib import postgres
from lib.box import Box, descendants, kill
from lib.figures import at_risk, measure
from lib.job import without
from lib.pg_proxy import PgProxy

SECONDS = float(os.environ.get('STINT_CHAOS_SECONDS', '10'))
ITEMS = int(os.environ.get('STINT_CHAOS_ITEMS', str(int(max(1000, 30 * SECONDS)))))
INSTANCES = 5
CONCURRENCY = 3
# A night that is long enough for it has pauses after which others take the instance for dead.
LONG_S = [2, 5, 15] if SECONDS < 300 else [2, 5, 15, 40, 140]
JOB = '''\
version: 1
job: chaos
source:
  csv: {path: items.csv}
  key: id
  fields: {id: integer}
work:
  exec: {command: [./act, "${id}"]}
  timeout: 5s
  effect: once
  concurrency: %d
chunk: {items: 20}
'''
# The effect is one write of a whole line. When the night is over nothing dawdles any more.
ACT = '''\
#!/bin/sh
echo "$1" >>effects
[ -e morning ] || exec sleep 0.0$((1 + $1 % 9))
'''


class Network:
    """The way of one instance to the ledger."""

    def __init__(self, box, server, database):
        self.box, self.env, self.proxy = box, dict(box.env), None
        if server is not None:
            self.proxy = PgProxy(server)
            self.env['STINT_LEDGER'] = self.proxy.uri(database.name)
        self.process = None

    def start(self, *verb):
        kept, self.box.env = self.box.env, self.env
        self.process = self.box.start(*verb)
        self.box.env = kept

    def is_over(self):
        return self.process is None or self.process.poll() is not None

    def pids(self):
        return [self.process.pid, *descendants(self.process.pid)]


@pytest.fixture(name='night', params=['sqlite', 'postgres'])
def fixture_night(request, tmp_path):
    box = Box(tmp_path)
    server = database = None
    if request.param == 'postgres':
        server = postgres.Server()
        server.ready()
        database = server.database()
        box.env['STINT_LEDGER'] = database.uri
        box.options = []
    box.file('chaos.yaml', JOB % CONCURRENCY)
    box.file('items.csv', 'id\n' + ''.join(f'{i}\n' for i in range(ITEMS)))
    box.file('act', ACT, mode=0o755)
    seed = int(os.environ.get('STINT_CHAOS_SEED', random.randrange(1 << 32)))
    print(f'STINT_CHAOS_SEED={seed}')
    instances = [Network(box, server, database) for _ in range(INSTANCES)]
    yield Night(box, instances, seed)
    box.close()
    for instance in instances:
        if instance.proxy is not None:
            instance.proxy.close()
    if server is not None:
        server.close()


class Night:
    def __init__(self, box, instances, seed):
        self.box, self.instances, self.seed = box, instances, seed
        self.rng, self.did = random.Random(seed), {}
        self.later, self.number = [], itertools.count()

    def fill(self):
        for instance in self.instances:
            if instance.is_over():
                is_first = all(i.is_over() for i in self.instances)
                runs = is_first or self.rng.random() < 0.4
                instance.start(*(['run', 'chaos.yaml'] if runs else ['work']))

    def after(self, seconds, deed):
        heapq.heappush(self.later, (time.monotonic() + seconds, next(self.number), deed))

    def do_what_is_due(self, all_of_it=False):
        while self.later and (all_of_it or self.later[0][0] <= time.monotonic()):
            heapq.heappop(self.later)[2]()

    def for_how_long(self):
        return self.rng.uniform(0.05, self.rng.choice(LONG_S))

    def disturb(self):
        instance = self.rng.choice(self.instances)
        kinds = ['kill one', 'kill all', 'stop one', 'stop all', 'term']
        if instance.proxy is not None:
            kinds += ['lose an answer', 'cut a connection', 'cut off', 'drop all']
        what = self.rng.choice(kinds)
        self.did[what] = self.did.get(what, 0) + 1
        if instance.proxy is not None and what not in kinds[:5]:
            self.cut(instance.proxy, what)
        elif not instance.is_over():
            self.hurt(instance, what)

    def hurt(self, instance, what):
        pids = instance.pids()
        if what.endswith('one'):
            pids = [self.rng.choice(pids)]
        if what == 'term':
            instance.process.send_signal(signal.SIGTERM)
        for pid in pids if what.startswith('kill') else []:
            kill(pid)
        for pid in pids if what.startswith('stop') else []:
            kill(pid, signal.SIGSTOP)
        if what.startswith('stop'):
            self.after(self.for_how_long(), lambda: [kill(pid, signal.SIGCONT) for pid in pids])

    def cut(self, proxy, what):
        if what == 'lose an answer':
            proxy.cut(self.rng.choice(['before', 'after']), self.rng.randrange(1, 20))
        elif what == 'cut a connection':
            proxy.drop()
        else:  # nothing passes; or the server has been told, too
            proxy.freeze()
            if what == 'drop all':
                proxy.drop()
            self.after(self.for_how_long(), proxy.thaw)

    def end(self):
        self.do_what_is_due(all_of_it=True)
        for instance in self.instances:
            if not instance.is_over():
                instance.process.send_signal(signal.SIGTERM)
        for instance in self.instances:
            if instance.process is not None:
                instance.process.wait(300)


def end_of_a_call(night):
    """The exit status of a call that nothing disturbs. It may take its time, but it must move."""
    box = night.box
    call = box.start('run', 'chaos.yaml')
    seen, since = -1, 0
    while call.poll() is None:
        n = len(box.lines('effects'))
        if n != seen:
            seen, since = n, time.monotonic()
        assert time.monotonic() < since + 300, (night.seed, night.did, box.process_said(call)[-3000:])
        time.sleep(0.1)
    assert call.returncode in (0, 3, 75), (night.seed, night.did, box.process_said(call)[-3000:])
    return call.returncode


def pass_night(night, seconds):
    """Gives the figures at its end, which it must come to when nothing disturbs any more."""
    box = night.box
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        night.fill()
        night.disturb()
        time.sleep(night.rng.uniform(0.05, 0.5))
        night.do_what_is_due()
    night.end()
    box.file('morning')
    assert any(end_of_a_call(night) != 75 for _ in range(20)), (night.seed, night.did)
    # Each disturbance is one to an instance at most; a program that is killed is in doubt by itself.
    return measure(box, [str(i) for i in range(ITEMS)], 'once', crashes=sum(night.did.values()),
                   concurrency=CONCURRENCY)


def test_nothing_is_lost_doubled_or_made_up_and_all_of_it_ends(night):
    found = pass_night(night, SECONDS)
    print(found, night.did)
    assert found.wrong() == '', (night.seed, night.did, found)
    night.box.verify()


@pytest.mark.parametrize('night', ['sqlite'], indirect=True)
def test_without_doubt_some_of_it_is_done_twice(night):
    """The negative control: what a dead one had begun is free again."""
    for host in [night.box, *night.instances]:
        without(host, 'ledger.doubt')
    found = pass_night(night, 10)
    assert 'D' in found.wrong(), (night.seed, night.did, found)
