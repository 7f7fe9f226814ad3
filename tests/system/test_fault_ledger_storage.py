# SPDX-License-Identifier: Apache-2.0
"""The storage under the ledger fails (rows 17 to 21 of docs/faults.md): calls fail in every place by
a preloaded library (lib/faultio.c), limits and full disks are real."""
import errno
import os
import resource
import signal
import subprocess

import pytest
from lib.box import cast, wait_until
from lib.figures import at_risk, figures
from lib.job import RUN, run_until_over, without, write_job

pytestmark = pytest.mark.file
ITEMS = 600
KEY_BYTES = 6


def run_with(box, call, n, error):
    """One call of `run` in which this fails. Gives the result, and how many effects came afterwards."""
    assert box.run('ledger', 'init').code == 0
    box.compile('faultio.so', 'faultio.c', '-shared', '-fPIC')
    box.env.update(LD_PRELOAD=os.path.join(box.path, 'faultio.so'), FAULTIO=f'{call}:{n}:{error}/ledger.db')
    said = box.run(*RUN)
    del box.env['LD_PRELOAD']
    injected = box.lines('injected')
    assert injected, f'{call} was never called {n} times: {said}'
    return said, len(box.lines('effects')) - int(injected[0]) // KEY_BYTES


@pytest.mark.parametrize('effect', ['once', 'idempotent'])
@pytest.mark.parametrize('n', ['1', '2', '3', '5', '8', '13'])
def test_an_fsync_that_fails_ends_it_and_nothing_is_begun_any_more(box, effect, n):
    keys = write_job(box, ITEMS, effect)
    said, after = run_with(box, 'sync', n, errno.EIO)
    assert said.code == 74 and 'ledger.db' in said.err and 'nput/output error' in said.err, said
    assert after <= at_risk(2)
    # The next call writes anew what the kernel may have dropped, and says so by removing the mark.
    assert os.path.exists(box.ledger + '.unsynced')
    run_until_over(box)
    assert not os.path.exists(box.ledger + '.unsynced')
    figures(box, keys, effect, crashes=1)


def test_an_fsync_is_never_tried_a_second_time(box):
    """From the fifth on each one fails: there is one failure, not many."""
    keys = write_job(box, ITEMS)
    said, after = run_with(box, 'sync', 5, f'{errno.EIO}+')
    assert said.code == 74, said
    assert after <= at_risk(2)
    run_until_over(box)
    figures(box, keys, 'once', crashes=1)


@pytest.mark.parametrize('call, error', [('sync', errno.EIO), ('pwrite', errno.EIO), ('pwrite', errno.EROFS)])
def test_without_distrust_of_what_has_failed_it_goes_on(box, call, error):
    """The negative control: it is tried a second time, and nobody says whether the disk has it."""
    write_job(without(box, 'ledger.ioerr'), ITEMS)
    said, after = run_with(box, call, 30, error)
    assert said.code == 0, said
    assert after > at_risk(2)


@pytest.mark.parametrize('n', [1, 3, 6, 9, 14, 22, 40])
def test_a_write_that_fails_ends_it_and_nothing_was_acknowledged(box, n):
    keys = write_job(box, ITEMS)
    said, after = run_with(box, 'pwrite', n, errno.EIO)
    assert said.code == 74 and 'ledger.db' in said.err, said
    assert after <= at_risk(2)
    run_until_over(box)
    figures(box, keys, 'once', crashes=1)


@pytest.mark.parametrize('n', [1, 6, 9, 22, 40])
def test_a_write_that_is_cut_short_is_finished_or_ends_it(box, n):
    keys = write_job(box, ITEMS)
    said, _ = run_with(box, 'pwrite', n, 0)
    assert said.code in (0, 74), said
    run_until_over(box)
    figures(box, keys, 'once', crashes=1)


