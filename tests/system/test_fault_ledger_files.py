# SPDX-License-Identifier: Apache-2.0
"""What others do to the ledger's files while it is in use or lies still (rows 23 and 26 of
docs/faults.md): removed, replaced, damaged, on NFS."""
import os
import shutil
import sqlite3

import pytest
from lib.box import descendants, kill, wait_until
from lib.figures import at_risk, figures, measure
from lib.job import RUN, run_until_over, without, write_job

pytestmark = pytest.mark.file
ITEMS = 2000


def start(box, effect='once'):
    """A run in its middle."""
    keys = write_job(box, ITEMS, effect)
    run = box.start(*RUN)
    wait_until(lambda: len(box.lines('effects')) > 100)
    return run, keys


def ends_with_words(box, run, word):
    before = len(box.lines('effects'))
    assert run.wait(180) == 74, box.process_said(run)
    assert word in box.process_said(run)
    assert len(box.lines('effects')) < ITEMS
    return before


@pytest.mark.parametrize('effect', ['once', 'idempotent'])
@pytest.mark.parametrize('how', ['removed', 'replaced'])
def test_a_log_that_is_removed_or_replaced_ends_it_and_nothing_of_it_is_lost(box, how, effect):
    keys = lose_log(box, how, effect)
    figures(box, keys, effect, crashes=1)


def lose_log(box, how, effect):
    """A run whose log goes, and those after it. Gives the keys."""
    run, keys = start(box, effect)
    log = box.ledger + '-wal'
    if how == 'removed':
        os.unlink(log)
    else:
        shutil.copy(log, log + '.copy')
        os.rename(log + '.copy', log)
    ends_with_words(box, run, 'has been saved')
    if how == 'replaced':
        os.unlink(log)
    run_until_over(box)
    return keys


def test_without_that_rescue_what_was_in_the_log_is_done_again(box):
    """The negative control."""
    keys = lose_log(without(box, 'ledger.rescue'), 'removed', 'once')
    assert 'D' in measure(box, keys, 'once', crashes=1).wrong()


def test_the_file_of_locks_removed_ends_it(box):
    run, keys = start(box)
    os.unlink(box.ledger + '.lock')
    ends_with_words(box, run, 'ledger.db.lock')
    run_until_over(box)
    figures(box, keys, 'once', crashes=1)


def test_shared_memory_removed_does_no_harm(box):
    run, keys = start(box)
    os.unlink(box.ledger + '-shm')
    assert run.wait(180) == 0, box.process_said(run)
    figures(box, keys, 'once')


@pytest.mark.parametrize('how', ['removed', 'replaced'])
def test_a_ledger_that_is_removed_or_replaced_ends_it(box, how):
    run, keys = start(box)
    os.rename(box.ledger, box.ledger + '.away')
    if how == 'replaced':
        shutil.copy(box.ledger + '.away', box.ledger)
    before = ends_with_words(box, run, 'replaced or removed')
    assert len(box.lines('effects')) - before <= 10 * at_risk(2)
    os.rename(box.ledger + '.away', box.ledger)
    run_until_over(box)
    figures(box, keys, 'once', crashes=1)


def test_verbs_and_runs_while_a_ledger_is_away_make_no_new_one_by_mistake(box):
    run, _ = start(box)
    os.rename(box.ledger, box.ledger + '.away')
    ends_with_words(box, run, 'replaced or removed')
    for verb in ('status', 'items', 'report'):
        said = box.run(verb)
        assert said.code in (1, 73), said
    assert not os.path.exists(box.ledger)


def test_a_link_to_a_ledger_is_the_ledger(box):
    """Who comes by the link and who comes by the file see each other."""
    keys = write_job(box, 2000)
    real = box.ledger
    link = os.path.join(box.path, 'elsewhere', 'link.db')
    os.mkdir(os.path.dirname(link))
    os.symlink(real, link)
    assert box.run('ledger', 'init').code == 0
    run = box.start(*RUN)
    wait_until(lambda: len(box.lines('effects')) > 100)
    box.env['STINT_LEDGER'] = 'sqlite:' + link
    other = box.start(*RUN)
    assert {run.wait(180), other.wait(180)} == {0}, box.process_said(run) + box.process_said(other)
    assert os.listdir(os.path.dirname(link)) == ['link.db']
    figures(box, keys, 'once')


def test_a_ledger_with_two_names_is_refused(box):
    """By each name it would have a log and locks of its own."""
    write_job(box, 5)
    assert box.run('ledger', 'init').code == 0
    os.link(box.ledger, box.ledger + '.twin')
    said = box.run(*RUN)
    assert said.code == 73 and '2 names (hard links)' in said.err, said
    assert box.lines('effects') == []
    os.remove(box.ledger + '.twin')
    assert box.run(*RUN).code == 0


def test_a_ledger_on_nfs_is_refused(box):
    write_job(box, 5)
    box.compile('faultio.so', 'faultio.c', '-shared', '-fPIC')
    box.env.update(LD_PRELOAD=os.path.join(box.path, 'faultio.so'), FAULTIO='nfs:1:0+/ledger')
    said = box.run(*RUN)
    assert said.code == 73 and 'NFS' in said.err and 'local disk' in said.err, said
    assert box.lines('effects') == []


# ---- damage ----------------------------------------------------------------------------------------


def stop_hard(box, run):
    for pid in [run.pid, *descendants(run.pid)]:
        kill(pid)
    run.wait(60)


def overwrite(path, at, data):
    with open(path, 'r+b') as f:
        f.seek(at)
        f.write(data)


def settle(box):
    """Everything is in the database file, nothing in the log."""
    db = sqlite3.connect(box.ledger)
    db.execute('PRAGMA wal_checkpoint(TRUNCATE)').fetchall()
    db.close()


def test_a_database_that_is_none_any_more_is_left_alone(box):
    run, _ = start(box)
    stop_hard(box, run)
    settle(box)
    overwrite(box.ledger, 0, b'\0' * 100)
    effects = len(box.lines('effects'))
    for verb in (RUN, ('status',), ('items',), ('ledger', 'verify')):
        said = box.run(*verb)
        assert said.code == 73 and 'ledger.db' in said.err, said
    assert len(box.lines('effects')) == effects


def test_damaged_pages_are_seen_and_nothing_is_begun_on_them(box):
    run, _ = start(box)
    stop_hard(box, run)
    settle(box)
    effects = len(box.lines('effects'))
    overwrite(box.ledger, 4096, b'\x5a' * (os.path.getsize(box.ledger) - 4096))
    assert box.run('ledger', 'verify').code in (1, 73, 74)
    said = box.run(*RUN)
    assert said.code in (73, 74) and 'ledger.db' in said.err, said
    assert len(box.lines('effects')) == effects
