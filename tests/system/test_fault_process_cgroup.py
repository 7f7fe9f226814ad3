# SPDX-License-Identifier: Apache-2.0
"""Limits that a control group sets, also for root: memory, processes (rows 10 and 12 of docs/faults.md).

They need a machine where this process may make control groups (version 1 or 2); elsewhere they are skipped.
"""
import os

import pytest
from lib.box import wait_until
from lib.figures import figures, measure
from lib.job import RUN, run_until_over, without, write_job

ROOT = '/sys/fs/cgroup'
# A program that wants more memory than the group may have, for one item only.
GREEDY = '''#!/bin/sh
echo "$2" >>"$1"
[ "$2" != 10050 ] || exec tail /dev/zero
'''


class Group:
    """A control group of one controller, for the processes that are started into it."""

    def __init__(self, controller, name):
        old = os.path.join(ROOT, controller)
        self.is_old = os.path.isdir(old)
        self.path = os.path.join(old if self.is_old else ROOT, name)
        os.mkdir(self.path)

    def write(self, name, value):
        with open(os.path.join(self.path, name), 'w', encoding='ascii') as f:
            f.write(str(value))

    def read(self, name):
        with open(os.path.join(self.path, name), encoding='ascii') as f:
            return f.read().strip()

    def enter(self):
        """For preexec_fn: this process and what it starts belong to it."""
        self.write('cgroup.procs', os.getpid())


@pytest.fixture(name='make_group')
def group_maker(request):
    made = []

    def make(controller, limit, value):
        name = f'stint-test-{os.getpid()}-{controller}'
        try:
            group = Group(controller, name)
            made.append(group)
            group.write(limit if not isinstance(limit, tuple) else limit[0 if group.is_old else 1], value)
        except OSError as e:
            pytest.skip(f'no control group for {controller} can be made here: {e}')
        return group

    yield make
    for group in made:
        wait_until(lambda g=group: not g.read('cgroup.procs'))
        os.rmdir(group.path)


def test_no_more_processes_for_a_while_costs_no_item(box, make_group):
    keys = write_job(box, 400)
    group = make_group('pids', 'pids.max', 'max')
    run = box.start(*RUN, preexec_fn=group.enter)
    wait_until(lambda: len(box.lines('effects')) > 20)
    group.write('pids.max', 1)
    # Until nothing can be started any more: what had been begun by then has ended.
    seen = []

    def is_still():
        seen.append(len(box.lines('effects')))
        return len(seen) > 20 and len(set(seen[-20:])) == 1

    wait_until(is_still, every_s=0.05)
    assert run.poll() is None, box.process_said(run)
    assert seen[-1] < len(keys)
    group.write('pids.max', 'max')
    assert run.wait(180) == 0, box.process_said(run)
    assert len(box.process_said(run).split('\n')) < 40, box.process_said(run)
    figures(box, keys, 'once')


def test_without_looking_at_the_reason_items_are_dead_of_it(box, make_group):
    """The negative control: a program that cannot be started counts as an attempt of its item."""
    write_job(without(box, 'work.busy'), 400)
    group = make_group('pids', 'pids.max', 'max')
    run = box.start(*RUN, preexec_fn=group.enter)
    wait_until(lambda: len(box.lines('effects')) > 20)
    group.write('pids.max', 1)
    wait_until(lambda: box.keys('dead') or run.poll() is not None)
    group.write('pids.max', 'max')
    assert run.wait(180) == 3, box.process_said(run)


def test_a_program_that_the_kernel_kills_for_its_memory_is_in_doubt_alone(box, make_group):
    keys = write_job(box, 200, program=GREEDY)
    group = make_group('memory', ('memory.limit_in_bytes', 'memory.max'), 100_000_000)
    run = box.start(*RUN, preexec_fn=group.enter)
    assert run.wait(180) == 3, box.process_said(run)
    # The kernel ends the largest, which is neither stint nor another item's program.
    assert box.keys('in_doubt') == ['10050']
    assert box.keys('dead') == []
    said = box.run('attempts', 'faults/10050')
    assert 'signal' in said.out, said
    figures(box, keys, 'once', crashes=1)


def test_without_doubt_about_a_signal_it_is_done_again(box, make_group):
    """The negative control: who was killed counts as one who failed."""
    keys = write_job(without(box, 'work.signal'), 60, program=GREEDY)
    group = make_group('memory', ('memory.limit_in_bytes', 'memory.max'), 100_000_000)
    assert box.start(*RUN, preexec_fn=group.enter).wait(180) == 3
    assert 'D' in measure(box, keys, 'once', crashes=1).wrong()
