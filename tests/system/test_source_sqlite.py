# SPDX-License-Identifier: Apache-2.0
"""Rows of an SQLite database as items, and what may be wrong with them."""
import os
import sqlite3

import pytest

from lib.box import cast, kill, wait_until

JOB = '''
job: rows
source:
  sqlite:
    url: data.db
    query: "{query}"
    cursor: id
  fields: {{{fields}}}
  page: {page}
  retry: {{attempts: {attempts}, first: 200ms, factor: 1}}
work: {work}
chunk: {{items: 40}}
'''
QUERY = 'select id, v from t where id > ${cursor} order by id limit ${page_size}'


def write(box, query=QUERY, fields='id: integer, v: text', page=50, attempts=5, work='{noop: {}}'):
    box.file('job.yaml', JOB.format(query=query, fields=fields, page=page, attempts=attempts, work=work))


def has_open(pid, name):
    try:
        return any(os.readlink(f'/proc/{pid}/fd/{fd}').endswith(name) for fd in os.listdir(f'/proc/{pid}/fd'))
    except OSError:
        return False


def fill(box, rows=300, more=''):
    with sqlite3.connect(f'{box.path}/data.db') as db:
        db.executescript(f'''create table t(id integer primary key, v text);
            with recursive n(i) as (select 1 union all select i + 1 from n where i < {rows})
            insert into t select i, i from n where {rows} > 0; {more}''')


@pytest.mark.parametrize('rows', [0, 1, 50, 51, 300])
def test_every_row_is_an_item_exactly_once(box, rows):
    fill(box, rows)
    write(box)
    said = box.run('run', 'job.yaml')
    assert said.code == 0, said
    assert sorted(int(k) for k in box.keys('done')) == list(range(1, rows + 1))
    box.verify()


def test_values_are_what_the_field_says(box):
    with sqlite3.connect(f'{box.path}/data.db') as db:
        db.executescript('''create table t(id integer primary key, n, f, b, z, v);
            insert into t values (-5, 12.50, 0.1, 1, '2026-01-01 10:00:00', 'a'), (2, '12.50', 1e-5, 0,
            '1900-01-01T00:00:00Z', ''), (3, 9007199254740993, 1, 'true', null, null);''')
    write(box, 'select id, n, f, b, z, v from t where id > ${cursor} order by id limit ${page_size}',
          'id: integer, n: decimal, f: float, b: boolean, z: "timestamp?", v: "text?"',
          work='{exec: {shell: "cat >> seen; echo >> seen"}}')
    assert box.run('run', 'job.yaml').code == 0
    assert sorted(line for line in box.lines('seen') if line) == [
        '{"id":-5,"n":12.5,"f":0.1,"b":true,"z":"2026-01-01T10:00:00","v":"a"}',
        '{"id":2,"n":12.50,"f":0.00001,"b":false,"z":"1900-01-01T00:00:00Z","v":""}',
        '{"id":3,"n":9007199254740993,"f":1,"b":true,"z":null,"v":null}']


def test_what_is_no_value_of_a_field_is_rejected_with_its_row(box):
    with sqlite3.connect(f'{box.path}/data.db') as db:
        db.executescript('''create table t(id integer primary key, v, n);
            insert into t values (1, null, 1), (2, x'00ff', 1), (3, 'a', 'x'), (4, 'a', ''), (5, 'a', 9e999),
            (6, cast(x'ff41' as text), 1), (7, replace(hex(zeroblob(5000000)), '0', 'x'), 1), (8, 'a', 1);''')
    write(box, 'select id, v, n from t where id > ${cursor} order by id limit ${page_size}',
          'id: integer, v: text, n: decimal')
    said = box.run('run', 'job.yaml')
    assert said.code == 3 and '1 item, 1 done, 7 rejected' in said.out, said
    out = box.run('rejects', 'rows').out
    for row, word in [(1, 'is null'), (2, 'a BLOB is no text'), (3, "'x' is no decimal"),
                      (4, 'is no decimal'),
                      (5, 'is no decimal'), (6, 'is no UTF-8'), (7, 'longer than 8 MiB')]:
        assert any(line.startswith(f'id={row} ') and word in line for line in out.splitlines()), (row, out)


@pytest.mark.parametrize('query,code,word', [
    ('select id, v from nosuch where id > ${cursor} order by id limit ${page_size}', 78,
     'no such table: nosuch'),
    ('select id / 10 as id, v from t where id > ${cursor} order by id limit ${page_size}', 1,
     'is not unique'),
    ('select iif(id = 7, 3, id) as id, v from t where t.id > ${cursor} order by t.id limit ${page_size}', 1,
     "'3' comes behind '6'"),
    ('select nullif(id, 9) as id, v from t where t.id > ${cursor} order by t.id limit ${page_size}', 1,
     'is null'),
])
def test_what_a_query_gets_wrong_is_said(box, query, code, word):
    fill(box)
    write(box, query)
    said = box.run('run', 'job.yaml')
    assert said.code == code and word in said.said, said


def test_a_database_that_is_none_or_not_there_is_said(box):
    write(box)
    said = box.run('run', 'job.yaml')
    assert said.code == 1 and 'cannot be opened' in said.said, said
    box.file('data.db', 'this is no database, however long it is ' * 100)
    said = box.run('run', 'job.yaml')
    assert said.code == 1 and 'file is not a database' in said.said, said


def test_the_database_is_only_read(box):
    fill(box)
    write(box, "update t set v = 1 where id > ${cursor} and id < ${page_size} returning id, v")
    said = box.run('check', 'job.yaml')
    assert said.code == 78 and 'expected one select' in said.said, said


def test_a_lock_held_by_others_is_waited_for(box):
    fill(box, more='pragma journal_mode = delete;')
    write(box, attempts=500)
    db = sqlite3.connect(f'{box.path}/data.db', isolation_level=None)
    db.execute('begin exclusive')
    run = box.start('run', 'job.yaml')
    wait_until(lambda: any(has_open(pid, 'data.db') for pid in cast(run.pid)['lane']))
    db.execute('commit')
    assert run.wait(120) == 0, box.process_said(run)
    assert len(box.keys('done')) == 300


def test_a_load_goes_on_after_kills_and_sees_columns_that_changed(box):
    fill(box, 20000)
    write(box, page=10)
    for _ in range(3):
        run = box.start('run', 'job.yaml')
        wait_until(lambda: cast(run.pid)['lane'] or run.poll() is not None)
        at = cast(run.pid)
        for pid in [run.pid, *at['engine'], *at['lane']]:
            kill(pid)
        run.wait(60)
    said = box.run('run', 'job.yaml')
    assert said.code == 0, said
    assert len(box.keys('done')) == len(set(box.keys('done'))) == 20000
    box.verify()


def test_duplicate_keys_are_found_across_a_kill_too(box):
    fill(box, 500, more="update t set v = '7' where id = 400;")
    write(box)
    box.file('job.yaml', box.read('job.yaml').replace('  page:', '  key: v\n  unique: run\n  page:'))
    said = box.run('run', 'job.yaml')
    assert said.code == 3 and '499 items' in said.out, said
    assert "the key '7' comes twice" in box.run('rejects', 'rows').out
