# SPDX-License-Identifier: Apache-2.0
"""Job files as they should not be: exit 78, the place, what was expected; and nothing starts."""
import os
import re

import pytest
from lib.box import Box

GOOD = '''version: 1
job: good
source:
  csv: {path: items.csv}
  key: id
  fields: {id: integer}
work:
  exec: {shell: 'echo "$STINT_KEY" >>effects', input: none}
  effect: idempotent
'''


@pytest.fixture(name='box')
def make_box(tmp_path):
    box = Box(tmp_path)
    box.file('items.csv', 'id\n1\n')
    yield box
    box.close()


def refused(box, text, place, *words):
    """`check` and `run` both refuse the file, at LINE:COLUMN (None: anywhere), with these words."""
    box.file('job.yaml', text)
    for verb in ('check', 'run'):
        said = box.run(verb, 'job.yaml')
        assert said.code == 78, said
        where = re.escape(f'job.yaml:{place}') if place else r'job\.yaml'
        assert re.search(where, said.err), said
        for word in words:
            assert word in said.err, said
    assert not box.lines('effects')
    assert not os.path.exists(box.ledger)


def accepted(box, text):
    box.file('job.yaml', text)
    said = box.run('check', 'job.yaml')
    assert said.code == 0, said


def changed(old, new):
    assert old in GOOD
    return GOOD.replace(old, new)


def test_the_good_one_is_good(box):
    accepted(box, GOOD)
    said = box.run('run', 'job.yaml')
    assert said.code == 0, said
    assert box.lines('effects') == ['1']


def test_not_there(box):
    for verb in ('check', 'run'):
        said = box.run(verb, 'nowhere.yaml')
        assert said.code == 66, said
        assert 'nowhere.yaml' in said.err


def test_empty(box):
    refused(box, '', None, 'empty')


def test_comments_alone(box):
    refused(box, '# nothing yet\n', None, 'empty')


def test_binary(box):
    with open('/bin/true', 'rb') as f:
        refused(box, f.read(4096), None)


def test_no_mapping(box):
    refused(box, '- a\n- b\n', '1:1')


def test_two_documents(box):
    refused(box, GOOD + '---\n' + GOOD, '10:')


def test_tabs(box):
    refused(box, changed('  key: id', '\tkey: id'), '5:', 'tab')


def test_a_key_twice(box):
    refused(box, GOOD + 'job: other\n', '10:1', 'job', 'twice')


def test_anchors_are_welcome(box):
    accepted(box, GOOD + 'x-r: &r {attempts: 3}\nretry: *r\n')


def test_aliases_expand_to_a_limit(box):
    bomb = 'x-a: &a [1, 2, 3, 4, 5, 6, 7, 8, 9]\n'
    for before, after in zip('abcdefgh', 'bcdefghi'):
        bomb += f'x-{after}: &{after} [' + ', '.join([f'*{before}'] * 9) + ']\n'
    refused(box, GOOD + bomb, None, 'alias')


def test_ten_thousand_levels(box):
    refused(box, GOOD + 'x-deep: ' + '[' * 10000 + ']' * 10000 + '\n', '10:', 'deep')


def test_an_unknown_key_and_the_nearest(box):
    refused(box, changed('effect: idempotent', 'efect: idempotent'), '9:3', 'efect', 'effect')


def test_a_key_of_a_later_version(box):
    refused(box, GOOD + 'schedule: {every: 15m}\n', '10:', 'schedule')


def test_keys_of_the_user_are_welcome(box):
    accepted(box, GOOD + 'x-team: {name: billing, on_call: true}\n')


@pytest.mark.parametrize('number', ['010', '0x10', '1e3', '1_000', '١', '-1', '99999999999999999999', '1.5'])
def test_numbers_that_are_no_count(box, number):
    refused(box, GOOD + f'chunk: {{items: {number}}}\n', '10:16', number)


@pytest.mark.parametrize('word', ['yes', 'on', 'True', '1', '"true"'])
def test_truth_is_true_or_false(box, word):
    refused(box, changed('{path: items.csv}', f'{{path: items.csv, header: {word}}}'), '4:')


def test_yes_as_a_text_stays_a_text(box):
    accepted(box, changed('job: good', 'job: yes'))


@pytest.mark.parametrize('nothing', ['', '~', 'null'])
def test_nulls(box, nothing):
    refused(box, changed('  key: id', f'  key: {nothing}'), '5:', 'key')


def test_an_empty_section(box):
    refused(box, GOOD + 'retry:\n', '10:', 'retry')


@pytest.mark.parametrize('time', ['07:00', '"07:00"'])
def test_a_clock_time_needs_no_quotes(box, time):
    accepted(box, GOOD + f'window: {{stop_by: {time}}}\n')


@pytest.mark.parametrize('time', ['7:00', '24:00', '07:60', '0700', '7'])
def test_clock_times_that_are_none(box, time):
    refused(box, GOOD + f'window: {{stop_by: {time}}}\n', '10:19')


def test_a_placeholder_without_quotes_in_brackets(box):
    refused(box, changed("{shell: 'echo \"$STINT_KEY\" >>effects', input: none}",
                         '{command: [/bin/echo, ${id}]}'), '8:', 'quote', '${')


@pytest.mark.parametrize('wrong', ['5', '5 minutes', '-5s', '1h30', '5M', 's'])
def test_durations_that_are_none(box, wrong):
    refused(box, GOOD + f'window: {{grace: {wrong}}}\n', '10:17', wrong)


def test_an_unknown_placeholder(box):
    refused(box, changed("{shell: 'echo \"$STINT_KEY\" >>effects', input: none}",
                         '{command: [/bin/echo, "${idd}"]}'), '8:', 'idd', 'id')


def test_a_key_that_is_no_field(box):
    refused(box, changed('key: id', 'key: number'), '5:8', 'number')


def test_a_type_that_is_none(box):
    refused(box, changed('{id: integer}', '{id: int}'), '6:', 'int')


def test_all_faults_at_once(box):
    text = changed('effect: idempotent', 'efect: idempotent').replace('{id: integer}', '{id: int}')
    box.file('job.yaml', text)
    said = box.run('check', 'job.yaml')
    assert said.code == 78, said
    assert 'job.yaml:6:' in said.err and 'job.yaml:9:' in said.err


def test_a_directory_instead_of_a_file(box):
    os.mkdir(os.path.join(box.path, 'job.yaml'))
    said = box.run('run', 'job.yaml')
    assert said.code in (66, 78), said
    assert 'job.yaml' in said.err and 'directory' in said.err


def test_an_undeclared_parameter(box):
    box.file('job.yaml', GOOD)
    said = box.run('run', 'job.yaml', '--param', 'region=eu')
    assert said.code == 64, said
    assert 'region' in said.err
