# SPDX-License-Identifier: Apache-2.0
"""What PostgreSQL may say against work in it: whose fault it is, and the sentence about it."""
import contextlib
import json
import os
import subprocess
import tempfile

import pytest
from lib.box import cast, is_alive, wait_until
from lib.postgres import Database, account
from lib.target import Postgres, Sqlite, count, make, row, work_sql, work_table

# Waits are short: what opens the breaker is put right by the test.
QUICK = '''breaker: {open_for: 100ms, open_max: 200ms, give_up_after: 10m}
'''


@pytest.fixture(name='target')
def make_target(box, postgres):
    return Postgres(box, postgres)


def make_quick(box, target, rows, work, more=QUICK):
    make(box, target, rows, work)
    box.file('import.yaml', box.read('import.yaml') + more)


def dead(box):
    return json.loads(box.run('items', '--state', 'dead', '--json').out)['items']


def waiting(box):
    """What was said of the items that are tried again later."""
    return box.run('items', '--state', 'retry', '--json').out


def said_of(box, key, text):
    """The one dead item is that of the key, and that is what was said of it."""
    found = dead(box)
    assert [i['key'] for i in found] == [key], found
    assert text in json.dumps(found[0], ensure_ascii=False), found
    return found[0]


@contextlib.contextmanager
def psql(target, text):
    """A session that has executed the text, and stays until the end of the block."""
    session = subprocess.Popen(
        ['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', target.database.uri], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True, env={'PATH': '/usr/bin:/bin', 'LC_ALL': 'C.UTF-8'})
    try:
        session.stdin.write(text + ';\n\\echo is-there\n')
        session.stdin.flush()
        assert 'is-there' in session.stdout.readline()
        yield session
    finally:
        session.stdin.close()
        session.wait(60)


# ---- the endpoint's: no item can be done ------------------------------------------------------------

def test_a_wrong_password_ends_the_call_before_the_first_item(box, target):
    make(box, target, [row(1)], work_table(target))
    box.env['TARGET'] = target.database.server.tcp_uri(target.database.name, password='wrong')
    said = box.run('run', 'import.yaml')
    assert said.code == 77, said
    assert 'password authentication failed' in said.err and 'wrong' not in said.err.replace(
        'password authentication failed', ''), said
    assert count(target) == 0


def test_a_database_that_is_not_there_ends_the_call(box, target):
    make(box, target, [row(1)], work_table(target))
    box.env['TARGET'] = target.database.server.uri('nowhere')
    said = box.run('run', 'import.yaml')
    assert said.code == 78 and 'nowhere' in said.err, said


@pytest.mark.parametrize('work', ['sql', 'table'])
def test_a_table_without_permission_is_waited_for(box, target, work):
    target.database.ask('alter table t owner to postgres', user='postgres')
    make_quick(box, target, [row(i) for i in range(1, 11)], work_table(target) if work == 'table'
               else work_sql(target, 'insert into t (id) values (${id})'))
    run = box.start('run', 'import.yaml')
    wait_until(lambda: run.poll() is not None or '42501' in box.process_said(run))
    target.database.ask('grant all on t to public', user='postgres')
    assert run.wait(180) == 0, box.process_said(run)
    assert dead(box) == []


def test_a_table_that_is_dropped_in_mid_run_makes_nothing_dead(box, target):
    make_quick(box, target, [row(i) for i in range(1, 101)],
               work_sql(target, 'insert into t (id) values (${id})', 'select pg_sleep(0.1)'),
               QUICK + 'chunk: {items: 5}\n')
    run = box.start('run', 'import.yaml')
    wait_until(lambda: count(target) >= 5 or run.poll() is not None)
    target.ask('drop table t')
    wait_until(lambda: '42P01' in box.process_said(run) or run.poll() is not None)
    assert run.poll() is None, box.process_said(run)
    target.ask('create table t(id bigint primary key)')
    assert run.wait(180) == 0, box.process_said(run)
    assert dead(box) == []
    assert box.run('ledger', 'verify', '--target', target.url).code == 0


@pytest.mark.parametrize('work', ['sql', 'table'])
def test_out_of_connections_is_waited_for(box, target, work):
    make_quick(box, target, [row(i) for i in range(1, 11)], work_table(target) if work == 'table'
               else work_sql(target, 'insert into t (id) values (${id})'))
    limit = f'alter database {target.database.name} connection limit '
    target.database.server.ask(limit + '0')
    run = box.start('run', 'import.yaml')
    wait_until(lambda: 'too many connections' in box.process_said(run) or
               run.poll() is not None)
    assert run.poll() is None, box.process_said(run)
    target.database.server.ask(limit + '-1')
    assert run.wait(180) == 0, box.process_said(run)
    assert count(target) == 10


