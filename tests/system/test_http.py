# SPDX-License-Identifier: Apache-2.0
"""HTTP work: what is sent, what is kept of the answer, redirects, and that a request stays what it was."""
import base64
import json
import time

import pytest
from lib import web_job
from lib.hostile import Hostile


@pytest.fixture(name='server', scope='module')
def make_server():
    server = Hostile()
    yield server
    server.close()


def to(text):
    return base64.urlsafe_b64encode(text.encode()).decode()


# ---- what is sent ------------------------------------------------------------------------------------


JOB = '''job: sent
params: {{n: {{type: integer, default: 7}}}}
source:
  jsonl: {{path: in.jsonl}}
  key: id
  fields: {{id: text, total: decimal, flag: boolean, any: "json?", note: "text?"}}
work:
  http:
    url: "{url}/ok/${{id}}?q=${{note}}"
    {body}
  effect: once
'''


def sent(box, server, body, record):
    """The one request for a record."""
    box.file('in.jsonl', json.dumps(record) + '\n')
    box.file('job.yaml', JOB.format(url=server.url(path=''), body=body))
    said = box.run('run', 'job.yaml')
    assert said.code == 0, said
    box.verify()
    server.settle()
    found = [r for r in server.received() if r.path.endswith('/' + record['id'])]
    assert len(found) == 1
    return found[0]


def test_json_keeps_types_and_digits(box, server):
    record = {'id': 'types', 'total': '12345678901234567890.10', 'flag': True, 'any': {'a': [1, None]},
              'note': None}
    body = ('json: {t: "${total}", f: "${flag}", a: "${any}", none: "${note}", p: "${param.n}", '
            'text: "${total} EUR", list: [1.50, true, null, "x", {deep: "${id}"}]}')
    text = json.dumps(record).replace('"12345678901234567890.10"', '12345678901234567890.10')
    box.file('in.jsonl', text + '\n')
    box.file('job.yaml', JOB.format(url=server.url(path=''), body=body).replace('?q=${note}', ''))
    said = box.run('run', 'job.yaml')
    assert said.code == 0, said
    server.settle()
    request = [r for r in server.received() if r.path.endswith('/types')][0]
    assert request.body == (
        b'{"t":12345678901234567890.10,"f":true,"a":{"a":[1,null]},"none":null,"p":7,'
        b'"text":"12345678901234567890.10 EUR","list":[1.50,true,null,"x",{"deep":"types"}]}')
    assert request.header('content-type') == 'application/json'


def test_a_multipart_form_has_a_part_for_each_field(box, server):
    record = {'id': 'parts', 'total': '1', 'flag': False, 'note': 'a\r\nb--"x"'}
    request = sent(box, server, 'multipart: {"fi\\"rst": "${note}", second: "${total}"}', record)
    kind, boundary = request.header('content-type').split('; boundary=')
    assert kind == 'multipart/form-data'
    parts = request.body.split(b'--' + boundary.encode())
    assert parts[0] == b'' and parts[-1] == b'--\r\n'
    assert parts[1:-1] == [
        b'\r\nContent-Disposition: form-data; name="fi%22rst"\r\n\r\na\r\nb--"x"\r\n',
        b'\r\nContent-Disposition: form-data; name="second"\r\n\r\n1\r\n']


def test_a_form_is_urlencoded(box, server):
    record = {'id': 'form', 'total': '1', 'flag': False, 'note': 'a=1&b=ü +'}
    request = sent(box, server, 'form: {"the note": "${note}", t: "${total}"}', record)
    assert request.body == b'the+note=a%3D1%26b%3D%C3%BC+%2B&t=1'
    assert request.target.endswith('/form?q=a%3D1%26b%3D%C3%BC%20%2B')


def test_a_value_leads_nowhere_else(box, server):
    for name in ('..', '.', ''):
        box.file('in.jsonl', json.dumps({'id': name, 'total': 1, 'flag': True}) + '\n')
        job = JOB.format(url=server.url(path=''), body='json: {}')
        box.file('job.yaml', job.replace('?q=${note}', '/end'))
        said = box.run('run', 'job.yaml', '--again')
        assert said.code == 3, said
    server.settle()
    assert not [r for r in server.received() if r.path.endswith('/end')]


# ---- what is kept ---------------------------------------------------------------------------------------


