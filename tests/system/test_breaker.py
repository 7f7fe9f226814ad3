# SPDX-License-Identifier: Apache-2.0
"""The breaker, with a real program that is out of order for a while: it costs probes only, one at a time of
all instances, no attempts of items, and the next call goes on where the last one was."""
import json
import os
import re
import time

import pytest
from lib.box import wait_until

JOB = '''version: 1
job: calls
source:
  csv: {path: items.csv}
  key: id
  fields: {id: integer}
work:
  exec: {shell: '%s', input: none}
  effect: idempotent
  concurrency: 4
retry: {attempts: 2, first: 10ms, max: 20ms, jitter: none}
breaker: {%s}
'''
PAUSES = 'open_for: 200ms, open_max: 400ms'
OPEN_FOR = 0.2
# Says that it was called, fails while the service is down, and has its effect else.
DOWN = 'echo "$STINT_KEY" >>tries; [ ! -e down ] || exit %d; echo "$STINT_KEY" >>effects'


def write(box, n, shell, breaker):
    box.file('items.csv', 'id\n' + ''.join(f'{i}\n' for i in range(n)))
    box.file('calls.yaml', JOB % (shell, breaker))
    box.file('down')


def start(box):
    return box.start('run', 'calls.yaml', '--no-progress')


def breaker(box):
    """The row of the view, as people see it; None while there is none."""
    rows = box.ask_early('SELECT endpoint, state, reason, times FROM breaker')
    return rows[0] if rows else None


def heal(box):
    os.unlink(os.path.join(box.path, 'down'))


def assert_all_done(box, n, most_attempts):
    assert sorted(set(box.lines('effects')), key=int) == [str(i) for i in range(n)]
    items = box.items('--run', 'calls')
    assert {i['state'] for i in items} == {'done'}
    assert max(i['attempts'] for i in items) <= most_attempts
    box.verify()


def wait_for_probes(box, process, n):
    """Until so many more programs were started. Gives how many there were before, and when that was."""
    before, began = len(box.lines('tries')), time.monotonic()
    wait_until(lambda: len(box.lines('tries')) >= before + n or process.poll() is not None)
    assert process.poll() is None, box.process_said(process)
    return before, began


@pytest.mark.parametrize('status', [69, 77])
def test_what_is_down_for_all_costs_probes_only(box, status):
    write(box, 60, DOWN % status, PAUSES)
    began = time.monotonic()
    process = start(box)
    wait_for_probes(box, process, 9)
    tries, took = len(box.lines('tries')), time.monotonic() - began
    # Four were out when it opened, and one after each pause.
    assert tries <= 4 + took / OPEN_FOR + 1
    assert breaker(box)[:2] in (('exec of calls', 'open'), ('exec of calls', 'half_open'))
    assert str(status) in breaker(box)[2]
    assert box.lines('effects') == []
    for verb in (['status'], ['why', 'calls'], ['report', 'calls']):
        said = box.run(*verb)
        assert 'exec of calls is out of order since' in said.out and str(status) in said.out, said
    endpoint, = json.loads(box.run('status', '--json').out)['on'][0]['endpoints']
    assert endpoint['endpoint'] == 'exec of calls' and endpoint['breaker'] in ('open', 'half_open')
    assert str(status) in endpoint['reason'] and endpoint['open_since'] and endpoint['next_probe']
    assert endpoint['at_once'] == endpoint['lowest'] == endpoint['highest'] == endpoint['max'] == 4
    heal(box)
    assert process.wait(120) == 0, box.process_said(process)
    assert_all_done(box, 60, 1)
    assert breaker(box)[1] == 'closed'
    assert 'out of order' not in box.run('report', 'calls').out


def test_many_failures_open_it_and_probes_use_up_no_attempts(box):
    """With two attempts for each item any that was charged twice would be dead."""
    write(box, 60, DOWN % 1, f'window: 60s, at_least: 5, {PAUSES}')
    process = start(box)
    wait_until(lambda: breaker(box))
    wait_for_probes(box, process, 8)
    assert 'attempts failed' in breaker(box)[2] or 'exit status 1' in breaker(box)[2]
    assert box.lines('effects') == []
    heal(box)
    assert process.wait(120) == 0, box.process_said(process)
    assert_all_done(box, 60, 2)


def test_without_it_the_items_would_be_dead(box):
    """Negative control of the one above."""
    write(box, 60, DOWN % 1, f'at_least: 1000000, {PAUSES}')
    assert box.run('run', 'calls.yaml', '--no-progress').code == 1  # max_dead
    assert breaker(box) is None
    assert len(box.keys('dead')) >= 20


def test_a_share_of_failures_that_is_smaller_leaves_it_closed(box):
    """A third of the items fails for ever, and is dead in the end: retries open nothing."""
    write(box, 90, 'echo "$STINT_KEY" >>tries; [ $((STINT_KEY % 3)) -gt 0 ]',
          f'at_least: 10, failures: 80%, {PAUSES}')
    said = box.run('run', 'calls.yaml', '--no-progress')
    assert said.code == 1 and 'max_dead' in said.err  # by the dead, not by the breaker
    assert breaker(box) is None


