# SPDX-License-Identifier: Apache-2.0
"""Faults of work on a file: killed at each point, torn, two at once, a full disk, no permission. Each time
the file appears once, with the bytes of an undisturbed run, or not at all, and what was there stays."""
import hashlib
import json
import os
import signal
import subprocess
import tempfile

import pytest

from lib.box import descendants, kill, kill_family, wait_until
from lib.segments import HEAD_BYTES, beside, heads, segments, shelves
from test_work_file import fill, write

ROWS = 600
RETRY = 'retry: {first: 200ms, factor: 1, jitter: none}\n'
POINTS = ['segment.written', 'segment.named', 'file.appended', 'file.synced', 'file.named', 'file.made']


def bytes_of(box, name):
    with open(f'{box.path}/{name}', 'rb') as f:
        return f.read()


def undisturbed(box, ending='', rows=ROWS):
    """The bytes of a run in which nothing happened."""
    fill(box, rows)
    write(box, f'good.jsonl{ending}', 'jsonl')
    assert box.run('run', 'job.yaml').code == 0
    return bytes_of(box, f'good.jsonl{ending}')


def end_of(box):
    """What the report of the newest run says of its end."""
    run = json.loads(box.run('runs', '--json').out)['runs'][0]
    return json.loads(box.run('report', run['run'], '--json').out)['endings']


def stopped_at(box, point):
    """A run in which one process has come by that point, and stands still there."""
    box.faulty(point + ':1:stop', once=True)
    run = box.start('run', 'job.yaml')
    wait_until(lambda: run.poll() is not None or os.path.exists(box.env['STINT_FAULT_ONCE']))
    assert run.poll() is None, box.process_said(run)
    return run


def kill_all(run):
    kill_family(run)


@pytest.mark.parametrize('ending', ['', '.gz', '.zst'])
@pytest.mark.parametrize('point', POINTS)
def test_a_process_killed_at_any_point_changes_nothing(faulty, point, ending):
    box = faulty
    good = undisturbed(box, ending)
    box.file(f'out.jsonl{ending}', 'what was there')
    write(box, f'out.jsonl{ending}', 'jsonl', more=RETRY)
    box.faulty(f'{point}:{2 if point in POINTS[:3] else 1}:kill', once=True)
    said = box.run('run', 'job.yaml')
    assert os.path.exists(box.env['STINT_FAULT_ONCE']), f'nobody came by {point}'
    assert said.code == 0, said
    assert bytes_of(box, f'out.jsonl{ending}') == good
    assert beside(box.path) == []
    box.verify()


@pytest.mark.parametrize('point', POINTS)
def test_everything_killed_at_any_point_is_made_good_by_the_next_call(faulty, point):
    box = faulty
    good = undisturbed(box)
    box.file('out.jsonl', 'what was there')
    write(box, 'out.jsonl', 'jsonl', more=RETRY)
    run = stopped_at(box, point)
    before = bytes_of(box, 'out.jsonl')
    assert before == (good if point in ('file.named', 'file.made') else b'what was there')
    kill_all(run)
    assert box.run('run', 'job.yaml').code == 0
    assert bytes_of(box, 'out.jsonl') == good
    assert beside(box.path) == []
    box.verify()


def overwrite(path, at, data):
    with open(path, 'r+b') as f:
        f.seek(at)
        f.write(data)


def tear_texts(path):
    for at in heads(path)[1:4]:
        overwrite(path, at + HEAD_BYTES, b'X')


def tear_a_head(path):
    overwrite(path, heads(path)[-2] + 8, bytes(HEAD_BYTES - 8))


def tear_the_end(path):
    os.truncate(path, os.path.getsize(path) - 100)


def tear_all(path):
    overwrite(path, 0, bytes(os.path.getsize(path)))


@pytest.mark.parametrize('tear', [tear_texts, tear_a_head, tear_the_end, tear_all, os.unlink])
def test_segments_that_a_power_failure_tore_are_written_again(faulty, tear):
    box = faulty
    good = undisturbed(box)
    write(box, 'out.jsonl', 'jsonl', more=RETRY)
    run = stopped_at(box, 'file.appended')
    kill_all(run)
    assert segments(box.path) == ROWS // 50
    tear(max(shelves(box.path), key=os.path.getsize))
    assert box.run('run', 'job.yaml').code == 0
    assert bytes_of(box, 'out.jsonl') == good
    # what was appended of the torn ones and taken back is not in the digest either
    assert end_of(box)[0]['result']['sha256'] == hashlib.sha256(good).hexdigest()


def two_in_a_run(box):
    """Two instances in one run. The processes of the first have stopped in the midst of chunks."""
    write(box, 'out.jsonl', 'jsonl', more=RETRY)
    box.faulty('segment.written:1:stop')
    one = box.start('run', 'job.yaml')
    wait_until(lambda: one.poll() is not None or shelves(box.path))
    assert one.poll() is None
    box.well()
    two = box.start('work', 'out')
    wait_until(lambda: two.poll() is not None or
               json.loads(box.run('status', '--json').out)['on'][0]['instances'] == 2)
    assert two.poll() is None, box.process_said(two)
    return one, two


