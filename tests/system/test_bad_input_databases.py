# SPDX-License-Identifier: Apache-2.0
"""What a database may do to those who read from it: slow, long, odd, changing under the reader's feet,
or gone. Each has an end, a class (the exit code) and a sentence."""
import os
import sqlite3
import subprocess
import tempfile
import threading

import pytest
from lib.box import STINT, cast, kill, peak_rss_mib, wait_until
from lib.held import Held, waiters
from lib.pg_proxy import PgProxy
from lib.postgres import account

JOB = '''
job: rows
source:
  {kind}:
    url: {url}
    query: |
      {query}
    cursor: id
  fields: {{{fields}}}
  page: {page}
  retry: {{attempts: {attempts}, first: {first}, factor: 1}}
{more}work: {{noop: {{}}}}
chunk: {{items: 40}}
'''
QUERY = 'select id, v from t where id > ${cursor} order by id limit ${page_size}'
TABLE = '''create table t(id int primary key, v text);
insert into t select i, i::text from generate_series(1, {}) i;'''
GATE = '''create function gate(n int) returns bool language plpgsql as $$ begin
  if n = 140 then perform pg_advisory_xact_lock(7); end if; return true; end $$;'''
GATED = 'select id, v from t where id > ${cursor} and gate(id) order by id limit ${page_size}'


def write(box, database, query=QUERY, **options):
    how = {'fields': 'id: integer, v: text', 'page': 50, 'attempts': 5, 'first': '200ms', 'more': ''}
    how.update(options)
    box.env['TEST_DB'] = database if isinstance(database, str) else database.uri
    box.file('job.yaml', JOB.format(kind='postgres', url='env:TEST_DB', query=query, **how))


def write_sqlite(box, query=QUERY, **options):
    write(box, 'data.db', query, **options)
    text = box.read('job.yaml').replace('postgres:', 'sqlite:').replace('env:TEST_DB', 'data.db')
    box.file('job.yaml', text)


def sqlite(box, script):
    db = sqlite3.connect(f'{box.path}/data.db')
    try:
        with db:
            db.executescript(script)
    finally:
        db.close()


def rejects(box):
    said = box.run('rejects', 'rows')
    assert said.code == 0, said
    return said.out


def loaded(box):
    """How many items are in chunks so far."""
    found = box.ask_early('SELECT coalesce(sum(n), 0) FROM chunk')
    return found[0][0] if found else 0


def done(box):
    return sorted(int(k) for k in box.keys('done'))


# ---- slow -----------------------------------------------------------------------------------------


def test_a_statement_that_takes_too_long_is_stopped_tried_again_and_said(box, postgres):
    """Ours is five minutes; an administrator's that is shorter goes before it."""
    postgres.ask(TABLE.format(120) + '''create function slow(n int) returns bool language plpgsql as $$ begin
        if n = 70 then perform pg_sleep(600); end if; return true; end $$;''')
    postgres.ask(f"alter role stint in database {postgres.name} set statement_timeout = '700ms'",
                 'postgres')
    write(box, postgres, GATED.replace('gate', 'slow'), attempts=2)
    said = box.run('run', 'job.yaml')
    assert said.code == 1, said
    assert 'after 2 attempts' in said.said, said
    assert 'canceling statement due to statement timeout (57014)' in said.said, said
    assert 'is there an index on id' in said.said, said
    write(box, postgres, GATED.replace('gate', 'slow'), attempts=500)
    seen = postgres.server.log.count('due to statement timeout')
    run = box.start('run', 'job.yaml')
    wait_until(lambda: postgres.server.log.count('due to statement timeout') > seen)
    postgres.ask("create or replace function slow(n int) returns bool language sql as 'select true'")
    assert run.wait(180) == 0, box.process_said(run)
    assert done(box) == list(range(1, 121))