@pytest.mark.skipif(os.geteuid() != 0, reason='mounts a small file system')
def test_a_full_disk_of_the_server_is_waited_for(box, target):
    server = target.database.server
    with tempfile.TemporaryDirectory(prefix='stint-full-', dir='/tmp') as folder:
        mounted = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=1m', 'full', folder], check=False)
        if mounted.returncode != 0:
            pytest.skip('mounting is not allowed here')
        try:
            os.chown(folder, account().pw_uid, account().pw_gid)
            os.chmod(folder, 0o700)
            server.ask(f"create tablespace small location '{folder}'")
            target.database.ask('alter table t set tablespace small', user='postgres')
            rows = [row(i, os.urandom(700).hex()) for i in range(1, 2001)]
            make_quick(box, target, rows, work_table(target))
            run = box.start('run', 'import.yaml')
            wait_until(lambda: 'No space left' in box.process_said(run) or
                       run.poll() is not None)
            assert run.poll() is None, box.process_said(run)
            subprocess.run(['mount', '-o', 'remount,size=64m', folder], check=True)
            assert run.wait(180) == 0, box.process_said(run)
            assert count(target) == 2000
            assert dead(box) == []
        finally:
            target.database.drop()
            server.ask('drop tablespace if exists small')
            subprocess.run(['umount', '-l', folder], check=True)


# ---- everybody's: it passes -------------------------------------------------------------------------

@pytest.mark.parametrize('work', ['sql', 'table'])
def test_a_lock_that_others_hold_is_waited_for(box, target, work):
    make_quick(box, target, [row(i) for i in range(1, 11)], work_table(target) if work == 'table'
               else work_sql(target, 'insert into t (id) values (${id})'))
    box.file('import.yaml', box.read('import.yaml').replace(
        'attempts: 2, first: 10ms, factor: 1, max: 10ms',
        'attempts: 1000, first: 2s, factor: 1, max: 2s'))
    box.env['PGOPTIONS'] = '-c lock_timeout=100ms'
    with psql(target, 'begin; lock table t'):
        run = box.start('run', 'import.yaml')
        wait_until(lambda: '55P03' in waiting(box) + box.process_said(run) or run.poll() is not None)
        assert run.poll() is None, box.process_said(run)
    assert run.wait(180) == 0, box.process_said(run)
    assert count(target) == 10


def test_a_statement_timeout_is_the_item_s_and_the_others_are_done(box, target):
    make_quick(box, target, [row(i) for i in range(1, 21)], work_sql(
        target, 'insert into t (id) select ${id} from pg_sleep(case when ${id} = 7 then 60 else 0 end)'))
    box.env['PGOPTIONS'] = '-c statement_timeout=3s'
    said = box.run('run', 'import.yaml')
    assert said.code == 3, said
    assert count(target) == 19
    said_of(box, '7', '57014')


# ---- the item's: it is dead -------------------------------------------------------------------------

@pytest.mark.parametrize('work', ['sql', 'table'])
def test_values_of_ten_megabytes_are_written(box, target, work):
    """Made by the job: a record of that length is none (it is rejected)."""
    columns = ', columns: {id: "${id}", name: "' + '${name}' * 10 + '"}'
    together = ' || '.join(['${name}::text'] * 10)
    make_quick(box, target, [row(1), row(2, 'x' * 1_000_000), row(3)],
               work_table(target, columns) if work == 'table'
               else work_sql(target, f'insert into t (id, name) values (${{id}}, {together})'))
    said = box.run('run', 'import.yaml')
    assert said.code == 0, said
    assert count(target, 'select length(name) from t where id = 2') == 10_000_000


def test_a_nul_makes_its_item_dead_and_no_other(box, target):
    box.file('in.jsonl', '{"id": 1, "name": "a"}\n{"id": 2, "name": "b\\u0000c"}\n{"id": 3, "name": "d"}\n')
    make_quick(box, target, [], work_table(target, ', columns: [id, name]'))
    job = box.read('import.yaml').replace('csv: {path: in.csv}', 'jsonl: {path: in.jsonl}').replace(
        'fields: {id: integer, name: "text?", amount: decimal, born: date, ok: boolean}',
        'fields: {id: integer, name: text}')
    box.file('import.yaml', job)
    said = box.run('run', 'import.yaml')
    assert said.code == 3, said
    assert [r[0] for r in target.ask('select id from t order by id')] == ['1', '3']
    said_of(box, '2', 'NUL')


