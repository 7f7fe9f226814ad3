# SPDX-License-Identifier: Apache-2.0
"""An instance that does not know, or cannot say, that it lives, and another that takes over
(docs/faults.md, rows 3, 4, 34 and 35)."""
import os
import signal

import pytest
from lib.box import Box, STINT_DEV, cast, descendants, is_alive, is_stopped, kill, wait_until
from lib.figures import figures
from lib.job import RUN, write_job
from lib.other_host import OtherHost
from lib.pg_proxy import PgProxy

RUNNING = 2  # at once


class Two:
    """Two hosts at work on one run: one that will be in trouble, and this one."""

    def __init__(self, path, database):
        self.database = database
        self.here = Box(path)
        self.here.options = []
        self.here.env['STINT_LEDGER'] = database.uri
        self.keys = write_job(self.here, 400, concurrency=RUNNING, wait_ms=20)
        text = self.here.read('faults.yaml')
        self.here.file('faults.yaml', text.replace('effect: once', 'effect: once\n  timeout: 25s'))
        self.there = Box(path)
        self.there.options = []
        self.closes = [self.there.close, self.here.close]

    def begin_there(self, host, uri, *faults):
        self.closes.append(host.close)
        host.wrap(self.there, STINT_DEV)
        self.there.env['STINT_LEDGER'] = uri
        if faults:
            self.there.env['STINT_FAULT'] = ','.join(faults)
        self.first = self.there.start(*RUN)
        wait_until(lambda: len(self.here.lines('effects')) > 50 or self.first.poll() is not None)
        assert self.first.poll() is None, self.there.process_said(self.first)

    def hold(self):
        """Whatever program of an item begins, or has begun, waits. Lanes have more than these."""
        self.here.file('hold')

    def settle(self):
        """Until all that has ended is written, and what may begin is marked."""
        seen = []

        def is_quiet():
            seen.append(self.database.ask(
                'select batch, (select sum(n_running) from stint.chunk) from stint.instance_batch'))
            return len(seen) > 3 and seen[-1] == seen[-2] == seen[-3]
        wait_until(is_quiet, every_s=0.3)
        assert int(seen[-1][0][1]) > RUNNING, seen[-1]

    def stop_in_the_midst(self, pids):
        """Stops them while lanes have items that wait there; what runs is held."""
        for _ in range(50):
            for pid in pids:
                kill(pid, signal.SIGSTOP)
            self.hold()
            if self.waiting_there() > RUNNING:
                return
            seen = len(self.here.lines('effects'))
            self.let_go()
            for pid in pids:
                kill(pid, signal.SIGCONT)
            wait_until(lambda n=seen: len(self.here.lines('effects')) > n + 3)
        raise AssertionError('lanes never have anything that waits')

    def waiting_there(self):
        """Items that are marked as begun and had no effect."""
        marked, done = (int(n) for n in self.database.ask(
            'select sum(n_running), sum(n_done) from stint.chunk')[0])
        return marked + done - len(self.here.lines('effects'))

    def lose_sessions(self):
        """As when its machine is gone as a whole: the server has noticed."""
        self.database.server.ask("select pg_terminate_backend(pid) from pg_stat_activity"
                                 " where application_name = 'stint/1'")

    def take_over(self):
        """The run begins here, too, and takes what the other had. Gives what that had marked
        as begun, and what had no effect yet."""
        self.second = self.here.start(*RUN)
        wait_until(lambda: self.database.value(
            'select state from stint.instance_ where inc = 1') == '4')
        # Some have had their effect, and that could not be told any more.
        begun = set(self.here.keys('in_doubt')) - set(self.here.lines('effects'))
        assert len(begun) > RUNNING, 'nothing was ready to begin there'
        return begun

    def let_go(self):
        os.remove(os.path.join(self.here.path, 'hold'))

    def end(self, begun):
        """How many of those had their effect all the same; more than were running is too many."""
        assert self.first.wait(120) == 75, self.there.process_said(self.first)
        assert self.second.wait(300) in (0, 3, 75), self.here.process_said(self.second)
        figures(self.here, self.keys, 'once', crashes=1, concurrency=RUNNING)
        return len(begun & set(self.here.lines('effects')))

    def close(self):
        for close in self.closes:
            close()


@pytest.fixture(name='two')
def make_two(tmp_path, postgres):
    two = Two(tmp_path, postgres)
    yield two
    two.close()


# ---- 3: stopped ---------------------------------------------------------------------------------------


def stop_and_go_on(two, *faults):
    two.begin_there(OtherHost('elsewhere'), two.database.uri, *faults)
    there = cast(two.first.pid)
    two.stop_in_the_midst(there['keeper'] + there['engine'])
    two.lose_sessions()
    begun = two.take_over()
    two.let_go()
    # Lanes end what they are at, and go on by themselves if they may.
    wait_until(lambda: not any(is_alive(pid) for pid in there['child']))
    wait_until(lambda: not any(d for lane in there['lane'] for d in descendants(lane)))
    for pid in there['keeper'] + there['engine']:
        kill(pid, signal.SIGCONT)
    return two.end(begun)