def test_the_limits_are_ours_where_nobody_has_set_shorter_ones(box, postgres):
    """The query itself says what holds while it runs."""
    postgres.ask(TABLE.format(1))
    postgres.ask(f"alter role stint in database {postgres.name} set statement_timeout = '1h'", 'postgres')
    write(box, postgres, '''select id, current_setting('statement_timeout') || ' ' ||
       current_setting('lock_timeout') as v from t where id > ${cursor} order by id limit ${page_size}''')
    box.file('job.yaml', box.read('job.yaml').replace('noop: {}', 'exec: {shell: "cat > seen"}'))
    assert box.run('run', 'job.yaml').code == 0
    assert '"v":"5min 10s"' in box.read('seen')


# ---- full -----------------------------------------------------------------------------------------


@pytest.fixture(name='small_disk')
def make_small_disk(postgres):
    """Where the server sorts what memory does not hold: a disk of 1 MiB, for this database only."""
    server, name = postgres.server, f'small_{postgres.name}'
    with tempfile.TemporaryDirectory(prefix='stint-full-', dir='/tmp') as folder:
        if os.geteuid() != 0 or subprocess.run(
                ['mount', '-t', 'tmpfs', '-o', 'size=1m', 'full', folder], check=False).returncode != 0:
            pytest.skip('mounting is not allowed here')
        try:
            os.chown(folder, account().pw_uid, account().pw_gid)
            os.chmod(folder, 0o700)
            server.ask(f"create tablespace {name} location '{folder}'")
            server.ask(f'grant create on tablespace {name} to stint')
            for setting in (f"temp_tablespaces = '{name}'", "work_mem = '64kB'"):
                server.ask(f'alter role stint in database {postgres.name} set {setting}')
            yield folder
        finally:
            postgres.drop()
            server.ask(f'drop tablespace if exists {name}')
            subprocess.run(['umount', '-l', folder], check=True)


def test_a_full_disk_of_the_server_is_waited_for_and_said(box, postgres, small_disk):
    """A sort that finds no room takes nothing away from what was read before, and passes."""
    postgres.ask('''create table t(id int primary key, v text);
        insert into t select i, repeat(md5(i::text), 40) from generate_series(1, 120) i;
        create table wide(n int, v text);
        insert into wide select i, repeat(md5(i::text), 40) from generate_series(1, 4000) i;''')
    query = '''select id, v from t where id > ${cursor} and (id <= 50 or 0 < (select count(*)
       from (select v from wide order by v offset 0) s)) order by id limit ${page_size}'''
    write(box, postgres, query, attempts=2)
    said = box.run('run', 'job.yaml')
    assert said.code == 1, said
    assert 'after 2 attempts' in said.said and '(53100)' in said.said, said
    assert 'No space left on device' in said.said, said
    write(box, postgres, query, attempts=500)
    seen = postgres.server.log.count('No space left on device')
    run = box.start('run', 'job.yaml')
    wait_until(lambda: postgres.server.log.count('No space left on device') > seen or
               run.poll() is not None)
    assert run.poll() is None, box.process_said(run)
    subprocess.run(['mount', '-o', 'remount,size=64m', small_disk], check=True)
    assert run.wait(180) == 0, box.process_said(run)
    assert done(box) == list(range(1, 121))


# ---- long -----------------------------------------------------------------------------------------


def is_sanitized():
    with open(STINT, 'rb') as f:
        return b'__asan_init' in f.read() or b'__tsan_init' in f.read()


@pytest.mark.parametrize('where', [1, 50, 51, 77, 120])
def test_a_row_of_any_length_is_rejected_and_costs_no_memory(box, postgres, where):
    postgres.ask(TABLE.format(120) + f"update t set v = repeat('y', 150000000) where id = {where}")
    write(box, postgres)
    run = box.start('run', 'job.yaml')
    peak = 0
    while run.poll() is None:
        peak = max(peak, peak_rss_mib(cast(run.pid)['lane']))
    assert run.returncode == 3, box.process_said(run)
    assert done(box) == [i for i in range(1, 121) if i != where]
    assert f'id={where} ' in rejects(box) and 'longer than 8 MiB' in rejects(box)
    assert peak < 96 or is_sanitized(), peak


