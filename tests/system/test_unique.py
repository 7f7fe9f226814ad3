# SPDX-License-Identifier: Apache-2.0
"""`unique`: keys that a job has done are held back, also where the key is not a field."""
import json

import pytest

JOB = '''version: 1
job: once
source:
  files: {{path: "in/*.txt"}}
  unique: {unique}
{key}work:
  exec: {{shell: 'echo "$STINT_KEY $STINT_IDEMPOTENCY_KEY" >>effects', input: none}}
'''


@pytest.mark.both
@pytest.mark.parametrize('unique', ['job', '{within: 400d}'])
@pytest.mark.parametrize('key', ['', '  key: name\n'])
def test_a_file_is_done_once_for_all_days(box, unique, key):
    box.file('once.yaml', JOB.format(unique=unique, key=key))
    for name in ('a', 'b'):
        box.file(f'in/{name}.txt', name)
    assert box.run('run', 'once.yaml', '--no-progress', '--date', '2026-11-28').code == 0
    box.file('in/c.txt', 'c')
    said = box.run('run', 'once.yaml', '--no-progress', '--date', '2026-11-29', '--json')
    assert said.code == 0, said
    [run] = json.loads(said.out)['runs']
    assert (run['counts']['loaded'], run['counts']['held_back']) == (1, 2), run
    done = [line.split() for line in box.lines('effects')]
    prefix = '' if key else 'in/'
    assert sorted(name for name, _ in done) == [f'{prefix}{name}.txt' for name in 'abc']
    assert len({sent for _, sent in done}) == 3
    box.verify()
