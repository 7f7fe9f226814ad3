# SPDX-License-Identifier: Apache-2.0
"""Nobody and nothing takes what stint says (docs/faults.md 78): full disk, closed descriptors, pipes
without a reader or with one that does not read. The work goes on, and the exit status is right."""
import fcntl
import json
import os
import subprocess

import pytest
from lib.account import assert_clean
from lib.box import descendants, kill

# Two items fail and one record is rejected, so that there is something to say on both outputs.
JOB = '''version: 1
job: logs
source:
  csv: {path: items.csv}
  key: id
  fields: {id: integer}
work:
  exec: {shell: '[ $STINT_KEY -gt 2 ] || exit 65; echo "$STINT_KEY" >>effects', input: none}
  effect: once
  concurrency: 2
retry: {attempts: 2, first: 20ms, max: 50ms}
'''
KEYS = [str(i) for i in range(1, 51)]


@pytest.fixture(name='quiet')
def make_quiet(box):
    box.file('items.csv', 'id\n' + '\n'.join(KEYS) + '\nnone\n')
    box.file('logs.yaml', JOB)
    box.opened = []
    yield box
    for fd in box.opened:
        os.close(fd)


def full_pipe(box, is_read):
    """The writing end of a pipe that holds all that it can; its reader does not read, or is gone."""
    reader, writer = os.pipe()
    if not is_read:
        os.close(reader)
        return writer
    box.opened.append(reader)
    flags = fcntl.fcntl(writer, fcntl.F_GETFL)
    fcntl.fcntl(writer, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    try:
        while True:
            os.write(writer, b'x' * 4096)
    except BlockingIOError:
        pass
    fcntl.fcntl(writer, fcntl.F_SETFL, flags)
    return writer


def place(box, how):
    """A descriptor of which one of the two outputs is made; None: it is closed."""
    if how == 'full disk':
        return os.open('/dev/full', os.O_WRONLY)
    if how == 'no reader':
        return full_pipe(box, False)
    if how == 'full pipe':
        return full_pipe(box, True)
    if how == 'read only':
        return os.open('/dev/null', os.O_RDONLY)
    if how == 'closed':
        return None
    return os.open(os.path.join(box.path, 'said'), os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def call(box, out, err, *args, stdin='/dev/null', sigpipe=True):
    """Runs stint with outputs of that kind; gives the exit status. (restore_signals: SIGPIPE ends it.)"""
    fds = {1: place(box, out), 2: place(box, err)}

    def arrange():
        for fd, to in fds.items():
            if to is None:
                os.close(fd)
            else:
                os.dup2(to, fd)
        if stdin is None:
            os.close(0)
    process = subprocess.Popen(box.command(*args), cwd=box.path, env=box.env, stdin=subprocess.DEVNULL,
                               preexec_fn=arrange, restore_signals=sigpipe, close_fds=True)
    for to in fds.values():
        if to is not None:
            os.close(to)
    try:
        return process.wait(120)
    except subprocess.TimeoutExpired:
        for pid in descendants(process.pid) + [process.pid]:
            kill(pid)
        process.wait()
        raise


def assert_all_done(box):
    account = assert_clean(box, 'logs', KEYS)
    assert account.counts['done'] == 48 and account.counts['dead'] == 2 and account.counts['rejected'] == 1
    assert sorted(box.lines('effects'), key=int) == KEYS[2:]


ODD = ['full disk', 'no reader', 'full pipe', 'read only', 'closed']


@pytest.mark.parametrize('more', [[], ['-v'], ['--no-progress'], ['--json']])
@pytest.mark.parametrize('err', ODD)
def test_standard_error_that_takes_nothing_does_not_hold_the_work_up(quiet, err, more):
    assert call(quiet, 'a file', err, 'run', 'logs.yaml', *more) == 3
    assert_all_done(quiet)
    if more == ['--json']:
        assert json.loads(quiet.read('said'))['exit_status'] == 3


@pytest.mark.parametrize('more', [[], ['--json']])
@pytest.mark.parametrize('out', ['full disk', 'no reader', 'read only', 'closed'])
def test_standard_output_that_takes_nothing_leaves_the_work_and_its_status_alone(quiet, out, more):
    assert call(quiet, out, 'a file', 'run', 'logs.yaml', *more) == 3
    assert_all_done(quiet)
    if out in ('full disk', 'read only'):  # a reader that went away, or none from the start, wants nothing
        assert 'writing the result' in quiet.read('said')


@pytest.mark.parametrize('how', ['full disk', 'no reader', 'read only', 'closed'])
def test_nothing_takes_anything(quiet, how):
    assert call(quiet, how, how, 'run', 'logs.yaml', '-v') == 3
    assert_all_done(quiet)


def test_all_three_are_closed(quiet):
    """What is opened first would get the number of a standard descriptor, and be written into."""
    assert call(quiet, 'closed', 'closed', 'run', 'logs.yaml', '-v', stdin=None) == 3
    assert_all_done(quiet)
    assert quiet.run('items', '--state', 'dead').code == 0


@pytest.mark.parametrize('out', ['full disk', 'read only'])
def test_a_result_that_cannot_be_written_is_a_failure_of_what_only_shows_it(quiet, out):
    """Negative control: where the result is all there is, its loss is told by the exit status."""
    assert call(quiet, 'a file', 'a file', 'run', 'logs.yaml') == 3
    for verb in (['report'], ['items'], ['items', '--json'], ['runs'],
                 ['rejects', 'logs', '--format', 'csv']):
        assert call(quiet, out, 'a file', *verb) == 74, verb
    assert call(quiet, 'no reader', 'a file', 'report') in (0, -13)


@pytest.mark.parametrize('signalled', [False, True])
def test_a_reader_that_leaves_half_way_ends_nothing_but_what_is_shown(quiet, signalled):
    quiet.file('items.csv', 'id\n' + ''.join(f'{i}\n' for i in range(1, 501)))
    process = subprocess.Popen(
        f'{" ".join(quiet.command("run", "logs.yaml", "-v"))} 2>&1 | head -n 1; echo ${{PIPESTATUS[0]}}',
        shell=True, executable='/bin/bash', cwd=quiet.path, env=quiet.env, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, restore_signals=signalled)
    out = process.communicate(timeout=120)[0].decode()
    assert out.rstrip().endswith('\n3'), out
    assert sorted(quiet.lines('effects'), key=int) == [str(i) for i in range(3, 501)]
    quiet.verify()
