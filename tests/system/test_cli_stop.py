# SPDX-License-Identifier: Apache-2.0
"""`stint stop`: asks the instances on runs to stop."""
import json
import os

import pytest
from lib.box import cast, kill, wait_until

JOB = '''version: 1
job: slow
source:
  csv: {path: slow.csv}
  key: id
  fields: {id: text}
work:
  exec: {command: [./work.sh, "${id}"], input: none}
  effect: idempotent
  concurrency: 1
'''
SLOW = '''#!/bin/bash
echo "$1" >>begun
while [ ! -e go ]; do read -t 0.02 line <>fifo || :; done
echo "$1" >>finished
'''


@pytest.fixture(name='slow')
def make_slow(box):
    """A run that stands at its first item until there is a file `go`."""
    box.file('work.sh', SLOW, mode=0o755)
    box.file('slow.yaml', JOB)
    box.file('slow.csv', 'id\nk0\nk1\nk2\n')
    os.mkfifo(os.path.join(box.path, 'fifo'))
    box.process = box.start('run', 'slow.yaml', '--no-progress')
    wait_until(lambda: box.lines('begun') or box.process.poll() is not None)
    assert box.process.poll() is None, box.process_said(box.process)
    return box


def is_obeyed(box):
    return box.ask('SELECT count(*) FROM request WHERE obeyed_at IS NULL') == [(0,)]


@pytest.mark.parametrize('which', [['slow'], ['1'], ['--job', 'slow'], ['--job', 'slow.yaml'], ['--all']])
def test_between_items(slow, which):
    said = slow.run('stop', *which)
    assert said.code == 0 and 'asked to stop between items' in said.out, said
    assert 'slow@' in said.out
    wait_until(lambda: is_obeyed(slow))
    slow.file('go')
    assert slow.process.wait(timeout=120) == 75, slow.process_said(slow.process)
    assert slow.lines('finished') == ['k0']
    [run] = json.loads(slow.run('runs', '--json').out)['runs']
    assert run['reason'].startswith('stopped by ') and ':' not in run['reason'], run
    slow.verify()


def test_now(slow):
    said = slow.run('stop', 'slow', '--now', '--why', 'wrong file')
    assert said.code == 0 and 'asked to end attempts' in said.out, said
    assert slow.process.wait(timeout=120) == 75, slow.process_said(slow.process)
    assert slow.lines('finished') == []
    slow.verify()


def test_json(slow):
    said = slow.run('stop', '--all', '--json', '-n')
    document = json.loads(said.out)
    assert said.code == 0 and document['schema'] == 'stint.stop.1', said
    assert (document['dry_run'], document['now'], document['requested']) == (True, False, 1)
    [run] = document['runs']
    [instance] = run['instances']
    assert run['number'] == 1 and run['run'].startswith('slow@')
    assert instance['pid'] in cast(slow.process.pid)['engine'] and instance['name'] and instance['host']
    slow.file('go')
    assert slow.process.wait(timeout=120) == 0  # nobody was asked


def test_nothing_is_on(night):
    said = night.box.run('stop', '--all')
    assert said.code == 1 and 'nothing is at work' in said.err, said
    said = night.box.run('stop', '--job', 'invoices')
    assert said.code == 1 and "nothing is at work on a run of 'invoices'" in said.err, said
    said = night.box.run('stop', 'invoices')
    assert said.code == 1 and 'is over' in said.err, said
    assert json.loads(night.box.run('stop', '--all', '--json').out)['requested'] == 0


def test_what_died_is_not_asked(slow):
    roles = cast(slow.process.pid)
    for pid in roles['keeper'] + roles['engine'] + roles['lane'] + roles['child']:
        kill(pid)
    slow.process.wait(timeout=120)
    wait_until(lambda: '"gone"' in slow.run('instances', '--json').out, every_s=0.5)
    said = slow.run('stop', 'slow')
    assert said.code == 1 and 'died' in said.err, said


@pytest.mark.parametrize('args, code, words', [
    ([], 64, 'of what'),
    (['1', '--all'], 64, 'one of these'),
    (['1', '2'], 64, 'one of these'),
    (['77'], 1, '77'),
    (['--job', 'invioces'], 1, "did you mean 'invoices'"),
])
def test_what_cannot_be(night, args, code, words):
    said = night.box.run('stop', *args)
    assert said.code == code and words in said.err, said
