# SPDX-License-Identifier: Apache-2.0
"""Stopping in earnest: by signal, twice by signal, by a person; and two calls that share a run."""
import json
import signal
import time

import pytest
from lib.box import cast, is_alive, wait_until
from lib.figures import figures

JOB = '''
version: 1
job: stop
source:
  csv: {{path: items.csv}}
  key: id
  fields: {{id: integer}}
work:
  exec: {{shell: '{shell}', input: none}}
  effect: {effect}
  concurrency: 2
retry: {{attempts: 5, first: 20ms, max: 50ms}}
window: {{grace: {grace}}}
chunk: {{items: 50}}
'''


def write_job(box, items, effect='once', shell='echo "$STINT_KEY" >>effects', grace='20s'):
    keys = [str(i) for i in range(1, items + 1)]
    box.file('items.csv', 'id\n' + ''.join(k + '\n' for k in keys))
    box.file('stop.yaml', JOB.format(effect=effect, shell=shell, grace=grace))
    return keys


def finish(box, keys, effect='once'):
    said = box.run('run', 'stop.yaml', '--no-progress')
    assert said.code == 0, said
    assert sorted(box.lines('effects')) == sorted(keys)
    figures(box, keys, effect)


@pytest.mark.parametrize('how', [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_between_items_and_the_next_call_does_the_rest(box, how):
    keys = write_job(box, 2000)
    run = box.start('run', 'stop.yaml', '--no-progress')
    wait_until(lambda: len(box.lines('effects')) > 50)
    run.send_signal(how)
    assert run.wait(120) == 75, box.process_said(run)
    assert len(box.lines('effects')) < len(keys)
    assert box.items('--state', 'in_doubt') == []
    box.verify()
    finish(box, keys)


def test_a_person_stops_a_run(box):
    keys = write_job(box, 10000)  # many seconds of work: the engine looks for requests each second
    run = box.start('run', 'stop.yaml', '--no-progress')
    wait_until(lambda: len(box.lines('effects')) > 50)
    said = box.run('stop', '--job', 'stop', '--yes')
    assert said.code == 0, said
    assert run.wait(120) == 75, box.process_said(run)
    assert len(box.lines('effects')) < len(keys)
    box.verify()
    finish(box, keys)


def test_a_first_signal_lets_attempts_end_in_time(box):
    write_job(box, 10, shell='echo "$STINT_KEY" >>begun; sleep 1; echo "$STINT_KEY" >>effects')
    run = box.start('run', 'stop.yaml', '--no-progress')
    wait_until(lambda: len(box.lines('begun')) == 2)
    run.send_signal(signal.SIGTERM)
    assert run.wait(120) == 75, box.process_said(run)
    assert sorted(box.lines('begun')) == sorted(box.lines('effects'))
    assert box.items('--state', 'in_doubt') == []


def test_a_second_signal_ends_attempts(box):
    write_job(box, 10, shell='echo "$STINT_KEY" >>begun; sleep 60; echo "$STINT_KEY" >>effects',
              grace='50s')
    run = box.start('run', 'stop.yaml', '--no-progress')
    wait_until(lambda: len(box.lines('begun')) == 2)
    run.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    assert run.poll() is None
    run.send_signal(signal.SIGTERM)
    assert run.wait(120) == 75, box.process_said(run)
    # They had begun and did not end: with `once` that is doubt, and nothing else is.
    assert box.keys('in_doubt') == sorted(box.lines('begun'))
    box.verify()


def test_attempts_that_outlast_the_grace_are_ended(box):
    write_job(box, 10, effect='idempotent', grace='1s',
              shell='echo "$STINT_KEY" >>begun; [ -e quick ] || sleep 60; echo "$STINT_KEY" >>effects')
    run = box.start('run', 'stop.yaml', '--no-progress')
    wait_until(lambda: len(box.lines('begun')) == 2)
    began = time.monotonic()
    run.send_signal(signal.SIGTERM)
    assert run.wait(120) == 75, box.process_said(run)
    assert time.monotonic() - began > 0.8
    box.file('quick')
    finish(box, [str(i) for i in range(1, 11)], 'idempotent')


def test_two_calls_share_a_run_and_each_item_is_done_once(box):
    keys = write_job(box, 3000)
    runs = [box.start('run', 'stop.yaml', '--no-progress') for _ in range(2)]
    wait_until(lambda: len(box.lines('effects')) > 200)

    def working_now():
        return json.loads(box.run('instances', '--json').out)['instances']
    # The second may be slower than two hundred items.
    wait_until(lambda: sum(bool(i['runs']) for i in working_now()) == 2 or
               any(run.poll() is not None for run in runs))
    assert all(run.poll() is None for run in runs), [box.process_said(run) for run in runs]
    working = working_now()
    engines = [cast(run.pid)['engine'][0] for run in runs]
    assert sorted(i['pid'] for i in working) == sorted(engines)
    assert all(i['state'] == 'live' and i['started_at'] and i['runs'] for i in working), working
    assert [run.wait(120) for run in runs] == [0, 0], [box.process_said(run) for run in runs]
    assert sorted(box.lines('effects')) == sorted(keys)
    box.verify()


def test_what_an_item_leaves_behind_ends_with_a_stop(box):
    write_job(box, 4, shell='sleep 600 & echo $! >>left; sleep 600', effect='idempotent', grace='1s')
    run = box.start('run', 'stop.yaml', '--no-progress')
    wait_until(lambda: len(box.lines('left')) == 2)
    assert cast(run.pid)['child'] != []
    run.send_signal(signal.SIGTERM)
    assert run.wait(120) == 75, box.process_said(run)
    left = [int(pid) for pid in box.lines('left')]
    wait_until(lambda: not any(is_alive(pid) for pid in left))
