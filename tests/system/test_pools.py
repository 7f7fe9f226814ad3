# SPDX-License-Identifier: Apache-2.0
"""Named resources (`require.pools`): counted, shared by all jobs of a ledger, and waited for."""
import json
import os
import signal

import pytest
from lib.box import Box, kill_family, wait_until

JOB = '''version: 1
job: {name}
source:
  csv: {{path: items.csv}}
  key: id
  fields: {{id: text}}
work:
  exec: {{command: [./work.sh, {name}, "${{id}}"], input: none}}
  effect: idempotent
  concurrency: 1
chunk: {{items: 1}}
{more}
'''
# Stands at its item until there is a file `go.JOB`.
WORK = '''#!/bin/bash
echo "$1 $2" >>begun
while [ ! -e "go.$1" ]; do read -t 0.02 line <>fifo || :; done
echo "$1 $2" >>ended
'''
KEYS = [f'k{i:02}' for i in range(40)]  # more than an instance takes for itself
OVER = ('done', 'done_with_failures', 'failed', 'abandoned', 'missed')


@pytest.fixture(name='box')
def fixture_box(tmp_path, ledger_database):
    box = Box(tmp_path, database=ledger_database)
    box.file('work.sh', WORK, mode=0o755)
    box.file('items.csv', 'id\n' + ''.join(key + '\n' for key in KEYS))
    os.mkfifo(os.path.join(box.path, 'fifo'))
    yield box
    box.close()


def write(box, name, pools='{warehouse: 1}', wait='30m', more=''):
    require = f'require: {{pools: {pools}, wait: {wait}}}\n' if pools else ''
    box.file(f'{name}.yaml', JOB.format(name=name, more=require + more))


def there_is(box, pools):
    box.file('.config/stint/stint.yaml', f'pools: {pools}\n')


def lets_go(box, *names):
    for name in names:
        box.file(f'go.{name}')


def begun(box, name):
    return [line.split()[1] for line in box.lines('begun') if line.split()[0] == name]


def ended(box, name):
    return [line.split()[1] for line in box.lines('ended') if line.split()[0] == name]


def until(box, process, what):
    """Waits for that, of a call that is to be on as long."""
    wait_until(lambda: what() or process.poll() is not None)
    assert what(), box.process_said(process)


def holds(box, name, *args):
    """A call that stands at its first item, and has what its job requires."""
    process = box.start(*(args or ('run', f'{name}.yaml', '--no-progress')))
    until(box, process, lambda: begun(box, name))
    return process


def waits(box, name, words='waits for pool'):
    """A call that has said that it waits."""
    process = box.start('run', f'{name}.yaml', '--no-progress')
    until(box, process, lambda: words in box.process_said(process))
    assert process.poll() is None and not begun(box, name), box.process_said(process)
    return process


def run(box, name):
    return box.run('run', f'{name}.yaml', '--no-progress')


def ends(box, process, code=0):
    assert process.wait(240) == code, box.process_said(process)
    return box.process_said(process)


def run_of(box, name):
    [found] = [r for r in json.loads(box.run('runs', '--json').out)['runs'] if r['job'] == name]
    return found


def held(box):
    """What the view says: {(pool, run): units}."""
    return {(name, run): units for name, run, units in box.ask('SELECT name, run, units FROM pool')}


def test_the_second_waits_and_goes_on_when_the_first_ends(box):
    write(box, 'first')
    write(box, 'second')
    first = holds(box, 'first')
    holder = run_of(box, 'first')['run']
    second = waits(box, 'second')
    words = f'waits for pool warehouse: 1 of 1 in use, by {holder}, for at most 30'
    assert words in box.process_said(second)
    assert held(box) == {('warehouse', holder): 1}
    [(kind, text)] = wait_until(lambda: box.ask('SELECT kind, text FROM note'))  # it is said first
    assert kind == 'require.pools' and text.startswith(words)
    for verb in ('status', 'why'):
        said = box.run(verb, *(['second'] if verb == 'why' else []))
        assert said.code == 0 and words in said.out, said
    lets_go(box, 'first')
    ends(box, first)
    until(box, second, lambda: begun(box, 'second'))
    assert held(box) == {('warehouse', run_of(box, 'second')['run']): 1}
    lets_go(box, 'second')
    assert ends(box, second).count('waits for pool') == 1
    assert ended(box, 'first') == KEYS and ended(box, 'second') == KEYS
    assert held(box) == {}
    box.verify()


