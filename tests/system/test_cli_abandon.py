# SPDX-License-Identifier: Apache-2.0
"""`stint abandon`: the rest of an unfinished run is given up."""
import json
import os

import pytest
from lib.box import wait_until

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
'''


@pytest.fixture(name='slow')
def make_slow(box):
    """A run that stands at its first item."""
    box.file('work.sh', SLOW, mode=0o755)
    box.file('slow.yaml', JOB)
    box.file('slow.csv', 'id\nk0\nk1\nk2\n')
    os.mkfifo(os.path.join(box.path, 'fifo'))
    box.process = box.start('run', 'slow.yaml', '--no-progress')
    wait_until(lambda: box.lines('begun') or box.process.poll() is not None)
    assert box.process.poll() is None, box.process_said(box.process)
    return box


def states(box):
    said = box.run('runs', '--json')
    return [(run['state'], run['reason']) for run in json.loads(said.out)['runs']]


def test_a_run_that_was_stopped(slow):
    assert slow.run('stop', '--all', '--now').code == 0
    assert slow.process.wait(timeout=120) == 75
    said = slow.run('abandon', 'slow', '--why', 'sent by hand')
    assert said.code == 0 and 'is abandoned; ' in said.out and 'items are left' in said.out, said
    assert states(slow) == [('abandoned', 'sent by hand')]
    rows = slow.ask("SELECT who, why FROM audit WHERE verb = 'abandon'")
    assert len(rows) == 1 and rows[0][1] == 'sent by hand' and '@' in rows[0][0]
    assert slow.run('abandon', 'slow', '--why', 'again').code == 1
    slow.verify()


def test_a_run_that_is_on(slow):
    said = slow.run('abandon', '1', '--why', 'wrong file', '--json')
    document = json.loads(said.out)
    assert said.code == 0 and document['schema'] == 'stint.abandon.1', said
    assert (document['changed'], document['requested'], document['refused']) == (1, 1, 0)
    assert document['number'] == 1 and document['run'].startswith('slow@')
    assert slow.process.wait(timeout=120) in (1, 75), slow.process_said(slow.process)
    assert states(slow)[0][0] == 'abandoned'


def test_dry_run(slow):
    said = slow.run('abandon', '1', '--why', 'x', '-n')
    assert said.code == 0 and 'would be abandoned' in said.out, said
    slow.file('go')
    assert slow.process.wait(timeout=120) == 0


@pytest.mark.parametrize('args, code, words', [
    ([], 64, 'abandon RUN'),
    (['1'], 64, '--why TEXT'),
    (['1', '2', '--why', 'x'], 64, 'one word too many'),
    (['1', '--why', 'x'], 1, 'is over'),
    (['77', '--why', 'x'], 1, '77'),
])
def test_what_cannot_be(night, args, code, words):
    said = night.box.run('abandon', *args)
    assert said.code == code and words in said.err, said
