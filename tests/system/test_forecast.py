# SPDX-License-Identifier: Apache-2.0
"""`stint forecast`: real runs, whose dates and durations are then moved into the past, so that what is to
be expected can be told exactly."""
import json
import re
import time
from decimal import Decimal

import pytest

DAY_MS = 24 * 3600 * 1000
JOB = '''version: 1
job: work
once_per: start
source:
  csv: {path: in.csv}
  fields: {id: integer}
work: {noop: {}}
'''


def run(box, n, job=JOB):
    box.file('in.csv', 'id\n' + ''.join(f'{i}\n' for i in range(n)))
    box.file('work.yaml', job)
    said = box.run('run', 'work.yaml', '--no-progress')
    assert said.code == 0, said


def history(box, runs, job=JOB, every_days=1):
    """Runs of so many items, that took so many milliseconds: one every day, the last one now."""
    for items, _ in runs:
        run(box, items, job)
    now = int(time.time() * 1000)
    for k, (_, took_ms) in enumerate(runs):
        began = now - (len(runs) - 1 - k) * every_days * DAY_MS
        box.change('UPDATE run_ SET started_at = ?, ended_at = ? WHERE id = ?', began, began + took_ms, k + 1)
    # In a file the minute that goes on stands with its instance.
    for table in ('rollup',) if box.database else ('rollup', 'instance_batch'):
        box.change(f'UPDATE {table} SET worked_us = 0')
    return now / 1000


def forecast(box, *args):
    said = box.run('forecast', *args, '--json')
    assert said.code == 0, said
    return json.loads(said.out)


def seconds(moment):
    return time.mktime(time.strptime(moment[:19] + 'Z', '%Y-%m-%dT%H:%M:%SZ'))


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    monkeypatch.setenv('TZ', 'UTC')
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_a_run_that_grows(box):
    """100 items more each day, 50 ms an item: ten days, and the next run."""
    history(box, [(1000 + 100 * k, (1000 + 100 * k) * 50) for k in range(10)])
    doc = forecast(box, 'work')
    assert doc['schema'] == 'stint.forecast.1' and doc['job'] == 'work' and doc['runs'] == 10
    assert doc['items'] in (1900, 1901) and doc['items_given'] is False
    assert doc['items_per_day'] == pytest.approx(100, abs=0.1)
    assert doc['took_us'] == pytest.approx(1900 * 50000, rel=0.002)
    assert doc['item_us'] == pytest.approx(50000, abs=100)
    assert doc['low_us'] == pytest.approx(doc['took_us'], rel=0.001) and doc['windows'] == []
    assert doc['cost'] is None
    asked = forecast(box, 'work', '--items', '10000')
    assert asked['items'] == 10000 and asked['items_given'] is True
    assert asked['took_us'] == pytest.approx(10000 * 50000, rel=0.002)
    page = box.run('forecast', 'work').out
    assert re.match(r'work, from 10 runs \(\d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d\)\n'
                    r'  the next run: about 1,90[01] items \(\+100\.0 items a day\)\n'
                    r'  takes 1 min 3[45] s; by three deviations, ', page), page


def test_when_the_window_is_outgrown(box):
    """200 s hold 4,000 items of 50 ms: at 1,900 and 100 more a day that is in 21 days."""
    now = history(box, [(1000 + 100 * k, (1000 + 100 * k) * 50) for k in range(10)])
    box.file('work.yaml', JOB + 'window: {max: 200s, expect: 60s}\n')
    doc = forecast(box, 'work.yaml')
    windows = {w['name']: w for w in doc['windows']}
    assert set(windows) == {'window.max', 'window.expect'}
    longest = windows['window.max']
    assert longest['items'] == pytest.approx(4000, abs=2)
    assert seconds(longest['outgrown_at']) == pytest.approx(now + 21 * 24 * 3600, abs=3600)
    assert seconds(longest['may_be_at']) <= seconds(longest['outgrown_at']) + 1
    # What is too short already is so now.
    assert seconds(windows['window.expect']['outgrown_at']) == pytest.approx(now, abs=600)
    page = box.run('forecast', 'work.yaml').out
    assert re.search(r'window\.max 3 min 20 s: holds \d,\d+ items; long enough for this; '
                     r'may be outgrown from', page), page
    assert re.search(r'window\.expect 1 min 0 s: holds .* too short for this', page), page


def test_one_odd_run_changes_little(box):
    """A run that took a hundred times as long, and one with three items."""
    runs = [(1000 + 100 * k, (1000 + 100 * k) * 50) for k in range(10)]
    runs[4] = (1400, 1400 * 5000)
    runs[7] = (3, 900)
    history(box, runs)
    doc = forecast(box, 'work', '--items', '1900')
    assert doc['took_us'] == pytest.approx(1900 * 50000, rel=0.05)
    assert doc['items_per_day'] == pytest.approx(100, abs=5)
    assert doc['high_us'] > 2 * doc['took_us'] and doc['low_us'] == 0  # it can happen again


def test_one_run_tells_no_growth_and_no_deviation(box):
    history(box, [(500, 5000)])
    doc = forecast(box, 'work')
    assert doc['items'] == 500 and doc['items_per_day'] is None
    assert doc['took_us'] == doc['low_us'] == doc['high_us'] == 5000000
    page = box.run('forecast', 'work').out
    assert page.startswith('work, from 1 run (') and 'deviations' not in page and 'a day' not in page


def test_what_it_will_cost(box):
    """As past runs, by the prices of today's file."""
    history(box, [(1000, 36000), (1000, 36000), (1000, 36000)])
    box.file('work.yaml', JOB + 'cost: {per_hour: 100, per_item: 0.001, currency: EUR, billed_every: 7d, '
             'value_per_item: 0.01, value_after: 30d}\n')
    cost = forecast(box, 'work.yaml', '--items', '5000')['cost']
    assert Decimal(cost['first_cost']) == Decimal('5')
    assert float(cost['time_cost']) == pytest.approx(5.0, rel=0.001)  # 180 s of 3600
    assert Decimal(cost['total']) == Decimal(cost['first_cost']) + Decimal(cost['time_cost'])
    assert cost['carry']['runs'] == 3 and cost['carry']['bills'] == 4
    assert Decimal(cost['carry']['carried']) == 12 * Decimal(cost['total'])
    assert 'deviation' not in cost
    assert 'What it will cost, in EUR' in box.run('forecast', 'work.yaml').out


def test_nothing_to_tell_by(box):
    run(box, 0)
    said = box.run('forecast', 'work')
    assert said.code == 1 and 'no run of work that had items has finished yet' in said.err, said
    said = box.run('forecast', 'nobody')
    assert said.code == 1 and 'nobody' in said.err, said


@pytest.mark.parametrize('args', [(), ('work', '--items', '0'), ('work', '--items', 'many'), ('a', 'b')])
def test_usage(box, args):
    assert box.run('forecast', *args).code == 64
