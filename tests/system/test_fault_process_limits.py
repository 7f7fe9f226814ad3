# SPDX-License-Identifier: Apache-2.0
"""Too little of something, and signals (rows 10 to 13, 15 and 16 of docs/faults.md)."""
import json
import os
import resource
import signal

import pytest
from lib.box import cast, descendants, is_alive, is_stopped, kill, wait_until
from lib.figures import figures
from lib.gate import stop_outside_a_commit
from lib.job import RUN, run_until_over, without, write_job

def run_short_of_memory(box, n):
    """A run whose n-th allocation fails. Making a ledger takes thousands: it is there already."""
    assert box.run('ledger', 'init').code == 0
    box.compile('faultio.so', 'faultio.c', '-shared', '-fPIC')
    box.env.update(LD_PRELOAD=os.path.join(box.path, 'faultio.so'), FAULTIO=f'malloc:{n}:12')
    said = box.run(*RUN)
    del box.env['LD_PRELOAD']
    return said


# From 18,000 or so on it hits an engine at work.
@pytest.mark.parametrize('n', [1, 20, 100, 200, 300, 500, 800, 1500, 8000, 19000, 21000, 23000, 26000])
def test_an_allocation_that_fails_loses_nothing(box, n):
    keys = write_job(box, 200)
    said = run_short_of_memory(box, n)
    # Words or success, and never by a signal.
    assert said.code in (0, 1, 3, 71, 73, 74, 75, 78), said
    assert said.code == 0 or 'memory' in said.err, said
    run_until_over(box)
    figures(box, keys, 'once', crashes=1)


@pytest.mark.file
def test_without_another_try_a_lack_of_memory_ends_the_run(box):
    """The negative control: one of these is the ledger's, with something in hand."""
    without(box, 'ledger.busy')
    codes = []
    for n in range(18000, 30000, 1000):
        write_job(box, 200)
        codes.append(run_short_of_memory(box, n).code)
        if codes[-1] == 74:
            break
        for name in os.listdir(box.path):
            if name in ('effects', 'injected') or name.startswith('ledger.db'):
                os.unlink(os.path.join(box.path, name))
    assert codes[-1] == 74, codes


def test_few_descriptors_slow_it_down_and_cost_no_item(box):
    keys = write_job(box, 200, concurrency=16)
    said = box.run(*RUN, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32)))
    assert said.code in (0, 75), said
    assert len(said.err.split('\n')) < 30, said
    assert run_until_over(box) == 0
    figures(box, keys, 'once', concurrency=16)


@pytest.mark.parametrize('n', [12, 16, 20])
def test_too_few_descriptors_end_it_with_words_before_anything_is_begun(box, n):
    keys = write_job(box, 20)
    said = box.run(*RUN, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (n, n)))
    assert said.code == 71, said
    assert 'ulimit -n' in said.err and 'died' not in said.err, said
    assert box.lines('effects') == []
    assert run_until_over(box) == 0
    figures(box, keys, 'once')


# ---- signals ------------------------------------------------------------------------------------------


def test_a_storm_of_hangups_reloads_and_does_no_harm(box):
    keys = write_job(box, 500)
    run = box.start(*RUN)
    wait_until(lambda: len(box.lines('effects')) > 20)
    for _ in range(200):
        kill(run.pid, signal.SIGHUP)
        wait_until(lambda: True, every_s=0.001)
    assert run.wait(180) == 0, box.process_said(run)
    figures(box, keys, 'once')


def test_without_a_handler_a_hangup_ends_an_engine(box):
    """The negative control."""
    write_job(without(box, 'host.hangup'), 500)
    run = box.start(*RUN)
    wait_until(lambda: len(box.lines('effects')) > 20)
    kill(run.pid, signal.SIGHUP)
    wait_until(lambda: 'died by signal 1 ' in box.process_said(run) or run.poll() is not None)
    assert 'died by signal 1 ' in box.process_said(run)


def test_a_storm_of_terms_ends_it_in_order(box):
    keys = write_job(box, 2000)
    run = box.start(*RUN)
    wait_until(lambda: len(box.lines('effects')) > 20)
    engine = cast(run.pid)['engine']
    for _ in range(300):
        for pid in [run.pid, *engine]:
            kill(pid, signal.SIGTERM)
    assert run.wait(180) == 75, box.process_said(run)
    box.verify()
    code = run_until_over(box)
    # A second one that counts ends the attempts, which are then in doubt; no more than run.
    figures(box, keys, 'once', crashes=0, doubts=2)
    assert code in (0, 3)


