# SPDX-License-Identifier: Apache-2.0
"""Ledgers as they should not be, and disks that are full."""
import os
import sqlite3
import subprocess
import time

import pytest
from lib.box import Box, wait_until

JOB = '''
version: 1
job: ledger
source:
  csv: {path: items.csv}
  key: id
  fields: {id: integer}
work:
  exec: {shell: 'echo "$STINT_KEY" >>effects', input: none}
  effect: once
  concurrency: 2
'''
KEYS = [str(i) for i in range(1, 51)]


def fill(box, keys=tuple(KEYS)):
    box.file('items.csv', 'id\n' + ''.join(k + '\n' for k in keys))
    box.file('ledger.yaml', JOB)


@pytest.fixture(name='box')
def make_box(tmp_path):
    box = Box(tmp_path)
    fill(box)
    yield box
    box.close()


def run(box, code, *args, **more):
    said = box.run('run', 'ledger.yaml', '--no-progress', *args, **more)
    assert said.code == code, said
    return said


def test_a_ledger_of_a_newer_version_is_left_alone(box):
    run(box, 0)
    db = sqlite3.connect(box.ledger)
    db.execute("INSERT INTO schema_version(version, at, program) VALUES (999, 0, 'stint 99')")
    db.commit()
    db.close()
    for verb in (['run', 'ledger.yaml'], ['status'], ['report']):
        said = box.run(*verb)
        assert said.code == 73, said
        assert 'newer' in said.err and 'ledger.db' in said.err


def test_a_file_that_is_no_ledger(box):
    box.file('ledger.db', 'This is not a database.\n' * 100)
    said = run(box, 73)
    assert 'ledger.db' in said.err
    assert box.read('ledger.db').startswith('This is not')


def test_a_database_of_somebody_else(box):
    db = sqlite3.connect(box.ledger)
    db.execute('CREATE TABLE run(a, b)')
    db.commit()
    db.close()
    said = run(box, 73)
    assert 'ledger.db' in said.err


def test_a_directory_where_the_ledger_should_be(box):
    os.mkdir(box.ledger)
    said = run(box, 73)
    assert 'ledger.db' in said.err


def test_reading_a_ledger_that_is_not_there(box):
    said = box.run('report')
    assert said.code in (1, 73), said
    assert not os.path.exists(box.ledger)


@pytest.mark.skipif(os.getuid() != 0, reason='only root can become somebody else')
def test_a_ledger_that_may_not_be_written(box):
    run(box, 0)
    box.open_to_others()
    said = run(box, 77, '--again', user=65534, group=65534, extra_groups=[])
    assert 'ledger.db' in said.err


def test_tmpfs_is_refused_without_volatile(tmp_path, mount):
    box = Box(tmp_path, ledger=os.path.join(mount(8), 'ledger.db'))
    fill(box)
    box.options = []
    said = run(box, 73)
    assert '--volatile' in said.err


# ---- full disks ------------------------------------------------------------------------------------------


@pytest.fixture(name='mount')
def make_mount(tmp_path):
    """A function that mounts a tmpfs of so many MiB and gives its path."""
    if os.getuid() != 0:
        pytest.skip('mounting takes root')
    mounted = []

    def mount(mib):
        place = tmp_path / f'mount{len(mounted)}'
        place.mkdir()
        done = subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={mib}m', 'tmpfs', str(place)],
                              capture_output=True, check=False)
        if done.returncode != 0:
            pytest.skip('mounting is not allowed here')
        mounted.append(place)
        return str(place)
    yield mount
    for place in mounted:
        subprocess.run(['umount', '-l', str(place)], check=False)


@pytest.fixture(name='small')
def make_small(tmp_path, mount):
    """A box whose ledger lies on a file system of 64 MiB, and a function that fills that to the brim."""
    place = mount(64)
    box = Box(tmp_path, ledger=os.path.join(place, 'ledger.db'))
    fill(box)
    ballast = os.path.join(place, 'filler')

    def brim(leave=0):
        with open(ballast, 'wb', buffering=0) as f:
            block = b'\0' * 65536
            try:
                while True:
                    f.write(block)
            except OSError:
                pass
            try:
                while True:
                    f.write(block[:4096])
            except OSError:
                pass
            if leave:
                f.truncate(max(0, f.tell() - leave))
    box.brim = brim
    box.relieve = lambda: os.unlink(ballast)
    yield box
    box.close()


