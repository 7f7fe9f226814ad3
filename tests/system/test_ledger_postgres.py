# SPDX-License-Identifier: Apache-2.0
"""What is PostgreSQL's own of a ledger there. What it has in common with one in a file is asked by the tests
that are marked `both` (conftest.py), and by test_same_on_both.py."""
import json
import os

import pytest
from conftest import Night
from lib.box import Box, kill_family, wait_until
from lib.held import Held


@pytest.fixture(name='box')
def make_box(tmp_path, postgres):
    box = Box(tmp_path, database=postgres)
    yield box
    box.close()


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
    kill_family(first)
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
    assert 'nothing has run there yet' in said.err
    said = box.run('ledger', 'verify')
    assert said.code == 73 and 'stint ledger init' in said.err, said
    assert box.run('ledger', 'init', '--dry-run').out.endswith('would be made\n')
    assert postgres.value("select count(*) from pg_namespace where nspname = 'stint'") == '0'
    assert box.run('ledger', 'init').code == 0
    assert box.run('runs').code in (0, 1)
    assert box.run('ledger', 'upgrade').out == 'schema version 3: up to date\n'


# ---- whether the server's files are whole ----------------------------------------------------------


def allow_amcheck(database):
    database.server.ask('create extension amcheck; grant execute on function'
                        ' verify_heapam, bt_index_check(regclass, boolean) to stint', database.name)


def test_verify_says_when_it_cannot_look_at_the_servers_files(box, postgres):
    Night(box, ['ok-1']).run()
    said = box.run('ledger', 'verify')
    assert said.code == 0 and 'has no extension amcheck' in said.err, said
    postgres.server.ask('create extension amcheck', postgres.name)
    said = box.run('ledger', 'verify')
    assert said.code == 0 and 'may not execute' in said.err, said
    allow = "grant execute on function verify_heapam, bt_index_check(regclass, boolean) to stint"
    postgres.server.ask(allow, postgres.name)
    said = box.run('ledger', 'verify')
    assert said.code == 0 and said.err == '', said


@pytest.mark.parametrize('relation', ['attempt_{day}_run_id_item_idx', 'audit_run', 'note_'])
def test_damage_in_the_servers_files_is_found_by_amcheck(tmp_path, new_postgres, relation):
    server = new_postgres()
    database = server.database()
    box = Box(tmp_path, database=database)
    night = Night(box, ['ok-1', 'bad-1', 'crash-1'])
    night.run()
    assert box.run('resolve', '1:2', '--done', '--why', 'it is there').code == 0
    database.ask("insert into stint.note_(at, run_id, inc, kind, text) select 1, 1, 1, 'x', 'y'"
                 " from generate_series(1, 1000)")
    allow_amcheck(database)
    assert box.run('ledger', 'verify').err == ''
    day = database.value("select to_char(now(), 'YYYYMMDD')")
    name = relation.format(day=day)
    path = database.value(f"select pg_relation_filepath('stint.{name}')")
    server.stop()
    with open(os.path.join(server.data, path), 'r+b') as f:
        f.seek(-8192 + 24, os.SEEK_END)  # in the last page, behind its header: where its rows are
        f.write(b'\xff\xff\0\0' * 16)
    server.start()
    said = box.run('ledger', 'verify')
    assert said.code == 1 and f'storage: {name}' in said.out, said
    assert 'keep a copy of the database' in said.err
    box.close()


# ---- attempts by day -------------------------------------------------------------------------------


def test_attempts_are_kept_by_day_and_a_day_can_be_dropped(box, postgres):
    night = Night(box, ['ok-1', 'bad-1', 'flaky-1', 'crash-1'])
    before = postgres.value("select to_char(now(), 'YYYYMMDD')")
    assert night.run().code == 3
    days = dict(box.ask('SELECT tableoid::regclass::text AS day, count(*) AS n FROM attempt_ GROUP BY 1'))
    after = postgres.value("select to_char(now(), 'YYYYMMDD')")
    assert set(days) <= {f'attempt_{before}', f'attempt_{after}'} and sum(days.values()) == 4, days
    tables = postgres.ask("select tablename from pg_tables where tablename like 'attempt_2%'")
    assert len(tables) >= 3  # the days to come, too
    report = night.json('report')
    # As docs/ledger-postgres.md has it.
    for day in days:
        postgres.ask(f'alter table stint.attempt_ detach partition stint.{day}; drop table stint.{day};')
    assert box.run('attempts', '1:1').out == ''
    assert night.json('report')['counts'] == report['counts']
    assert [item['state'] for item in box.items()] == ['done', 'dead', 'done', 'in_doubt']
    box.verify()
    assert box.run('retry', '1:1').code == 0
    assert night.run().code == 3
    assert len(night.json('attempts', '1:1')['attempts']) == 1  # a partition is there again
    assert box.ask('SELECT count(*) FROM attempt_default') == [(0,)]
    box.verify()


