# SPDX-License-Identifier: Apache-2.0
"""on_done and on_dead: what ended is said to the source's database, never before it is durable here,
and until the database has committed it."""
import sqlite3
import time

import pytest

from lib.box import cast, kill, wait_until
from lib.held import Held, waiters
from lib.pg_proxy import PgProxy

JOB = '''
job: back
source:
  {kind}:
    url: {url}
    query: |
      select id, v from t where sent is null and failed is null and id > ${{cursor}}
       order by id limit ${{page_size}}
    cursor: id
    on_done: update t set sent = 1 where id = ${{id}}
    on_dead: update t set failed = ${{v}} where id = ${{id}}
  fields: {{id: integer, v: text}}
  page: 50
  retry: {{attempts: {attempts}, first: 100ms, factor: 1}}
work: {{exec: {{shell: "{shell}"}}, effect: idempotent, concurrency: 4}}
retry: {{attempts: 1}}
chunk: {{items: 20}}
once_per: start
'''
TABLE = 'create table t(id integer primary key, v text, sent integer, failed text);'
LOG = '''create table log(n bigserial, id int, what text);
create function note() returns trigger language plpgsql as $$ begin
  insert into log(id, what) values (new.id, case when new.sent is not null then 'done' else 'dead' end);
  return new; end $$;
create trigger note after update on t for each row execute function note();'''


class Other:
    """The database on the other side, whichever it is."""

    def __init__(self, box, kind, postgres=None):
        self.box, self.kind, self.postgres = box, kind, postgres

    def ask(self, sql):
        if self.kind == 'postgres':
            return self.postgres.ask(sql)
        db = sqlite3.connect(f'{self.box.path}/other.db', timeout=60)
        try:
            with db:
                db.executescript(sql) if ';' in sql else None
                return db.execute(sql).fetchall() if ';' not in sql else None
        finally:
            db.close()

    def make(self, rows, dead=()):
        self.ask(TABLE)
        self.ask(''.join(f"insert into t(id, v) values ({i}, '{'bad' if i in dead else 'good'}-{i}');"
                         for i in range(1, rows + 1)))

    def told(self):
        """{id: 'done', 'dead' with its text, or None}"""
        rows = self.ask('select id, sent, failed from t')
        return {int(r[0]): 'done' if r[1] not in ('', None) else r[2] or None for r in rows}

    def write(self, shell='case $STINT_KEY in *7) exit 65;; esac; exit 0', attempts=3, **more):
        url = 'env:TEST_DB' if self.kind == 'postgres' else 'other.db'
        if self.kind == 'postgres':
            self.box.env['TEST_DB'] = self.postgres.uri
        text = JOB.format(kind=self.kind, url=url, attempts=attempts, shell=shell)
        for old, new in more.items():
            text = text.replace(*new)
        self.box.file('job.yaml', text)


@pytest.fixture(name='other', params=['sqlite', 'postgres'])
def make_other(request, box):
    return Other(box, request.param,
                 request.getfixturevalue('postgres') if request.param == 'postgres' else None)


def expected(rows, dead):
    return {i: f'bad-{i}' if i in dead else 'done' for i in range(1, rows + 1)}


def test_how_items_ended_is_written_back(box, other):
    dead = {i for i in range(1, 131) if i % 10 == 7}
    other.make(130, dead)
    if other.kind == 'postgres':
        other.ask(LOG)
    other.write()
    said = box.run('run', 'job.yaml')
    assert said.code == 3, said
    assert other.told() == expected(130, dead)
    if other.kind == 'postgres':
        assert other.postgres.value('select count(*) from log') == '130'  # once each
    box.verify()
    said = box.run('run', 'job.yaml')
    assert said.code == 0 and 'nothing to do' in said.out, said


def test_what_is_not_asked_for_is_not_written(box, other):
    other.make(20, {7, 17})
    other.write(one=('on_dead: update t set failed = ${v} where id = ${id}\n    ', ''),
                two=('    on_dead: update t set failed = ${v} where id = ${id}\n', ''))
    assert box.run('run', 'job.yaml').code == 3
    assert other.told() == {i: None if i in (7, 17) else 'done' for i in range(1, 21)}


def test_what_a_person_decides_is_written_back_too(box, other):
    other.make(20, {7, 17})
    other.write()
    assert box.run('run', 'job.yaml').code == 3
    assert other.told()[7] == 'bad-7'
    other.write(shell='exit 0')
    assert box.run('retry', 'back/7', '--why', 'mended').code == 0
    box.run('run', 'job.yaml', '--with-new-file')
    told = other.ask('select sent, failed from t where id = 7')
    assert str(told[0][0]) == '1', told


def test_a_database_that_does_not_take_it_is_told_by_a_later_run(box, other):
    other.make(30, {7, 17, 27})
    other.write()
    other.ask('alter table t rename column sent to posted')
    other.write(one=('sent is null and ', ''))
    said = box.run('run', 'job.yaml')
    assert said.code == 75 and 'on_done, on_dead' in said.said and 'sent' in said.said, said
    assert not any(r and r[0] for r in other.ask('select posted from t'))
    # Nothing new is begun while the database does not know what was done: it would be done again.
    said = box.run('run', 'job.yaml')
    assert said.code == 75, said
    assert len(box.keys('done')) == 27
    other.ask('alter table t rename column posted to sent')
    said = box.run('run', 'job.yaml')
    assert said.code in (0, 3), said
    assert other.told() == expected(30, {7, 17, 27})
    assert len(box.keys('done')) == 27


