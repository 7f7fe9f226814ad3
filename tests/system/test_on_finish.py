# SPDX-License-Identifier: Apache-2.0
"""`on_finish`: statements that are executed once, when a run has finished, whoever died in between."""
import os

import pytest
from lib.box import cast, kill, wait_until
from lib.target import Target, count

JOB = '''version: 1
job: night
steps:
  - name: fetch
    source: {csv: {path: in.csv}, key: id, fields: {id: text}}
    work: {exec: {shell: '[ ! -e "bad-$STINT_KEY" ]', input: none}, effect: idempotent}
  - name: send
    source: {step: fetch}
    work: {noop: {}}
    go_on_when: done_with_failures
on_finish:
  - {%(key)s: "%(url)s", sql: "insert into log values ('first', ${run.id}, ${run.date})"}
  - {%(key)s: "%(url)s", sql: "insert into log values ('second', ${run.id}, ${run.date})"}
retry: {attempts: 1}
'''


@pytest.fixture(name='target', params=['sqlite', 'postgres'])
def make_target(request, box):
    target = Target.make(request, box)
    target.ask('create table log(what text, run bigint, day text)')
    box.file('in.csv', 'id\n' + ''.join(f'k{i}\n' for i in range(20)))
    box.file('night.yaml', JOB % {'key': target.key, 'url': target.url})
    assert box.run('ledger', 'init', '--target', target.url).code == 0
    return target


def executed(target):
    return sorted(row[0] for row in target.ask('select what from log'))


def test_statements_are_executed_once_at_the_end(box, target):
    box.file('bad-k3')
    said = box.run('run', 'night.yaml')
    assert said.code == 3, said
    assert 'on_finish was executed' in said.err
    assert executed(target) == ['first', 'second']
    assert count(target, 'select count(*) from log where run = 1') == 2
    # a person opens the run again: it is the same run
    os.unlink(os.path.join(box.path, 'bad-k3'))
    assert box.run('retry', 'night/k3').code == 0
    assert box.run('run', 'night.yaml').code == 0
    assert executed(target) == ['first', 'second']
    assert box.run('run', 'night.yaml', '--again').code == 0
    assert executed(target) == ['first', 'first', 'second', 'second']
    box.verify()


@pytest.mark.parametrize('point', ['target.end.begun:2', 'target.end.done:1', 'target.end.committed:1',
                                   'target.end.committed:2'])
def test_a_kill_at_any_point_executes_each_once(faulty, target, point):
    box = faulty
    box.faulty(f'{point}:kill', once=True)
    said = box.run('run', 'night.yaml')
    assert os.path.exists(box.env['STINT_FAULT_ONCE'])
    box.well()
    if said.code != 0:
        assert said.code == 75, said
        said = box.run('run', 'night.yaml')
    assert said.code == 0, said
    assert executed(target) == ['first', 'second']
    box.verify()


def test_what_a_database_refuses_ends_the_call_at_once_and_is_done_later(box, target):
    """Whatever `retry` says: the table would be missing the next time, too."""
    patient = JOB.replace('attempts: 1', 'attempts: 100, first: 1h')
    box.file('night.yaml', patient % {'key': target.key, 'url': target.url})
    target.ask('alter table log rename to away')
    said = box.run('run', 'night.yaml')
    assert said.code == 1, said
    assert 'the end of the run cannot be made: on_finish: ' in said.err, said
    target.ask('alter table away rename to log')
    said = box.run('run', 'night.yaml')
    assert said.code == 0, said
    assert executed(target) == ['first', 'second']


def test_what_is_wrong_with_it_is_said(box):
    box.file('bad.yaml', '''job: bad
work: {noop: {}}
on_finish:
  - {sql: "select 1"}
  - {sqlite: a.db, sql: "commit"}
  - {sqlite: a.db, sql: "insert into t values (${item.key})"}
  - {sqlite: a.db, sql: "insert into t values (${run.idd})"}
''')
    said = box.run('check', 'bad.yaml')
    assert said.code == 78, said
    text = said.out + said.err
    assert 'bad.yaml:4:5: on_finish[]: expected postgres: URL or sqlite: PATH' in text
    assert 'bad.yaml:5:25: on_finish[].sql: stint begins and ends the transaction itself' in text
    assert 'bad.yaml:6:' in text and '${item.key} may not stand' in text
    assert 'bad.yaml:7:' in text and "did you mean 'run.id'" in text


@pytest.mark.parametrize('end', ['on_finish', 'after'])
def test_secrets_in_what_a_database_says_of_an_end_are_hidden(box, target, end):
    box.env['TOKEN'] = 'Canary-7f3a-token'
    database = f'{target.key}: "{target.url}"'
    refused = 'insert into log values (${secret.token}, 1, null)'
    text = box.read('night.yaml').replace('retry:', 'secrets: {token: env:TOKEN}\nretry:')
    text, finish = text.split('on_finish:')
    if end == 'on_finish':
        text += f'on_finish:\n  - {{{database}, sql: "{refused}"}}\n'
    else:
        text = text.replace('noop: {}', 'table: {%s, table: log, columns: {what: "x", run: "1"}, after: "%s"}'
                            % (database, refused))
    box.file('night.yaml', text + finish[finish.index('secrets:'):])
    target.refuse('log', 'what', box.env['TOKEN'])
    said = box.run('run', 'night.yaml')
    assert said.code == 1 and f'{end}: ' in said.err and '***' in said.err, said
    shown = said.said + ''.join(box.run(*verb).said for verb in (
        ['status'], ['why', 'night'], ['report', 'night'], ['logs', 'night'], ['status', '--json']))
    assert 'Canary' not in shown


@pytest.mark.parametrize('ledger', ['sqlite', 'postgres'])
def test_work_makes_the_end_that_the_engine_died_at(request, faulty, target, ledger):
    box = faulty
    if ledger == 'postgres':
        box.options = []
        box.env['STINT_LEDGER'] = request.getfixturevalue('postgres').uri
        assert box.run('ledger', 'init').code == 0
    box.faulty('target.end.begun:1:stop', once=True)
    process = box.start('run', 'night.yaml')
    wait_until(lambda: os.path.exists(box.env['STINT_FAULT_ONCE']) or process.poll() is not None)
    roles = cast(process.pid)
    for pid in roles['keeper'] + roles['engine'] + roles['lane']:
        kill(pid)
    process.wait()
    box.well()
    assert executed(target) == []
    said = box.run('work', timeout=300)
    assert said.code == 0 and 'takes part in night' in said.err, said
    assert executed(target) == ['first', 'second']