@pytest.mark.long
def test_a_stopped_engine_is_taken_over_and_its_lanes_begin_nothing_more(two):
    assert stop_and_go_on(two) <= RUNNING


@pytest.mark.long
def test_without_its_lease_the_lanes_of_a_stopped_engine_go_on(two):
    """The negative control."""
    assert stop_and_go_on(two, 'host.lease:1:always') > RUNNING


# ---- 4: stopped inside a transaction ------------------------------------------------------------------


def stopped_inside(postgres, path, *faults):
    """The first finishes the run, and stops before its COMMIT; the second wants to. True when the
    server has ended the transaction of the first."""
    boxes = [Box(path), Box(path)]
    for box in boxes:
        box.options = []
        box.env['STINT_LEDGER'] = postgres.uri
    keys = write_job(boxes[0], 60)
    boxes[0].program = STINT_DEV
    boxes[0].env['STINT_FAULT'] = ','.join(('ledger.run_finish.before:1:stop', *faults))
    try:
        first = boxes[0].start(*RUN)
        held = ("select count(*) from pg_stat_activity where application_name = 'stint/1'"
                " and state = 'idle in transaction'")
        engine = wait_until(lambda: cast(first.pid)['engine'])[0]
        wait_until(lambda: is_stopped(engine))
        second = boxes[1].start(*RUN)
        long = held + " and now() - state_change > interval '12 s'"
        wait_until(lambda: second.poll() is not None or postgres.server.value(long) == '1', every_s=0.1)
        is_ended = second.poll() is not None
        kill(engine, signal.SIGCONT)
        assert second.wait(120) == 0, boxes[1].process_said(second)
        assert first.wait(120) in (0, 75), boxes[0].process_said(first)
        assert figures(boxes[1], keys, 'once', crashes=0).needless == 0
        return is_ended
    finally:
        for box in boxes:
            box.close()


def test_who_stops_inside_a_transaction_does_not_block_the_others(tmp_path, postgres):
    assert stopped_inside(postgres, tmp_path)
    assert 'idle-in-transaction timeout' in postgres.server.log


def test_without_a_limit_for_idle_transactions_the_others_wait(tmp_path, postgres):
    """The negative control."""
    assert not stopped_inside(postgres, tmp_path, 'ledger.idle:1:always')


# ---- 34: cut off ------------------------------------------------------------------------------------------


def cut_off(two, *faults):
    proxy = PgProxy(two.database.server)
    two.closes.append(proxy.close)
    two.begin_there(OtherHost('elsewhere'), proxy.uri(two.database.name), *faults)
    two.hold()
    two.settle()
    proxy.freeze()
    two.lose_sessions()
    begun = two.take_over()
    two.let_go()
    wait_until(lambda: two.second.poll() is not None)
    proxy.thaw()
    return two.end(begun)


@pytest.mark.long
def test_an_instance_that_is_cut_off_begins_nothing_more(two):
    assert cut_off(two) <= RUNNING


@pytest.mark.long
def test_without_beats_an_instance_that_is_cut_off_goes_on(two):
    """The negative control: it takes every beat for acknowledged."""
    assert cut_off(two, 'ledger.beat:1:always') > RUNNING


# ---- 35: half-open ------------------------------------------------------------------------------------


def half_open(two, *faults):
    """The other's cable is pulled out: nothing passes, and neither side is told."""
    server = two.database.server
    host = OtherHost('elsewhere', network=True)
    two.closes.append(host.close)
    uri = two.database.tcp_uri.replace('127.0.0.1', host.address)
    two.begin_there(host, uri, *faults)
    two.hold()
    two.settle()
    host.pull_out()
    sessions = "select count(*) from pg_stat_activity where application_name = 'stint/1'"
    oldest = ("select coalesce(max(extract(epoch from now() - state_change)), 0) from pg_stat_activity"
              " where application_name = 'stint/1'")
    wait_until(lambda: server.value(sessions) == '0' or float(server.value(oldest)) > 25, every_s=0.2)
    is_noticed = server.value(sessions) == '0'
    if not is_noticed:
        return False
    begun = two.take_over()
    two.let_go()
    assert two.second.wait(300) in (0, 3, 75), two.here.process_said(two.second)
    assert len(begun & set(two.here.lines('effects'))) <= RUNNING
    figures(two.here, two.keys, 'once', crashes=1, concurrency=RUNNING)
    return True


@pytest.fixture(name='far_two')
def make_far_two(tmp_path, new_postgres):
    server = new_postgres(more="listen_addresses = '*'\n")
    server.write('pg_hba.conf', server_access(server))
    server.ask('select pg_reload_conf()')
    two = Two(tmp_path, server.database())
    yield two
    two.close()


def server_access(server):
    with open(os.path.join(server.data, 'pg_hba.conf'), encoding='utf-8') as f:
        return f.read() + 'host all all 10.213.0.0/16 scram-sha-256\n'


@pytest.mark.long
def test_a_server_notices_that_an_instance_has_gone(far_two):
    assert half_open(far_two)


@pytest.mark.long
def test_without_keepalives_it_does_not(far_two):
    """The negative control: the lock of the one that has gone is held on."""
    assert not half_open(far_two, 'ledger.keepalive:1:always')
