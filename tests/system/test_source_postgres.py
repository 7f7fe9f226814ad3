# SPDX-License-Identifier: Apache-2.0
"""Rows of a PostgreSQL database as items, and everything that such a database can say."""
import os
import signal

import pytest

from lib.box import cast, kill, wait_until
from lib.held import Held, waiters

JOB = '''
job: rows
source:
  postgres:
    url: env:TEST_DB
    query: |
      {query}
    cursor: {cursor}
  fields: {{{fields}}}
  page: {page}
  retry: {{attempts: {attempts}, first: {first}, factor: 1}}
work: {{noop: {{}}}}
chunk: {{items: 40}}
'''
QUERY = 'select id, v from t where id > ${cursor} order by id limit ${page_size}'
TABLE = '''create table t(id int primary key, v text);
insert into t select i, i::text from generate_series(1, {}) i;'''


def write(box, database, query=QUERY, fields='id: integer, v: text', page=50, attempts=5, first='200ms'):
    box.env['TEST_DB'] = database if isinstance(database, str) else database.uri
    box.file('job.yaml', JOB.format(query=query, fields=fields, cursor='id', page=page, attempts=attempts,
                                    first=first))


def reasons(box):
    said = box.run('rejects', 'rows')
    assert said.code == 0, said
    return said.out


def test_every_row_is_an_item_exactly_once(box, postgres):
    postgres.ask(TABLE.format(777))
    write(box, postgres)
    said = box.run('run', 'job.yaml')
    assert said.code == 0 and '777 items, 777 done' in said.out, said
    assert sorted(int(k) for k in box.keys('done')) == list(range(1, 778))
    box.verify()


@pytest.mark.parametrize('rows', [0, 1, 49, 50, 51, 100])
def test_a_page_that_is_just_full_or_empty_ends_well(box, postgres, rows):
    postgres.ask(TABLE.format(rows))
    write(box, postgres)
    said = box.run('run', 'job.yaml')
    assert said.code == 0 and len(box.keys('done')) == rows, said


def test_values_keep_their_digits_and_types(box, postgres):
    postgres.ask("""create table t(id bigint primary key, n numeric, f float8, b bool, d date, z timestamptz,
        s timestamp, j jsonb, u uuid, x bytea);
        insert into t values (9007199254740993, 12345678901234567890.1234567890, 0.1, true, '0001-01-01',
        '1969-12-31 23:59:59.999999+00', '9999-12-31 00:00:00', '{"a": [1]}',
        'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\\x00ff'),
        (9007199254740994, null, null, null, null, null, null, null, null, null)""")
    write(box, postgres, 'select id, n, f, b, d, z, s, j, u, x from t where id > ${cursor} order by id '
          'limit ${page_size}', 'id: integer, n: "decimal?", f: "float?", b: "boolean?", d: "date?", '
          'z: "timestamp?", s: "timestamp?", j: "json?", u: "text?", x: "text?"')
    box.file('job.yaml', box.read('job.yaml').replace(
        'noop: {}', 'exec: {shell: "cat >> seen; echo >> seen"}'))
    assert box.run('run', 'job.yaml').code == 0
    seen = sorted(line for line in box.lines('seen') if line)
    assert seen[0] == ('{"id":9007199254740993,"n":12345678901234567890.1234567890,"f":0.1,"b":true,'
                       '"d":"0001-01-01","z":"1969-12-31T23:59:59.999999+00:00","s":"9999-12-31T00:00:00",'
                       '"j":{"a":[1]},"u":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11","x":"\\\\x00ff"}')
    assert seen[1].startswith('{"id":9007199254740994,"n":null,"f":null,"b":null')