def test_a_page_of_many_long_values_costs_no_more_than_one(box, postgres):
    """7 MB each that do not compress, a page of a thousand: chunks are cut by their bytes."""
    postgres.ask('''create table t(id int primary key, v text);
        insert into t select i, (select string_agg(md5((i * 100000 + k)::text), '')
          from generate_series(1, 218000) k) from generate_series(1, 12) i''')
    write(box, postgres, page=1000)
    run = box.start('run', 'job.yaml')
    peak = 0
    while run.poll() is None:
        at = cast(run.pid)
        peak = max([peak] + [peak_rss_mib([pid]) for pid in at['lane'] + at['engine']])
    assert run.returncode == 0, box.process_said(run)
    assert done(box) == list(range(1, 13))
    assert peak < 128 or is_sanitized(), peak


def test_a_long_row_is_not_rejected_again_when_the_load_is_taken_up(box, postgres):
    """The keys of what was read before are read again for the sake of duplicates; it is passed over."""
    postgres.ask(TABLE.format(300) + GATE +
                 "update t set v = repeat('y', 150000000) where id = 20;"
                 "update t set v = '7' where id = 200;")
    write(box, postgres, GATED, more='  key: v\n  unique: run\n')
    held = Held(postgres, 'select pg_advisory_lock(7)')
    run = box.start('run', 'job.yaml')
    wait_until(lambda: waiters(postgres))

    wait_until(lambda: loaded(box) >= 80)
    at = cast(run.pid)
    for pid in [run.pid, *at['engine'], *at['lane']]:
        kill(pid)
    run.wait(60)
    held.close()
    said = box.run('run', 'job.yaml')
    assert said.code == 3 and '298 items, 298 done, 2 rejected' in said.out, said
    out = rejects(box)
    assert out.count('longer than 8 MiB') == 1 and "the key '7' comes twice" in out, out


@pytest.mark.parametrize('order', ['id', 'id + 0'])
def test_a_long_value_of_sqlite(box, order):
    """Where SQLite has to sort it reads ahead, and nobody can say which row it is about."""
    sqlite(box, '''create table t(id integer primary key, v text);
        with recursive n(i) as (select 1 union all select i + 1 from n where i < 90)
        insert into t select i, i from n;
        update t set v = replace(hex(zeroblob(15000000)), '0', 'x') where id = 60;''')
    write_sqlite(box, QUERY if order == 'id' else
                 QUERY.replace('from t', 'from (select id + 0 as id, v from t)'))
    said = box.run('run', 'job.yaml')
    if order == 'id':
        assert said.code == 3 and '89 items, 89 done, 1 rejected' in said.out, said
        assert 'id=60 ' in rejects(box) and 'longer than 8 MiB' in rejects(box)
    else:
        assert said.code == 1 and 'a value of more than 16 MiB' in said.said, said


# ---- odd ------------------------------------------------------------------------------------------


def test_null_in_a_key_is_a_reject(box, postgres):
    postgres.ask(TABLE.format(9) + 'update t set v = null where id in (3, 5)')
    write(box, postgres, more='  key: v\n')
    said = box.run('run', 'job.yaml')
    assert said.code == 3 and '7 items, 7 done, 2 rejected' in said.out, said
    out = rejects(box)
    assert all(f'id={i} ' in out for i in (3, 5)) and 'the field is null' in out, out


def test_a_character_that_has_no_equivalent_is_said_with_its_place(box, postgres):
    name = postgres.name + '_w'
    postgres.server.ask(f"create database {name} owner stint template template0 encoding 'WIN1252' "
                        "locale 'C'")
    try:
        postgres.server.ask(TABLE.format(60) + 'update t set v = chr(129) where id = 17', name, 'stint')
        write(box, postgres.server.uri(name))
        said = box.run('run', 'job.yaml')
        assert said.code == 1 and "behind id='16'" in said.said, said
        assert 'has no equivalent in encoding "UTF8" (22P05)' in said.said, said
    finally:
        postgres.server.ask(f'drop database {name} with (force)')


