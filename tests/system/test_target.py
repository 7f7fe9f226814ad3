# SPDX-License-Identifier: Apache-2.0
"""Work `sql` and `table`: items take effect in a database, each once, in PostgreSQL and SQLite."""
import contextlib
import json
import os
import sqlite3

import pytest

from lib.target import JOB, Target, count, make, row, work_sql, work_table

@pytest.fixture(name='target', params=['sqlite', 'postgres'])
def make_target(request, box):
    return Target.make(request, box)


def test_a_table_is_loaded_and_marked_and_the_ledger_agrees(box, target):
    make(box, target, [row(i) for i in range(1, 1201)], work_table(target))
    said = box.run('run', 'import.yaml')
    assert said.code == 0, said
    assert count(target) == 1200
    assert count(target, "select count(*) from t where name = 'n7' and amount = 7.5") == 1
    assert count(target, 'select count(*) from stint_mark') == 3
    said = box.run('ledger', 'verify', '--target', target.url)
    assert said.code == 0, said


def test_without_a_marker_table_it_says_how_to_make_it(box, target):
    make(box, target, [row(1)], work_table(target))
    target.ask('drop table stint_mark')
    said = box.run('run', 'import.yaml')
    assert said.code == 78, said
    assert 'stint ledger init --target' in said.err and 'stint generate marker' in said.err
    assert count(target) == 0
    said = box.run('generate', 'marker', 'import.yaml')
    assert said.code == 0 and 'CREATE TABLE IF NOT EXISTS stint_mark' in said.out, said


def test_a_bad_row_is_dead_alone_with_the_words_of_the_database(box, target):
    rows = [row(i) for i in range(1, 601)]
    rows[99] = row(50, 'double')  # the key of another
    make(box, target, rows, work_table(target))
    said = box.run('run', 'import.yaml')
    assert said.code == 3, said
    assert count(target) == 599
    dead = json.loads(box.run('items', '--state', 'dead', '--json').out)['items']
    assert len(dead) == 1
    text = json.dumps(dead[0])
    assert '23505' in text and 'unique' in text.lower()
    assert box.run('ledger', 'verify', '--target', target.url).code == 0


def test_what_the_schema_refuses_is_dead_at_once(box, target):
    """A check and a trigger alike, on both databases."""
    target.ask('drop table t')
    target.ask("create table t(id bigint primary key, name text check (name <> 'checked'), amount numeric,"
               ' born date, ok boolean)')
    target.refuse('t', 'name', 'raised')
    names = {7: 'checked', 9: 'raised'}
    make(box, target, [row(i, names.get(i)) for i in range(1, 31)], work_table(target))
    said = box.run('run', 'import.yaml')
    assert said.code == 3, said
    assert count(target) == 28
    dead = {item['key']: json.dumps(item) for item in box.items('--state', 'dead')}
    assert sorted(dead) == ['7', '9']
    assert '23514' in dead['7'] and 'P0001' in dead['9'] and 'no raised here' in dead['9'], dead
    for key in dead:
        said = box.run('attempts', f'import/{key}', '--json')
        assert len(json.loads(said.out)['attempts']) == 1, said


def test_statements_of_an_item_take_effect_together_or_not_at_all(box, target):
    target.ask('create table l(id bigint primary key, day date)')
    target.ask("insert into l values (3, '2000-01-01')")
    make(box, target, [row(i) for i in range(1, 11)],
         work_sql(target, 'insert into t (id, name) values (${id}, ${name})',
                  'insert into l values (${id}, ${run.date})'))
    said = box.run('run', 'import.yaml')
    assert said.code == 3, said
    assert count(target) == 9
    assert count(target, 'select count(*) from t where id = 3') == 0
    assert count(target, 'select count(*) from l') == 10


def test_values_are_bound_and_never_text(box, target):
    evil = "x'); drop table t; --"
    make(box, target, [row(1, '"' + evil + '"'), '2,,1.10,1900-01-01,true'],
         work_sql(target, 'insert into t (id, name, amount) values (${id}, ${name}, ${amount})'))
    said = box.run('run', 'import.yaml')
    assert said.code == 0, said
    assert target.ask('select name from t where id = 1')[0][0] == evil
    assert count(target, 'select count(*) from t where id = 2 and name is null') == 1


def test_a_null_in_a_key_is_dead(box, target):
    target.ask('create table k(name text not null)')
    make(box, target, ['1,,1.0,2000-01-01,true', row(2)],
         f'  table: {{{target.key}: "{target.url}", table: k, columns: [name]}}')
    said = box.run('run', 'import.yaml')
    assert said.code == 3, said
    assert count(target, 'select count(*) from k') == 1
    assert '23502' in box.run('items', '--state', 'dead').out


def test_what_is_there_already_is_skipped_or_updated(box, target):
    target.ask("insert into t (id, name) values (2, 'old')")
    make(box, target, [row(i) for i in range(1, 4)],
         work_table(target, ', conflict: skip, conflict_on: [id]'))
    assert box.run('run', 'import.yaml').code == 0
    assert target.ask('select name from t where id = 2')[0][0] == 'old'
    box.file('import.yaml', JOB % {
        'key': 'id', 'work': work_table(target, ', conflict: update, conflict_on: [id]')})
    assert box.run('run', 'import.yaml', '--again').code == 0
    assert target.ask('select name from t where id = 2')[0][0] == 'n2'
    assert count(target) == 3


