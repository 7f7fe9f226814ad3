# SPDX-License-Identifier: Apache-2.0
"""Secrets of http work: the server says back all that it is told, and none of it is kept, said or shown."""
import base64
import contextlib
import os
import re
import urllib.parse

import pytest
from lib import web_job
from lib.box import cast, descendants, kill, wait_until
from lib.certificates import Certificates
from lib.hostile import Hostile

CANARIES = {'a': 'Canary-Xk29vQ', 'b': 'Canary/Zt81+"\\=', 'c': 'Canary Pw55 &%ü'}
SECRETS = 'secrets: {a: env:SECRET_A, b: "file:secret", c: env:SECRET_C}'
AUTH = {'bearer': 'auth: {bearer: "${secret.a}"}',
        'basic': 'auth: {basic: {user: "stint", password: "${secret.b}"}}'}
PLACES = '''headers: {X-Token: "Token ${secret.a}", X-Other: "${secret.a}"}
keep: {told: /told, authorization: /authorization}
'''
WAYS = ['echo', 'echo:201', 'echo:400', 'echo:409', 'echo:422', 'echo:429', 'echo:500', 'echo:503',
        'echo-half', 'half-body', 'close-after-request', 'rubbish']
ALL_ALIKE = ['echo:401', 'echo:403', 'echo:407']
VERBS = [['status'], ['runs'], ['report'], ['report', '--by', 'error'], ['items', '--run', 'web'],
         ['rejects', 'web'], ['logs', 'web'], ['why', 'web'], ['check', 'web.yaml'], ['explain', 'web.yaml'],
         ['instances', '-v'], ['run', '-n', 'web.yaml'], ['ledger', 'info']]


@pytest.fixture(name='server')
def make_server(tmp_path):
    server = Hostile(Certificates(tmp_path / 'certificates'))
    yield server
    server.close()


@pytest.fixture(name='guarded')
def make_guarded(box):
    box.env['SECRET_A'], box.env['SECRET_C'] = CANARIES['a'], CANARIES['c']
    box.file('secret', CANARIES['b'] + '\n', mode=0o600)
    return box


def forms():
    """The canaries as they are, quoted for JSON and for URLs, and in base64 at each of its alignments."""
    found = set()
    for value in CANARIES.values():
        raw = value.encode()
        found |= {raw, value.encode('unicode_escape'), urllib.parse.quote(value).encode(),
                  urllib.parse.quote_plus(value).encode()}
        for before in (b'', b'x', b'xy', b'stint:'):
            # What is the same whatever stands before and after.
            encoded = base64.b64encode(before + raw)
            found.add(encoded[4 if len(before) else 0:-4])
    found |= {b'Canary'}
    return {form for form in found if len(form) > 5}


def hits(data, what):
    data = data if isinstance(data, bytes) else data.encode()
    return [(what, form) for form in forms() if form in data]


def hits_everywhere(box, names):
    found = []
    for folder, _, files in os.walk(box.path):
        for name in files:
            if name != 'secret':
                with open(os.path.join(folder, name), 'rb') as f:
                    found += hits(f.read(), name)
    verbs = VERBS + [[verb, f'web/{name}'] for verb in ('attempts', 'logs', 'why') for name in names]
    for verb in verbs:
        for form in ([], ['--json']):
            found += hits(box.run(*verb, *form).said, ' '.join(verb + form))
    return found


def write(box, server, ways, **more):
    """All secrets in all places that they may have in a request."""
    items = {re.sub('[:,]', '-', way): way for way in ways}
    given = {'top': SECRETS, 'http': PLACES + AUTH['bearer'], 'attempts': 2, 'work': 'max_dead: 100%', **more}
    names = web_job.write(box, server.url(path='') + '/${way}/${id}?key=${secret.c}', items, **given)
    body = 'json: {id: "${id}", password: "${secret.b}", both: "${secret.a}:${secret.c}"}'
    box.file('web.yaml', box.read('web.yaml').replace('json: {id: "${id}"}', body))
    return names


@pytest.mark.parametrize('way', ALL_ALIKE)
@pytest.mark.parametrize('auth', AUTH)
def test_what_a_server_says_when_it_refuses_is_not_said_again(guarded, server, auth, way):
    names = write(guarded, server, [way], http=PLACES + AUTH[auth])
    said = guarded.run(*web_job.RUN, '-v')
    assert said.code == 1, said
    assert server.received()
    assert not hits(said.said, 'run') + hits_everywhere(guarded, names)


@pytest.mark.parametrize('auth', AUTH)
@pytest.mark.parametrize('effect', ['once', 'idempotent'])
def test_what_a_server_says_back_is_not_said_again(guarded, server, auth, effect):
    box = guarded
    names = write(box, server, WAYS, effect=effect, http=PLACES + AUTH[auth])
    said = box.run(*web_job.RUN, '-v')
    assert said.code == 3, said
    assert {r.name for r in server.received()} == set(names)
    # They did get there: as they are, and for where they stood.
    told = server.received('echo')[0]
    assert told.header('X-Token') == 'Token ' + CANARIES['a']
    assert urllib.parse.parse_qs(urllib.parse.urlsplit(told.target).query) == {'key': [CANARIES['c']]}
    wanted = ('Bearer ' + CANARIES['a'] if auth == 'bearer' else
              'Basic ' + base64.b64encode(b'stint:' + CANARIES['b'].encode()).decode())
    assert told.header('Authorization') == wanted
    assert not hits(said.said, 'run') + hits_everywhere(box, names)


def test_no_secret_is_said_when_nothing_can_be_sent(guarded, server):
    box = guarded
    names = write(box, server, ['ok'])
    text = box.read('web.yaml')
    box.file('web.yaml', text.replace(str(server.ports['plain']), str(server.ports['refuse'])))
    said = box.run(*web_job.RUN, '-v')
    assert not hits(said.said, 'run') + hits_everywhere(box, names)


def test_nothing_is_left_behind_by_a_kill(guarded, server):
    box = guarded
    names = write(box, server, ['never', 'echo:500,never'], effect='once', timeout='60s')
    process = box.start(*web_job.RUN)
    wait_until(lambda: len(server.received()) >= 2)
    table = descendants(process.pid)
    assert cast(process.pid)['lane']
    for pid in [*table, process.pid]:
        with contextlib.suppress(OSError), open(f'/proc/{pid}/cmdline', 'rb') as f:
            assert not hits(f.read(), 'command line')
    for pid in [*table, process.pid]:
        kill(pid)
    process.wait()
    assert not hits_everywhere(box, names)


def test_a_secret_that_would_break_a_header_is_named_and_not_shown(guarded, server):
    box = guarded
    box.env['SECRET_A'] = CANARIES['a'] + '\r\nX-Injected: yes'
    names = write(box, server, ['ok'])
    said = box.run(*web_job.RUN, '-v')
    assert said.code in (1, 3, 78), said
    assert not [r for r in server.received() if r.header('X-Injected')]
    assert not hits(said.said, 'run') + hits_everywhere(box, names)


def test_the_oracle_sees_a_secret_that_is_written_down(guarded, server):
    """Negative control: the same value as a parameter of the job is stored, and is found."""
    box = guarded
    names = write(box, server, ['echo:422'])
    box.file('web.yaml', box.read('web.yaml').replace(
        SECRETS, 'secrets: {b: "file:secret", c: env:SECRET_C}\nparams: {a: {type: text, default: %s}}' %
        CANARIES['a']).replace('${secret.a}', '${param.a}'))
    web_job.run(box, 3)
    assert hits_everywhere(box, names)
