# SPDX-License-Identifier: Apache-2.0
"""`stint retry`: dead items get another chance."""
import json
import os
import pty
import subprocess

import pytest
from lib.box import STINT


def audit(box):
    """[(verb, item, who, why)] as the ledger keeps them."""
    return box.ask('SELECT verb, item, who, why FROM audit ORDER BY at, item')


def heal(night):
    """From now on nothing is bad."""
    night.box.file('send', '#!/bin/sh\necho "$1" >>healed\n', mode=0o755)


def test_all_dead_of_a_run(night):
    said = night.box.run('retry', '--run', 'invoices')
    assert said.code == 0, said
    assert '2 items of invoices@' in said.out and 'will be tried again' in said.out
    assert night.box.keys('retry') == ['bad-1', 'bad-2'] and night.box.keys('dead') == []
    assert [row[:2] for row in audit(night.box)] == [('retry', 3), ('retry', 4)]
    assert all('@' in row[2] for row in audit(night.box))
    night.box.verify()


def test_the_next_run_works_them(night):
    assert night.box.run('retry', '--state', 'dead').code == 0
    heal(night)
    assert night.run().code == 3  # crash-1 is still in doubt, a record is still rejected
    assert sorted(night.box.lines('healed')) == ['bad-1', 'bad-2']
    assert night.box.keys('dead') == [] == night.box.keys('retry')
    night.box.verify()


def test_items_by_name(night):
    said = night.box.run('retry', 'invoices/bad-2', '1:3', 'invoices/bad-2', '--why', 'they mended it')
    assert said.code == 0, said
    assert '2 items of' in said.out
    assert [row[1] for row in audit(night.box)] == [3, 4]
    assert {row[3] for row in audit(night.box)} == {'they mended it'}


def test_by_error(night):
    dead = night.json('items', '--state', 'dead')['items'][0]
    print_of = dead.get('fingerprint') or dead.get('error_fingerprint')
    assert print_of, dead
    assert night.box.run('retry', '--error', '00000000').code == 1
    said = night.json('retry', '--error', print_of)
    assert (said['schema'], said['changed'], said['requested'], said['refused']) == ('stint.retry.1', 2, 0, 0)
    assert said['runs'][0]['run'].startswith('invoices@') and said['runs'][0]['changed'] == 2
    assert said['dry_run'] is False


def test_by_person(night):
    said = night.box.run('retry', '--person', 'bad-2@example.com')
    assert said.code == 0, said
    assert night.box.keys('dead') == ['bad-1']


@pytest.mark.parametrize('args, code, words', [
    ([], 64, 'of what'),
    (['--run', '1', 'invoices/bad-1'], 64, 'not both'),
    (['--state', 'done'], 64, 'does nothing to such items'),
    (['--state', 'daed'], 64, "did you mean 'dead'"),
    (['--where', 'total > 3'], 64, 'not available in this version'),
    (['--run', '1', '--why', ' '], 64, '--why'),
    (['invoices/nobody'], 1, 'nobody'),
    (['--run', 'invioces'], 1, "did you mean 'invoices'"),
    (['--run', '77'], 1, '77'),
    (['1:77'], 1, 'there is no 77'),
])
def test_what_cannot_be(night, args, code, words):
    said = night.box.run('retry', *args)
    assert said.code == code, said
    assert words in said.err and said.out == ''
    assert audit(night.box) == []


def test_items_that_are_not_dead_stay(night):
    said = night.box.run('retry', 'invoices/ok-1', 'invoices/crash-1')
    assert said.code == 1, said
    assert 'only items that are dead' in said.err
    assert '1:0 is done' in said.err and '1:5 is in doubt' in said.err
    assert audit(night.box) == []
    said = night.json('retry', 'invoices/ok-1', code=1)
    assert (said['changed'], said['refused']) == (0, 1)


def test_nothing_is_dead(quiet_night):
    said = quiet_night.box.run('retry', '--run', 'invoices')
    assert said.code == 1 and 'no items are selected' in said.err, said


def test_no_ledger(box):
    said = box.run('retry', '--state', 'dead')
    assert said.code == 1 and 'there is no ledger' in said.err, said
    assert not box.has_ledger()


