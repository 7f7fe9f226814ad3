# SPDX-License-Identifier: Apache-2.0
"""The figures by which faults are judged see what they are there to see: damage done by hand."""

import os
import re

import pytest
from lib.box import TOP
from lib.figures import at_risk, figures, measure

JOB = '''
version: 1
job: figures
source:
  csv: {{path: items.csv}}
  key: id
  fields: {{id: text}}
work:
  exec:
    shell: 'case $STINT_KEY in dead*) exit 65;; esac; echo "$STINT_KEY" >>effects'
    input: none
  effect: {effect}
  concurrency: 2
'''
KEYS = [f'k{i}' for i in range(20)] + ['dead1', 'dead2']


@pytest.fixture(name='run', params=['once', 'idempotent'])
def make_run(request, box):
    """A run that is over: 20 done, 2 dead. All four figures hold."""
    box.file('items.csv', 'id\n' + ''.join(k + '\n' for k in KEYS))
    box.file('figures.yaml', JOB.format(effect=request.param))
    said = box.run('run', 'figures.yaml', '--no-progress')
    assert said.code == 3, said
    figures(box, KEYS, request.param)
    box.effect = request.param
    return box


def sql(box, *statements):
    for statement in statements:
        assert box.change(statement) > 0


def rewrite(box, change):
    box.file('effects', ''.join(line + '\n' for line in change(box.lines('effects'))))


def wrong(box, **more):
    return measure(box, KEYS, box.effect, **more).wrong()


def test_an_effect_that_is_missing(run):
    rewrite(run, lambda lines: [k for k in lines if k != 'k7'])
    assert wrong(run) == 'F'


def test_an_effect_that_happened_twice(run):
    rewrite(run, lambda lines: lines + ['k7'])
    assert wrong(run) == ('D' if run.effect == 'once' else 'DN')


def test_an_effect_of_nobody(run):
    rewrite(run, lambda lines: lines + ['k99'])
    assert 'D' in wrong(run)


def test_more_repeats_than_a_crash_may_cost(run):
    rewrite(run, lambda lines: lines + [f'k{i}' for i in range(at_risk(2) + 1)])
    assert wrong(run, crashes=1) == ('D' if run.effect == 'once' else 'N')


def test_a_dead_item_that_had_its_effect(run):
    rewrite(run, lambda lines: lines + ['dead1'])
    assert wrong(run) == 'F'


def test_a_dead_item_that_is_called_done(run):
    sql(run, "UPDATE loose SET state = 5 WHERE key = 'dead1'")
    assert wrong(run) == 'F'


def test_a_waiting_item_that_had_its_effect(run):
    if run.database:  # which counts for itself
        none = "placing B'00000000' from 1)"
        sql(run, f'UPDATE chunk SET state = 0, done = overlay(done {none}, started = overlay(started {none}')
    else:
        sql(run, "UPDATE chunk SET state = 0, n_done = n - 8, done = CAST(X'00' || substr(done, 2) AS BLOB)")
    found = measure(run, KEYS, run.effect)
    assert ('F' in found.wrong()) == (run.effect == 'once'), found


def test_an_item_that_is_nowhere(run):
    keys = [*KEYS, 'k20']
    assert measure(run, keys, run.effect).wrong() == 'L'


def test_an_item_that_nobody_loaded(run):
    assert measure(run, [k for k in KEYS if k != 'dead1'], run.effect).wrong() == 'L'


def test_a_count_that_is_wrong(run):
    sql(run, 'UPDATE run_ SET n_items = n_items + 1')
    assert 'L' in wrong(run)


def test_doubts_without_a_crash(run):
    sql(run, "UPDATE loose SET state = 3 WHERE key = 'dead1'")
    assert wrong(run) == ('N' if run.effect == 'once' else '')
    assert wrong(run, doubts=1) == ''


# ---- the list of faults names what is there ----------------------------------------------------------


def rows():
    """{number: line} of docs/faults.md."""
    with open(os.path.join(TOP, 'docs', 'faults.md'), encoding='utf-8') as f:
        return {int(m.group(1)): m.group(0) for m in re.finditer(r'^\| (\d+) \|.*$', f.read(), re.M)}


def read(*path):
    with open(os.path.join(TOP, *path), encoding='utf-8') as f:
        return f.read()


@pytest.mark.parametrize('row', [*range(1, 46), 55, *range(57, 62)])
def test_a_row_names_tests_that_are_there_and_what_happens_without(row):
    line = rows()[row]
    assert '*Without:*' in line
    bugs = re.findall(r'^[=~]{2} (\S+) \|', read('tests', 'sim', 'bugs', 'mutations.txt'), re.M)
    names = re.findall(r'`([^`]+)`', line)
    modules = [name.partition('::')[0] for name in names if name.endswith('.c') or '.py' in name]
    text = ''.join(read(m if '/' in m else f'tests/system/{m}') for m in modules)
    for name in names:
        parts = name.partition('::')[2].split('[')[0].split('…')
        if re.fullmatch(r'BUG_\d+|[a-z]+(-[a-z]+)+', name):
            assert name in bugs, name
        elif re.fullmatch(r'a_[a-z_]+', name):
            parts = [name]
        assert all(part in text for part in parts), name