def test_of_two_in_a_run_one_makes_its_end(faulty):
    box = faulty
    good = undisturbed(box, rows=10000)
    one, two = two_in_a_run(box)
    for pid in descendants(one.pid):
        os.kill(pid, signal.SIGCONT)
    assert one.wait(120) == 0, box.process_said(one)
    assert two.wait(120) == 0, box.process_said(two)
    assert bytes_of(box, 'out.jsonl') == good
    assert (box.process_said(one) + box.process_said(two)).count('is there:') == 1
    assert beside(box.path) == []
    box.verify()


def test_of_two_in_a_run_one_dies_and_the_other_makes_its_end(faulty):
    box = faulty
    good = undisturbed(box, rows=10000)
    one, two = two_in_a_run(box)
    kill_family(one)
    assert two.wait(120) == 0, box.process_said(two)
    assert bytes_of(box, 'out.jsonl') == good
    assert beside(box.path) == []
    box.verify()


@pytest.fixture(name='small')
def small_disk():
    if os.geteuid() != 0:
        pytest.skip('mounts a small file system')
    with tempfile.TemporaryDirectory(prefix='stint-small-', dir='/tmp') as folder:
        done = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=48k', 'small', folder], check=False)
        if done.returncode != 0:
            pytest.skip('mounting is not allowed here')
        try:
            yield folder
        finally:
            subprocess.run(['umount', '-l', folder], check=True)


def test_a_full_disk_is_told_and_made_good_when_there_is_room(box, small):
    """Room for the segments, and none for the whole."""
    good = undisturbed(box)
    with open(f'{small}/out.jsonl', 'w', encoding='ascii') as f:
        f.write('what was there')
    write(box, f'{small}/out.jsonl', 'jsonl', more='retry: {attempts: 2, first: 50ms, factor: 1}\n')
    said = box.run('run', 'job.yaml')
    assert said.code == 75, said
    assert 'No space left' in said.err
    with open(f'{small}/out.jsonl', encoding='ascii') as f:
        assert f.read() == 'what was there'
    end = end_of(box)[0]
    assert end['state'] == 'failed'
    assert end['failures'] >= 2
    assert 'No space left' in end['error']
    assert 'its end failed ' in box.run('status').out
    assert 'No space left' in box.run('why', json.loads(box.run('runs', '--json').out)['runs'][0]['run']).out
    subprocess.run(['mount', '-o', 'remount,size=8m', small], check=True)
    assert box.run('run', 'job.yaml').code == 0
    with open(f'{small}/out.jsonl', 'rb') as f:
        assert f.read() == good
    end = end_of(box)[0]
    assert end['state'] == 'done'
    assert end['result'] == {'path': f'{small}/out.jsonl', 'bytes': len(good), 'rows': ROWS,
                             'sha256': hashlib.sha256(good).hexdigest()}
    assert f'{ROWS} rows, sha256 {end["result"]["sha256"]}' in box.run('report').out
    box.verify()


def test_a_place_where_nothing_can_be_written_is_told_before_the_first_item(box, small):
    """It does not change by itself, so no run begins that would wait for it. Mended, all is well."""
    fill(box, ROWS)
    os.mkdir(f'{box.path}/is-a-directory')
    box.file('file')
    subprocess.run(['mount', '-o', 'remount,ro', small], check=True)
    for path, code, words in (
            ('missing/out.jsonl', 78, f"work: directory '{box.path}/missing/' does not exist"),
            ('missing/${run.date}.jsonl', 78, f"work: directory '{box.path}/missing/' does not exist"),
            ('file/out.jsonl', 78, f"work: directory '{box.path}/file/' does not exist"),
            ('is-a-directory', 78, f"work: '{box.path}/is-a-directory' is a directory, not a file"),
            (f'{small}/out.jsonl', 77, f"work: cannot write into '{small}/': Read-only file system")):
        write(box, path, 'jsonl')
        said = box.run('run', 'job.yaml')
        assert said.code == code and words in said.err, said
        assert box.run('check', 'job.yaml').code == code
    assert not box.has_ledger() or box.ask('select count(*) from run') == [(0,)]
    os.rmdir(f'{box.path}/is-a-directory')
    write(box, 'is-a-directory', 'jsonl')
    assert box.run('run', 'job.yaml').code == 0
    assert len(box.lines('is-a-directory')) == ROWS


def test_a_place_that_only_a_run_knows_is_told_before_the_end(box):
    fill(box, ROWS)
    write(box, '${run.date}/out.jsonl', 'jsonl', more='retry: {attempts: 1}\nbreaker: {open_for: 100ms, '
          'open_max: 100ms, give_up_after: 300ms}\n')
    said = box.run('run', 'job.yaml')
    assert said.code == 1, said  # breaker.give_up_after
    assert 'No such file or directory' in said.said, said


