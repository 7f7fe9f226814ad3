# SPDX-License-Identifier: Apache-2.0
"""What stint says of one and the same night is the same, word for word, whether its ledger is a file or
lies in PostgreSQL; so is what it says of what people decide then. Times, durations, numbers of
processes, sizes, and the ledger's name are what may differ."""
import csv
import json
import re

import pytest
from conftest import Night
from lib.box import Box

KEYS = ['ok-1', 'talk-1', 'flaky-1', 'bad-1', 'bad-2', 'ok-2', 'crash-1', 'crash-2', 'ok-3', 'bad-3']
REJECTS = ['"broken-1",b@example.com,much\n', 'broken-2,b@example.com\n']

# Members of a document that have a time, a duration, a size or a number of the system's.
CHANGING = re.compile(
    r'(_at|_ms|_us|_bytes|_per_s|_per_second|_seconds)$|^(at|ms|since|until|pid|name|uuid|ledger|file|wal|'
    r'started|ended|heard|changed|next_try|first_started|by|minute|p50|p90|p99|mean|slowest|first|last|end|'
    r'bucket|rate|time|took|files_checked|idempotency_key|hour|label|instances)$')

READING = [
    ['status'], ['status', 'invoices'], ['runs'], ['runs', 'invoices'], ['report'], ['report', '1'],
    ['report', '--by', 'position'], ['report', '--by', 'error'], ['report', '--by', 'person'],
    ['items'], ['items', '--state', 'done'], ['items', '--state', 'in_doubt'],
    ['items', '--run', '1', '--state', 'dead'], ['items', '--person', 'bad-1@example.com'],
    ['items', 'invoices/ok-1', '1:3'], ['attempts', 'invoices/flaky-1'], ['attempts', '1:3'],
    ['attempts', 'invoices/crash-1'], ['logs', '1'], ['logs', 'invoices/talk-1'], ['rejects', '1'],
    ['why', 'invoices'], ['why', '1'], ['why', 'invoices/bad-1'], ['why', 'invoices/ok-1'], ['why', '1:6'],
    ['forecast', 'invoices'], ['ledger', 'verify'], ['ledger', 'upgrade'], ['ledger', 'init'],
    ['items', '--run', 'nothing'], ['items', '--state', 'tired'], ['why', 'invoices/nothing'],
    ['attempts', '9:9'],
]
ONLY_TEXT = [
    ['rejects', '1', '--format', 'csv'], ['report', '--format', 'csv'], ['report', '--format', 'junit'],
    ['report', '--format', 'html'],
]
DRY = [
    ['retry', '--run', '1', '-n'], ['resolve', '--run', '1', '--done', '--why', 'x', '-n'],
    ['skip', '--run', '1', '--why', 'x', '-n'], ['skip', 'invoices/bad-1', '--why', 'x', '-n'],
    ['stop', '--all', '-n'], ['abandon', '1', '--why', 'x', '-n'],
]
DECIDING = [
    ['resolve', 'invoices/crash-1', '--done', '--why', 'it is there'],
    ['resolve', '1:7', '--retry', '--why', 'it is not there', '--json'],
    ['skip', 'invoices/bad-2', '--why', 'paid in cash'],
    ['retry', 'invoices/bad-1'],
    ['retry', '--run', '1', '--state', 'dead', '--json'],
    ['skip', 'invoices/bad-2', '--why', 'once more'],
    ['resolve', '1:0', '--done', '--why', 'it is done'],
    ['stop', '1'],
]


def words(box, text):
    """A text without what changes from night to night."""
    text = text.replace(box.url, 'LEDGER').replace(box.url.removeprefix('sqlite:'), 'LEDGER')
    text = text.replace(box.path, 'BOX')
    text = re.sub(r'\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z|\+00:00)?|\b\d\d:\d\d(:\d\d)?\b',
                  'TIME', text)
    text = re.sub(r'\b[a-z2-7]{32}\b', 'KEY', text)
    text = re.sub(r'\bvm/\d+|\b[\w.-]+/\d+(?= )', 'WHO', text)
    text = re.sub(r'\b\d+([.,]\d+)* ?(ms|us|µs|s|min|h|d|bytes)\b', 'LONG', text)
    text = re.sub(r'\b\d+(\.\d+)? ?(items? ?)?(/s|a second|per second|a minute)', 'FAST', text)
    text = re.sub(r'[ ─-]+', ' ', text)
    text = re.sub(r'(?m)^ commit \d+', ' commit SO OFTEN', text)
    return re.sub(r'(?m)^ LONG \S+/.*, attempt .*\n', '', text)  # those that took longest


def plain(box, value, member=''):
    """A document without what changes; that something is there or not stays."""
    if isinstance(value, dict):
        if value.get('phase') == 'commit':
            value['count'] = 'SO OFTEN'
        return {key: plain(box, one, key) for key, one in value.items()}
    if CHANGING.search(member):
        return None if value is None else [] if value == [] else 'SOMETHING'
    if isinstance(value, list):
        return [plain(box, one) for one in value]
    return words(box, value) if isinstance(value, str) else value


