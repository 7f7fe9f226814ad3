# SPDX-License-Identifier: Apache-2.0
"""Clocks that jump, nights that have 23 and 25 hours, machines that sleep (docs/faults.md 43 to 45).

The wall clock is libfaketime's (Debian: faketime): an offset in a file, which a test changes while stint
runs. The machine's own clock is never touched.
"""
import datetime
import glob
import json
import os
import signal
import time

import pytest
from lib.account import assert_clean
from lib.box import Box, cast, descendants, is_alive, kill, wait_until
from lib.figures import figures
from lib.job import without

LIBRARIES = glob.glob('/usr/lib/*/faketime/libfaketime.so.1')
pytestmark = pytest.mark.skipif(not LIBRARIES, reason='libfaketime is not installed (tools/setup test)')
# The rules of Europe/Berlin, without a need for the machine's zone files.
BERLIN = 'CET-1CEST,M3.5.0/2,M10.5.0/3'
HOUR, YEAR = 3600, 365 * 86400

JOB = '''version: 1
job: clock
source:
  csv: {path: items.csv}
  key: id
  fields: {id: integer}
work:
  exec: {shell: 'echo "$STINT_KEY" >>began; %s; echo "$STINT_KEY" >>effects; echo "$STINT_RUN_DATE" >>dates',
         input: none}
  effect: once
  concurrency: 2
retry: {attempts: 3, first: 300ms, factor: 1, max: 300ms, jitter: none}
window: {max: 1h}
%s
'''


class Clock:
    """The box's wall clock. Time goes on from where it is put."""

    def __init__(self, box, is_monotonic_too=False):
        self.path = os.path.join(box.path, 'offset')
        self.box = box
        box.env.update({'LD_PRELOAD': LIBRARIES[0], 'FAKETIME_TIMESTAMP_FILE': self.path,
                        'FAKETIME_NO_CACHE': '1',
                        'FAKETIME_DONT_FAKE_MONOTONIC': '0' if is_monotonic_too else '1'})
        self.by(0)

    def by(self, seconds):
        """The offset against the machine's clock; in one step, as a file that is half written is no time."""
        self.box.file('offset.new', f'{seconds:+.3f}')
        os.rename(self.path + '.new', self.path)

    def at(self, text, offset_hours):
        """2027-03-28 01:59:00 of a zone that is so many hours east of UTC."""
        zone = datetime.timezone(datetime.timedelta(hours=offset_hours))
        self.by(datetime.datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() - time.time())


@pytest.fixture(name='clock')
def make_clock(box):
    box.clock = Clock(box)
    return box.clock


def write(box, items, command=':', more=''):
    box.file('items.csv', 'id\n' + ''.join(f'{i}\n' for i in range(1, items + 1)))
    box.file('clock.yaml', JOB % (command, more))
    return [str(i) for i in range(1, items + 1)]


def run(box, *args):
    return box.run('run', 'clock.yaml', '--no-progress', *args, timeout=120)


def runs(box):
    return [r['run'] for r in json.loads(box.run('runs', 'clock', '--json').out)['runs']][::-1]


# ---- the wall clock jumps (43) -------------------------------------------------------------------------

def test_the_clock_that_tests_use_is_seen(box, clock):
    """Negative control of all below: the run is of the day that the clock says, not of today."""
    write(box, 1)
    clock.at('2031-05-06 12:00:00', 0)
    assert run(box).code == 0
    assert box.lines('dates') == ['2031-05-06'] and runs(box) == ['clock@2031-05-06']


@pytest.mark.parametrize('jump', [HOUR, -HOUR, 10 * YEAR, -10 * YEAR])
def test_a_clock_that_jumps_during_a_run_changes_nothing_but_times(box, clock, jump):
    """It has an hour at most (window.max) and each item a minute: measured by clocks that do not jump."""
    keys = write(box, 100, 'sleep 0.03')
    process = box.start('run', 'clock.yaml', '--no-progress')
    wait_until(lambda: len(box.lines('effects')) > 10, limit_s=60)
    clock.by(jump)
    assert process.wait(120) == 0, box.process_said(process)
    assert len(set(box.lines('dates'))) == 1
    account = assert_clean(box, 'clock', keys)
    assert account.counts['done'] == 100
    # Nobody was taken for dead meanwhile, and a second call finds it done.
    said = box.run('instances', '-v', '--json')
    assert {i['state'] for i in json.loads(said.out)['instances']} == {'ended'}, said


