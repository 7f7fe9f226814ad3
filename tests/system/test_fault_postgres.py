# SPDX-License-Identifier: Apache-2.0
"""A ledger in PostgreSQL, whose server dies, answers late, or is not the one it was (docs/faults.md,
rows 27 to 42). Real servers, standbys and PgBouncer; the run itself is that of the other fault tests."""
import os
import signal
import subprocess

import pytest
from lib.box import Box, Quiet, wait_until
from lib.figures import figures
from lib.job import RUN, run_until_over, without, write_job
from lib.pg_proxy import PgProxy
from lib.pgbouncer import PgBouncer


@pytest.fixture(name='on')
def make_on(tmp_path):
    """`on(uri)`: a box whose ledger is there."""
    boxes = []

    def on(uri):
        path = tmp_path / f'box{len(boxes)}'
        path.mkdir()
        box = Box(path)
        box.options = []
        box.env['STINT_LEDGER'] = uri
        boxes.append(box)
        return box
    yield on
    for box in boxes:
        box.close()


def start(box, items=600, effect='once', more=''):
    """A run that is under way."""
    keys = write_job(box, items, effect=effect, more=more)
    run = box.start(*RUN)
    wait_until(lambda: len(box.lines('effects')) > 50 or run.poll() is not None)
    assert run.poll() is None, box.process_said(run)
    return run, keys


def finish(box, run, keys, crashes, effect='once'):
    """The run ends, or the next calls bring it to its end; the four figures hold."""
    code = run.wait(300)
    assert code in (0, 3, 74, 75), box.process_said(run)
    if code not in (0, 3):
        run_until_over(box)
    return figures(box, keys, effect, crashes=crashes)


# ---- 27, 28: the server dies ---------------------------------------------------------------------


@pytest.mark.parametrize('how', ['restart', 'kill'])
def test_a_server_that_dies_in_mid_run_costs_time_only(new_postgres, on, how):
    server = new_postgres(durable=True)
    box = on(server.database().uri)
    run, keys = start(box)
    if how == 'restart':
        server.restart()
    else:
        server.kill()
        server.start()
    found = finish(box, run, keys, crashes=0)
    assert found.needless == 0
    assert 'Traceback' not in box.process_said(run)


def test_backends_that_are_killed_cost_time_only(new_postgres, on):
    server = new_postgres()
    database = server.database()
    box = on(database.uri)
    run, keys = start(box, 1000)
    for _ in range(10):
        before = len(box.lines('effects'))
        server.ask("select pg_terminate_backend(pid) from pg_stat_activity"
                   f" where datname = '{database.name}'")
        wait_until(lambda n=before: len(box.lines('effects')) > n + 10 or run.poll() is not None)
    assert finish(box, run, keys, crashes=0).needless == 0


@pytest.mark.parametrize('how', ['restart', 'backends'])
def test_without_another_try_a_server_that_was_away_ends_the_run(new_postgres, on, how):
    """The negative control."""
    server = new_postgres(durable=True)
    database = server.database()
    box = without(on(database.uri), 'ledger.away', 'ledger.unknown')
    run, _ = start(box)
    if how == 'restart':
        server.restart()
    else:
        server.ask("select pg_terminate_backend(pid) from pg_stat_activity"
                   f" where datname = '{database.name}'")
    assert run.wait(300) not in (0, 3), box.process_said(run)


# ---- 29: the connection is lost around COMMIT ------------------------------------------------------


@pytest.mark.parametrize('where', ['before', 'after'])
@pytest.mark.parametrize('effect', ['once', 'idempotent'])
def test_a_connection_cut_around_commit_neither_loses_nor_doubles(postgres, on, where, effect):
    proxy = PgProxy(postgres.server)
    try:
        box = on(proxy.uri(postgres.name))
        run, keys = start(box, effect=effect)
        for nth in range(1, 9):
            cuts = proxy.cuts
            proxy.cut(where, nth)
            wait_until(lambda n=cuts: proxy.cuts > n or run.poll() is not None)
        assert proxy.cuts >= 4
        # What was committed and not acknowledged is not done a second time.
        assert finish(box, run, keys, crashes=0, effect=effect).needless == 0
        # Each attempt is written once: a batch that is sent again is applied once.
        assert postgres.value('select sum(done) from stint.minute') == str(len(keys))
    finally:
        proxy.close()


