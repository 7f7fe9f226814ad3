# SPDX-License-Identifier: Apache-2.0
"""`source: inbox` and `stint add`: what is put in comes out once, whatever dies meanwhile, whoever
else reads, and however late an application commits."""
import gzip
import json
import os
import subprocess
import time

import pytest
from lib.box import kill, wait_until

JOB = '''version: 1
job: orders
once_per: start
source:
  inbox: {}
  fields: {n: integer}
%s
work:
  %s
chunk: {items: 10}
'''
NOOP = 'noop: {}'
# More, and PostgreSQL takes the whole table.
MANY = 6000


@pytest.fixture(name='place', params=['sqlite', 'postgres'])
def make_place(request, faulty):
    """A box whose ledger is in either; `place.postgres` where there is one."""
    faulty.postgres = None
    if request.param == 'postgres':
        on_postgres(faulty, request.getfixturevalue('postgres'))
    return faulty


@pytest.fixture(name='pg_place')
def make_pg_place(faulty, postgres):
    return on_postgres(faulty, postgres)


def on_postgres(box, postgres):
    box.postgres = postgres
    box.options = []
    box.env['STINT_LEDGER'] = postgres.uri
    return box


def write(box, source='', work=NOOP):
    box.file('orders.yaml', JOB % (source, work))
    assert box.run('ledger', 'init').code == 0
    return box


def add(box, numbers, *args, name='orders', code=0):
    lines = ''.join(f'{{"n": {n}}}\n' for n in numbers)
    said = box.run('add', name, *args, stdin=lines.encode())
    assert said.code == code, said
    return said


def insert(box, first, last):
    """As an application does it."""
    box.postgres.ask("insert into stint.inbox(job, fields) select 'orders',"
                     f" json_build_object('n', n) from generate_series({first}, {last}) as n")


def run(box, *args):
    return box.run('run', 'orders.yaml', '--no-progress', *args)


def numbers(box, state='done'):
    """What was worked, each as often as it was loaded. Keys are k<n>."""
    found = []
    for row in json.loads(box.run('runs', '--json', '-N', '100').out)['runs']:
        said = box.run('items', '--run', row['run'], '--state', state, '--json')
        found += [int(item['key'][1:]) for item in json.loads(said.out)['items']] if said.code == 0 else []
    return sorted(found)


KEY = '  key: "k${n}"'


# ---- adding --------------------------------------------------------------------------------------------


def test_what_is_added_is_worked_in_order_and_once(place):
    write(place, KEY)
    assert add(place, [1, 2]).out == '2 items were put into the inbox of orders\n'
    assert json.loads(add(place, [3], '--json').out) == {
        'schema': 'stint.add.1', 'dry_run': False, 'job': 'orders', 'items': 1, 'added': 1}
    assert run(place).code == 0
    assert numbers(place) == [1, 2, 3]
    assert run(place).code == 0
    assert numbers(place) == [1, 2, 3]
    place.verify()


def test_the_fields_of_an_item_and_its_key(place):
    """Exact digits, and what came with the item; else the item's number names it."""
    write(place, '', 'exec: {command: [sh, -c, "echo $1 $2 $3 >>log", x, "${item.key}", "${n}",'
                 ' "${added_at}"], input: none}')
    add(place, [7], '--key', 'seven')
    add(place, [8], name='orders.yaml')
    assert run(place).code == 0
    said = dict(line.split(' ', 1) for line in place.lines('log'))
    assert said.pop('seven').startswith('7 20')
    (key, rest), = said.items()
    assert key.isdigit() and rest.startswith('8 20')


