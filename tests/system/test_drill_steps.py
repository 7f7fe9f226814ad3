# SPDX-License-Identifier: Apache-2.0
"""`stint drill` of a job with steps: a user sees what each deed means for the items of each step."""
import json
import os

SCENES = ['calm', 'kill-at-start', 'kill-before-effect', 'kill-after-effect', 'kill-engine', 'kill-lane',
          'stop', 'pause', 'full-disk', 'lost-answer', 'refused', 'slow']


def drilled(box, text, *more):
    """The drill's document, with the steps of each scene by name."""
    box.file('items.csv', 'id,total\n' + ''.join(f'{i},{i}.50\n' for i in range(1, 31)))
    effect = f'{{exec: {{shell: "echo $STINT_KEY >> {box.path}/effects"}}'
    box.file('job.yaml', text.replace('EFFECT', effect))
    before = sorted(os.listdir(box.path))
    said = box.run('drill', 'job.yaml', '--json', *more, timeout=600)
    assert said.code == 0, said
    assert sorted(os.listdir(box.path)) == before, 'something was done, deleted or left behind'
    doc = json.loads(said.out)
    assert doc['broken'] == 0 and doc['directory'] is None
    assert [scene['scene'] for scene in doc['scenes']] == SCENES
    for scene in doc['scenes']:
        assert scene['broken'] is None and scene['open'] == 0, scene
        for name in ('items', 'done', 'in_doubt', 'dead', 'effects', 'took_effect', 'took_effect_again'):
            assert scene[name] == sum(step[name] for step in scene['steps']), (scene, name)
    return doc, {scene['scene']: (scene, {step['name']: step for step in scene['steps']})
                 for scene in doc['scenes']}


def test_the_deed_falls_on_the_step_that_must_not_be_repeated(box):
    doc, scenes = drilled(box, '''
job: pay
steps:
  - name: fetch
    source: {csv: {path: items.csv, then: "move:done"}, key: id, fields: {id: integer, total: decimal}}
    work: EFFECT, effect: idempotent}
  - name: send
    source: {csv: {path: items.csv}, key: id, fields: {id: integer, total: decimal}}
    filter: id ~= 3
    work: EFFECT, effect: once}
  - name: sign-off
    work: EFFECT, effect: idempotent}
''')
    assert [(step['name'], step['effect'], step['own_items']) for step in doc['steps']] == \
        [('fetch', 'idempotent', False), ('send', 'once', False), ('sign-off', 'idempotent', False)]
    for name, (scene, steps) in scenes.items():
        assert scene['step'] == (None if name in ('calm', 'kill-at-start') else 'send'), scene
        assert steps['fetch']['done'] == steps['fetch']['took_effect'] == 12, scene
        assert steps['send']['items'] == 12 and steps['send']['took_effect_again'] == 0, scene
        # a step begins when nothing is left of the one before it, and not before
        is_clean = steps['send']['done'] == 12
        assert steps['sign-off']['begun'] == is_clean, scene
        assert steps['sign-off']['items'] == (1 if is_clean else 0), scene
        assert scene['exit_status'] == (0 if is_clean else 3), scene
    assert scenes['calm'][0]['starts'] == 1 and scenes['calm'][1]['send']['done'] == 12
    assert scenes['kill-after-effect'][0]['starts'] > 1
    scene, steps = scenes['lost-answer']
    assert (steps['send']['done'], steps['send']['in_doubt'], steps['send']['effects']) == (11, 1, 12), scene
    assert scenes['refused'][1]['sign-off']['done'] == 1


