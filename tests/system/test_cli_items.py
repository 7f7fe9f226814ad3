# SPDX-License-Identifier: Apache-2.0
"""`stint items`: which, what they are at, and what was wrong."""
import json
import os

import pytest


def keys(doc):
    return [item['key'] for item in doc['items']]


def test_all_of_the_latest_run(night):
    doc = night.json('items')
    assert doc['schema'] == 'stint.items.1'
    assert keys(doc) == ['ok-1', 'talk-1', 'flaky-1', 'bad-1', 'bad-2', 'crash-1']
    assert [i['state'] for i in doc['items']] == ['done', 'done', 'done', 'dead', 'dead', 'in_doubt']
    assert [i['number'] for i in doc['items']] == list(range(6))
    bad = doc['items'][3]
    assert bad['item'] == '1:3' and bad['run_id'] == 1 and bad['run'].startswith('invoices@')
    assert bad['person'] == 'bad-1@example.com' and bad['attempts'] == 1
    assert bad['error_class'] == 'exit-65' and bad['error'] == '550 no such user in domain 17'
    assert bad['fingerprint'] == doc['items'][4]['fingerprint'] and len(bad['fingerprint']) == 8
    assert doc['items'][0]['error'] is None and doc['items'][0]['fingerprint'] is None


def test_as_a_table(night):
    out = night.box.run('items', '--state', 'dead').out
    lines = out.split('\n')
    assert lines[0].split() == ['ITEM', 'KEY', 'STATE', 'PERSON', 'ATTEMPTS', 'SHAPE', 'LAST', 'ERROR']
    assert lines[1].startswith('1:3   bad-1  dead   bad-1@example.com')
    assert lines[1].endswith('exit-65: 550 no such user in domain 17')


def test_selected(night):
    dead = night.json('items', '--state', 'dead')
    assert keys(dead) == ['bad-1', 'bad-2']
    shape = dead['items'][0]['fingerprint']
    assert keys(night.json('items', '--error', shape)) == ['bad-1', 'bad-2']
    assert keys(night.json('items', '--person', 'crash-1@example.com')) == ['crash-1']
    assert keys(night.json('items', '--run', '1', '--error', shape, '--person', 'bad-2@example.com')) == [
        'bad-2']


def test_by_name(night):
    assert keys(night.json('items', 'invoices/ok-1', '1:4')) == ['ok-1', 'bad-2']
    said = night.box.run('items', 'invoices/nobody')
    assert said.code == 1 and "'nobody'" in said.err
    said = night.box.run('items', '1:99')
    assert said.code == 1 and '6 items' in said.err


def test_nothing_found_is_a_no(night):
    said = night.box.run('items', '--state', 'skipped')
    assert said.code == 1 and said.out == ''
    assert night.json('items', '--state', 'skipped', code=1)['items'] == []


@pytest.mark.parametrize('args, word', [
    (['--state', 'deed'], "did you mean 'dead'"),
    (['--where', 'total > 3'], 'not available in this version')])
def test_wrong_use(night, args, word):
    said = night.box.run('items', *args)
    assert said.code == 64 and word in said.err, said


def test_of_all_runs(night):
    assert night.run('--date', '2026-01-01').code == 3
    assert keys(night.json('items', '--state', 'dead')) == ['bad-1', 'bad-2'] * 2
    assert keys(night.json('items', '--state', 'dead', '--run', 'invoices@2026-01-01')) == ['bad-1', 'bad-2']


def test_keys_of_a_source_that_is_gone(box):
    box.file('j.yaml', 'version: 1\njob: j\nsource:\n  csv: {path: items.csv}\n  fields: {id: integer}\n'
             "work: {exec: {command: [/bin/sh, -c, '[ $0 = 1 ] || exit 65', '${id}'], input: none}}\n")
    path = box.file('items.csv', 'id\n1\n2\n')
    assert box.run('run', 'j.yaml').code == 3
    assert keys(json.loads(box.run('items', '--json').out)) == ['items.csv:2', 'items.csv:3']
    os.unlink(path)
    # What left its chunk has its key in the ledger; the other had it in the file.
    said = box.run('items', '--json')
    assert said.code == 0 and keys(json.loads(said.out)) == [None, 'items.csv:3']
    said = box.run('items')
    assert said.code == 0 and 'items.csv' in said.err


def test_many_items_come_in_order(box):
    from conftest import Night
    night = Night(box, [f'ok-{i}' for i in range(1203)])
    assert night.run('--first', '1203').code == 0
    assert keys(night.json('items')) == [f'ok-{i}' for i in range(1203)]
