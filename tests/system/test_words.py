# SPDX-License-Identifier: Apache-2.0
"""What somebody reads at three in the morning: the cause is named, and what is said to be done is right."""
import json
import os

import pytest

from lib.box import cast, kill, wait_until

pytestmark = pytest.mark.both

JOB = '''version: 1
job: night
source:
  csv: {path: in.csv}
  key: id
  fields: {id: text, n: integer}
work:
  exec: {command: [./p, "${id}"], input: none}
  %s
retry: {attempts: 1}
'''


def write(box, records, program='echo $1 >>done', more='effect: idempotent'):
    box.file('in.csv', 'id,n\n' + ''.join(f'{r}\n' for r in records))
    box.file('p', f'#!/bin/sh\n{program}\n', 0o755)
    box.file('job.yaml', JOB % more)


def test_rejects_of_a_load_that_failed_are_mended_where_they_are(box):
    """Fed back by --again beside a load that is made again, they would be done twice."""
    good = [f'a{i},{i}' for i in range(20)]
    write(box, good + [f'b{i},x' for i in range(30)])
    said = box.run('run', 'job.yaml', '--no-progress')
    assert said.code == 1 and 'mend them in the source itself' in said.said, said
    assert '--again' not in said.said
    assert '--again' not in box.run('why', 'night').out + box.run('report', 'night').out
    write(box, good + [f'b{i},1' for i in range(30)])
    assert box.run('run', 'job.yaml', '--no-progress').code == 0
    lines = box.read('done').split()
    assert len(lines) == len(set(lines)) == 50
    # … and those of a run that did load go in again as ever
    write(box, good + ['c1,x'])
    said = box.run('run', 'job.yaml', '--again', '--no-progress')
    assert said.code == 3 and '--again --source mended.csv' in said.said, said


def test_what_an_instance_left_in_doubt_is_named_with_its_items(box):
    once = 'effect: once\n  concurrency: 1'
    write(box, ['a1,1', 'a2,2'], program='touch begun; exec sleep 1000', more=once)
    process = box.start('run', 'job.yaml', '--no-progress')
    wait_until(lambda: os.path.exists(os.path.join(box.path, 'begun')))
    pids = cast(process.pid)
    for pid in pids['keeper'] + pids['engine'] + pids['lane'] + pids['child']:
        kill(pid)
    process.wait(timeout=180)
    box.file('p', '#!/bin/sh\n', 0o755)
    said = box.run('run', 'job.yaml', '--no-progress')
    assert said.code == 3, said
    [group] = json.loads(box.run('report', 'night', '--json').out)['errors']
    assert group['error_class'] == 'owner-lost' and group['items'] == 1
    assert [x['key'] for x in group['examples']] == ['a1']
    said = box.run('report', 'night').out
    assert 'night/a1\n' in said and '[]' not in said + box.run('why', 'night').out, said


def test_items_that_were_only_given_back_are_no_failures(box):
    limited = 'effect: once\n  max_dead: 1'
    write(box, [f'a{i},{i}' for i in range(60)], program='echo gone >&2; exit 65', more=limited)
    said = box.run('run', 'job.yaml', '--no-progress')
    assert said.code == 1, said
    [group] = json.loads(box.run('report', 'night', '--json').out)['errors']
    assert group['error_class'] == 'exit-65' and group['error'] == 'gone'


def test_a_run_that_failed_is_not_nothing_for_a_person(box):
    write(box, [])
    box.file('in.csv', 'id,number\n')
    assert box.run('run', 'job.yaml', '--no-progress').code == 1
    said = box.run('status')
    assert 'nothing but the cause of what failed, above' in said.out, said
    write(box, ['a1,1'])
    assert box.run('run', 'job.yaml', '--no-progress').code == 0
    assert 'Needs a person\n  nothing\n' in box.run('status').out


@pytest.mark.parametrize('line,words', [
    ('#!/no/such/python', "its interpreter '/no/such/python' (first line, #!) does not exist"),
    ('#!/bin/sh\r', 'CR LF'),
])
def test_a_script_that_cannot_be_started_is_said_before_the_first_item(box, line, words):
    write(box, ['a1,1'])
    box.file('p', f'{line}\n', 0o755)
    for verb in ('check', 'run'):
        said = box.run(verb, 'job.yaml')
        assert said.code == 78 and 'job.yaml: work: program' in said.said and words in said.said, said


def test_a_secret_that_the_environment_lacks_is_said_before_the_first_item(box):
    write(box, ['a1,1'])
    box.file('job.yaml', box.read('job.yaml') + 'secrets: {token: env:NOT_THERE}\n')
    assert box.run('check', 'job.yaml').code == 0  # not said of the machine where it is written
    said = box.run('run', 'job.yaml')
    assert said.code == 78 and 'secret token: the environment variable NOT_THERE is not' in said.err, said
    box.env['NOT_THERE'] = 'x'
    assert box.run('run', 'job.yaml').code == 0