@pytest.mark.parametrize('line, where, word', [
    ('{"n": 1', ':2:8:', 'the text ends'), ('[1]', ':2:1:', 'object'),
    ('{"n": 1}{', ':2:9:', 'expected the end'),
    ('{"n": "x"}', ':2:7:', 'no integer'), ('{}', ':2:1:', 'absent'), ('{"n": 1, "n": 2}', ':2:', 'twice'),
    ('\xff', ':2:1:', ''), ('{"n": "' + 'x' * (9 << 20) + '"}', ':2:1:', 'longer than 8 MiB'),
], ids=['cut', 'list', 'behind', 'type', 'absent', 'twice', 'bytes', 'long'])
def test_a_bad_line_is_refused_with_its_place(box, line, where, word):
    write(box, KEY)
    text = b'{"n": 5}\n' + line.encode('latin1') + b'\n{"n": 6}\n'
    box.file('in.jsonl', text)
    said = box.run('add', 'orders.yaml', 'in.jsonl')
    assert said.code == 1 and said.out == '', said
    assert 'nothing was added: in.jsonl' + where in said.err and word in said.err, said
    # What comes once is added as far as it is good.
    said = box.run('add', 'orders.yaml', stdin=text)
    assert said.code == 1
    assert '1 items were added, and nothing behind them: standard input' + where in said.err
    assert run(box).code == 0
    assert numbers(box) == [5]


def test_where_items_come_from(box):
    write(box, KEY)
    box.file('in.jsonl.gz', gzip.compress(b'\n{"n": 1}\n  \n{"n": 2}'))
    assert box.run('add', 'orders', 'in.jsonl.gz').code == 0
    assert box.run('add', 'orders', '-', stdin=b'{"n": 3}\r\n').code == 0
    assert box.run('add', 'orders', stdin=b'').out == '0 items were put into the inbox of orders\n'
    assert box.run('add', 'orders', '--dry-run', stdin=b'{"n": 4}').out == (
        '1 item would be put into the inbox of orders\n')
    assert run(box).code == 0
    assert numbers(box) == [1, 2, 3]


def test_what_add_refuses(box):
    write(box)
    box.file('other.yaml', 'version: 1\njob: other\nwork: {noop: {}}\n')
    for args, stdin, code, word in [
            ((), b'', 64, 'add'), (('orders', 'no.jsonl'), b'', 66, 'no.jsonl'),
            (('no.yaml',), b'', 66, 'no.yaml'), (('other.yaml',), b'', 78, 'reads no inbox'),
            (('a job',), b'', 64, 'no name'), (('orders', '--key', ''), b'', 64, 'empty'),
            (('orders', '--key', 'k'), b'{"n": 1}\n{"n": 2}\n', 64, '--key names one item'),
            (('orders', '.'), b'', 1, '')]:
        said = box.run('add', *args, stdin=stdin)
        assert said.code == code and word in said.err, said
    assert run(box).code == 0 and numbers(box) == []


def test_a_million_bytes_a_line_and_more_lines_than_memory_are_bounded(box):
    write(box)
    note = 'x' * 1000
    with open(os.path.join(box.path, 'in.jsonl'), 'w', encoding='utf-8') as f:
        for n in range(60000):
            f.write(f'{{"n": {n}, "note": "{note}"}}\n')
    said = subprocess.run(['/usr/bin/time', '-f', '%M', *box.command('add', 'orders', 'in.jsonl')],
                          cwd=box.path, env=box.env, capture_output=True, text=True, check=True)
    assert int(said.stderr.split()[-1]) < 64 * 1024, said


# ---- the job file --------------------------------------------------------------------------------------


def test_what_a_job_file_may_not_say(box):
    box.file('orders.yaml', JOB % ('', NOOP))
    for old, new, word in [('{n: integer}', '{n: integer, added_at: text}', 'added_at'),
                           ('inbox: {}', 'inbox: {path: x}', 'path'),
                           ('  fields: {n: integer}', '', 'fields'),
                           (NOOP, 'exec: {command: [x, "${source.line}"]}', 'items of an inbox have none')]:
        box.file('bad.yaml', box.read('orders.yaml').replace(old, new))
        said = box.run('check', 'bad.yaml')
        assert said.code == 78 and word in said.err, said
    assert 'its inbox' in box.run('explain', 'orders.yaml').out
    box.file('in.jsonl', '{"n": 1}\n')
    said = run(box, '--source', 'in.jsonl')
    assert said.code == 78 and 'stint add' in said.err, said


