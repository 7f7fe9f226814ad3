# SPDX-License-Identifier: Apache-2.0
"""Two databases, the ledger and the target, and one of the two commits: the half-done case, at every
point, is put right at the next start; `stint ledger verify --target` tells it."""
import json
import os
import shutil
import signal

import pytest
from lib.box import Box, descendants, kill, wait_until
from lib.figures import figures
from lib.job import without
from lib.pg_proxy import PgProxy
from lib.target import Postgres, Target, count, make, row, work_sql

CHUNKS = 'chunk: {items: 40}\n'
ITEMS = 1000


@pytest.fixture(name='target', params=['sqlite', 'postgres'])
def make_target(request, box):
    return Target.make(request, box)


def make_two(box, target, work, more=CHUNKS):
    """A job whose items would be seen if they took effect twice."""
    target.ask('create table e(id bigint)')
    target.ask('create table a(n bigint)')
    works = {
        'sql': work_sql(target, 'insert into e values (${id})'),
        'table': f'  table: {{{target.key}: "{target.url}", table: e, columns: [id]}}',
        'run': f'  table: {{{target.key}: "{target.url}", table: e, columns: [id], commit: run, '
               'after: "insert into a select count(*) from e"}',
    }
    make(box, target, [row(i) for i in range(1, ITEMS + 1)], works[work])
    box.file('import.yaml', box.read('import.yaml') + more)


def run_until_done(box):
    for _ in range(10):
        said = box.run('run', 'import.yaml')
        if said.code == 0:
            return
        assert said.code == 75, said
    raise AssertionError(said)


def is_ended(box):
    """Whether the ledger says that the run has had its end."""
    return any(end['state'] == 'done' for end in json.loads(box.run('report', '--json').out)['endings'])


def is_whole(box, target, work):
    assert count(target, 'select count(*) from e') == ITEMS
    assert count(target, 'select count(distinct id) from e') == ITEMS
    assert count(target, 'select count(*) from a') == (1 if work == 'run' else 0)
    said = box.run('ledger', 'verify', '--target', target.url)
    assert said.code == 0, said
    figures(box, [str(i) for i in range(1, ITEMS + 1)], 'once',
            effects=[str(found) for [found] in target.ask('select id from e')])


POINTS = [f'ledger.{op}.{when}:{n}' for op in ('chunk_claim', 'chunk_progress') for n in (1, 2)
          for when in ('before', 'after')]


@pytest.mark.parametrize('point', POINTS + ['ledger.run_finish.before:1', 'ledger.ending_put.before:1',
                                           'ledger.ending_put.after:1'])
@pytest.mark.parametrize('work', ['sql', 'table', 'run'])
def test_who_dies_between_the_two_commits_does_nothing_twice(faulty, target, point, work):
    box = faulty
    make_two(box, target, work)
    box.faulty(f'{point}:kill', once=True)
    run = box.start('run', 'import.yaml')
    reached = box.env['STINT_FAULT_ONCE']
    wait_until(lambda: os.path.exists(reached) or run.poll() is not None)
    if 'ending_put' not in point or work == 'run':
        assert os.path.exists(reached), box.process_said(run)
    kill(run.pid)
    run.wait(180)
    box.well()
    run_until_done(box)
    is_whole(box, target, work)


def test_without_marks_what_was_committed_there_is_done_again(faulty, target):
    """The negative control."""
    box = faulty
    make_two(box, target, 'sql')
    box.killed_at('ledger.chunk_progress.before:1', 'run', 'import.yaml').wait(180)
    box.well()
    wait_until(lambda: count(target, 'select count(*) from e') > 0)
    run_until_done(without(box, 'target.mark'))
    assert count(target, 'select count(*) from e') > ITEMS
    assert count(target, 'select count(distinct id) from e') == ITEMS


def test_what_is_committed_there_and_not_here_is_told_until_the_next_start(faulty, target):
    box = faulty
    make_two(box, target, 'table')
    box.faulty('ledger.chunk_progress.before:1:kill', once=True)
    run = box.start('run', 'import.yaml')
    wait_until(lambda: os.path.exists(box.env['STINT_FAULT_ONCE']))
    wait_until(lambda: count(target, 'select count(*) from e') > 0 or run.poll() is not None)
    kill(run.pid)
    run.wait(180)
    box.well()
    # A lane may have been in its last transaction, which it ends.
    told = 'committed there, not here'
    wait_until(lambda: box.run('ledger', 'verify', '--target', target.url).out.count(told) ==
               count(target, 'select count(*) from e'))
    assert box.run('ledger', 'verify', '--target', target.url).code == 1
    run_until_done(box)
    is_whole(box, target, 'table')


@pytest.mark.file
def test_an_older_copy_of_the_ledger_does_nothing_twice(faulty, target):
    box = faulty
    make_two(box, target, 'sql')
    box.faulty('ledger.chunk_progress.after:1:kill', once=True)
    run = box.start('run', 'import.yaml')
    wait_until(lambda: os.path.exists(box.env['STINT_FAULT_ONCE']))
    kill(run.pid)
    run.wait(180)
    box.well()
    names = [n for n in os.listdir(box.path) if n.startswith('ledger.db')]
    for name in names:
        shutil.copy(os.path.join(box.path, name), os.path.join(box.path, 'old.' + name))
    run_until_done(box)
    for name in os.listdir(box.path):
        if name.startswith('ledger.db'):
            os.unlink(os.path.join(box.path, name))
    for name in names:
        shutil.copy(os.path.join(box.path, 'old.' + name), os.path.join(box.path, name))
    said = box.run('ledger', 'verify', '--target', target.url)
    assert said.code == 1 and 'committed there, not here' in said.out, said
    run_until_done(box)
    is_whole(box, target, 'sql')