def test_what_an_earlier_step_kept_is_made_up(box):
    """Key, filter, transform and templates of later steps work with it."""
    doc, scenes = drilled(box, '''
job: pay
secrets: {api: env:NOT_THERE}
steps:
  - name: fetch
    source: {csv: {path: items.csv}, key: id, fields: {id: integer, total: decimal}}
    work:
      http:
        url: "http://127.0.0.1:9/${id}"
        auth: {bearer: "${secret.api}"}
        keep: {fee: /fee, token: /token}
      effect: once
  - name: send
    source: {step: fetch, key: "paid-${step.fetch.token}"}
    filter: fee > 0
    transform: |
      all_in_all = total + fee
    work: {exec: {command: [./worker], mode: stream}, effect: once}
    go_on_when: done_with_failures
  - name: tell
    source: {step: send}
    work:
      exec: {command: [./tell, "${id}", "${step.fetch.token}", "${step.send.receipt}"]}
      effect: idempotent
    go_on_when: done_with_failures
''')
    assert scenes['calm'][0]['items'] == scenes['calm'][0]['done'] == 36
    for name, (scene, steps) in scenes.items():
        assert steps['fetch']['done'] == 12, scene
        assert steps['send']['items'] == 12 and steps['send']['took_effect_again'] == 0, scene
        assert steps['tell']['items'] == steps['tell']['done'] == steps['send']['done'], scene
    scene, steps = scenes['lost-answer']
    assert (steps['send']['in_doubt'], steps['tell']['items'], scene['exit_status']) == (1, 11, 3), scene


TWO = '''
job: pay
steps:
  - name: fetch
    source: {csv: {path: items.csv}, key: id, fields: {id: integer}}
    work: EFFECT, effect: once}
  - name: send
    source: {step: fetch}
    work: EFFECT, effect: once}
  - name: rest
    source: {step: fetch, state: dead}
    work: EFFECT, effect: once}
    go_on_when: done_with_failures
'''


def test_another_step_is_hit_on_request(box):
    doc, scenes = drilled(box, TWO.replace('send\n', 'send\n    go_on_when: done_with_failures\n'),
                          '--step', 'fetch')
    for name, (scene, steps) in scenes.items():
        assert scene['step'] == (None if name in ('calm', 'kill-at-start') else 'fetch'), scene
        assert steps['send']['items'] == steps['send']['done'] == steps['fetch']['done'], scene
        assert steps['rest']['begun'] and steps['rest']['items'] == 0, scene
    assert scenes['lost-answer'][1]['fetch']['in_doubt'] == 1
    assert scenes['lost-answer'][1]['send']['done'] == 11


def test_a_step_that_cannot_be_hit_is_refused(box):
    box.file('items.csv', 'id\n1\n')
    box.file('job.yaml', TWO.replace('EFFECT', '{exec: {command: [/bin/false]}')
             .replace('send\n', 'send\n    go_on_when: done_with_failures\n'))
    said = box.run('drill', 'job.yaml', '--step', 'fitch')
    assert said.code == 64 and "there is no step 'fitch'; did you mean 'fetch'?" in said.err, said
    said = box.run('drill', 'job.yaml', '--step', 'rest', timeout=600)
    assert said.code == 64 and 'nothing can go wrong in step rest: it has no items' in said.err, said
    box.file('one.yaml', 'job: one\nwork: {noop: {}}\n')
    said = box.run('drill', 'one.yaml', '--step', 'fetch')
    assert said.code == 64 and 'the job has no steps' in said.err, said


def test_texts_are_made_up_where_numbers_do_not_do(box):
    doc, scenes = drilled(box, '''
job: pay
steps:
  - name: fetch
    source: {csv: {path: items.csv}, key: id, fields: {id: integer}}
    work: {http: {url: "http://127.0.0.1:9/${id}", keep: {token: /token}}, effect: idempotent}
  - name: send
    source: {step: fetch}
    transform: |
      short = upper(token)
    work: EFFECT, effect: once}
''')
    assert scenes['calm'][1]['send']['done'] == 12
    assert scenes['lost-answer'][1]['send']['in_doubt'] == 1


def test_targets_and_sources_that_are_not_read_are_stood_in_for(box):
    doc, scenes = drilled(box, '''
job: pay
steps:
  - name: load
    source: {csv: {path: items.csv}, fields: {id: integer, total: decimal}}
    transform: |
      double = total * 2
    work: {table: {postgres: env:NOT_THERE, table: t}}
  - name: export
    source:
      postgres:
        url: env:NOT_THERE
        query: "select id from t where id > ${cursor} order by id limit ${page_size}"
        cursor: id
      fields: {id: integer}
    filter: id > 0
    work: {file: {path: out.xml, format: xml, root: a, element: b}}
  - name: again
    source: {xml: {path: out.xml, element: b}, fields: {id: integer}}
    work: {sql: {sqlite: t.db, statement: "insert into t values (${id})"}, effect: transactional}
  - name: rest
    source: {step: again}
    filter: id > 0
    work: {noop: {}}
''')
    assert [step['own_items'] for step in doc['steps']] == [False, True, True, False]
    why = f'{box.path}/out.xml is not there'
    assert [step['why'] for step in doc['steps']] == [None, None, why, None] and doc['why'] == why
    for scene, steps in scenes.values():
        assert scene['step'] in (None, 'rest')
        for name in ('load', 'export', 'again', 'rest'):
            assert steps[name]['done'] == steps[name]['took_effect'] == 12, scene
        assert steps['again']['took_effect_again'] == 0, scene


