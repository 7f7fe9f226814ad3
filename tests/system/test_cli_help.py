# SPDX-License-Identifier: Apache-2.0
"""Help, version, typing errors; and that manuals and completions say what the program says."""
import json
import os
import re
import shutil
import subprocess

import pytest
from lib.box import STINT, TOP

LATER = ['rehearse', 'next', 'backfill', 'serve', 'pause', 'resume', 'ack', 'archive',
         'monitor']
HERE = ['init', 'check', 'explain', 'schema', 'drill', 'run', 'work', 'status', 'why', 'runs', 'report',
        'forecast', 'items', 'attempts', 'logs', 'rejects', 'retry', 'resolve', 'skip', 'stop',
        'abandon', 'add', 'instances', 'generate', 'ledger', 'version', 'help']


def call(*args):
    done = subprocess.run([STINT, *args], capture_output=True, text=True, check=False,
                          env={'PATH': '/usr/bin:/bin', 'HOME': '/nonexistent'})
    return done.returncode, done.stdout, done.stderr


def test_all_verbs_are_there():
    code, out, _ = call('help')
    assert code == 0 and call('--help') == call('-h') == (0, out, '')
    for verb in HERE:
        assert re.search(rf'^  {verb}\b', out, re.M), verb
    for verb in LATER:
        assert verb in out[out.index('not in this version'):]


@pytest.mark.parametrize('verb', HERE)
def test_help_of_each(verb):
    code, out, _ = call('help', verb)
    assert code == 0 and out.startswith(f'stint {verb}') and '--ledger URL' in out
    assert call(verb, '--help')[1] == call(verb, '-h')[1]
    assert max(len(line) for line in out.split('\n')) <= 100
    for example in re.findall(r'^  (stint \S+)', out, re.M):
        assert example.split()[1] in HERE


@pytest.mark.parametrize('verb', LATER)
def test_verbs_of_later_versions(verb):
    code, out, err = call(verb, '--any', 'thing')
    assert (code, out, err) == (64, '', f'stint: {verb}: not available in this version\n')
    assert 'not available in this version' in call('help', verb)[1]


@pytest.mark.parametrize('args, word', [
    ([], 'a verb is missing'), (['rnu'], "did you mean 'run'"), (['quite-another-thing'], '`stint help`'),
    (['run', '--onec'], '`stint help run`'), (['--onec', 'run'], 'before the verb'), (['-Z'], "'-Z'"),
    (['runs', '--date', 'x'], '--date'), (['help', 'retry.atempts'], 'did you mean'),
    (['version', 'x'], 'too many'),
])
def test_typing_errors(args, word):
    code, out, err = call(*args)
    assert code == 64 and out == '' and word in err and err.startswith('stint: '), err


def test_keys_of_job_files():
    code, out, _ = call('help', 'retry.attempts')
    assert code == 0 and 'retry.attempts' in out or 'attempts' in out
    assert 'key of job files' in call('help', 'retry')[1]
    assert call('help', 'within_run')[0] == 0


def test_help_as_json():
    doc = json.loads(call('help', '--json')[1])
    assert doc['schema'] == 'stint.help.1'
    assert [v['name'] for v in doc['verbs'] if v['available']] == HERE
    assert [v['name'] for v in doc['verbs'] if not v['available']] == LATER


def test_version():
    code, out, _ = call('--version')
    assert code == 0 and re.fullmatch(r'stint \d+\.\d+\.\d+\n', out)
    assert call('run', '--version')[1] == out
    long = call('version')[1]
    assert long.startswith(out) and 'sqlite 3.' in long and 'libuv' in long
    doc = json.loads(call('version', '--json')[1])
    assert doc['schema'] == 'stint.version.1' and out == f'stint {doc["version"]}\n'
    assert {'sqlite', 'libcurl', 'lua', 'libpq', 'expat'} <= set(doc['libraries'])


def test_a_result_that_cannot_be_written_is_an_error():
    with open('/dev/full', 'wb') as full:
        done = subprocess.run([STINT, 'help'], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 74 and b'space' in done.stderr


def test_closed_descriptors_are_no_trouble(box):
    box.file('j.yaml', 'version: 1\njob: j\nwork: {exec: {shell: "true"}}\n')
    command = ' '.join(box.command('run', 'j.yaml', '--no-progress'))
    done = subprocess.run(['/bin/sh', '-c', f'{command} <&- >&- 2>&-'], cwd=box.path, env=box.env,
                          check=False)
    assert done.returncode == 0
    box.verify()


# ---- manuals and completions -----------------------------------------------------------------------


def test_generated_files_are_what_the_program_says(tmp_path):
    env = dict(os.environ, STINT=STINT)
    subprocess.run([os.path.join(TOP, 'man', 'update'), str(tmp_path)], env=env, check=True)
    for folder in ('man', 'completions', 'docs'):
        for name in os.listdir(tmp_path / folder):
            made = (tmp_path / folder / name).read_text(encoding='utf-8')
            with open(os.path.join(TOP, folder, name), encoding='utf-8') as f:
                assert f.read() == made, f'{folder}/{name}: run man/update'
    pages = {n for n in os.listdir(os.path.join(TOP, 'man')) if n.endswith('.1')}
    assert pages == {'stint.1', *(f'stint-{verb}.1' for verb in HERE)}


@pytest.mark.skipif(shutil.which('groff') is None, reason='groff is not installed')
@pytest.mark.parametrize('page', ['stint', 'stint-run', 'stint-resolve'])
def test_manuals_can_be_read(page):
    path = os.path.join(TOP, 'man', f'{page}.1')
    done = subprocess.run(['groff', '-mdoc', '-Tutf8', '-ww', '-P-cbou', path], capture_output=True,
                          text=True, check=True)
    assert done.stderr == '' and 'DESCRIPTION' in done.stdout and 'OPTIONS' not in done.stderr
    assert '--ledger' in done.stdout.replace('−', '-').replace('‐', '-')


def complete(line):
    """What bash offers at the end of the line."""
    script = f'''source {TOP}/completions/stint.bash
        COMP_WORDS=({line}); [ "${{line_end:-}}" ] && COMP_WORDS+=("")
        COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _stint; printf '%s\\n' "${{COMPREPLY[@]}}"'''
    env = {'PATH': '/usr/bin:/bin', 'line_end': '1' if line.endswith(' ') else ''}
    done = subprocess.run(['bash', '-c', script], capture_output=True, text=True, check=True, env=env)
    return done.stdout.split()


def test_completions_of_bash():
    assert complete('stint re') == ['report', 'rejects', 'retry', 'resolve']
    assert complete('stint items --sta') == ['--state']
    assert complete('stint items --state d') == ['done', 'dead']
    assert complete('stint --ledger x ledger v') == ['verify']
    assert '--ignore-window' in complete('stint run --i')


@pytest.mark.skipif(shutil.which('zsh') is None, reason='zsh is not installed')
def test_completions_of_zsh_are_a_program():
    subprocess.run(['zsh', '-n', os.path.join(TOP, 'completions', '_stint')], check=True)


@pytest.mark.skipif(shutil.which('fish') is None, reason='fish is not installed')
def test_completions_of_fish_are_a_program():
    subprocess.run(['fish', '-n', os.path.join(TOP, 'completions', 'stint.fish')], check=True)