# ---- several on one ledger ---------------------------------------------------------------------------


def instances(box):
    said = box.run('instances', '--json')
    return json.loads(said.out)['instances'] if said.code == 0 else []


def test_one_of_two_is_killed_and_one_is_stopped_and_verbs_are_called_meanwhile(box):
    keys = write_job(box, 3000)
    box.file(os.path.basename(box.ledger) + '.lock', '')  # one that was left behind
    one, two = box.start(*RUN), box.start(*RUN)
    wait_until(lambda: len(instances(box)) == 2)
    wait_until(lambda: len(box.lines('effects')) > 100)
    victim = [one.pid, *descendants(one.pid)]
    [stopped] = cast(two.pid)['engine']
    stop_outside_a_commit(box, stopped)
    for pid in victim:
        kill(pid)
    one.wait(60)
    for verb in ('status', 'report', 'items', 'instances', 'runs'):
        assert box.run(verb, timeout=180).code == 0
    states = {i['pid']: i['state'] for i in instances(box)}
    assert states[stopped] == 'live', states
    # A third takes what the dead one had, and waits for what the stopped one has.
    three = box.start(*RUN)
    before = len(box.lines('effects'))
    wait_until(lambda: len(box.lines('effects')) > before + 200)
    assert [i['state'] for i in instances(box) if i['pid'] == stopped] == ['live']
    kill(stopped, signal.SIGCONT)
    assert {two.wait(180), three.wait(180)} <= {0, 3}, box.process_said(two) + box.process_said(three)
    run_until_over(box)
    figures(box, keys, 'once', crashes=1)


@pytest.mark.file
def test_without_locks_one_that_is_stopped_is_taken_for_dead(box):
    """The negative control: nobody looks who holds his byte of the file of locks."""
    write_job(box, 3000)
    run = box.start(*RUN)
    wait_until(lambda: len(box.lines('effects')) > 100)
    [stopped] = cast(run.pid)['engine']
    stop_outside_a_commit(box, stopped)
    without(box, 'ledger.alive').start(*RUN)
    wait_until(lambda: 'reaped' in box.run('instances', '-v', '--json').out)


def test_an_engine_that_stands_still_is_killed_by_its_keeper_and_resumes(faulty):
    keys = write_job(faulty, 2000)
    faulty.faulty('keeper.impatient:1:err')  # three seconds instead of two minutes
    run = faulty.start(*RUN)
    wait_until(lambda: len(faulty.lines('effects')) > 50)
    [engine] = cast(run.pid)['engine']
    kill(engine, signal.SIGSTOP)
    assert run.wait(180) in (0, 3), faulty.process_said(run)
    assert 'has not moved' in faulty.process_said(run)
    assert not is_alive(engine)
    run_until_over(faulty)
    figures(faulty, keys, 'once', crashes=1)


def test_a_stop_that_comes_while_the_engine_is_being_started_is_passed_on(faulty):
    write_job(faulty, 20000)
    faulty.faulty('keeper.started:1:stop')
    run = faulty.start(*RUN)
    wait_until(lambda: is_stopped(run.pid) or run.poll() is not None)
    kill(run.pid, signal.SIGTERM)
    kill(run.pid, signal.SIGCONT)
    assert run.wait(180) == 75, faulty.process_said(run)


# ---- what a program inherits ---------------------------------------------------------------------------


def test_a_program_inherits_no_descriptor_of_ours(box):
    program = '#!/bin/sh\nls -l /proc/$$/fd >>fds\necho "$2" >>"$1"\n'
    keys = write_job(box, 4, program=program)
    assert box.run(*RUN).code == 0
    shown = box.read('fds')
    assert 'ledger' not in shown and 'socket' not in shown and 'memfd' not in shown, shown
    numbers = {int(line.split(' -> ')[0].split()[-1]) for line in shown.split('\n') if ' -> ' in line}
    # From 10 on are the shell's own: its script, and what it puts aside.
    assert {n for n in numbers if n < 10} <= {0, 1, 2, 3}, shown
    figures(box, keys, 'once')


@pytest.mark.file
def test_without_closing_a_program_inherits_the_file_of_locks(box):
    """The negative control."""
    write_job(without(box, 'ledger.cloexec', 'lane.close'), 1, program='#!/bin/sh\nls -l /proc/$$/fd >>fds\n')
    assert box.run(*RUN).code == 0
    assert 'ledger.db.lock' in box.read('fds')