@pytest.mark.parametrize('nth', [1, 2, 4])
@pytest.mark.parametrize('where', ['before', 'after'])
@pytest.mark.parametrize('work', ['sql', 'table', 'run'])
def test_a_connection_that_is_cut_in_commit_leaves_each_effect_once(box, postgres, work, where, nth):
    proxy = PgProxy(postgres.server)
    try:
        target = Postgres(box, postgres)
        make_two(box, target, work)
        box.env['TARGET'] = proxy.uri(postgres.name)
        proxy.cut(where, nth)
        run_until_done(box)
        assert proxy.cuts == 1 or nth > 1
        is_whole(box, target, work)
    finally:
        proxy.close()


@pytest.mark.parametrize('effect', ['once', 'idempotent\n  key_valid: 1h'])
@pytest.mark.parametrize('where', ['before', 'after'])
def test_without_marks_a_commit_that_was_not_answered_is_unknown(box, postgres, where, effect):
    """Nobody says whether it took place: with `once` it is in doubt, and nothing is done twice."""
    proxy = PgProxy(postgres.server)
    try:
        target = Postgres(box, postgres)
        target.ask('create table e(id bigint)')
        work = work_sql(target, 'insert into e values (${id})') + f'  effect: {effect}\n  concurrency: 1\n'
        make(box, target, [row(i) for i in range(1, 11)], work)
        box.env['TARGET'] = proxy.uri(postgres.name)
        proxy.writing = b'insert into e'
        proxy.cut(where, 3)
        said = box.run('run', 'import.yaml')
        assert proxy.cuts == 1
        twice = 1 if where == 'after' else 0
        if effect == 'once':
            assert said.code == 3, said
            [doubtful] = box.items('--state', 'in_doubt')
            assert 'connection' in json.dumps(doubtful), doubtful
            assert count(target, 'select count(*) from e') == 9 + twice
            assert count(target, 'select count(distinct id) from e') == 9 + twice
        else:
            assert said.code == 0, said
            assert count(target, 'select count(*) from e') == 10 + twice
            states = [a['outcome'] for i in range(1, 11)
                      for a in json.loads(box.run('attempts', f'import/{i}', '--json').out)['attempts']]
            assert 'unknown' in states, states
    finally:
        proxy.close()


def test_what_was_stopped_at_its_time_limit_is_not_in_doubt(box, postgres):
    """The server says that it stopped: there was no COMMIT."""
    target = Postgres(box, postgres)
    target.ask('create table e(id bigint)')
    work = work_sql(target, 'insert into e select ${id} from pg_sleep(case ${id} when 3 then 600 else 0 end)')
    make(box, target, [row(i) for i in range(1, 6)], work + '  effect: once\n  timeout: 5s\n')
    said = box.run('run', 'import.yaml')
    assert said.code == 3, said
    [failed] = box.items('--state', 'dead')
    assert failed['key'] == '3' and failed['error_class'] == 'timeout', failed
    assert count(target, 'select count(*) from e') == 4


@pytest.mark.parametrize('work', ['sql', 'table', 'run'])
def test_the_target_may_be_the_ledger_s_own_database(tmp_path, postgres, work):
    box = Box(tmp_path)
    try:
        box.env['STINT_LEDGER'] = postgres.uri
        assert box.run('ledger', 'init').code == 0
        target = Postgres(box, postgres)
        make_two(box, target, work)
        run_until_done(box)
        is_whole(box, target, work)
    finally:
        box.close()


@pytest.mark.parametrize('point', ['target.begun', 'target.committed', 'target.end.begun', 'target.end.done',
                                   'target.end.committed'])
def test_a_run_of_all_or_none_is_abandoned_beside_one_at_work(faulty, target, point):
    box = faulty
    make_two(box, target, 'run')
    box.faulty(f'{point}:1:stop', once=True)
    run = box.start('run', 'import.yaml')
    wait_until(lambda: os.path.exists(box.env['STINT_FAULT_ONCE']) or run.poll() is not None)
    assert run.poll() is None, box.process_said(run)
    box.well()
    assert box.run('abandon', 'import', '--why', 'x').code == 0
    for pid in descendants(run.pid):
        kill(pid, signal.SIGCONT)
    assert run.wait(180) in (1, 75), box.process_said(run)
    found = [count(target, f'select count(*) from {table}') for table in ('e', 'a')]
    # Until it hears of it, within a second or so, it may come to its end; then all of it is there.
    if point == 'target.end.committed' or is_ended(box):
        assert found == [ITEMS, 1]
    else:
        assert found == [0, 0]
    assert box.run('run', 'import.yaml').code == 1
    assert found == [count(target, f'select count(*) from {table}') for table in ('e', 'a')]
    box.verify()


@pytest.mark.file
def test_a_ledger_file_is_no_target(box):
    box.file('in.csv', 'id\n1\n')
    box.file('import.yaml', 'version: 1\njob: import\nsource:\n  csv: {path: in.csv}\n'
             '  fields: {id: integer}\nwork:\n  sql: {sqlite: ledger.db, statement: "select ${id}"}\n')
    assert box.run('ledger', 'init').code == 0
    said = box.run('run', 'import.yaml')
    assert said.code == 78 and 'is a ledger of stint' in said.err, said
    said = box.run('ledger', 'init', '--target', 'sqlite:ledger.db')
    assert said.code == 78 and 'is a ledger of stint' in said.err, said
