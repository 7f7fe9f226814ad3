# SPDX-License-Identifier: Apache-2.0
"""Secrets (docs/faults.md 76): canaries that come by environment, file and credential, looked for in all
that stint keeps, says and shows."""
import json
import os
import re
import resource
import socket
import subprocess

import pytest
from lib.account import assert_clean
from lib.box import cast, children, descendants, kill, kill_family, wait_until

CANARIES = {'env': 'Canary-env-Xk29 q/+%=', 'file': 'Canary-file-Zt81"\\', 'credential': 'Canary-cred-Pw55'}

JOB = '''version: 1
job: secrets
secrets: {a: env:STINT_TEST_TOKEN, b: "file:token", c: credential:token}
source:
  csv: {path: items.csv}
  key: id
  fields: {id: integer}
  max_rejects: 5
work:
  exec:
    command: [./use, "${id}"]
    input: "${secret.a}\\n${secret.b}\\n${secret.c}\\n"
    env: {TOKEN_A: "${secret.a}", TOKEN_B: "x${secret.b}", TOKEN_C: "${secret.c}"}
    keep_output: 200
  effect: idempotent
  concurrency: 2
retry: {attempts: 2, first: 20ms, max: 50ms}
'''

# It has them from its environment and from its input alike; what it says of them is its own affair.
USE = '''#!/bin/sh
IFS= read -r a; IFS= read -r b; IFS= read -r c
[ "$a" = "$TOKEN_A" ] && [ "x$b" = "$TOKEN_B" ] && [ "$c" = "$TOKEN_C" ] || exit 70
ulimit -c >>cores
case $1 in
1) echo "$1" >>effects; echo "with $a and $b and $c"; exit 0 ;;
2) echo "cannot log on with $a" >&2; exit 65 ;;
3) echo "cannot log on with $b and $c" >&2; exit 1 ;;
4) kill -9 $$ ;;
5) while [ ! -e go ]; do sleep 0.05; done; echo "$1" >>effects; exit 0 ;;
6) printf '%s%0190d' "$a" 0; exit 65 ;;
7) printf '%s' "$a$a$b$b$c" >&2; exit 65 ;;
esac
'''


@pytest.fixture(name='guarded')
def make_guarded(box):
    box.env['STINT_TEST_TOKEN'] = CANARIES['env']
    box.env['CREDENTIALS_DIRECTORY'] = os.path.join(box.path, 'credentials')
    box.file('token', CANARIES['file'] + '\n', mode=0o600)
    box.file('credentials/token', CANARIES['credential'] + '\n', mode=0o600)
    box.file('use', USE, mode=0o755)
    box.file('items.csv', 'id\n' + ''.join(f'{i}\n' for i in range(1, 8)) + 'none\n')
    box.file('secrets.yaml', JOB)
    return box


def forms(text):
    """A canary's distinctive middle, which no way of quoting it changes."""
    return re.search(r'Canary-\w+-\w{4}', text).group()


def hits(box, data, what):
    text = data if isinstance(data, bytes) else data.encode()
    return [f'{what}: {name}' for name, value in CANARIES.items() if forms(value).encode() in text]


def hits_in_files(box):
    found = []
    for folder, _, names in os.walk(box.path):
        for name in names:
            path = os.path.join(folder, name)
            if name != 'token':
                with open(path, 'rb') as f:
                    found += hits(box, f.read(), path)
    return found + hits_in_database(box)


def hits_in_database(box):
    """A ledger in PostgreSQL, bytes as such."""
    found = []
    if not box.database:
        return found
    for (name,) in box.database.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'stint'"):
        text = '\n'.join(row for (row,) in box.database.rows(f'SELECT x::text AS row FROM {name} AS x'))
        raw = re.sub(r'\\\\?x((?:[0-9a-f]{2})+)', lambda m: bytes.fromhex(m[1]).decode('latin-1'), text)
        found += hits(box, text + raw, f'ledger.db: {name}')
    return found


def hits_in_command_lines(pids):
    found = []
    for pid in pids:
        try:
            with open(f'/proc/{pid}/cmdline', 'rb') as f:
                found += hits(None, f.read(), f'command line of {pid}')
        except OSError:
            continue
    return found


VERBS = [['status'], ['runs'], ['report'], ['report', '--by', 'error'], ['items', '--run', 'secrets'],
         ['rejects', 'secrets'], ['logs', 'secrets'], ['why', 'secrets'], ['why', 'secrets/2'],
         *(['attempts', f'secrets/{i}'] for i in range(1, 8)),
         *(['logs', f'secrets/{i}'] for i in range(1, 8)),
         ['check', 'secrets.yaml'], ['explain', 'secrets.yaml'], ['instances', '-v'],
         ['run', '-n', 'secrets.yaml'], ['run', 'secrets.yaml', '-v'],
         ['ledger', 'info'], ['ledger', 'verify']]