def test_before_is_executed_once(box, target):
    target.ask('create table b(at text)')
    make(box, target, [row(i) for i in range(1, 1601)],
         work_table(target, ', before: "insert into b values (\'x\')"'))
    assert box.run('run', 'import.yaml').code == 0
    assert count(target, 'select count(*) from b') == 1
    assert count(target) == 1600


def test_a_table_that_is_not_there_is_told_before_the_first_item(box, target):
    make(box, target, [row(1)], f'  table: {{{target.key}: "{target.url}", table: nowhere}}')
    said = box.run('run', 'import.yaml')
    assert said.code == 78 and 'nowhere' in said.err, said


def test_a_column_that_is_not_there_is_told_with_those_that_are(box, target):
    make(box, target, [row(1)], work_table(target, ', columns: {id: "${id}", nome: "${name}"}'))
    said = box.run('run', 'import.yaml')
    assert said.code == 78 and 'nome' in said.err and 'name' in said.err, said


@pytest.mark.parametrize('point', ['target.begun', 'target.commit', 'target.committed'])
@pytest.mark.parametrize('work', ['sql', 'table'])
def test_a_kill_at_any_point_leaves_each_effect_once(faulty, target, point, work):
    box = faulty
    # No key: what took effect twice would be there twice.
    target.ask('create table e(id bigint)')
    what = f'  table: {{{target.key}: "{target.url}", table: e, columns: [id]}}' if work == 'table' \
        else work_sql(target, 'insert into e values (${id})')
    make(box, target, [row(i) for i in range(1, 2001)], what)
    box.faulty(f'{point}:{1 if work == "table" else 2}:kill', once=True)
    said = box.run('run', 'import.yaml')
    assert os.path.exists(box.env['STINT_FAULT_ONCE'])
    box.well()
    assert said.code == 0, said
    assert count(target, 'select count(*) from e') == 2000
    assert count(target, 'select count(distinct id) from e') == 2000
    assert box.run('ledger', 'verify', '--target', target.url).code == 0
    box.verify()


def test_what_is_committed_there_and_not_here_is_told(box, target):
    make(box, target, [row(i) for i in range(1, 11)], work_table(target))
    assert box.run('run', 'import.yaml').code == 0
    target.ask('update stint_mark set done = ' + ("X'0000'" if target.key == 'sqlite' else 'void'))
    said = box.run('ledger', 'verify', '--target', target.url)
    assert said.code == 1, said
    assert said.out.count('done here, not committed there') == 10


def test_marks_that_are_lost_are_told(box, target):
    """As by a target that was restored to a time before the run."""
    make(box, target, [row(i) for i in range(1, 11)], work_table(target))
    assert box.run('run', 'import.yaml').code == 0
    target.ask('delete from stint_mark')
    said = box.run('ledger', 'verify', '--target', target.url)
    assert said.code == 1 and said.out.count('done here, not committed there') == 10, said
    other = box.run('ledger', 'init', '--target', make_other(box))
    assert other.code == 0, other
    said = box.run('ledger', 'verify', '--target', 'sqlite:other.db')  # no run marks there
    assert said.code == 0, said


def make_other(box):
    """One more database, of no job."""
    with contextlib.closing(sqlite3.connect(os.path.join(box.path, 'other.db'))) as db, db:
        db.execute('create table t(id bigint)')
    return 'sqlite:other.db'


def test_each_of_two_databases_of_a_run_has_marks_of_its_own_step(box, target):
    other = make_other(box)
    make(box, target, [row(i) for i in range(1, 11)], work_table(target))
    job = 'version: 1\njob: import\nsteps:\n'
    for name, key, url in (('a', target.key, target.url), ('b', 'sqlite', 'other.db')):
        job += (f'  - name: {name}\n    source: {{csv: {{path: in.csv}}, fields: {{id: integer}}}}\n'
                f'    work: {{table: {{{key}: "{url}", table: t, columns: [id]}}}}\n')
    box.file('import.yaml', job)
    assert box.run('ledger', 'init', '--target', other).code == 0
    assert box.run('run', 'import.yaml').code == 0
    for url in (target.url, other):
        said = box.run('ledger', 'verify', '--target', url)
        assert said.code == 0, said
    target.ask('delete from stint_mark')
    said = box.run('ledger', 'verify', '--target', target.url)
    assert said.code == 1 and said.out.count('done here, not committed there') == 10, said
    assert box.run('ledger', 'verify', '--target', other).code == 0


def test_generate_marker_has_what_each_database_of_a_job_needs(box, target):
    make(box, target, [row(1)], work_table(target))
    box.file('ends.yaml', f'job: ends\nwork: {{noop: {{}}}}\non_finish:\n'
             f'  - {{{target.key}: "{target.url}", sql: "delete from t"}}\n')
    box.file('none.yaml', 'job: none\nwork: {noop: {}}\n')
    said = box.run('generate', 'marker', 'import.yaml', 'ends.yaml', '--to', 'ddl', '-n')
    assert said.code == 0 and said.out == 'ddl/import.marker.sql\nddl/ends.marker.sql\n', said
    assert not os.path.exists(os.path.join(box.path, 'ddl'))
    said = box.run('generate', 'marker', 'import.yaml', 'ends.yaml', '--to', 'ddl')
    assert said.code == 0 and said.out == 'ddl/import.marker.sql\nddl/ends.marker.sql\n', said
    target.ask('drop table stint_mark')
    for name in ('import', 'ends'):
        target.ask(box.read(f'ddl/{name}.marker.sql'))
    for name in ('import', 'ends'):
        assert box.run('run', f'{name}.yaml').code == 0
    said = box.run('generate', 'marker', 'none.yaml')
    assert said.code == 78 and 'marks nothing' in said.err, said