@pytest.mark.parametrize('error', [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize('n', [9, 14, 22, 40])
def test_a_write_without_room_ends_in_order_and_nothing_is_in_doubt(box, n, error):
    """Unlike a failed fsync: what was done is written as soon as there is room, which is at once here."""
    keys = write_job(box, ITEMS)
    said, _ = run_with(box, 'pwrite', n, error)
    assert said.code in (0, 74) and 'lost its claims' not in said.err, said
    if said.code == 74:
        assert 'full' in said.err
    assert run_until_over(box) == 0
    figures(box, keys, 'once', crashes=0)


def test_without_waiting_for_room_items_are_in_doubt(box):
    """The negative control: a full disk is taken for one that has failed."""
    write_job(without(box, 'ledger.full'), ITEMS, wait_ms=20)
    said, _ = run_with(box, 'pwrite', 200, errno.ENOSPC)
    assert said.code == 74, said
    assert run_until_over(box) == 3
    assert box.keys('in_doubt')


def test_a_write_to_what_may_only_be_read_ends_it(box):
    """What a file system does that the kernel has made read-only after an error."""
    keys = write_job(box, ITEMS)
    said, after = run_with(box, 'pwrite', 30, f'{errno.EROFS}+')
    assert said.code == 74 and 'ead-only' in said.err, said
    assert after <= at_risk(2)
    run_until_over(box)
    figures(box, keys, 'once', crashes=1)


# ---- limits and mounts ------------------------------------------------------------------------------


def test_a_limit_on_the_size_of_files_is_a_full_disk_until_it_is_raised(box):
    keys = write_job(box, 3000)
    assert box.run('ledger', 'init').code == 0
    limit = 1500 * 1024

    def set_limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it, shells do not
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, -1))

    run = box.start(*RUN, preexec_fn=set_limit)
    wait_until(lambda: 'full' in box.process_said(run) or run.poll() is not None)
    for pid in cast(run.pid)['engine']:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (-1, -1))
    assert run.wait(180) == 74, box.process_said(run)
    assert 'full' in box.process_said(run)
    assert 0 < len(box.lines('effects')) < len(keys)
    assert run_until_over(box) == 0
    figures(box, keys, 'once', crashes=0)


@pytest.fixture(name='mount')
def make_mount(tmp_path):
    """A function that mounts something and gives its path; None when that is not allowed here."""
    if os.getuid() != 0:
        pytest.skip('mounting takes root')
    mounted = []

    def mount(name, *args):
        place = os.path.join(tmp_path, name)
        os.makedirs(place, exist_ok=True)
        done = subprocess.run(['mount', *args, place], capture_output=True, check=False)
        if done.returncode != 0:
            pytest.skip('mounting is not allowed here')
        mounted.append(place)
        return place
    yield mount
    for place in reversed(mounted):
        subprocess.run(['umount', '-l', place], check=False)


def test_a_ledger_on_a_read_only_file_system_is_refused_and_can_be_read(box, mount):
    box.ledger = os.path.join(box.path, 'disk', 'ledger.db')
    box.env['STINT_LEDGER'] = 'sqlite:' + box.ledger
    os.mkdir(os.path.dirname(box.ledger))
    keys = write_job(box, 20)
    assert box.run(*RUN).code == 0
    place = mount('disk', '--bind', os.path.dirname(box.ledger))
    subprocess.run(['mount', '-o', 'remount,bind,ro', place], check=True)
    said = box.run(*RUN, '--again')
    assert said.code in (73, 77) and 'ledger.db' in said.err and 'ead-only' in said.err, said
    figures(box, keys, 'once')


def test_a_target_whose_disk_is_full_costs_tries_and_no_item(box, mount):
    place = mount('target', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs')
    os.symlink(os.path.join(place, 'effects'), os.path.join(box.path, 'effects'))
    with open(os.path.join(place, 'filler'), 'wb', buffering=0) as f:
        while True:
            try:
                f.write(b'x' * 4096)
            except OSError:
                break
    keys = write_job(box, 40)
    assert box.run('ledger', 'init').code == 0
    text = box.read('faults.yaml').replace('attempts: 10', 'attempts: 1000')
    text = text.replace('max: 50ms', 'max: 200ms')
    box.file('faults.yaml', text)
    run = box.start(*RUN)
    wait_until(lambda: box.items('--state', 'retry'))
    assert box.lines('effects') == []
    os.unlink(os.path.join(place, 'filler'))
    assert run.wait(180) == 0, box.process_said(run)
    figures(box, keys, 'once')
