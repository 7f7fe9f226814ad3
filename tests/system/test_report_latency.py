# SPDX-License-Identifier: Apache-2.0
"""How long attempts take and what fails of them, in the report: against what the programs did."""
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from lib.box import cast, kill, wait_until

JOB = '''version: 1
job: work
source:
  csv: {path: in.csv}
  key: id
  fields: {id: integer}
work:
  exec: %s
  effect: %s
  concurrency: 2
retry: {attempts: 3, first: 20ms, max: 40ms}
'''

# Each third item fails twice, each fifth dies at once.
MIXED = '''#!/bin/sh
[ $(($1 % 5)) -eq 0 ] && { echo "no user $1"; exit 65; }
[ $(($1 % 3)) -eq 0 ] && [ "$STINT_ATTEMPT" -lt 3 ] && { echo "busy $1"; exit 75; }
exit 0
'''

WORKER = '''#!/usr/bin/python3 -u
import json, sys
for line in sys.stdin:
    print(json.dumps({'id': json.loads(line)['id'], 'outcome': 'done'}), flush=True)
'''


def work(box, command, n, effect='idempotent', code=0, more=''):
    box.file('in.csv', 'id\n' + ''.join(f'{i}\n' for i in range(1, n + 1)))
    box.file('work.yaml', JOB % (command, effect) + more)
    said = box.run('run', 'work.yaml', '--no-progress')
    assert said.code == code, said
    return report(box)


def report(box, *args):
    return json.loads(box.run('report', *args, '--json').out)


def phases(doc, endpoint='exec of work'):
    return {row['phase']: row for row in doc['latency'] if row['endpoint'] == endpoint}


def check_order(row):
    ordered = [row[name] for name in ('min_us', 'p50_us', 'p90_us', 'p95_us', 'p99_us', 'max_us')]
    assert ordered == sorted(ordered), row
    assert row['min_us'] <= row['mean_us'] <= row['max_us'], row


def test_each_attempt_is_measured(box):
    """40 programs that sleep for 20 ms: nothing is shorter than that."""
    doc = work(box, '{command: [sleep, "0.02"], input: none}', 40)
    found = phases(doc)
    assert set(found) == {'total', 'start', 'run', 'item'}
    for row in found.values():
        assert row['count'] == 40
        check_order(row)
    total = found['total']
    assert total['min_us'] >= 20000 and total['p50_us'] >= 20000 and total['mean_us'] >= 20000
    assert abs(found['start']['mean_us'] + found['run']['mean_us'] - total['mean_us']) <= 3
    attempts = doc['attempts']
    assert attempts['all'] == attempts['done'] == attempts['measured'] == 40
    assert attempts['failed'] == attempts['again'] == 0 and attempts['failed_us'] == 0
    assert attempts['took_us'] >= 40 * 20000
    assert attempts['worked_us'] >= 20 * 20000  # two at once
    assert doc['balances'] is True
    assert phases(doc, 'ledger')['commit']['count'] >= 1
    page = box.run('report').out
    assert re.search(r'^How long it took +COUNT +MEAN +DEVIATION +P50 +P95 +P99 +MAX\n'
                     r'  exec of work\n    total +40 ', page, re.M), page
    assert 'Failed attempts' not in page


def test_a_started_mark_makes_a_queue(box):
    doc = work(box, '{command: ["true"], input: none}', 50, effect='once')
    assert phases(doc)['queue']['count'] == 50
    check_order(phases(doc)['queue'])


def test_stream_workers(box):
    box.file('worker', WORKER, mode=0o755)
    doc = work(box, '{command: [./worker], mode: stream, workers: 2}', 300)
    found = phases(doc)
    assert set(found) == {'total', 'wait', 'item'}
    assert found['wait']['count'] == found['total']['count'] == 300