def test_bytes_that_are_no_utf_8_are_rejected_with_their_line(box, target):
    make_quick(box, target, [row(1), row(2), row(3)], work_table(target))
    data = box.read('in.csv').encode().replace(b'n2', b'n\xff2')
    box.file('in.csv', data)
    said = box.run('run', 'import.yaml')
    assert said.code == 3, said
    assert count(target) == 2
    out = box.run('rejects', '1').out
    assert out.split('\n')[1].split()[:2] == ['in.csv', '3'] and 'UTF-8' in out, out


@pytest.mark.parametrize('work', ['sql', 'table'])
def test_a_character_that_the_database_cannot_hold_makes_its_item_dead(box, postgres_server, work):
    name = 'latin_' + work
    postgres_server.ask(f"create database {name} owner stint template template0 encoding latin1 "
                        "locale 'C'")
    database = Database(postgres_server, name)
    try:
        target = Postgres(box, database)
        make_quick(box, target, [row(1, 'Zürich'), row(2, 'Łódź'), row(3, 'ok')],
                   work_table(target) if work == 'table' else
                   work_sql(target, 'insert into t (id, name) values (${id}, ${name})'))
        said = box.run('run', 'import.yaml')
        assert said.code == 3, said
        assert count(target) == 2
        assert count(target, 'select octet_length(name) from t where id = 1') == 6
        said_of(box, '2', '22P05')
    finally:
        database.drop()


def test_nan_and_infinity_go_where_the_column_takes_them(box, target):
    target.ask('create table n(id bigint primary key, f float8, d numeric, w date, i integer)')
    box.file('in.csv', 'id,f,d,w,i\n1,NaN,NaN,infinity,1\n2,-Infinity,Infinity,-infinity,2\n'
                       '3,1,1,2000-01-01,NaN\n')
    make_quick(box, target, [], work_table(target).replace('table: t', 'table: n'))
    data = 'id,f,d,w,i\n1,NaN,NaN,infinity,1\n2,-Infinity,Infinity,-infinity,2\n3,1,1,2000-01-01,NaN\n'
    box.file('in.csv', data)
    box.file('import.yaml', box.read('import.yaml').replace(
        'fields: {id: integer, name: "text?", amount: decimal, born: date, ok: boolean}',
        'fields: {id: integer, f: text, d: text, w: text, i: text}'))
    said = box.run('run', 'import.yaml')
    assert said.code == 3, said
    assert target.ask('select f, d, w from n order by id') == [
        ('NaN', 'NaN', 'infinity'), ('-Infinity', 'Infinity', '-infinity')]
    said_of(box, '3', '22P02')


def test_dates_before_the_epoch_and_of_the_first_year_are_kept(box, target):
    days = ['0001-01-01', '1582-10-10', '1899-12-31', '1969-12-31', '9999-12-31']
    make_quick(box, target, [f'{i},n,1,{day},true' for i, day in enumerate(days)], work_table(target))
    said = box.run('run', 'import.yaml')
    assert said.code == 0, said
    assert [r[0] for r in target.ask('select born from t order by id')] == days


def test_a_column_that_was_retyped_is_told_before_the_first_item(box, target):
    make_quick(box, target, [row(1)], work_table(target))
    target.ask('alter table t alter amount type date using null')
    said = box.run('run', 'import.yaml')
    assert said.code == 78 and 'amount' in said.err and '42804' in said.err, said


def test_a_column_that_needs_a_value_and_gets_none_is_told_before_the_first_item(box, target):
    make_quick(box, target, [row(1)], work_table(target, ', columns: [id]'))
    target.ask("alter table t alter name set not null")
    said = box.run('run', 'import.yaml')
    assert said.code == 78 and 'name' in said.err and '23502' in said.err, said


def test_a_column_that_is_retyped_in_mid_run_makes_nothing_dead(box, target):
    make_quick(box, target, [row(i) for i in range(1, 101)],
               work_sql(target, 'insert into t (id, name) values (${id}, ${name})',
                        'select pg_sleep(0.1)'), QUICK + 'chunk: {items: 2}\n')
    run = box.start('run', 'import.yaml')
    wait_until(lambda: count(target) >= 2 or run.poll() is not None)
    target.ask('alter table t alter name type integer using null')
    wait_until(lambda: '42804' in box.process_said(run) or run.poll() is not None)
    assert run.poll() is None, box.process_said(run)
    target.ask('alter table t alter name type text')
    assert run.wait(180) == 0, box.process_said(run)
    assert count(target) == 100
    assert dead(box) == []


