# SPDX-License-Identifier: Apache-2.0
"""`source.rate`: a load that is in no hurry, and who looks at it, stops it, kills it."""
import sqlite3

import pytest
from lib.box import cast, kill, wait_until

FILES = 'csv: {path: items.csv}'
ROWS = '''sqlite:
    url: data.db
    query: 'select id from t where id > ${cursor} order by id limit ${page_size}'
    cursor: id
  page: 10'''
JOB = '''version: 1
job: paced
source:
  %s
  key: id
  fields: {id: integer}
  rate: %s
work: {noop: {}}
chunk: {items: 10}
'''


def write(box, source, rate):
    box.file('items.csv', 'id\n' + ''.join(f'{i}\n' for i in range(1, 36)))
    with sqlite3.connect(f'{box.path}/data.db') as db:
        db.executescript('create table if not exists t(id integer primary key);'
                         + ''.join(f'insert or ignore into t values ({i});' for i in range(1, 36)))
    set_rate(box, source, rate)


def set_rate(box, source, rate):
    box.file('paced.yaml', JOB % (source, rate))


def chunks(box):
    """How many chunks of the load are in the ledger."""
    rows = box.ask_early('select count(*) from chunk')
    return rows[0][0] if rows else 0


@pytest.mark.parametrize('source', [FILES, ROWS])
def test_every_page_comes_however_slowly(box, source):
    write(box, source, '1000/m')
    said = box.run('run', 'paced.yaml', '--no-progress')
    assert said.code == 0, said
    assert sorted(map(int, box.keys('done'))) == list(range(1, 36))
    box.verify()


@pytest.mark.parametrize('source', [FILES, ROWS])
@pytest.mark.parametrize('end', ['stop', 'kill'])
def test_a_load_that_waits_is_seen_and_can_be_ended_and_goes_on(box, source, end):
    write(box, source, '1/h')
    run = box.start('run', 'paced.yaml', '--no-progress')
    wait_until(lambda: chunks(box) == 1, every_s=0.1)
    assert run.poll() is None, box.process_said(run)
    if end == 'stop':
        said = box.run('stop', 'paced')
        assert said.code == 0, said
        assert run.wait(120) == 75, box.process_said(run)
    else:
        for pids in cast(run.pid).values():
            for pid in pids:
                kill(pid)
        run.wait(120)
    set_rate(box, source, '1000/s')
    said = box.run('run', 'paced.yaml', '--no-progress')
    assert said.code == 0, said
    assert sorted(map(int, box.keys('done'))) == list(range(1, 36))
    box.verify()


def test_it_is_explained(box):
    write(box, ROWS, '20/s')
    assert 'at most 20 pages a second' in box.run('explain', 'paced.yaml').out
    write(box, FILES, '3/m')
    assert 'at most 3 chunks a minute' in ' '.join(box.run('explain', 'paced.yaml').out.split())
