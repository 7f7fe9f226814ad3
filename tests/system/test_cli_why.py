# SPDX-License-Identifier: Apache-2.0
"""`stint why`: what is the case, and commands that help."""
import pytest
from conftest import Night


@pytest.mark.parametrize('name, state, words, command', [
    ('invoices', 'done_with_failures', 'its latest run is', 'stint retry'),
    ('invoices.yaml', 'done_with_failures', '550 no such user in domain 17', 'stint report'),
    ('1', 'done_with_failures', '1 item is in doubt', 'stint resolve'),
    ('invoices/bad-1', 'dead', 'given up after 1 attempt', 'stint retry 1:3'),
    ('1:5', 'in_doubt', 'may have taken effect', 'stint resolve 1:5 --done'),
    ('invoices/flaky-1', 'done', 'attempt 1', 'stint attempts 1:2'),
])
def test_after_the_night(night, name, state, words, command):
    said = night.box.run('why', name)
    assert said.code == 0 and words in said.out, said
    doc = night.json('why', name)
    assert doc['schema'] == 'stint.why.1' and doc['state'] == state
    if command != 'stint report':
        assert any(step['command'].startswith(command) for step in doc['next']), doc


def test_what_waits_for_another_try(box):
    night = Night(box, ['later-1', 'ok-1'])
    with open(night.file, encoding='utf-8') as f:
        box.file('invoices.yaml', f.read().replace(
            'attempts: 2, first: 20ms, max: 50ms', 'attempts: 2, first: 30m, max: 30m, within_run: 1s'))
    assert night.run().code == 75
    doc = night.json('why', 'invoices/later-1')
    assert doc['state'] == 'retry' and any('tried again from' in s for s in doc['because'])
    assert any('connection refused' in s for s in doc['because'])
    doc = night.json('why', 'invoices')
    assert doc['state'] == 'stopped' and any('1 item waits for another try' in s for s in doc['because'])
    assert doc['next'][0]['command'].startswith('stint run ')


def test_a_run_that_failed(box):
    night = Night(box, ['ok-1'])
    with open(night.file, encoding='utf-8') as f:
        box.file('invoices.yaml', f.read().replace('  key: id\n', '  key: id\n  max_items: 1\n'))
    box.file('invoices.csv', 'id,email,total\na,b,1\nb,b,1\n')
    assert night.run().code == 1
    doc = night.json('why', 'invoices')
    assert doc['state'] == 'failed' and any('max_items' in s or 'than 1' in s for s in doc['because']), doc


def test_what_a_person_did_is_told(night):
    assert night.box.run('skip', 'invoices/bad-1', '--why', 'paid in cash').code == 0
    said = night.box.run('why', 'invoices/bad-1')
    assert 'skipped' in said.out.split('\n')[0] and 'paid in cash' in said.out, said


def test_a_job_that_never_ran(night):
    night.box.file('new.yaml', 'version: 1\njob: new\nwork: {exec: {shell: "true"}}\n')
    said = night.box.run('why', 'new.yaml')
    assert said.code == 0 and 'never run' in said.out and 'stint run new.yaml' in said.out, said
    night.box.file('new.yaml', 'version: 1\njob: new\nwork: {exec: {command: [./nowhere]}}\n')
    said = night.box.run('why', 'new.yaml')
    assert 'could not start' in said.out and 'nowhere' in said.out, said


def test_names_that_are_none(night):
    for name in ('nobody', 'invoices@2020-01-01', 'invoices/nobody', '77'):
        assert night.box.run('why', name).code == 1, name
    assert night.box.run('why', 'nowhere.yaml').code == 66
    assert night.box.run('why').code == 64
