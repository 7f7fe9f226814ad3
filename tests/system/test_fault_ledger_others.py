# SPDX-License-Identifier: Apache-2.0
"""Somebody else in the database itself (rows 24 and 25 of docs/faults.md)."""
import os
import sqlite3

import pytest
from lib.box import Quiet, wait_until
from lib.figures import figures
from lib.job import RUN, without, write_job

# Their likes in PostgreSQL: test_fault_postgres_others.py.
pytestmark = pytest.mark.file
MIB = 1 << 20


def start(box, items):
    keys = write_job(box, items)
    run = box.start(*RUN)
    wait_until(lambda: len(box.lines('effects')) > 50)
    return run, keys


def test_a_reader_that_stays_for_long_costs_room_and_nothing_else(box):
    run, keys = start(box, 3000)
    db = sqlite3.connect(box.ledger, isolation_level=None)
    db.execute('BEGIN')
    db.execute('SELECT count(*) FROM chunk').fetchall()
    assert run.wait(180) == 0, box.process_said(run)
    # The log cannot be used again while it is being read; it has grown, by what was written.
    assert os.path.getsize(box.ledger + '-wal') < 256 * MIB
    db.execute('COMMIT')
    db.close()
    figures(box, keys, 'once')


def test_nothing_is_claimed_while_a_reader_lets_the_log_grow_too_large(box):
    """What stops it comes at 4 MiB here instead of 256; the test above is without it."""
    without(box, 'ledger.stuck')
    run, keys = start(box, 6000)
    db = sqlite3.connect(box.ledger, isolation_level=None)
    db.execute('BEGIN')
    db.execute('SELECT count(*) FROM chunk').fetchall()
    wait_until(lambda: 'nothing more is claimed' in box.process_said(run) or run.poll() is not None)
    is_quiet = Quiet(box, 2)
    wait_until(lambda: run.poll() is not None or is_quiet())
    assert run.poll() is None and len(box.lines('effects')) < len(keys), box.process_said(run)
    db.execute('COMMIT')
    db.close()
    assert run.wait(180) == 0, box.process_said(run)
    figures(box, keys, 'once')


def lock(box):
    """A shell with BEGIN EXCLUSIVE."""
    db = sqlite3.connect(box.ledger, isolation_level=None, timeout=60)
    db.execute('BEGIN EXCLUSIVE')
    return db


def test_somebody_who_locks_the_database_is_waited_for(box):
    """For longer than SQLite itself would wait."""
    run, keys = start(box, 1000)
    db = lock(box)
    before = len(box.lines('effects'))
    is_quiet = Quiet(box, 4)
    wait_until(lambda: run.poll() is not None or is_quiet())
    assert run.poll() is None, box.process_said(run)
    # What was marked before it was locked may go on; without new marks nothing more begins.
    assert len(box.lines('effects')) - before <= 100
    db.execute('ROLLBACK')
    db.close()
    assert run.wait(180) == 0, box.process_said(run)
    figures(box, keys, 'once')


def test_without_another_try_a_lock_ends_the_run(box):
    """The negative control."""
    run, _ = start(without(box, 'ledger.busy'), 1000)
    db = lock(box)
    assert run.wait(180) == 74, box.process_said(run)
    db.execute('ROLLBACK')
    db.close()