def test_what_is_kept_of_an_answer_is_shown(box, server):
    items = {'a': 'says:200:' + to('{"m":{"id":1.10},"t":"x"}'), 'b': 'says:200:' + to('no json'),
             'c': 'says:404:' + to('{"m":1}')}
    web_job.write(box, server.url(path=''), items, http='keep: {message: /m/id, all: "", none: /no}')
    web_job.run(box, 3)
    found = web_job.by_key(box)
    assert found['a']['keep'] == {'message': 1.10, 'all': {'m': {'id': 1.10}, 't': 'x'}, 'none': None}
    assert web_job.attempts(box, 'a')[0]['keep'] == found['a']['keep']
    assert found['b']['state'] == 'done' and found['b']['keep'] is None
    assert found['c']['state'] == 'dead' and found['c']['keep'] is None


def test_what_a_stream_worker_keeps_is_shown(box):
    box.file('worker.py', 'import json, sys\n'
                          'for line in sys.stdin:\n'
                          '    item = json.loads(line)\n'
                          '    keep = {"k": item["key"], "n": 1}\n'
                          '    answer = {"id": item["id"], "outcome": "done", "keep": keep}\n'
                          '    print(json.dumps(answer), flush=True)\n')
    box.file('items.csv', 'id\na\nb\n')
    box.file('web.yaml', 'job: web\nsource: {csv: {path: items.csv}, key: id, fields: {id: text}}\n'
                         'work: {exec: {command: [/usr/bin/python3, worker.py], mode: stream, workers: 1}}\n')
    web_job.run(box, 0)
    assert {k: v['keep'] for k, v in web_job.by_key(box).items()} == {
        'a': {'k': 'a', 'n': 1}, 'b': {'k': 'b', 'n': 1}}


@pytest.mark.parametrize('more, state', [('', 'done'), ('keep: {m: /m}', 'in_doubt')])
def test_an_answer_that_is_too_long_is_done_unless_something_of_it_is_wanted(box, server, more, state):
    web_job.write(box, server.url(path=''), {'a': 'status:200:' + 'x' * 5000}, effect='once',
                  http='max_answer: 1K\n' + more)
    web_job.run(box, 0 if state == 'done' else 3)
    assert web_job.states(box) == {'a': state}


# ---- the same request -------------------------------------------------------------------------------------


def test_a_request_that_would_be_another_is_not_sent_under_the_same_key(box, server):
    box.file('secret', 'first')
    web_job.write(box, server.url(path=''), {'changed': 'status:503,ok'}, top='secrets: {s: "file:secret"}',
                  http='headers: {X-Secret: "${secret.s}"}', attempts=3)
    job = box.read('web.yaml').replace('json: {id: "${id}"}', 'json: {id: "${id}", s: "${secret.s}"}')
    job = job.replace('first: 20ms, factor: 1, max: 50ms', 'first: 1s, jitter: none, within_run: 0s')
    box.file('web.yaml', job)
    web_job.run(box, 75)
    box.file('secret', 'second')
    deadline = time.monotonic() + 120
    while web_job.states(box)['changed'] == 'retry' and time.monotonic() < deadline:
        box.run(*web_job.RUN)
    found = web_job.by_key(box)['changed']
    assert (found['state'], found['error_class']) == ('dead', 'request-changed'), found
    assert len(server.received('changed')) == 1
    # A person may say that it shall be what it is now.
    box.run('retry', 'web/changed', '--yes', '--now')
    assert web_job.states(box)['changed'] == 'done'
    first, second = server.received('changed')
    assert first.key == second.key and first.body != second.body
    box.verify()


def test_a_secret_in_a_header_may_be_renewed(box, server):
    box.file('secret', 'first')
    web_job.write(box, server.url(path=''), {'renewed': 'status:503,ok'}, top='secrets: {s: "file:secret"}',
                  http='headers: {X-Secret: "${secret.s}"}\nauth: {bearer: "file:secret"}', attempts=3)
    job = box.read('web.yaml').replace('first: 20ms, factor: 1, max: 50ms',
                                       'first: 1s, jitter: none, within_run: 0s')
    box.file('web.yaml', job)
    web_job.run(box, 75)
    box.file('secret', 'second')
    deadline = time.monotonic() + 120
    while web_job.states(box)['renewed'] == 'retry' and time.monotonic() < deadline:
        box.run(*web_job.RUN)
    assert web_job.states(box)['renewed'] == 'done'
    first, second = server.received('renewed')
    assert (first.body, first.key) == (second.body, second.key)
    assert second.header('x-secret') == 'second'
    assert second.header('authorization') == 'Bearer second'


