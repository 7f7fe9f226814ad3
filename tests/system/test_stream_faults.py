# SPDX-License-Identifier: Apache-2.0
"""Stream workers that do wrong: each costs what it held, says so with each attempt, and innocent
items are done all the same."""
import json
import random

import pytest
from lib.box import cast, kill, wait_until

JOB = '''
version: 1
job: lines
source:
  csv: {{path: items.csv}}
  key: id
  fields: {{id: integer}}
work:
  exec: {{command: [./worker], mode: stream, workers: 2}}
  effect: {effect}
  concurrency: {concurrency}
  timeout: {timeout}
retry: {{attempts: 2, first: 10ms, max: 50ms}}
'''

# Takes effect (a line in `effects`) before it answers; item 50 does wrong instead.
WORKER = '''#!/usr/bin/python3
import json, os, signal, sys, time
def wait():
    time.sleep(1000)
def say(id, outcome='done'):
    print(json.dumps({'id': id, 'outcome': outcome}), flush=True)
for line in sys.stdin:
    item = json.loads(line)
    if item['key'] == '50':
        print('this is item 50', file=sys.stderr, flush=True)
        with open('tried', 'a') as tried:
            tried.write('x\\n')
        WRONG
    with open('effects', 'a') as effects:
        effects.write(item['key'] + '\\n')
    say(item['id'])
'''

# What it does, the class of the attempt that is to blame, and what that one says.
WRONGS = {
    'no JSON': (r"print('hello \033[31mworld', flush=True); wait()", 'bad-answer',
                r"it is no JSON: 'hello \x1b[31mworld'"),
    'wrong types': ("say(5); wait()", 'bad-answer', 'its "id" is no string'),
    'unknown outcome': ("say(item['id'], 'maybe'); wait()", 'bad-answer', 'its "outcome" is none of done'),
    'unknown id': ("say('123456789123'); wait()", 'bad-answer', 'its "id" was never given to it'),
    'too long': ("print('x' * 3000000, flush=True); wait()", 'bad-answer', 'it is longer than 1 MiB'),
    'flood': ("[print('x' * 100000 + '\\n' * 100, flush=True) for _ in iter(int, 1)]", 'bad-answer',
              'it is no JSON'),
    'killed': ('os.kill(os.getpid(), signal.SIGKILL)', 'signal-9',
               'the worker was ended by signal 9 (KILL)'),
    'exits': ('sys.exit(7)', 'exit-7', 'the worker exited with status 7'),
    'closes its output': ('os.close(1); time.sleep(1000)', 'closed',
                          'the worker has closed its output and goes on'),
    'hangs': ("signal.signal(signal.SIGTERM, signal.SIG_IGN); wait()", 'timeout',
              'not answered within 3.0 s'),
}


def prepare(box, wrong, effect='idempotent', *, n=200, concurrency=8, timeout='60s', worker=WORKER):
    box.file('worker', worker.replace('WRONG', wrong), mode=0o755)
    box.file('items.csv', 'id\n' + ''.join(f'{i}\n' for i in range(1, n + 1)))
    box.file('lines.yaml', JOB.format(effect=effect, concurrency=concurrency, timeout=timeout))


def run_job(box, code):
    said = box.run('run', 'lines.yaml', '--no-progress', timeout=600)
    assert said.code == code, said
    box.verify()
    return said


def attempts(box, item):
    said = box.run('attempts', item, '--json')
    assert said.code == 0, said
    return json.loads(said.out)['attempts']


def others_of(box):
    """The attempts of the items that were lost with item 50, or because of it."""
    tried = [attempts(box, f'lines/{i}') for i in range(20, 81) if i != 50]
    return [found for found in tried if found]


@pytest.mark.parametrize('kind', WRONGS)
def test_an_item_that_makes_its_worker_do_wrong_is_found(box, kind):
    wrong, name, words = WRONGS[kind]
    prepare(box, wrong, timeout='3s' if kind == 'hangs' else '60s')
    run_job(box, 3)
    assert box.keys('dead') == ['50']
    assert set(box.lines('effects')) == {str(i) for i in range(1, 201)} - {'50'}
    tries = attempts(box, 'lines/50')
    assert {a['outcome'] for a in tries} == {'unknown'}
    assert tries[-1]['error_class'] == name and words in tries[-1]['error'], tries
    assert 'this is item 50' in box.run('logs', 'lines/50').out
    # Whoever was with it is told about, and was charged nothing.
    for others in others_of(box):
        assert {a['error_class'] for a in others} <= {'crash', 'lost', None}
        if 'crash' in {a['error_class'] for a in others}:
            assert others[-1]['outcome'] == 'done'
    report = box.run('report').said
    assert name in report and words.split(':')[0] in report, report


@pytest.mark.parametrize('kind', ['no JSON', 'unknown outcome', 'killed', 'closes its output', 'hangs'])
def test_with_once_what_the_worker_held_is_in_doubt(box, kind):
    wrong, _, _ = WRONGS[kind]
    prepare(box, wrong, 'once', timeout='3s' if kind == 'hangs' else '60s')
    run_job(box, 3)
    doubtful = set(box.keys('in_doubt'))
    effects = box.lines('effects')
    assert '50' in doubtful and len(doubtful) <= 8
    assert box.lines('tried') == ['x']
    assert len(effects) == len(set(effects))                    # nothing twice
    assert {str(i) for i in range(1, 201)} - set(effects) <= doubtful      # nothing missing
    for key in doubtful:
        assert [a['outcome'] for a in attempts(box, f'lines/{key}')] == ['unknown']