def test_what_is_no_value_of_a_field_is_rejected_with_its_row(box, postgres):
    postgres.ask("""create table t(id int primary key, v text, n numeric, f float8, d date, z timestamptz);
        insert into t values (1, 'a', 'NaN', 1, '2026-01-01', now()), (2, 'a', 1, 'NaN', '2026-01-01', now()),
        (3, 'a', 1, 'Infinity', '2026-01-01', now()), (4, 'a', 1, 1, '-infinity', now()),
        (5, 'a', 1, 1, '0044-03-15 BC', now()), (6, 'a', 1, 1, '12026-01-01', now()),
        (7, 'a', 1, 1, '2026-01-01', 'infinity'), (8, null, 1, 1, '2026-01-01', now()),
        (9, repeat('x', 10000000), 1, 1, '2026-01-01', now()), (10, '', 1, 1, '1900-01-01', '1900-01-01')""")
    write(box, postgres, QUERY.replace('id, v', 'id, v, n, f, d, z'),
          'id: integer, v: text, n: decimal, f: float, d: date, z: timestamp')
    said = box.run('run', 'job.yaml')
    assert said.code == 3 and '1 item, 1 done, 9 rejected' in said.out, said
    assert '9 rows could not be read: mend them in the database' in said.out, said
    assert '--again\n' in said.out and '--source' not in said.out, said
    assert box.keys('done') == ['10']
    out = reasons(box)
    for row, word in [(1, "'NaN' is no decimal (field n)"), (2, "'NaN' is no number (field f)"),
                      (3, "'Infinity' is no number"), (4, "'-infinity' is no date"), (5, 'BC'),
                      (6, '12026-01-01'), (7, "'infinity' is no timestamp"),
                      (8, 'the field is null; write text? to allow that (field v)'),
                      (9, 'longer than 8 MiB')]:
        assert any(line.startswith(f'id={row} ') and word in line for line in out.splitlines()), (row, out)


def test_a_page_of_large_values_stays_small_here(box, postgres):
    postgres.ask("create table t(id int primary key, v text); insert into t select i, repeat('y', 7000000)"
                 ' from generate_series(1, 40) i')
    write(box, postgres, page=1000)
    said = box.run('run', 'job.yaml')
    assert said.code == 0 and '40 items, 40 done' in said.out, said


@pytest.mark.parametrize('query,word', [
    ('select id % 5 as id, v from t where id > ${cursor} order by id limit ${page_size}',
     "the cursor id is not unique: a row with '0' comes behind one with '0'"),
    ('select (case when id = 7 then 3 else id end) as id, v from t where id > ${cursor} order by t.id '
     'limit ${page_size}', "not ordered by the cursor id, or their order changes: '3' comes behind '6'"),
    ('select nullif(id, 9) as id, v from t where id > ${cursor} order by t.id limit ${page_size}',
     "the cursor id is null in a row behind '8'"),
])
def test_a_cursor_that_names_no_row_stops_the_run(box, postgres, query, word):
    postgres.ask(TABLE.format(200))
    write(box, postgres, query)
    said = box.run('run', 'job.yaml')
    assert said.code == 1 and word in said.said, said


def test_a_value_that_comes_again_at_the_end_of_a_page_is_seen(box, postgres):
    postgres.ask(TABLE.replace(' primary key', '').format(50) + "insert into t values (50, 'lost')")
    write(box, postgres)
    said = box.run('run', 'job.yaml')
    assert said.code == 1 and "a row with '50' comes behind one with '50'" in said.said, said


@pytest.mark.parametrize('sql,code,word', [
    ('drop table t', 78, 'relation "t" does not exist (42P01)'),
    ('alter table t drop column v', 78, 'column "v" does not exist (42703)'),
    ('alter table t alter column v type int using 1', 78,
     "column 'v' is of type integer, which does not fit field v of type json"),
])
def test_what_is_not_there_or_of_another_type_is_said(box, postgres, sql, code, word):
    postgres.ask(TABLE.format(5) + sql)
    write(box, postgres, fields='id: integer, v: json' if 'json' in word else 'id: integer, v: text')
    said = box.run('run', 'job.yaml')
    assert said.code == code and word in said.said, said


def test_a_wrong_password_is_told_and_not_shown(box, postgres):
    write(box, postgres.server.tcp_uri(postgres.name, password='Falsch-77'))
    said = box.run('run', 'job.yaml')
    assert said.code == 1 and '28P01' in said.said, said
    assert 'Falsch-77' not in said.said and 'Falsch-77' not in box.run('status').said


def test_no_permission_is_told(box, postgres):
    postgres.ask(TABLE.format(5), user='postgres')
    write(box, postgres)
    said = box.run('run', 'job.yaml')
    assert said.code == 1 and 'permission denied for table t (42501)' in said.said, said


