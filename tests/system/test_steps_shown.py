# SPDX-License-Identifier: Apache-2.0
"""What lists and reports say of the steps of a job, and of what each step's source rejected."""
import csv
import io
import json

TWO = '''version: 1
job: night
steps:
  - name: load
    source: {csv: {path: %s}, key: id, fields: {id: integer}}
    work: {exec: {command: [./act, load, "${id}"], input: none}, effect: once}
  - name: send
    source: {%s}
    work: {exec: {command: [./act, send, "${id}"], input: none}, effect: once}
    go_on_when: done_with_failures
retry: {attempts: 1}
'''
SAME = 'csv: {path: in.csv}, key: id, fields: {id: integer}'
OTHER = 'csv: {path: other.csv}, key: id, fields: {id: integer}'
INBOX = 'inbox: {}, key: id, fields: {id: integer}'
TAKEN = 'step: load'
ACT = '''#!/bin/sh
[ -e "dead-$1-$2" ] && exit 65
[ -e "doubt-$1-$2" ] && kill -9 $$
exit 0
'''


def make(box, source, first='in.csv', records='1\nx\n2\n'):
    box.file('act', ACT, mode=0o755)
    box.file('in.csv', 'id\n' + records)
    box.file('other.csv', 'id\n3\ny\n')
    box.file('night.yaml', TWO % (first, source))


def one(box):
    """A job without steps, of which a record is rejected, and items are dead and in doubt."""
    box.file('act', ACT, mode=0o755)
    box.file('in.csv', 'id\n1\nx\n2\n')
    box.file('dead-bare-1')
    box.file('doubt-bare-2')
    box.file('bare.yaml', 'job: bare\nretry: {attempts: 1}\n'
             'source: {csv: {path: in.csv}, key: id, fields: {id: integer}}\n'
             'work: {exec: {command: [./act, bare, "${id}"], input: none}, effect: once}\n')
    assert box.run('run', 'bare.yaml').code == 3


def commands(box):
    return [n['command'] for n in json.loads(box.run('report', 'night', '--json').out)['next']]


def test_rejects_say_which_step_they_are_of(box):
    make(box, OTHER)
    assert box.run('run', 'night.yaml').code == 3
    rejects = json.loads(box.run('rejects', 'night', '--json').out)['rejects']
    assert [(r['step'], r['path'], r['raw']) for r in rejects] == [
        ('load', 'in.csv', 'x'), ('send', 'other.csv', 'y')]
    lines = [line.split() for line in box.run('rejects', 'night').out.splitlines()]
    assert lines[0][:3] == ['STEP', 'FILE', 'LINE']
    assert lines[1][:3] == ['load', 'in.csv', '3'] and lines[2][:3] == ['send', 'other.csv', '3']
    assert box.run('rejects', 'night', '--format', 'csv').out == 'id\nx\ny\n'


def test_more_rejects_than_a_page_of_two_steps_that_read_the_same(box):
    make(box, SAME, records=''.join(f'x{i}\n' for i in range(150)))
    job = TWO % ('in.csv', SAME)
    box.file('night.yaml', job.replace('{id: integer}', '{id: integer}, max_rejects: 100%'))
    assert box.run('run', 'night.yaml').code == 3
    rejects = json.loads(box.run('rejects', 'night', '--json').out)['rejects']
    assert sorted((r['raw'], r['step']) for r in rejects) == sorted(
        (f'x{i}', step) for i in range(150) for step in ('load', 'send'))
    # what is mended is read by both steps, and so stands there once
    mended = box.run('rejects', 'night', '--format', 'csv').out
    assert mended == 'id\n' + ''.join(f'x{i}\n' for i in range(150))
    assert 'stint run' in ' '.join(commands(box)) and '--source mended.csv' in ' '.join(commands(box))


def test_a_mended_file_stands_for_the_source_of_both_steps(box):
    make(box, SAME)
    assert box.run('run', 'night.yaml').code == 3
    box.file('mended.csv', box.run('rejects', 'night', '--format', 'csv').out.replace('x', '7'))
    assert any(c.endswith('--again --source mended.csv') for c in commands(box))
    assert box.run('run', 'night.yaml', '--again', '--source', 'mended.csv').code == 0
    assert box.ask('SELECT step, done FROM step WHERE run_id = 2 ORDER BY number') == [
        ('load', 1), ('send', 1)]