def test_a_file_that_is_no_database_ends_the_call_before_the_first_item(box):
    box.file('in.csv', 'id\n1\n')
    for name, word in (('missing.db', 'there is no database'), ('in.csv', 'not a database')):
        box.file('job.yaml', f'job: file\nsource: {{csv: {{path: in.csv}}, fields: {{id: integer}}}}\n'
                 f'work: {{sql: {{sqlite: {name}, statement: "insert into t values (${{id}})"}}}}\n')
        said = box.run('run', 'job.yaml')
        assert said.code == 78 and word in said.err and name in said.err, said


@pytest.mark.parametrize('statement,word', [
    ('insert into t values (${id})', 'has 2 columns but 1 values'),
    ('insert into t (other) values (${id})', 'no column named other'),
    ('selec ${id}', 'syntax error'),
    ('insert into u values (${id})', 'no such table'),
])
def test_a_statement_that_sqlite_cannot_read_is_told_before_the_first_item(box, statement, word):
    target = Sqlite(box)
    target.ask('drop table t')
    target.ask('create table t(id integer, name text)')
    box.file('in.csv', 'id\n1\n')
    box.file('job.yaml', f'job: file\nsource: {{csv: {{path: in.csv}}, fields: {{id: integer}}}}\n'
             f'work: {{sql: {{sqlite: target.db, statement: "{statement}"}}}}\n')
    assert box.run('ledger', 'init', '--target', target.url).code == 0
    said = box.run('run', 'job.yaml')
    assert said.code == 78 and word in said.err and 'target.db' in said.err, said


@pytest.mark.parametrize('commit', ['chunk', 'run'])
def test_a_conflict_of_columns_that_are_not_unique_is_told_before_the_first_item(box, target, commit):
    make(box, target, [row(1)], work_table(
        target, f', conflict: update, conflict_on: [name], commit: {commit}'))
    said = box.run('run', 'import.yaml')
    assert said.code == 78 and 'no unique or exclusion constraint' in said.err, said
    target.ask('alter table t add unique (name)')
    assert box.run('run', 'import.yaml').code == 0


def test_a_view_that_takes_no_rows_makes_nothing_dead(box, target):
    target.ask('alter table t rename to t_')
    target.ask('create view t as select * from t_')
    make_quick(box, target, [row(i) for i in range(1, 4)], work_table(target))
    run = box.start('run', 'import.yaml')
    wait_until(lambda: '42809' in box.process_said(run) or run.poll() is not None)
    target.ask('drop view t')
    target.ask('alter table t_ rename to t')
    assert run.wait(180) == 0, box.process_said(run)
    assert dead(box) == []


def test_a_server_that_is_frozen_holds_nobody_beyond_the_time_limit(box, target):
    """As a container that is paused: its kernel takes connections, and nobody ever answers."""
    server = target.database.server
    make_quick(box, target, [row(i) for i in range(1, 6)], work_sql(
        target, 'insert into t (id) select ${id} from pg_sleep(1)'))
    box.file('import.yaml', box.read('import.yaml').replace('work:', 'work:\n  timeout: 10s', 1))
    run = box.start('run', 'import.yaml')
    try:
        wait_until(lambda: server.value("select count(*) from pg_stat_activity where wait_event = 'PgSleep'")
                   != '0' or run.poll() is not None)
        lanes = cast(run.pid)['lane']
        server.freeze()
        wait_until(lambda: 'does not answer in time' in box.process_said(run) or
                   run.poll() is not None, limit_s=300)
        assert run.poll() is None, box.process_said(run)
        assert all(is_alive(lane) for lane in lanes), 'a lane had to be killed'
    finally:
        server.thaw()
    assert run.wait(180) == 0, box.process_said(run)
    assert count(target) == 5


def test_a_target_that_is_away_is_told_once_and_then_counted(box, target):
    """Nobody listens there. Not a line for each try: the first, how often it came, and the end."""
    make(box, target, [row(i) for i in range(1, 200)], work_table(target))
    box.env['TARGET'] = 'postgres://nobody@127.0.0.1:1/x'
    box.file('import.yaml', box.read('import.yaml') + 'chunk: {items: 5}\nbreaker: '
             '{at_least: 6, open_for: 100ms, open_max: 100ms, give_up_after: 400ms}\n')
    said = box.run('run', 'import.yaml')
    assert said.code == 1, said
    lines = [line for line in said.err.split('\n') if 'port 1 failed: ' in line]
    warnings = [line for line in lines if line.startswith('stint: warning: database ')]
    assert len(warnings) == 2 and ' times more)' in warnings[1], said
    assert len([line for line in lines if not line.startswith('stint: ')]) == 1, said  # before the run
