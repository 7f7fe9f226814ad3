# SPDX-License-Identifier: Apache-2.0
"""Totals: those that must balance before a run begins, and those that its report sums up."""
import hashlib
import json
import os
import signal
from decimal import Decimal

import pytest

FIELDS = 'fields: {id: integer, total: decimal, cur: text}'
WORK = 'work: {exec: {shell: "echo $STINT_KEY >> effects"}, effect: idempotent}'


def write(box, rows, more='', work=WORK, source=''):
    box.file('in.csv', 'id,total,cur\n' + ''.join(f'{row}\n' for row in rows))
    box.file('job.yaml', f'''
job: sums
source: {{csv: {{path: in.csv}}, key: id, {FIELDS}{source}}}
{more}
{work}
''')


def totals_of(box, *args):
    said = box.run('report', *args, '--json')
    assert said.code == 0, said
    return json.loads(said.out)


def sum_of(row, field='total'):
    return {name: Decimal(text) for name, text in row['totals'][field].items()}


# ---- what a report sums up --------------------------------------------------------------------------


def test_each_outcome_has_its_sum(box):
    write(box, ['1,10.50,EUR', '2,20.25,EUR', '3,0.05,XXX', '4,abc,EUR', '5,1.10,EUR', '6,2.20,EUR',
                '7,4.40,EUR'],
          more='filter: cur ~= "XXX"\ntotals: [total, id]\nretry: {attempts: 2, first: 1h, within_run: 1s}',
          work='work: {exec: {shell: "case $STINT_KEY in 2) exit 65;; 5) kill -9 $$;; 7) exit 1;; esac"}}')
    assert box.run('run', 'job.yaml').code == 75
    doc = totals_of(box)
    total = sum_of(doc)
    assert total == {'done': Decimal('12.70'), 'skipped': 0, 'retry': Decimal('4.40'),
                     'in_doubt': Decimal('1.10'), 'dead': Decimal('20.25'), 'open': 0,
                     'loaded': Decimal('38.45'), 'filtered': Decimal('0.05'), 'rejected': 0,
                     'held_back': 0}
    assert sum_of(doc, 'id')['rejected'] == 4 and doc['totals_unread'] == 1
    page = box.run('report').out
    assert 'in doubt                    1.10' in page and '(1 could not be read)' in page
    assert box.run('resolve', 'sums/5', '--done', '--why', 'seen', '-y').code == 0
    assert box.run('skip', 'sums/2', '--why', 'no', '-y').code == 0
    total = sum_of(totals_of(box))
    assert (total['done'], total['skipped']) == (Decimal('13.80'), Decimal('20.25'))


@pytest.mark.parametrize('work', ['noop: {}', 'exec: {shell: "exit 0"}'])
def test_many_items_by_reference_and_by_chunk(box, work):
    amounts = [Decimal(i * 7919 % 100003) / 100 for i in range(1, 2001)]
    write(box, [f'{i},{amount},EUR' for i, amount in enumerate(amounts, 1)],
          more='totals: [total]\nchunk: {items: 37}',
          work=f'work: {{{work}, effect: idempotent, concurrency: 16}}')
    assert box.run('run', 'job.yaml', timeout=300).code == 0
    total = sum_of(totals_of(box))
    assert total['done'] == total['loaded'] == sum(amounts)


def test_a_killed_load_does_not_count_twice(box):
    amounts = [Decimal(i) / 100 for i in range(1, 20001)]
    write(box, [f'{i},{amount},EUR' for i, amount in enumerate(amounts, 1)],
          more='totals: [total]\nchunk: {items: 100}', work='work: {noop: {}}')
    for _ in range(3):
        run = box.start('run', 'job.yaml')
        while run.poll() is None and items_in(box) <= 500:
            pass
        run.send_signal(signal.SIGKILL)
        run.wait(60)
    while box.run('run', 'job.yaml', timeout=300).code == 75:
        pass
    total = sum_of(totals_of(box))
    assert total['loaded'] == total['done'] == sum(amounts)


def items_in(box):
    rows = box.ask_early('select coalesce(max(items), 0) from run')
    return rows[0][0] if rows else 0


def test_what_is_held_back_is_summed(box):
    write(box, ['1,1.00,EUR', '2,2.00,EUR'], more='totals: [total]\nonce_per: start\n',
          work='work: {exec: {shell: "exit 1"}, effect: idempotent}\n'
               'retry: {attempts: 3, first: 1h, within_run: 1s}\ncarry_over: leave')
    assert box.run('run', 'job.yaml').code == 75
    assert box.run('run', 'job.yaml', '--again', '--slot', '2031-01-01T00:00+00:00').code in (0, 75)
    held = [sum_of(totals_of(box, str(run['run_id'])))['held_back']
            for run in json.loads(box.run('runs', '--json').out)['runs']]
    assert Decimal('3.00') in held


