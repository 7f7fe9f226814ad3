# SPDX-License-Identifier: Apache-2.0
"""`stint skip`: takes items out, also out of the hands of an instance."""
import json
import os

import pytest
from lib.box import wait_until

# Waits for the file `go`.
SLOW = '''#!/bin/bash
echo "$1" >>begun
while [ ! -e go ]; do read -t 0.02 line <>fifo || :; done
echo "$1" >>finished
'''
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


@pytest.fixture(name='slow')
def make_slow(box):
    """A run that stands at its first item until there is a file `go`."""
    box.file('work.sh', SLOW, mode=0o755)
    box.file('slow.yaml', JOB)
    box.file('slow.csv', 'id\n' + ''.join(f'k{i}\n' for i in range(6)))
    os.mkfifo(os.path.join(box.path, 'fifo'))
    box.process = box.start('run', 'slow.yaml', '--no-progress')
    wait_until(lambda: box.lines('begun') or box.process.poll() is not None)
    assert box.process.poll() is None, box.process_said(box.process)
    return box


def is_obeyed(box):
    return box.ask('SELECT count(*) FROM request WHERE obeyed_at IS NULL') == [(0,)]


def test_what_failed(night):
    said = night.box.run('skip', '--run', 'invoices', '--why', 'paid in cash')
    assert said.code == 0 and '3 items of invoices@' in said.out and 'are skipped' in said.out, said
    assert night.box.keys('skipped') == ['bad-1', 'bad-2', 'crash-1']
    night.box.verify()


def test_one_state(night):
    said = night.json('skip', '--run', '1', '--state', 'dead', '--why', 'x')
    assert (said['schema'], said['changed']) == ('stint.skip.1', 2)
    assert night.box.keys('in_doubt') == ['crash-1']


@pytest.mark.parametrize('args, code, words', [
    (['--run', '1'], 64, '--why TEXT'),
    (['--why', 'x'], 64, 'of what'),
    (['--run', '1', '--state', 'skipped', '--why', 'x'], 64, 'does nothing'),
    (['invoices/ok-1', '--why', 'x'], 1, '1:0 is done'),
])
def test_what_cannot_be(night, args, code, words):
    said = night.box.run('skip', *args)
    assert said.code == code and words in said.err, said


def test_what_an_instance_holds_is_requested(slow):
    said = slow.run('skip', '1:3', '--why', 'not this one')
    assert said.code == 0 and 'asked to do it' in said.out, said
    wait_until(lambda: is_obeyed(slow))
    slow.file('go')
    assert slow.process.wait(timeout=120) == 0, slow.process_said(slow.process)
    assert slow.lines('finished') == ['k0', 'k1', 'k2', 'k4', 'k5']
    slow.verify()


def test_all_of_a_run_that_is_on(slow):
    said = slow.run('skip', '--run', 'slow', '--why', 'none of them', '--json')
    document = json.loads(said.out)
    # The first is under way, and the ledger knows that sooner or later.
    assert said.code == 0 and document['changed'] == 0 and document['requested'] in (5, 6), said
    assert document['refused'] == 0
    slow.file('go')
    assert slow.process.wait(timeout=120) == 0, slow.process_said(slow.process)
    slow.verify()


def test_dry_run(night):
    said = night.box.run('skip', '--run', '1', '--why', 'x', '-n')
    assert said.code == 0 and 'would be skipped' in said.out, said
    assert night.box.keys('skipped') == []


def test_what_waits_in_a_run_that_was_stopped(slow):
    assert slow.run('stop', '--all', '--now').code == 0
    assert slow.process.wait(timeout=120) == 75, slow.process_said(slow.process)
    said = slow.run('skip', '--run', 'slow', '--state', 'waiting', '--why', 'x')
    assert said.code == 0 and 'are skipped' in said.out, said
    slow.verify()
    slow.file('go')
    assert slow.run('run', 'slow.yaml', '--no-progress').code == 0
    assert set(slow.lines('finished')) <= {'k0'}


@pytest.mark.parametrize('args', [['retry'], ['resolve', '--done', '--why', 'x']])
def test_what_an_instance_holds_cannot_be_retried_or_resolved(slow, args):
    said = slow.run(args[0], '1:0', *args[1:])
    assert said.code == 75 and 'an instance works on some of them' in said.err, said
    slow.file('go')
    assert slow.process.wait(timeout=120) == 0