def test_by_the_wall_clock_a_jump_would_end_it(box, clock):
    """The negative control: what has an hour is measured by the clock that was put ahead by two."""
    write(without(box, 'clock.boot'), 1000, 'sleep 0.03')
    process = box.start('run', 'clock.yaml', '--no-progress')
    wait_until(lambda: len(box.lines('effects')) > 10, limit_s=60)
    clock.by(2 * HOUR)
    assert process.wait(120) == 75, box.process_said(process)
    # Where instances beat, the last beat may be two hours old before the hour of the run is looked at.
    said = box.process_said(process)
    assert 'window.max' in said or box.database and 'has not acknowledged' in said, said


@pytest.mark.parametrize('jump', [HOUR, 10 * YEAR])
def test_a_retry_comes_early_when_the_clock_goes_ahead_and_is_charged_once(box, clock, jump):
    keys = write(box, 20, '[ $STINT_ATTEMPT -gt 1 ] || [ $STINT_KEY -gt 5 ] || exit 1')
    box.file('clock.yaml', box.read('clock.yaml').replace('300ms', '40m').replace('window: {max: 1h}\n', ''))
    assert run(box).code == 75
    assert sorted(box.lines('began'), key=int) == keys
    clock.by(jump)
    said = run(box, '--date', runs(box)[0].split('@')[1])
    assert said.code == 0, said
    assert len(box.lines('began')) == 25
    account = assert_clean(box, runs(box)[0], keys)
    assert account.counts['done'] == 20 and len(runs(box)) == 1


@pytest.mark.parametrize('jump', [-HOUR, -10 * YEAR])
def test_a_clock_that_went_back_between_two_calls_repeats_nothing(box, clock, jump):
    """What was in hand when the first call was stopped has a time from which on it is due, and waits for
    the clock to come there; everything else goes on."""
    keys = write(box, 60, 'sleep 0.03')
    process = box.start('run', 'clock.yaml', '--no-progress')
    wait_until(lambda: len(box.lines('effects')) > 10, limit_s=60)
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 75, box.process_said(process)
    name = runs(box)[0]
    date = ['--date', name.split('@')[1]]
    clock.by(jump)
    said = run(box, *date)
    assert said.code in (0, 75), said
    effects = box.lines('effects')
    assert len(effects) == len(set(effects)) >= 40
    clock.by(0)
    said = run(box, *date)
    assert said.code == 0, said
    assert assert_clean(box, name, keys).counts['done'] == 60
    assert set(box.lines('dates')) == {name.split('@')[1]} and runs(box) == [name]


# ---- nights that are shorter or longer (44) ------------------------------------------------------------

# What a clock on the wall shows, and how far east of UTC it is then.
NIGHTS = {
    'spring': ('2027-03-28', [('00:00:01', 1), ('01:59:59', 1), ('03:00:00', 2), ('12:00:00', 2),
                              ('23:50:00', 2)]),
    'autumn': ('2027-10-31', [('00:00:01', 2), ('02:30:00', 2), ('02:59:59', 2), ('02:00:00', 1),
                              ('02:30:00', 1), ('03:00:00', 1), ('23:50:00', 1)]),
    'leap day': ('2028-02-29', [('00:00:01', 1), ('12:00:00', 1), ('23:50:00', 1)])}