def test_what_is_wrong_with_an_item_is_a_reject_and_not_lost(place):
    write(place, KEY + '\n  max_rejects: 5')
    assert place.run('add', 'orders', stdin=b'{"n": 1}\n{"n": "x"}\n{"n": 2}\n').code == 0
    assert run(place).code == 3
    assert numbers(place) == [1, 2]
    rejects = json.loads(place.run('rejects', 'orders', '--json').out)['rejects']
    assert [r['raw'] for r in rejects] == ['{"n": "x"}'] and rejects[0]['path'].startswith('inbox:')
    said = place.run('report', 'orders').out
    assert 'stint add orders mended.jsonl' in said and '--source' not in said, said


def test_an_item_of_a_key_that_is_open_waits_in_the_inbox(place):
    write(place, KEY, 'exec: {command: [./act], input: none}\n'
                      'retry: {attempts: 9, first: 1h, within_run: 1s}')
    place.file('act', '#!/bin/sh\nexit 1\n', mode=0o755)
    add(place, [1])
    assert run(place).code == 75
    add(place, [1, 2])
    place.file('act', '#!/bin/sh\nexit 0\n', mode=0o755)
    # The first run is carried over, and item 1 of it waits an hour.
    assert place.run('run', 'orders.yaml', '--no-progress', '--again').code in (0, 75)
    assert numbers(place) == [2] or numbers(place) == []
    first = json.loads(place.run('runs', '--json', '-N', '9').out)['runs'][-1]['run']
    assert place.run('skip', '--run', first, '--state', 'retry', '--why', 'test', '-y').code == 0
    for _ in range(3):
        assert run(place).code in (0, 75)
    assert numbers(place) == [1, 2]


def test_unique_keys(place):
    write(place, KEY + '\n  unique: job')
    add(place, [1, 1, 2])
    assert run(place).code == 3
    assert numbers(place) == [1, 2]
    add(place, [2, 3])
    assert run(place).code == 0
    assert numbers(place) == [1, 2, 3]


def test_only_so_many(place):
    write(place, KEY)
    add(place, range(25))
    assert run(place, '--first', '7').code == 0
    assert numbers(place) == list(range(7))
    assert run(place).code == 0
    assert numbers(place) == list(range(25))


def test_a_load_that_failed_keeps_what_it_took(place):
    """It is nowhere else. The next call goes on with it."""
    write(place, KEY + '\n  when_malformed: fail')
    assert place.run('add', 'orders', stdin=b'{"n": 1}\n{"n": "x"}\n{"n": 2}\n').code == 0
    assert run(place).code == 1
    assert run(place).code in (0, 3)
    for _ in range(2):
        assert run(place).code in (0, 3)
    assert numbers(place) == [1, 2]


# ---- killed --------------------------------------------------------------------------------------------

POINTS = [f'ledger.{op}.{when}:{n}' for op, n in [('inbox_begin', 1), ('load_put', 1), ('load_put', 3),
                                                  ('load_open', 1), ('load_take', 1), ('run_join', 1)]
          for when in ('before', 'after')]


@pytest.mark.parametrize('point', POINTS)
def test_killed_at(place, point):
    write(place, KEY)
    add(place, range(60))
    killed_at(place, point)
    add(place, range(60, 65))
    until_over(place)
    assert numbers(place) == list(range(65))
    place.verify()


@pytest.mark.parametrize('point', ['ledger.inbox_begin.after:1', 'ledger.load_put.before:1',
                                   'ledger.load_put.after:200', 'ledger.load_put.before:599',
                                   'ledger.load_open.before:1', 'ledger.load_open.after:1'])