def test_rejects_of_steps_with_other_sources_are_not_sent_to_source(box):
    make(box, OTHER)
    assert box.run('run', 'night.yaml').code == 3
    assert not any('--source' in c for c in commands(box)), commands(box)
    assert any(c.startswith('stint run ') and c.endswith(' --again') for c in commands(box))
    assert 'mend them in their files' in box.run('report', 'night').out
    box.file('mended.csv', 'id\n7\n')
    said = box.run('run', 'night.yaml', '--again', '--source', 'mended.csv')
    assert said.code == 64, said
    assert 'every step, and load and send read different files (in.csv, other.csv)' in said.err
    assert box.ask('SELECT count(*) FROM run') == [(1,)]


def test_a_source_that_a_later_step_could_not_take_is_refused_before_the_first_item(box):
    make(box, INBOX)
    box.file('mended.csv', 'id\n7\n')
    said = box.run('run', 'night.yaml', '--source', 'mended.csv')
    assert said.code == 78, said
    assert 'step send: --source names a file, and this job reads its inbox' in said.err, said
    assert not box.has_ledger() or box.ask('SELECT count(*) FROM run') == [(0,)]


def test_a_source_stands_for_that_of_a_later_step_where_only_that_reads_a_file(box):
    make(box, SAME)
    box.file('night.yaml', """job: night
steps:
  - {name: open, work: {exec: {command: [./act, open, it], input: none}}}
  - name: send
    source: {%s}
    work: {exec: {command: [./act, send, "${id}"], input: none}}
""" % SAME)
    box.file('mended.csv', 'id\n7\n8\n9\n')
    assert box.run('run', 'night.yaml', '--source', 'mended.csv').code == 0
    assert box.ask('SELECT step, done FROM step ORDER BY number') == [('open', 1), ('send', 3)]


def test_rejects_of_an_inbox_in_a_later_step_name_add(box):
    make(box, INBOX, records='1\n2\n')
    assert box.run('add', 'night', stdin=b'{"id": 5}\n{"id": "z"}\n').code == 0
    assert box.run('run', 'night.yaml').code == 3
    said = box.run('report', 'night').out
    assert 'stint add night mended.jsonl' in said and '--source' not in said, said
    assert 'stint add night mended.jsonl' in box.run('why', 'night').out


def test_rejects_of_a_file_beside_an_inbox_name_both(box):
    make(box, INBOX)
    assert box.run('add', 'night', stdin=b'{"id": 5}\n{"id": "z"}\n').code == 0
    assert box.run('run', 'night.yaml').code == 3
    said = box.run('report', 'night').out
    assert 'stint add night mended.jsonl' in said and '--source' not in said, said
    assert 'mend it in its file' in said
    said = box.run('rejects', 'night', '--format', 'csv')
    assert said.code == 1 and 'several kinds' in said.err and '--json' in said.err, said


def test_the_csv_of_a_report_ends_with_the_step(box):
    one(box)
    plain = 'run,run_id,number,key,state,person,attempts,error_class,error,fingerprint'
    assert box.run('report', '--format', 'csv').out.splitlines()[0] == plain
    make(box, TAKEN)
    box.file('dead-send-1')
    box.file('doubt-load-2')
    assert box.run('run', 'night.yaml').code == 3
    for args, names in ((['night'], {'load', 'send'}), (['--since', '1h'], {'load', 'send', ''})):
        said = box.run('report', *args, '--format', 'csv').out
        assert said.splitlines()[0] == plain + ',step'
        assert {row['step'] for row in csv.DictReader(io.StringIO(said))} == names
    assert box.run('report', 'bare', '--format', 'csv').out.splitlines()[0] == plain


def test_doubts_of_a_report_say_which_step_they_are_of(box):
    make(box, TAKEN, records='1\n2\n')
    box.file('doubt-send-1')
    assert box.run('run', 'night.yaml').code == 3
    doubts = json.loads(box.run('report', 'night', '--json').out)['doubts']
    assert [(d['key'], d['step']) for d in doubts] == [('1', 'send')]
    assert '1, step send, since' in box.run('report', 'night').out


def test_a_plain_job_has_none_to_show(box):
    one(box)
    assert json.loads(box.run('rejects', 'bare', '--json').out)['rejects'][0]['step'] is None
    assert json.loads(box.run('report', '--json').out)['doubts'][0]['step'] is None
    for verb in (['rejects', 'bare'], ['report', 'bare']):
        assert ' step' not in box.run(*verb).out.lower(), verb