@pytest.mark.parametrize('defence', ['ledger.unknown', 'ledger.batch'])
def test_without_a_number_or_a_second_sending_a_lost_commit_ends_the_run(postgres, on, defence):
    """The negative control: what was committed and not acknowledged is taken for refused."""
    proxy = PgProxy(postgres.server)
    try:
        box = without(on(proxy.uri(postgres.name)), defence)
        run, _ = start(box)
        for nth in range(1, 9):
            cuts = proxy.cuts
            proxy.cut('after', nth)
            wait_until(lambda n=cuts: proxy.cuts > n or run.poll() is not None)
        assert run.wait(300) not in (0, 3), box.process_said(run)
    finally:
        proxy.close()


# ---- 30, 31, 33: failover ---------------------------------------------------------------------------


def two_hosts(first, second, database):
    return (f'postgres:///{database}?user=stint&host={first.path},{second.path}'
            f'&port={first.port},{second.port}')


def test_failover_to_a_synchronous_standby_loses_nothing(new_postgres, on):
    primary = new_postgres()
    database = primary.database()
    standby = primary.standby(synchronous=True)
    try:
        box = on(two_hosts(primary, standby, database.name))
        run, keys = start(box)
        primary.kill()
        standby.promote()
        assert finish(box, run, keys, crashes=0).needless == 0
    finally:
        standby.close()


@pytest.fixture(name='follower')
def make_follower(new_postgres):
    """A standby without which its primary (`made_from`) acknowledges no commit."""
    standby = new_postgres().standby(synchronous=True)
    yield standby
    standby.close()


def test_a_synchronous_standby_that_is_gone_is_waited_for(follower, on):
    box = on(follower.made_from.database().uri)
    run, keys = start(box)
    follower.stop()
    before = len(box.lines('effects'))
    is_quiet = Quiet(box, 4)
    wait_until(lambda: run.poll() is not None or is_quiet())
    assert run.poll() is None, box.process_said(run)
    # What was marked before may go on; what is not on both servers is no mark.
    assert len(box.lines('effects')) - before <= 100
    follower.start()
    assert finish(box, run, keys, crashes=0).needless == 0


def test_without_a_synchronous_commit_it_is_not_waited_for(follower, on):
    """The negative control: what begins then is known to the primary alone."""
    box = without(on(follower.made_from.database().uri), 'ledger.synchronous')
    run, _ = start(box)
    follower.stop()
    before = len(box.lines('effects'))
    wait_until(lambda: run.poll() is not None or len(box.lines('effects')) > before + 200)
    assert len(box.lines('effects')) > before + 200, box.process_said(run)


def test_once_is_refused_where_a_failover_may_lose_commits(new_postgres, on):
    primary = new_postgres()
    standby = primary.standby()
    try:
        box = on(primary.database().uri)
        keys = write_job(box, 20)
        said = box.run(*RUN)
        assert said.code == 78, said
        assert 'synchronous_standby_names' in said.err and 'accept_rpo' in said.err
        assert box.lines('effects') == []
        write_job(box, 20, effect='idempotent')
        assert box.run(*RUN).code == 0
        text = box.read('faults.yaml').replace('effect: idempotent', 'effect: once\n  accept_rpo: true')
        box.file('faults.yaml', text)
        assert box.run(*RUN, '--again').code == 0
        assert len(box.lines('effects')) == 2 * len(keys)
        primary.synchronous(standby)
        write_job(box, 20)
        assert box.run(*RUN, '--again').code == 0
    finally:
        standby.close()