def test_nothing_is_given_back_by_one_that_was_killed_and_nothing_need_be(box):
    write(box, 'first')
    write(box, 'second')
    first = holds(box, 'first')
    second = waits(box, 'second')
    kill_family(first)
    lets_go(box, 'second')
    ends(box, second)
    assert ended(box, 'second') == KEYS and ended(box, 'first') == []
    # A run that is called again asks again.
    again = box.start('run', 'first.yaml', '--no-progress')
    until(box, again, lambda: len(begun(box, 'first')) == 2)
    assert held(box) == {('warehouse', run_of(box, 'first')['run']): 1}
    lets_go(box, 'first')
    ends(box, again)
    assert sorted(ended(box, 'first')) == KEYS
    box.verify()


def test_one_that_waits_long_enough_gives_up_and_asks_again_with_the_next_call(box):
    write(box, 'first')
    write(box, 'second', wait='1s')
    first = holds(box, 'first')
    holder = run_of(box, 'first')['run']
    said = run(box, 'second')
    assert said.code == 69, said
    assert f'require.pools: pool warehouse: 1 of 1 in use, by {holder}' in said.err, said
    assert said.err.count('waits for pool warehouse') == 1, said
    assert begun(box, 'second') == []
    left = run_of(box, 'second')
    assert left['state'] not in OVER and 'pool warehouse' in left['reason'], left
    assert run(box, 'second').code == 69
    lets_go(box, 'first', 'second')
    ends(box, first)
    said = run(box, 'second')
    assert said.code == 0 and 'waits for pool' not in said.err, said
    assert run_of(box, 'second')['run'] == left['run']
    assert ended(box, 'second') == KEYS
    box.verify()


def test_one_that_is_not_to_wait_gives_up_at_once(box):
    write(box, 'first')
    write(box, 'second', wait='0s')
    first = holds(box, 'first')
    said = run(box, 'second')
    assert said.code == 69 and 'pool warehouse: 1 of 1 in use, by first@' in said.err, said
    assert 'for at most' not in said.err, said
    lets_go(box, 'first')
    ends(box, first)


def test_todays_file_says_what_is_asked_for(box):
    write(box, 'first')
    write(box, 'second', wait='1s')
    first = holds(box, 'first')
    lets_go(box, 'second')
    assert run(box, 'second').code == 69
    write(box, 'second', pools='{elsewhere: 1}', wait='1s')
    said = run(box, 'second')
    assert said.code == 0 and ended(box, 'second') == KEYS, said
    lets_go(box, 'first')
    ends(box, first)


@pytest.mark.parametrize('args', [('run', 'first.yaml', '--no-progress'), ('work', 'first')])
def test_a_run_has_it_once_with_all_its_instances(box, args):
    write(box, 'first')
    one = holds(box, 'first')
    other = box.start(*args)
    until(box, other, lambda: len(begun(box, 'first')) == 2)
    assert list(held(box).values()) == [1]
    lets_go(box, 'first')
    ends(box, one)
    assert 'waits for pool' not in ends(box, other)
    assert sorted(ended(box, 'first')) == KEYS
    box.verify()


def test_a_run_keeps_it_until_its_last_instance_leaves(box):
    write(box, 'first')
    write(box, 'second', wait='0s')
    one = holds(box, 'first')
    other = box.start('work', 'first')
    until(box, other, lambda: len(begun(box, 'first')) == 2)
    kill_family(one)
    said = run(box, 'second')
    assert said.code == 69 and 'in use, by first@' in said.err, said
    lets_go(box, 'first', 'second')
    ends(box, other)
    assert sorted(ended(box, 'first')) == KEYS
    assert run(box, 'second').code == 0
    box.verify()


