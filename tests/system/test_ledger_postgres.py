# SPDX-License-Identifier: Apache-2.0
"""A ledger in PostgreSQL is a ledger like any other: what other tests ask of a night's work and of
stopping holds there, too, and a killed run is taken over by the next."""
import signal

import pytest
import test_cli_attempts
import test_cli_items
import test_cli_rejects
import test_cli_report
import test_cli_runs
import test_cli_why
import test_kill_stop
from lib.box import Box, descendants, kill, wait_until


@pytest.fixture(name='box')
def make_box(tmp_path, postgres):
    box = Box(tmp_path)
    box.env['STINT_LEDGER'] = postgres.uri
    yield box
    box.close()


# The tests of these modules, each with the module's name before its own, but for one that looks into the
# ledger's file, and one whose second call begins at once: here it first watches the first one's beat.
SAME = (test_cli_attempts, test_cli_items, test_cli_rejects, test_cli_report, test_cli_runs, test_cli_why,
        test_kill_stop)
OTHER = {test_cli_report.test_a_report_that_does_not_add_up_is_not_printed,
         test_kill_stop.test_two_calls_share_a_run_and_each_item_is_done_once}
for module in SAME:
    for name, test in list(vars(module).items()):
        if name.startswith('test_') and callable(test) and test not in OTHER:
            globals()[module.__name__ + name.removeprefix('test')] = test

JOB = '''version: 1
job: slow
source:
  csv: {path: items.csv}
  key: id
  fields: {id: integer}
work:
  exec: {shell: 'echo "$STINT_KEY" >>effects; sleep 0.05', input: none}
  effect: once
  concurrency: 2
'''


def test_a_killed_run_is_taken_over_by_the_next(box):
    box.file('items.csv', 'id\n' + ''.join(f'{i}\n' for i in range(1, 101)))
    box.file('slow.yaml', JOB)
    first = box.start('run', 'slow.yaml', '--no-progress')
    wait_until(lambda: len(box.lines('effects')) >= 10)
    for pid in [first.pid, *descendants(first.pid)]:
        kill(pid, signal.SIGKILL)
    first.wait()
    said = box.run('run', 'slow.yaml', '--no-progress')
    assert said.code in (0, 3), said
    effects = box.lines('effects')
    in_doubt = box.keys('in_doubt')
    assert len(effects) == len(set(effects)), effects
    assert len(in_doubt) < 50  # what runs, and what waits in lanes
    assert set(effects) | set(in_doubt) == {str(i) for i in range(1, 101)}
    assert len(box.items('--state', 'done')) + len(in_doubt) == 100
    box.verify()


def test_the_ledger_is_shown_without_its_password(box, postgres):
    box.env['NIGHT'] = postgres.tcp_uri
    secret = postgres.tcp_uri.split('@')[0].rsplit(':', 1)[1]
    box.env['STINT_LEDGER'] = 'env:NIGHT'
    said = [box.run('ledger', 'init'), box.run('ledger', 'info'), box.run('status'),
            box.run('ledger', 'init', '--dry-run')]
    for one in said:
        assert secret not in one.said, one
        assert one.code == 0 and 'postgres://' in one.said, one


def test_an_empty_database_is_no_ledger_as_yet(box, postgres):
    said = box.run('runs')
    assert said.code == 1 and 'there is no ledger' in said.err, said
    said = box.run('ledger', 'verify')
    assert said.code == 73 and 'stint ledger init' in said.err, said
    assert box.run('ledger', 'init', '--dry-run').out.endswith('would be made\n')
    assert postgres.value("select count(*) from pg_namespace where nspname = 'stint'") == '0'
    assert box.run('ledger', 'init').code == 0
    assert box.run('runs').code in (0, 1)
    assert box.run('ledger', 'upgrade').out == 'schema version 3: up to date\n'


def test_two_who_make_the_ledger_at_once_make_one(box, postgres):
    makers = [box.start('ledger', 'init') for _ in range(4)]
    for maker in makers:
        assert maker.wait(timeout=120) == 0, box.process_said(maker)
    assert postgres.value('select count(*) from stint.schema_version') == '1'
