# SPDX-License-Identifier: Apache-2.0
"""Contents that mean harm (docs/faults.md 62, 66, 68): nothing in a record, a name or what a program
says is ever taken for a command, a placeholder or a terminal's control sequence."""
import json
import os
import pty
import subprocess
import threading

import pytest
from lib.account import assert_clean

# In every way that a shell, a printf, an option parser or a template might take it for its own.
VALUES = [
    '$(touch canary)', '`touch canary`', '; touch canary', '&& touch canary', '| touch canary',
    '> canary', '\ntouch canary\n', "'; touch canary; '", '"; touch canary; "', '\\"; touch canary',
    '-rf', '--help', '-', '--', '-exec touch canary ;', '%n%n%s%x%9999999d', '$STINT_KEY', '$0', '*',
    '~root', '!!', '\\', '{a,b}', '$${id}', '${id}', '${item.key}', '${secret.nobody}', '${',
    '../../etc/passwd', '/etc/passwd', '\x1b[2J', '\u202etxt.exe', 'a\tb', '\x7f', '\u2028',
    '() { :;}; touch canary', 'LD_PRELOAD=x', '\r\nX: y', '=cmd|x', '<script>']

RECORD = '''#!/usr/bin/python3
import json, os, sys
with open('seen.jsonl', 'a') as f:
    f.write(json.dumps({'argv': sys.argv[1:], 'stdin': sys.stdin.read(), 'key': os.environ['STINT_KEY'],
                        'env': os.environ.get('NOTE'),
                        'field': os.environ.get('STINT_FIELD_note')}) + '\\n')
with open('effects', 'a') as f:
    f.write(os.environ['STINT_KEY'] + '\\n')
'''


def csv_field(text):
    return '"' + text.replace('"', '""') + '"'


def seen(box):
    return [json.loads(line) for line in box.lines('seen.jsonl')]


def assert_no_canary(box):
    for folder, _, names in os.walk(box.path):
        assert 'canary' not in names, folder


@pytest.fixture(name='hostile')
def make_hostile(box):
    box.file('record', RECORD, mode=0o755)
    box.file('items.csv', 'id,note\n' + ''.join(
        f'{i},{csv_field(value)}\n' for i, value in enumerate(VALUES)))
    box.keys_all = [str(i) for i in range(len(VALUES))]
    return box


JOB = '''version: 1
job: hostile
source:
  csv: {path: items.csv}
  key: id
  fields: {id: integer, note: text}
work:
  exec:
%s
  effect: once
  concurrency: 4
'''


def test_every_place_of_a_template_gets_the_value_and_nothing_else(hostile):
    hostile.file('hostile.yaml', JOB % '''
    command: [./record, "${note}", "--note=${note}", "${note}${note}"]
    input: "<${note}>"
    env: {NOTE: "${note}"}''')
    said = hostile.run('run', 'hostile.yaml', '--no-progress')
    assert said.code == 0, said
    by_key = {record['key']: record for record in seen(hostile)}
    for key, value in enumerate(VALUES):
        record = by_key[str(key)]
        assert record['argv'] == [value, '--note=' + value, value + value]
        assert record['stdin'] == '<' + value + '>'
        assert record['env'] == value
    assert_no_canary(hostile)
    assert_clean(hostile, 'hostile', hostile.keys_all)


def test_json_on_standard_input_is_the_value(hostile):
    hostile.file('hostile.yaml', JOB % '    command: [./record]')
    said = hostile.run('run', 'hostile.yaml', '--no-progress')
    assert said.code == 0, said
    assert {int(r['key']): json.loads(r['stdin'])['note'] for r in seen(hostile)} == dict(enumerate(VALUES))
    assert_clean(hostile, 'hostile', hostile.keys_all)


def test_a_shell_gets_fields_as_environment_only(hostile):
    hostile.file('hostile.yaml', JOB % '''    shell: ./record "$STINT_FIELD_note" "$STINT_KEY"
    input: none''')
    said = hostile.run('run', 'hostile.yaml', '--no-progress')
    assert said.code == 0, said
    by_key = {int(record['key']): record for record in seen(hostile)}
    for key, value in enumerate(VALUES):
        assert by_key[key]['field'] == value
        assert by_key[key]['argv'] == [value, str(key)]
    assert_no_canary(hostile)
    assert_clean(hostile, 'hostile', hostile.keys_all)


def test_the_oracle_sees_a_value_that_reaches_a_shell(hostile):
    """Negative control: a program that hands its argument to a shell does make the canary."""
    hostile.file('items.csv', 'id,note\n1,$(touch canary)\n')
    hostile.file('hostile.yaml', JOB % '''    command: [sh, -c, "eval \\"$1\\"; exit 0", x, "${note}"]
    input: none''')
    said = hostile.run('run', 'hostile.yaml', '--no-progress')
    assert said.code == 0, said
    with pytest.raises(AssertionError):
        assert_no_canary(hostile)


