# SPDX-License-Identifier: Apache-2.0
"""Programs that end in every way there is (docs/faults.md 56): the table "What an attempt can end as" of
the job file, cell by cell, and what programs may cost."""
import json
import os
import signal

import pytest
from lib.account import Account, assert_clean
from lib.box import is_alive, wait_until
from lib.figures import measure

JOB = '''version: 1
job: ends
source:
  csv: {path: items.csv}
  key: id
  fields: {id: integer}
work:
  exec: {%s, input: none}
  effect: %s
  concurrency: 4
  max_dead: 100%%
  timeout: 60s
%s
retry: {attempts: 2, first: 20ms, max: 40ms}
breaker: {at_least: 1000, open_for: 100ms, open_max: 200ms, give_up_after: 1s}
'''
ALL_ALIKE = {69, 77, 78, 126, 127}
DEAD = {64, 65, 66, 67, 68, 76}
# What a kernel delivers and a process may die of; the stopping and the ignored ones kill nobody.
DEADLY = [s for s in signal.Signals if s not in (
    signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGCONT, signal.SIGCHLD,
    signal.SIGURG, signal.SIGWINCH, signal.SIGRTMIN, signal.SIGRTMAX)]


def write(box, keys, command, effect='once', more=''):
    box.file('items.csv', 'id\n' + ''.join(f'{k}\n' for k in keys))
    box.file('ends.yaml', JOB % (command, effect, more))


def run(box):
    return box.run('run', 'ends.yaml', '--no-progress', timeout=300)


def account_of_ends(box, keys):
    """These programs have their effect however they end: also what is dead, by its own word, had one."""
    found = measure(box, [str(k) for k in keys], 'idempotent')
    assert not found.lost and not found.doubled, found
    assert all(' is dead and ' in false for false in found.false), found
    box.verify()
    return Account(box, 'ends')


def outcomes(box, key):
    """[(outcome, error class)] of each recorded attempt at an item, in their order."""
    said = box.run('attempts', f'ends/{key}', '--json')
    assert said.code in (0, 1), said
    rows = json.loads(said.out)['attempts']
    return [(a['outcome'], a['error_class']) for a in sorted(rows, key=lambda a: a['attempt'])]


# ---- exit statuses ---------------------------------------------------------------------------------

def test_every_exit_status_that_is_an_items_own_affair(box):
    """All of 0 to 255 but those that hit every item alike, in one run."""
    keys = [k for k in range(256) if k not in ALL_ALIKE]
    write(box, keys, '''shell: 'echo "$STINT_KEY" >>effects; exit $STINT_KEY\'''')
    said = run(box)
    assert said.code == 3, said
    account = account_of_ends(box, keys)
    assert account.counts['done'] == 1 and account.counts['dead'] == len(keys) - 1
    assert account.counts['in_doubt'] == 0
    tries = {k: box.lines('effects').count(str(k)) for k in keys}
    for key in keys:
        item = account.items[str(key)]
        assert item['state'] == ('done' if key == 0 else 'dead')
        assert tries[key] == (1 if key == 0 or key in DEAD else 2), key
        if key in (1, 63, 64, 65, 70, 76, 79, 125, 128, 143, 255):
            assert outcomes(box, key) == [('dead' if key in DEAD else 'retry', f'exit-{key}')] * tries[key]
        if key != 0:
            assert str(key) in item['error']
    box.verify()


@pytest.mark.parametrize('status', sorted(ALL_ALIKE))
def test_an_exit_status_that_hits_every_item_alike_charges_none(box, status):
    keys = list(range(1, 101))
    write(box, keys, f'''shell: '[ -e healed ] || exit {status}; echo "$STINT_KEY" >>effects\'''')
    said = run(box)
    assert said.code == 1, said
    assert str(status) in said.said
    account = assert_clean(box, 'ends', [str(k) for k in keys])
    assert account.counts['dead'] == account.counts['in_doubt'] == account.counts['done'] == 0
    assert all(item['attempts'] == 0 for item in account.items.values())
    box.file('healed')
    assert run(box).code == 0
    assert assert_clean(box, 'ends', [str(k) for k in keys]).counts['done'] == 100


def test_a_job_may_say_otherwise_for_each_cell(box):
    """Negative control: the same statuses, other words for them."""
    write(box, [0, 1, 2, 3, 65, 69], '''shell: 'echo "$STINT_KEY" >>effects; exit $STINT_KEY\'''',
          more='  done_when: [1, 69]\n  retry_when: [65]\n  dead_when: [0, 2]\n  doubt_when: [3]')
    said = run(box)
    assert said.code == 3, said
    states = {int(i['key']): i['state'] for i in box.items('--run', 'ends')}
    assert states == {0: 'dead', 1: 'done', 2: 'dead', 3: 'in_doubt', 65: 'dead', 69: 'done'}
    assert box.lines('effects').count('65') == 2
    box.verify()


