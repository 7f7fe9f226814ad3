# SPDX-License-Identifier: Apache-2.0
"""filter: which records become items, and what becomes of a script that fails."""
import json

import pytest

JOB = '''job: filtered
source:
  csv: {path: in.csv}
  key: id
  unique: run
  max_rejects: 100
  fields: {id: integer, total: decimal, currency: text}
filter: %s
work:
  exec:
    command: [/bin/sh, -c, 'echo "$0" >>out', "${id} ${total}"]
    input: none
  effect: idempotent
  concurrency: 1
'''

RECORDS = 'id,total,currency\n1,0.10,EUR\n2,0.20,XXX\n3,0.30,EUR\n4,-5.00,USD\n5,0.00,EUR\n'


@pytest.fixture(name='run')
def run_fixture(box):
    def run(script, records=RECORDS):
        box.file('in.csv', records)
        box.file('job.yaml', JOB % script)
        return box.run('run', 'job.yaml')

    return run


def counts(box):
    said = box.run('report', 'filtered', '--json')
    return json.loads(said.out)['counts']


def test_what_is_left_out_is_counted_and_not_worked(box, run):
    said = run("'currency ~= \"XXX\" and total > 0'")
    assert said.code == 0, said
    assert sorted(box.lines('out')) == ['1 0.10', '3 0.30']
    found = counts(box)
    assert (found['read'], found['loaded'], found['filtered'], found['rejected']) == (5, 2, 3, 0)
    box.verify()


def test_all_left_out_is_an_empty_run(box, run):
    said = run('"false"', 'id,total,currency\n' + ''.join(f'{i},1,EUR\n' for i in range(70000)))
    assert said.code == 0, said
    found = counts(box)
    assert (found['read'], found['loaded'], found['filtered']) == (70000, 0, 70000)
    box.verify()


def test_a_key_that_was_left_out_may_come_again(box, run):
    said = run("'total > 0'", 'id,total,currency\n1,0,EUR\n1,2,EUR\n')
    assert said.code == 0, said
    assert box.lines('out') == ['1 2']


def test_many_are_left_out_of_many(box, run):
    said = run("'equal(total * 2, 14)'",
               'id,total,currency\n' + ''.join(f'{i},{i % 100}.00,EUR\n' for i in range(3000)))
    assert said.code == 0, said
    assert sorted(box.lines('out')) == sorted(f'{i} 7.00' for i in range(7, 3000, 100))
    assert counts(box)['filtered'] == 2970
    box.verify()


def test_a_record_on_which_it_fails_is_a_reject_with_the_line(box, run):
    run('|\n  if total < 0 then\n    return total * nil > 0\n  end\n  return true')
    rejects = json.loads(box.run('rejects', 'filtered', '--json').out)['rejects']
    assert [(r['line'], r['reason']) for r in rejects] == [
        (5, 'filter:2: cannot multiply a decimal and nil')]
    assert len(box.lines('out')) == 4
    box.verify()


@pytest.mark.parametrize('script', ['while true do end', 'local s = "x" while true do s = s .. s end'])
def test_a_script_without_end_is_ended(box, run, script):
    run(f"'if total < 0 then {script} end return true'")
    [reject] = json.loads(box.run('rejects', 'filtered', '--json').out)['rejects']
    assert reject['line'] == 5 and 'stopped: ' in reject['reason']
    assert len(box.lines('out')) == 4


@pytest.mark.parametrize('script, place, text', [
    ('"currency and"', '8:22', 'filter: expected a value, and the script ends'),
    ("|\n  local a = 1\n  return totl == 0", '10:10', "'totl' is no field, no constant and no "
     "function here; did you mean 'total'?"),
    ("|\n  local a = 1\n  return )", '10:10', "filter: expected a value, found ')'"),
    ("|\n  local a <const> = 1\n  a = 2\n  return true", '10:3',
     "filter:2: attempt to assign to const variable 'a'"),
])
def test_check_and_run_name_the_place(box, run, script, place, text):
    said = run(script)
    assert said.code == 78 and f'job.yaml:{place}: ' in said.err and text in said.err, said
    said = box.run('check', 'job.yaml')
    assert said.code == 78 and f'job.yaml:{place}: ' in said.err and text in said.err, said


def test_a_filter_needs_records(box):
    box.file('job.yaml', "job: j\nfilter: 'true'\nwork: {noop: {}}\n")
    said = box.run('check', 'job.yaml')
    assert said.code == 78 and 'without a source' in said.err, said


def test_explain_shows_it(box, run):
    said = run('"true"')
    assert said.code == 0, said
    assert 'filter: "true"' in box.run('explain', 'job.yaml').out
