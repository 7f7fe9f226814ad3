# SPDX-License-Identifier: Apache-2.0
"""`stint runs`: recent runs, a line each."""


def test_a_line_each_newest_first(night):
    assert night.run('--again', '--first', '1').code in (0, 3)
    said = night.box.run('runs')
    lines = said.out.split('\n')
    assert said.code == 0 and lines[0].split()[:3] == ['RUN', 'NAME', 'STATE']
    assert lines[1].split()[0] == '2' and lines[1].split()[1].endswith('#2')
    assert lines[2].split()[0] == '1' and 'done_with_failures' in lines[2]
    assert all(line == line.rstrip() for line in lines)


def test_of_one_job_and_so_many(night):
    assert night.run('--again', '--first', '1').code in (0, 3)
    assert len(night.json('runs', 'invoices')['runs']) == 2
    assert len(night.json('runs', 'invoices.yaml', '-N', '1')['runs']) == 1
    said = night.box.run('runs', 'invoice')
    assert said.code == 1 and "did you mean 'invoices'" in said.err


def test_compared(night):
    assert night.run('--again', '--first', '1').code in (0, 3)
    said = night.box.run('runs', '--compare')
    assert 'items -5' in said.out and 'dead -2' in said.out, said
    runs = night.json('runs', '--compare')['runs']
    assert runs[0]['compared_with'] == runs[1]['run'] and runs[1]['compared_with'] is None


def test_none_yet(box):
    assert box.run('ledger', 'init').code == 0
    said = box.run('runs')
    assert said.code == 0 and said.out == '' and 'no runs' in said.err, said


def test_count_is_a_number(night):
    said = night.box.run('runs', '-N', 'many')
    assert said.code == 64 and '--count' in said.err