@pytest.mark.parametrize('value', ['$(touch canary)', '-rf', '\x1b[2J', 'a,b=c#2', '\u202etxt', '%s%n'])
def test_a_parameter_is_a_value_too(box, value):
    box.file('record', RECORD, mode=0o755)
    box.file('hostile.yaml', '''version: 1
job: hostile
params: {note: {type: text, identity: true}}
work:
  exec: {command: [./record, "${param.note}", "${run.id}"], input: none}
''')
    said = box.run('run', 'hostile.yaml', '--no-progress', '--param', 'note=' + value)
    assert said.code == 0, said
    assert seen(box)[0]['argv'][0] == value
    assert '\x1b' not in said.said and '\u202e' not in said.said
    shown = box.run('runs')
    assert '\x1b' not in shown.said and '\u202e' not in shown.said
    assert_no_canary(box)


# ---- templates (66) --------------------------------------------------------------------------------------


def test_a_value_is_never_expanded_again(hostile):
    """Each value is `${…}` of another field: what stands in a record is no template."""
    hostile.file('items.csv', 'id,note\n1,${id}\n2,${note}\n3,${item.key}${item.key}\n')
    hostile.file('hostile.yaml', JOB % '    command: [./record, "${note}"]\n    input: "${note}"')
    said = hostile.run('run', 'hostile.yaml', '--no-progress')
    assert said.code == 0, said
    assert sorted(r['argv'][0] for r in seen(hostile)) == ['${id}', '${item.key}${item.key}', '${note}']
    assert_clean(hostile, 'hostile', ['1', '2', '3'])


def test_an_expansion_without_measure_costs_its_item_only(hostile):
    """A field of 2 MB a hundred times is 200 MB: no program takes that; the item is told so."""
    hostile.file('items.csv', 'id,note\n1,short\n2,' + 'x' * 2000000 + '\n3,short\n')
    many = '${note}' * 100
    hostile.file('hostile.yaml', JOB % f'    command: [./record]\n    input: "{many}"')
    said = hostile.run('run', 'hostile.yaml', '--no-progress')
    assert said.code == 3, said
    assert hostile.keys('dead') == ['2']
    account = assert_clean(hostile, 'hostile', ['1', '2', '3'])
    assert account.counts['done'] == 2
    assert 'input' in account.items['2']['error'] or 'long' in account.items['2']['error']


@pytest.mark.parametrize('wrong', ['${nobody}', '${item.nobody}', '${run.date:%s}', '${run.date:%n}',
                                   '${run.date:%9999999Y}', '${}', '${note', '${note:%d}', '${${note}}',
                                   '${param.x}', '${secret.x}', '${ note }', '${run.date-99999999999d}'])
def test_a_placeholder_that_means_nothing_is_refused_before_anything_starts(hostile, wrong):
    hostile.file('hostile.yaml', JOB % f"    command: [./record, '{wrong}']")
    for verb in ('check', 'run'):
        said = hostile.run(verb, 'hostile.yaml')
        assert said.code == 78, said
        assert 'hostile.yaml:9:25:' in said.err
    assert not seen(hostile)


# ---- names and words on a terminal (68) --------------------------------------------------------------------

# None of these does stint ever write itself; a bare line feed shows as a line that begins with FORGED.
CONTROLS = ['\x1b]0;owned\x07', '\x1b[2J', '\x9b31m', '\u202e', '\u2066', '\u200f', '\u061c', '\u2028', '\r',
            '\x08', '\x07', '\nFORGED']
HOSTILE_NAME = 'in' + ''.join(CONTROLS) + '.csv'
HOSTILE_WORD = 'x' + ''.join(CONTROLS)


def on_terminal(box, *args):
    """What `stint ARGS` shows where both its outputs are a terminal."""
    leader, follower = pty.openpty()
    shown = []

    def read():
        while True:
            try:
                data = os.read(leader, 65536)
            except OSError:
                return
            if not data:
                return
            shown.append(data)
    reader = threading.Thread(target=read)
    reader.start()
    env = {k: v for k, v in box.env.items() if k != 'NO_COLOR'}
    env['TERM'] = 'xterm-256color'
    done = subprocess.run(box.command(*args), cwd=box.path, env=env, timeout=60, stdin=subprocess.DEVNULL,
                          stdout=follower, stderr=follower, check=False)
    os.close(follower)
    reader.join(60)
    os.close(leader)
    assert done.returncode in (0, 1, 3, 64, 66, 78), (args, shown)
    return b''.join(shown).decode('utf-8', 'replace').replace('\r\n', '\n')


def assert_harmless(text, what):
    """No control sequence of ours to be seen, though the harmless rest of the name may be."""
    # The progress bar returns to the beginning of its line by itself, and `logs` keeps a program's lines.
    own = {'run': '\r', 'logs': '\nFORGED'}.get(what[0])
    for control in CONTROLS:
        if control == own:
            continue
        assert control not in text, (what, control, text)


