# SPDX-License-Identifier: Apache-2.0
"""`stint resolve`: a person decides about items in doubt."""
import time

import pytest


def audit(box):
    return box.ask('SELECT verb, item, why, was, became FROM audit ORDER BY at, item')


@pytest.mark.parametrize('option, state, words', [
    ('--done', 'done', 'counts as done'),
    ('--retry', 'retry', 'will be tried again'),
    ('--skip', 'skipped', 'is skipped'),
])
def test_decisions(night, option, state, words):
    said = night.box.run('resolve', 'invoices/crash-1', option, '--why', 'I looked')
    assert said.code == 0, said
    assert '1 item of invoices@' in said.out and words in said.out
    assert night.box.keys('in_doubt') == []
    assert 'crash-1' in night.box.keys(state)
    assert audit(night.box) == [('resolve ' + option, 5, 'I looked', 'in_doubt', state)]
    night.box.verify()


def test_without_state_only_those_in_doubt(night):
    said = night.json('resolve', '--run', 'invoices', '--done', '--why', 'I looked')
    assert (said['schema'], said['changed'], said['refused']) == ('stint.resolve.1', 1, 0)
    assert night.box.keys('dead') == ['bad-1', 'bad-2']


def test_retried_it_is_worked_by_the_next_run(night):
    assert night.box.run('resolve', '--state', 'in_doubt', '--retry', '--why', 'their log is empty').code == 0
    night.box.file('send', '#!/bin/sh\necho "$1" >>healed\n', mode=0o755)
    assert night.run().code == 3
    assert night.box.lines('healed') == ['crash-1']
    assert night.box.keys('in_doubt') == []


@pytest.mark.parametrize('args, code, words', [
    (['--run', '1', '--why', 'x'], 64, '--done'),
    (['--run', '1', '--done', '--retry', '--why', 'x'], 64, 'not several'),
    (['--run', '1', '--done'], 64, '--why TEXT'),
    (['--run', '1', '--done', '--why', ''], 64, '--why'),
    (['--done', '--why', 'x'], 64, 'of what'),
    (['--run', '1', '--state', 'dead', '--done', '--why', 'x'], 64, 'in_doubt'),
    (['--run', '1', '--where', 'a', '--done', '--why', 'x'], 64, 'not available'),
    (['invoices/bad-1', '--done', '--why', 'x'], 1, '1:3 is dead'),
])
def test_what_cannot_be(night, args, code, words):
    said = night.box.run('resolve', *args)
    assert said.code == code and words in said.err, said
    assert audit(night.box) == [] and night.box.keys('in_doubt') == ['crash-1']


@pytest.mark.parametrize('which', [['invoices/crash-1'], ['--run', '1']])
def test_again_waits_until_nothing_can_act_any_more(night, which):
    """The other side was looked at too early: a process that was not proved dead may do it after that."""
    tomorrow = int(time.time() + 86400) * 1000
    assert night.box.change('UPDATE loose SET quiet_until = ? WHERE state = 8', tomorrow) == 1
    said = night.box.run('resolve', *which, '--retry', '--why', 'their log is empty')
    assert said.code == 75 and 'may still act' in said.err, said
    assert audit(night.box) == [] and night.box.keys('in_doubt') == ['crash-1']
    assert night.box.run('resolve', *which, '--done', '--why', 'it is there').code == 0
    assert night.box.keys('in_doubt') == []
    night.box.verify()


def test_dry_run(night):
    said = night.box.run('resolve', '--run', '1', '--done', '--why', 'x', '-n')
    assert said.code == 0 and 'would count as done' in said.out, said
    assert night.box.keys('in_doubt') == ['crash-1']


def test_twice_is_once(night):
    assert night.box.run('resolve', 'invoices/crash-1', '--done', '--why', 'x').code == 0
    said = night.box.run('resolve', 'invoices/crash-1', '--done', '--why', 'x')
    assert said.code == 1 and '1:5 is done' in said.err, said
    assert len(audit(night.box)) == 1
