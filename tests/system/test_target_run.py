# SPDX-License-Identifier: Apache-2.0
"""Work `sql` and `table`: what is done once a run. `after`, and `commit: run`, all or nothing."""
import os

import pytest

from lib.target import Target, count, make, row, work_sql, work_table


@pytest.fixture(name='target', params=['sqlite', 'postgres'])
def make_target(request, box):
    return Target.make(request, box)


def is_gathered(target):
    """The tables that rows are gathered in, which are there."""
    return [name for name in target.tables() if name.startswith('stint_run_')]


@pytest.mark.parametrize('work', ['sql', 'table'])
def test_after_is_executed_once_when_all_items_are(box, target, work):
    target.ask('create table a(n bigint)')
    after = ', after: "insert into a select count(*) from t"'
    made = work_table(target, after) if work == 'table' else work_sql(
        target, 'insert into t (id) values (${id})') + \
        '    after: "insert into a select count(*) from t"\n'
    make(box, target, [row(i) for i in range(1, 1601)], made)
    said = box.run('run', 'import.yaml')
    assert said.code == 0, said
    assert 'after was executed' in said.err
    assert [int(r[0]) for r in target.ask('select n from a')] == [1600]
    assert box.run('run', 'import.yaml').code == 0
    assert count(target, 'select count(*) from a') == 1


def test_after_is_executed_when_there_are_no_items_and_before_too(box, target):
    target.ask('create table a(n text)')
    make(box, target, [], work_table(
        target, ', commit: run, before: "insert into a values (\'b\')", '
                'after: "insert into a values (\'a\')"'))
    assert box.run('run', 'import.yaml').code == 0
    assert sorted(r[0] for r in target.ask('select n from a')) == ['a', 'b']


def test_an_after_of_several_statements_is_executed_wholly(box, target):
    target.ask('create table a(n bigint)')
    make(box, target, [row(1)], work_table(
        target, ', after: "insert into a values (1); insert into a values (2);"'))
    said = box.run('run', 'import.yaml')
    assert said.code == 0, said
    assert sorted(int(r[0]) for r in target.ask('select n from a')) == [1, 2]


@pytest.mark.parametrize('more, says', [
    ('before: "delete from t; commit"', 'the transaction itself'),
    ('after: "/* it is */ rollback"', 'the transaction itself'),
    ('after: "delete from t where name = \';\'; End; select 1"', 'the transaction itself'),
    ('after: "delete from t where id = ${run.id}; delete from t"', 'a second statement')])
def test_statements_that_would_break_the_transaction_are_refused(box, target, more, says):
    make(box, target, [row(1)], work_table(target, ', ' + more))
    for verb in ('check', 'run'):
        said = box.run(verb, 'import.yaml')
        assert said.code in (65, 78) and says in said.said, said
        assert f'work.table.{more[:more.index(":")]}: ' in said.said, said
    assert count(target) == 0


def test_a_statement_for_items_is_one(box, target):
    make(box, target, [row(1)], work_sql(
        target, 'insert into t (id) values (${id}); insert into t (id) values (2)'))
    said = box.run('check', 'import.yaml')
    assert said.code in (65, 78) and 'a second statement' in said.said, said


def test_an_after_that_is_refused_is_told_and_done_by_the_next_call(box, target):
    make(box, target, [row(i) for i in range(1, 11)],
         work_table(target, ', after: "insert into a values (1)"'))
    said = box.run('run', 'import.yaml')
    assert said.code == 1 and 'after: ' in said.err, said
    assert count(target) == 10
    target.ask('create table a(n bigint)')
    said = box.run('run', 'import.yaml')
    assert said.code == 0, said
    assert count(target, 'select count(*) from a') == 1


def test_with_commit_run_all_rows_appear_at_once_with_before_and_after(box, target):
    target.ask('create table a(what text, n bigint)')
    target.ask("insert into t (id) values (5)")
    make(box, target, [row(i) for i in range(1, 1601)], work_table(
        target, ', commit: run, before: "delete from t", '
                'after: "insert into a select \'after\', count(*) from t"'))
    said = box.run('run', 'import.yaml')
    assert said.code == 0, said
    assert '1600 rows are in t' in said.err, said
    assert count(target) == 1600
    assert count(target, 'select n from a') == 1600
    assert not is_gathered(target)
    assert box.run('ledger', 'verify', '--target', target.url).code == 0


