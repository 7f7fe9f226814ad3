# SPDX-License-Identifier: Apache-2.0
"""`stint run` as its caller sees it: exit statuses, what it says, names of runs."""
import datetime
import json
import re
import signal

import pytest
from conftest import Night
from lib.box import wait_until

TODAY = datetime.datetime.now(datetime.timezone.utc).date().isoformat()  # boxes live in UTC


def test_what_it_says_at_the_end(night):
    out = night.said.out
    assert f'invoices@{TODAY}: done with failures' in out
    assert '6 items, 3 done, 1 in doubt, 2 dead, 1 rejected' in out
    # Every line that begins with "next:" is a command of ours.
    commands = re.findall(r'next: (.*)', out)
    assert commands and all(c.startswith('stint ') for c in commands), out
    assert any('--state in_doubt' in c for c in commands)
    assert any('retry' in c for c in commands)
    assert any('--source mended.csv' in c for c in commands)
    assert 'ledger' in night.said.err and night.box.url.removeprefix('sqlite:') in night.said.err


def test_as_json(box):
    night = Night(box, ['ok-1', 'bad-1'])
    said = night.run('--json')
    assert said.code == 3, said
    doc = json.loads(said.out)
    assert doc['schema'] == 'stint.run.1' and doc['exit_status'] == 3
    assert doc['ledger'] == box.url
    [run] = doc['runs']
    assert run['run'] == f'invoices@{TODAY}' and run['job'] == 'invoices' and run['date'] == TODAY
    assert run['state'] == 'done_with_failures' and run['params'] == {} and run['n'] == 1
    counts = run['counts']
    assert counts['read'] == counts['loaded'] == 2 and counts['done'] == 1 and counts['dead'] == 1


def test_a_finished_run_is_not_repeated_and_ends_as_it_ended(night):
    said = night.run()
    assert said.code == 3, said
    assert 'over' in said.err and '--again' in said.err
    assert 'done with failures' in said.out and 'stint retry' in said.out, said
    assert [run['run_id'] for run in json.loads(night.run('--json').out)['runs']] == [1]
    assert len(night.json('runs')['runs']) == 1


def test_quiet_says_nothing_when_all_is_well(box):
    night = Night(box, ['ok-1'])
    said = night.run('-q')
    assert (said.code, said.out, said.err) == (0, '', '')


def test_nothing_to_do_is_a_success(box):
    night = Night(box, [])
    said = night.run()
    assert said.code == 0 and 'nothing to do' in said.out, said


def test_again_makes_a_further_run(quiet_night):
    said = quiet_night.run('--again')
    assert said.code == 0 and f'invoices@{TODAY}#2' in said.out, said
    names = [run['run'] for run in quiet_night.json('runs')['runs']]
    assert names == [f'invoices@{TODAY}#2', f'invoices@{TODAY}']


def test_a_day_by_name(quiet_night):
    said = quiet_night.run('--date', '2026-03-29')
    assert said.code == 0 and 'invoices@2026-03-29' in said.out, said
    run = quiet_night.json('runs', '-N', '1')['runs'][0]
    assert run['slot'] == run['date'] == '2026-03-29'


def test_a_slot_by_name(quiet_night):
    said = quiet_night.run('--slot', '2026-03-29T01:30+01:00')
    assert said.code == 0, said
    run = quiet_night.json('runs', '-N', '1')['runs'][0]
    assert run['run'] == 'invoices@2026-03-29T01:30+01:00' and run['date'] == '2026-03-29'
    shown = quiet_night.box.run('report', 'invoices@2026-03-29T01:30+01:00')
    assert shown.code == 0 and 'business date 2026-03-29' in shown.out


def test_only_the_first(box):
    night = Night(box, ['ok-1', 'ok-2', 'ok-3'])
    assert night.run('--first', '2').code == 0
    [run] = night.json('runs')['runs']
    assert run['counts']['loaded'] == 2 and run['state'] == 'done'