def test_a_second_answer_ends_the_worker_and_harms_no_item(box):
    prepare(box, "say(item['id'])")
    run_job(box, 0)
    assert set(box.lines('effects')) == {str(i) for i in range(1, 201)}
    for others in others_of(box):
        assert 'it has answered for that "id" before' in others[0]['error']
        assert others[-1]['outcome'] == 'done'


def test_a_worker_that_floods_stderr_is_heard_to_its_end(box):
    prepare(box, "sys.stderr.write('y' * 5000000 + '\\nthe last word\\n')\n"
                 "        say(item['id'], 'dead')\n        continue")
    run_job(box, 3)
    attempt = attempts(box, 'lines/50')[-1]
    assert attempt['outcome'] == 'dead' and attempt['output_cut']
    assert attempt['output'].endswith('the last word\n') and len(attempt['output']) <= 16 * 1024


def test_items_wait_in_turn_and_no_time_limit_is_over(box):
    """Each takes half of the limit: the last of eight that are handed over at once waits for four."""
    prepare(box, 'pass', n=16, timeout='4s',
            worker=WORKER.replace("    with open('effects'", "    time.sleep(2)\n    with open('effects'"))
    run_job(box, 0)
    assert len(box.lines('effects')) == 16


def test_a_worker_that_cannot_be_started_holds_everything(box):
    prepare(box, 'pass')
    job = JOB.format(effect='idempotent', concurrency=8, timeout='60s')
    job = job.replace('command: [./worker]', 'shell: "exec ./no-such-worker"')
    box.file('lines.yaml', job + 'breaker: {open_for: 200ms, open_max: 200ms, give_up_after: 1s}\n')
    said = run_job(box, 1)
    assert 'exited with status 127' in said.said
    assert not box.keys('dead')
    box.file('no-such-worker', WORKER.replace('WRONG', 'pass'), mode=0o755)
    run_job(box, 0)
    assert len(box.lines('effects')) == 200


def test_workers_that_end_before_they_read_anything_hold_everything(box):
    prepare(box, 'pass', worker='#!/bin/sh\nexec <&-\necho "no licence" >&2\nexit 1\n')
    job = JOB.format(effect='once', concurrency=8, timeout='60s')
    box.file('lines.yaml', job + 'breaker: {open_for: 200ms, open_max: 200ms, give_up_after: 1s}\n')
    said = run_job(box, 1)
    assert 'as others before it, and none has answered' in said.said
    assert not box.keys('dead') and not box.keys('in_doubt')


def test_what_a_dead_worker_never_read_goes_to_another_uncharged(box):
    """It reads one line at a time, unbuffered, and dies with the first: the others stand in its pipe."""
    worker = '''#!/usr/bin/python3
import json, os, signal
def line():
    text = b''
    while not text.endswith(b'\\n'):
        byte = os.read(0, 1)
        if not byte:
            return None
        text += byte
    return json.loads(text)
item = line()
while item:
    if item['key'] == '5' and not os.path.exists('died'):
        open('died', 'w').close()
        os.kill(os.getpid(), signal.SIGKILL)
    with open('effects', 'a') as effects:
        effects.write(item['key'] + '\\n')
    os.write(1, json.dumps({'id': item['id'], 'outcome': 'done'}).encode() + b'\\n')
    item = line()
'''
    prepare(box, '', 'once', concurrency=32, worker=worker)
    run_job(box, 3)
    assert box.keys('in_doubt') == ['5']
    assert sorted(box.lines('effects'), key=int) == [str(i) for i in range(1, 201) if i != 5]


@pytest.mark.parametrize('effect', ['idempotent', 'once'])
def test_workers_are_killed_again_and_again(box, effect):
    # A server syncs while others go on, and is through with 5,000 in half a second.
    kills, n, concurrency = 30, 40000 if box.database else 5000, 16
    seed = random.randrange(1 << 32)
    print('seed', seed)
    rng = random.Random(seed)
    prepare(box, 'pass', effect, n=n, concurrency=concurrency)
    run = box.start('run', 'lines.yaml', '--no-progress')
    killed = 0
    for i in range(kills):
        mark = (i + 1) * n // (kills + 5) + rng.randrange(20)
        wait_until(lambda mark=mark: run.poll() is not None or len(box.lines('effects')) >= mark)
        workers = cast(run.pid)['child']
        if run.poll() is None and workers:
            killed += kill(rng.choice(workers))
    code = run.wait(600)
    said = box.process_said(run)
    effects = box.lines('effects')
    everything = {str(i) for i in range(1, n + 1)}
    assert killed > kills // 4, said
    assert not box.keys('dead')
    if effect == 'idempotent':
        assert code == 0, said
        assert set(effects) == everything
        assert len(effects) - n <= killed * concurrency, said
    else:
        assert code == 3, said
        assert len(effects) == len(set(effects))
        doubtful = box.keys('in_doubt')
        assert everything - set(effects) <= set(doubtful)
        assert len(doubtful) <= killed * concurrency
    box.verify()