def test_with_commit_run_one_dead_row_keeps_all_from_being_committed(box, target):
    target.ask('create table c(id bigint primary key, name text not null)')
    rows = [row(i) for i in range(1, 1201)]
    rows[700] = '701,,1.0,2000-01-01,true'
    make(box, target, rows,
         f'  table: {{{target.key}: "{target.url}", table: c, columns: [id, name], commit: run}}')
    said = box.run('run', 'import.yaml')
    assert said.code == 3 and 'nothing was committed' in said.err, said
    assert count(target, 'select count(*) from c') == 0
    assert '23502' in box.run('items', '--state', 'dead').out
    assert box.run('skip', '--state', 'dead', '--why', 'has no name', '--yes').code == 0
    said = box.run('run', 'import.yaml')
    assert said.code == 0, said
    assert count(target, 'select count(*) from c') == 1199
    assert not is_gathered(target)


def test_with_commit_run_a_row_that_is_there_already_refuses_all_until_it_is_gone(box, target):
    make(box, target, [row(i) for i in range(1, 601)], work_table(target, ', commit: run'))
    target.ask("insert into t (id, name) values (300, 'mine')")
    said = box.run('run', 'import.yaml')
    assert said.code in (1, 3), said
    assert count(target) == 1
    target.ask('delete from t')
    if said.code == 3:
        assert box.run('retry', '--state', 'dead', '--yes').code == 0
    said = box.run('run', 'import.yaml')
    assert said.code == 0, said
    assert count(target) == 600


@pytest.mark.parametrize('conflict, kept', [('skip', 'old'), ('update', 'n2')])
def test_with_commit_run_what_is_there_already_is_skipped_or_updated(box, target, conflict, kept):
    target.ask("insert into t (id, name) values (2, 'old')")
    rows = [row(i) for i in range(1, 1201)] + ['9,last,1.0,2000-01-01,true']
    make(box, target, rows, work_table(
        target, f', commit: run, conflict: {conflict}, conflict_on: [id]'), key='"${name}"')
    said = box.run('run', 'import.yaml')
    assert said.code == 0, said
    assert target.ask('select name from t where id = 2')[0][0] == kept
    assert target.ask('select name from t where id = 9')[0][0] == (
        'last' if conflict == 'update' else 'n9')
    assert count(target) == 1200


# Of a lane the first commit is of the table that rows are gathered in.
POINTS = ['target.begun:1', 'target.commit:1', 'target.commit:2', 'target.committed:1',
          'target.end.begun:1', 'target.end.done:1', 'target.end.committed:1']


@pytest.mark.parametrize('point', POINTS)
def test_with_commit_run_a_kill_at_any_point_leaves_all_or_nothing(faulty, target, point):
    box = faulty
    target.ask('create table e(id bigint)')
    target.ask('create table a(n bigint)')
    make(box, target, [row(i) for i in range(1, 2001)],
         f'  table: {{{target.key}: "{target.url}", table: e, columns: [id], commit: run, '
         'after: "insert into a select count(*) from e"}')
    box.faulty(f'{point}:kill', once=True)
    said = box.run('run', 'import.yaml')
    assert os.path.exists(box.env['STINT_FAULT_ONCE'])
    assert count(target, 'select count(*) from e') in (0, 2000)
    box.well()
    if said.code != 0:
        assert said.code == 75, said
        said = box.run('run', 'import.yaml')
    assert said.code == 0, said
    assert count(target, 'select count(*) from e') == 2000
    assert count(target, 'select count(distinct id) from e') == 2000
    assert [int(r[0]) for r in target.ask('select n from a')] == [2000]
    assert not is_gathered(target)
    assert box.run('ledger', 'verify', '--target', target.url).code == 0
    box.verify()


def test_after_and_commit_run_need_the_marks(box, target):
    for more in (', after: "select 1"', ', commit: run'):
        make(box, target, [row(1)], work_table(target, more) + '\n  effect: idempotent')
        said = box.run('check', 'import.yaml')
        assert said.code == 78 and 'transactional' in said.out + said.err, said