@pytest.mark.parametrize('night', NIGHTS)
def test_a_day_has_one_run_however_long_it_is(box, clock, night):
    """Called at each of these times, and the day before and after: once_per: day is the day of the wall."""
    day, times = NIGHTS[night]
    box.env['TZ'] = BERLIN
    keys = write(box, 3)
    date = datetime.date.fromisoformat(day)
    before, after = (date + datetime.timedelta(days=n) for n in (-1, 1))
    clock.at(f'{before} 23:50:00', times[0][1])
    assert run(box).code == 0
    for hour, offset in times:
        clock.at(f'{day} {hour}', offset)
        assert run(box).code == 0, hour
        assert runs(box)[:2] == [f'clock@{before}', f'clock@{day}']
    clock.at(f'{after} 00:00:01', times[-1][1])
    assert run(box).code == 0
    assert runs(box) == [f'clock@{d}' for d in (before, day, after)]
    assert box.lines('dates') == [str(d) for d in (before, day, after) for _ in range(3)]
    assert len(box.lines('effects')) == 9
    figures(box, keys, 'once', effects=box.lines('effects')[-3:])


def test_without_a_zone_a_day_begins_too_late(box, clock):
    """The negative control: by UTC half past midnight is still the day before."""
    box.env['TZ'] = BERLIN
    write(without(box, 'clock.zone'), 3)
    clock.at('2027-03-28 00:30:00', 1)
    assert run(box).code == 0
    assert runs(box) == ['clock@2027-03-27']


def test_dates_beside_a_leap_day(box, clock):
    box.env['TZ'] = BERLIN
    box.file('clock.yaml', '''version: 1
job: clock
work:
  exec:
    shell: echo "$A $B $C" >>effects
    env: {A: "${run.date-1d}", B: "${run.date}", C: "${run.date+1d}"}
    input: none
''')
    clock.at('2028-03-01 00:30:00', 1)
    assert run(box).code == 0
    assert run(box, '--date', 'yesterday').code == 0
    assert box.run('run', 'clock.yaml', '--date', '2027-02-29').code == 64
    assert box.lines('effects') == ['2028-02-29 2028-03-01 2028-03-02', '2028-02-28 2028-02-29 2028-03-01']


def test_a_time_that_comes_twice_names_two_slots_and_each_runs_once(box, clock):
    box.env['TZ'] = BERLIN
    write(box, 2)
    clock.at('2027-10-31 12:00:00', 1)
    for slot in ('2027-10-31T02:30+02:00', '2027-10-31T02:30+01:00', '2027-10-31T02:30+02:00'):
        assert run(box, '--slot', slot).code == 0
    assert runs(box) == ['clock@2027-10-31T02:30+02:00', 'clock@2027-10-31T02:30+01:00']
    assert sorted(box.lines('effects')) == ['1', '1', '2', '2']
    box.verify()


def test_each_start_has_a_name_of_its_own_in_the_hour_that_comes_twice(box, clock):
    box.env['TZ'] = BERLIN
    write(box, 1, more='once_per: start')
    for offset in (2, 1):
        clock.at('2027-10-31 02:30:00', offset)
        assert run(box).code == 0
    first, second = runs(box)
    assert first.startswith('clock@2027-10-31T02:3') and first.endswith('+02:00')
    assert second.startswith('clock@2027-10-31T02:3') and second.endswith('+01:00')


@pytest.mark.parametrize('called, offset, stop_by, hours', [
    ('2027-03-28 00:30:00', 1, '06:00', 4.5), ('2027-10-31 00:30:00', 2, '06:00', 6.5),
    ('2027-03-27 23:00:00', 1, '02:30', 3.5), ('2027-10-31 02:45:00', 2, '03:30', 1.75)])
def test_the_end_of_the_window_is_what_the_wall_shows(box, clock, called, offset, stop_by, hours):
    """Half a minute before the end of the window it works, a minute later it does not."""
    box.env['TZ'] = BERLIN
    write(box, 2000, 'sleep 0.05')
    box.file('clock.yaml', box.read('clock.yaml').replace('max: 1h', f'stop_by: {stop_by}'))
    clock.at(called, offset)
    process = box.start('run', 'clock.yaml', '--no-progress')
    wait_until(lambda: len(box.lines('effects')) > 2, limit_s=60)
    clock.at(called, offset - (hours * HOUR - 300) / HOUR)
    seen = len(box.lines('effects'))
    wait_until(lambda: len(box.lines('effects')) > seen + 10, limit_s=60)
    assert process.poll() is None
    clock.at(called, offset - (hours * HOUR + 30) / HOUR)
    assert process.wait(120) == 75, box.process_said(process)
    assert 'stop_by' in box.process_said(process)
    box.verify()


