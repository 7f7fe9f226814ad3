# SPDX-License-Identifier: Apache-2.0
"""Others at the server of the ledger, and a ledger of yesterday (docs/faults.md, rows 37, 38, 41)."""
import pytest
from lib.box import STINT_DEV, Box, descendants, kill, wait_until
from lib.figures import figures, measure
from lib.held import Held, waiters
from lib.job import RUN, run_until_over, write_job


@pytest.fixture(name='box')
def make_box(tmp_path, postgres):
    box = Box(tmp_path)
    box.options = []
    box.env['STINT_LEDGER'] = postgres.uri
    yield box
    box.close()


def start(box, items, *faults):
    if faults:
        box.program = STINT_DEV
        box.env['STINT_FAULT'] = ','.join(faults)
    keys = write_job(box, items)
    run = box.start(*RUN)
    wait_until(lambda: len(box.lines('effects')) > 50 or run.poll() is not None)
    assert run.poll() is None, box.process_said(run)
    return run, keys


# ---- 37: an old snapshot ------------------------------------------------------------------------------

MANY = '''version: 1
job: many
source: {jsonl: {path: items.jsonl}, key: id, fields: {id: text}}
work: {exec: {command: [./append, effects], mode: stream, workers: 2}, effect: idempotent, concurrency: 16}
chunk: {items: 10}
'''
ENTRIES = ("select sum(idx_tup_read) from pg_stat_user_indexes where indexrelname in"
           " ('chunk_ready', 'chunk_held', 'instance_batch_pkey')")
SESSIONS = ("select count(*) from pg_stat_activity where datname = current_database()"
            " and application_name like 'stint%'")
VERSIONS = "select sum(n_tup_upd) from pg_stat_user_tables where relname in ('run_', 'run_step')"


def counted(box, postgres, what):
    """What a run of 2,000 chunks adds to the server's count of that, while somebody holds a
    snapshot of before."""
    keys = [str(i) for i in range(10000, 30000)]
    box.compile('append', 'append.c', '-static')
    box.file('items.jsonl', ''.join(f'{{"id":"{key}"}}\n' for key in keys))
    box.file('many.yaml', MANY)
    assert box.run('ledger', 'init').code == 0
    before = int(postgres.value(what, user='postgres') or 0)
    with Held(postgres, 'begin isolation level repeatable read; select count(*) from stint.chunk;'):
        said = box.run('run', 'many.yaml', '--no-progress')
        assert said.code == 0, said
        # What a session has counted is there when it has ended, which is a while after its client has.
        wait_until(lambda: postgres.value(SESSIONS, user='postgres') == '0')
        after = int(postgres.value(what, user='postgres'))  # of the run alone
    assert figures(box, keys, 'idempotent').needless == 0
    return after - before


def test_an_old_snapshot_does_not_make_claims_wade(box, postgres):
    """Of the indexes whose rows come and go."""
    assert counted(box, postgres, ENTRIES) < 100000


def test_claims_that_begin_at_the_first_chunk_would(box, postgres):
    """The negative control."""
    box.program = STINT_DEV
    box.env['STINT_FAULT'] = 'ledger.claim_from:1:always'
    assert counted(box, postgres, ENTRIES) > 100000


def test_a_run_has_no_version_for_each_commit_of_its_load(box, postgres):
    assert counted(box, postgres, VERSIONS) < 20


# ---- 38: locks of others ------------------------------------------------------------------------------


def stands_in_the_way(postgres):
    """An administrator's transaction on all chunks, until a lock timeout."""
    said = postgres.server.log.count('canceling statement due to lock timeout')
    with Held(postgres, 'begin; update stint.chunk set rev = rev;', user='postgres'):
        wait_until(lambda: postgres.server.log.count('canceling statement due to lock timeout') > said)


def is_victim(postgres):
    return any('deadlock detected' in line and 'stint/' in line
               for line in postgres.server.log.split('\n'))


def locks_the_other_way_round(postgres, run):
    """… first chunks and then instances, until the server has chosen stint as the one to give way."""
    for _ in range(60):
        if is_victim(postgres) or run.poll() is not None:
            return
        with Held(postgres, "set deadlock_timeout = '20s'; begin; update stint.chunk set rev = rev;",
                  user='postgres') as admin:
            wait_until(lambda: waiters(postgres) or run.poll() is not None)
            try:
                admin.say('select 1 from stint.instance_ for update;')
            except AssertionError:  # it was the one
                pass


@pytest.mark.parametrize('how', ['timeout', 'deadlock'])
def test_locks_of_others_cost_time_only(box, postgres, how):
    run, keys = start(box, 2000)
    if how == 'timeout':
        stands_in_the_way(postgres)
    else:
        locks_the_other_way_round(postgres, run)
        assert is_victim(postgres)
    assert run.wait(300) == 0, box.process_said(run)
    assert figures(box, keys, 'once', crashes=0).needless == 0


def test_without_another_try_they_end_the_run(box, postgres):
    """The negative control."""
    run, _ = start(box, 2000, 'ledger.conflict:1:always')
    stands_in_the_way(postgres)
    assert run.wait(300) == 74, box.process_said(run)


# ---- 41: a ledger of yesterday ---------------------------------------------------------------------------


class Restored:
    """A run whose ledger is put back to an earlier moment, after all was killed."""

    def __init__(self, box, server):
        self.box, database = box, server.database()
        box.env['STINT_LEDGER'] = database.uri
        run, self.keys = start(box, 5000)
        self.backup = server.standby()
        self.backup.cut()
        seen = len(box.lines('effects'))
        wait_until(lambda: len(box.lines('effects')) > seen + 100)
        for pid in [run.pid, *descendants(run.pid)]:
            kill(pid)
        run.wait(60)
        wait_until(lambda: not descendants(run.pid))
        server.kill()
        self.backup.promote()
        box.env['STINT_LEDGER'] = self.backup.uri(database.name)


@pytest.fixture(name='restored')
def make_restored(box, new_postgres):
    restored = Restored(box, new_postgres())
    yield restored
    restored.backup.close()


def test_what_may_have_been_done_since_the_backup_is_in_doubt(restored):
    said = restored.box.run('ledger', 'restored')
    assert said.code == 0 and 'in doubt' in said.said, said
    assert run_until_over(restored.box) == 3
    figures(restored.box, restored.keys, 'once', crashes=1, doubts=len(restored.keys))


def test_without_being_told_so_it_is_done_again(restored):
    """The negative control."""
    run_until_over(restored.box)
    assert 'D' in measure(restored.box, restored.keys, 'once', crashes=1).wrong()
