# SPDX-License-Identifier: Apache-2.0
"""What a run costs: recomputed by Python's decimals from what the report says was done."""
import json
import re
import statistics
from decimal import ROUND_HALF_UP, Decimal

import pytest

JOB = '''version: 1
job: work
source:
  csv: {path: in.csv}
  key: id
  fields: {id: integer}
work:
  exec: {command: [./work, "${id}"], input: none}
  effect: idempotent
  concurrency: 2
  max_dead: 100%%
retry: {attempts: 3, first: 20ms, max: 20ms}
cost: %s
'''

# Each fifth is dead at once, each third needs three attempts.
WORK = '''#!/bin/sh
[ $(($1 % 5)) -eq 0 ] && exit 65
[ $(($1 % 3)) -eq 0 ] && [ "$STINT_ATTEMPT" -lt 3 ] && exit 75
exit 0
'''

PRICES = ('{per_hour: 3600.00, per_item: 0.001, per_retry: 0.0005, currency: EUR, '
          'billed_every: 30d, value_per_item: 0.02, value_after: 180d}')


def work(box, cost, n=30, code=3):
    box.file('in.csv', 'id\n' + ''.join(f'{i}\n' for i in range(1, n + 1)))
    box.file('work', WORK, mode=0o755)
    box.file('work.yaml', JOB % cost)
    said = box.run('run', 'work.yaml', '--no-progress')
    assert said.code == code, said
    return report(box)


def report(box):
    return json.loads(box.run('report', '--json').out)


def billionth(value):
    return value.quantize(Decimal('1e-9'), ROUND_HALF_UP)


def test_the_sums_are_exact(box):
    """6 of 30 items are dead; 8 others are tried three times: 30 first attempts, 16 further ones."""
    doc = work(box, PRICES)
    cost = doc['cost']
    assert cost['currency'] == 'EUR'
    assert (cost['first'], cost['again'], cost['failed'], cost['resultless']) == (30, 16, 22, 6)
    time = billionth(Decimal('3600.00') * cost['worked_us'] / 3600000000)
    assert Decimal(cost['time_cost']) == time
    assert Decimal(cost['first_cost']) == Decimal('0.030')
    assert Decimal(cost['again_cost']) == Decimal('0.0080')
    assert Decimal(cost['total']) == time + Decimal('0.0380')
    assert Decimal(cost['mean']) == billionth(Decimal(cost['total']) / 30)
    assert Decimal(cost['resultless_cost']) == Decimal('0.006')
    assert cost['worked_us'] == doc['attempts']['worked_us'] > 0
    assert 0 < Decimal(cost['failed_cost']) < time
    assert Decimal(cost['again_cost']) < Decimal(cost['again_all_cost']) < Decimal(cost['total'])


def test_what_has_to_be_carried(box):
    """Bills of 30 days, and a value that comes after 180: six bills come first."""
    carry = work(box, PRICES)['cost']['carry']
    total = Decimal(report(box)['cost']['total'])
    assert (carry['runs'], carry['bills']) == (1, 6)
    assert Decimal(carry['value']) == Decimal('0.02') * 24
    assert Decimal(carry['period_cost']) == total
    assert Decimal(carry['carried']) == 6 * total
    page = box.run('report').out
    assert re.search(r'^What it cost, in EUR\n  time at work +\d', page, re.M), page
    assert re.search(r'^  together +\d+\.\d\d', page, re.M)
    assert re.search(r'^  of it, 22 failed attempts: .* EUR for 6 items that are not done$', page, re.M)
    assert re.search(r'^  of it, 16 further attempts: ', page, re.M)
    assert re.search(r'^  it brings 0\.48 EUR, after 180 days; in 30 days, a bill, 1 run began', page, re.M)
    assert re.search(r'^  6 bills come before the first value does: \d+\.\d+ EUR have to be carried',
                     page, re.M)
    # A second run in the same period, and the period costs twice as much.
    assert box.run('run', 'work.yaml', '--no-progress', '--again').code == 3
    again = report(box)['cost']
    assert again['carry']['runs'] == 2
    assert Decimal(again['carry']['period_cost']) == 2 * Decimal(again['total'])


