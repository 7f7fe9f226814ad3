# SPDX-License-Identifier: Apache-2.0
"""Somebody else in the database itself (rows 24 and 25 of docs/faults.md)."""
import os
import sqlite3
import time

from lib.box import wait_until
from lib.figures import figures
from lib.job import RUN, write_job

MIB = 1 << 20


def start(box, items):
    keys = write_job(box, items)
    run = box.start(*RUN)
    wait_until(lambda: len(box.lines('effects')) > 50)
    return run, keys


class Quiet:
    """True when no effect has come for so long."""

    def __init__(self, box, seconds):
        self.box, self.seconds, self.n, self.since = box, seconds, -1, 0

    def __call__(self):
        n, now = len(self.box.lines('effects')), time.monotonic()
        if n != self.n:
            self.n, self.since = n, now
        return now - self.since > self.seconds


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


def test_somebody_who_locks_the_database_is_waited_for(box):
    """A shell with BEGIN EXCLUSIVE, for longer than SQLite itself would wait."""
    run, keys = start(box, 1000)
    db = sqlite3.connect(box.ledger, isolation_level=None, timeout=60)
    db.execute('BEGIN EXCLUSIVE')
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
