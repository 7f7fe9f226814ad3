# SPDX-License-Identifier: Apache-2.0
"""`stint rejects`: bad records with their place and reason; mended, they go in again."""
import gzip
import os
import subprocess

import pytest
from conftest import Night


def test_line_column_and_reason(night):
    doc = night.json('rejects', 'invoices')
    assert doc['schema'] == 'stint.rejects.1'
    [reject] = doc['rejects']
    assert reject['path'] == 'invoices.csv' and reject['line'] == 8 and reject['column'] > 1
    assert "'much' is no decimal" in reject['reason']
    assert reject['raw'] == '"broken-1",b@example.com,much' and reject['is_cut'] is False


def test_as_a_table(night):
    out = night.box.run('rejects', '1').out
    assert out.split('\n')[0].split() == ['FILE', 'LINE', 'COLUMN', 'REASON', 'RECORD']
    assert out.split('\n')[1].endswith('"broken-1",b@example.com,much')


def test_mended_and_fed_back(night):
    said = night.box.run('rejects', 'invoices', '--format', 'csv')
    assert said.out == 'id,email,total\n"broken-1",b@example.com,much\n'
    night.box.file('mended.csv', said.out.replace('much', '12.50').replace('broken', 'ok'))
    said = night.run('--again', '--source', 'mended.csv')
    assert said.code == 0, said
    items = night.json('items')['items']
    assert [(i['key'], i['state']) for i in items] == [('ok-1', 'done')]


def test_none(quiet_night):
    said = quiet_night.box.run('rejects', 'invoices')
    assert said.code == 0 and said.out == '' and 'no record' in said.err
    assert quiet_night.json('rejects', 'invoices')['rejects'] == []


def rejecting(box, job_change=lambda text: text):
    night = Night(box, ['ok-1'])
    with open(night.file, encoding='utf-8') as f:
        box.file('invoices.yaml', job_change(f.read()))
    return night


def test_records_of_several_lines_and_odd_bytes_stay_as_they_are(box):
    night = rejecting(box)
    record = b'"a ""quoted""\r\nkey",\xc3\xa4 b@example.com,"1,5"\r\n'
    box.file('invoices.csv', b'id,email,total\r\nok-1,a@example.com,1\r\n' + record)
    assert night.run().code == 3
    said = box.run('rejects', 'invoices', '--format', 'csv')
    assert said.out.encode() == b'id,email,total\r\n' + record.rstrip(b'\r\n') + b'\n', said


def test_the_header_of_a_compressed_file_and_skipped_lines(box):
    night = rejecting(box, lambda text: text.replace('{path: invoices.csv}',
                                                     '{path: invoices.csv.gz, skip_first: 1}'))
    box.file('invoices.csv.gz', gzip.compress(b'exported by x\nid;x,total,email\nok-1,1,a\n'
                                              .replace(b'id;x', b'id') + b'bad,one,b\n'))
    assert night.run().code == 3
    said = box.run('rejects', 'invoices', '--format', 'csv')
    assert said.out == 'exported by x\nid,total,email\nbad,one,b\n', said


def test_a_file_that_was_moved_away(box):
    night = rejecting(box, lambda text: text.replace('{path: invoices.csv}',
                                                     '{path: invoices.csv, then: "move:done"}'))
    box.file('invoices.csv', 'id,email,total\nok-1,a,1\nbad,b,one\n')
    os.makedirs(os.path.join(box.path, 'done'), exist_ok=True)
    assert night.run().code == 3
    said = box.run('rejects', 'invoices', '--format', 'csv')
    assert said.out == 'id,email,total\nbad,b,one\n', said


def test_a_file_that_is_gone(night):
    os.unlink(os.path.join(night.box.path, 'invoices.csv'))
    said = night.box.run('rejects', 'invoices', '--format', 'csv')
    assert said.code == 0 and said.out == '"broken-1",b@example.com,much\n'
    assert 'header' in said.err, said


def test_many_come_once_each(box):
    night = rejecting(box, lambda text: text.replace('  key: id\n', '  key: id\n  max_rejects: 1000\n'))
    box.file('invoices.csv', 'id,email,total\n' + ''.join(f'k{i},e,x\n' for i in range(150)))
    assert night.run().code == 3
    assert [r['raw'] for r in night.json('rejects', '1')['rejects']] == [f'k{i},e,x' for i in range(150)]


@pytest.mark.parametrize('args', [[], ['1', '2'], ['1', '--format', 'xml']])
def test_wrong_use(night, args):
    assert night.box.run('rejects', *args).code == 64


def as_csv(box, job):
    """The very bytes."""
    return subprocess.run(box.command('rejects', job, '--format', 'csv'), cwd=box.path, env=box.env,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=180, check=True).stdout


@pytest.mark.both
def test_bytes_that_are_no_text_are_given_as_they_stood(box):
    night = rejecting(box)
    records = [b'"a\x00",b@example.com,1', b'k\xff\\,b@example.com,1']
    box.file('invoices.csv', b'id,email,total\nok-1,a@example.com,1\n' + b'\n'.join(records) + b'\n')
    assert night.run().code == 3
    assert as_csv(box, 'invoices') == b'id,email,total\n' + b'\n'.join(records) + b'\n'


DOCUMENTS = {
    'json: {path: in.json, pointer: /data/a~1b}': (
        b'{"data": {"a/b": [{"id": 1}, {"id": "x"}, {"id": 2}, {"id": "y", "name": "\xc3\xa4"}]}}',
        b'{"data": {"a/b": [\n{"id": "x"},\n{"id": "y", "name": "\xc3\xa4"}\n]}}\n'),
    'xml: {path: in.xml, element: i}': (
        b'<?xml version="1.0" encoding="ISO-8859-1"?><all><i id="1"/><i id="x"/><i id="2"/>'
        b'<i id="y"><name>\xe4</name></i></all>',
        b'<?xml version="1.0" encoding="ISO-8859-1"?>\n<rejects>\n<i id="x"/>\n'
        b'<i id="y"><name>\xe4</name></i>\n</rejects>\n'),
}


@pytest.mark.both
@pytest.mark.parametrize('source', DOCUMENTS)
def test_elements_of_a_document_are_in_one_that_can_be_fed_back(box, source):
    document, rejects = DOCUMENTS[source]
    box.file(source.split('path: ')[1].split(',')[0], document)
    box.file('job.yaml', f'job: documents\nsource: {{{source}, key: id, fields: {{id: integer, '
             'name: text?}}\nwork: {noop: {}}\n')
    assert box.run('run', 'job.yaml').code == 3
    assert as_csv(box, 'documents') == rejects
    box.file('mended', rejects.replace(b'"x"', b'"8"' if b'<' in rejects else b'8')
             .replace(b'"y"', b'"9"' if b'<' in rejects else b'9'))
    said = box.run('run', 'job.yaml', '--again', '--source', 'mended')
    assert said.code == 0 and '2 items, 2 done' in said.out, said
