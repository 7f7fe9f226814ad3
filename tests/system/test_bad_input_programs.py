# SPDX-License-Identifier: Apache-2.0
"""Programs as they should not be: absent, loud, deaf, and leaving children behind."""
import json
import os
import time

from lib.box import cast, is_alive, peak_rss_mib, wait_until
from lib.figures import figures
from lib.job import without

JOB = '''
version: 1
job: bad
source:
  csv: {{path: items.csv}}
  key: id
  fields: {{id: integer, note: "text?"}}
work:
  exec: {{{exec}}}
  effect: idempotent
  concurrency: 2
  timeout: {timeout}
retry: {{attempts: 2, first: 50ms, max: 100ms}}
'''


def write(box, exec_, items='1,\n2,\n3,\n', timeout='20s'):
    box.file('items.csv', 'id,note\n' + items)
    box.file('bad.yaml', JOB.format(exec=exec_, timeout=timeout))


def test_a_program_that_is_not_there_is_found_before_the_first_item(box):
    write(box, 'command: [./nowhere]')
    said = box.run('run', 'bad.yaml', '--no-progress')
    assert said.code == 78, said
    assert 'nowhere' in said.err


def test_a_name_that_is_not_in_the_path(box):
    write(box, 'command: [surely-no-such-program]')
    said = box.run('run', 'bad.yaml', '--no-progress')
    assert said.code == 78, said
    assert 'surely-no-such-program' in said.err


def test_a_program_that_is_not_executable(box):
    box.file('prog', '#!/bin/sh\n', mode=0o644)
    write(box, 'command: [./prog]')
    said = box.run('run', 'bad.yaml', '--no-progress')
    assert said.code == 78, said
    assert 'prog' in said.err and 'execut' in said.err


def test_a_program_that_goes_away_in_the_middle_stops_the_run_and_charges_no_item(box):
    box.file('prog', '#!/bin/sh\necho $STINT_KEY >>effects\nrm -f prog\n', mode=0o755)
    write(box, 'command: [./prog], input: none')
    box.file('bad.yaml', box.read('bad.yaml').replace('concurrency: 2', 'concurrency: 1')
             + 'breaker: {open_for: 100ms, open_max: 200ms, give_up_after: 1s}\n')
    said = box.run('run', 'bad.yaml', '--no-progress')
    assert said.code == 1, said
    assert 'prog' in said.said
    assert box.lines('effects') == ['1']
    assert box.items('--state', 'dead') == []
    box.verify()


def test_a_program_whose_interpreter_is_missing(box):
    box.file('prog', '#!/no/such/interpreter\n', mode=0o755)
    write(box, 'command: [./prog], input: none')
    box.file('bad.yaml', box.read('bad.yaml')
             + 'breaker: {open_for: 100ms, open_max: 200ms, give_up_after: 1s}\n')
    said = box.run('run', 'bad.yaml', '--no-progress')
    assert said.code in (1, 78), said
    assert 'prog' in said.said or 'interpreter' in said.said
    assert box.items('--state', 'dead') == []


def test_a_gigabyte_of_output_costs_little_and_its_tail_is_kept(box):
    write(box, "shell: 'head -c 1073741824 /dev/zero | tr \"\\000\" x; echo the end; exit 65', input: none",
          items='1,\n')
    process = box.start('run', 'bad.yaml', '--no-progress')
    peak = 0
    while process.poll() is None:
        roles = cast(process.pid)
        peak = max(peak, peak_rss_mib(roles['keeper'] + roles['engine'] + roles['lane']))
        time.sleep(0.02)
    assert process.returncode == 3, box.process_said(process)
    assert peak < 64
    assert box.ledger_bytes() < 4 << 20
    said = box.run('logs', 'bad/1')
    assert said.code == 0 and said.out.rstrip().endswith('the end'), said.out[-200:]
    assert len(said.out) < 20000


def test_a_program_that_never_reads_what_it_is_given(box):
    note = 'x' * 300000  # more than a pipe holds
    box.file('deaf', '#!/bin/sh\necho $STINT_KEY >>effects; exec <&-; sleep 0.2\n', mode=0o755)
    write(box, 'command: [./deaf]', items=f'1,{note}\n2,{note}\n')
    said = box.run('run', 'bad.yaml', '--no-progress')
    assert said.code == 0, said
    assert sorted(box.lines('effects')) == ['1', '2']


