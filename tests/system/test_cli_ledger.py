# SPDX-License-Identifier: Apache-2.0
"""`stint ledger`, and which ledger a call is about."""
import json
import os
import sqlite3

import pytest

DATA = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'data')
JOB = 'version: 1\njob: j\nwork: {exec: {shell: "true"}}\n'


def test_init_makes_it_once(box):
    said = box.run('ledger', 'init')
    assert said.code == 0 and said.out == box.url + '\n' and 'made' in said.err
    said = box.run('ledger', 'init')
    assert said.code == 0 and 'already' in said.err
    doc = json.loads(box.run('ledger', 'init', '--json').out)
    assert doc == {'schema': 'stint.ledger-init.1', 'ledger': box.url, 'is_new': False}


def test_init_dry(box):
    said = box.run('ledger', 'init', '-n')
    assert said.code == 0 and 'would be made' in said.out and not box.has_ledger()


def test_info(night):
    out = night.box.run('ledger', 'info').out
    assert 'runs       1, not over 0' in out and 'items      6 in 1 chunks' in out
    doc = night.json('ledger', 'info')
    assert doc['schema'] == 'stint.ledger-info.1' and doc['runs'] == 1 and doc['items'] == 6
    assert len(doc['uuid']) == 32 and doc['file_bytes'] > 0 and doc['live_instances'] == 0


def test_verify(night):
    said = night.box.run('ledger', 'verify')
    assert said.code == 0 and 'every invariant holds' in said.out
    assert night.json('ledger', 'verify') == {
        'schema': 'stint.ledger-verify.1', 'ledger': night.box.url, 'findings': [], 'ok': True,
        'files_checked': night.box.database is None}
    assert night.box.change('UPDATE run_ SET n_items = n_items + 1') == 1
    said = night.box.run('ledger', 'verify')
    assert said.code == 1 and '\nI1: run 1' in said.out and 'backup' in said.err, said
    assert 'I1' in [f['invariant'] for f in night.json('ledger', 'verify', code=1)['findings']]


def test_upgrade_of_what_is_up_to_date(night):
    assert 'up to date' in night.box.run('ledger', 'upgrade').out
    doc = night.json('ledger', 'upgrade')
    assert doc['from'] == doc['to']


def test_a_newer_ledger_is_left_alone(night):
    night.box.change("INSERT INTO schema_version(version, at, program) VALUES (999, 0, 'stint 99')")
    for verb in (['run', 'invoices.yaml'], ['status'], ['report']):
        said = night.box.run(*verb)
        assert said.code == 73 and 'newer' in said.err and '999' in said.err, said


def test_restored(night):
    doc = night.json('ledger', 'restored')
    assert doc['schema'] == 'stint.ledger-restored.1' and doc['in_doubt'] == 0
    night.box.verify()


@pytest.mark.parametrize('args, word', [
    ([], 'init|upgrade'), (['inti'], "did you mean 'init'"), (['verify', 'x'], 'too many'),
    (['dance'], 'one of init')])
def test_wrong_use(box, args, word):
    said = box.run('ledger', *args)
    assert said.code == 64 and word in said.err, said


@pytest.mark.parametrize('verb', ['info', 'verify', 'upgrade', 'restored'])
def test_not_there(box, verb):
    said = box.run('ledger', verb)
    assert said.code == 73 and box.url.removeprefix('sqlite:') in said.err and 'ledger init' in said.err
    assert not box.has_ledger()


def test_reading_where_nothing_ran(box):
    for args in (['status'], ['runs'], ['report'], ['items'], ['why', 'x'], ['instances']):
        said = box.run(*args)
        assert said.code == 1 and 'nothing has run' in said.err, said
    assert not box.has_ledger()


# ---- which ledger ----------------------------------------------------------------------------------


def test_the_option_goes_before_the_environment(box):
    box.file('j.yaml', JOB)
    other = os.path.join(box.path, 'other.db')
    said = box.run('run', 'j.yaml', '--ledger', 'sqlite:' + other)
    assert said.code == 0 and other in said.err and os.path.exists(other), said
    assert not box.has_ledger()
    assert box.run('runs', '--ledger', other).code == 0


def test_options_may_stand_before_the_verb(box):
    box.file('j.yaml', JOB)
    other = os.path.join(box.path, 'other.db')
    assert box.run('--ledger', other, *box.options, '-q', 'run', 'j.yaml').code == 0
    assert os.path.exists(other)


def test_by_a_name_in_the_environment(box):
    box.env['MY_LEDGER'] = os.path.join(box.path, 'mine.db')
    box.env['STINT_LEDGER'] = 'env:MY_LEDGER'
    assert box.run('ledger', 'init').out == f'sqlite:{box.path}/mine.db\n'
    del box.env['MY_LEDGER']
    said = box.run('status')
    assert said.code == 78 and 'MY_LEDGER' in said.err


