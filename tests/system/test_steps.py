# SPDX-License-Identifier: Apache-2.0
"""`steps`: one after another, each with what it promises; a restart begins where the run was."""
import json
import os

from lib.kills import call_and_kill

JOB = '''version: 1
job: night
steps:
  - name: load
    source: {csv: {path: in.csv}, key: id, fields: {id: text}}
    work: {exec: {command: [./act, load, "${id}"], input: none}, effect: idempotent, concurrency: 2}
  - name: send
    source: {csv: {path: in.csv}, key: id, fields: {id: text}}
    work: {exec: {command: [./act, send, "${id}"], input: none}, effect: once, concurrency: 2,
           when_in_doubt: retry}
%s
  - name: close
    work: {exec: {command: [./act, close, all]}, effect: idempotent}
    go_on_when: done_with_failures
retry: {attempts: 2, first: 10ms, factor: 1, max: 10ms, jitter: none}
chunk: {items: 5}
'''

ACT = '''#!/bin/sh
echo "$1 $2 $STINT_IDEMPOTENCY_KEY" >>log
[ -e "bad-$1-$2" ] && exit 65
exit 0
'''


def make(box, n, more=''):
    box.file('act', ACT, mode=0o755)
    box.file('log')
    box.file('in.csv', 'id\n' + ''.join(f'k{i}\n' for i in range(n)))
    box.file('night.yaml', JOB % more)


def log(box):
    return [line.split() for line in box.lines('log')]


def steps_in_order(lines):
    """The steps as they were worked, without repetitions."""
    seen = []
    for line in lines:
        if not seen or seen[-1] != line[0]:
            seen.append(line[0])
    return seen


def view(box, sql):
    return box.ask(sql)


def test_steps_follow_one_another(box):
    make(box, 12)
    said = box.run('run', 'night.yaml')
    assert said.code == 0, said
    assert steps_in_order(log(box)) == ['load', 'send', 'close']
    assert len(log(box)) == 25
    assert view(box, 'SELECT number, step, state, first_item, items, done FROM step') == [
        (1, 'load', 'done', 0, 12, 12), (2, 'send', 'done', 12, 12, 12),
        (3, 'close', 'done', 24, 1, 1)]
    assert view(box, 'SELECT state, items, done FROM run') == [('done', 25, 25)]
    keys = [line[2] for line in log(box)]
    assert len(set(keys)) == 25  # the same record has another key in each step
    box.verify()


def test_a_dead_item_keeps_the_next_step_from_beginning(box):
    make(box, 6)
    box.file('bad-load-k3')
    said = box.run('run', 'night.yaml')
    assert said.code == 3, said
    assert 'go_on_when: done' in said.err
    assert steps_in_order(log(box)) == ['load']
    assert view(box, 'SELECT state, step FROM run') == [('stopped', 'load')]
    # nothing has changed: it is said again, and nothing is done again
    assert box.run('run', 'night.yaml').code == 3
    assert len(log(box)) == 6
    assert box.run('skip', 'night/k3', '--why', 'known').code == 0
    said = box.run('run', 'night.yaml')
    assert said.code == 0, said
    assert steps_in_order(log(box)) == ['load', 'send', 'close']
    assert len(log(box)) == 13


def test_a_step_may_begin_after_failures(box):
    make(box, 6, '    go_on_when: done_with_failures')
    box.file('bad-load-k3')
    box.file('bad-send-k4')
    said = box.run('run', 'night.yaml')
    assert said.code == 3, said
    assert steps_in_order(log(box)) == ['load', 'send', 'close']
    assert view(box, 'SELECT step, state, done, dead FROM step') == [
        ('load', 'done_with_failures', 5, 1), ('send', 'done_with_failures', 5, 1),
        ('close', 'done', 1, 0)]
    # a person's retry opens the step of the item, and nothing else
    os.unlink(os.path.join(box.path, 'bad-load-k3'))
    n = len(log(box))
    (run, item), = view(box, "SELECT run, item FROM item WHERE state = 'dead' AND step = 'load'")
    assert box.run('retry', f'{run}:{item}').code == 0
    said = box.run('run', 'night.yaml')
    assert said.code == 3, said  # the other one is dead still
    assert [line[:2] for line in log(box)[n:]] == [['load', 'k3']]
    box.verify()


def test_kills_lose_and_mix_nothing(box):
    make(box, 40)
    call_and_kill(box, 'night.yaml', lambda: len(log(box)), calls=8, most=13)
    said = box.run('run', 'night.yaml')
    assert said.code == 0, said
    assert view(box, 'SELECT state, items, done FROM run') == [('done', 81, 81)]
    assert steps_in_order(log(box)) == ['load', 'send', 'close']
    assert {line[1] for line in log(box) if line[0] == 'send'} == {f'k{i}' for i in range(40)}
    box.verify()


def test_what_is_wrong_with_steps_is_said(box):
    box.file('bad.yaml', '''job: bad
work: {noop: {}}
steps:
  - {name: a, work: {noop: {}}}
  - {name: a, work: {noop: {}}, sauce: 1}
''')
    said = box.run('check', 'bad.yaml')
    assert said.code == 78, said
    text = said.out + said.err
    assert 'bad.yaml:2:1' in text and 'a job with steps has it in its steps' in text
    assert 'bad.yaml:5:12' in text and "is called 'a' too" in text
    assert "unknown key 'sauce'" in text