def test_another_zone_between_two_calls_goes_on_with_the_run_that_was_begun(box, clock):
    """The machine moved, or its zone file was changed: 23:30 of one day is 07:30 of the next."""
    box.env['TZ'] = BERLIN
    keys = write(box, 60, 'sleep 0.03')
    clock.at('2027-06-01 23:30:00', 2)
    process = box.start('run', 'clock.yaml', '--no-progress')
    wait_until(lambda: len(box.lines('effects')) > 10, limit_s=60)
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 75, box.process_said(process)
    box.env['TZ'] = 'XXX-10'
    said = run(box, '--date', '2027-06-01')
    assert said.code == 0, said
    assert runs(box) == ['clock@2027-06-01']
    assert assert_clean(box, 'clock', keys).counts['done'] == 60
    assert set(box.lines('dates')) == {'2027-06-01'}


# ---- the machine sleeps (45) ---------------------------------------------------------------------------

def everyone(process):
    return [process.pid, *descendants(process.pid)]


@pytest.mark.parametrize('jump', [0, HOUR, 10 * YEAR])
def test_all_processes_stand_still_for_a_while_and_the_clock_is_another_then(box, clock, jump):
    """As a virtual machine that is paused and goes on later, elsewhere."""
    keys = write(box, 150, 'sleep 0.03')
    process = box.start('run', 'clock.yaml', '--no-progress')
    wait_until(lambda: len(box.lines('effects')) > 10, limit_s=60)
    frozen = everyone(process)
    for pid in frozen:
        kill(pid, signal.SIGSTOP)
    clock.by(jump)
    time.sleep(3)  # the fault itself, not a wait for something
    for pid in frozen:
        kill(pid, signal.SIGCONT)
    assert process.wait(120) == 0, box.process_said(process)
    assert assert_clean(box, 'clock', keys).counts['done'] == 150
    assert 'has not moved' not in box.process_said(process)


def test_by_the_wall_clock_a_pause_would_end_it(box, clock):
    """The negative control."""
    write(without(box, 'clock.boot'), 150, 'sleep 0.03')
    process = box.start('run', 'clock.yaml', '--no-progress')
    wait_until(lambda: len(box.lines('effects')) > 10, limit_s=60)
    frozen = everyone(process)
    for pid in frozen:
        kill(pid, signal.SIGSTOP)
    clock.by(10 * YEAR)
    for pid in frozen:
        kill(pid, signal.SIGCONT)
    assert process.wait(120) == 75, box.process_said(process)


def test_nobody_takes_over_from_one_who_stands_still(box, clock):
    """A second call while all of the first is frozen joins; what is frozen is never taken for dead."""
    keys = write(box, 60, 'sleep 0.03')
    first = box.start('run', 'clock.yaml', '--no-progress')
    wait_until(lambda: len(box.lines('effects')) > 10, limit_s=60)
    frozen = everyone(first)
    for pid in frozen:
        kill(pid, signal.SIGSTOP)
    clock.by(10 * YEAR)
    date = ['--date', runs(box)[0].split('@')[1]]
    second = box.start('run', 'clock.yaml', '--no-progress', *date)
    wait_until(lambda: cast(second.pid)['engine'] or second.poll() is not None, limit_s=60)
    time.sleep(3)  # as above
    for pid in frozen:
        kill(pid, signal.SIGCONT)
    assert first.wait(120) == 0, box.process_said(first)
    assert second.wait(120) == 0, box.process_said(second)
    assert assert_clean(box, 'clock', keys).counts['done'] == 60
    assert len(runs(box)) == 1


