# SPDX-License-Identifier: Apache-2.0
"""A run keeps the file that it began with; `--with-new-file` shows the difference and goes on by today's."""
import pytest
from lib.box import wait_until

JOB = '''version: 1
job: file
source:
  csv: {{path: in.csv}}
  key: {key}
  fields: {{id: text}}
work:
  exec: {{shell: '{shell}', input: none}}
  effect: {effect}
retry: {{attempts: 1000, first: 200ms, factor: 1, jitter: none, within_run: 1ms}}
'''


def write(box, shell='exit 1', key='id', effect='idempotent'):
    box.file('job.yaml', JOB.format(shell=shell, key=key, effect=effect))


@pytest.fixture(name='begun')
def make_begun(box):
    """A run whose only item waits for another try."""
    box.file('in.csv', 'id\na\n')
    write(box)
    assert box.run('run', 'job.yaml', '--no-progress').code == 75
    return box


def test_a_run_goes_on_by_its_own_file_and_says_what_differs(begun):
    write(begun, shell='exit 0')
    said = begun.run('run', 'job.yaml', '--no-progress')
    assert said.code == 75 and 'goes on with the job file that it began with' in said.err, said
    # When it is due again.
    calls = []
    wait_until(lambda: calls.append(begun.run('run', 'job.yaml', '--no-progress', '--with-new-file'))
               or calls[-1].code != 75, every_s=0.1)
    assert calls[-1].code == 0, calls[-1]
    assert 'work.exec.shell: was "exit 1", is "exit 0"' in calls[-1].err, calls[-1]
    begun.verify()


@pytest.mark.parametrize('change', [{'key': '"k-${id}"'}, {'effect': 'once'}])
def test_another_key_or_effect_is_refused(begun, change):
    write(begun, **change)
    said = begun.run('run', 'job.yaml', '--no-progress', '--with-new-file')
    assert said.code == 78, said
    assert '--with-new-file: a run cannot go on with another source, key or effect: ' in said.err, said
    assert 'cannot be read' not in said.said, said
    # The file that it began with still works it.
    write(begun)
    assert begun.run('run', 'job.yaml', '--no-progress').code == 75
    begun.verify()