def test_a_place_that_is_gone_at_the_end_ends_the_call_at_once(faulty):
    """Not after all the attempts of `retry`: it would be gone the next time, too."""
    box = faulty
    good = undisturbed(box)
    write(box, 'out.jsonl', 'jsonl', more='retry: {attempts: 100, first: 1h, jitter: none}\n')
    run = stopped_at(box, 'file.synced')
    os.mkdir(f'{box.path}/out.jsonl')  # a folder is in the way of the name
    for pid in descendants(run.pid):
        os.kill(pid, signal.SIGCONT)
    assert run.wait(120) == 1, box.process_said(run)
    said = box.process_said(run)
    assert 'the end of the run cannot be made: ' in said and 'out.jsonl' in said
    assert end_of(box)[0]['state'] == 'failed'
    assert box.run('run', 'job.yaml').code == 78
    os.rmdir(f'{box.path}/out.jsonl')
    assert box.run('run', 'job.yaml').code == 0
    assert bytes_of(box, 'out.jsonl') == good
    box.verify()


@pytest.fixture(name='half')
def make_half(faulty):
    """A run that was killed when a part of its segments stood there."""
    box = faulty
    fill(box, ROWS)
    write(box, 'out.jsonl', 'jsonl', more=RETRY)
    run = stopped_at(box, 'file.appended')
    kill_all(run)
    box.well()
    assert segments(box.path) == ROWS // 50
    # That it is dead the kernel says at once of a ledger's file; of one in a database its silence does.
    wait_until(lambda: '"live"' not in box.run('instances', '--json').out, every_s=0.2)
    return box


def newest(box):
    return json.loads(box.run('runs', '--json').out)['runs'][0]


def test_an_abandoned_run_leaves_nothing_beside_its_file(half):
    box = half
    os.mkdir(f'{box.path}/.out.jsonl.stint-00000000-1')  # another ledger's
    assert box.run('abandon', newest(box)['run'], '--why', 'x', '-n').code == 0
    assert segments(box.path) == ROWS // 50
    assert box.run('abandon', newest(box)['run'], '--why', 'x').code == 0
    assert newest(box)['state'] == 'abandoned'
    assert beside(box.path) == ['.out.jsonl.stint-00000000-1']
    assert not os.path.exists(f'{box.path}/out.jsonl')
    box.verify()


def test_who_abandons_is_killed_and_the_next_call_tidies_up(half):
    box = half
    box.faulty('segment.removed:2:kill', once=True)
    assert box.run('abandon', newest(box)['run'], '--why', 'x').code not in (0, 1)
    assert newest(box)['state'] == 'abandoned'
    assert beside(box.path) != []
    said = box.run('abandon', newest(box)['run'], '--why', 'x')
    assert said.code == 0 and 'what it had left beside its file is gone' in said.err, said
    assert beside(box.path) == []
    said = box.run('abandon', newest(box)['run'], '--why', 'x')
    assert said.code == 1 and 'is over' in said.err, said


@pytest.mark.both
def test_what_somebody_may_still_write_to_is_left_and_that_is_said(faulty):
    """On a ledger in a database a killed run seems to be alive for a while: it is the same there."""
    box = faulty
    fill(box, ROWS)
    write(box, 'out.jsonl', 'jsonl', more=RETRY)
    run = stopped_at(box, 'file.appended')
    box.well()
    said = box.run('abandon', newest(box)['run'], '--why', 'x')
    assert said.code == 0 and 'is abandoned' in said.out, said
    assert 'is left: an instance' in said.err and beside(box.path) != [], said
    kill_all(run)
    # That it is dead the kernel says at once of a ledger's file; of one in a database its silence does.
    again = ('abandon', newest(box)['run'], '--why', 'x')
    wait_until(lambda: 'beside its file is gone' in box.run(*again).err, every_s=0.2)
    assert beside(box.path) == []


@pytest.mark.parametrize('point', POINTS)
def test_a_run_is_abandoned_beside_one_that_is_at_its_end(faulty, point):
    """The file is there as a whole, or it never comes; and what was beside it goes."""
    box = faulty
    good = undisturbed(box)
    box.file('out.jsonl', 'what was there')
    write(box, 'out.jsonl', 'jsonl', more=RETRY)
    run = stopped_at(box, point)
    box.well()
    said = box.run('abandon', newest(box)['run'], '--why', 'x', '--json')
    assert said.code == 0 and json.loads(said.out)['requested'] == 1, said
    for pid in descendants(run.pid):
        kill(pid, signal.SIGCONT)
    assert run.wait(120) in (1, 75), box.process_said(run)
    there = bytes_of(box, 'out.jsonl')
    assert there in (b'what was there', good)
    if point in ('file.named', 'file.made'):
        assert there == good  # it had its name before
    assert newest(box)['state'] == 'abandoned'
    # Until it hears of it, within a second or so, it may come to its end.
    assert there == good or not any(end['state'] == 'done' for end in end_of(box))
    assert box.run('abandon', newest(box)['run'], '--why', 'x').code in (0, 1)  # 0: something was left
    assert beside(box.path) == [] and bytes_of(box, 'out.jsonl') == there
    box.verify()