def test_no_secret_is_kept_said_or_shown(guarded):
    box = guarded
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    process = box.start('run', 'secrets.yaml', '-v', preexec_fn=lambda: resource.setrlimit(
        resource.RLIMIT_CORE, (hard, hard)))
    # Six have begun, one after another or beside the fifth, which is still there.
    wait_until(lambda: len(box.lines('cores')) >= 6 and cast(process.pid)['child'], limit_s=60)
    assert not hits_in_command_lines(descendants(process.pid) + [process.pid])
    # What has secrets in its memory leaves no core; the programs keep the limit that they would have had.
    lanes = [p for p in cast(process.pid)['lane'] if children(p)]
    assert lanes
    for lane in lanes:
        with open(f'/proc/{lane}/limits', encoding='utf-8') as f:
            assert re.search(r'Max core file size +[01] ', f.read())
    box.file('go')
    assert process.wait(120) == 3, box.process_said(process)
    assert set(box.lines('cores')) == {'unlimited' if hard == resource.RLIM_INFINITY else str(hard // 512)}
    assert soft <= hard or hard == resource.RLIM_INFINITY
    found = hits_in_files(box)
    for verb in VERBS:
        for form in ([], ['--json']):
            said = box.run(*verb, *form)
            found += hits(box, said.said, ' '.join(verb + form))
    assert not found
    # Said instead: what was hidden is seen to be hidden.
    logs = box.run('logs', 'secrets/7').out
    assert '***' in logs
    account = assert_clean(box, 'secrets', [str(i) for i in range(1, 8)])
    assert account.counts['done'] == 2 and account.counts['dead'] == 5 and account.counts['rejected'] == 1


def leave_no_core(pids):
    for pid in pids:
        try:
            with open(f'/proc/{pid}/limits', encoding='utf-8') as f:
                if not re.search(r'Max core file size +[01] ', f.read()):
                    return False
        except OSError:
            return False  # it has just ended; there will be others
    return pids != []


QUIET_LANES = {
    'http': """
  csv: {path: items.csv}
  key: id
  fields: {id: integer}
work:
  http: {url: "http://127.0.0.1:%d/", method: POST, body: "${secret.a}"}
  timeout: 10m
""",
    'a reader': """
  stdin: {format: csv}
  key: id
  fields: {id: integer}
work: {noop: {}}
""",
}


@pytest.mark.parametrize('kind', QUIET_LANES)
def test_no_lane_leaves_a_core(box, kind):
    """Also one that starts no program: whatever it has been given is in its memory."""
    with socket.create_server(('127.0.0.1', 0)) as server:  # takes connections, and answers none
        box.env['STINT_TEST_TOKEN'] = CANARIES['env']
        box.file('items.csv', 'id\n1\n2\n')
        job = QUIET_LANES[kind].replace('%d', str(server.getsockname()[1]))
        box.file('quiet.yaml', 'version: 1\njob: quiet\nsecrets: {a: env:STINT_TEST_TOKEN}\nsource:' + job)
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        run = subprocess.Popen(
            box.command('run', 'quiet.yaml', '-q'), cwd=box.path, env=box.env, stdin=subprocess.PIPE,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (hard, hard)))
        # One that was only just made may still be as it was given.
        wait_until(lambda: run.poll() is not None or leave_no_core(cast(run.pid)['lane']))
        ended = run.poll()
        kill_family(run)
        run.stdin.close()
        assert ended is None


def test_the_oracle_sees_a_secret_that_is_written_down(guarded):
    """Negative control: the same value as a parameter of the job is stored, and is found."""
    given = json.dumps({'a': {'type': 'text', 'default': CANARIES['env']}})
    text = JOB.replace('secrets: {a: env:STINT_TEST_TOKEN, ', f'params: {given}\nsecrets: {{').replace(
        '${secret.a}', '${param.a}')
    guarded.file('secrets.yaml', text)
    guarded.file('go')
    said = guarded.run('run', 'secrets.yaml', '--no-progress')
    assert said.code == 3, said
    assert any('ledger.db' in hit for hit in hits_in_files(guarded))


def test_nothing_is_left_behind_by_a_kill(guarded):
    process = guarded.start('run', 'secrets.yaml')
    wait_until(lambda: len(guarded.lines('cores')) >= 6, limit_s=60)
    for pid in descendants(process.pid) + [process.pid]:
        kill(pid)
    process.wait()
    assert not hits_in_files(guarded)
    guarded.file('go')
    said = guarded.run('run', 'secrets.yaml', '--no-progress')
    assert said.code == 3, said
    assert not hits(guarded, said.said, 'run') + hits_in_files(guarded)
    guarded.verify()


@pytest.mark.parametrize('how', ['not set', 'no file', 'a folder', 'too long', 'a NUL', 'no credentials',
                                 'a line end'])
def test_a_secret_that_cannot_be_used_is_named_and_not_shown(guarded, how):
    path = os.path.join(guarded.path, 'token')
    if how == 'not set':
        del guarded.env['STINT_TEST_TOKEN']
    elif how == 'no credentials':
        del guarded.env['CREDENTIALS_DIRECTORY']
    elif how in ('no file', 'a folder'):
        os.unlink(path)
        if how == 'a folder':
            os.mkdir(path)
    else:
        content = {'too long': CANARIES['file'] * 10000, 'a NUL': CANARIES['file'] + '\0x',
                   'a line end': 'x\n' + CANARIES['file'] + '\n\n'}[how]
        guarded.file('token', content)
    guarded.file('go')
    guarded.file('secrets.yaml', JOB + 'breaker: {open_for: 50ms, open_max: 100ms, give_up_after: 300ms}\n')
    said = guarded.run('run', 'secrets.yaml', '--no-progress')
    found = hits(guarded, said.said, 'run') + hits_in_files(guarded)
    for verb in VERBS:
        found += hits(guarded, guarded.run(*verb, '--json').said, ' '.join(verb))
    assert not found
    if how != 'a line end':
        assert said.code in ((78,) if how == 'not set' else (1, 3, 78)), said
        assert re.search(r"\b[abc]\b", said.said) and 'secret' in said.said or how == 'a NUL', said