def test_report_and_explain_show_the_steps(box):
    make(box, 4)
    assert box.run('run', 'night.yaml').code == 0
    said = box.run('report', 'night', '--json')
    assert said.code == 0, said
    report = json.loads(said.out)
    assert [(s['name'], s['state'], s['counts']['done']) for s in report['steps']] == [
        ('load', 'done', 4), ('send', 'done', 4), ('close', 'done', 1)]
    for figure in ('read', 'loaded', 'done', 'waiting'):
        assert sum(s['counts'][figure] for s in report['steps']) == report['counts'][figure]
    assert '2 send: done, done 4' in box.run('report', 'night').out
    said = box.run('explain', 'night.yaml')
    assert said.code == 0, said
    assert 'Step 3 of 3: close' in said.out


def test_a_sensitive_field_of_a_later_step_is_masked(box):
    make(box, 3)
    job = JOB % ''
    place = job.rindex('id: text')
    box.file('night.yaml', job[:place] + 'id: {type: text, sensitive: true}' + job[place + 8:])
    box.file('bad-load-k1')
    assert box.run('run', 'night.yaml').code == 3
    said = box.run('items', '--state', 'dead')
    assert 'k1' not in said.out and 'k***' in said.out


def test_each_verb_says_which_step_an_item_belongs_to(box):
    make(box, 4)
    box.file('bad-send-k2')
    assert box.run('run', 'night.yaml').code == 3
    items = json.loads(box.run('items', '--json').out)['items']
    assert [(i['key'], i['step']) for i in items[:8]] == (
        [(f'k{i}', 'load') for i in range(4)] + [(f'k{i}', 'send') for i in range(4)])
    lines = box.run('items').out.splitlines()
    assert lines[0].split()[:4] == ['ITEM', 'KEY', 'STEP', 'STATE']
    assert lines[1].split() == ['1:0', 'k0', 'load', 'done', '1']
    assert lines[7].split()[:4] == ['1:6', 'k2', 'send', 'dead']
    attempts = json.loads(box.run('attempts', '1:6', '--json').out)['attempts']
    assert {(a['number'], a['step']) for a in attempts} == {(6, 'send')}
    lines = box.run('attempts', '1:6').out.splitlines()
    assert 'STEP' in lines[0].split() and 'send' in lines[1].split()
    why = json.loads(box.run('why', '1:6', '--json').out)
    assert why['step'] == 'send' and 'in its step send' in why['because'][0]


def test_each_verb_says_at_which_step_a_run_is(box):
    make(box, 4)
    box.file('bad-load-k2')
    assert box.run('run', 'night.yaml').code == 3  # it may not go on
    status = json.loads(box.run('status', '--json').out)
    assert [run['step'] for run in status['next']] == ['load']
    assert ': stopped, step load, 3 done' in box.run('status').out
    why = json.loads(box.run('why', 'night', '--json').out)
    assert why['step'] == 'load' and 'it is at its step load' in why['because']
    assert 'it is at its step load' in box.run('why', '1').out
    assert [run['step'] for run in json.loads(box.run('runs', '--json').out)['runs']] == ['load']


def test_a_plain_job_has_none_to_show(box):
    box.file('in.csv', 'id\nk0\nk1\n')
    box.file('bare.yaml', 'job: bare\nsource: {csv: {path: in.csv}, key: id, fields: {id: text}}\n'
             'work: {exec: {shell: "echo no >&2; exit 65"}}\n')
    assert box.run('run', 'bare.yaml').code == 3
    assert [i['step'] for i in json.loads(box.run('items', '--json').out)['items']] == [None, None]
    assert [a['step'] for a in json.loads(box.run('attempts', '1:0', '--json').out)['attempts']] == [None]
    assert json.loads(box.run('why', '1:0', '--json').out)['step'] is None
    assert json.loads(box.run('runs', '--json').out)['runs'][0]['step'] is None
    for verb in (['items'], ['attempts', '1:0'], ['status'], ['why', '1'], ['why', '1:0'], ['logs', '1']):
        assert 'step' not in box.run(*verb).out.lower(), verb


def test_a_step_has_its_own_breaker_retry_chunk_filter_and_transform(box):
    """The first gives up early; else all its items were dead, and the second began."""
    box.file('in.csv', 'id\n' + ''.join(f'k{i}\n' for i in range(30)))
    box.file('own.yaml', '''job: own
steps:
  - name: first
    source: {csv: {path: in.csv}, key: id, fields: {id: text}}
    filter: id ~= "k0"
    transform: twice = id .. id
    work: {exec: {shell: 'echo "$STINT_FIELD_twice" >>tries; [ -e well ]', input: none}, effect: idempotent,
           concurrency: 1}
    retry: {attempts: 2, first: 10ms, max: 10ms}
    breaker: {at_least: 3, open_for: 100ms, open_max: 100ms, give_up_after: 1ms}
    chunk: {items: 4}
  - name: second
    source: {csv: {path: in.csv}, key: id, fields: {id: text}}
    work: {exec: {shell: 'echo "$STINT_KEY" >>second; exit 1', input: none}, effect: idempotent}
    go_on_when: done_with_failures
retry: {attempts: 1}
''')
    said = box.run('run', 'own.yaml')
    assert said.code == 1, said
    assert len(box.lines('tries')) < 29 and box.lines('tries')[0] == 'k1k1'
    assert view(box, 'SELECT max(n) FROM chunk') == [(4,)]