def test_a_sleep_that_every_clock_tells_of_ends_the_attempts_and_loses_nothing(box):
    """All clocks go an hour ahead at once, as after a suspend: what was under way has had its time and is
    in doubt, never done twice; the rest is left or done, and the next call ends it."""
    clock = Clock(box, is_monotonic_too=True)
    keys = write(box, 150, 'sleep 0.03')
    process = box.start('run', 'clock.yaml', '--no-progress')
    wait_until(lambda: len(box.lines('effects')) > 10, limit_s=60)
    frozen = everyone(process)
    for pid in frozen:
        kill(pid, signal.SIGSTOP)
    clock.by(2 * HOUR)
    for pid in frozen:
        kill(pid, signal.SIGCONT)
    assert process.wait(120) == 75, box.process_said(process)
    # window.max is over; at a server others may have taken over since.
    ends = 'has lost its claims' if box.database else 'window.max'
    assert ends in box.process_said(process), box.process_said(process)
    said = run(box, '--date', runs(box)[0].split('@')[1])
    assert said.code in (0, 3), said
    figures(box, keys, 'once', crashes=1)
    assert not any(is_alive(pid) for pid in frozen)


# ---- a day ends during a run: attempts in PostgreSQL are kept by day ---------------------------------

def partitions(database, day):
    return int(database.value(f"select count(*) from pg_tables where tablename = 'attempt_{day}'"))


@pytest.fixture(name='night')
def make_night(tmp_path, postgres):
    """A box on PostgreSQL, some time before midnight."""
    box = Box(tmp_path, database=postgres)
    box.clock = Clock(box)
    box.clock.at('2031-05-06 22:00:00', 0)
    yield box
    box.close()


@pytest.mark.parametrize('next_day', ['there', 'missing', 'has rows already'])
def test_midnight_passes_for_two_instances_at_once(night, postgres, next_day):
    """Both need the partition of the new day at the same moment."""
    keys = write(night, 120, 'while [ ! -e go ] && [ $STINT_KEY -gt 40 ]; do sleep 0.05; done; '
                 '[ $STINT_ATTEMPT -gt 1 ] || exit 1', 'chunk: {items: 20}')
    first = night.start('run', 'clock.yaml', '--no-progress')
    wait_until(lambda: night.lines('began') or first.poll() is not None, limit_s=120)
    second = night.start('run', 'clock.yaml', '--no-progress', '--date', '2031-05-06')
    # Each has two in hand.
    wait_until(lambda: len([key for key in night.lines('began') if int(key) > 40]) == 4
               or second.poll() is not None, limit_s=120)
    assert partitions(postgres, '20310506') == 1 and partitions(postgres, '20310507') == 1
    if next_day != 'there':
        for day in ('20310507', '20310508'):
            postgres.ask(f'drop table stint.attempt_{day}')
    if next_day == 'has rows already':
        postgres.ask('insert into stint.attempt_(at, run_id, item, attempt, inc, outcome, ms, err_class, err,'
                     " fingerprint, output_cut) select 1935878401000, 0, 0, 0, 0, 0, 0, '', '', '', 0")
    night.clock.at('2031-05-07 00:00:01', 0)
    night.file('go')
    for process in (first, second):
        assert process.wait(180) == 0, night.process_said(process)
        is_told = 'keeps attempts of 2031-05-07 in stint.attempt_default' in night.process_said(process)
        assert is_told == (next_day == 'has rows already'), night.process_said(process)
    if next_day == 'has rows already':
        postgres.ask('delete from stint.attempt_ where run_id = 0')
    figures(night, keys, 'once')
    days = dict(night.ask('SELECT tableoid::regclass::text AS day, count(*) AS n FROM attempt_ GROUP BY 1'))
    assert sum(days.values()) >= 120 and days['attempt_20310506'] >= 20, days
    second_day = 'attempt_default' if next_day == 'has rows already' else 'attempt_20310507'
    assert set(days) == {'attempt_20310506', second_day}, days
    assert partitions(postgres, '20310507') == (next_day != 'has rows already')
    assert partitions(postgres, '20310508') == 1
