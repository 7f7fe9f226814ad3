# SPDX-License-Identifier: Apache-2.0
"""Windows: until when a run may work, what still fits, and what happens at the end."""
import json
import os
import time

import pytest
from lib.box import wait_until

JOB = '''
version: 1
job: window
source:
  csv: {{path: items.csv}}
  key: id
  fields: {{id: integer{fields}}}
{source}
work:
  exec: {{shell: '{shell}', input: none}}
  effect: {effect}
  concurrency: {concurrency}
retry: {{attempts: 3, first: 20ms, max: 50ms}}
'''
APPEND = 'echo "$STINT_KEY" >>effects'


def write(box, items, window, shell=APPEND, effect='once', concurrency=1, fields='', source='',
          more=''):
    records = 'id\n' + ''.join(f'{i}\n' for i in range(1, items + 1))
    if box.lines('items.csv') != records.split('\n')[:-1]:  # else a run would find it changed
        box.file('items.csv', records)
    text = JOB.format(shell=shell, effect=effect, concurrency=concurrency, fields=fields,
                      source=source)
    box.file('window.yaml', f'{text}window: {window}\n{more}')


def run(box, code, *args):
    said = box.run('run', 'window.yaml', '--no-progress', *args)
    assert said.code == code, said
    box.verify()
    return said


def why(box):
    said = box.run('why', 'window')
    assert said.code == 0, said
    return said.out


def test_a_call_begins_with_what_the_last_run_tells(box):
    """No item of this run has ended yet, and it is known that all of them will take too long."""
    write(box, 3, '{}', shell='sleep 2')
    run(box, 0)
    write(box, 300, '{expect: 5m}', shell='until [ -e go ]; do sleep 0.1; done; ' + APPEND)
    going = box.start('run', 'window.yaml', '--no-progress', '--again')
    wait_until(lambda: 'window.expect' in box.process_said(going))
    assert 'it will take about' in box.process_said(going)
    assert not box.lines('effects')
    box.file('go')
    assert going.wait(180) == 0, box.process_said(going)
    assert len(box.lines('effects')) == 300


def test_nothing_is_begun_that_would_not_end_in_time(box):
    """Of items that take 3 s, some fit into 11 s; the window is not waited out with one that does
    not, and none is cut."""
    shell = 'echo "$STINT_KEY" >>begun; sleep 3; echo "$STINT_KEY" >>effects'
    write(box, 20, '{max: 11s, grace: 0s}', shell=shell)
    run(box, 75)
    assert 'nothing more fits within window.max (11s): an item takes 3' in why(box)
    assert 0 < len(box.lines('effects')) < 4
    assert box.lines('begun') == box.lines('effects')
    assert box.items('--state', 'in_doubt') == []


def test_what_fits_goes_on_to_the_end(box):
    write(box, 50, '{max: 10m}')
    run(box, 0)
    assert len(box.lines('effects')) == 50


def test_a_run_that_may_go_on_does_so_behind_its_window(box):
    write(box, 20, '{max: 100ms, when_over: go_on}', shell='sleep 0.2; ' + APPEND)
    said = run(box, 0)
    assert len(box.lines('effects')) == 20
    assert 'the window is over (window.max), and it goes on' in said.err
    assert 'the window is over' in box.run('report').out


def at_least(nice):
    """These tests may be nice themselves, and nobody but root becomes less so."""
    return max(nice, os.nice(0))


NICE = 'nice >>nices; sleep 0.1; ' + APPEND


def test_a_run_goes_on_gently_one_at_once_and_nicer(box):
    """Each item notes when it begins and ends: in the end never two at once."""
    shell = ('echo "+$(nice)" >>log; while [ ! -e gentle ]; do sleep 0.05; done; sleep 0.1; '
             'echo "-" >>log; ' + APPEND)
    write(box, 12, '{max: 1s, when_over: gentle, gentle: {concurrency: 1, nice: 11}}', shell=shell,
          concurrency=4)
    going = box.start('run', 'window.yaml', '--no-progress')
    wait_until(lambda: 'goes on gently' in box.process_said(going))
    box.file('gentle', '')
    assert going.wait(120) == 0, box.process_said(going)
    assert sorted(map(int, box.lines('effects'))) == list(range(1, 13))
    log = box.lines('log')
    # The four that were under way end as they are; those begun since are alone, and nice.
    assert log[:4] == [f'+{os.nice(0)}'] * 4
    after = log[log.index('-'):]
    assert log.count(f'+{at_least(11)}') == (8 if at_least(11) != os.nice(0) else 12), log
    under_way = 4
    for line in after:
        under_way += -1 if line == '-' else 1
        assert line == '-' or under_way == 1, log
    box.verify()


