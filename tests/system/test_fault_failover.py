# SPDX-License-Identifier: Apache-2.0
"""A standby becomes the ledger's server, without the last commits (docs/faults.md, rows 31 and 33)."""
import os

import pytest
from lib.box import Box, STINT_DEV, wait_until
from lib.figures import figures, measure
from lib.job import RUN, run_until_over, write_job


def two_hosts(first, second, database):
    return (f'postgres:///{database}?user=stint&host={first.path},{second.path}'
            f'&port={first.port},{second.port}')


class Pair:
    """A primary, its asynchronous standby, and a box whose ledger is there."""

    def __init__(self, primary, path):
        self.primary = primary
        self.database = primary.database()
        self.standby = primary.standby()
        path.mkdir()
        self.box = Box(path)
        self.box.options = []
        self.box.env['STINT_LEDGER'] = two_hosts(primary, self.standby, self.database.name)

    def job(self, items, effect, **more):
        keys = write_job(self.box, items, effect=effect, **more)
        if effect == 'once':
            text = self.box.read('faults.yaml')
            self.box.file('faults.yaml', text.replace('effect: once', 'effect: once\n  accept_rpo: true'))
        return keys

    def comes_to(self, n, *runs):
        """Until so many effects have happened."""
        wait_until(lambda: len(self.box.lines('effects')) >= n
                   or all(run.poll() is not None for run in runs))
        assert any(run.poll() is None for run in runs), [self.box.process_said(run) for run in runs]

    def lose(self, n, *runs):
        """What belongs to the next n effects is not on the standby, which then takes over."""
        self.standby.cut()
        self.comes_to(len(self.box.lines('effects')) + n, *runs)
        self.primary.kill()
        self.standby.promote()

    def close(self):
        self.box.close()
        self.standby.close()


@pytest.fixture(name='pair')
def make_pair(new_postgres, tmp_path):
    pair = Pair(new_postgres(more='log_connections = on\n'), tmp_path / 'pair')
    yield pair
    pair.close()


@pytest.mark.parametrize('effect', ['once', 'idempotent'])
def test_commits_that_a_failover_lost_are_written_again(pair, effect):
    keys = pair.job(1500, effect)
    run = pair.box.start(*RUN)
    pair.comes_to(100, run)
    pair.lose(100, run)
    assert run.wait(300) == 0, pair.box.process_said(run)
    assert figures(pair.box, keys, effect, crashes=0).needless == 0
    said = pair.box.process_said(run)
    assert 'without the last' in said and 'they were written again' in said
    assert 'they were written again' in pair.box.run('report').said
    # Each attempt is counted once.
    done = pair.standby.value('select sum(done) from stint.minute', pair.database.name, 'stint')
    assert done == str(len(keys))


def test_without_the_journal_items_are_done_twice(pair):
    """The negative control: nothing is remembered of what was acknowledged."""
    pair.box.program = STINT_DEV
    pair.box.env['STINT_FAULT'] = 'ledger.journal:1:always'
    keys = pair.job(1500, 'once')
    run = pair.box.start(*RUN)
    pair.comes_to(100, run)
    pair.lose(100, run)
    assert run.wait(300) == 75, pair.box.process_said(run)
    del pair.box.env['STINT_FAULT']
    run_until_over(pair.box)
    assert 'D' in measure(pair.box, keys, 'once', crashes=1).wrong()


def test_each_of_several_instances_writes_again_what_was_its_own(pair):
    keys = pair.job(3000, 'once')
    first = pair.box.start(*RUN)
    pair.comes_to(50, first)
    others = [pair.box.start(*RUN) for _ in range(2)]
    wait_until(lambda: pair.database.value(
        'select count(*) from stint.instance_ where state = 1') == '3')
    pair.comes_to(len(pair.box.lines('effects')) + 100, first, *others)
    pair.lose(200, first, *others)
    for run in (first, *others):
        assert run.wait(300) == 0, pair.box.process_said(run)
    assert figures(pair.box, keys, 'once', crashes=0, concurrency=6).needless == 0


def test_an_old_primary_that_comes_back_is_not_used(pair):
    """It is named first in the URI, and says that it is a primary."""
    keys = pair.job(2000, 'once')
    run = pair.box.start(*RUN)
    pair.comes_to(100, run)
    pair.lose(50, run)
    pair.comes_to(len(pair.box.lines('effects')) + 50, run)
    pair.primary.start()
    # What is under way loses its connections, and finds two primaries.
    pair.standby.ask("select pg_terminate_backend(pid) from pg_stat_activity"
                     f" where datname = '{pair.database.name}'")
    pair.comes_to(len(pair.box.lines('effects')) + 50, run)
    # And so does who comes anew.
    said = pair.box.run('instances', '--json')
    assert said.code == 0 and '"batch":' not in said.out
    assert run.wait(300) == 0, pair.box.process_said(run)
    assert figures(pair.box, keys, 'once', crashes=0).needless == 0
    done = 'select sum(n_done) from stint.chunk'
    assert pair.standby.value(done, pair.database.name, 'stint') == str(len(keys))
    assert int(pair.database.value(done)) < len(keys)


def with_only_the_old_primary(pair):
    """A run that has seen the new one. Gives it, its keys, and how many items were done on the old
    one before and after the run had found that again."""
    done = 'select sum(n_done) from stint.chunk'
    keys = pair.job(2000, 'once')
    run = pair.box.start(*RUN)
    pair.comes_to(100, run)
    pair.lose(50, run)
    pair.comes_to(len(pair.box.lines('effects')) + 50, run)
    pair.standby.stop()
    seen = pair.primary.log.count('application_name=stint')
    pair.primary.start()
    before = int(pair.database.value(done))
    wait_until(lambda: pair.primary.log.count('application_name=stint') > seen + 5
               or int(pair.database.value(done)) > before)
    after = int(pair.database.value(done))
    pair.primary.stop()
    pair.standby.start()
    return run, keys, before, after


def test_an_old_primary_is_refused_by_who_knows_better(pair):
    run, keys, before, after = with_only_the_old_primary(pair)
    assert before == after
    assert run.wait(300) == 0, pair.box.process_said(run)
    assert figures(pair.box, keys, 'once', crashes=0).needless == 0


def test_without_its_timeline_an_old_primary_is_written_to(pair):
    """The negative control."""
    pair.box.program = STINT_DEV
    pair.box.env['STINT_FAULT'] = 'ledger.timeline:1:always'
    run, _, before, after = with_only_the_old_primary(pair)
    assert after > before
    run.wait(300)
