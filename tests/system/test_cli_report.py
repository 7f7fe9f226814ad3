# SPDX-License-Identifier: Apache-2.0
"""`stint report`: the page that is read at nine in the morning."""
import csv
import io
import json
import re

import pytest
from conftest import Night


def test_the_page(night):
    said = night.box.run('report')
    assert said.code == 0, said
    out = said.out
    assert re.match(r'invoices@\d{4}-\d\d-\d\d: done with failures\n', out)
    assert 'business date' in out and 'items/s' in out
    assert 'read 7 = loaded 6 + filtered 0 + rejected 1 + held back 0' in out
    assert 'loaded 6 = done 3 + skipped 0 + retry 0 + in doubt 1 + dead 2 + running 0 + waiting 0' in out
    # Two failures of one cause are one line, with a sample and the items.
    assert re.search(r'dead 2  exit-65  \[[0-9a-f]{8}\]\n +550 no such user in domain 17\n'
                     r' +invoices/bad-1, invoices/bad-2\n', out), out
    assert 'in doubt 1  signal-9' in out
    assert "'much' is no decimal" in out and 'invoices.csv:8' in out
    assert 'Slowest' in out


def test_what_to_do_next_can_be_pasted(night):
    out = night.box.run('report').out
    commands = re.findall(r'^  (stint .*)$', out[out.index('\nNext\n'):], re.M)
    assert len(commands) >= 4
    for command in commands:
        verb = command.split()[1]
        assert night.box.run('help', verb).code == 0


def test_a_quiet_night_is_short(quiet_night):
    out = quiet_night.box.run('report').out
    assert 'Failures' not in out and 'Rejected' not in out and 'Next' not in out
    assert 'loaded 3 = done 3' in out


@pytest.mark.parametrize('name', ['invoices', '1', 'invoices.yaml'])
def test_runs_by_any_name(night, name):
    assert night.box.run('report', name).out.startswith('invoices@')


def test_no_such_run(night):
    for name in ('2', 'invoices@2020-01-01', 'nobody'):
        said = night.box.run('report', name)
        assert said.code == 1 and name in said.err, said


def test_as_json(night):
    doc = night.json('report')
    assert doc == json.loads(night.box.run('report', '--format', 'json').out)
    assert doc['schema'] == 'stint.report.1' and doc['balances'] is True
    assert doc['counts']['in_doubt'] == 1 and doc['counts']['rejected'] == 1
    assert [(e['error_class'], e['items']) for e in doc['errors']] == [('exit-65', 2), ('signal-9', 1)]
    assert [x['key'] for x in doc['errors'][0]['examples']] == ['bad-1', 'bad-2']
    assert doc['rejects'][0]['line'] == 8
    assert all(step['command'].startswith('stint ') for step in doc['next'])
    assert doc['started_at'].endswith('Z') and doc['ended_at'].endswith('Z')


def test_as_csv(night):
    said = night.box.run('report', '--format', 'csv')
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert [(r['key'], r['state']) for r in rows] == [
        ('bad-1', 'dead'), ('bad-2', 'dead'), ('crash-1', 'in_doubt')]
    assert rows[0]['person'] == 'bad-1@example.com' and rows[0]['attempts'] == '1'
    assert rows[0]['error'] == '550 no such user in domain 17'


def test_by_error(night):
    out = night.box.run('report', '--by', 'error').out
    assert re.search(r'[0-9a-f]{8} exit-65 +2 +0 +2', out), out
    assert re.search(r'[0-9a-f]{8} signal-9 +1 +0 +1', out), out


def test_by_person(night):
    doc = night.json('report', '--by', 'person')
    failed = {b['label']: b['failed'] for b in doc['buckets']}
    assert failed['bad-1@example.com'] == failed['crash-1@example.com'] == 1


def test_by_position(night):
    doc = night.json('report', '--by', 'position')
    assert [b['label'] for b in doc['buckets']] == [f'{i} to {i}' for i in range(6)]
    assert sum(b['all'] for b in doc['buckets']) == 6
    assert [b['failed'] for b in doc['buckets']] == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize('by', ['hour', 'instance'])
def test_by_attempts(night, by):
    doc = night.json('report', '--by', by)
    # six items, one of them tried twice
    assert sum(b['all'] for b in doc['buckets']) == 7, doc['buckets']
    assert sum(b['done'] for b in doc['buckets']) == 3


def test_since(night):
    assert night.run('--again', '--first', '1').code in (0, 3)
    out = night.box.run('report', '--since', 'yesterday').out
    assert len(re.findall(r'^invoices@', out, re.M)) == 2
    doc = night.json('report', '--since', '1h')
    assert doc['schema'] == 'stint.reports.1' and len(doc['reports']) == 2
    said = night.box.run('report', '--since', '2999-01-01')
    assert said.code == 0 and said.out == '' and 'no run' in said.err
    assert night.box.run('report', '--since', 'when').code == 64
    assert night.box.run('report', '1', '--since', '1h').code == 64


def test_a_report_that_does_not_add_up_is_not_printed(night):
    assert night.box.change('UPDATE run_ SET n_read = n_read + 5') == 1
    for args in (['report'], ['report', '--json']):
        said = night.box.run(*args)
        assert said.code == 70 and 'does not add up' in said.err and said.out == '', said


def test_sensitive_fields_are_masked(box):
    night = Night(box, ['ok-1', 'bad-1'])
    text = open(night.file, encoding='utf-8').read()
    box.file('invoices.yaml', text.replace('email: text', 'email: {type: text, sensitive: true}'))
    assert night.run().code == 3
    for args in (['report', '--by', 'person'], ['report', '--format', 'csv'], ['items'],
                 ['items', '--json'], ['report', '--json', '--by', 'person']):
        out = box.run(*args).out
        assert 'bad-1@example.com' not in out and 'b***-' in out, out


def test_formats_of_later_versions(night):
    for form in ('html', 'junit'):
        said = night.box.run('report', '--format', form)
        assert said.code == 64 and 'not available in this version' in said.err
    said = night.box.run('report', '--by', 'hours')
    assert said.code == 64 and "did you mean 'hour'" in said.err