def test_behind_its_window_a_run_keeps_the_gentle_rate(box):
    """Nine items at four a second, once it is gentle: never faster, however quick the machine."""
    shell = 'date +%s.%N >>begun; ' + APPEND
    write(box, 9, '{max: 1ms, when_over: gentle, gentle: {rate: 4/s, concurrency: 8}}', shell=shell,
          concurrency=8)
    run(box, 0)
    begun = sorted(map(float, box.lines('begun')))
    assert len(begun) == 9
    assert begun[-1] - begun[0] > 1.5


def test_programs_under_way_become_nice_too(box):
    shell = 'while [ ! -e done ]; do sleep 0.05; nice >>nices; done; ' + APPEND
    write(box, 1, '{max: 500ms, when_over: gentle, gentle: {nice: 13}}', shell=shell)
    going = box.start('run', 'window.yaml', '--no-progress')
    wait_until(lambda: str(at_least(13)) in box.lines('nices'))
    box.file('done', '')
    assert going.wait(120) == 0, box.process_said(going)


def test_a_warning_goes_out_before_the_run_is_late(box):
    """Sixty items of half a second cannot be done in ten: that is known long before ten are over."""
    shell = '[ -e end ] || sleep 0.5; ' + APPEND
    write(box, 60, '{expect: 10s}', shell=shell)
    began = time.monotonic()
    going = box.start('run', 'window.yaml', '--no-progress')
    wait_until(lambda: 'window.expect' in box.process_said(going))
    said = box.process_said(going)
    assert 'it will take about' in said and 'longer than window.expect (10s)' in said
    status = json.loads(box.run('status', '--json').out)
    note = status['on'][0]['notes'][0]
    assert note['kind'] == 'window.expect' and note['expected_end'] > note['at']
    if time.monotonic() - began < 9:  # on a busy machine there is nothing to be seen of it
        assert len(box.lines('effects')) < 20
    assert 'it may end' in box.run('status').out
    assert 'longer than window.expect' in why(box)
    box.file('end', '')
    assert going.wait(120) == 0, box.process_said(going)
    assert box.process_said(going).count('window.expect') == 1
    report = json.loads(box.run('report', '--json').out)
    assert [n['kind'] for n in report['notes']] == ['window.expect']


def test_lanes_and_what_they_start_are_as_nice_as_the_job_says(box):
    write(box, 3, '{}', shell=NICE, more=f'process: {{nice: {at_least(7)}, io: idle}}\n')
    run(box, 0)
    assert box.lines('nices') == [str(at_least(7))] * 3


def test_what_cannot_be_applied_is_refused(box):
    if os.getuid() != 0:
        pytest.skip('needs another user')
    write(box, 3, '{}', more='process: {nice: -20}\n')
    box.open_to_others()
    os.chmod(box.path, 0o777)
    said = box.run('run', 'window.yaml', '--no-progress', user=65534, group=65534, extra_groups=[])
    assert said.code == 69, said
    assert 'process.nice cannot be applied here' in said.err
    assert not box.lines('effects')


def cutoff(box, then, date, code, *args, items=3):
    write(box, items, f'{{date_cutoff: {{at: "00:00", then: {then}}}}}')
    return run(box, code, '--date', date, *args)


def test_what_was_not_begun_when_its_date_is_over_is_held_until_a_person_decides(box):
    cutoff(box, 'hold', '2026-01-05', 75)
    assert not box.lines('effects')
    assert 'the business date 2026-01-05 is over at 00:00 (window.date_cutoff)' in why(box)
    # Every later call leaves it, and goes on to its own day; one that is to come is not over.
    cutoff(box, 'hold', '2100-01-05', 0)
    assert len(box.lines('effects')) == 3
    cutoff(box, 'hold', '2026-01-05', 75)
    assert len(box.lines('effects')) == 3
    cutoff(box, 'hold', '2026-01-05', 0, '--ignore-window')
    assert len(box.lines('effects')) == 6


