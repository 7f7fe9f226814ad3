# SPDX-License-Identifier: Apache-2.0
"""examples/transactions: three steps through two databases and a file, also with kills in between."""
import os
import shutil
import signal
import subprocess

from lib.box import TOP, wait_until
from lib.held import Held

COUNT = 20000
EXAMPLE = os.path.join(TOP, 'examples', 'transactions')


def prepare(box, postgres):
    for name in ('transactions.yaml', 'tables.sql'):
        shutil.copy(os.path.join(EXAMPLE, name), box.path)
    tool = os.path.join(box.path, 'make_transactions')
    subprocess.run(['cc', '-O2', '-o', tool, os.path.join(TOP, 'bench', 'make_transactions.c')], check=True)
    with open(os.path.join(box.path, 'transactions.csv'), 'wb') as out:
        subprocess.run([tool, str(COUNT)], stdout=out, check=True)
    box.env['TARGET_DB'] = postgres.uri
    with open(os.path.join(EXAMPLE, 'tables.sql'), encoding='utf-8') as sql:
        for statement in filter(str.strip, sql.read().split(';')):
            postgres.ask(statement)
    marker = box.run('generate', 'marker', 'transactions.yaml')
    assert marker.code == 0
    postgres.ask(marker.out)


def expect_all(box, postgres):
    assert postgres.value('select count(*) from transactions') == str(COUNT)
    assert postgres.value("select count(*) from transactions where status = 'CANCELLED'") == '0'
    wrong = ("select count(*) from transactions where amount_eur is distinct from round(amount * "
             "case currency when 'USD' then 0.92 when 'GBP' then 1.17 else 1 end, 2)")
    assert postgres.value(wrong) == '0'
    missing = 'select count(*) from (table transactions except table transactions_again) x'
    assert postgres.value(missing) == '0'
    assert postgres.value('select count(*) from transactions_again') == str(COUNT)
    assert box.read('transactions.xml').count('<transaction>') == COUNT


def test_each_transaction_is_everywhere_once(box, postgres):
    prepare(box, postgres)
    said = box.run('run', 'transactions.yaml')
    assert said.code == 0, said
    expect_all(box, postgres)


def kill_all(run):
    try:
        os.killpg(run.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    run.wait(60)


def test_kills_in_between_change_nothing(box, postgres):
    prepare(box, postgres)
    # The first for certain: a lock keeps it waiting. The others unless they are over sooner.
    with Held(postgres, 'begin; lock table stint_mark in exclusive mode'):
        run = box.start('run', 'transactions.yaml', start_new_session=True)
        wait_until(lambda: postgres.value('select count(*) from pg_locks where not granted') != '0')
        kill_all(run)
    for marks in (3, 30, 60):
        run = box.start('run', 'transactions.yaml', start_new_session=True)
        wait_until(lambda n=marks, r=run: r.poll() is not None
                   or int(postgres.value('select count(*) from stint_mark')) >= n)
        kill_all(run)
    said = box.run('run', 'transactions.yaml')
    assert said.code == 0, said
    expect_all(box, postgres)
