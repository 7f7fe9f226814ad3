# SPDX-License-Identifier: Apache-2.0
"""What others have gathered to test parsers: csv-spectrum, and JSONTestSuite as json-test-suite.

tools/fetch-collections installs them. Each case goes through the real program.
"""
import csv
import io
import json
import os

import pytest
from lib.box import TOP

FOLDER = os.path.join(TOP, 'build-collections')
SPECTRUM = os.path.join(FOLDER, 'node_modules', 'csv-spectrum')

# Records that the collection reads and stint rejects (docs/sources.md): a lone quote in the middle of a
# column, which RFC 4180 does not allow. Its JSON is also of another record than its CSV.
REJECTED = {'location_coordinates': 'a quote in column 2, which does not begin with one'}

# JSON whose grammar is right and that stint refuses (docs/sources.md): an object that has a key twice,
# where it would be a guess which one counts, and half of a surrogate pair, which is no character.
REFUSED = [
    'y_object_duplicated_key.json',
    'y_object_duplicated_key_and_value.json',
    'y_object_same_key_different_values.json',
    'y_object_same_key_same_value.json',
    'y_object_same_key_unclear_values.json',
    'y_string_1_escaped_invalid_codepoint.json',
    'y_string_2_escaped_invalid_codepoints.json',
    'y_string_3_escaped_invalid_codepoints.json',
]


def must_be_there(path):
    assert os.path.exists(path), f'{path} is not there: tools/fetch-collections installs it'


def spectrum(kind, name):
    path = os.path.join(SPECTRUM, kind + 's' if kind == 'csv' else kind, f'{name}.{kind}')
    must_be_there(path)
    with open(path, 'rb') as f:
        return f.read()


def work(box, data, fields):
    """Runs a job that writes its items to a file. Gives what it said, and the items in order."""
    box.file('in.csv', data)
    box.file('take', '#!/bin/sh\ncat >>out; echo >>out\n', mode=0o755)
    listed = ''.join(f'    f{i}: {{type: {kind}, from: {json.dumps(column)}}}\n'
                     for i, (column, kind) in enumerate(fields))
    box.file('job.yaml', 'version: 1\njob: take\nsource:\n  csv: {path: in.csv}\n  max_rejects: 100%\n'
             f'  fields:\n{listed}'
             'work:\n  exec: {command: [./take]}\n  effect: idempotent\n  concurrency: 1\n')
    said = box.run('run', 'job.yaml', '--no-progress')
    names = [column for column, _ in fields]
    items = [json.loads(line) for line in box.lines('out') if line]
    return said, [{name: item[f'f{i}'] for i, name in enumerate(names)} for item in items]


CSV_NAMES = ['comma_in_quotes', 'empty', 'empty_crlf', 'escaped_quotes', 'json', 'location_coordinates',
             'newlines', 'newlines_crlf', 'quotes_and_newlines', 'simple', 'simple_crlf', 'utf8']


def test_no_file_of_csv_spectrum_is_left_out():
    must_be_there(SPECTRUM)
    assert sorted(os.listdir(os.path.join(SPECTRUM, 'csvs'))) == [f'{name}.csv' for name in CSV_NAMES]


@pytest.mark.parametrize('name', CSV_NAMES)
def test_csv_spectrum_is_read_as_it_expects(box, name):
    data = spectrum('csv', name)
    columns = next(csv.reader(io.StringIO(data.decode())))
    said, items = work(box, data, [(column, 'text?') for column in columns])
    if name in REJECTED:
        assert said.code == 3 and not items, said
        assert REJECTED[name] in box.run('rejects', 'take').out
        return
    assert said.code == 0, said
    assert [{k: v or '' for k, v in item.items()} for item in items] == json.loads(spectrum('json', name))


def json_cases():
    path = os.path.join(FOLDER, 'json-test-suite.json')
    must_be_there(path)
    with open(path, encoding='utf-8') as f:
        suite = json.load(f)
    cases = {case['name']: case['input'] for case in suite['parsing']}
    more = {'y_' + case['name']: case['input'] for case in suite['transform']}
    return cases, more


def test_json_is_taken_and_refused_as_json_test_suite_expects(box):
    cases, more = json_cases()
    assert len(cases) == 318 and len(more) == 22
    both = {**cases, **more}
    text = io.StringIO()
    rows = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator='\n')
    rows.writerows([('name', 'text'), *both.items()])
    said, items = work(box, text.getvalue().encode('utf-8', 'surrogatepass'),
                       [('name', 'text'), ('text', 'json')])
    assert said.code in (0, 3), said
    taken = {item['name']: item['text'] for item in items}
    wrong = [name for name in both if name.startswith('n_') and name in taken]
    assert not wrong
    missing = [name for name in both if name.startswith('y_') and name not in taken]
    assert sorted(missing) == REFUSED
    for name, value in taken.items():
        if name.startswith('y_'):
            assert value == json.loads(both[name]), name