def test_a_program_that_fails_for_each_item_does_not_wait_for_it(box):
    """Without a breaker section: all are dead, and the night is over."""
    write(box, 100, 'exit 1', PAUSES)
    text = box.read('calls.yaml').replace('effect: idempotent', 'effect: idempotent\n  max_dead: 100%')
    box.file('calls.yaml', text[:text.index('breaker:')])
    assert box.run('run', 'calls.yaml', '--no-progress').code == 3
    assert len(box.keys('dead')) == 100 and breaker(box) is None


ONE_AT_A_TIME = '''echo "$STINT_KEY" >>tries
[ -e down ] || { echo "$STINT_KEY" >>effects; exit 0; }
mkdir probing 2>/dev/null || { [ ! -e armed ] || echo two >>overlaps; exit 69; }
sleep 0.1
rmdir probing
exit 69'''


def test_two_instances_send_one_probe_at_a_time(box):
    write(box, 400, ONE_AT_A_TIME.replace('\n', '; ').replace('; sleep', ' ; sleep'), PAUSES)
    one, two = start(box), start(box)
    for process in (one, two):
        wait_until(lambda p=process: 'exec of calls: ' in box.process_said(p))
    # What was out when it opened has ended when a few more have.
    wait_for_probes(box, one, 8)
    box.file('armed')
    wait_for_probes(box, two, 8)
    assert box.lines('overlaps') == []
    heal(box)
    assert one.wait(120) == 0 and two.wait(120) == 0, box.process_said(one) + box.process_said(two)
    assert_all_done(box, 400, 1)


def test_the_next_call_goes_on_where_the_last_one_was(box):
    write(box, 60, DOWN % 69, f'{PAUSES}, give_up_after: 1s')
    said = box.run('run', 'calls.yaml', '--no-progress')
    assert said.code == 1 and 'give_up_after' in said.err and 'exec of calls' in said.err
    assert breaker(box)[1] == 'open'
    before, began = len(box.lines('tries')), time.monotonic()
    said = box.run('run', 'calls.yaml', '--no-progress')
    tries, took = len(box.lines('tries')) - before, time.monotonic() - began
    assert said.code == 1 and 'the breaker is open' in said.err
    assert 1 <= tries <= took / OPEN_FOR + 1  # never four at once
    heal(box)
    assert box.run('run', 'calls.yaml', '--no-progress').code == 0
    assert_all_done(box, 60, 1)
    assert breaker(box) == ('exec of calls', 'closed', breaker(box)[2], 1)


def test_a_stop_does_not_wait_for_it(box):
    write(box, 60, DOWN % 69, 'open_for: 1h, open_max: 1h')
    process = start(box)
    wait_until(lambda: breaker(box))
    process.terminate()
    assert process.wait(120) == 75, box.process_said(process)
    assert {i['attempts'] for i in box.items('--run', 'calls')} == {0}
    box.verify()


def test_concurrency_climbs_while_all_goes_well_and_is_shown(box):
    box.file('items.csv', 'id\n' + ''.join(f'{i}\n' for i in range(300)))
    box.file('calls.yaml', (JOB % ('echo "$STINT_KEY" >>effects', PAUSES)).replace(
        'concurrency: 4', 'concurrency: {start: 1, max: 3}'))
    assert box.run('run', 'calls.yaml', '--no-progress').code == 0
    said = box.run('report', 'calls')
    assert re.search(r'exec of calls: 3 at once, from 1 to 3 so far \(at most 3\)', said.out), said
    endpoint, = json.loads(box.run('report', 'calls', '--json').out)['endpoints']
    assert (endpoint['lowest'], endpoint['highest'], endpoint['at_once']) == (1, 3, 3)
    assert_all_done(box, 300, 1)


def test_concurrency_falls_while_attempts_fail(box):
    """Every second item fails once: more than two of N + 2, whatever N is."""
    box.file('items.csv', 'id\n' + ''.join(f'{i}\n' for i in range(100)))
    shell = '[ $((STINT_KEY % 2)) = 0 ] || [ $STINT_ATTEMPT -gt 1 ] || exit 1; echo "$STINT_KEY" >>effects'
    box.file('calls.yaml', (JOB % (shell, 'at_least: 1000000')).replace(
        'concurrency: 4', 'concurrency: {start: 8, max: 8}'))
    assert box.run('run', 'calls.yaml', '--no-progress').code == 0
    endpoint, = json.loads(box.run('report', 'calls', '--json').out)['endpoints']
    assert endpoint['lowest'] <= 4 and endpoint['highest'] == 8 and endpoint['max'] == 8
    assert_all_done(box, 100, 2)