def test_a_stop_writes_back_what_ended(box, other):
    other.make(400)
    other.write(shell='sleep 0.05')
    run = box.start('run', 'job.yaml')
    wait_until(lambda: any(other.told().values()))
    run.terminate()
    assert run.wait(120) == 75, box.process_said(run)
    done = {int(k) for k in box.keys('done')}
    assert 0 < len(done) < 400
    assert {i for i, how in other.told().items() if how} == done
    assert box.run('run', 'job.yaml').code == 0
    assert other.told() == expected(400, set())


@pytest.mark.parametrize('whom', ['all', 'lane', 'engine'])
def test_kills_at_any_moment_lose_and_invent_nothing(box, other, whom):
    rows = 300
    dead = {i for i in range(1, rows + 1) if i % 10 == 7}
    other.make(rows, dead)
    if other.kind == 'postgres':
        other.ask(LOG)
    other.write(shell='echo $STINT_KEY >> began; case $STINT_KEY in *7) exit 65;; esac; exit 0')
    code = 75
    for k in range(12):
        run = box.start('run', 'job.yaml')
        end = time.monotonic() + 0.1 + 0.07 * k
        while time.monotonic() < end and run.poll() is None:
            time.sleep(0.002)
        at = cast(run.pid)
        victims = {'all': [run.pid, *at['engine'], *at['lane']], 'engine': at['engine'],
                   'lane': at['lane']}[whom]
        for pid in victims:
            kill(pid)
        code = run.wait(180)
        if whom == 'all' and code in (0, 3):
            break
    for _ in range(10):
        if code in (0, 3):
            break
        code = box.run('run', 'job.yaml').code
    box.verify()
    states = {**{int(k): 'done' for k in box.keys('done')}, **{int(k): 'dead' for k in box.keys('dead')}}
    told = other.told()
    assert len(told) == rows
    for i, how in told.items():
        assert how == ('done' if states[i] == 'done' else f'{"bad" if i in dead else "good"}-{i}'), (i, how)
    if other.kind == 'postgres':
        for row in other.ask('select id, what from log'):
            assert states[int(row[0])] == row[1], row  # never said before it was so


POINTS = [f'{point}:{n}' for point in ('told.said', 'told.committed', 'ledger.ended_told.before',
                                      'ledger.ended_told.after') for n in (1, 2, 4)]
POINTS += [f'ledger.{op}.{when}:1' for op in ('ended_list', 'run_finish', 'chunk_progress', 'loose_put')
           for when in ('before', 'after')]


@pytest.mark.parametrize('point', POINTS)
def test_a_kill_at_each_point_around_the_writing_back(faulty, point, request):
    """Never said before it is so; said again until it is committed there; in the end everything is said."""
    other = Other(faulty, 'postgres', request.getfixturevalue('postgres'))
    dead = {i for i in range(1, 101) if i % 10 == 7}
    other.make(100, dead)
    other.ask(LOG)
    other.write()
    code = faulty.killed_at(point, 'run', 'job.yaml').wait(180)
    # What has been said until now is so, by what is durable.
    states = {int(k): how for how in ('done', 'dead') for k in faulty.keys(how)}
    for row in other.ask('select id, what from log'):
        assert states.get(int(row[0])) == row[1], row
    faulty.well()
    for _ in range(5):
        if code in (0, 3):
            break
        code = faulty.run('run', 'job.yaml').code
    assert code in (0, 3)
    assert other.told() == expected(100, dead)
    again = [int(r[0]) for r in other.ask("select count(*) from log group by id having count(*) > 1")]
    assert all(n == 2 for n in again), again  # what was not known to be said, once more
    if point.startswith('ledger.run_finish'):
        assert not again
    faulty.verify()


@pytest.mark.parametrize('where', ['before', 'after'])
def test_a_connection_cut_around_its_commit(box, postgres, where):
    other = Other(box, 'postgres', postgres)
    other.make(60)
    other.ask(LOG)
    proxy = PgProxy(postgres.server)
    try:
        other.write(shell='exit 0', attempts=500)
        box.env['TEST_DB'] = proxy.uri(postgres.name)
        proxy.cut(where, 2)
        said = box.run('run', 'job.yaml')
        for _ in range(3):
            if said.code == 0:
                break
            said = box.run('run', 'job.yaml')
        assert said.code == 0 and proxy.cuts == 1, said
        assert other.told() == expected(60, set())
        n = int(postgres.value('select count(*) from log'))
        assert n == 60 if where == 'before' else 60 < n <= 80, n
    finally:
        proxy.close()


def test_a_lock_there_is_waited_for(box, postgres):
    other = Other(box, 'postgres', postgres)
    other.make(20)
    other.write(shell='exit 0', attempts=500)
    with Held(postgres, 'begin; update t set v = v where id = 5'):
        run = box.start('run', 'job.yaml')
        wait_until(lambda: waiters(postgres))
    assert run.wait(120) == 0, box.process_said(run)
    assert other.told() == expected(20, set())


def test_a_run_begins_behind_the_last_one_that_finished(box, other):
    other.make(30)
    other.write(shell='echo $STINT_KEY >> seen',
                one=('    cursor: id\n', '    cursor: id\n    cursor_from: last_run\n'),
                two=('sent is null and failed is null and ', ''))
    assert box.run('run', 'job.yaml').code == 0
    assert len(box.lines('seen')) == 30
    said = box.run('run', 'job.yaml')  # finds nothing, and forgets nothing
    assert said.code == 0 and 'nothing to do' in said.out, said
    other.ask("insert into t(id, v) values (31, 'good'); insert into t(id, v) values (40, 'good');")
    assert box.run('run', 'job.yaml').code == 0
    assert box.lines('seen')[30:] in (['31', '40'], ['40', '31'])
