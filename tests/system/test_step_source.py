# SPDX-License-Identifier: Apache-2.0
"""`source: {step: NAME}`: a step takes the items of an earlier one, with what each kept of its answer; on
both kinds of ledger, and whatever is killed in between."""
import json

import pytest
from lib.box import Box
from lib.kills import call_and_kill

JOB = '''version: 1
job: night
steps:
  - name: fetch
    source: {csv: {path: in.csv}, key: id, fields: {id: integer, name: text}}
    work: {exec: {command: [/usr/bin/python3, -B, fetch.py], mode: stream, workers: 1},
           effect: idempotent}
  - name: send
    source: {step: fetch%s}
    work: {exec: {command: [./act, send, "${id}", "${name}", "${step.fetch.token}", "${step.fetch.n}",
                            "${step.fetch.more}", "${item.key}", "${source.path}:${source.line}"],
                  input: json}, effect: idempotent, concurrency: 2}
    go_on_when: done_with_failures
  - name: close
    source: {step: send}
    filter: id %% 2 == 0
    work: {exec: {command: [./act, close, "${id}", "${step.fetch.token}", "${step.send.name}"],
                  input: none}, effect: idempotent, concurrency: 2}
    go_on_when: done_with_failures
retry: {attempts: 3, first: 10ms, factor: 1, max: 10ms, jitter: none}
chunk: {items: 7}
'''

# Every fifth fails once before it is done, so that it leaves its chunk; what has a file bad-ID is dead.
FETCH = '''import json
import os
import sys
for line in sys.stdin:
    item = json.loads(line)
    id_ = item['fields']['id']
    done = 'retry' if item['attempt'] == 1 and id_ % 5 == 0 else 'done'
    keep = {'token': f'tok {id_} "quoted"', 'n': id_ + 0.50, 'more': {'a': [id_, None, True]},
            'attempt': item['attempt']}
    if os.path.exists(f'bad-{id_}'):
        done, keep = 'dead', {'token': 'none', 'n': 0, 'more': {}}
    print(json.dumps({'id': item['id'], 'outcome': done, 'keep': keep}), flush=True)
'''

ACT = '''#!/usr/bin/python3 -B
import json
import sys
fields = json.load(sys.stdin) if sys.argv[1] == 'send' else None
with open('log', 'a') as log:
    log.write(json.dumps([sys.argv[1:], fields]) + '\\n')
'''


@pytest.fixture(name='box', params=['sqlite', 'postgres'])
def make_box(tmp_path, request):
    box = Box(tmp_path)
    if request.param == 'postgres':
        box.env['STINT_LEDGER'] = request.getfixturevalue('postgres').uri
    yield box
    box.close()


def make(box, n, more=''):
    box.file('act', ACT, mode=0o755)
    box.file('fetch.py', FETCH)
    box.file('in.csv', 'id,name\n' + ''.join(f'{i},name {i}\n' for i in range(1, n + 1)))
    box.file('night.yaml', JOB % more)


def log(box, step):
    return [line for line in map(json.loads, box.lines('log')) if line[0][0] == step]


def sent(i):
    token = f'tok {i} "quoted"'
    return [['send', str(i), f'name {i}', token, f'{i}.5', f'{{"a":[{i},null,true]}}', str(i),
             f'in.csv:{i + 1}'],
            {'id': i, 'name': f'name {i}', 'token': token, 'n': i + 0.5, 'more': {'a': [i, None, True]}}]


def test_a_step_takes_what_is_done_with_what_it_kept(box):
    make(box, 40)
    said = box.run('run', 'night.yaml')
    assert said.code == 0, said
    assert sorted(log(box, 'send'), key=lambda line: int(line[0][1])) == [sent(i) for i in range(1, 41)]
    closed = sorted((line[0] for line in log(box, 'close')), key=lambda line: int(line[1]))
    assert closed == [['close', str(i), f'tok {i} "quoted"', f'name {i}'] for i in range(2, 41, 2)]
    box.verify()


def test_what_is_dead_is_left_out_or_taken(box):
    make(box, 20)
    for i in (3, 10):
        box.file(f'bad-{i}')
    said = box.run('run', 'night.yaml')
    assert said.code == 3, said
    assert {line[0][1] for line in log(box, 'send')} == {str(i) for i in range(1, 21)} - {'3', '10'}
    assert not {line[0][1] for line in log(box, 'close')} & {'3', '10'}
    box.file('log')
    box.file('night.yaml', JOB % ', state: dead')
    said = box.run('run', 'night.yaml', '--again')
    assert said.code == 3, said
    assert sorted(line[0][1:5] for line in log(box, 'send')) == [
        ['10', 'name 10', 'none', '0'], ['3', 'name 3', 'none', '0']]
    box.verify()


def test_what_a_person_left_out_is_taken_as_skipped(box):
    make(box, 10)
    box.file('bad-4')
    job = JOB % ', state: skipped'
    box.file('night.yaml', job.replace('go_on_when: done_with_failures', 'go_on_when: done', 1))
    said = box.run('run', 'night.yaml')
    assert said.code == 3, said
    assert not box.lines('log')
    assert box.run('skip', 'night/4', '--why', 'closed account').code == 0
    said = box.run('run', 'night.yaml')
    assert said.code == 0, said
    assert [line[0][1:4] for line in log(box, 'send')] == [['4', 'name 4', 'none']]
    box.verify()


@pytest.mark.long
def test_kills_lose_and_mix_nothing(box):
    n = 100
    make(box, n)
    call_and_kill(box, 'night.yaml', lambda: len(box.lines('log')), calls=4, most=39)
    said = box.run('run', 'night.yaml')
    assert said.code == 0, said
    assert {json.dumps(line) for line in log(box, 'send')} == {json.dumps(sent(i)) for i in range(1, n + 1)}
    assert {line[0][1] for line in log(box, 'close')} == {str(i) for i in range(2, n + 1, 2)}
    box.verify()


def test_a_file_that_has_changed_is_no_source_any_more(box):
    make(box, 10)
    job = JOB % ''
    box.file('fetch.py', FETCH + "open('in.csv', 'a').write('11,name 11\\n')\n")
    box.file('night.yaml', job)
    said = box.run('run', 'night.yaml')
    assert said.code != 0, said
    assert 'the items of step fetch cannot be read again: in.csv is not what was loaded' in said.err, said
    assert not box.lines('log')
    box.verify()


def test_what_kept_nothing_at_all_has_nulls(box):
    """Not an answer without one of the names: one without any. Lua sees nil, a text cannot be made."""
    make(box, 9)
    box.file('fetch.py', FETCH.replace("'keep': keep", "**({'keep': keep} if id_ % 3 else {})"))
    said = box.run('run', 'night.yaml')
    assert said.code == 3, said
    assert {line[0][1] for line in log(box, 'send')} == {'1', '2', '4', '5', '7', '8'}
    dead = json.loads(box.run('items', '--state', 'dead', '--json').out)['items']
    assert sorted((item['key'], item['step']) for item in dead) == [(k, 'send') for k in '369']
    box.file('log')
    send = 'source: {step: fetch}'
    box.file('night.yaml', (JOB % '').replace(send, send + '\n    filter: token ~= nil'))
    said = box.run('run', 'night.yaml', '--again')
    assert said.code == 0, said
    assert {line[0][1] for line in log(box, 'send')} == {'1', '2', '4', '5', '7', '8'}
    box.verify()
