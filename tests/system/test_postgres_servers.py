# SPDX-License-Identifier: Apache-2.0
"""The servers that other tests stand on (lib/postgres.py) do what those tests need of them."""
import os
import subprocess
import urllib.parse

import pytest
from lib.box import TOP
from lib.postgres import Folder, is_alive, wait_for


def test_database_is_fresh_and_belongs_to_a_role_with_a_password(postgres):
    postgres.ask('create table t (x int); insert into t values (1)')
    assert postgres.ask('select x, current_user, null from t') == [['1', 'stint', '']]
    done = subprocess.run(['psql', '-X', '-At', '-c', 'select 1', postgres.tcp_uri], check=False,
                          capture_output=True, text=True)
    assert done.stdout == '1\n', done
    done = subprocess.run(['psql', '-X', '-w', '-At', '-c', 'select 1',
                           postgres.server.tcp_uri(postgres.name, password='wrong')], check=False,
                          capture_output=True, text=True)
    assert 'password authentication failed' in done.stderr
    with pytest.raises(RuntimeError, match='does not exist'):
        postgres.ask('select * from nothing_there')


def test_killed_server_comes_back_on_its_port_with_what_was_committed(new_postgres):
    server = new_postgres()
    database = server.database()
    database.ask('create table t (x int); insert into t values (1)')
    port = server.port
    server.kill()
    with pytest.raises(RuntimeError):
        database.value('select 1')
    server.start()
    assert server.port == port
    assert database.value('select x from t') == '1'
    server.restart()
    assert database.value('select x from t') == '1'


def test_synchronous_standby_has_all_and_one_that_was_cut_off_has_not(new_postgres):
    primary = new_postgres()
    database = primary.database()
    standby = primary.standby(synchronous=True)
    try:
        database.ask('create table t (x int); insert into t values (1)')
        primary.synchronous(None)
        standby.cut()
        database.ask('insert into t values (2)')
        primary.kill()
        standby.promote()
        assert standby.value('select string_agg(x::text, \',\') from t', database.name) == '1'
        standby.ask('insert into t values (3)', database.name)
    finally:
        standby.close()


def test_frozen_server_does_not_answer_until_it_thaws(new_postgres):
    server = new_postgres()
    server.freeze()
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            server.ask('select 1', timeout=1)
    finally:
        server.thaw()
    assert server.value('select 1') == '1'


def test_server_ends_with_who_started_it(tmp_path):
    script = os.path.join(TOP, 'tests/tools/with_postgres')
    ask = 'psql -X -At -c "select 40 + 2" "$STINT_TEST_POSTGRES"; exit 3'
    said = subprocess.run([script, 'sh', '-c', ask], check=False, capture_output=True, text=True,
                          timeout=300)
    assert (said.stdout, said.returncode) == ('42\n', 3), said
    out = tmp_path / 'uri'
    process = subprocess.Popen([script, 'sh', '-c', f'echo "$STINT_TEST_POSTGRES" >{out}; exec cat'],
                               stdin=subprocess.PIPE)
    uri = wait_for('the server runs', lambda: out.exists() and out.read_text().strip())
    folder = urllib.parse.unquote(urllib.parse.urlsplit(uri).netloc.split('@')[1].rsplit(':', 1)[0])
    with open(os.path.join(folder, 'data/postmaster.pid'), encoding='utf-8') as f:
        pid = int(f.readline())
    assert is_alive(pid)
    process.kill()
    process.wait()
    wait_for('the server is gone', lambda: not is_alive(pid))
    process.stdin.close()
    Folder().remove()
    assert not os.path.exists(folder)
