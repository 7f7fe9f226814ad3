# SPDX-License-Identifier: Apache-2.0
"""Source files as they should not be: what a person is told, and what becomes of the rest."""
import json
import os
import signal
import time

import pytest
from lib.box import cast, kill, peak_rss_mib, wait_until
from lib.job import without

JOB = '''
version: 1
job: bad
source:
  csv: {{path: items.csv{csv}}}
  key: id
  fields: {{id: integer, name: "text?"}}
  max_rejects: 5
{more}
work:
  exec: {{shell: '{shell}', input: none}}
  effect: idempotent
  concurrency: 2
'''
APPEND = 'echo "$STINT_KEY" >>effects'


def write(box, data, csv='', more='', shell=APPEND):
    if data is not None:
        box.file('items.csv', data)
    box.file('bad.yaml', JOB.format(csv=csv, more=more, shell=shell))


def run(box, code, *args, **more):
    said = box.run('run', 'bad.yaml', '--no-progress', *args, **more)
    assert said.code == code, said
    box.verify()
    return said


def rejects(box):
    said = box.run('rejects', 'bad', '--json')
    assert said.code in (0, 1), said
    return json.loads(said.out)['rejects'] if said.out else []


def test_an_empty_file_is_nothing_to_do(box):
    write(box, '')
    said = run(box, 0)
    assert 'nothing to do' in said.said.lower() or '0 items' in said.said


def test_a_header_alone_is_nothing_to_do(box):
    write(box, 'id,name\n')
    said = run(box, 0)
    assert 'nothing to do' in said.said.lower() or '0 items' in said.said


def test_a_header_alone_may_be_called_a_failure(box):
    write(box, 'id,name\n', more='  when_empty: fail')
    said = run(box, 1)
    assert 'empty' in said.err or 'no items' in said.err


def test_the_last_line_needs_no_end(box):
    write(box, 'id,name\n1,a\n2,b')
    run(box, 0)
    assert sorted(box.lines('effects')) == ['1', '2']


def test_windows_line_ends_and_a_byte_order_mark(box):
    write(box, b'\xef\xbb\xbfid,name\r\n1,a\r\n2,b\r\n')
    run(box, 0)
    assert sorted(box.lines('effects')) == ['1', '2']


def test_a_line_of_a_gigabyte_costs_little_memory_and_the_rest_goes_on(box):
    path = box.file('items.csv', 'id,name\n1,a\n2,')
    block = b'x' * (1 << 20)
    with open(path, 'ab') as f:
        for _ in range(1024):
            f.write(block)
        f.write(b'\n3,c\n')
    write(box, None)
    try:
        process = box.start('run', 'bad.yaml', '--no-progress')
        peak = 0
        while process.poll() is None:
            roles = cast(process.pid)
            peak = max(peak, peak_rss_mib(roles['keeper'] + roles['engine'] + roles['lane']))
            time.sleep(0.02)
        assert process.returncode == 3, box.process_said(process)
        assert peak < 128
        assert sorted(box.lines('effects')) == ['1', '3']
        rows = rejects(box)
        assert [r['line'] for r in rows] == [3]
        assert 'long' in rows[0]['reason'] or 'more than' in rows[0]['reason']
        assert box.ledger_bytes() < 16 << 20
    finally:
        os.unlink(path)


def test_nul_bytes_are_rejected_with_their_line(box):
    write(box, b'id,name\n1,a\n2,b\0c\n\0\0\0\n3,c\n')
    run(box, 3)
    assert sorted(box.lines('effects')) == ['1', '3']
    rows = rejects(box)
    assert [r['line'] for r in rows] == [3, 4]
    assert 'NUL' in rows[0]['reason']


def test_a_column_that_comes_twice(box):
    write(box, 'id,name,id\n1,a,2\n')
    said = run(box, 1)
    assert 'id' in said.err and 'twice' in said.err
    assert not box.lines('effects')


def test_a_column_that_comes_twice_though_nobody_asks_for_it(box):
    write(box, 'id,x,name,x\n1,?,a,?\n')
    said = run(box, 1)
    assert "'x'" in said.err and 'twice' in said.err


def test_a_column_that_is_missing(box):
    write(box, 'number,name\n1,a\n')
    said = run(box, 1)
    assert "'id'" in said.err and 'items.csv' in said.err
    assert not box.lines('effects')


def test_columns_in_another_order_are_found_by_name(box):
    write(box, 'name,extra,id\nb,x,2\na,y,1\n')
    run(box, 0)
    assert sorted(box.lines('effects')) == ['1', '2']


def test_too_few_and_too_many_columns_are_rejected(box):
    write(box, 'id,name\n1\n2,b\n3,c,d\n')
    run(box, 3)
    assert box.lines('effects') == ['2']
    assert [r['line'] for r in rejects(box)] == [2, 4]


def test_too_many_rejects_stop_the_run_before_its_first_item(box):
    write(box, 'id,name\n' + 'x,bad\n' * 6 + '1,a\n')
    said = run(box, 1)
    assert 'max_rejects' in said.err
    assert not box.lines('effects')