def full_then_free(box, process, *args):
    """The disk is full under a run: it ends when what was done is written; the next call does the rest."""
    time.sleep(2)
    box.relieve()
    process.wait(120)
    assert process.returncode in (74, 75), box.process_said(process)
    assert 'full' in box.process_said(process)
    return box.run('run', 'ledger.yaml', '--no-progress', *args).code


def test_full_before_there_is_a_ledger(small):
    small.brim()
    said = run(small, 74)
    assert 'ledger.db' in said.err and 'full' in said.err
    assert not small.lines('effects')
    small.relieve()
    run(small, 0)
    assert sorted(small.lines('effects')) == sorted(KEYS)
    small.verify()


def test_full_before_the_run(small):
    run(small, 0)
    os.unlink(os.path.join(small.path, 'effects'))
    small.brim()
    other = ['--date', '2026-01-31']
    process = small.start('run', 'ledger.yaml', '--no-progress', *other)
    assert full_then_free(small, process, *other) == 0, small.process_said(process)
    assert sorted(small.lines('effects')) == sorted(KEYS)
    small.verify()


def test_full_while_loading(small):
    """Rejects are kept as they stood: enough of them fill any ledger."""
    line = 'x' * 2000
    small.file('items.csv', 'id\n' + ''.join(f'{k}\n' for k in KEYS) + f'{line}\n' * 50000)
    small.file('ledger.yaml', JOB.replace('  key: id', '  key: id\n  max_rejects: 1000000'))
    process = small.start('run', 'ledger.yaml', '--no-progress')
    wait_until(lambda: 'full' in small.process_said(process))
    assert not small.lines('effects')
    # It would wait a minute for room; a crash meanwhile is no harm either.
    small.close()
    small.verify()
    # Without the flood: what was loaded is another file, or nothing of it counts and it is loaded again.
    small.file('items.csv', 'id\n' + ''.join(f'{k}\n' for k in KEYS))
    said = small.run('run', 'ledger.yaml', '--no-progress')
    assert said.code in (0, 1), said
    assert sorted(small.lines('effects')) == (sorted(KEYS) if said.code == 0 else [])
    small.verify()


def test_full_in_the_middle_of_the_work(small):
    keys = [str(i) for i in range(1, 1501)]
    fill(small, keys)
    process = small.start('run', 'ledger.yaml', '--no-progress')
    wait_until(lambda: len(small.lines('effects')) > 50)
    small.brim()
    code = full_then_free(small, process)
    effects = small.lines('effects')
    assert len(effects) == len(set(effects))
    assert code in (0, 3), small.process_said(process)
    doubtful = small.keys('in_doubt')
    assert set(keys) - set(effects) <= set(doubtful)
    assert code == (3 if doubtful else 0)
    small.verify()


def test_killed_while_the_disk_is_full(small):
    keys = [str(i) for i in range(1, 1501)]
    fill(small, keys)
    process = small.start('run', 'ledger.yaml', '--no-progress')
    wait_until(lambda: len(small.lines('effects')) > 50)
    small.brim()
    time.sleep(0.5)
    small.close()
    small.relieve()
    code = run_until_over(small)
    effects = small.lines('effects')
    assert len(effects) == len(set(effects))
    doubtful = small.keys('in_doubt')
    assert set(keys) - set(effects) <= set(doubtful)
    assert code == (3 if doubtful else 0)
    small.verify()


def run_until_over(box):
    for _ in range(5):
        said = box.run('run', 'ledger.yaml', '--no-progress')
        if said.code in (0, 3):
            return said.code
        assert said.code == 75, said
    raise AssertionError('does not come to an end')
