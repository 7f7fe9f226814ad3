# SPDX-License-Identifier: Apache-2.0
"""What system tests share: a box (lib/box.py), and a night of work in it.

A night: one run of a job whose items end in every way that an item can end.

What works on a ledger in a file works on one in PostgreSQL. A test that uses a box runs on either where
it is marked `both`, or is in a module of BOTH; with STINT_TEST_LEDGER=postgres all run there, but for
those marked `file`, which are about the file; so it is by `make check-postgres`. With =both all run on
either, with =sqlite only on a file.
"""
import json
import os

import pytest
from lib.box import STINT_DEV, Box, kill, wait_until
from lib.postgres import Server

BOTH = {
    'test_breaker', 'test_cli_abandon', 'test_cli_attempts', 'test_cli_items', 'test_cli_ledger',
    'test_cli_rejects', 'test_cli_report', 'test_cli_resolve', 'test_cli_retry', 'test_cli_run',
    'test_cli_runs', 'test_cli_skip', 'test_cli_status', 'test_cli_stop', 'test_cli_why',
    'test_fault_process_limits', 'test_figures', 'test_forecast', 'test_kill_poison', 'test_kill_stop',
    'test_overlap', 'test_pools', 'test_steps', 'test_steps_shown', 'test_stream', 'test_totals',
    'test_verify', 'test_window', 'test_work', 'test_work_elsewhere',
}

JOB = '''version: 1
job: invoices
description: Sends invoices
source:
  csv: {path: invoices.csv}
  key: id
  fields: {id: text, email: text, total: decimal}
work:
  exec: {command: [./send, "${id}"], input: none}
  effect: once
  concurrency: 2
retry: {attempts: 2, first: 20ms, max: 50ms}
report: {person: email}
'''

# What becomes of an invoice is in its name.
SEND = '''#!/bin/sh
case $1 in
ok*) exit 0 ;;
talk*) echo "sent $1"; exit 0 ;;
flaky*) [ -e "tried.$1" ] && exit 0; : >"tried.$1"; echo "busy, try again" >&2; exit 1 ;;
bad*) echo "550 no such user in domain 17" >&2; exit 65 ;;
later*) echo "connection refused" >&2; exit 1 ;;
crash*) kill -9 $$ ;;
esac
'''


class Night:
    """A box with the job `invoices`, and what a person would call."""

    def __init__(self, box, keys, rejects=()):
        self.box = box
        self.file = box.file('invoices.yaml', JOB)
        box.file('send', SEND, mode=0o755)
        rows = [f'{key},{key}@example.com,{i + 1}.50\n' for i, key in enumerate(keys)]
        box.file('invoices.csv', 'id,email,total\n' + ''.join(rows) + ''.join(rejects))

    def run(self, *args, **more):
        return self.box.run('run', 'invoices.yaml', '--no-progress', *args, **more)

    def json(self, *args, code=0):
        said = self.box.run(*args, '--json')
        assert said.code == code, said
        return json.loads(said.out)


def pytest_configure(config):
    config.addinivalue_line('markers', 'long: takes a minute or so, and is begun first')
    config.addinivalue_line('markers', 'both: runs on a ledger in a file and on one in PostgreSQL')
    config.addinivalue_line('markers', 'file: is about the ledger in a file')


def pytest_generate_tests(metafunc):
    """On which ledgers a test is run."""
    if 'ledger_kind' not in metafunc.fixturenames:
        return
    chosen = os.environ.get('STINT_TEST_LEDGER', '')
    assert chosen in ('', 'sqlite', 'postgres', 'both'), f'STINT_TEST_LEDGER={chosen}'
    has = {mark.name for mark in metafunc.definition.iter_markers()}
    if 'file' in has:
        kinds = ['sqlite'] if chosen != 'postgres' else []
    elif chosen == 'both' or (chosen == '' and ('both' in has or metafunc.module.__name__ in BOTH)):
        kinds = ['sqlite', 'postgres']
    else:
        kinds = [chosen or 'sqlite']
    if kinds != ['sqlite']:
        metafunc.parametrize('ledger_kind', kinds, indirect=True)


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.get_closest_marker('long') is None)


@pytest.fixture(name='ledger_kind')
def make_ledger_kind(request):
    return getattr(request, 'param', 'sqlite')


@pytest.fixture(name='ledger_database')
def make_ledger_database(ledger_kind, request):
    """A fresh one; None where the ledger is to be a file."""
    if ledger_kind != 'postgres':
        yield None
        return
    database = request.getfixturevalue('postgres_server').database()
    yield database
    database.drop()


@pytest.fixture(name='box')
def make_box(tmp_path, ledger_database):
    box = Box(tmp_path, database=ledger_database)
    yield box
    box.close()


@pytest.fixture(name='faulty')
def make_faulty(box):
    """A box whose program has fault points. `box.faulty('NAME:N:WHAT', …)` sets them."""
    if not os.path.exists(STINT_DEV):
        pytest.skip('there is no build with fault points (tools/build dev)')
    box.program = STINT_DEV

    def faulty(*points, once=False):
        box.env['STINT_FAULT'] = ','.join(points)
        box.env.pop('STINT_FAULT_ONCE', None)
        if once:
            box.env['STINT_FAULT_ONCE'] = os.path.join(box.path, 'fault.' + '.'.join(points))

    def well():
        box.env.pop('STINT_FAULT', None)
        box.env.pop('STINT_FAULT_ONCE', None)

    def killed_at(point, *args):
        """A call that comes by that point and is killed there."""
        faulty(point + ':kill', once=True)
        run = box.start(*args)
        reached = box.env['STINT_FAULT_ONCE']
        wait_until(lambda: os.path.exists(reached) or run.poll() is not None)
        assert os.path.exists(reached), f'never came by {point}: {box.process_said(run)}'
        if point.startswith('ledger.'):
            # The keeper would wait a second; a call of the next night need not.
            wait_until(lambda: 'died by signal' in box.process_said(run) or run.poll() is not None)
            kill(run.pid)
        return run
    box.faulty, box.well, box.killed_at = faulty, well, killed_at
    return box


@pytest.fixture(name='night')
def make_night(box):
    """One run is over: 3 done (one after a retry, one with output), 2 dead of one cause, 1 in doubt,
    and 1 record rejected."""
    night = Night(box, ['ok-1', 'talk-1', 'flaky-1', 'bad-1', 'bad-2', 'crash-1'],
                  rejects=['"broken-1",b@example.com,much\n'])
    said = night.run()
    assert said.code == 3, said
    night.said = said
    return night


@pytest.fixture(name='quiet_night')
def make_quiet_night(box):
    """Everything went well."""
    night = Night(box, ['ok-1', 'ok-2', 'ok-3'])
    said = night.run()
    assert said.code == 0, said
    night.said = said
    return night


@pytest.fixture(name='postgres_server', scope='session')
def make_postgres_server():
    """One server for all tests of this worker; to be left as it was."""
    server = Server().ready()
    yield server
    server.close()


@pytest.fixture(name='postgres')
def make_postgres(postgres_server):
    """A fresh database (lib/postgres.py); `postgres.uri`, `.tcp_uri`, `.ask(SQL)`, `.value(SQL)`."""
    database = postgres_server.database()
    yield database
    database.drop()


@pytest.fixture(name='new_postgres')
def make_new_postgres():
    """`new_postgres(durable=…, more=…)`: a server of the test's own, to stop, kill, follow."""
    servers = []

    def new(**more):
        servers.append(Server(**more).ready())
        return servers[-1]
    yield new
    for server in servers:
        server.close()
