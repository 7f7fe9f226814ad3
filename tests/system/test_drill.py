# SPDX-License-Identifier: Apache-2.0
"""`stint drill`: a user sees what a kill, a lost answer, a full disk would do to his own job."""
import contextlib
import glob
import json
import os
import signal

import pytest
from lib.box import wait_until

SCENES = ['calm', 'kill-at-start', 'kill-before-effect', 'kill-after-effect', 'kill-engine', 'kill-lane',
          'stop', 'pause', 'full-disk', 'lost-answer', 'refused', 'slow']


def write_job(box, effect, more=''):
    """A job that would leave a trace of each effect, and of what it does to its source."""
    box.file('items.csv', 'id,total\n' + ''.join(f'{i},{i}.50\n' for i in range(1, 31)))
    box.file('job.yaml', f'''
job: pay
source: {{csv: {{path: items.csv, then: delete}}, key: id, fields: {{id: integer, total: decimal}}}}
work: {{exec: {{shell: "echo $STINT_KEY >> {box.path}/effects"}}, effect: {effect}{more}}}
''')


def scenes_of(said):
    doc = json.loads(said.out)
    assert doc['schema'] == 'stint.drill.1' and doc['job'] == 'pay'
    return doc, {scene['scene']: scene for scene in doc['scenes']}


@pytest.mark.parametrize('effect', ['once', 'idempotent'])
def test_the_promises_are_kept(box, effect):
    write_job(box, effect)
    said = box.run('drill', 'job.yaml', '--json', timeout=600)
    assert said.code == 0, said
    doc, scenes = scenes_of(said)
    assert list(scenes) == SCENES and doc['broken'] == 0 and doc['directory'] is None
    for scene in scenes.values():
        assert scene['items'] == 12 and scene['broken'] is None and scene['open'] == 0, scene
        if effect == 'once':
            assert scene['took_effect_again'] == 0, scene
        else:
            assert scene['done'] == 12 and scene['took_effect'] == 12, scene
    assert scenes['calm']['done'] == 12 and scenes['calm']['starts'] == 1
    assert scenes['kill-after-effect']['starts'] > 1
    lost = scenes['lost-answer']
    if effect == 'once':
        assert (lost['done'], lost['in_doubt'], lost['exit_status']) == (11, 1, 3)
        assert lost['effects'] == 12
    else:
        assert lost['effects'] == 13 and lost['took_effect_again'] == 1
    assert scenes['refused']['effects'] == 12 and scenes['refused']['done'] == 12


def test_what_can_be_verified_needs_no_person(box):
    write_job(box, 'once', ', verify: {command: [/bin/false]}')
    said = box.run('drill', 'job.yaml', '--json', timeout=600)
    assert said.code == 0, said
    for scene in scenes_of(said)[1].values():
        assert scene['done'] == scene['effects'] == 12 and scene['exit_status'] == 0, scene


def test_a_web_service_is_not_called(box):
    box.file('items.csv', 'id,total\n' + ''.join(f'{i},{i}.50\n' for i in range(1, 31)))
    box.file('job.yaml', '''
job: pay
secrets: {api: env:NOT_THERE}
source: {csv: {path: items.csv}, key: id, fields: {id: integer, total: decimal}}
transform: |
  double = total * 2
work:
  http: {url: "http://127.0.0.1:9/${id}", json: {total: "${double}"}, auth: {bearer: "${secret.api}"}}
  effect: idempotent
  concurrency: {start: 2, max: 8}
  rate: 1/m
''')
    said = box.run('drill', 'job.yaml', '--json', timeout=600)
    assert said.code == 0, said
    for scene in scenes_of(said)[1].values():
        assert scene['done'] == scene['took_effect'] == 12, scene


def test_nothing_is_touched(box):
    write_job(box, 'once')
    before = sorted(os.listdir(box.path))
    box.env['TMPDIR'] = box.path
    said = box.run('drill', 'job.yaml', timeout=600)
    assert said.code == 0, said
    assert 'Every promise was kept.' in said.out
    assert 'in doubt: nobody can know' in said.out and 'stint resolve' in said.out
    assert sorted(os.listdir(box.path)) == before, 'something was done, deleted or left behind'
    assert len(box.lines('items.csv')) == 31


def test_a_source_that_is_not_there_is_replaced(box):
    write_job(box, 'idempotent')
    os.remove(os.path.join(box.path, 'items.csv'))
    said = box.run('drill', 'job.yaml', timeout=600)
    assert said.code == 0, said
    assert 'of our own: those of the job\'s source could not be read' in said.out
    assert f'\n    {box.path}/items.csv is not there\n' in said.out


def test_what_cannot_be_played_says_why(box):
    box.file('bad.yaml', 'job: bad\nwork: {nothing: {}}\n')
    assert box.run('drill', 'bad.yaml').code == 78
    assert box.run('drill', 'nowhere.yaml').code == 66
    box.file('param.yaml', 'job: p\nparams: {region: {type: text}}\nwork: {noop: {}}\n')
    said = box.run('drill', 'param.yaml')
    assert said.code == 64 and 'region' in said.err, said


def processes_of(box):
    """Of all whose command line names the box: the process number."""
    found = []
    for path in glob.glob('/proc/[0-9]*/cmdline'):
        with contextlib.suppress(OSError), open(path, 'rb') as f:
            if f'{box.path}/stint-drill-'.encode() in f.read():
                found.append(path)
    return found


def test_whoever_is_interrupted_leaves_nothing(box):
    """Also while the engine is paused: it would wait for ever."""
    write_job(box, 'once')
    box.env['TMPDIR'] = box.path
    drill = box.start('drill', 'job.yaml')
    wait_until(lambda: glob.glob(f'{box.path}/stint-drill-*/pause/is-paused'), limit_s=600)
    drill.terminate()
    assert drill.wait(120) in (-signal.SIGTERM, 75)
    assert not glob.glob(f'{box.path}/stint-drill-*')
    wait_until(lambda: not processes_of(box))
