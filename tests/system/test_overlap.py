# SPDX-License-Identifier: Apache-2.0
"""Calls of `run` for several days of one job: an older run that is on keeps a younger from starting."""
import json

import pytest
from lib.box import wait_until

JOB = '''version: 1
job: daily
source:
  csv: {path: in.csv}
  key: id
  fields: {id: text}
work:
  exec: {shell: 'echo $STINT_RUN_DATE >>begun; while [ ! -e go ]; do sleep 0.05; done', input: none}
  concurrency: 1
  effect: idempotent
retry: {first: 10ms, max: 10ms}
'''


@pytest.fixture(name='daily')
def make_daily(box):
    """The run of 28 November stands at its first item until there is a file `go`."""
    box.file('daily.yaml', JOB)
    box.file('in.csv', 'id\nk0\nk1\n')
    box.process = box.start('run', 'daily.yaml', '--no-progress', '--date', '2026-11-28')
    wait_until(lambda: box.lines('begun') or box.process.poll() is not None)
    assert box.process.poll() is None, box.process_said(box.process)
    return box


def finish(box):
    box.file('go')
    assert box.process.wait(timeout=120) == 0, box.process_said(box.process)


@pytest.mark.parametrize('which', [[], ['--date', '2026-11-30'], ['--date', '2026-11-27'],
                                   ['--slot', '2026-11-30T01:30+01:00'], ['--again']])
def test_an_older_run_that_is_on_keeps_others_from_starting(daily, which):
    said = daily.run('run', 'daily.yaml', '--no-progress', *which)
    assert said.code == 69 and 'daily@2026-11-28 is on elsewhere' in said.err, said
    said = daily.run('run', 'daily.yaml', *which, '--dry-run', '--json')
    assert said.code == 0 and json.loads(said.out)['on_elsewhere'] == 'daily@2026-11-28', said
    finish(daily)
    assert set(daily.lines('begun')) == {'2026-11-28'}
    assert daily.run('run', 'daily.yaml', '--no-progress', *which).code == 0
    daily.verify()


def test_a_younger_run_that_is_on_keeps_nobody_from_going_on(daily):
    """And each call tells of its own run alone."""
    assert daily.run('stop', '--all', '--now').code == 0
    assert daily.process.wait(timeout=120) == 75, daily.process_said(daily.process)
    younger = daily.start('run', 'daily.yaml', '--no-progress', '--date', '2026-11-30')
    wait_until(lambda: '2026-11-30' in daily.lines('begun') or younger.poll() is not None)
    n = len(daily.lines('begun'))
    older = daily.start('run', 'daily.yaml', '--no-progress', '--date', '2026-11-28')
    wait_until(lambda: len(daily.lines('begun')) > n or older.poll() is not None)
    daily.file('go')
    for process, mine, other in ((older, '2026-11-28', '2026-11-30'), (younger, '2026-11-30', '2026-11-28')):
        assert process.wait(timeout=120) == 0, daily.process_said(process)
        said = daily.process_said(process)
        assert f'daily@{mine}' in said and other not in said, said
    daily.verify()