def test_the_configuration_file(box):
    del box.env['STINT_LEDGER']
    config = box.file('.config/stint/stint.yaml', 'ledger: sqlite:here.db\n')
    assert box.run('ledger', 'init').out == f'sqlite:{box.path}/.config/stint/here.db\n'
    box.file('.config/stint/stint.yaml', 'ledgre: sqlite:here.db\n')
    said = box.run('status')
    assert said.code == 78 and f"{config}:1:1: unknown key 'ledgre'; did you mean 'ledger'?" in said.err
    mine = box.file('mine.yaml', 'ledger: mine.db\n')
    assert box.run('ledger', 'init', '--config', mine).out == f'sqlite:{box.path}/mine.db\n'
    said = box.run('ledger', 'init', '--config', 'nowhere.yaml')
    assert said.code == 66 and 'nowhere.yaml' in said.err


@pytest.mark.skipif(os.path.exists('/var/lib/stint/ledger.db'), reason='this machine has a ledger of its own')
def test_else_it_is_this_users(box):
    del box.env['STINT_LEDGER']
    assert box.run('ledger', 'init').out == f'sqlite:{box.path}/.state/stint/ledger.db\n'


def test_a_server_that_is_not_there_is_named(box):
    for url in ('postgres://u:s3cret@127.0.0.1:1/stint', 'postgresql://127.0.0.1:1/stint'):
        said = box.run('status', '--ledger', url)
        assert said.code == 73 and "database 'stint' at 127.0.0.1:1" in said.err, said
        assert 's3cret' not in said.said


# What a ledger of that version, as the program of its time left it, says of its one run.
OLD = {1: {'done': 2, 'retry': 1, 'dead': 1, 'in_doubt': 1}, 2: {'done': 3, 'dead': 1, 'in_doubt': 1}}


def old_ledger(box, version):
    """A ledger of that version (its table of numbers is made here)."""
    dump = os.path.join(DATA, f'ledger-{version}.sql')
    db = sqlite3.connect(box.ledger)
    with open(dump, encoding='utf-8') as text:
        db.executescript(text.read())
    db.executemany('INSERT INTO number VALUES (?)', [(i,) for i in range(4096)])
    db.execute('PRAGMA application_id = 0x73746e74')
    db.commit()
    db.execute('PRAGMA journal_mode = wal')
    db.commit()
    db.close()


def check_old_run(box, version):
    box.verify()
    [run] = json.loads(box.run('runs', '--json').out)['runs']
    assert run['job'] == 'old'
    assert {state: run['counts'][state] for state in OLD[version]} == OLD[version]
    assert box.run('report').code == 0
    assert len(box.items('--run', '1')) == 5


@pytest.mark.file
@pytest.mark.parametrize('version', OLD)
def test_an_older_ledger_is_brought_up_to_date(box, version):
    old_ledger(box, version)
    said = box.run('ledger', 'verify')
    assert said.code == 73 and 'stint ledger upgrade' in said.err, said
    assert box.run('ledger', 'upgrade', '-n').out == f'schema version {version}\n'
    doc = json.loads(box.run('ledger', 'upgrade', '--json').out)
    assert doc['from'] == version and doc['to'] > version
    check_old_run(box, version)
    doc = json.loads(box.run('ledger', 'upgrade', '--json').out)
    assert doc['from'] == doc['to'] > version


@pytest.mark.file
@pytest.mark.parametrize('version', OLD)
def test_several_who_bring_it_up_to_date_at_once_do_it_once(box, version):
    old_ledger(box, version)
    box.file('j.yaml', JOB)
    calls = [box.start('ledger', 'upgrade', '--json') for _ in range(4)]
    calls.append(box.start('run', 'j.yaml', '--no-progress'))  # a writer brings it up to date, too
    assert [call.wait(180) for call in calls] == [0] * 5, [box.process_said(call) for call in calls]
    versions = [row[0] for row in box.ask('SELECT version FROM schema_version ORDER BY version')]
    assert versions == list(range(1, versions[-1] + 1)) and versions[-1] > version
    box.verify()
    runs = json.loads(box.run('runs', '--json').out)['runs']
    assert {run['job'] for run in runs} == {'old', 'j'}


def test_several_who_make_the_ledger_at_once_make_one(box):
    box.file('j.yaml', JOB)
    calls = [box.start('ledger', 'init') for _ in range(4)]
    calls.append(box.start('run', 'j.yaml', '--no-progress'))
    assert [call.wait(180) for call in calls] == [0] * 5, [box.process_said(call) for call in calls]
    assert box.ask('SELECT count(*) FROM meta') == [(2,)]
    upgrades = [box.start('ledger', 'upgrade') for _ in range(4)]
    assert [call.wait(180) for call in upgrades] == [0] * 4
    assert all('up to date' in box.process_said(call) for call in upgrades)
    assert len(json.loads(box.run('runs', '--json').out)['runs']) == 1
    box.verify()