def test_a_call_that_works_an_old_run_and_then_todays_has_it_for_one_after_the_other(box):
    write(box, 'first')
    write(box, 'second')
    old = holds(box, 'first', 'run', 'first.yaml', '--no-progress', '--date', '2026-11-02')
    assert box.run('stop', 'first', '--now').code == 0
    ends(box, old, 75)
    assert held(box) == {}
    both = box.start('run', 'first.yaml', '--no-progress')
    until(box, both, lambda: len(begun(box, 'first')) == 2)
    assert held(box) == {('warehouse', 'first@2026-11-02'): 1}
    lets_go(box, 'first', 'second')
    ends(box, both)
    assert sorted(ended(box, 'first')) == sorted(2 * KEYS)
    assert run(box, 'second').code == 0
    box.verify()


def test_there_is_as_much_as_the_configuration_says(box):
    there_is(box, '{warehouse: 2}')
    for name in ('first', 'second', 'third'):
        write(box, name)
    write(box, 'both', pools='{warehouse: 2}')
    first, second = holds(box, 'first'), holds(box, 'second')
    third = waits(box, 'third', 'waits for pool warehouse: 2 of 2 in use, by ')
    lets_go(box, 'first', 'third')
    ends(box, first)
    ends(box, third)
    both = waits(box, 'both', 'waits for pool warehouse: 1 of 2 in use, by second@')
    lets_go(box, 'second')
    ends(box, second)
    until(box, both, lambda: begun(box, 'both'))
    assert held(box) == {('warehouse', run_of(box, 'both')['run']): 2}
    lets_go(box, 'both')
    ends(box, both)
    box.verify()


def test_never_more_runs_than_there_is_are_at_it(box):
    there_is(box, '{warehouse: 2}')
    names = [f'j{i}' for i in range(5)]
    lets_go(box, *names)
    # Each says in one file when an item begins and ends.
    box.file('work.sh', '#!/bin/sh\necho "+ $1" >>log\necho "$1 $2" >>ended\necho "- $1" >>log\n', mode=0o755)
    for name in names:
        write(box, name)
    for process in [box.start('run', f'{name}.yaml', '--no-progress') for name in names]:
        ends(box, process)
    on, most = {}, 0
    for line in box.lines('log'):
        sign, name = line.split()
        on[name] = on.get(name, 0) + (1 if sign == '+' else -1)
        most = max(most, sum(1 for n in on.values() if n > 0))
    assert 1 <= most <= 2
    assert all(ended(box, name) == KEYS for name in names)
    assert held(box) == {}
    box.verify()


def test_all_of_them_or_none(box):
    write(box, 'first', pools='{mail: 1}')
    write(box, 'second', pools='{disk: 1, mail: 1}')
    write(box, 'third', pools='{disk: 1}', wait='0s')
    first = holds(box, 'first')
    second = waits(box, 'second', 'waits for pool mail: 1 of 1 in use, by first@')
    lets_go(box, 'third')
    assert run(box, 'third').code == 0  # nobody has the disk meanwhile
    lets_go(box, 'first')
    ends(box, first)
    until(box, second, lambda: begun(box, 'second'))
    assert sorted(name for name, _ in held(box)) == ['disk', 'mail']
    lets_go(box, 'second')
    ends(box, second)
    box.verify()


def test_what_belongs_to_different_pools_does_not_wait(box):
    write(box, 'first')
    write(box, 'second', pools='{mail: 1}', wait='0s')
    first, second = holds(box, 'first'), holds(box, 'second')
    lets_go(box, 'first', 'second')
    ends(box, first)
    ends(box, second)


