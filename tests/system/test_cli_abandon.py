# SPDX-License-Identifier: Apache-2.0
"""`stint abandon`: the rest of an unfinished run is given up."""
import json
import os
import signal

import pytest
from lib.box import descendants, kill, wait_until
from lib.figures import at_risk, figures
from lib.gate import stop_outside_a_commit
from lib.job import RUN, write_job

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


# ---- beside instances that are at work on it ----------------------------------------------------------


def at_work(box, n, effect):
    """A run that so many instances are in the midst of. Gives their processes, and its keys."""
    keys = write_job(box, 20000, effect)
    calls = [box.start(*RUN) for _ in range(n)]

    def is_under_way():
        on = json.loads(box.run('instances', '--json').out or '{"instances": []}')['instances']
        return len(box.lines('effects')) > 100 and sum(bool(i['runs']) for i in on) == n
    wait_until(lambda: is_under_way() or any(call.poll() is not None for call in calls))
    assert all(call.poll() is None for call in calls), [box.process_said(call) for call in calls]
    return calls, keys


def is_given_up(box, calls, keys, effect):
    """They end; what took effect is known, nothing was cut in half, and nothing more comes."""
    for call in calls:
        assert call.wait(120) in (1, 75), box.process_said(call)
        said = box.process_said(call)
        assert 'abandoned (sent by hand)' in said and 'goes on' not in said, said
    assert states(box) == [('abandoned', 'sent by hand')]
    effects = box.lines('effects')
    assert len(effects) < len(keys)
    # An attempt that was ended by the request is in doubt, or is done again by nobody.
    figures(box, keys, effect, doubts=2 * len(calls))
    said = box.run(*RUN)
    assert said.code == 1 and 'is over already (abandoned)' in said.err, said
    assert box.run('work').code == 0
    assert box.lines('effects') == effects


@pytest.mark.parametrize('effect', ['once', 'idempotent'])
def test_all_who_are_at_work_on_it_end_and_nothing_is_half_done(box, effect):
    calls, keys = at_work(box, 2, effect)
    said = box.run('abandon', 'faults', '--why', 'sent by hand', '--json')
    assert said.code == 0 and json.loads(said.out)['requested'] == 2, said
    is_given_up(box, calls, keys, effect)


def test_who_stands_still_meanwhile_ends_when_he_goes_on(box):
    [call], keys = at_work(box, 1, 'once')
    frozen = [call.pid, *descendants(call.pid)]
    stop_outside_a_commit(box, *frozen)
    before = len(box.lines('effects'))
    assert box.run('abandon', 'faults', '--why', 'sent by hand', timeout=300).code == 0
    assert states(box) == [('abandoned', 'sent by hand')]
    for pid in frozen:
        kill(pid, signal.SIGCONT)
    is_given_up(box, [call], keys, 'once')
    # What had its mark, and what it marked before it was told; a chunk at most.
    assert len(box.lines('effects')) - before <= at_risk(2, 'once') + 50