def test_out_of_connections_is_waited_for(box, postgres):
    postgres.ask(TABLE.format(5))
    postgres.ask(f'alter database {postgres.name} connection limit 0', user='postgres')
    write(box, postgres, attempts=2)
    said = box.run('run', 'job.yaml')
    assert said.code == 1 and 'after 2 attempts' in said.said and '53300' in said.said, said
    write(box, postgres, attempts=500)
    run = box.start('run', 'job.yaml')
    wait_until(lambda: f'too many connections for database "{postgres.name}"' in postgres.server.log)
    postgres.ask(f'alter database {postgres.name} connection limit -1', user='postgres')
    assert run.wait(120) == 0, box.process_said(run)


@pytest.mark.parametrize('words, said_of_it', [(60, 'begin ' + 'word ' * 60 + 'end'), (200, 'word ')])
def test_the_words_of_a_database_are_given_whole_or_cut_at_their_end(box, postgres, words, said_of_it):
    postgres.ask(f"""create function f() returns text language plpgsql as $$ begin
        raise 'begin {'word ' * words}end' using errcode = 'too_many_connections'; end $$""")
    write(box, postgres, 'select i as id, f() as v from generate_series(1, 5) as i where i > ${cursor}'
          ' order by i limit ${page_size}', attempts=2)
    said = box.run('run', 'job.yaml')
    assert said.code == 1 and said_of_it in said.said, said
    assert said.said.count('…') == (0 if words == 60 else 2), said  # when it happens, and at the end


def test_a_lock_held_by_others_is_waited_for(box, postgres):
    postgres.ask(TABLE.format(120))
    write(box, postgres, attempts=500)
    seen = postgres.server.log.count('due to lock timeout')
    with Held(postgres, 'begin; lock table t in access exclusive mode'):
        run = box.start('run', 'job.yaml')
        wait_until(lambda: postgres.server.log.count('due to lock timeout') > seen)
    assert run.wait(120) == 0, box.process_said(run)
    assert len(box.keys('done')) == 120


def test_an_encoding_is_turned_into_ours(box, postgres):
    name = postgres.name + '_l1'
    postgres.server.ask(f"create database {name} owner stint template template0 encoding 'LATIN1' locale 'C'")
    try:
        uri = postgres.server.uri(name)
        postgres.server.ask("set client_encoding = 'UTF8'; create table t(id int primary key, v text); "
                            "insert into t values (1, 'Grüße')", name,
                            'stint')
        write(box, uri)
        assert box.run('run', 'job.yaml').code == 0
        box.file('job.yaml', box.read('job.yaml').replace('noop: {}', 'exec: {shell: "cat > seen"}'))
        assert box.run('run', 'job.yaml', '--again', '--with-new-file').code == 0
        assert 'Grüße' in box.read('seen')
    finally:
        postgres.server.ask(f'drop database {name} with (force)')


def test_bytes_that_are_no_text_are_rejected(box, postgres):
    name = postgres.name + '_ascii'
    postgres.server.ask(f"create database {name} owner stint template template0 encoding 'SQL_ASCII'"
                        " locale 'C'")
    try:
        postgres.server.ask("create table t(id int primary key, v text); insert into t values (1, 'good'), "
                            "(2, convert_from('\\xff41'::bytea, 'SQL_ASCII'))", name, 'stint')
        write(box, postgres.server.uri(name))
        said = box.run('run', 'job.yaml')
        assert said.code == 3 and '1 rejected' in said.out, said
        assert 'is no UTF-8' in reasons(box)
    finally:
        postgres.server.ask(f'drop database {name} with (force)')


# ---- in the middle of a load: the third page waits for a lock that the test holds ------------------

GATE = TABLE.format(300) + '''
create function gate(n int) returns bool language plpgsql as $$ begin
  if n = 140 then perform pg_advisory_xact_lock(7); end if; return true; end $$;'''
GATED = 'select id, v from t where id > ${cursor} and gate(id) order by id limit ${page_size}'


def halt(box, postgres, **more):
    """A run whose reader is in its third page, and cannot go on."""
    postgres.ask(GATE)
    write(box, postgres, GATED, attempts=500, first='1s', **more)
    held = Held(postgres, 'select pg_advisory_lock(7)')
    run = box.start('run', 'job.yaml')
    pid = wait_until(lambda: waiters(postgres))[0]
    return held, run, pid


def loaded(box):
    return box.ask('select count(*), sum(n) from chunk')[0]


