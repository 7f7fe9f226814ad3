# SPDX-License-Identifier: Apache-2.0
"""Which files count, how their records are told apart, and what becomes of them: the keys of file sources."""
import contextlib
import json
import os
import subprocess
import time

import pytest

JOB = '''version: 1
job: files
source:
  %s
  key: id
  fields: {id: text, name: text}
%s
work:
  exec: {command: [./note, "${id}", "${name}"], input: none}
  effect: idempotent
'''
NOTE = '#!/bin/sh\necho "$1=$2" >>noted\n'


def write(box, source, more=''):
    box.file('note', NOTE, mode=0o755)
    box.file('files.yaml', JOB % (source, more))


def run(box, code, *args, **more):
    said = box.run('run', 'files.yaml', '--no-progress', *args, **more)
    assert said.code == code, said
    return said


def noted(box):
    return sorted(box.lines('noted'))


def rejects(box):
    return json.loads(box.run('rejects', 'files', '--json').out)['rejects']


# ---- how records are told apart ----------------------------------------------------------------------

ODD = b"made by X\non Monday\n'7';'M;ller'\n8;'It''s \xfc'\n"
ODD_KEYS = '''header: false, delimiter: ";", quote: "'", encoding: latin1, skip_first: 2'''


def test_a_file_of_another_sort_is_read_as_it_is_said_to_be(box):
    """No header, its own delimiter and quote, an encoding, and lines that are no records."""
    box.file('in.csv', ODD)
    write(box, f'csv: {{path: in.csv, {ODD_KEYS}}}')
    run(box, 0)
    assert noted(box) == ['7=M;ller', "8=It's ü"]


def test_so_is_standard_input(box):
    write(box, f'''stdin: {{format: csv, {ODD_KEYS},
          trailer: {{when: "^T;", columns: {{count: 2}}}}}}''', 'control: {count: "${trailer.count}"}')
    run(box, 0, stdin=ODD + b'T;2\n')
    assert noted(box) == ['7=M;ller', "8=It's ü"]
    said = run(box, 1, '--again', stdin=ODD)
    assert 'cut off' in said.err and 'no trailer' in said.err, said
    said = run(box, 1, '--again', stdin=ODD + b'T;3\n')
    assert 'the control count of standard input is 3, but 2 records were read' in said.err, said
    assert len(noted(box)) == 2


def test_without_quotes_a_quote_is_a_character(box):
    box.file('in.csv', 'id,name\n7,5" pipe\n8,"x\n')
    write(box, 'csv: {path: in.csv, quote: ""}')
    run(box, 0)
    assert noted(box) == ['7=5" pipe', '8="x']


def test_without_a_header_a_file_that_gained_a_column_is_noticed(box):
    box.file('in.csv', '7,Ann\n8,Bob,new\n')
    write(box, 'csv: {path: in.csv, header: false}')
    run(box, 3)
    assert noted(box) == ['7=Ann']
    [reject] = rejects(box)
    assert reject['line'] == 2 and reject['reason'] == 'has 3 columns, the declared fields are 2', reject


def test_lines_with_columns_at_fixed_places_have_a_trailer_too(box):
    fixed = '''fixed: {path: in.txt, columns: {id: [1, 3], name: [4, 5]},
          trailer: {when: "^99", columns: {count: [3, 4]}}}'''
    box.file('in.txt', '007Ann  \n008Bob\n990002\n')
    write(box, fixed, 'control: {count: "${trailer.count}"}')
    run(box, 0)
    assert noted(box) == ['007=Ann', '008=Bob']
    box.file('in.txt', '007Ann  \n008Bob\n')
    said = run(box, 1, '--again')
    assert 'in.txt is cut off: it has no trailer' in said.err, said
    box.file('in.txt', '007Ann\n990002\n')
    said = run(box, 1, '--again')
    assert 'the control count of in.txt is 2, but 1 record was read' in said.err, said
    assert len(noted(box)) == 2