STEPS = """version: 1
job: faults
steps:
  - {{name: first, work: {{noop: {{}}, effect: idempotent}}}}
  - name: second
    source: {{csv: {{path: items.csv}}, key: id, fields: {{id: text}}}}
    work:
      exec: {{command: [./append, effects, "${{id}}", "0"], input: none}}
      effect: once{more}
"""


def test_once_in_a_later_step_is_refused_there_too(new_postgres, on):
    primary = new_postgres()
    standby = primary.standby()
    try:
        box = on(primary.database().uri)
        write_job(box, 3)
        box.file('faults.yaml', STEPS.format(more=''))
        said = box.run(*RUN)
        assert said.code == 78, said
        assert 'step second: ' in said.err and 'accept_rpo' in said.err
        box.file('faults.yaml', STEPS.format(more='\n      accept_rpo: true'))
        assert box.run(*RUN).code == 0
    finally:
        standby.close()


def test_who_takes_part_is_refused_there_too(new_postgres, on):
    primary = new_postgres()
    box = on(primary.database().uri)
    run, keys = start(box, 300)
    run.send_signal(signal.SIGTERM)
    assert run.wait(120) == 75, box.process_said(run)
    standby = primary.standby()
    try:
        before = box.lines('effects')
        said = box.run('work')
        assert said.code == 78 and 'accept_rpo' in said.err, said
        assert box.lines('effects') == before
        primary.synchronous(standby)
        assert box.run('work').code == 0
        figures(box, keys, 'once')
    finally:
        standby.close()


# ---- 34 to 36: a server that does not answer ---------------------------------------------------------


@pytest.fixture(name='slow')
def make_slow(postgres):
    """A proxy that holds each answer back for a while, once that is said."""
    proxy = PgProxy(postgres.server)
    yield proxy
    proxy.close()


@pytest.mark.long
def test_a_slow_ledger_makes_a_slow_run(slow, postgres, on):
    """Two instances, each commit of which takes seconds: neither takes the other for dead."""
    box = on(slow.uri(postgres.name))
    slow.delay_s = 0.05
    run, keys = start(box, 400)
    other = box.start(*RUN)
    wait_until(lambda: postgres.value('select count(*) from stint.instance_ where state = 1') == '2'
               or other.poll() is not None)
    slow.delay_s = 0.5  # and there are several in each commit
    seen = len(box.lines('effects'))
    wait_until(lambda: len(box.lines('effects')) > seen + 5 or run.poll() is not None, limit_s=300)
    slow.delay_s = 0.1
    assert other.wait(300) == 0, box.process_said(other)
    assert finish(box, run, keys, crashes=0).needless == 0
    assert postgres.value('select count(*) from stint.instance_ where state = 4') == '0'


def test_without_patience_a_slow_ledger_is_taken_for_none(slow, postgres, on):
    """The negative control: a beat has less time than the ledger takes, and nothing is begun any more."""
    box = without(on(slow.uri(postgres.name)), 'ledger.impatient')
    run, _ = start(box, 2000)
    slow.delay_s = 1.5
    wait_until(lambda: 'nothing is begun' in box.process_said(run) or run.poll() is not None)
    assert run.poll() is None and 'nothing is begun' in box.process_said(run)


# ---- 39: PgBouncer ------------------------------------------------------------------------------------


@pytest.mark.parametrize('mode', ['session', 'transaction', 'statement'])
def test_pgbouncer_is_refused(postgres, on, mode):
    pooler = PgBouncer(postgres, mode)
    try:
        said = on(pooler.uri).run('ledger', 'init')
        assert said.code in (73, 78), said
        assert 'PgBouncer' in said.err and 'name the server itself' in said.err
    finally:
        pooler.close()
    assert postgres.value("select count(*) from pg_namespace where nspname = 'stint'") == '0'


def test_without_a_look_at_the_backend_a_pooler_is_taken_for_a_server(postgres, on):
    """The negative control."""
    pooler = PgBouncer(postgres, 'session')
    try:
        box = without(on(pooler.uri), 'ledger.pooler')
        assert box.run('ledger', 'init').code == 0
    finally:
        pooler.close()