def test_another_source(quiet_night):
    quiet_night.box.file('other/more.csv', 'total,id,email\n1.00,ok-9,x@example.com\n')
    said = quiet_night.run('--again', '--source', 'other/more.csv')
    assert said.code == 0, said
    run = quiet_night.json('runs', '-N', '1')['runs'][0]
    assert run['counts']['done'] == 1 and run['source_path'].endswith('/other/more.csv')
    said = quiet_night.run('--again', '--source', 'nowhere.csv')
    assert said.code == 66 and 'nowhere.csv' in said.err, said


PARAMS = '''version: 1
job: params
params:
  region: {type: text, default: eu, identity: true}
  amount: {type: integer, default: 1}
work:
  exec: {command: [/bin/sh, -c, 'echo "$0 $1" >>said', "${param.region}", "${param.amount}"]}
'''


def test_parameters_and_names(box):
    box.file('params.yaml', PARAMS)
    assert box.run('run', 'params.yaml').code == 0
    assert box.run('run', 'params.yaml', '--param', 'region=us west', '--param', 'amount=7').code == 0
    assert box.lines('said') == ['eu 1', 'us west 7']
    names = [run['run'] for run in json.loads(box.run('runs', '--json').out)['runs']]
    assert names == [f'params@{TODAY},region=us%20west', f'params@{TODAY},region=eu']
    # Another amount is no other run.
    said = box.run('run', 'params.yaml', '--param', 'amount=8')
    assert said.code == 0 and 'over' in said.err and len(box.lines('said')) == 2
    run = json.loads(box.run('runs', '--json').out)['runs'][0]
    assert run['params'] == {'amount': '7', 'region': 'us west'}


@pytest.mark.parametrize('args, word', [
    (['--param', 'regoin=eu'], "'region'"), (['--param', 'x=1'], 'declares no parameter'),
    (['--param', 'amount=many'], 'amount'), (['--date', 'tomorrow-ish'], '--date'),
    (['--slot', '2026-13-01'], '--slot'), (['--date', 'today', '--slot', '2026-01-01'], '--date'),
    (['--first', '0'], '--first'), (['--daet', 'x'], '--date'), (['second.yaml'], 'one word too many'),
])
def test_wrong_use(box, args, word):
    box.file('params.yaml', PARAMS)
    said = box.run('run', 'params.yaml', *args)
    assert said.code == 64 and word in said.err, said
    assert not box.has_ledger()


def test_a_missing_parameter(box):
    box.file('params.yaml', PARAMS.replace('default: eu, ', ''))
    said = box.run('run', 'params.yaml')
    assert said.code == 64 and '--param region=' in said.err, said


def test_a_program_that_is_not_there(box):
    box.file('job.yaml', 'version: 1\njob: j\nwork: {exec: {command: [./nowhere]}}\n')
    said = box.run('run', 'job.yaml')
    assert said.code == 78 and 'nowhere' in said.err, said
    assert not box.has_ledger()


def test_by_the_jobs_name(box):
    box.file('.config/stint/jobs.d/params.yaml', PARAMS)
    assert box.run('run', 'params').code == 0
    said = box.run('run', 'parms')
    assert said.code == 66 and 'parms' in said.err, said


def test_dry_run_touches_nothing(box):
    night = Night(box, ['ok-1'])
    said = night.run('-n')
    assert said.code == 0 and f'would begin    invoices@{TODAY}' in said.out, said
    assert not box.has_ledger()
    assert night.run().code == 0
    said = night.run('-n')
    assert 'over already' in said.out and 'would begin' not in said.out
    said = night.run('-n', '--again')
    assert f'would begin    invoices@{TODAY}#2' in said.out, said
    doc = json.loads(night.run('-n', '--date', '2026-01-01', '--json').out)
    assert doc['schema'] == 'stint.run-plan.1' and doc['begin'] == 'invoices@2026-01-01'
    assert len(night.json('runs')['runs']) == 1


def test_dry_run_says_what_would_be_resumed(box):
    night = Night(box, ['later-1', 'ok-1'])
    night.box.file('invoices.yaml', open(night.file, encoding='utf-8').read().replace(
        'attempts: 2, first: 20ms, max: 50ms', 'attempts: 2, first: 30m, max: 30m, within_run: 1s'))
    assert night.run('--date', '2026-01-01').code == 75
    said = night.run('-n')
    assert said.out.index('would resume   invoices@2026-01-01') < said.out.index('would begin'), said


