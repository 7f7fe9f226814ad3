# SPDX-License-Identifier: Apache-2.0
"""Killed at moments that are not hit by chance (rows 1, 2, 5 and 8 of docs/faults.md): at every named
point of the program, and at system calls."""
import os
import shutil
import subprocess

import pytest
from lib.box import descendants, kill, wait_until
from lib.figures import figures, measure
from lib.job import RUN, run_until_over, without, write_job

ITEMS = 40

# Some items are done at their second try, so that there are loose ones.
FLAKY = '''#!/bin/sh
case $2 in *7) [ -e "tried.$2" ] || { : >"tried.$2"; exit 75; } ;; esac
echo "$2" >>"$1"
'''

ONCE_A_RUN = ['instance_begin', 'run_create', 'run_join', 'load_take', 'load_open', 'run_finish',
              'instance_end']
MANY_TIMES = ['lane_put', 'load_put', 'chunk_claim', 'chunk_progress', 'loose_put', 'loose_claim',
              'loose_settle', 'attempt_put']
OF_LANES = ['work.begin', 'work.begun', 'work.started', 'lane.outcome']
POINTS = ([f'ledger.{op}.{when}:1' for op in ONCE_A_RUN for when in ('before', 'after')] +
          [f'ledger.{op}.{when}:{n}' for op in MANY_TIMES for when in ('before', 'after') for n in (1, 2)] +
          [f'{point}:{n}' for point in OF_LANES for n in (1, 2, 9)])


def write(box, effect):
    keys = write_job(box, ITEMS, effect, program=FLAKY)
    box.file('faults.yaml', box.read('faults.yaml').replace('items: 50', 'items: 10'))
    return keys


@pytest.mark.parametrize('effect', ['once', 'idempotent'])
@pytest.mark.parametrize('point', POINTS)
def test_killed_at(faulty, point, effect):
    keys = write(faulty, effect)
    faulty.killed_at(point, *RUN).wait(180)
    faulty.well()
    code = run_until_over(faulty)
    figures(faulty, keys, effect, crashes=1)
    assert code == (3 if faulty.keys('in_doubt') else 0)
    if effect == 'idempotent':
        assert set(faulty.lines('effects')) == set(keys)


@pytest.mark.both
@pytest.mark.parametrize('op', ['instance_begin', 'load_put', 'chunk_claim', 'chunk_progress',
                                'loose_settle', 'run_finish', 'instance_end'])
@pytest.mark.parametrize('effect', ['once', 'idempotent'])
def test_an_answer_of_the_ledger_that_is_lost_costs_nothing(faulty, op, effect):
    """The commit took place and its caller is told that it did not: the batch's number tells."""
    keys = write(faulty, effect)
    faulty.faulty(f'ledger.{op}.after:1:err', once=True)
    said = faulty.run(*RUN)
    assert os.path.exists(os.path.join(faulty.path, f'fault.ledger.{op}.after:1:err')), said
    faulty.well()
    assert said.code in (0, 75), said
    assert run_until_over(faulty) == 0
    figures(faulty, keys, effect, crashes=0)


def test_without_doubt_what_a_killed_one_had_begun_is_done_again(faulty):
    """The negative control of every kill: what the dead one had started is free again."""
    keys = write(faulty, 'once')
    faulty.killed_at('ledger.chunk_progress.before:5', *RUN).wait(180)
    faulty.well()
    run_until_over(without(faulty, 'ledger.doubt'))
    assert 'D' in measure(faulty, keys, 'once', crashes=1).wrong()


# ---- between the durable mark and the start ---------------------------------------------------------