# ---- 40: what a server can say --------------------------------------------------------------------------


def test_a_wrong_password_is_said_and_not_shown(postgres, on):
    box = on(postgres.server.tcp_uri(postgres.name, password='s3cret-and-wrong'))
    for args in (('ledger', 'init'), ('status',), ('ledger', 'verify')):
        said = box.run(*args)
        assert said.code == 77, said
        assert 'password authentication failed for user "stint"' in said.err
        assert 's3cret' not in said.said


def refuse(postgres):
    """The server lets nobody in any more, and throws out who is: by the port, as another password would."""
    postgres.server.ask("alter role stint password 'another'")
    postgres.server.ask("select pg_terminate_backend(pid) from pg_stat_activity"
                        f" where datname = '{postgres.name}'")


def test_a_password_that_is_changed_in_mid_run_is_waited_for(new_postgres, on):
    database = new_postgres().database()
    box = on(database.tcp_uri)
    run, keys = start(box)
    refuse(database)
    wait_until(lambda: 'authentication failed' in database.server.log)
    is_quiet = Quiet(box, 4)
    wait_until(lambda: run.poll() is not None or is_quiet())
    assert run.poll() is None, box.process_said(run)
    database.server.ask(f"alter role stint password '{database.server.password}'")
    assert finish(box, run, keys, crashes=0).needless == 0


def test_without_another_try_a_server_that_lets_nobody_in_ends_the_run(new_postgres, on):
    """The negative control."""
    database = new_postgres().database()
    box = without(on(database.tcp_uri), 'ledger.refused')
    run, _ = start(box)
    refuse(database)
    assert run.wait(300) not in (0, 3), box.process_said(run)


@pytest.mark.parametrize('how', ['STINT_LEDGER', 'env:', 'configuration'])
def test_a_password_does_not_reach_the_programs_of_items(postgres, on, how):
    box = on(postgres.uri)
    write_job(box, 3, program='#!/bin/sh\nenv > seen.$2\n')
    box.file('faults.yaml', box.read('faults.yaml').replace('input: none', 'input: none, env: {MORE: x}'))
    box.env['OTHER'] = 'postgres://stint@other/b'
    options = []
    box.env['STINT_LEDGER'] = postgres.tcp_uri
    if how == 'env:':
        box.env['STINT_LEDGER'], box.env['MY_LEDGER'] = 'env:MY_LEDGER', postgres.tcp_uri
    elif how == 'configuration':
        box.env['MY_LEDGER'] = box.env.pop('STINT_LEDGER')
        options = ['--config', box.file('stint.yaml', 'ledger: env:MY_LEDGER\n')]
    assert box.run(*RUN, *options).code == 0
    for key in ('10000', '10001', '10002'):
        seen = box.lines(f'seen.{key}')
        assert 'OTHER=postgres://stint@other/b' in seen and 'MORE=x' in seen
        assert not any('STINT_HIDDEN' in line or postgres.server.password in line for line in seen)


def test_a_key_with_a_nul_is_a_rejected_record(postgres, on, box):
    """The same on both: PostgreSQL has no such character in its texts."""
    for here in (on(postgres.uri), box):
        here.file('items.jsonl', '{"id":"a"}\n{"id":"b\\u0000c"}\n{"id":"d"}\n')
        here.file('keys.yaml', 'version: 1\njob: keys\nwork: {noop: {}}\n'
                               'source: {jsonl: {path: items.jsonl}, key: id, fields: {id: text}}\n')
        assert here.run('run', 'keys.yaml', '--no-progress').code == 3
        assert [item['key'] for item in here.items()] == ['a', 'd']
        assert 'there is a NUL character in its key' in here.run('rejects', 'keys', '--json').out


def test_a_database_that_is_not_there_is_named(postgres, on):
    said = on(postgres.server.uri('nowhere')).run('ledger', 'init')
    assert said.code in (73, 78), said
    assert 'database "nowhere" does not exist' in said.err