def test_killed_at_while_a_whole_table_is_moved(pg_place, point):
    write(pg_place, KEY)
    insert(pg_place, 0, MANY - 1)
    killed_at(pg_place, point)
    insert(pg_place, MANY, MANY + 4)
    until_over(pg_place)
    assert numbers(pg_place) == list(range(MANY + 5))
    assert pg_place.postgres.value('select count(*) from stint.inbox') == '0'
    pg_place.verify()


def killed_at(box, point):
    box.faulty(point + ':kill', once=True)
    process = box.start('run', 'orders.yaml', '--no-progress')
    reached = os.path.join(box.path, f'fault.{point}:kill')
    wait_until(lambda: os.path.exists(reached) or process.poll() is not None)
    assert os.path.exists(reached), box.process_said(process)
    wait_until(lambda: 'died by signal' in box.process_said(process) or process.poll() is not None)
    kill(process.pid)
    process.wait(180)
    box.well()


def until_over(box):
    """Calls until one finds nothing to do."""
    for _ in range(20):
        said = run(box)
        assert said.code in (0, 75), said
        if 'nothing to do' in said.out:
            return
    raise AssertionError(said)


@pytest.mark.parametrize('op', ['load_put', 'inbox_begin'])
def test_an_answer_that_is_lost_takes_nothing_twice(place, op):
    write(place, KEY)
    add(place, range(60))
    place.faulty(f'ledger.{op}.after:1:err', once=True)
    assert run(place).code == 0
    place.well()
    until_over(place)
    assert numbers(place) == list(range(60))


# ---- two at once ---------------------------------------------------------------------------------------


def test_two_runs_of_a_job_share_nothing(place):
    """One reads, the other waits for it and takes what is left."""
    write(place, KEY)
    add(place, range(300))
    both = [place.start('run', 'orders.yaml', '--no-progress') for _ in range(2)]
    add(place, range(300, 400))
    for process in both:
        assert process.wait(180) in (0, 69, 75), place.process_said(process)
    until_over(place)
    assert numbers(place) == list(range(400))
    place.verify()


def test_who_adds_while_others_read_is_heard(place):
    write(place, KEY)
    adders = [subprocess.Popen(place.command('add', 'orders'), cwd=place.path, env=place.env,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)]
    for k, process in enumerate(adders):
        place.running.append(process)
        process.stdin.write(''.join(f'{{"n": {n}}}\n' for n in range(k, 4000, 2)).encode())
    for process in adders:
        process.stdin.close()
    while any(process.poll() is None for process in adders):
        assert run(place).code == 0
    assert [process.returncode for process in adders] == [0, 0]
    until_over(place)
    assert numbers(place) == list(range(4000))


# ---- an application's own transactions -----------------------------------------------------------------


