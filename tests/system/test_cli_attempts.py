# SPDX-License-Identifier: Apache-2.0
"""`stint attempts` and `stint logs`: what was tried, and what was said."""


def test_every_failure_and_what_came_after(night):
    doc = night.json('attempts', 'invoices/flaky-1')
    assert doc['schema'] == 'stint.attempts.1'
    assert [(a['attempt'], a['outcome']) for a in doc['attempts']] == [(1, 'retry'), (2, 'done')]
    first = doc['attempts'][0]
    assert first['error_class'] == 'exit-1' and first['error'] == 'busy, try again'
    assert first['output'] == 'busy, try again\n' and first['output_cut'] is False
    assert first['took_ms'] >= 0 and first['at'].endswith('Z') and first['instance'] == 1
    assert first['key'] == 'flaky-1' and first['number'] == 2 and first['run_id'] == 1


def test_as_a_table(night):
    out = night.box.run('attempts', '1:2').out
    lines = out.split('\n')
    assert lines[0].split()[0] == 'ATTEMPT' and 'OUTCOME' in lines[0]
    assert lines[1].endswith('exit-1: busy, try again') and ' done' in lines[2]


def test_an_item_that_went_well_in_silence(night):
    said = night.box.run('attempts', 'invoices/ok-1')
    assert said.code == 0 and said.out == '' and 'went well' in said.err, said


def test_no_such_item(night):
    for name in ('invoices/nobody', '1:17', 'nobody/1', 'x'):
        assert night.box.run('attempts', name).code == 1
    assert night.box.run('attempts').code == 64


def test_logs_of_an_item(night):
    said = night.box.run('logs', 'invoices/talk-1')
    assert said.code == 0 and said.out.endswith('done <==\nsent talk-1\n'), said
    doc = night.json('logs', 'invoices/talk-1')
    assert doc['schema'] == 'stint.logs.1' and doc['logs'][0]['output'] == 'sent talk-1\n'


def test_logs_of_a_run(night):
    said = night.box.run('logs', 'invoices')
    for words in ('sent talk-1', 'busy, try again', '550 no such user in domain 17'):
        assert words in said.out, said
    assert said.out.count('==> 1:') == 4, said


def test_logs_are_harmless_on_a_terminal(box):
    from conftest import Night
    night = Night(box, ['raw-1'])
    box.file('send', '#!/bin/sh\nprintf "\\033]0;title\\007red\\n\\033[31mx\\n"; exit 65\n', mode=0o755)
    assert night.run().code == 3
    said = box.run('logs', '1')
    assert '\033' not in said.out and '\007' not in said.out and '\\x1b' in said.out, said


def test_follow_is_for_later(night):
    said = night.box.run('logs', '1', '-f')
    assert said.code == 64 and 'not available in this version' in said.err