def test_once_per_start(box):
    box.file('start.yaml', 'version: 1\njob: start\nonce_per: start\nwork: {exec: {shell: "true"}}\n')
    assert box.run('run', 'start.yaml').code == 0
    slot = json.loads(box.run('runs', '--json').out)['runs'][0]['slot']
    assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00', slot)


def test_an_item_may_call_stint_itself(box):
    """The inner call is a call like any other, with a keeper and a slot of its own."""
    from lib.box import STINT
    box.file('inner.yaml', 'version: 1\njob: inner\nwork: {exec: {shell: echo inner >>said}}\n')
    options = ' '.join(box.options)
    box.file('outer.yaml', 'version: 1\njob: outer\nwork:\n  exec:\n    shell: |\n'
             f'      env | grep -c "^STINT_CALLED_AT\\|^STINT_KEEPER" >>leaks\n'
             f'      {STINT} run inner.yaml {options} --no-progress\n')
    said = box.run('run', 'outer.yaml')
    assert said.code == 0, said
    assert box.lines('said') == ['inner'] and box.lines('leaks') == ['0']


def test_the_job_file_is_read_again_on_hup(box):
    night = Night(box, [f'slow-{i}' for i in range(20)])
    box.file('send', '#!/bin/sh\nsleep 0.2\necho "$1" >>sent\n', mode=0o755)
    with open(night.file, encoding='utf-8') as f:
        good = f.read()
    process = box.start('run', 'invoices.yaml', '--no-progress')
    wait_until(lambda: box.lines('sent'))
    box.file('invoices.yaml', good + 'windov: {grace: 1s}\n')
    process.send_signal(signal.SIGHUP)
    wait_until(lambda: 'stays' in box.process_said(process))
    assert "'window'" in box.process_said(process)
    box.file('invoices.yaml', good + 'window: {grace: 1s}\n')
    process.send_signal(signal.SIGHUP)
    wait_until(lambda: 'was read again' in box.process_said(process))
    assert process.wait(120) == 0, box.process_said(process)
    assert len(box.lines('sent')) == 20


def test_what_changed_in_the_job_file_is_said_in_one_line(box):
    job = ('version: 1\njob: half\nsource:\n  csv: {path: half.csv}\n  key: id\n  fields: {id: text}\n'
           'work:\n  exec: {command: [/bin/false]}\n  effect: idempotent\n'
           'retry: {attempts: 3, first: 1h, max: 1h, jitter: none}\n')
    box.file('half.csv', 'id\n1\n')
    box.file('half.yaml', job)
    assert box.run('run', 'half.yaml').code == 75
    box.file('half.yaml', job.replace('/bin/false', '/bin/true').replace('id: text', 'id: integer'))
    said = box.run('run', 'half.yaml', '-q')
    assert said.code == 75, said
    lines = [line for line in said.err.splitlines() if 'has changed since' in line]
    assert len(lines) == 1, said
    assert lines[0].endswith('source.fields.id: was "text", is "integer"; '
                             'work.exec.command: was ["/bin/false"], is ["/bin/true"]'), said


@pytest.mark.parametrize('carry_over,state', [('abandon', 'abandoned'), ('leave', 'stopped')])
def test_what_becomes_of_a_run_that_could_not_finish(box, carry_over, state):
    """Its open key is held back in either case."""
    box.file('in.csv', 'id\n1\n2\n')
    box.file('job.yaml', f'''job: carried
carry_over: {carry_over}
source: {{csv: {{path: in.csv}}, key: id, fields: {{id: integer}}}}
work: {{exec: {{command: [test, "${{id}}", "!=", "2"]}}, effect: idempotent}}
retry: {{first: 10h, jitter: none}}
''')
    assert box.run('run', 'job.yaml', '--date', 'yesterday').code == 75
    said = box.run('run', 'job.yaml')
    assert said.code == 0 and '1 item, 1 done, 1 held back' in said.out, said
    runs = json.loads(box.run('runs', '--json').out)['runs']
    assert [run['state'] for run in runs] == ['done', state], runs