@pytest.mark.parametrize('sql,code,word', [
    ('select 1', 0, '300 items, 300 done'),
    ('alter table t alter column v type int using v::int', 1, 'the columns of the query have changed'),
    ('alter table t drop column v', 78, 'column "v" does not exist'),
    ('drop table t', 78, 'relation "t" does not exist'),
    ('insert into t select i, i::text from generate_series(301, 400) i', 0, '300 items, 300 done'),
    ('delete from t where id > 290', 0, '290 items, 290 done'),
])
def test_a_lost_connection_goes_on_and_sees_what_changed(box, postgres, sql, code, word):
    held, run, pid = halt(box, postgres)
    postgres.ask(f'select pg_terminate_backend({pid})', user='postgres')
    held.close()
    postgres.ask(sql)
    assert run.wait(120) == code, box.process_said(run)
    said = box.run('report') if code == 0 else None
    if said:
        n = word.split()[0]
        assert len(box.keys('done')) == int(n), said
        return
    assert word in box.run('status').said + box.run('runs', 'rows').said + box.run('report').said


@pytest.mark.parametrize('whom', ['reader', 'all'])
def test_a_load_that_is_killed_goes_on_behind_its_last_row(box, postgres, whom):
    held, run, _ = halt(box, postgres)
    wait_until(lambda: loaded(box)[1] and loaded(box)[1] >= 80)
    at = cast(run.pid)
    if whom == 'all':
        kill(run.pid)
    for pid in at['lane'] if whom == 'reader' else [*at['engine'], *at['lane']]:
        kill(pid)
    held.close()
    run.wait(120)
    assert whom == 'all' or run.returncode == 0, box.process_said(run)
    if whom == 'all':
        said = box.run('run', 'job.yaml')
        assert said.code == 0, said
    assert sorted(int(k) for k in box.keys('done')) == list(range(1, 301))
    box.verify()


def test_a_run_that_goes_on_is_as_patient_as_today_s_file_says(box, postgres):
    postgres.ask(GATE)
    write(box, postgres, GATED, attempts=1)
    held = Held(postgres, 'select pg_advisory_lock(7)')
    run = box.start('run', 'job.yaml')
    wait_until(lambda: waiters(postgres) and loaded(box)[1] and loaded(box)[1] >= 80)
    at = cast(run.pid)
    for pid in [run.pid, *at['engine'], *at['lane']]:
        kill(pid)
    run.wait(60)
    held.close()
    write(box, postgres, GATED, attempts=500)
    postgres.ask(f'alter database {postgres.name} connection limit 0', user='postgres')
    words = f'too many connections for database "{postgres.name}"'
    run = box.start('run', 'job.yaml')
    wait_until(lambda: postgres.server.log.count(words) >= 3 or run.poll() is not None)
    postgres.ask(f'alter database {postgres.name} connection limit -1', user='postgres')
    assert run.wait(120) == 0, box.process_said(run)
    assert len(box.keys('done')) == 300


def test_a_server_that_is_restarted_between_pages_is_waited_for(box, new_postgres):
    server = new_postgres()
    postgres = server.database()
    held, run, _ = halt(box, postgres)
    server.kill()
    held.process.kill()
    held.process.wait(60)
    server.start()
    assert run.wait(120) == 0, box.process_said(run)
    assert len(box.keys('done')) == 300


def test_a_stop_is_heard_while_the_server_is_away(box, postgres):
    postgres.ask(TABLE.format(5))
    postgres.ask(f'alter database {postgres.name} connection limit 0', user='postgres')
    write(box, postgres, attempts=500, first='1h')
    run = box.start('run', 'job.yaml')
    wait_until(lambda: f'too many connections for database "{postgres.name}"' in postgres.server.log)
    os.kill(run.pid, signal.SIGTERM)
    assert run.wait(60) == 75, box.process_said(run)


def test_a_placeholder_is_a_value_and_never_text(box, postgres):
    postgres.ask(TABLE.format(20))
    write(box, postgres, 'select id, v from t where v <> ${param.word} and id > ${cursor} order by id '
          'limit ${page_size}')
    box.file('job.yaml', box.read('job.yaml') + 'params: {word: {type: text}}\n')
    said = box.run('run', 'job.yaml', '--param', "word=x'; drop table t; --")
    assert said.code == 0 and '20 items' in said.out, said
    assert postgres.value('select count(*) from t') == '20'