def test_a_server_that_is_not_there_is_named(on, tmp_path):
    said = on(f'postgres:///b?host={tmp_path}&port=5432').run('ledger', 'init')
    assert said.code in (69, 73, 75), said
    assert str(tmp_path) in said.err


def test_a_role_that_may_not_make_the_schema_is_told(postgres, on):
    postgres.server.ask(f'alter database {postgres.name} owner to postgres')
    said = on(postgres.uri).run('ledger', 'init')
    assert said.code in (73, 77), said
    assert 'permission denied for database' in said.err


def test_a_server_out_of_connections_is_said_and_waited_for(new_postgres, on):
    server = new_postgres(more='max_connections = 14\nsuperuser_reserved_connections = 3\n'
                               'max_wal_senders = 2\n')
    database = server.database()
    box = on(database.uri)
    assert box.run('ledger', 'init').code == 0
    hogs = []

    def is_full():
        n = server.value("select count(*) from pg_stat_activity where usename = 'stint'")
        if int(n) < 11 and len(hogs) < 100:
            hogs.append(subprocess.Popen(['psql', '-X', '-q', database.uri], stdin=subprocess.PIPE,
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        return n == '11'
    try:
        wait_until(is_full, every_s=0.05)
        said = box.run('status')
        assert said.code in (69, 73, 75), said
        assert 'too many clients' in said.err or 'remaining connection slots' in said.err
    finally:
        for hog in hogs:
            hog.stdin.close()
            hog.wait()
    keys = write_job(box, 50)
    assert box.run(*RUN).code == 0
    figures(box, keys, 'once')


def test_time_limits_of_an_administrator_do_not_stop_a_run(postgres, on):
    for limit in ('statement_timeout', 'idle_in_transaction_session_timeout', 'lock_timeout'):
        postgres.server.ask(f'alter database {postgres.name} set {limit} = 1')
    box = on(postgres.uri)
    keys = write_job(box, 200)
    said = box.run(*RUN)
    assert said.code == 0, said
    figures(box, keys, 'once')


def test_two_who_make_the_ledger_at_once_make_one(postgres, on):
    boxes = [on(postgres.uri) for _ in range(6)]
    calls = [box.start('ledger', 'init') for box in boxes]
    for box, call in zip(boxes, calls):
        assert call.wait(120) == 0, box.process_said(call)
    assert postgres.value('select count(*) from stint.schema_version') == '1'
    assert postgres.value("select count(*) from stint.meta where name = 'ledger_uuid'") == '1'
    boxes[0].verify()


@pytest.mark.long
@pytest.mark.skipif(os.geteuid() != 0, reason='mounting a small disk needs root')
def test_a_full_disk_of_the_server_is_said_and_nothing_is_lost(new_postgres, on, tmp_path):
    server = new_postgres()
    disk = server.path + '/small'
    os.mkdir(disk)
    done = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', disk], check=False)
    if done.returncode != 0:
        pytest.skip('mounting is not allowed here')
    try:
        os.chown(disk, server.folder.owner.pw_uid, server.folder.owner.pw_gid)
        server.ask(f"create tablespace small location '{disk}'")
        server.ask('create database full_up owner stint template template0 tablespace small')
        box = on(server.uri('full_up'))
        keys = write_job(box, 2000)
        assert box.run('ledger', 'init').code == 0
        filler = os.path.join(disk, 'filler')
        with open(filler, 'wb', buffering=0) as f:
            with pytest.raises(OSError):
                while True:
                    f.write(b'x' * 4096)
        said = box.run(*RUN)
        assert said.code in (73, 74, 75), said
        assert 'the disk of the ledger is full' in said.err
        os.remove(filler)
        assert run_until_over(box) in (0, 3)
        figures(box, keys, 'once', crashes=1)
    finally:
        server.close()
        subprocess.run(['umount', '-l', disk], check=False)