def test_malformed_may_be_called_a_failure(box):
    write(box, 'id,name\n1,a\nx,bad\n2,b\n', more='  when_malformed: fail')
    said = run(box, 1)
    assert 'items.csv:3' in said.err or 'line 3' in said.err
    assert not box.lines('effects')


def test_a_broken_utf8_sequence_is_rejected_and_latin1_reads_it(box):
    data = b'id,name\n1,J\xfcrgen\n2,Ada\n'
    write(box, data)
    run(box, 3)
    assert box.lines('effects') == ['2']
    assert 'UTF-8' in rejects(box)[0]['reason']
    write(box, data, csv=', encoding: latin1', shell='cat >>effects')
    box.file('bad.yaml', box.read('bad.yaml').replace('input: none', 'input: csv')
             .replace('job: bad', 'job: latin'))
    said = box.run('run', 'bad.yaml', '--no-progress')
    assert said.code == 0, said
    assert '1,Jürgen' in box.lines('effects')


def test_a_quote_that_never_closes_is_a_reject_and_no_hang(box):
    write(box, 'id,name\n1,a\n2,"b\n3,c\n4,d\n')
    run(box, 3)
    assert box.lines('effects') == ['1']
    assert rejects(box)[0]['line'] == 3


# ---- files that change under the work ----------------------------------------------------------------

SLOW = APPEND + '; sleep 0.05'
MANY = 'id,name\n' + ''.join(f'{i},n{i}\n' for i in range(1, 301))