class Session:
    """A psql whose transaction stays open until it is told otherwise."""

    def __init__(self, box, user='stint'):
        self.process = subprocess.Popen(
            ['psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1',
             box.postgres.server.uri(box.postgres.name, user)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={'PATH': '/usr/bin:/bin', 'LC_ALL': 'C.UTF-8', 'HOME': box.path})
        box.running.append(self.process)

    def say(self, text):
        """Runs it, and waits until it is done."""
        self.process.stdin.write(text + ";\n\\echo said\n")
        self.process.stdin.flush()
        while self.process.stdout.readline() != 'said\n':
            assert self.process.poll() is None


def test_a_transaction_that_commits_late_is_not_passed_over(pg_place):
    """Its rows have lower numbers than others that were read long before."""
    write(pg_place, KEY)
    late = Session(pg_place)
    late.say("begin; insert into stint.inbox(job, fields) values ('orders', '{\"n\": 0}')")
    for many in (20, MANY):
        first = int(numbers(pg_place)[-1]) + 1 if many == MANY else 1
        insert(pg_place, first, first + many - 1)
        assert run(pg_place).code == 0
        assert numbers(pg_place) == list(range(1, first + many))
    late.say('commit')
    assert run(pg_place).code == 0
    assert numbers(pg_place) == list(range(MANY + 21))


def test_a_transaction_that_is_undone_leaves_nothing(pg_place):
    write(pg_place, KEY)
    session = Session(pg_place)
    session.say("begin; insert into stint.inbox(job, fields) values ('orders', '{\"n\": 0}')")
    insert(pg_place, 1, 3)
    session.say('rollback')
    assert run(pg_place).code == 0
    assert numbers(pg_place) == [1, 2, 3]


def test_applications_that_insert_all_the_time_lose_nothing_while_tables_turn(pg_place):
    write(pg_place, KEY)
    script = pg_place.file('insert.sql', "insert into stint.inbox(job, fields) select 'orders',"
                                         " json_build_object('n', nextval('numbers'))"
                                         " from generate_series(1, 50)")
    pg_place.postgres.ask('create sequence numbers minvalue 0; grant all on sequence numbers to stint')
    bench = os.path.join(subprocess.run(['pg_config', '--bindir'], capture_output=True, text=True,
                                        check=True).stdout.strip(), 'pgbench')
    writers = subprocess.Popen([bench, '-n', '-c', '3', '-t', '150', '-f', script, pg_place.postgres.uri],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    pg_place.running.append(writers)
    while writers.poll() is None:
        assert run(pg_place).code == 0
        time.sleep(0.01)
    assert writers.returncode == 0
    until_over(pg_place)
    assert numbers(pg_place) == list(range(3 * 150 * 50))
    pg_place.verify()


def test_a_role_that_may_only_insert(pg_place, postgres_server):
    """The grants of docs/inbox.md, and nothing beyond."""
    write(pg_place, KEY)
    name = f'app_{pg_place.postgres.name}'
    postgres_server.ask(f'create role {name} login')
    try:
        pg_place.postgres.ask(f'grant usage on schema stint to {name};'
                              f' grant insert (job, key, fields) on stint.inbox to {name}')
        app = lambda text: postgres_server.ask(text, pg_place.postgres.name, name)  # noqa: E731
        app("insert into stint.inbox(job, key, fields) values ('orders', null, '{\"n\": 1}')")
        for text in ['select 1 from stint.inbox', 'delete from stint.inbox', 'truncate stint.inbox',
                     "insert into stint.inbox(id, job, fields) values (1, 'orders', '{}')",
                     'select 1 from stint.run_', "select stint.inbox_begin('orders', 1)",
                     'select stint.attempt_day(20000)', "select nextval('stint.inbox_id_seq')"]:
            with pytest.raises(RuntimeError, match='permission denied|cannot insert'):
                app(text)
        assert run(pg_place).code == 0
        assert numbers(pg_place) == [1]
    finally:
        postgres_server.ask(f'drop owned by {name}', pg_place.postgres.name)
        postgres_server.ask(f'drop role {name}')


def test_what_is_no_json_is_refused_by_the_server_and_what_is_no_object_is_a_reject(pg_place):
    write(pg_place, KEY + '\n  max_rejects: 5')
    with pytest.raises(RuntimeError, match='invalid input syntax for type json'):
        pg_place.postgres.ask("insert into stint.inbox(job, fields) values ('orders', '{n')")
    pg_place.postgres.ask("insert into stint.inbox(job, fields) values ('orders', '[1]'),"
                          " ('orders', E'{\n \"n\": 1\n}'), ('orders', 'null')")
    assert run(pg_place).code == 3
    assert numbers(pg_place) == [1]
    assert len(json.loads(pg_place.run('rejects', 'orders', '--json').out)['rejects']) == 2


def test_the_items_of_other_jobs_stay(pg_place):
    write(pg_place, KEY)
    pg_place.postgres.ask("insert into stint.inbox(job, fields) select case n % 10 when 0 then 'other'"
                          " else 'orders' end, json_build_object('n', n)"
                          f" from generate_series(0, {MANY - 1}) as n")
    assert run(pg_place).code == 0
    assert numbers(pg_place) == [n for n in range(MANY) if n % 10 > 0]
    assert pg_place.postgres.value('select count(*) from stint.inbox_item') == str(MANY // 10)