class Answers(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_POST(self):
        self.rfile.read(int(self.headers['Content-Length']))
        self.send_response(200)
        self.send_header('Content-Length', '0')
        self.end_headers()

    def log_message(self, *args):
        pass


def test_requests_are_measured_by_phase_and_endpoint(box):
    """A kept connection is made once, and waited on each time."""
    with ThreadingHTTPServer(('127.0.0.1', 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        there = f'http://127.0.0.1:{server.server_address[1]}'
        box.file('in.csv', 'id\n' + ''.join(f'{i}\n' for i in range(50)))
        box.file('work.yaml', JOB.replace('exec: %s', 'http: {url: "%s/x", json: {id: "${id}"}}')
                 % (there, 'idempotent'))
        said = box.run('run', 'work.yaml', '--no-progress')
        server.shutdown()
    assert said.code == 0, said
    found = phases(report(box), there)
    assert {'connect', 'send', 'wait', 'total'} <= set(found), found
    assert found['total']['count'] == found['wait']['count'] == 50
    assert found['connect']['count'] < 50
    assert found['wait']['mean_us'] <= found['total']['mean_us']


def test_failures_are_counted_by_class(box):
    """Of 30 items 6 are dead at once; 8 others need three attempts."""
    box.file('mixed', MIXED, mode=0o755)
    doc = work(box, '{command: [./mixed, "${id}"], input: none}', 30, code=3)
    assert [(f['error_class'], f['attempts'], f['endpoint']) for f in doc['failures']] == [
        ('exit-75', 16, 'exec of work'), ('exit-65', 6, 'exec of work')]
    assert re.fullmatch(r'busy \d+', doc['failures'][0]['error'])
    attempts = doc['attempts']
    assert (attempts['all'], attempts['done'], attempts['failed'], attempts['again']) == (46, 24, 22, 16)
    assert sum(f['attempts'] for f in doc['failures']) == attempts['failed']
    assert sum(f['took_us'] for f in doc['failures']) == attempts['failed_us'] <= attempts['took_us']
    assert phases(doc)['total']['count'] == 46
    # Three attempts of an item are one duration.
    item = phases(doc)['item']
    assert item['count'] == 30 and item['max_us'] >= phases(doc)['total']['min_us'] * 3
    for args in ((), ('--by', 'error')):
        page = box.run('report', *args).out
        assert re.search(r'^  exit-75 +16 +\d.*busy \d+$', page, re.M), page
        assert re.search(r'^  exit-65 +6 +\d.*no user \d+$', page, re.M), page
    by_hour = report(box, '--by', 'hour')['buckets']
    assert sum(b['all'] for b in by_hour) == 46 and sum(b['failed'] for b in by_hour) == 22
    with_view = box.run('ledger', 'verify')
    assert with_view.code == 0, with_view


def test_a_bulk_unit_counts_its_items(box):
    box.file('in.csv', 'id\n' + ''.join(f'{i}\n' for i in range(2000)))
    box.file('work.yaml', '''version: 1
job: work
source:
  csv: {path: in.csv}
  fields: {id: integer}
work: {noop: {}}
''')
    assert box.run('run', 'work.yaml', '--no-progress').code == 0
    doc = report(box)
    assert phases(doc, 'noop of work')['total']['count'] == doc['attempts']['done'] == 2000


def test_a_second_call_adds_to_the_first(box):
    box.file('stop', '#!/bin/sh\n[ -e go ] || [ "$1" -lt 5 ] || exit 69\n', mode=0o755)
    more = 'breaker: {open_for: 20ms, open_max: 20ms, give_up_after: 100ms}\n'
    first = work(box, '{command: [./stop, "${id}"], input: none}', 10, code=1, more=more)
    box.file('go')
    said = box.run('run', 'work.yaml', '--no-progress')
    assert said.code == 0, said
    both = report(box)
    assert both['attempts']['done'] == 10 and both['attempts']['failed'] == first['attempts']['failed'] > 0
    assert both['attempts']['measured'] == both['attempts']['all'] > first['attempts']['all']
    assert phases(both)['total']['count'] == both['attempts']['all']
    assert both['attempts']['worked_us'] > first['attempts']['worked_us']


def test_a_killed_engine_loses_only_durations(box):
    """What it counted stays exact; whose durations are missing is said."""
    box.file('in.csv', 'id\n' + ''.join(f'{i}\n' for i in range(60)))
    box.file('work.yaml', JOB % ('{command: [sleep, "0.02"], input: none}', 'idempotent'))
    process = box.start('run', 'work.yaml', '--no-progress')
    wait_until(lambda: box.run('items', '--state', 'done').code == 0)
    for pid in (process.pid, *cast(process.pid)['engine']):
        kill(pid)
    process.wait()
    said = box.run('run', 'work.yaml', '--no-progress')
    assert said.code == 0, said
    doc = report(box)
    attempts = doc['attempts']
    assert attempts['done'] >= 60 and attempts['measured'] <= attempts['all'] and doc['balances']
    missing = attempts['all'] - attempts['measured']
    words = 'attempt whose duration is' if missing == 1 else 'attempts whose durations are'
    assert (f'and {missing} {words} not known' in box.run('report').out) == (missing > 0)


def test_status_shows_it_live(box):
    box.file('in.csv', 'id\n' + ''.join(f'{i}\n' for i in range(100000)))
    box.file('work.yaml', JOB % ('{command: [sleep, "0.01"], input: none}', 'idempotent'))
    process = box.start('run', 'work.yaml', '--no-progress')
    wait_until(lambda: re.search(r'^    p50 \d.*, p99 \d', box.run('status').out, re.M))
    on = json.loads(box.run('status', '--json').out)['on'][0]
    assert on['attempts']['measured'] > 0 and on['latency'][0]['count'] > 0
    process.terminate()
    assert process.wait(120) == 75


@pytest.mark.parametrize('sql, finding', [
    ("UPDATE latency SET histogram = substr(histogram, 1, 2)", 'latency'),
    ('UPDATE failure_ SET n = n + 1', 'conservation'),
])
def test_damage_is_found(box, sql, finding):
    """A negative control: sums that do not add up are neither printed as if they did nor overlooked."""
    work(box, '{command: ["false"], input: none}', 3, code=3)
    assert box.change(sql) > 0
    said = box.run('ledger', 'verify')
    assert said.code == 1 and finding in said.said, said
    if finding == 'conservation':
        said = box.run('report')
        assert said.code == 70 and 'does not add up' in said.err, said