# ---- signals ---------------------------------------------------------------------------------

@pytest.mark.parametrize('effect', ['once', 'idempotent'])
def test_every_signal_is_an_end_that_nobody_knows(box, effect):
    keys = sorted(int(s) for s in DEADLY) + [int(signal.SIGRTMIN), int(signal.SIGRTMAX)]
    box.file('die', '#!/usr/bin/python3\nimport os, sys, signal, resource\n'
             'resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\nn = int(sys.argv[1])\n'
             'open("effects", "a").write(f"{n}\\n")\n'
             'if n not in (9, 19): signal.signal(n, signal.SIG_DFL)\n'
             'os.kill(os.getpid(), n)\nsignal.pause()\n', mode=0o755)
    write(box, keys, 'command: [./die, "${id}"]', effect)
    said = run(box)
    assert said.code == 3, said
    account = account_of_ends(box, keys)
    if effect == 'once':
        assert account.counts['in_doubt'] == len(keys)
        assert sorted(box.lines('effects'), key=int) == sorted(map(str, keys), key=int)
    else:
        assert account.counts['dead'] == len(keys) and account.counts['in_doubt'] == 0
        assert all(box.lines('effects').count(str(k)) == 2 for k in keys)
    assert outcomes(box, keys[0])[0][0] == 'unknown'
    box.verify()


def test_a_program_that_is_stopped_ends_by_its_time_limit(box):
    write(box, [1, 2], '''shell: 'echo "$STINT_KEY" >>effects; [ $STINT_KEY = 2 ] || kill -STOP $$\'''')
    box.file('ends.yaml', box.read('ends.yaml').replace('timeout: 60s', 'timeout: 500ms'))
    said = run(box)
    assert said.code == 3, said
    assert box.keys('in_doubt') == ['1'] and box.lines('effects').count('1') == 1
    box.verify()


# ---- what it may cost ---------------------------------------------------------------------------------

def test_a_program_may_close_its_outputs_and_go_on(box):
    write(box, range(1, 11), '''shell: 'exec >&- 2>&- <&-; sleep 0.1; echo "$STINT_KEY" >>effects\'''')
    said = run(box)
    assert said.code == 0, said
    assert assert_clean(box, 'ends', [str(k) for k in range(1, 11)]).counts['done'] == 10


def test_output_is_capped_for_each_item(box):
    """Two hundred items that write 4 MiB each: their tails are kept, and no more."""
    write(box, range(1, 201), '''shell: 'head -c 4194304 /dev/zero | tr "\\\\000" x; echo "end of $STINT_KEY";
    echo "$STINT_KEY" >>effects; [ $STINT_KEY -gt 5 ] || exit 65\'''')
    said = run(box)
    assert said.code == 3, said
    account = account_of_ends(box, range(1, 201))
    assert account.counts['done'] == 195 and account.counts['dead'] == 5
    assert box.ledger_bytes() < 24 << 20
    for key in (1, 200):
        logs = box.run('logs', f'ends/{key}')
        assert logs.out.rstrip().endswith(f'end of {key}') and len(logs.out) < 20000
    box.verify()


def test_one_that_ignores_term_and_forks_is_ended_with_all_its_children(box):
    box.file('stubborn', '''#!/bin/sh
trap '' TERM INT HUP
for i in 1 2 3; do (trap '' TERM; echo $(exec sh -c 'echo $PPID') >>pids; while :; do sleep 0.2; done) & done
echo $$ >>pids
echo "$STINT_KEY" >>began
while :; do sleep 0.2; done
''', mode=0o755)
    write(box, [1, 2], 'command: [./stubborn]', more='')
    box.file('ends.yaml', box.read('ends.yaml').replace('timeout: 60s', 'timeout: 1s'))
    said = run(box)
    assert said.code == 3, said
    assert sorted(box.lines('began')) == ['1', '2']
    assert box.keys('in_doubt') == ['1', '2']
    pids = box.lines('pids')
    assert len(pids) == 8
    wait_until(lambda: not any(is_alive(pid) for pid in pids), limit_s=60)
    box.verify()


def test_a_daemon_that_is_left_behind_holds_nothing_up(box):
    """In a session of its own, with the output still open. It is not the item's any more, and is let be."""
    box.file('daemon', '#!/bin/sh\necho $$ >>pids\nwhile [ ! -e go ]; do sleep 0.1; done\n', mode=0o755)
    box.file('pids')
    write(box, [1, 2, 3], '''shell: 'setsid ./daemon &
    while [ $(wc -l <pids) -lt 1 ]; do sleep 0.05; done; echo "$STINT_KEY" >>effects\'''')
    try:
        said = run(box)
        assert said.code == 0, said
        assert assert_clean(box, 'ends', ['1', '2', '3']).counts['done'] == 3
    finally:
        box.file('go')
    wait_until(lambda: not any(is_alive(pid) for pid in box.lines('pids')), limit_s=60)
