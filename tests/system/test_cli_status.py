# SPDX-License-Identifier: Apache-2.0
"""`stint status`, `stint instances`: what is on, who is at it, what needs a person."""
import signal

from conftest import Night
from lib.box import cast, is_alive, kill, wait_until

SLOW = '#!/bin/sh\n: >"began.$1"; sleep 300\n'


def start_slow(box):
    night = Night(box, ['slow-1', 'slow-2', 'slow-3'])
    box.file('send', SLOW, mode=0o755)
    with open(night.file, encoding='utf-8') as f:
        box.file('invoices.yaml', f.read() + 'window: {grace: 1s}\n')
    process = box.start('run', 'invoices.yaml', '--no-progress')
    wait_until(lambda: len([n for n in box_names(box) if n.startswith('began.')]) == 2)
    return night, process


def box_names(box):
    import os
    return os.listdir(box.path)


def test_after_the_night(night):
    said = night.box.run('status')
    assert said.code == 0 and said.out.startswith('Ledger ' + night.box.url)
    assert 'nobody is at work' in said.out
    assert '1 in doubt, 2 dead, 1 rejected' in said.out
    doc = night.json('status')
    assert doc['schema'] == 'stint.status.1' and doc['on'] == [] == doc['next']
    assert [run['run_id'] for run in doc['needs_person']] == [1]


def test_nothing_to_care_about(quiet_night):
    doc = quiet_night.json('status', 'invoices')
    assert doc['on'] == doc['next'] == doc['needs_person'] == []


def test_of_a_job_that_never_ran(night):
    said = night.box.run('status', 'invoice')
    assert said.code == 1 and "did you mean 'invoices'" in said.err


def test_a_name_goes_before_a_file_that_is_called_so(quiet_night):
    quiet_night.box.file('invoices', 'no job file at all')
    for args in (['status', 'invoices'], ['runs', 'invoices'], ['why', 'invoices'], ['report', 'invoices']):
        said = quiet_night.box.run(*args)
        assert said.code == 0, said


def test_while_it_runs(box):
    night, process = start_slow(box)
    doc = night.json('status')
    [run] = doc['on']
    assert run['state'] == 'running' and run['instances'] == 1 and run['counts']['running'] == 2
    assert 'by 1 instance' in box.run('status').out
    [instance] = night.json('instances')['instances']
    assert instance['state'] == 'live' and instance['runs'] == [run['run']] and instance['lanes'] >= 1
    assert instance['pid'] in cast(process.pid)['engine'] and instance['last_heard_at'] is not None
    assert 'SINCE' in box.run('instances').out and instance['started_at'] <= instance['last_heard_at']
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 75
    doc = night.json('status')
    assert doc['on'] == [] and [run['state'] for run in doc['next']] == ['stopped']
    assert 'stint run' in box.run('status').out


def test_after_a_kill_nobody_is_said_to_work(box):
    night, process = start_slow(box)
    roles = cast(process.pid)
    for pid in roles['keeper'] + roles['engine'] + roles['lane'] + roles['child']:
        kill(pid)
    process.wait()
    wait_until(lambda: not any(is_alive(pid) for pid in roles['engine']))
    # Where instances beat, that they have stopped is known when some time has passed without one.
    wait_until(lambda: night.json('instances')['instances'][0]['state'] == 'gone', every_s=0.5)
    doc = night.json('status')
    assert doc['on'] == [] and [run['state'] for run in doc['next']] == ['stopped']
    said = box.run('why', 'invoices')
    assert 'died' in said.out and 'stint run' in said.out, said


def test_instances_that_ended(night):
    assert night.json('instances')['instances'] == []
    said = night.box.run('instances')
    assert said.code == 0 and said.out == '' and 'nobody' in said.err
    [instance] = night.json('instances', '-v')['instances']
    assert instance['state'] == 'ended' and instance['ended_at'] is not None
