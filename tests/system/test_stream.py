# SPDX-License-Identifier: Apache-2.0
"""Long-lived workers (mode: stream): the examples, what a worker is given, how it is ended."""
import json
import os
import shutil

from lib.box import TOP, wait_until

JOB = '''
version: 1
job: lines
source:
  csv: {path: items.csv}
  key: id
  fields: {id: text, n: integer}
work:
  exec: {command: [./worker], mode: stream, workers: 2}
  effect: idempotent
  concurrency: 8
retry: {attempts: 3, first: 10ms, max: 50ms}
'''

# Answers as the item's name says.
WORKER = '''#!/usr/bin/python3
import json, os, sys
with open(f'seen.{os.getpid()}', 'a') as seen:
    seen.write(json.dumps({k: v for k, v in os.environ.items() if k.startswith('STINT_')}) + '\\n')
    for line in sys.stdin:
        seen.write(line)
        seen.flush()
        item = json.loads(line)
        outcome, _, words = item['key'].partition(':')
        if outcome == 'again':
            outcome = 'done' if item['attempt'] > 1 else 'retry'
        answer = {'id': item['id'], 'outcome': outcome}
        if words:
            answer.update(error=words, keep={'receipt': 1})
            print('about', item['key'], file=sys.stderr, flush=True)
        print(json.dumps(answer), flush=True)
    seen.write('"end"\\n')
'''


def write_job(box, keys, worker=WORKER, job=JOB):
    box.file('worker', worker, mode=0o755)
    box.file('items.csv', 'id,n\n' + ''.join(f'{k},{i}\n' for i, k in enumerate(keys)))
    return box.file('lines.yaml', job)


def seen(box):
    """What each worker saw: [[environment, item, …, 'end']]."""
    return [[json.loads(line) for line in box.lines(name)]
            for name in sorted(os.listdir(box.path)) if name.startswith('seen.')]


def attempts(box, item):
    said = box.run('attempts', item, '--json')
    assert said.code == 0, said
    return json.loads(said.out)['attempts']


def example(box, name, job):
    shutil.copytree(os.path.join(TOP, 'examples', name), os.path.join(box.path, name))
    said = box.run('run', os.path.join(name, job), '--no-progress')
    assert said.code == 3, said
    box.verify()


def test_the_example_in_python_runs(box):
    example(box, 'stream-python', 'archive.yaml')
    written = box.lines('stream-python/archive.txt')
    assert sorted(line.split()[1] for line in written) == [f'inv-{i:03}' for i in range(1, 41)]
    assert len({line.split()[0] for line in written}) == 40
    assert 'a total of -3.00' in attempts(box, 'archive/inv-041')[0]['error']


def test_the_example_in_shell_runs(box):
    example(box, 'stream-shell', 'sums.yaml')
    summed = [line.split()[1] for line in box.lines('stream-shell/sums.txt')]
    assert sorted(summed) == ['README.md', 'sums.yaml']
    assert 'no-such-file cannot be read' in attempts(box, 'sums/no-such-file')[0]['error']
    said = box.run('logs', 'sums/no-such-file')
    assert 'sha256sum: no-such-file' in said.out, said


def test_a_worker_sees_many_items_and_then_the_end(box):
    keys = [f'done:{i}' for i in range(200)]
    write_job(box, keys)
    said = box.run('run', 'lines.yaml', '--no-progress')
    assert said.code == 0, said
    workers = seen(box)
    assert 1 <= len(workers) <= 2
    items = [item for worker in workers for item in worker[1:-1]]
    assert sorted(item['key'] for item in items) == sorted(keys)
    for worker in workers:
        assert worker[-1] == 'end'
        ids = [item['id'] for item in worker[1:-1]]
        assert len(ids) == len(set(ids))
        env = worker[0]
        assert env['STINT_JOB'] == 'lines' and env['STINT_NONCE'] and env['STINT_RUN_ID'] == '1'
        assert 'STINT_KEY' not in env and 'STINT_ATTEMPT' not in env
    one = next(item for item in items if item['key'] == 'done:17')
    assert set(one) == {'id', 'key', 'attempt', 'idempotency_key', 'fields'}
    assert one['attempt'] == 1 and one['fields'] == {'id': 'done:17', 'n': 17}
    assert len({item['idempotency_key'] for item in items}) == 200