def test_what_changes_between_attempts_may_not_stand_in_a_request(box):
    web_job.write(box, 'http://127.0.0.1:1', {'a': 'ok'}, http='headers: {X-Attempt: "${item.attempt}"}')
    said = box.run('check', 'web.yaml')
    assert said.code == 78
    assert 'may not stand in a request' in said.err


# ---- redirects --------------------------------------------------------------------------------------------


def test_redirects_are_not_followed_unless_the_job_says_so(box, server):
    target = to(server.url(path='/ok/never'))
    web_job.write(box, server.url(path=''), {'r': f'redirect:307:{target}'}, effect='once')
    web_job.run(box, 3)
    assert web_job.states(box) == {'r': 'in_doubt'}
    assert not server.received('never')


def test_only_what_means_elsewhere_is_followed(box, server):
    items = {f'f{code}': f'redirect:{code}:' + to(server.url(path=f'/ok/target{code}'))
             for code in (301, 302, 303, 307, 308)}
    web_job.write(box, server.url(path=''), items, effect='once', http='follow: true\nauth: {bearer: t0ken}')
    web_job.run(box, 3)
    assert web_job.states(box) == {'f301': 'in_doubt', 'f302': 'in_doubt', 'f303': 'in_doubt',
                                   'f307': 'done', 'f308': 'done'}
    for code in (301, 302, 303):
        assert not server.received(f'target{code}')
    for code in (307, 308):
        request, = server.received(f'target{code}')
        first, = server.received(f'f{code}')
        assert (request.method, request.body, request.key) == ('POST', first.body, first.key)
        assert request.header('authorization') == 'Bearer t0ken'


def test_another_host_learns_no_secret_and_is_looked_at(box, server):
    elsewhere = f'http://localhost:{server.ports["plain"]}/ok/other'
    items = {'o': f'redirect:307:{to(elsewhere)}'}
    more = 'follow: true\nauth: {bearer: t0ken}\nheaders: {X-Api: "${secret.s}", X-Plain: p, Cookie: c}'
    web_job.write(box, server.url(path=''), items, effect='once', top='secrets: {s: "file:s"}', http=more)
    box.file('s', 'hidden')
    web_job.run(box, 3)
    assert web_job.states(box) == {'o': 'in_doubt'}
    assert 'loopback' in web_job.by_key(box)['o']['error']
    assert not server.received('other')
    items = {'p': items['o']}
    web_job.write(box, server.url(path=''), items, effect='once', top='secrets: {s: "file:s"}',
                  http=more + '\nallow_addresses: [loopback]')
    said = box.run(*web_job.RUN, '--again')
    assert said.code == 0, said
    request, = server.received('other')
    assert request.header('x-plain') == 'p'
    for name in ('authorization', 'x-api', 'cookie'):
        assert request.header(name) is None


def test_a_circle_of_redirects_ends(box, server):
    web_job.write(box, server.url(path=''), {'circle': 'loop:307'}, effect='once', http='follow: true')
    web_job.run(box, 3)
    assert web_job.states(box) == {'circle': 'in_doubt'}
    assert len(server.received('circle')) == 6


# ---- before anything is sent ---------------------------------------------------------------------------


def test_a_certificate_that_is_not_there_is_said_before_the_first_item(box, server):
    web_job.write(box, server.url(path=''), {'untold': 'ok'}, http='tls: {ca: no-such.pem}')
    said = box.run(*web_job.RUN)
    assert said.code == 78 and 'no-such.pem' in said.err, said
    assert not server.received('untold')


@pytest.mark.parametrize('http, words', [
    ('body: x', 'one body'),
    ('headers: {"X Y": a}', 'no header'),
    ('headers: {Content-Length: "1"}', 'stint sets it itself'),
    ('headers: {idempotency-key: a}', 'idempotency key'),
    ('headers: {A: b, a: c}', 'do not differ by case'),
    ('auth: {bearer: a, basic: {user: b, password: c}}', 'one of them'),
    ('tls: {key: a.pem}', 'only with cert'),
    ('keep: {a: b}', 'JSON pointer'),
    ('method: GET', 'GET has no body'),
])
def test_a_job_that_cannot_be_right_is_refused(box, http, words):
    web_job.write(box, 'http://127.0.0.1:1', {'a': 'ok'}, http=http)
    said = box.run('check', 'web.yaml')
    assert said.code == 78, said
    assert words in said.err, said
