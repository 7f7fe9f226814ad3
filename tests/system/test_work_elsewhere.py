# SPDX-License-Identifier: Apache-2.0
"""Another host takes part: what it does not see it leaves to those that do, and nothing fails.

The other host is a host name of its own (which makes it another machine) with other directories in
the place of some: namespaces of this one.
"""
import json
import os
import signal

import pytest
from lib.box import Box, kill_family, wait_until
from lib.letters import JOB, sent_once, stopped_run, write_csv, write_letters
from lib.segments import segments

FILE_JOB = '''\
version: 1
job: report
source:
  csv: {path: letters.csv}
  fields: {id: integer}
  key: id
work:
  file: {path: here/out.csv, format: csv}
chunk: {items: 40}
'''
# $1: how many directories are others there; then they, then what is called.
ELSEWHERE = '''\
hostname elsewhere.example || exit 99
n=$1; shift
while [ "$n" -gt 0 ]; do mount -t tmpfs none "$1" || exit 99; shift; n=$((n - 1)); done
exec "$@"
'''


def namespaces(*directories):
    return ['unshare', '--mount', '--uts', *([] if os.getuid() == 0 else ['--map-root-user']),
            'sh', '-c', ELSEWHERE, 'sh', str(len(directories)), *directories]


class Elsewhere(Box):
    """The same ledger, seen from another host that has others of these directories."""

    def __init__(self, box, *directories):
        super().__init__(box.path, database=box.database)
        self.options = box.options
        self.before = namespaces(*(os.path.join(box.path, d) for d in directories))

    def command(self, *args):
        return [*self.before, *super().command(*args)]


@pytest.fixture(name='box')
def fixture_box(tmp_path, ledger_database):
    box = Box(tmp_path, database=ledger_database)
    write_letters(box, 'here/letters.csv')
    yield box
    box.close()


def runs(box):
    said = box.run('runs', '--json')
    return json.loads(said.out)['runs'] if said.code == 0 else []


def state_of_run(box):
    return runs(box)[0]['state']


@pytest.mark.parametrize('verb', (['run', 'letters.yaml'], ['work', 'letters']))
def test_a_file_that_is_not_seen_is_left_to_the_host_that_loaded_it(box, verb):
    stopped_run(box)
    said = Elsewhere(box, 'here').run(*verb)
    assert said.code == 75, said
    assert 'loaded on another machine' in said.err
    assert state_of_run(box) == 'stopped'
    assert box.run('run', 'letters.yaml').code == 0
    assert sent_once(box)
    box.verify()


def test_the_very_same_file_is_worked_anywhere(box):
    stopped_run(box)
    said = Elsewhere(box).run('run', 'letters.yaml')
    assert said.code == 0, said
    assert sent_once(box)
    box.verify()


def test_a_file_that_has_changed_fails_the_run_only_where_it_was_loaded(box):
    stopped_run(box)
    write_csv(box, 'here/letters.csv', first=100)
    assert Elsewhere(box).run('run', 'letters.yaml').code == 75
    assert state_of_run(box) == 'stopped'
    assert box.run('run', 'letters.yaml').code == 1
    assert state_of_run(box) == 'failed'


def test_a_load_that_was_begun_goes_on_where_it_began(box):
    job = JOB.format(path='here/letters.csv').replace('  key: id\n', '  key: id\n  rate: 2/s\n')
    box.file('letters.yaml', job)
    load = box.start('run', 'letters.yaml')
    wait_until(lambda: any(run['counts']['loaded'] > 0 for run in runs(box)))
    load.send_signal(signal.SIGTERM)
    assert load.wait(120) == 75, box.process_said(load)
    box.file('go')
    said = Elsewhere(box, 'here').run('run', 'letters.yaml')
    assert said.code == 75, said
    assert 'another machine' in said.err
    assert state_of_run(box) in ('loading', 'stopped')
    assert box.run('run', 'letters.yaml').code == 0
    assert sent_once(box)


def test_then_is_done_on_the_host_that_has_the_file(box):
    """What is staged is worked anywhere; the file is deleted by who sees it."""
    box.file('letters.yaml', JOB.format(path='here/letters.csv, then: delete'))
    stopped_run(box)
    said = Elsewhere(box, 'here').run('run', 'letters.yaml')
    assert said.code == 75, said
    assert 'is not seen on this one' in said.err
    assert sent_once(box)
    assert os.path.exists(os.path.join(box.path, 'here/letters.csv'))
    assert box.run('run', 'letters.yaml').code == 0
    assert os.listdir(os.path.join(box.path, 'here')) == []
    assert sent_once(box)


def stopped_file_run(box):
    """A run of work on a file that was killed when some of it was written."""
    box.file('letters.csv', 'id\n' + ''.join(f'{i}\n' for i in range(20000)))
    box.file('report.yaml', FILE_JOB)
    run = box.start('run', 'report.yaml', start_new_session=True)
    wait_until(lambda: segments(f'{box.path}/here') > 3)
    kill_family(run)
    assert not os.path.exists(os.path.join(box.path, 'here/out.csv'))


@pytest.mark.parametrize('verb', (['run', 'report.yaml'], ['work', 'report']))
def test_a_file_is_not_written_where_the_directory_is_another(box, verb):
    stopped_file_run(box)
    before = sorted(os.listdir(f'{box.path}/here'))
    said = Elsewhere(box, 'here').run(*verb)
    assert said.code == 75, said
    assert 'does not share the directory' in said.err
    assert sorted(os.listdir(f'{box.path}/here')) == before
    assert box.run('run', 'report.yaml').code == 0
    assert box.read('here/out.csv') == box.read('letters.csv')
    assert sorted(os.listdir(f'{box.path}/here')) == ['letters.csv', 'out.csv']


def test_a_file_is_written_where_the_directory_is_shared(box):
    stopped_file_run(box)
    said = Elsewhere(box).run('work', 'report')
    assert said.code == 0, said
    assert box.read('here/out.csv') == box.read('letters.csv')
    assert sorted(os.listdir(f'{box.path}/here')) == ['letters.csv', 'out.csv']


# ---- who else is in it -----------------------------------------------------------------------------


def test_the_others_say_who_comes_and_goes_and_dies(box):
    run = box.start('run', 'letters.yaml')
    wait_until(lambda: box.lines('begun'))
    leaver = box.start('work', 'letters')
    wait_until(lambda: ' takes part in ' in box.process_said(run))
    victim = box.start('work', 'letters')
    wait_until(lambda: box.process_said(run).count(' takes part in ') == 2)
    wait_until(lambda: ' takes part in letters@' in box.process_said(leaver).split('\n', 1)[1])
    assert box.process_said(victim).count('is also worked on by') == 2
    kill_family(victim)
    wait_until(lambda: 'was declared dead' in box.process_said(run))
    leaver.send_signal(signal.SIGTERM)
    leaver.send_signal(signal.SIGTERM)
    wait_until(lambda: ' has left letters@' in box.process_said(run))
    box.file('go')
    assert run.wait(120) in (0, 3), box.process_said(run)