@pytest.mark.parametrize('over, code', [('read', 0), ('loaded', 1)])
def test_totals_are_over_what_was_read_or_what_was_loaded(box, over, code):
    box.file('in.csv', 'id,name\n7,Ann\n8\n')
    write(box, 'csv: {path: in.csv}', f'control: {{count: "2", over: {over}}}')
    said = run(box, 3 if code == 0 else code)
    assert noted(box) == (['7=Ann'] if code == 0 else [])
    assert code == 0 or 'is 2, but 1 record was loaded' in said.err, said


def test_a_chunk_has_at_most_so_many_bytes(box):
    box.file('in.csv', 'id,name\n' + ''.join(f'{i},{"x" * 400}\n' for i in range(20)))
    write(box, 'csv: {path: in.csv}', 'chunk: {bytes: 1K}')
    run(box, 0)
    assert len(noted(box)) == 20
    assert box.ask('select max(n), count(*) from chunk') == [(2, 10)]


# ---- which files count -------------------------------------------------------------------------------


def test_younger_files_are_left_out(box):
    for i, age_s in enumerate((0, 86400 - 600, 86400 + 600)):
        path = box.file(f'{i}.csv', f'id,name\n{i},x\n')
        os.utime(path, (time.time() - age_s,) * 2)
    write(box, 'csv: {path: "*.csv", older_than: 1d}')
    run(box, 0)
    assert noted(box) == ['2=x']
    os.remove(os.path.join(box.path, '2.csv'))
    said = run(box, 0, '--again')  # there are files, and all of them are too young
    assert noted(box) == ['2=x'] and 'nothing to do' in said.out, said


@contextlib.contextmanager
def growing(box, name):
    """The file, with a line more whenever one looks."""
    path = box.file(name, 'id,name\n')
    shell = f'while echo $((n += 1)),x >>"{path}"; do sleep 0.05; done'
    with subprocess.Popen(['/bin/sh', '-c', shell]) as writer:
        try:
            yield
        finally:
            writer.kill()


def test_a_file_that_is_still_being_written_does_not_count(box):
    with growing(box, 'in.csv'):
        write(box, 'csv: {path: in.csv, stable_for: 4s, wait_for: 1ms}')
        said = run(box, 1)
    assert 'in.csv is still being written: within 1ms it never stayed the same for 4s' in said.err, said
    assert not noted(box)
    write(box, 'csv: {path: in.csv, stable_for: 100ms}')
    run(box, 0)
    assert len(noted(box)) == len(box.lines('in.csv')) - 1


def test_content_that_an_earlier_run_had_is_refused(box):
    box.file('monday.csv', 'id,name\n7,Ann\n')
    box.file('tuesday.csv', 'id,name\n7,Ann\n')
    write(box, 'csv: {path: monday.csv}')  # allowed, unless one says so
    run(box, 0)
    run(box, 0, '--again')
    write(box, 'csv: {path: monday.csv, same_content: refuse}')
    run(box, 0, '--again')  # those did not ask for it, and what they had was not looked at
    said = run(box, 1, '--again', '--source', 'tuesday.csv')
    assert 'tuesday.csv has the same content as a file of files@' in said.err, said
    assert len(noted(box)) == 3


@pytest.mark.parametrize('then, left', [
    ('keep', ['in.csv']), ('delete', []), ('"move:done"', ['done/in.csv'])])
def test_what_becomes_of_a_file_whose_items_are_all_settled(box, then, left):
    box.file('in.csv', 'id,name\n7,Ann\n')
    write(box, f'csv: {{path: in.csv, then: {then}}}')
    run(box, 0)
    assert noted(box) == ['7=Ann']
    there = [name for name in ('in.csv', 'done/in.csv') if os.path.exists(os.path.join(box.path, name))]
    assert there == left


def test_what_keeps_coming_is_for_a_later_version(box):
    box.file('in.csv', 'id,name\n7,Ann\n')
    write(box, 'csv: {path: in.csv}', '  intake: snapshot')
    run(box, 0)
    for intake in ('live', '{live_for: 2h}'):
        write(box, 'csv: {path: in.csv}', f'  intake: {intake}')
        said = run(box, 78, '--again')
        assert 'files.yaml:7:' in said.err and 'not available in this version' in said.err, said