def test_what_a_worker_says_becomes_of_an_item(box):
    write_job(box, ['done', 'again:busy', 'dead:no such account', 'retry:for ever', 'done:kept'])
    said = box.run('run', 'lines.yaml', '--no-progress')
    assert said.code == 3, said
    assert box.keys('dead') == ['dead:no such account', 'retry:for ever']
    dead = attempts(box, 'lines/dead:no such account')
    assert [a['outcome'] for a in dead] == ['dead']
    assert dead[0]['error'] == 'no such account'
    assert [a['outcome'] for a in attempts(box, 'lines/again:busy')] == ['retry', 'done']
    assert [a['outcome'] for a in attempts(box, 'lines/retry:for ever')] == ['retry'] * 3
    logs = box.run('logs', 'lines/dead:no such account')
    assert 'about dead:no such account' in logs.out, logs
    box.verify()


def test_unknown_is_tried_again_or_in_doubt(box):
    write_job(box, ['unknown:who knows', 'done:1'])
    said = box.run('run', 'lines.yaml', '--no-progress')
    assert said.code == 3, said
    assert len(attempts(box, 'lines/unknown:who knows')) == 3
    write_job(box, ['unknown:who knows', 'done:1'], job=JOB.replace('idempotent', 'once'))
    said = box.run('run', 'lines.yaml', '--again', '--no-progress')
    assert said.code == 3, said
    assert box.keys('in_doubt') == ['unknown:who knows']
    assert [a['outcome'] for a in attempts(box, 'lines/unknown:who knows')] == ['unknown']


def test_values_of_sensitive_fields_stay_out_of_what_is_kept(box):
    worker = WORKER.replace("print('about'", "print('mail to ann@example.com'")
    job = JOB.replace('n: integer', 'n: integer, mail: {type: text, sensitive: true}')
    write_job(box, [], worker, job)
    box.file('items.csv', 'id,n,mail\ndead:ann@example.com is gone,1,ann@example.com\n')
    said = box.run('run', 'lines.yaml', '--no-progress')
    assert said.code == 3, said
    item = box.items('--state', 'dead')[0]
    assert attempts(box, item['item'])[0]['error'] == '*** is gone'
    # It may be about any item that the worker had: none of it is kept.
    assert 'mail to' not in box.run('logs', item['item']).said


def test_items_without_a_source_go_to_a_worker_too(box):
    box.file('worker', WORKER.replace("outcome, _, words = item['key'].partition(':')",
                                      "outcome, words = 'done', item['fields']"), mode=0o755)
    box.file('one.yaml', 'version: 1\njob: one\nwork:\n  exec: {command: [./worker], mode: stream}\n')
    said = box.run('run', 'one.yaml', '--no-progress')
    assert said.code == 0, said
    assert seen(box)[0][1]['fields'] == {}


def test_what_is_with_a_worker_is_finished_when_the_run_is_stopped(box):
    slow = WORKER.replace("        item = json.loads(line)\n",
                          "        item = json.loads(line)\n        import time; time.sleep(0.05)\n")
    keys = [f'done:{i}' for i in range(1000)]
    write_job(box, keys, slow)
    run = box.start('run', 'lines.yaml', '--no-progress')
    wait_until(lambda: any(len(worker) > 5 for worker in seen(box)))
    run.terminate()
    assert run.wait(120) == 75, box.process_said(run)
    workers = seen(box)
    handed = [item['key'] for worker in workers for item in worker[1:-1]]
    assert all(worker[-1] == 'end' for worker in workers)
    for name in os.listdir(box.path):
        if name.startswith('seen.'):
            os.unlink(os.path.join(box.path, name))
    box.file('worker', WORKER, mode=0o755)
    said = box.run('run', 'lines.yaml', '--no-progress')
    assert said.code == 0, said
    again = [item['key'] for worker in seen(box) for item in worker[1:-1]]
    assert sorted(handed + again) == sorted(keys)   # none twice, none missing
    box.verify()


def test_a_line_that_is_too_long_is_the_item_s_end_and_no_other_s(box):
    """A transform makes more of a record than a line may have; JSON writes six bytes for such a one."""
    script = ('transform: |\n  big = "\\1"\n'
              '  if n == 1 then for i = 1, 24 do big = big .. big end end\n')
    write_job(box, ['done:a', 'done:b', 'done:c'], job=JOB + script + 'lua_limits: {memory: 256M}\n')
    said = box.run('run', 'lines.yaml')
    assert said.code == 3, said
    found = box.items('--state', 'dead')
    assert [(i['key'], i['error_class']) for i in found] == [('done:b', 'bad-item')], found
    assert '64 MiB' in found[0]['error']
    assert sorted(item['key'] for worker in seen(box) for item in worker[1:-1]) == ['done:a', 'done:c']