TODAY = 'floor(extract(epoch from now()) / 86400)::bigint'


@pytest.fixture(name='clerk')
def make_clerk(box, postgres):
    """A box whose stint may use the ledger, which is somebody else's."""
    assert box.run('ledger', 'init').code == 0
    box.role = f'clerk_{postgres.name}'
    postgres.server.ask(f'create role {box.role} login')
    postgres.ask(f'grant usage on schema stint to {box.role}; grant all on all tables in schema stint to'
                 f' {box.role}; grant all on all sequences in schema stint to {box.role}')
    box.env['STINT_LEDGER'] = postgres.server.uri(postgres.name, box.role)
    yield box
    box.close()
    postgres.server.ask(f'drop owned by {box.role}', postgres.name)
    postgres.server.ask(f'drop role {box.role}')


def default_rows(box):
    return box.ask('SELECT count(*) FROM attempt_default')[0][0]


def test_who_may_not_make_a_day_s_table_is_told_so_and_works_all_the_same(clerk, postgres):
    night = Night(clerk, ['ok-1', 'bad-1', 'flaky-1', 'crash-1'])
    said = night.run()
    assert said.code == 3, said
    assert 'stint.attempt_default' in said.err, said
    assert 'permission denied for function attempt_day (42501)' in said.err, said
    assert default_rows(clerk) == 4  # flaky-1 twice
    assert len(night.json('attempts', '1:2')['attempts']) == 2
    clerk.verify()
    # As docs/ledger-postgres.md has it.
    postgres.ask(f'grant execute on function stint.attempt_day to {clerk.role}; delete from stint.attempt_')
    assert clerk.run('retry', '1:1').code == 0
    said = night.run()
    assert said.code == 3 and 'attempt_default' not in said.err, said
    assert len(night.json('attempts', '1:1')['attempts']) == 1 and default_rows(clerk) == 0


def test_a_day_s_table_that_comes_while_a_row_is_on_its_way_gets_the_row(clerk, postgres):
    makes = f'begin; select stint.attempt_day({TODAY}), stint.attempt_day({TODAY} + 1)'
    with Held(postgres, makes) as owner:
        night = Night(clerk, ['ok-1', 'bad-1'])
        run = clerk.start('run', 'invoices.yaml', '--no-progress')
        wait_until(lambda: run.poll() is not None or postgres.value(
            'select count(*) from pg_locks where not granted'
            " and relation = 'stint.attempt_default'::regclass") != '0')
        owner.say('commit')
        assert run.wait(180) == 3, clerk.process_said(run)
    assert default_rows(clerk) == 0
    assert len(night.json('attempts', '1:1')['attempts']) == 1
    clerk.verify()


def test_a_long_reader_of_attempts_holds_nobody_up(box, postgres):
    assert box.run('ledger', 'init').code == 0
    with Held(postgres, 'begin; select count(*) from stint.attempt'):
        said = Night(box, ['ok-1', 'bad-1', 'flaky-1', 'crash-1']).run()
    assert said.code == 3, said
    assert 'stint.attempt_default' in said.err and 'lock timeout (55P03)' in said.err, said
    assert default_rows(box) == 4
    box.verify()


# ---- who is at work --------------------------------------------------------------------------------


def test_instances_says_when_each_was_last_heard_of(box, postgres):
    box.file('items.csv', 'id\n1\n')
    box.file('slow.yaml', JOB.replace('sleep 0.05', 'exec sleep 600'))
    run = box.start('run', 'slow.yaml', '--no-progress')
    wait_until(lambda: box.lines('effects'))

    def heard():
        [one] = json.loads(box.run('instances', '--json').out)['instances']
        return one
    first = heard()
    assert first['state'] == 'live' and [name.split('@')[0] for name in first['runs']] == ['slow']
    wait_until(lambda: heard()['last_heard_at'] > first['last_heard_at'], every_s=0.2)
    kill_family(run)
    last = heard()
    # By the server's clock, for it alone knows when it was told.
    assert last['last_heard_at'][:19] <= postgres.value(
        "select to_char(now() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS')")
    wait_until(lambda: heard()['state'] == 'gone', every_s=0.5)
    assert heard()['last_heard_at'] == last['last_heard_at']
    assert 'LAST HEARD OF' in box.run('instances').out
