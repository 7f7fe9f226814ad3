# SPDX-License-Identifier: Apache-2.0
"""`stint work`: one more instance, which takes part in runs that are open."""
import json
import os
import signal

import pytest
from lib.box import Box, wait_until
from lib.letters import sent_once, stopped_run, write_letters


@pytest.fixture(name='box')
def fixture_box(tmp_path, ledger_database):
    box = Box(tmp_path, database=ledger_database)
    write_letters(box)
    yield box
    box.close()


def test_with_nothing_open_there_is_nothing_to_do(box):
    box.file('go')
    assert box.run('run', 'letters.yaml').code == 0
    said = box.run('work')
    assert said.code == 0 and 'nothing to do' in said.err, said
    assert box.run('work', 'strangers').code == 1


def test_it_takes_what_is_left_without_the_job_file(box):
    stopped_run(box)
    os.remove(os.path.join(box.path, 'letters.yaml'))
    said = box.run('work')
    assert said.code == 0, said
    assert 'takes part in letters@' in said.err
    assert sent_once(box)
    box.verify()


def test_two_beside_the_run_do_nothing_twice(box):
    run = box.start('run', 'letters.yaml')
    wait_until(lambda: box.lines('begun'))
    guests = [box.start('work', 'letters'), box.start('work')]
    wait_until(lambda: len(json.loads(box.run('instances', '--json').out)['instances']) == 3)
    box.file('go')
    assert [process.wait(120) for process in (run, *guests)] == [0, 0, 0], box.process_said(run)
    assert sent_once(box)
    assert any('is also worked on by' in box.process_said(guest) for guest in guests)
    box.verify()


def test_one_that_stays_waits_for_runs_until_it_is_told_to_end(box):
    guest = box.start('work', 'letters', '--stay')
    stopped_run(box)
    wait_until(lambda: sent_once(box))
    guest.send_signal(signal.SIGTERM)
    assert guest.wait(120) in (0, 75), box.process_said(guest)  # 75: before the run was finished
    box.run('run', 'letters.yaml')
    assert sent_once(box)
    box.verify()


def test_as_a_document(box):
    stopped_run(box)
    said = box.run('work', '--json')
    assert said.code == 0, said
    document = json.loads(said.out)
    assert document['schema'] == 'stint.work.1' and document['exit_status'] == 0
    assert [run['exit_status'] for run in document['runs']] == [0]
    assert document['runs'][0]['run'].startswith('letters@')


def test_a_dry_run_says_what_it_would_take(box):
    stopped_run(box)
    before = box.lines('sent')
    name = json.loads(box.run('runs', '--json').out)['runs'][0]['run']
    for more in ([], ['--stay'], ['letters']):
        said = box.run('work', '-n', *more)
        assert said.code == 0 and said.out == f'{name}\n', said
    said = box.run('work', '-n', '--json')
    assert said.code == 0 and json.loads(said.out)['runs'] == [{'run': name}], said
    assert box.lines('sent') == before
    assert box.run('work').code == 0
    said = box.run('work', '-n')
    assert said.code == 0 and said.out == '' and 'nothing to do' in said.err, said


def test_a_source_that_is_not_here_ends_nothing(box):
    """As on another host: the run goes on where its files are."""
    stopped_run(box)
    os.rename(os.path.join(box.path, 'letters.csv'), os.path.join(box.path, 'elsewhere.csv'))
    said = box.run('work', 'letters')
    assert said.code == 75, said
    assert 'on the host where it was loaded' in said.err
    os.rename(os.path.join(box.path, 'elsewhere.csv'), os.path.join(box.path, 'letters.csv'))
    assert box.run('run', 'letters.yaml').code == 0
    assert sent_once(box)
    box.verify()
