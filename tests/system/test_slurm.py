# SPDX-License-Identifier: Apache-2.0
"""`stint generate slurm`: an array job of instances, tried on a Slurm of one machine."""
import os
import signal
import time

import pytest
from lib import slurm
from lib.box import STINT, Box

ITEMS = 60
JOB = '''\
version: 1
job: letters
source:
  csv: {path: letters.csv}
  fields: {id: integer}
work:
  exec: {command: [./send, "${id}"]}
  effect: once
  concurrency: 1
chunk: {items: 4}
window: {grace: 5s}
'''
# Notes each item; waits for the file `go`.
SEND = '''\
#!/bin/sh
echo "$1" >>begun
n=0
while [ ! -e go ] && [ $n -lt 20 ]; do sleep 0.1; n=$((n + 1)); done
echo "$1" >>sent
'''


@pytest.fixture(name='box')
def fixture_box(tmp_path, ledger_database):
    os.mkdir(tmp_path / 'box')
    box = Box(tmp_path / 'box', database=ledger_database)
    box.file('letters.yaml', JOB)
    box.file('letters.csv', 'id\n' + ''.join(f'{i}\n' for i in range(ITEMS)))
    box.file('send', SEND, mode=0o755)
    yield box
    box.close()


@pytest.fixture(name='cluster')
def fixture_cluster(tmp_path):
    why = slurm.why_not()
    if why is not None:
        pytest.skip(why)
    cluster = slurm.Slurm(tmp_path)
    yield cluster
    cluster.close()


def open_run(box):
    run = box.start('run', 'letters.yaml')
    end = time.monotonic() + 120
    while not box.lines('begun'):
        assert time.monotonic() < end
        time.sleep(0.05)
    run.send_signal(signal.SIGTERM)
    assert run.wait(120) == 75, box.process_said(run)


def script_of(box):
    """The generated one; it finds the program under test, and may have a ledger in memory."""
    said = box.run('generate', 'slurm', 'letters.yaml', '--to', 'jobs')
    assert said.code == 0 and said.out == 'jobs/letters.slurm\n', said
    text = box.read('jobs/letters.slurm')
    assert 'exec stint work letters' in text and '#SBATCH --signal=B:TERM@65\n' in text
    command = ' '.join([f'exec {STINT} work', *box.options])
    return box.file('jobs/letters.slurm', text.replace('exec stint work', command), mode=0o755)


def submit(cluster, box, *options):
    return cluster.submit(script_of(box), f'--chdir={box.path}', *options, env=box.env)


def test_the_script_is_printed(box):
    said = box.run('generate', 'slurm', 'letters.yaml')
    assert said.code == 0 and said.out.startswith('#!/bin/sh\n'), said
    assert '#SBATCH --array=1-4\n' in said.out and 'exec stint work letters' in said.out
    assert box.run('generate', 'slurm', 'letter.yaml').code == 66
    assert box.run('generate', 'cron', 'letters.yaml').code != 0


def test_the_tasks_of_an_array_do_all_of_it_once(cluster, box):
    open_run(box)
    box.file('go')
    tasks = cluster.wait(submit(cluster, box, '--array=1-2'))
    assert [task['ExitCode'] for task in tasks] == ['0:0', '0:0'], cluster.said()
    assert sorted(map(int, box.lines('sent'))) == list(range(ITEMS))
    box.verify()


@pytest.mark.long
def test_a_task_drains_before_its_time_limit(cluster, box):
    open_run(box)
    # A minute, and the signal at once or soon after: an attempt takes two seconds, all of them two minutes.
    tasks = cluster.wait(submit(cluster, box, '--array=1-1', '--time=1', '--signal=B:TERM@55'))
    assert tasks[0]['JobState'] == 'FAILED' and tasks[0]['ExitCode'] == '75:0', tasks
    sent = box.lines('sent')
    assert 0 < len(sent) < ITEMS
    assert len(sent) == len(box.lines('begun'))  # each attempt came to its end
    box.file('go')
    assert box.run('work').code == 0
    assert sorted(map(int, box.lines('sent'))) == list(range(ITEMS))
    box.verify()
