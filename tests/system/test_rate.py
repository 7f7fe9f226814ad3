# SPDX-License-Identifier: Apache-2.0
"""Rates and quotas, measured where they are to be kept: at the effect."""
import datetime
import fcntl
import http.server
import json
import os
import pty
import signal
import struct
import subprocess
import termios
import threading

import pytest
from lib.box import cast, kill, wait_until

# Each effect notes when it took place, by the clock that never jumps.
SHELL = 'read -r up rest </proc/uptime; echo "$up $STINT_KEY" >>effects'


def write_job(box, items, share, name='r', more='', work=None):
    keys = [str(i) for i in range(1, items + 1)]
    source = f'items{items}.csv'
    if not os.path.exists(os.path.join(box.path, source)):  # written anew it would be another
        box.file(source, 'id\n' + ''.join(k + '\n' for k in keys))
    box.file(f'{name}.yaml', f'''
version: 1
job: {name}
source: {{csv: {{path: {source}}}, key: id, fields: {{id: integer}}}}
work:
  {work or f"exec: {{shell: '{SHELL}', input: none}}"}
  {share}
{more}
''')
    return keys


def effects(box):
    return [line.split()[1] for line in box.lines('effects')]


def times(box):
    return sorted(float(line.split()[0]) for line in box.lines('effects'))


def most_within(at, window_s):
    """The largest number of effects in any window of this length."""
    return max(sum(1 for t in at[i:] if t - first < window_s) for i, first in enumerate(at))


def counts(box):
    return [run['counts'] for run in json.loads(box.run('runs', '--json').out)['runs']]