@pytest.mark.parametrize('after, words', [
    ('1d', 'nothing has to be carried: the value comes before the bill'),
    ('30d', '1 bill comes before the first value does'),
])
def test_bills_before_the_value(box, after, words):
    work(box, PRICES.replace('180d', after))
    assert words in box.run('report').out


def test_the_deviation_is_that_of_the_items(box):
    """Without a price for time it is that of how often items are tried: 1 or 3 times."""
    doc = work(box, '{per_item: 0.01, per_retry: 0.02}')
    cost = doc['cost']
    each = [0.05 if i % 3 == 0 and i % 5 != 0 else 0.01 for i in range(1, 31)]
    assert float(cost['mean']) == pytest.approx(statistics.mean(each), abs=1e-9)
    assert float(cost['deviation']) == pytest.approx(statistics.pstdev(each), abs=1e-9)
    assert float(cost['low']) == 0  # three deviations are more than the mean
    assert float(cost['high']) == pytest.approx(
        statistics.mean(each) + 3 * statistics.pstdev(each), abs=1e-8)
    assert cost['currency'] is None and cost['carry'] is None
    assert 'it brings' not in box.run('report').out
    items = [row for row in doc['latency'] if row['phase'] == 'item']
    assert [row['count'] for row in items] == [30]


def test_a_job_without_cost_has_none(box):
    doc = work(box, '{per_item: 0}')
    assert Decimal(doc['cost']['total']) == 0
    box.file('work.yaml', (JOB % '').replace('cost: ', ''))
    assert box.run('run', 'work.yaml', '--no-progress', '--again').code == 3
    assert report(box)['cost'] is None
    assert 'What it cost' not in box.run('report').out


@pytest.mark.parametrize('cost, said', [
    ('{per_item: -1}', 'cost.per_item: -1 is out of range'),
    ('{per_item: "0.1"}', 'cost.per_item: expected an amount such as'),
    ('{per_item: 1e3}', 'cost.per_item: expected an amount such as'),
    ('{per_item: 0.0000000001}', 'cost.per_item: 0.0000000001 is out of range'),
    ('{value_after: 3d}', 'cost.value_after: says when value_per_item comes'),
    ('{billed_every: 1s}', 'cost.billed_every: 1s is out of range'),
    ('{per_itm: 1}', 'per_item'),
])
def test_what_makes_no_sense_is_refused(box, cost, said):
    box.file('work', WORK, mode=0o755)
    box.file('work.yaml', JOB % cost)
    check = box.run('check', 'work.yaml')
    assert check.code == 78 and said in check.said and 'work.yaml:13:' in check.said, check


def test_explain_says_it(box):
    box.file('work', WORK, mode=0o755)
    box.file('work.yaml', JOB % PRICES)
    said = re.sub(r'\s+', ' ', box.run('explain', 'work.yaml').out.replace('#', ' '))
    assert ("What it costs, in 'EUR': 3600.00 an hour of each instance, 0.001 an item, 0.0005 a further "
            'attempt; billed every 4w2d. An item that is done brings 0.02, 25w5d after its run.') in said


def test_no_call_is_made_beyond_a_quota_so_none_is_paid_for(box):
    """`over_quota` is the price of calls that this version never makes; who says it reads so."""
    box.file('in.csv', 'id\n1\n2\n4\n')
    box.file('work', '#!/bin/sh\necho "$1" >>effects\n', mode=0o755)
    box.file('work.yaml', (JOB % '{per_item: 0.10, over_quota: 5.00}').replace(
        '  concurrency', '  quota: {name: calls, limit: 2, per: month}\n  concurrency'))
    said = re.sub(r'\s+', ' ', box.run('explain', 'work.yaml').out.replace('#', ' '))
    assert '0.10 an item, 5.00 a call beyond the quota' in said
    said = box.run('run', 'work.yaml', '--no-progress')
    assert said.code == 75 and 'the quota calls is used up' in said.out, said
    assert len(box.lines('effects')) == 2
    cost = report(box)['cost']
    assert (cost['first'], cost['over_quota'], Decimal(cost['over_quota_cost'])) == (2, 0, 0)
    assert Decimal(cost['total']) == Decimal('0.20')