def test_people_are_told_step_by_step(box):
    box.file('items.csv', 'id\n' + ''.join(f'{i}\n' for i in range(1, 31)))
    box.file('job.yaml', '''
job: pay
steps:
  - name: load
    source: {inbox: {}, fields: {id: integer}}
    work: {table: {postgres: env:NOT_THERE, table: t, before: delete from t, commit: run}}
  - name: send
    source: {csv: {path: items.csv}, key: id, fields: {id: integer}}
    work: {exec: {command: [/bin/false]}, effect: once}
  - name: sign-off
    work: {exec: {command: [/bin/false]}, effect: idempotent}
on_finish:
  - {postgres: env:NOT_THERE, sql: "insert into log values (${run.id})"}
''')
    said = box.run('drill', 'job.yaml', timeout=600)
    assert said.code == 0, said
    assert 'pay, on a copy: what its steps do is replaced by stand-ins that do nothing ' \
           '(effect: load transactional, send once, sign-off idempotent).\n' in said.out
    assert '''
nothing goes wrong
    load: 12 done; each took effect exactly once
    send: 12 done; each took effect exactly once
    sign-off: 1 done; each took effect exactly once
    exit status 0
''' in said.out
    doubt = 'whether it took effect, so it is not repeated; a person decides (stint resolve)'
    assert '''
in step send: an effect takes place, and its answer is lost
    load: 12 done; each took effect exactly once
    send: 11 done, 1 in doubt; each took effect exactly once
        in doubt: nobody can know DOUBT
    sign-off: has not begun: not all of send is done (go_on_when: done)
    exit status 3
'''.replace('DOUBT', doubt) in said.out
    assert 'The items of step load are 12 of our own' in said.out
    assert 'The marks by which each item of step load takes effect once were kept by' in said.out
    assert 'A drill does not play: load: before, commit: run; on_finish.\n' in said.out
    assert said.out.endswith('\nEvery promise was kept.\n')


def test_a_target_repeats_nothing(box):
    """One step, `effect: transactional`: what has its mark is not done again."""
    box.file('in.xml', '<r>' + ''.join(f'<i><id>{i}</id></i>' for i in range(1, 31)) + '</r>')
    box.file('job.yaml', '''
job: pay
source: {xml: {path: in.xml, element: i}, key: id, fields: {id: integer}}
work: {sql: {postgres: env:NOT_THERE, statement: "insert into t values (${id})"}, effect: transactional}
''')
    said = box.run('drill', 'job.yaml', '--json', timeout=600)
    assert said.code == 0, said
    doc = json.loads(said.out)
    assert doc['steps'] == [] and doc['own_items'] is False and doc['why'] is None
    for scene in doc['scenes']:
        assert scene['steps'] == [] and scene['step'] is None
        assert scene['done'] == scene['effects'] == 12 and scene['took_effect_again'] == 0, scene


def test_what_is_wrong_without_any_deed_is_said(box):
    """A record that is rejected, an item that its transform makes dead: the calm night says so."""
    box.file('items.csv', 'id,rate\n1,2\n2,x\n3,0\n')
    box.file('job.yaml', '''
job: pay
source: {csv: {path: items.csv}, key: id, fields: {id: integer, rate: integer}}
transform: |
  share = 100 / rate
work: {exec: {command: [/bin/false]}, effect: once}
''')
    said = box.run('drill', 'job.yaml', timeout=600)
    assert said.code == 0, said
    assert '\nnothing goes wrong\n    1 done, 1 dead, 1 rejected; exit status 3\n    dead: transform:1:' \
        in said.out, said