@pytest.fixture(name='painted')
def make_painted(box):
    """A night in which everything that can be named from outside has a hostile name."""
    box.file('say', '#!/bin/sh\nprintf "%s\\n" "$1" >&2\nprintf "%s" "$1"\nexit 65\n', mode=0o755)
    box.file(HOSTILE_NAME, 'id,note,total\n'
             + csv_field('key' + HOSTILE_WORD) + ',' + csv_field(HOSTILE_WORD) + ',1\n'
             + 'kept,' + csv_field(HOSTILE_WORD) + ',' + csv_field('2' + HOSTILE_WORD) + '\n')
    box.file('painted.yaml', '''version: 1
job: painted
params: {region: {type: text, identity: true, default: eu}}
source:
  csv: {path: "in*.csv"}
  key: id
  fields: {id: text, note: text, total: integer}
work:
  exec: {command: [./say, "${note}"], input: none}
report: {person: note}
''')
    said = box.run('run', 'painted.yaml', '--no-progress', '--param', 'region=' + HOSTILE_WORD)
    assert said.code == 3, said
    assert_harmless(said.said, ['run'])
    return box


VERBS = [['status'], ['status', '-v'], ['runs'], ['runs', '--compare'], ['runs', 'painted'], ['items'],
         ['items', '-v'], ['attempts', '1:0'], ['attempts', '1:0', '-v'],
         ['logs', '1:0'], ['logs', 'painted'],
         ['rejects', 'painted'], ['rejects', 'painted', '-v'], ['report'], ['report', '--by', 'error'],
         ['report', '--by', 'person'], ['report', '--by', 'position'], ['report', '--by', 'instance'],
         ['report', '--since', 'yesterday'], ['why', 'painted'], ['why', '1'], ['why', '1:0'],
         ['instances', '-v'], ['explain', 'painted.yaml'], ['check', 'painted.yaml'],
         ['retry', '-n', '--run', 'painted'], ['skip', '-n', '--run', 'painted', '--why', HOSTILE_WORD],
         ['resolve', '-n', '--run', 'painted', '--done', '--why', HOSTILE_WORD],
         ['run', 'painted.yaml', '--param', 'region=' + HOSTILE_WORD],
         ['run', '-n', 'painted.yaml', '--param', 'region=' + HOSTILE_WORD],
         ['ledger', 'verify'], ['ledger', 'info']]


@pytest.mark.parametrize('where', ['terminal', 'file'])
def test_no_verb_shows_what_would_steer_a_terminal(painted, where):
    for verb in VERBS:
        if where == 'terminal':
            text = on_terminal(painted, *verb)
        else:
            text = painted.run(*verb).said
        assert text.strip(), verb
        assert_harmless(text, verb)
    # What is for programs keeps the value, as JSON escapes it.
    said = painted.run('items', '--json')
    assert_harmless(said.out, ['json'])
    assert any(item['key'] == 'key' + HOSTILE_WORD for item in json.loads(said.out)['items'])
    assert_clean(painted, 'painted', ['key' + HOSTILE_WORD], effects='nobody')


MISTAKES = [['run', HOSTILE_NAME + '.yaml'], ['check', HOSTILE_NAME + '.yaml'], ['check', 'wrong.yaml'],
            ['run', 'wrong.yaml'], ['why', HOSTILE_WORD], ['items', HOSTILE_WORD], ['status', HOSTILE_WORD],
            ['items', '--state', HOSTILE_WORD], ['run', 'painted.yaml', '--date', HOSTILE_WORD],
            ['run', 'painted.yaml', '--param', HOSTILE_WORD], ['run', 'painted.yaml', '--slot', HOSTILE_WORD],
            ['run', 'painted.yaml', '--again', '--source', HOSTILE_NAME + '.gone'], [HOSTILE_WORD],
            ['run', '--' + HOSTILE_WORD],
            ['help', HOSTILE_WORD], ['--ledger', 'sqlite:/nowhere/' + HOSTILE_WORD],
            ['status', '--ledger', 'sqlite:/nowhere/' + HOSTILE_WORD], ['status', '--config', HOSTILE_WORD],
            ['logs', 'painted/' + HOSTILE_WORD],
            ['rejects', HOSTILE_WORD], ['report', '--since', HOSTILE_WORD],
            ['check', 'name.yaml'], ['run', 'bad.yaml'], ['run', 'absent.yaml']]


@pytest.mark.parametrize('where', ['terminal', 'file'])
def test_no_complaint_repeats_what_would_steer_a_terminal(painted, where):
    text = painted.read('painted.yaml')
    quoted = json.dumps(HOSTILE_WORD)
    painted.file('wrong.yaml', text + f'{quoted}: 1\nretry: {{attempts: {quoted}}}\n')
    painted.file('name.yaml', text.replace('job: painted', f'job: {quoted}'))
    painted.file('bad.yaml', text.replace('job: painted', 'job: bad')
                   .replace('total: integer', 'gone: integer'))
    painted.file('absent.yaml', text.replace('job: painted', 'job: absent')
                 .replace('./say', json.dumps('./no' + HOSTILE_WORD)))
    for words in MISTAKES:
        if where == 'terminal':
            shown = on_terminal(painted, *words)
        else:
            shown = painted.run(*words).said
        assert shown.strip(), words
        assert_harmless(shown, words)
