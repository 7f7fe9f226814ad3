# SPDX-License-Identifier: Apache-2.0
"""Work on a file: it appears once, complete, with the same bytes whatever died meanwhile."""
import csv
import gzip
import hashlib
import json
import os
import re
import subprocess
import xml.etree.ElementTree

import pytest

from lib.box import kill_family, wait_until
from lib.segments import beside, segments

JOB = '''
job: out
once_per: start
source:
  csv: {{path: in.csv}}
  fields: {{id: integer, name: text, total: decimal}}
{more}
work:
  file: {{path: "{path}", format: {form}{keys}}}
  max_dead: 1000
chunk: {{items: 50}}
'''


def write(box, path, form, keys='', more=''):
    box.file('job.yaml', JOB.format(path=path, form=form, keys=keys, more=more))


def fill(box, rows, name='n, ""<{}>&'):
    lines = ''.join(f'{i},"{name.format(i)}",{i}.50\n' for i in range(rows))
    box.file('in.csv', 'id,name,total\n' + lines)


def read(box, name):
    with open(f'{box.path}/{name}', 'rb') as f:
        data = f.read()
    if name.endswith('.gz'):
        return gzip.decompress(data).decode()
    if name.endswith('.zst'):
        return subprocess.run(['zstd', '-dc'], input=data, stdout=subprocess.PIPE, check=True).stdout.decode()
    return data.decode()


@pytest.mark.parametrize('ending', ['', '.gz', '.zst'])
def test_each_format_holds_every_item_in_order(box, ending):
    fill(box, 500)
    names = [f'n, "<{i}>&' for i in range(500)]
    write(box, f'a.csv{ending}', 'csv')
    assert box.run('run', 'job.yaml').code == 0
    rows = list(csv.reader(read(box, f'a.csv{ending}').splitlines()))
    assert rows[0] == ['id', 'name', 'total']
    assert rows[1:] == [[str(i), names[i], f'{i}.50'] for i in range(500)]
    write(box, f'a.jsonl{ending}', 'jsonl', ', fields: [total, name]')
    assert box.run('run', 'job.yaml').code == 0
    lines = read(box, f'a.jsonl{ending}').splitlines()
    assert lines[7].startswith('{"total":7.50,')
    assert [json.loads(line)['name'] for line in lines] == names
    write(box, f'a.xml{ending}', 'xml', ', root: rows, element: row')
    assert box.run('run', 'job.yaml').code == 0
    root = xml.etree.ElementTree.fromstring(read(box, f'a.xml{ending}').encode())
    assert root.tag == 'rows'
    assert [row.findtext('name') for row in root.findall('row')] == names
    write(box, f'a.txt{ending}', 'fixed', ', columns: {id: [1, 4], total: [6, 8], name: [14, 12]}')
    assert box.run('run', 'job.yaml').code == 0
    lines = read(box, f'a.txt{ending}').splitlines()
    assert lines == [f'{i:>4} {f"{i}.50":>8}{names[i]:<12}' for i in range(500)]
    assert beside(box.path) == []
    box.verify()


def test_a_run_without_items_makes_a_file_with_none(box):
    fill(box, 0)
    write(box, 'a.csv', 'csv')
    assert box.run('run', 'job.yaml').code == 0
    assert read(box, 'a.csv') == 'id,name,total\n'


def test_an_item_that_does_not_fit_is_dead_alone_and_left_out(box):
    fill(box, 200)
    write(box, 'a.txt', 'fixed', ', columns: {id: [1, 2]}')
    said = box.run('run', 'job.yaml')
    assert said.code == 3, said
    assert read(box, 'a.txt').split() == [str(i) for i in range(100)]
    assert len(box.keys('dead')) == 100
    assert 'it has 3 characters, the column 2' in box.run('items', '--state', 'dead').out
    box.verify()


def test_after_a_person_retried_an_item_the_whole_file_is_made_again(box):
    fill(box, 120)
    write(box, 'a.txt', 'fixed', ', columns: {id: [1, 2]}')
    assert box.run('run', 'job.yaml').code == 3
    os.unlink(f'{box.path}/a.txt')
    assert box.run('retry', 'out/' + box.keys('dead')[0]).code == 0
    assert box.run('run', 'job.yaml').code == 3
    assert read(box, 'a.txt').split() == [str(i) for i in range(100)]
    assert len(box.keys('dead')) == 20


@pytest.mark.long
@pytest.mark.parametrize('ending', ['', '.gz'])
def test_killed_again_and_again_it_is_the_same_bytes(box, ending):
    fill(box, 20000)
    write(box, f'a.xml{ending}', 'xml')
    assert box.run('run', 'job.yaml').code == 0
    with open(f'{box.path}/a.xml{ending}', 'rb') as f:
        whole = f.read()
    write(box, f'b.xml{ending}', 'xml')
    for after in (3, 40, 150, 300):
        keeper = box.start('run', 'job.yaml')
        wait_until(lambda: keeper.poll() is not None or segments(box.path) >= after)
        kill_family(keeper)
        if os.path.exists(f'{box.path}/b.xml{ending}'):
            break
    assert box.run('run', 'job.yaml').code == 0
    with open(f'{box.path}/b.xml{ending}', 'rb') as f:
        assert f.read() == whole


def test_a_file_that_was_there_is_replaced_and_what_is_told_is_true(box):
    fill(box, 60)
    box.file('a.csv', 'old')
    write(box, 'a.csv', 'csv')
    said = box.run('run', 'job.yaml')
    assert said.code == 0
    told = re.search(r'a\.csv is there: (\d+) bytes, 60 rows, sha256 ([0-9a-f]{64})', said.err + said.out)
    assert told, said
    with open(f'{box.path}/a.csv', 'rb') as f:
        assert told.group(2) == hashlib.sha256(f.read()).hexdigest()
    assert int(told.group(1)) == os.path.getsize(f'{box.path}/a.csv')


@pytest.mark.parametrize('keys, word', [
    ('csv, root: x', 'means something only with format: xml'),
    ('csv, fields: [nmae]', 'name'),
    ('fixed', 'needs columns'),
    ('fixed, columns: {id: [1, 5], name: [5, 2]}', 'overlap'),
    ('xml, root: "a b"', 'no name of an element'),
])
def test_what_makes_no_sense_is_refused(box, keys, word):
    fill(box, 1)
    form, _, rest = keys.partition(', ')
    write(box, 'a', form, f', {rest}' if rest else '')
    said = box.run('check', 'job.yaml')
    assert said.code == 78, said
    assert word in said.err + said.out