def test_dates_before_the_epoch_are_cursors_too(box, postgres):
    postgres.ask('''create table t(id date primary key, v text);
        insert into t select date '1969-12-01' + i, i::text from generate_series(0, 120) i;
        insert into t values ('0001-01-01', 'first'), ('1582-10-10', 'gone'), ('1900-02-28', 'old');''')
    write(box, postgres, fields='id: date, v: text')
    said = box.run('run', 'job.yaml')
    assert said.code == 0 and '124 items, 124 done' in said.out, said


# ---- changing between two pages: the third waits for a lock that the test holds -------------------


class Changing:
    """A load in its third page; what is said to change() takes place between that and the next."""

    def __init__(self, box, postgres, query=GATED, more='', **options):
        self.box, self.postgres = box, postgres
        postgres.ask(TABLE.format(300) + GATE + more)
        write(box, postgres, query, attempts=500, **options)
        self.held = Held(postgres, 'select pg_advisory_lock(7)')
        self.run = box.start('run', 'job.yaml')
        wait_until(lambda: waiters(postgres))

    def change(self, sql):
        """Gives the exit code, and what was said."""
        changer = threading.Thread(target=self.postgres.ask, args=(sql,))
        changer.start()
        wait_until(lambda: self.postgres.value(
            "select count(*) from pg_locks where not granted and locktype = 'relation'") != '0'
            or not changer.is_alive())
        self.held.close()
        changer.join(120)
        assert not changer.is_alive()
        return self.run.wait(180), self.box.process_said(self.run)


@pytest.mark.parametrize('sql,code,word', [
    ('alter table t alter column v type int using v::int', 1,
     'the columns of the query have changed while it was read: they were id integer, v text and are '
     'id integer, v integer'),
    ('alter table t rename column v to w', 78, 'column "v" does not exist (42703)'),
    ('drop table t', 78, 'relation "t" does not exist (42P01)'),
    ('revoke all on t from stint', 1, 'permission denied for table t (42501)'),
    ('truncate t', 0, '150 items, 150 done'),
])
def test_what_is_changed_between_two_pages(box, postgres, sql, code, word):
    got, said = Changing(box, postgres).change(sql)
    assert got == code and word in said, said


def test_a_view_whose_order_changes_between_two_pages(box, postgres):
    """What it orders by is no longer what its cursor is."""
    query = ('select w.pos as id, w.v from w where w.pos > ${cursor} and gate(w.id) order by w.id '
             'limit ${page_size}')
    changing = Changing(box, postgres, query, more='create view w as select id, id as pos, v from t;')
    got, said = changing.change('create or replace view w as select id, 1000 - id as pos, v from t')
    assert got == 1, said
    assert "not ordered by the cursor id, or their order changes: '998' comes behind '999'" in said, said


def test_a_view_that_has_another_type_between_two_pages(box, postgres):
    changing = Changing(box, postgres, GATED.replace('from t', 'from w'),
                        more='create view w as select id, v from t;')
    got, said = changing.change('begin; drop view w; create view w as select id, v::varchar from t; commit')
    assert got == 1 and 'v text and are id integer, v character varying' in said, said


# ---- gone -----------------------------------------------------------------------------------------


def test_connections_lost_between_pages_cost_time_only(box, postgres):
    """Every few pages all connections are cut; the load goes on behind its last row each time."""
    postgres.ask(TABLE.format(1000))
    proxy = PgProxy(postgres.server)
    try:
        write(box, proxy.uri(postgres.name), page=20, attempts=500, more='  rate: 25/s\n')
        run = box.start('run', 'job.yaml')
        cut = 0
        for _ in range(8):
            before = loaded(box)
            wait_until(lambda n=before: loaded(box) > n or run.poll() is not None)
            cut += run.poll() is None
            proxy.drop()
        assert run.wait(180) == 0, box.process_said(run)
        assert cut > 0
        assert done(box) == list(range(1, 1001))
    finally:
        proxy.close()

