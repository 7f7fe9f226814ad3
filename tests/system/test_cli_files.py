# SPDX-License-Identifier: Apache-2.0
"""The verbs that are about job files alone: init, check, explain, schema."""
import json
import os
import sqlite3

import pytest

GOOD = '''version: 1
job: good
secrets: {tok: env:MY_TOKEN}
work:
  exec: {command: [/bin/echo, hello]}
  effect: idempotent
'''


@pytest.mark.parametrize('kind', ['exec', 'csv', 'jsonl', 'json', 'xml', 'fixed', 'postgres', 'sqlite',
                                  'inbox', 'files', 'stdin'])
def test_what_init_makes_is_right(box, kind):
    args = ['--from', kind] if kind != 'exec' else []
    said = box.run('init', 'nightly.yaml', *args)
    assert said.code == 0 and said.out == 'nightly.yaml\n' and 'stint check nightly.yaml' in said.err, said
    said = box.run('check', 'nightly.yaml')
    assert said.code == 0 and said.out == 'nightly.yaml: ok (job nightly)\n', said


def test_init_runs_as_it_stands(box):
    assert box.run('init').code == 0
    said = box.run('run', 'job.yaml', '--no-progress')
    assert said.code == 0, said
    assert 'good morning' in box.run('logs', 'job').out
    assert box.run('init', 'c.yaml', '--from', 'csv').code == 0
    box.file('items.csv', 'total,id,email\n1.50,7,a@example.com\n')
    said = box.run('run', 'c.yaml', '--no-progress')
    assert said.code == 0, said
    assert box.run('logs', 'c').out.endswith('\n7 1.50\n')


def test_init_from_an_inbox(box):
    assert box.run('init', 'orders.yaml', '--from', 'inbox').code == 0
    said = box.run('add', 'orders.yaml', stdin=b'{"order": 17, "email": "a@example.com"}\n')
    assert said.code == 0, said
    assert box.run('run', 'orders.yaml', '--no-progress').code == 0
    assert box.run('logs', 'orders').out.endswith('\n17\n')


def test_init_from_lines_that_come_in(box):
    assert box.run('init', 's.yaml', '--from', 'stdin').code == 0
    said = box.run('run', 's.yaml', '--no-progress', stdin=b'one\ntwo\n')
    assert said.code == 0 and '2 items, 2 done' in said.out, said


@pytest.mark.parametrize('kind,name,text,said', [
    ('json', 'orders.json', '{"orders": [{"id": 7, "customer": {"email": "a@b.c"}}]}', '7'),
    ('xml', 'orders.xml', '<all><order id="7"><customer><email>a@b.c</email></customer></order></all>',
     '7'),
    ('fixed', 'accounts.txt', 'A-7               1.5020261129\n', 'A-7 1.50')])
def test_init_from_documents_and_columns_runs_with_a_file_of_that_form(box, kind, name, text, said):
    assert box.run('init', 'k.yaml', '--from', kind).code == 0
    box.file(name, text)
    assert box.run('run', 'k.yaml', '--no-progress').code == 0
    assert box.run('logs', 'k').out.endswith(f'\n{said}\n')


INVOICE = """create table invoice(id integer primary key, email text, total numeric(10, 2), sent_at date);
insert into invoice(id, email, total) values (7, 'a@b.c', 1.50), (8, 'd@e.f', 2.50);"""


def test_init_from_a_table_of_postgresql_runs(box, postgres):
    postgres.ask(INVOICE)
    box.env['DATABASE_URL'] = postgres.uri
    assert box.run('init', 'k.yaml', '--from', 'postgres').code == 0
    said = box.run('run', 'k.yaml', '--no-progress')
    assert said.code == 0 and '2 items, 2 done' in said.out, said
    assert postgres.value('select count(*) from invoice where sent_at is not null') == '2'


def test_init_from_a_table_of_sqlite_runs(box):
    db = sqlite3.connect(f'{box.path}/invoices.db')
    db.executescript(INVOICE)
    assert box.run('init', 'k.yaml', '--from', 'sqlite').code == 0
    said = box.run('run', 'k.yaml', '--no-progress')
    assert said.code == 0 and '2 items, 2 done' in said.out, said
    assert db.execute('select count(*) from invoice where sent_at is not null').fetchone() == (2,)
    db.close()