def test_stopped_between_its_mark_and_its_start_an_item_is_not_given_to_others(faulty):
    """The worker process stands still just before it starts a program; it is found out, killed, and
    does nothing any more, and its item did not begin."""
    keys = write(faulty, 'once')
    text = faulty.read('faults.yaml').replace('  effect: once\n', '  effect: once\n  timeout: 1s\n')
    faulty.file('faults.yaml', text)
    faulty.faulty('work.begin:3:stop', once=True)
    run = faulty.start(*RUN)
    assert run.wait(300) in (0, 3), faulty.process_said(run)
    assert 'silent' in faulty.process_said(run)
    figures(faulty, keys, 'once', crashes=1)


# ---- system calls ------------------------------------------------------------------------------------


def strace_works():
    if shutil.which('strace') is None:
        return False
    return subprocess.run(['strace', '-f', '-qq', '-o', '/dev/null', 'true'], check=False,
                          capture_output=True).returncode == 0


@pytest.mark.skipif(not strace_works(), reason='strace is not there or not allowed')
@pytest.mark.parametrize('call', ['fdatasync', 'pwrite64', 'sendto', 'recvfrom'])
@pytest.mark.parametrize('n', [1, 2, 4, 7, 15])
def test_killed_at_a_system_call(box, call, n):
    keys = write(box, 'once')
    kill_at_call(box, call, n)
    run_until_over(box)
    figures(box, keys, 'once', crashes=2)


@pytest.mark.file
@pytest.mark.skipif(not strace_works(), reason='strace is not there or not allowed')
def test_without_doubt_what_was_begun_before_a_system_call_is_done_again(box):
    """The negative control: at one of these calls something had been done and not been written."""
    found = ''
    for n in range(12, 40, 2):
        for name in os.listdir(box.path):
            if name == 'effects' or name.startswith('ledger.db'):
                os.unlink(os.path.join(box.path, name))
        keys = write(box, 'once')
        kill_at_call(box, 'fdatasync', n)
        run_until_over(without(box, 'ledger.doubt'))
        found = measure(box, keys, 'once', crashes=2).wrong()
        if 'D' in found:
            break
    assert 'D' in found


def kill_at_call(box, call, n):
    """A run that is killed at its n-th call of that name."""
    assert box.run('ledger', 'init').code == 0
    said = os.path.join(box.path, 'strace.said')
    with open(said, 'wb') as out:
        tracer = subprocess.Popen(
            ['strace', '-f', '-qq', '-o', os.path.join(box.path, 'trace'), '-e', f'trace={call}',
             '-e', f'inject={call}:signal=KILL:when={n}', *box.command(*RUN)],
            cwd=box.path, env=box.env, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    box.running.append(tracer)
    tracer.said = said
    # The engine that is started in place of the killed one would be killed at the same call.
    wait_until(lambda: 'died by signal' in box.process_said(tracer) or tracer.poll() is not None)
    for pid in descendants(tracer.pid):
        kill(pid)
    tracer.wait(180)


# ---- again and again ----------------------------------------------------------------------------------


@pytest.mark.long
def test_a_program_that_dies_again_and_again_is_given_up_in_words_and_resumes_later(faulty):
    keys = write(faulty, 'once')
    faulty.faulty('ledger.chunk_claim.before:1:crash')
    run = faulty.start(*RUN)
    assert run.wait(300) == 70, faulty.process_said(run)
    said = faulty.process_said(run)
    assert said.count('died by signal') == 6 and 'not started again' in said, said
    assert faulty.lines('effects') == []
    faulty.well()
    assert run_until_over(faulty) == 0
    figures(faulty, keys, 'once', crashes=0)


@pytest.mark.long
def test_without_a_bound_it_is_started_again_and_again(faulty):
    """The negative control."""
    write(faulty, 'once')
    faulty.faulty('ledger.chunk_claim.before:1:crash', 'keeper.stubborn:1:always')
    run = faulty.start(*RUN)
    wait_until(lambda: faulty.process_said(run).count('died by signal') > 5)
    wait_until(lambda: faulty.process_said(run).count('is started again') > 5 or run.poll() is not None)
    assert run.poll() is None, faulty.process_said(run)