def test_a_program_that_reads_everything_gets_everything(box):
    note = 'x' * 300000
    box.file('count', '#!/bin/sh\nwc -c >>effects\n', mode=0o755)
    write(box, 'command: [./count], input: csv', items=f'1,{note}\n')
    said = box.run('run', 'bad.yaml', '--no-progress')
    assert said.code == 0, said
    assert [int(n) for n in box.lines('effects')] == [len(note) + len('1,\n')]


def test_a_field_that_is_too_long_for_a_variable_is_said_to_be(box):
    write(box, "shell: 'echo $STINT_KEY >>effects'", items='1,' + 'x' * 300000 + '\n2,short\n')
    said = box.run('run', 'bad.yaml', '--no-progress')
    assert said.code == 3, said
    assert box.lines('effects') == ['2']
    dead = box.items('--state', 'dead')
    assert [item['key'] for item in dead] == ['1']
    assert 'STINT_FIELD_note' in json.dumps(dead)


def test_children_that_are_left_behind_hold_nothing_up_and_are_ended(box):
    write(box, "shell: 'sleep 300 & echo $! >>left; echo $STINT_KEY >>effects', input: none")
    began = time.monotonic()
    said = box.run('run', 'bad.yaml', '--no-progress')
    assert said.code == 0, said
    assert time.monotonic() - began < 120
    assert sorted(box.lines('effects')) == ['1', '2', '3']
    left = box.lines('left')
    assert len(left) == 3
    wait_until(lambda: not any(is_alive(pid) for pid in left))


def test_a_program_that_hangs_is_ended_by_its_time_limit(box):
    write(box, "shell: 'echo $STINT_KEY >>began; sleep 300', input: none", items='1,\n', timeout='300ms')
    began = time.monotonic()
    said = box.run('run', 'bad.yaml', '--no-progress')
    assert said.code == 3, said
    assert time.monotonic() - began < 120
    assert box.lines('began') == ['1', '1']
    assert box.keys('dead') == ['1']
    figures(box, ['1'], 'idempotent')


def test_without_its_time_limit_only_the_silence_of_its_lane_ends_it(box):
    """The negative control."""
    write(without(box, 'work.timeout'), "shell: 'sleep 300', input: none", items='1,\n', timeout='300ms')
    run = box.start('run', 'bad.yaml', '--no-progress')
    wait_until(lambda: 'silent' in box.process_said(run) or run.poll() is not None)
    assert 'silent' in box.process_said(run)


def test_a_program_that_does_not_listen_to_term_is_killed(box):
    write(box, "shell: 'trap \"\" TERM; echo $$ >>began; sleep 300; sleep 300', input: none",
          items='1,\n', timeout='300ms')
    said = box.run('run', 'bad.yaml', '--no-progress')
    assert said.code == 3, said
    assert len(box.lines('began')) == 2
    assert not any(is_alive(pid) for pid in box.lines('began'))


def test_output_that_is_no_text_is_shown_safely(box):
    write(box, r"shell: 'printf \"\\033[31mred\\000\\377\"; exit 65', input: none", items='1,\n')
    said = box.run('run', 'bad.yaml', '--no-progress')
    assert said.code == 3, said
    for verb in (['attempts', 'bad/1'], ['report']):
        shown = box.run(*verb)
        assert '\033[31m' not in shown.out, shown


def test_a_value_never_becomes_shell_code(box):
    box.file('prog', '#!/bin/sh\nprintf "%s\\n" "$1" >>effects\n', mode=0o755)
    evil = "$(touch pwned); `touch pwned` '; touch pwned; '"
    write(box, 'command: [./prog, "${note}"]', items=f'1,{evil}\n')
    said = box.run('run', 'bad.yaml', '--no-progress')
    assert said.code == 0, said
    assert box.lines('effects') == [evil]
    write(box, "shell: 'printf \"%s\\n\" \"$STINT_FIELD_note\" >>effects2', input: none", items=f'1,{evil}\n')
    said = box.run('run', 'bad.yaml', '--no-progress', '--again')
    assert said.code in (0, 78), said
    assert not os.path.exists(os.path.join(box.path, 'pwned'))