def test_init_never_overwrites(box):
    box.file('a.yaml', 'mine')
    said = box.run('init', 'a.yaml')
    assert said.code == 1 and 'a.yaml' in said.err and box.read('a.yaml') == 'mine'


def test_init_to_look_at(box):
    for args in (['-'], ['x.yaml', '-n']):
        said = box.run('init', *args)
        assert said.code == 0 and 'version: 1\n' in said.out
    assert os.listdir(box.path) == []


@pytest.mark.parametrize('kind, word', [
    ('csvv', "did you mean 'csv'"), ('odbc', 'not available in this version')])
def test_init_from_what_is_not_there(box, kind, word):
    said = box.run('init', 'x.yaml', '--from', kind)
    assert said.code == 64 and word in said.err


def test_check_several(box):
    box.file('good.yaml', GOOD)
    box.file('bad.yaml', GOOD.replace('effect', 'efect'))
    said = box.run('check', 'good.yaml', 'bad.yaml')
    assert said.code == 78 and 'good.yaml: ok (job good)\n' == said.out
    assert 'bad.yaml:6:3:' in said.err and "'effect'" in said.err, said
    said = box.run('check', 'good.yaml', 'nowhere.yaml')
    assert said.code == 66 and 'nowhere.yaml' in said.err
    assert box.run('check').code == 64


def test_check_as_json(box):
    box.file('good.yaml', GOOD)
    box.file('bad.yaml', GOOD.replace('effect', 'efect'))
    said = box.run('check', 'good.yaml', 'bad.yaml', 'nowhere.yaml', '--json')
    doc = json.loads(said.out)
    assert said.code == 78 and doc['schema'] == 'stint.check.1'
    good, bad, missing = doc['files']
    assert good == {'file': 'good.yaml', 'faults': [], 'job': 'good', 'ok': True}
    assert not bad['ok'] and bad['faults'][0]['line'] == 6 and bad['faults'][0]['column'] == 3
    assert "'effect'" in bad['faults'][0]['text'] and 'bad.yaml' not in bad['faults'][0]['text']
    assert not missing['ok'] and 'line' not in missing['faults'][0]


def test_check_looks_for_the_program_and_touches_nothing(box):
    box.file('job.yaml', GOOD.replace('/bin/echo', './nowhere'))
    said = box.run('check', 'job.yaml')
    assert said.code == 78 and 'nowhere' in said.err
    assert os.listdir(box.path) == ['job.yaml']


def test_explain(box):
    box.env['MY_TOKEN'] = 'hunter2'
    box.file('good.yaml', GOOD)
    said = box.run('explain', 'good.yaml')
    assert said.code == 0 and 'attempts: 5' in said.out and 'env:MY_TOKEN' in said.out, said
    assert 'hunter2' not in said.out
    assert 'once a day' in said.out or 'every day' in said.out or 'once_per: day' in said.out
    doc = json.loads(box.run('explain', 'good.yaml', '--json').out)
    assert doc['schema'] == 'stint.explain.1' and doc['job'] == 'good' and doc['text'] == said.out
    assert doc['given']['work']['effect'] == 'idempotent'
    assert box.run('explain', 'nowhere.yaml').code == 66
    box.file('bad.yaml', 'version: 2\n')
    assert box.run('explain', 'bad.yaml').code == 78


def test_schema(box):
    said = box.run('schema')
    assert said.code == 0
    doc = json.loads(said.out)
    assert '2020-12' in doc['$schema'] and 'work' in doc['properties']


def test_explain_says_whose_a_job_is_and_where_a_person_reads_what_to_do(box):
    box.file('good.yaml', GOOD + 'owner: billing@example.com\nrunbook: https://wiki.example.com/good\n')
    said = box.run('explain', 'good.yaml')
    assert 'owner: billing@example.com\n' in said.out, said
    assert 'runbook: https://wiki.example.com/good\n' in said.out, said
