# SPDX-License-Identifier: Apache-2.0
"""Too much, too many, too long, too often: what the limits of a job do."""
import signal
import time

from lib.box import wait_until
from lib.figures import figures

JOB = '''
version: 1
job: amounts
source:
  csv: {{path: items.csv}}
  key: id
  fields: {{id: integer}}
{source}
work:
  exec: {{shell: '{shell}', input: none}}
  effect: idempotent
  concurrency: 2
{work}
retry: {{attempts: 3, first: 20ms, max: 50ms}}
'''
APPEND = 'echo "$STINT_KEY" >>effects'


def write(box, items, source='', work='', shell=APPEND, more=''):
    box.file('items.csv', 'id\n' + ''.join(f'{i}\n' for i in range(1, items + 1)))
    box.file('amounts.yaml', JOB.format(source=source, work=work, shell=shell) + more)


def run(box, code, *args):
    said = box.run('run', 'amounts.yaml', '--no-progress', *args)
    assert said.code == code, said
    box.verify()
    return said


def test_more_than_max_items_stop_the_run_before_its_first(box):
    write(box, 11, source='  max_items: 10')
    said = run(box, 1)
    assert 'max_items' in said.err and '10' in said.err
    assert not box.lines('effects')


def test_as_many_as_max_items_are_welcome(box):
    write(box, 10, source='  max_items: 10')
    run(box, 0)
    assert len(box.lines('effects')) == 10


def test_a_surge_against_earlier_runs_stops_the_run_before_its_first_item(box):
    write(box, 10, source='  surge: 5x')
    for day in range(1, 6):
        run(box, 0, '--date', f'2026-01-0{day}')
    write(box, 51, source='  surge: 5x')
    said = run(box, 1, '--date', '2026-01-06')
    assert 'surge' in said.err
    assert len(box.lines('effects')) == 50
    # Where so many are right, the file is told so, and the same run goes on.
    write(box, 51, source='  surge: 6x')
    run(box, 0, '--date', '2026-01-06')
    assert len(box.lines('effects')) == 101


def test_too_many_dead_stop_the_run(box):
    write(box, 1000, shell=f'{APPEND}; exit 65')
    said = run(box, 1)
    assert 'max_dead' in said.err
    assert 20 < len(box.lines('effects')) < 200


def test_a_few_dead_do_not(box):
    write(box, 100, shell='[ $STINT_KEY -gt 3 ] || exit 65; ' + APPEND)
    run(box, 3)
    assert len(box.lines('effects')) == 97
    assert box.keys('dead') == ['1', '2', '3']


def test_a_canary_that_dies_stops_the_run(box):
    write(box, 1000, work='  canary: 5', shell=f'{APPEND}; exit 65')
    said = run(box, 1)
    assert 'canary' in said.err
    assert len(box.lines('effects')) <= 5


def test_attempts_are_bounded(box):
    write(box, 1, shell=f'{APPEND}; exit 1')
    run(box, 3)
    assert len(box.lines('effects')) == 3
    assert box.keys('dead') == ['1']


def test_what_hits_every_item_alike_charges_none(box):
    write(box, 500, shell=f'{APPEND}; [ -e healed ] || exit 69',
          more='breaker: {open_for: 100ms, open_max: 200ms, give_up_after: 600ms}\n')
    said = run(box, 1)
    assert 'exit status 69' in said.err
    assert len(box.lines('effects')) < 30
    assert box.items('--state', 'dead') == []
    box.file('healed')
    run(box, 0)
    assert {i['state'] for i in box.items('--run', 'amounts')} == {'done'}


def test_a_breaker_closes_when_it_is_well_again(box):
    write(box, 50, shell=f'[ -e healed ] || exit 69; {APPEND}',
          more='breaker: {open_for: 100ms, open_max: 200ms, give_up_after: 200s}\n')
    process = box.start('run', 'amounts.yaml', '--no-progress')
    time.sleep(0.7)
    assert process.poll() is None
    box.file('healed')
    assert process.wait(120) == 0, box.process_said(process)
    assert len(box.lines('effects')) == 50


def test_time_that_is_up_stops_between_items(box):
    write(box, 100, shell=f'{APPEND}; sleep 0.1', more='window: {max: 1s}\n')
    said = run(box, 75)
    assert 'window.max' in said.said
    done = len(box.lines('effects'))
    assert 5 < done < 60
    # The next call has a window of its own and goes on.
    while done < 100:
        before = done
        code = box.run('run', 'amounts.yaml', '--no-progress').code
        done = len(box.lines('effects'))
        assert code == (75 if done < 100 else 0) and done > before
    assert figures(box, [str(i) for i in range(1, 101)], 'idempotent').needless == 0


def test_no_progress_is_noticed(box):
    write(box, 4, shell='sleep 600', work='  timeout: 300s',
          more='window: {stalled_after: 1s, grace: 500ms}\n')
    began = time.monotonic()
    said = run(box, 75)
    assert time.monotonic() - began < 120
    assert 'stalled_after' in said.said


def test_what_may_change_is_read_again_while_it_runs(box):
    write(box, 1000, shell=f'{APPEND}; sleep 0.05')
    process = box.start('run', 'amounts.yaml', '--no-progress')
    wait_until(lambda: len(box.lines('effects')) > 4)
    write(box, 1000, shell=f'{APPEND}; sleep 0.05', more='window: {max: 1s}\n')
    process.send_signal(signal.SIGHUP)
    assert process.wait(120) == 75, box.process_said(process)


def test_a_file_that_becomes_wrong_while_it_runs_changes_nothing(box):
    write(box, 100, shell=f'{APPEND}; sleep 0.02')
    process = box.start('run', 'amounts.yaml', '--no-progress')
    wait_until(lambda: len(box.lines('effects')) > 4)
    box.file('amounts.yaml', 'version: 1\njob: [\n')
    process.send_signal(signal.SIGHUP)
    assert process.wait(120) == 0, box.process_said(process)
    assert 'amounts.yaml' in box.process_said(process)
    assert len(box.lines('effects')) == 100


def test_the_business_date_reaches_every_item_of_its_run(box):
    write(box, 5, shell='echo $STINT_RUN_DATE >>effects; sleep 0.5', more='window: {max: 400ms}\n')
    run(box, 75, '--date', '2026-01-31')
    assert len(box.lines('effects')) < 5
    # Later, whatever day that is; first what was left, and then today's.
    box.file('amounts.yaml', box.read('amounts.yaml').replace('max: 400ms', 'max: 1h'))
    run(box, 0)
    effects = box.lines('effects')
    assert effects[:5] == ['2026-01-31'] * 5
    assert len(effects) == 10 and '2026-01-31' not in effects[5:]


def test_a_key_that_is_still_open_is_held_back_from_the_next_run(box):
    write(box, 3, shell=f'[ $STINT_KEY != 2 ] || [ -e healed ] || exit 1; {APPEND}')
    box.file('amounts.yaml', box.read('amounts.yaml').replace(
        'first: 20ms, max: 50ms', 'first: 1h, max: 1h, jitter: none, within_run: 1s'))
    run(box, 75, '--date', '2026-01-30')
    run(box, 0, '--date', '2026-01-31')
    effects = box.lines('effects')
    assert sorted(effects) == ['1', '1', '3', '3']
    report = box.run('report', 'amounts@2026-01-31')
    assert 'held back 1' in report.out, report