def test_a_run_whose_date_is_over_fails_where_the_job_says_so(box):
    cutoff(box, 'fail', '2026-01-05', 1)
    assert not box.lines('effects')
    # Nothing of it has happened: today's file may say otherwise.
    cutoff(box, 'go_on', '2026-01-05', 0)
    assert len(box.lines('effects')) == 3
    assert 'and it goes on' in box.run('report').out


def test_a_short_run_that_goes_on_behind_its_date_says_so(box):
    said = cutoff(box, 'go_on', '2026-01-05', 0)
    assert 'its business date 2026-01-05 is over (window.date_cutoff), and it goes on' in said.err, said
    assert len(box.lines('effects')) == 3


def test_a_run_with_nothing_left_to_begin_has_no_cutoff(box):
    cutoff(box, 'fail', '2026-01-05', 0, items=0)


def test_an_item_that_is_too_old_is_dead_and_was_never_begun(box):
    write(box, 0, '{}', fields=', created_at: "timestamp?"',
          source='  max_age: {field: created_at, limit: 3d}')
    box.file('items.csv', 'id,created_at\n1,2020-01-01T00:00:00Z\n2,2100-01-01T00:00:00Z\n3,\n')
    run(box, 3)
    assert sorted(box.lines('effects')) == ['2', '3']
    item, = box.items('--state', 'dead')
    assert (item['key'], item['error_class'], item['attempts']) == ('1', 'too-old', 0)
    assert 'older than 3d (source.max_age)' in item['error']


def test_an_item_may_become_too_old_between_two_attempts(box):
    """Its second attempt would come after the limit: it is asked then, not when it was loaded."""
    now = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())
    write(box, 0, '{}', shell='echo tried >>effects; exit 1', effect='idempotent',
          fields=', created_at: timestamp', source='  max_age: {field: created_at, limit: 15s}')
    box.file('window.yaml', box.read('window.yaml').replace(
        'first: 20ms, max: 50ms', 'first: 20s, max: 20s, jitter: none'))
    box.file('items.csv', f'id,created_at\n1,{now}\n')
    run(box, 3)
    item, = box.items('--state', 'dead')
    assert item['error_class'] == 'too-old'
    assert len(box.lines('effects')) == item['attempts'] <= 1


def test_an_age_needs_a_date(box):
    write(box, 1, '{}', source='  max_age: {field: id, limit: 3d}')
    said = box.run('check', 'window.yaml')
    assert said.code == 78
    assert 'source.max_age.field: id is an integer; an age is that of a date or a timestamp' in said.said


@pytest.mark.parametrize('key', ['memory_max: 300M', 'cpu_weight: 20'])
def test_what_needs_a_control_group_is_applied_or_refused_with_words(box, key):
    write(box, 3, '{}', more=f'process: {{{key}}}\n')
    said = box.run('run', 'window.yaml', '--no-progress')
    if said.code == 0:
        assert len(box.lines('effects')) == 3
        return
    assert said.code == 69, said
    assert f'process.{key.split(":")[0]} cannot be applied here' in said.err
    assert 'Delegate=yes' in said.err
    assert not box.lines('effects')


def test_a_program_that_wants_more_memory_than_the_job_has_is_ended_alone(box):
    write(box, 3, '{}', shell='[ "$STINT_KEY" != 2 ] || exec tail /dev/zero; ' + APPEND,
          more='process: {memory_max: 100M}\n')
    said = box.run('run', 'window.yaml', '--no-progress')
    if said.code == 69:
        pytest.skip('no control group can be made here')
    assert said.code == 3, said
    assert sorted(box.lines('effects')) == ['1', '3']
    assert box.keys('in_doubt') == ['2']


def test_a_start_on_a_slot_whose_window_is_over_needs_a_word(box):
    write(box, 3, '{stop_by: 06:00}')
    slot = ['--slot', '2026-01-05T01:30+00:00']
    said = box.run('run', 'window.yaml', '--no-progress', *slot)
    assert said.code == 69, said
    assert 'was over at 06:00 (window.stop_by); --ignore-window starts it' in said.err
    assert not box.lines('effects')
    run(box, 0, *slot, '--ignore-window')
    assert len(box.lines('effects')) == 3