@pytest.mark.parametrize('configured, words', [
    (None, 'there is 1 of what the configuration does not name under pools'),
    ('{other: 9}', 'there is 1 of what the configuration does not name under pools'),
    ('{warehouse: 1}', 'there are only 1 by the configuration'),
])
def test_more_than_there_is_of_it_is_refused(box, configured, words):
    if configured:
        there_is(box, configured)
    write(box, 'first', pools='{warehouse: 2}')
    calls = (['check', 'first.yaml'], ['run', 'first.yaml', '-n'], ['run', 'first.yaml', '--no-progress'])
    for args in calls:
        said = box.run(*args)
        assert said.code == 78 and f'require.pools.warehouse: 2, and {words}' in said.said, said
    assert not box.has_ledger() or json.loads(box.run('runs', '--json').out)['runs'] == []
    there_is(box, '{warehouse: 2}')
    lets_go(box, 'first')
    for args in calls:
        assert box.run(*args).code == 0, args
    assert ended(box, 'first') == KEYS


def test_a_configuration_that_is_wrong_is_refused(box):
    there_is(box, '{warehouse: none}')
    write(box, 'first')
    said = run(box, 'first')
    assert said.code == 78 and 'stint.yaml:1:' in said.err and 'whole number' in said.err, said


def test_a_dry_run_takes_nothing(box):
    write(box, 'first')
    write(box, 'second', wait='0s')
    first = holds(box, 'first')
    before = held(box)
    said = box.run('run', 'second.yaml', '-n')
    assert said.code == 0, said
    assert held(box) == before
    lets_go(box, 'first')
    ends(box, first)


@pytest.mark.parametrize('how', ['TERM', 'stop', 'now'])
def test_who_waits_can_be_stopped(box, how):
    write(box, 'first')
    write(box, 'second')
    first = holds(box, 'first')
    second = waits(box, 'second')
    if how == 'TERM':
        second.send_signal(signal.SIGTERM)
    else:
        said = box.run('stop', 'second', *(['--now'] if how == 'now' else []))
        assert said.code == 0, said
    ends(box, second, 75)
    assert begun(box, 'second') == [] and run_of(box, 'second')['state'] not in OVER
    assert list(held(box)) == [('warehouse', run_of(box, 'first')['run'])]
    lets_go(box, 'first', 'second')
    ends(box, first)
    assert run(box, 'second').code == 0
    assert ended(box, 'second') == KEYS
    box.verify()


def test_who_waits_can_be_killed(box):
    write(box, 'first')
    write(box, 'second')
    first = holds(box, 'first')
    second = waits(box, 'second')
    kill_family(second)
    lets_go(box, 'first', 'second')
    ends(box, first)
    assert run(box, 'second').code == 0
    assert ended(box, 'second') == KEYS
    box.verify()


def test_the_end_of_the_window_ends_the_waiting(box):
    write(box, 'first')
    write(box, 'second', more='window: {max: 1s}\n')
    first = holds(box, 'first')
    said = run(box, 'second')
    assert said.code == 75 and 'window.max' in said.out, said
    assert begun(box, 'second') == []
    lets_go(box, 'first')
    ends(box, first)


def test_another_file_holds_at_once(box):
    write(box, 'first')
    write(box, 'second')
    first = holds(box, 'first')
    second = waits(box, 'second')
    write(box, 'second', pools='{mail: 1}')
    lets_go(box, 'second')
    second.send_signal(signal.SIGHUP)  # the keeper passes it on
    ends(box, second)
    assert ended(box, 'second') == KEYS
    lets_go(box, 'first')
    ends(box, first)


def test_waiting_is_no_standstill(box):
    """Nothing is settled for longer than window.stalled_after, and it waits by name."""
    write(box, 'first')
    write(box, 'second', more='window: {stalled_after: 10s}\n')
    first = holds(box, 'first')
    second = waits(box, 'second')
    # A third one shows that more than this has passed.
    write(box, 'third', wait='12s')
    assert run(box, 'third').code == 69
    assert second.poll() is None, box.process_said(second)
    lets_go(box, 'first', 'second')
    ends(box, first)
    ends(box, second)
    assert ended(box, 'second') == KEYS