@pytest.fixture
def screen(box):
    """Starts `stint run r.yaml` on a terminal; gives the process and what asks for words on it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 400, 0, 0))
    os.set_blocking(ours, False)
    shown = b''

    def shows(words):
        nonlocal shown
        try:
            shown += os.read(ours, 65536)
        except BlockingIOError:
            pass
        return words.encode() in shown

    def start():
        process = subprocess.Popen(box.command('run', 'r.yaml'), cwd=box.path, env=box.env,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs)
        box.running.append(process)
        return process, lambda words: wait_until(lambda: shows(words))

    yield start
    os.close(ours)
    os.close(theirs)


@pytest.mark.long
@pytest.mark.both
def test_two_engines_on_one_ledger_keep_the_rate_in_every_window(box):
    """A minute is long enough for jitter of a busy machine to be within the guard: 1.2 s."""
    keys = write_job(box, 128, 'rate: 120/m', more='chunk: {items: 7}')
    first = box.start('run', 'r.yaml', '--no-progress')
    wait_until(lambda: len(effects(box)) > 3)
    second = box.start('run', 'r.yaml', '--no-progress')
    assert first.wait(600) == 0, box.process_said(first)
    assert second.wait(600) == 0, box.process_said(second)
    assert 'also worked on' in box.process_said(second)
    assert sorted(effects(box)) == sorted(keys)
    assert most_within(times(box), 60) <= 120
    # They are spread over the minute, too: no more than a few seconds' worth at once.
    assert most_within(times(box), 6) <= 6 / 0.51 + 4
    assert json.loads(box.run('items', '--state', 'retry', '--json').out)['items'] == []
    box.verify()


def test_a_rate_outlives_the_engine(box):
    write_job(box, 5, 'rate: 2/h')
    run = box.start('run', 'r.yaml', '--no-progress')
    wait_until(lambda: counts(box)[0]['done'] == 1 if effects(box) else False)
    run.send_signal(signal.SIGTERM)
    assert run.wait(120) == 75, box.process_said(run)
    # What was used up by the one is used up for the next.
    write_job(box, 5, 'rate: 2/h', more='window: {max: 1s}')
    said = box.run('run', 'r.yaml', '--no-progress')
    assert said.code == 75 and effects(box) == ['1'], said
    assert counts(box)[0]['waiting'] == 4 and counts(box)[0]['retry'] == 0
    box.verify()


def test_another_rate_is_honoured_at_once(box):
    keys = write_job(box, 5, 'rate: 2/h')
    run = box.start('run', 'r.yaml', '--no-progress')
    wait_until(lambda: effects(box) == ['1'])
    write_job(box, 5, 'rate: 1000/s')
    run.send_signal(signal.SIGHUP)  # the keeper passes it on
    assert run.wait(120) == 0, box.process_said(run)
    assert sorted(effects(box)) == keys


def test_a_lower_rate_holds_in_its_hours_and_a_wait_for_it_has_a_name(box, screen):
    now = datetime.datetime.now(datetime.timezone.utc)
    hours = [(now + datetime.timedelta(hours=h)).strftime('%H:%M') for h in (-2, 2, 6)]
    write_job(box, 5, 'rate: [{limit: 1000/s}, {limit: 2/h, from: "%s", to: "%s"}]' % tuple(hours[:2]))
    run, wait_for = screen()
    wait_for(f'waits for its rate of 2/h until {hours[1]} in ')
    wait_until(lambda: effects(box) == ['1'])
    said = box.run('why', 'r').out
    assert f'its rate lets 2 attempts begin in any hour until {hours[1]}; the next may begin ' in said, said
    # The hours of this one are others.
    keys = write_job(box, 5, 'rate: [{limit: 1000/s}, {limit: 2/h, from: "%s", to: "%s"}]' % tuple(hours[1:]))
    run.send_signal(signal.SIGHUP)
    assert run.wait(120) == 0
    assert sorted(effects(box)) == keys


def test_retries_keep_the_rate_and_waiting_uses_up_no_attempt(box):
    write_job(box, 2, 'rate: 2/h', more='retry: {attempts: 2, first: 1ms, max: 1ms, jitter: none}',
              work='exec: {shell: "echo x 1 >>effects; false", input: none}')
    run = box.start('run', 'r.yaml', '--no-progress')
    wait_until(lambda: counts(box)[0]['retry'] == 1 if effects(box) else False)
    run.send_signal(signal.SIGTERM)
    assert run.wait(120) == 75, box.process_said(run)
    assert len(effects(box)) == 1
    assert sorted((item['state'], item['attempts']) for item in box.items('--run', 'r')) == [
        ('retry', 1), ('waiting', 0)]


def test_a_run_that_goes_on_gently_has_a_rate_of_its_own(box, screen):
    write_job(box, 9, 'concurrency: 1',
              work="exec: {shell: 'sleep 2; echo x $STINT_KEY >>effects', input: none}",
              more='window: {max: 1s, when_over: gentle, gentle: {rate: 2/h}}')
    run, wait_for = screen()
    wait_for('waits for its rate of 2/h in ')
    run.send_signal(signal.SIGTERM)
    assert run.wait(120) == 75
    # One since the window was over, and one before, unless the machine took so long to begin.
    assert effects(box) in (['1'], ['1', '2'])


def test_noop_keeps_it_too(box):
    write_job(box, 5, 'rate: 2/h', more='window: {max: 1s}', work='noop: {}')
    said = box.run('run', 'r.yaml', '--no-progress')
    assert said.code == 75, said
    assert counts(box)[0]['done'] == 1


def test_what_waits_for_its_rate_is_not_begun_so_a_kill_leaves_no_doubt(box):
    keys = write_job(box, 6, 'effect: once\n  rate: 2/h')
    run = box.start('run', 'r.yaml', '--no-progress')
    wait_until(lambda: counts(box)[0]['done'] == 1 if effects(box) else False)
    roles = cast(run.pid)
    for pid in [*roles['keeper'], *roles['engine'], *roles['lane']]:
        kill(pid)
    run.wait(60)
    write_job(box, 6, 'effect: once\n  rate: 1000/s')
    said = box.run('run', 'r.yaml', '--no-progress')
    assert said.code == 0, said
    assert sorted(effects(box)) == keys
    box.verify()


# ---- quotas ----------------------------------------------------------------------------------------


def test_a_quota_ends_the_run_with_words_and_is_shared_by_jobs(box):
    quota = 'quota: {name: partner, limit: 7, per: month, resets: "06:00", time_zone: UTC%s}'
    write_job(box, 5, quota % ', reserve: 3')
    said = box.run('run', 'r.yaml', '--no-progress')
    assert said.code == 75 and len(effects(box)) == 4, said
    assert 'the quota partner is used up (7 a month, 3 of them left to others); it resets at ' in said.said
    assert '06:00 UTC' in said.said
    # The reserve is for this one.
    write_job(box, 5, quota % '', name='other')
    said = box.run('run', 'other.yaml', '--no-progress')
    assert said.code == 75 and len(effects(box)) == 7, said
    said = box.run('run', 'other.yaml', '--no-progress')
    assert said.code == 75 and len(effects(box)) == 7, said
    # What is left is worked as soon as there is more.
    write_job(box, 5, '')
    write_job(box, 5, (quota % '').replace('7', '100'), name='other')
    assert box.run('run', 'r.yaml', '--no-progress').code == 0
    assert box.run('run', 'other.yaml', '--no-progress').code == 0
    assert len(effects(box)) == 10
    box.verify()


def test_what_was_taken_and_not_used_goes_back(box):
    quota = 'quota: {name: q, limit: 1000, per: month}'
    for name in ('one', 'two', 'three'):
        write_job(box, 3, quota, name=name)
        said = box.run('run', f'{name}.yaml', '--no-progress')
        assert said.code == 0, said
    write_job(box, 995, quota, name='rest', work='noop: {}')
    said = box.run('run', 'rest.yaml', '--no-progress')
    assert said.code == 75, said
    assert sum(run['done'] for run in counts(box)) == 1000


def test_a_quota_may_be_waited_for_by_name(box, screen):
    write_job(box, 3, 'quota: {name: q, limit: 1, per: month, time_zone: UTC, when_used_up: wait}')
    run, wait_for = screen()
    wait_for('waits for its quota q, used up until ')
    wait_until(lambda: effects(box) == ['1'])
    assert 'of its quota q 1 of 1 are used or given out; it resets at ' in box.run('why', 'r').out
    run.send_signal(signal.SIGTERM)
    assert run.wait(120) == 75


class Counting(http.server.BaseHTTPRequestHandler):
    """Says how much of its quota is left."""
    protocol_version = 'HTTP/1.1'
    left = 0

    def do_POST(self):
        self.rfile.read(int(self.headers['Content-Length'] or 0))
        Counting.left -= 1
        self.send_response(200)
        self.send_header('X-RateLimit-Remaining', str(Counting.left))
        self.send_header('Content-Length', '0')
        self.end_headers()

    def log_message(self, *args):  # nobody reads it
        pass


def test_what_the_other_side_says_is_left_counts(box):
    Counting.left = 4
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Counting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f'http://127.0.0.1:{server.server_port}/'
        quota = '{name: theirs, limit: 1000, per: month, reserve: 1, remaining_header: X-RateLimit-Remaining}'
        write_job(box, 9, f'effect: idempotent\n  concurrency: 1\n  quota: {quota}',
                  work=f'http: {{url: "{url}", json: {{id: "${{id}}"}}}}')
        said = box.run('run', 'r.yaml', '--no-progress')
        assert said.code == 75 and 'the quota theirs is used up' in said.said, said
        assert Counting.left == 1
        # It is known to the next call, too.
        assert box.run('run', 'r.yaml', '--no-progress').code == 75
        assert Counting.left == 1
    finally:
        server.shutdown()
        server.server_close()
