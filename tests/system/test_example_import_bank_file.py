# SPDX-License-Identifier: Apache-2.0
"""examples/import-bank-file: a bank's file with its totals, its rejects and its refusals, into PostgreSQL."""
import json
import os
import shutil
from decimal import Decimal

import pytest
from lib.box import TOP, cast, kill, wait_until
from lib.held import Held

EXAMPLE = os.path.join(TOP, 'examples', 'import-bank-file')
FILE = 'payments-20261127.csv'
RUN = ('run', 'import-bank-file.yaml', '--date', '2026-11-27')
WAITS = ("select count(*) from pg_stat_activity where datname = current_database() and "
         "application_name = 'stint' and wait_event_type = 'Lock'")
BOOKED = [1001, 1002, 1003, 1005, 1006, 1008, 1010, 1011, 1012]


@pytest.fixture(name='bank')
def make_bank(box, postgres):
    for name in os.listdir(EXAMPLE):
        shutil.copy(os.path.join(EXAMPLE, name), box.path)
    box.env['BANK_DB'] = postgres.uri
    postgres.ask(box.read('tables.sql'))
    assert box.run('ledger', 'init', '--target', 'env:BANK_DB').code == 0
    return postgres


def change(box, old, new):
    path = os.path.join(box.path, FILE)
    with open(path, 'rb') as f:
        text = f.read().decode('cp1252')
    assert old in text
    box.file(FILE, text.replace(old, new).encode('cp1252'))


def booked(bank):
    return [int(row[0][4:]) for row in bank.ask('select reference from payment order by 1')]


def test_what_fits_is_booked_and_the_rest_is_told_apart(box, bank):
    said = box.run(*RUN)
    assert said.code == 3 and '10 items, 9 done, 1 dead, 2 rejected' in said.out, said
    assert booked(bank) == BOOKED
    assert bank.value('select sum(amount) from payment') == '4982.01'
    assert bank.value("select name from payment where reference = 'E2E-1001'") == 'Müller & Söhne GmbH'
    report = box.run('report', '--json')
    amount = {k: Decimal(v) for k, v in json.loads(report.out)['totals']['amount'].items()}
    assert (amount['done'], amount['dead'], amount['rejected']) == (
        Decimal('4982.01'), Decimal('-119.00'), Decimal('174.99'))
    rejects = box.run('rejects', 'import-bank-file').out
    assert 'no date' in rejects and 'too long (field iban)' in rejects, rejects
    dead = box.run('items', '--state', 'dead')
    assert 'payment_amount_check' in dead.out and 'ES91' not in dead.out and 'DE89' not in dead.out, dead
    verify = box.run('ledger', 'verify', '--target', 'env:BANK_DB')
    assert verify.code == 0, verify


def test_what_was_rejected_is_mended_and_fed_back_as_the_readme_says(box, bank):
    assert box.run(*RUN).code == 3
    mended = box.run('rejects', 'import-bank-file', '--format', 'csv').out
    mended = mended.replace('31.11.2026', '30.11.2026').replace(' c/o Banca', '')
    box.file('mended.csv', mended + 'T;2;174,99\n')
    said = box.run(*RUN, '--again', '--source', 'mended.csv')
    assert said.code == 0 and '2 items, 2 done' in said.out, said
    assert booked(bank) == sorted(BOOKED + [1004, 1009])
    assert box.run('skip', 'import-bank-file/E2E-1007', '--why', 'a reversal: booked by hand', '-y').code == 0
    # The whole file once more, under another day's name and with one record more: nothing twice.
    change(box, 'T;12;5038,00', 'E2E-1013;DE89370400440532013000;Nachzügler;1,00;27.11.2026\r\nT;13;5039,00')
    shutil.move(os.path.join(box.path, FILE), os.path.join(box.path, 'payments-20261128.csv'))
    said = box.run('run', 'import-bank-file.yaml', '--date', '2026-11-28')
    assert said.code == 3, said
    assert booked(bank) == sorted(BOOKED + [1004, 1009, 1013])


@pytest.mark.parametrize('old,new,word', [
    ('T;12;5038,00\r\n', '', 'trailer'),
    ('T;12', 'T;13', '13'),
    ('5038,00', '5038,01', '5038.01'),
    ('1190,00', '1191,00', '5038'),
])
def test_of_a_file_that_is_not_whole_nothing_is_booked(box, bank, old, new, word):
    change(box, old, new)
    said = box.run(*RUN)
    assert said.code == 1 and word in said.said, said
    assert not booked(bank)


def test_the_same_file_under_another_name_is_refused(box, bank):
    assert box.run(*RUN).code == 3
    shutil.copy(os.path.join(box.path, FILE), os.path.join(box.path, 'payments-20261128.csv'))
    said = box.run('run', 'import-bank-file.yaml', '--date', '2026-11-28')
    assert said.code == 1 and 'same' in said.said, said
    assert booked(bank) == BOOKED


def test_killed_while_the_database_keeps_it_waiting(box, bank):
    with Held(bank, 'begin; lock table payment in share row exclusive mode'):
        run = box.start(*RUN)
        wait_until(lambda: bank.value(WAITS) != '0' or run.poll() is not None)
        at = cast(run.pid)
        for pid in [run.pid, *at['engine'], *at['lane']]:
            kill(pid)
        run.wait(60)
    for _ in range(5):
        said = box.run(*RUN)
        if said.code != 75:
            break
    assert said.code == 3, said
    assert booked(bank) == BOOKED