@pytest.mark.parametrize('what', ['grown', 'shrunk', 'changed', 'replaced', 'gone'])
def test_a_file_that_changes_while_it_is_worked(box, what):
    # So that lanes come to the file again after it was changed.
    write(box, MANY, shell=SLOW)
    box.file('bad.yaml', box.read('bad.yaml') + 'chunk: {items: 20}\n')
    process = box.start('run', 'bad.yaml', '--no-progress')
    wait_until(lambda: len(box.lines('effects')) > 5)
    path = os.path.join(box.path, 'items.csv')
    if what == 'grown':
        with open(path, 'a', encoding='utf-8') as f:
            f.write('301,late\n')
    elif what == 'shrunk':
        os.truncate(path, len(MANY) // 2)
    elif what == 'changed':
        with open(path, 'r+', encoding='utf-8') as f:
            f.seek(len(MANY) - 20)
            f.write('9')
    elif what == 'replaced':
        box.file('new', MANY)
        os.rename(os.path.join(box.path, 'new'), path)
    else:
        os.unlink(path)
    assert process.wait(120) == 1, box.process_said(process)
    said = box.process_said(process)
    assert 'items.csv' in said
    assert 'not what was loaded' in said or 'not there' in said or 'gone' in said
    done = box.lines('effects')
    assert len(done) == len(set(done)) < 300
    box.verify()


def test_a_file_that_is_put_back_lets_the_run_go_on(box):
    write(box, MANY, shell=SLOW.replace('0.05', '0.01'))
    box.file('bad.yaml', box.read('bad.yaml') + 'chunk: {items: 20}\n')
    path = os.path.join(box.path, 'items.csv')
    process = box.start('run', 'bad.yaml', '--no-progress')
    wait_until(lambda: len(box.lines('effects')) > 5)
    os.rename(path, path + '.away')
    assert process.wait(120) == 1, box.process_said(process)
    os.rename(path + '.away', path)
    run(box, 0)
    assert sorted(box.lines('effects'), key=int) == [str(i) for i in range(1, 301)]


def bytes_read(pid):
    """What a process has read so far; endless when it is gone."""
    try:
        with open(f'/proc/{pid}/io', encoding='ascii') as f:
            return int(f.readline().split()[1])
    except OSError:
        return 1 << 60


def change_while_read(box, what):
    """A large file, so that reading takes a while; the reader is held still meanwhile."""
    path = box.file('items.csv', 'id,name\n')
    with open(path, 'a', encoding='utf-8') as f:
        for i in range(0, 2000000, 1000):
            f.write(''.join(f'{n},name\n' for n in range(i, i + 1000)))
    write(box, None)
    process = box.start('run', 'bad.yaml', '--no-progress')
    reader = wait_until(lambda: cast(process.pid)['lane'], every_s=0.001)[0]
    wait_until(lambda: bytes_read(reader) > 500000, every_s=0)
    kill(reader, signal.SIGSTOP)
    if bytes_read(reader) >= os.path.getsize(path):
        pytest.skip('read before it could be changed')
    if what == 'grown':
        with open(path, 'a', encoding='utf-8') as f:
            f.write('2000001,late\n')
    elif what == 'shrunk':
        os.truncate(path, 20000)
    else:
        os.unlink(path)
    kill(reader, signal.SIGCONT)
    return process


@pytest.mark.parametrize('what', ['grown', 'shrunk', 'gone'])
def test_a_file_that_changes_while_it_is_read(box, what):
    process = change_while_read(box, what)
    assert process.wait(120) == 1, box.process_said(process)
    assert 'items.csv' in box.process_said(process)
    assert not box.lines('effects')
    box.verify()


def test_without_a_second_look_a_file_that_grew_is_worked(box):
    """The negative control."""
    process = change_while_read(without(box, 'source.changed'), 'grown')
    wait_until(lambda: box.lines('effects') or process.poll() is not None)
    assert box.lines('effects'), box.process_said(process)


# ---- no file at all ------------------------------------------------------------------------------------


def test_a_file_that_is_not_there(box):
    write(box, None)
    said = run(box, 66)
    assert 'items.csv' in said.err


def test_a_file_that_may_be_missing(box):
    write(box, None, csv=', when_missing: ok')
    run(box, 0)


def test_a_file_that_comes_while_it_is_waited_for(box):
    write(box, None, csv=', when_missing: wait, wait_for: 300s')
    process = box.start('run', 'bad.yaml', '--no-progress')
    time.sleep(1)
    assert process.poll() is None
    box.file('items.tmp', 'id,name\n1,a\n')
    os.rename(os.path.join(box.path, 'items.tmp'), os.path.join(box.path, 'items.csv'))
    assert process.wait(120) == 0, box.process_said(process)
    assert box.lines('effects') == ['1']


def test_a_file_that_never_comes(box):
    write(box, None, csv=', when_missing: wait, wait_for: 1s')
    said = run(box, 66)
    assert 'items.csv' in said.err


def test_a_directory_instead_of_a_file(box):
    write(box, None)
    os.mkdir(os.path.join(box.path, 'items.csv'))
    said = run(box, 1)
    assert 'items.csv' in said.err and 'directory' in said.err


@pytest.mark.skipif(os.getuid() != 0, reason='only root can become somebody else')
def test_a_file_that_may_not_be_read(box):
    write(box, 'id,name\n1,a\n')
    os.chmod(os.path.join(box.path, 'items.csv'), 0)
    for name in [box.path, *(os.path.join(box.path, n) for n in os.listdir(box.path))]:
        os.chown(name, 65534, 65534)
    box.open_to_others()
    said = box.run('run', 'bad.yaml', '--no-progress', user=65534, group=65534, extra_groups=[])
    assert said.code in (1, 77), said
    assert 'items.csv' in said.err and 'ermission' in said.err


# ---- trailers and totals -------------------------------------------------------------------------------

TRAILER = ', trailer: {when: "^END", columns: {count: 2}}'
CONTROL = 'control: {count: "${trailer.count}"}'


def test_a_trailer_that_agrees(box):
    write(box, 'id,name\n1,a\n2,b\nEND,2\n', csv=TRAILER, more=CONTROL)
    run(box, 0)
    assert sorted(box.lines('effects')) == ['1', '2']


def test_a_trailer_that_is_missing_means_that_the_file_is_cut_off(box):
    write(box, 'id,name\n1,a\n2,b\n', csv=TRAILER, more=CONTROL)
    said = run(box, 1)
    assert 'trailer' in said.err
    assert not box.lines('effects')


def test_a_trailer_that_disagrees(box):
    write(box, 'id,name\n1,a\n2,b\nEND,3\n', csv=TRAILER, more=CONTROL)
    said = run(box, 1)
    assert '3' in said.err and '2' in said.err and 'count' in said.err
    assert not box.lines('effects')


# ---- keys that come twice -------------------------------------------------------------------------------

TWICE = 'id,name\n1,a\n2,b\n1,c\n'


def test_unique_none_makes_two_items_of_a_key(box):
    write(box, TWICE)
    run(box, 0)
    assert sorted(box.lines('effects')) == ['1', '1', '2']


def test_unique_run_rejects_the_second(box):
    write(box, TWICE, more='  unique: run')
    run(box, 3)
    assert sorted(box.lines('effects')) == ['1', '2']
    rows = rejects(box)
    assert [r['line'] for r in rows] == [4]
    assert 'twice' in rows[0]['reason'] or 'duplicate' in rows[0]['reason']


def test_unique_job_holds_back_what_was_ever_done(box):
    write(box, 'id,name\n1,a\n2,b\n', more='  unique: job')
    run(box, 0)
    box.file('items.csv', 'id,name\n2,b\n3,c\n')
    said = run(box, 0, '--again')
    assert sorted(box.lines('effects')) == ['1', '2', '3']
    assert 'held back' in said.said or 'held back' in box.run('report').out


def test_unique_within_forgets_after_its_time(box):
    write(box, 'id,name\n1,a\n', more='  unique: {within: 1h}')
    run(box, 0)
    run(box, 0, '--again')
    assert box.lines('effects') == ['1']
    write(box, 'id,name\n1,a\n', more='  unique: {within: 1s}')
    time.sleep(1.2)
    run(box, 0, '--again')
    assert box.lines('effects') == ['1', '1']