def said(box, args):
    got = box.run(*args)
    if args[:2] == ['ledger', 'verify']:
        got.err = ''  # that a server's files were not looked at
    if '--json' in args and got.out:
        return got.code, plain(box, json.loads(got.out)), words(box, got.err)
    return got.code, words(box, got.out), words(box, got.err)


class Pair:
    """Two boxes that differ in their ledger only."""

    def __init__(self, boxes):
        self.boxes, self.different = boxes, []

    def both(self, *args):
        one, two = [said(box, list(args)) for box in self.boxes]
        self.different += [(args, a, b) for a, b in zip(one, two) if a != b]
        return one


@pytest.fixture(name='pair')
def make_pair(tmp_path, postgres):
    boxes = []
    for name, database in (('file', None), ('server', postgres)):
        (tmp_path / name).mkdir()
        box = Box(tmp_path / name, database=database)
        night = Night(box, KEYS, rejects=REJECTS)
        with open(night.file, encoding='utf-8') as f:
            job = f.read()
        box.file('invoices.yaml', job.replace('concurrency: 2', 'concurrency: 1'))
        boxes.append(box)
    pair = Pair(boxes)
    yield pair
    assert pair.different == []
    for box in boxes:
        box.close()


def test_every_verb_says_the_same_of_a_night_and_of_what_is_decided(pair):
    for args in (['status'], ['runs'], ['items'], ['instances']):
        assert pair.both(*args)[0] == 1
    assert pair.both('run', 'invoices.yaml', '--no-progress', '--json')[0] == 3
    for args in READING:
        pair.both(*args)
        pair.both(*args, '--json')
    for args in [*ONLY_TEXT, *DRY]:
        pair.both(*args)
    for args in DECIDING:
        pair.both(*args)
    for args in (['items'], ['items', '--json'], ['status'], ['why', '1'], ['runs']):
        pair.both(*args)
    for box in pair.boxes:
        box.file('send', '#!/bin/sh\nexit 0\n', mode=0o755)
    assert pair.both('run', 'invoices.yaml', '--no-progress')[0] == 3  # what was rejected stays so
    for args in (['items'], ['report'], ['report', '--json'], ['runs', '--json'],
                 ['attempts', 'invoices/bad-1', '--json']):
        pair.both(*args)
    assert pair.both('abandon', '1', '--why', 'over')[0] == 1
    for box in pair.boxes:
        box.verify()


STEPS = '''job: night
steps:
  - name: load
    source: {csv: {path: in.csv}, key: id, fields: {id: text}}
    work: {exec: {command: [./act, load, "${id}"], input: none}, effect: idempotent, concurrency: 1}
  - name: send
    source: {step: load}
    work: {exec: {command: [./act, send, "${id}"], input: none}, effect: once, concurrency: 1}
    go_on_when: done_with_failures
'''


def test_every_verb_says_the_same_of_a_job_with_steps(pair):
    for box in pair.boxes:
        box.file('in.csv', 'id\nk1\nk2\nk3\n')
        box.file('act', '#!/bin/sh\necho "$*"\n[ "$*" != "send k2" ] || exit 65\n', mode=0o755)
        box.file('night.yaml', STEPS)
    assert pair.both('run', 'night.yaml', '--no-progress')[0] == 3
    for args in (['status'], ['runs'], ['report'], ['items'], ['items', '--state', 'dead'],
                 ['attempts', '1:4'], ['logs', '1'], ['why', 'night'], ['why', '1:4'], ['why', '1:0']):
        assert pair.both(*args)[0] == 0, args
        assert pair.both(*args, '--json')[0] == 0, args
    for view in ('run', 'step', 'item', 'attempt'):
        one, two = [rows_of(box, view) for box in pair.boxes]
        assert one == two, view


def rows_of(box, view):
    """A view's columns and rows, as people's tools read them."""
    if box.database:
        text = box.database.server.ask(
            f"select column_name from information_schema.columns where table_schema = 'stint'"
            f" and table_name = '{view}' order by ordinal_position", box.database.name)
        names = [row[0] for row in text]
    else:
        names = [row[1] for row in box.ask(f"SELECT cid, name FROM pragma_table_info('{view}') ORDER BY cid")]
    rows = box.ask(f'SELECT * FROM {view}')
    if view == 'instance':  # only where there are beats
        rows = [[None if name == 'heard' else value for name, value in zip(names, row)] for row in rows]
    return names, sorted(json.dumps(plain(box, dict(zip(names, row)))) for row in rows)


def test_every_view_has_the_same_rows(pair):
    pair.both('run', 'invoices.yaml', '--no-progress')
    views = pair.boxes[0].ask("SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name")
    views = [name for name, in views]
    assert {'run', 'item', 'attempt', 'instance', 'minute', 'failure'} <= set(views)
    for view in views:
        one, two = [rows_of(box, view) for box in pair.boxes]
        assert one == two, view


def test_rejects_as_csv_can_be_run_from_either(pair):
    pair.both('run', 'invoices.yaml', '--no-progress')
    for box in pair.boxes:
        rows = list(csv.reader(box.run('rejects', '1', '--format', 'csv').out.splitlines()))
        assert rows[0] == ['id', 'email', 'total'] and len(rows) == 3, rows