def test_dry_run(night):
    said = night.box.run('retry', '--run', '1', '-n')
    assert said.code == 0 and 'would be tried again' in said.out, said
    said = night.box.run('retry', '--run', '1', '-n', '--now')
    assert said.code == 0 and 'would be tried again' in said.out, said
    assert night.box.keys('dead') == ['bad-1', 'bad-2'] and audit(night.box) == []


def test_quiet(night):
    said = night.box.run('retry', '--run', '1', '-q')
    assert (said.code, said.said) == (0, ''), said


def test_now(night):
    heal(night)
    said = night.box.run('retry', '--run', 'invoices', '--now', '--no-progress')
    assert said.code == 3, said  # one in doubt and one rejected are left
    assert '2 items of invoices@' in said.out
    assert sorted(night.box.lines('healed')) == ['bad-1', 'bad-2']
    assert len(audit(night.box)) == 2
    assert night.box.run('retry', '--run', 'invoices', '--now').code == 1
    night.box.verify()


def test_now_works_the_runs_of_the_items_and_no_other(night):
    assert night.run('--again').code == 3
    night.box.file('more.csv', 'id,email,total\nok-9,a@example.com,1\nbad-9,b@example.com,2\n')
    assert night.run('--again', '--source', 'more.csv').code == 3
    runs = night.json('runs')['runs']
    assert len(runs) == 3
    heal(night)
    said = night.json('retry', '1:3', '3:1', '--now', '--no-progress', code=3)
    worked = [(run['number'], run['changed'], run['exit_status']) for run in said['runs']]
    assert worked == [(1, 1, 3), (3, 1, 0)]
    assert said['exit_status'] == 3
    assert sorted(night.box.lines('healed')) == ['bad-1', 'bad-9']
    assert len(night.json('runs')['runs']) == 3
    night.box.verify()


def test_now_needs_the_job_file(night):
    os.rename(night.file, night.file + '.gone')
    said = night.box.run('retry', '--run', '1', '--now')
    assert said.code == 66, said
    assert night.box.keys('dead') == ['bad-1', 'bad-2']


def on_a_terminal(box, *args, answer):
    master, slave = pty.openpty()
    with subprocess.Popen([STINT, args[0], *box.options, *args[1:]], cwd=box.path, env=box.env, stdin=slave,
                          stdout=subprocess.PIPE, stderr=slave) as process:
        os.close(slave)
        os.write(master, answer.encode() + b'\n')
        said = b''
        while True:
            try:
                part = os.read(master, 4096)
            except OSError:  # the other side is closed
                break
            if not part:
                break
            said += part
        code = process.wait(timeout=120)
    os.close(master)
    return code, said.decode()


@pytest.mark.parametrize('answer, code, left', [('n', 1, 2), ('', 1, 2), ('y', 0, 0)])
def test_it_asks(night, answer, code, left):
    got, said = on_a_terminal(night.box, 'retry', '--run', '1', answer=answer)
    assert got == code, said
    assert '2 items of invoices@' in said and 'Go on? [y/N]' in said
    assert len(night.box.keys('dead')) == left


def test_yes_does_not_ask(night):
    got, said = on_a_terminal(night.box, 'retry', '--run', '1', '-y', answer='n')
    assert got == 0 and 'Go on' not in said, said


def test_many(box):
    """More than a few, in many chunks."""
    box.file('many.yaml', 'version: 1\njob: many\nsource:\n  csv: {path: many.csv}\n  key: id\n'
             '  fields: {id: text}\nwork:\n  exec: {command: ["false"], input: none}\n  effect: idempotent\n'
             '  concurrency: 2\nretry: {attempts: 1}\nbreaker: {at_least: 1000}\n')
    box.file('many.csv', 'id\n' + ''.join(f'k{i}\n' for i in range(300)))
    assert box.run('run', 'many.yaml', '--no-progress').code in (1, 3)
    dead = len(box.keys('dead'))
    assert dead > 0
    said = box.run('retry', '--state', 'dead', '--json')
    assert said.code == 0 and json.loads(said.out)['changed'] == dead, said
    assert box.keys('dead') == []
    box.verify()