def test_no_report_is_printed_whose_sums_do_not_add_up(box):
    write(box, ['1,1.00,EUR', '2,2.00,EUR'], more='totals: [total]')
    assert box.run('run', 'job.yaml').code == 0
    assert box.change("update chunk_sums set sums = replace(sums, '2.00', '2.01')") == 1
    said = box.run('report')
    assert said.code == 70 and said.out == '', said
    assert 'total: loaded 3.00, accounted for 3.01' in said.err and 'ledger verify' in said.err


@pytest.mark.parametrize('totals, fault', [
    ('[nothing]', 'there is no such field'), ('[cur]', 'cannot be summed exactly'),
    ('[total, total]', 'stands here twice')])
def test_check_says_what_cannot_be_summed(box, totals, fault):
    write(box, ['1,1,EUR'], more=f'totals: {totals}')
    said = box.run('check', 'job.yaml')
    assert said.code == 78 and fault in said.err and 'job.yaml:4:' in said.err, said


# ---- control files ----------------------------------------------------------------------------------


def write_control(box, name='in.csv', **what):
    with open(os.path.join(box.path, name), 'rb') as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    lines = {'count': '2', 'sum.total': '3.00', 'sha256': digest, **what}
    box.file(f'{name}.ctl', ''.join(f'{key}={value}\n' for key, value in lines.items() if value))


CONTROL = 'control: {file: "${source.path}.ctl"}'


def test_a_run_that_balances_begins(box):
    write(box, ['1,1.00,EUR', '2,2.00,EUR'], more=CONTROL)
    write_control(box)
    assert box.run('run', 'job.yaml').code == 0
    assert len(box.lines('effects')) == 2


@pytest.mark.parametrize('wrong, words', [
    ({'count': '3'}, 'the control count of in.csv is 3, but 2 records were read'),
    ({'sum.total': '3.01'},
     'the control sum of total in in.csv is 3.01, but the 2 records read add up to 3.00'),
    ({'sha256': '0' * 64}, 'in.csv is not what its control file is about: its sha256 is another'),
    ({'count': 'x'}, "in.csv.ctl:1: count is 'x', which is no number")])
def test_a_run_that_does_not_balance_does_not_begin(box, wrong, words):
    write(box, ['1,1.00,EUR', '2,2.00,EUR'], more=CONTROL)
    write_control(box, **wrong)
    said = box.run('run', 'job.yaml')
    assert said.code == 1 and words in said.err, said
    assert not box.lines('effects')
    write_control(box)  # mended: the next call loads again
    assert box.run('run', 'job.yaml').code == 0
    assert len(box.lines('effects')) == 2


@pytest.mark.parametrize('total, code', [('3.00', 0), ('3.01', 1)])
def test_a_trailer_s_sum(box, total, code):
    write(box, ['1,1.00,EUR', '2,2.00,EUR', f'T,{total},'],
          more='control: {sum: {total: "${trailer.sum}"}}')
    box.file('job.yaml', box.read('job.yaml').replace(
        '{path: in.csv}', '{path: in.csv, trailer: {when: "^T,", columns: {sum: 2}}}'))
    said = box.run('run', 'job.yaml')
    assert said.code == code, said
    assert len(box.lines('effects')) == (2 if code == 0 else 0)
    assert code == 0 or 'is 3.01, but the 2 records read add up to 3.00' in said.err, said


def test_a_control_file_that_is_not_there(box):
    write(box, ['1,1.00,EUR'], more=CONTROL)
    said = box.run('run', 'job.yaml')
    assert said.code != 0 and 'the control file of in.csv' in said.err, said
    assert not box.lines('effects')


def test_each_file_has_its_own(box):
    write(box, [], more=CONTROL)
    box.file('job.yaml', box.read('job.yaml').replace('path: in.csv', 'path: "in-*.csv"'))
    for i in (1, 2):
        box.file(f'in-{i}.csv', f'id,total,cur\n{i},{i}.00,EUR\n')
        write_control(box, f'in-{i}.csv', count='1', **{'sum.total': f'{i}'})
    assert box.run('run', 'job.yaml').code == 0
    box.file('in-2.csv', 'id,total,cur\n')
    said = box.run('run', 'job.yaml', '--again')
    assert said.code == 1 and 'in-2.csv' in said.err, said


def test_only_records_have_control_files(box):
    rest = 'control: {file: x.ctl}\nwork: {noop: {}}\n'
    box.file('job.yaml', 'job: a\nsource: {stdin: {format: lines}}\n' + rest)
    assert 'standard input has no file beside it' in box.run('check', 'job.yaml').err
    box.file('job.yaml', 'job: a\nsource: {files: {path: x}}\n' + rest)
    assert 'the items are the files themselves' in box.run('check', 'job.yaml').err
