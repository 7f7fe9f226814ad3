# SPDX-License-Identifier: Apache-2.0
"""Contents that mean harm, in every place of a request: the server gets the value and nothing else."""
import json
import urllib.parse
from email.parser import BytesParser

import pytest
from lib import web_job
from lib.hostile import Hostile
from test_fault_hostile import VALUES, csv_field

ALL = [*VALUES, '"', '\\"', '"}, "admin": true, {"', '&admin=1', 'a=b&c=d', '?x#y', '/../..//', '%2e%2e%2f',
       '%', ';', ' blanks around ', 'ü€𝄞', 'a\r\nSet-Cookie: b', '--boundary--', '0', 'null', 'true', '[1]',
       '{"a": 1}', '1e999', '-0', '+', 'a+b c', '\x1f', '\x85']
# What a header cannot carry is the item's fault.
HEADERLESS = [value for value in ALL if any((ord(c) < 32 and c != '\t') or ord(c) == 127 for c in value)]

JOB = '''version: 1
job: web
source:
  csv: {{path: items.csv}}
  key: id
  fields: {{id: integer, note: text}}
work:
  http:
    url: "{url}"
{http}
  effect: once
  concurrency: 4
  timeout: 20s
  max_dead: 100%
retry: {{attempts: 2, first: 20ms, max: 50ms}}
'''


@pytest.fixture(name='server')
def make_server():
    server = Hostile()
    yield server
    server.close()


def run(box, server, http, code=0, path='/ok/${id}'):
    box.file('items.csv', 'id,note\n' + ''.join(f'{i},{csv_field(value)}\n' for i, value in enumerate(ALL)))
    http = ''.join('    ' + line + '\n' for line in http.splitlines())
    box.file('web.yaml', JOB.format(url=server.url(path='') + path, http=http))
    web_job.run(box, code)
    found = {}
    for request in server.received():
        number = request.path.split('/')[2]
        assert request.is_whole and number not in found
        found[int(number)] = request
    return found


def test_a_json_body_is_the_value(box, server):
    found = run(box, server, 'json: {note: "${note}", deep: [{"k": "<${note}>"}], fixed: 1}')
    for number, value in enumerate(ALL):
        assert json.loads(found[number].body) == {'note': value, 'deep': [{'k': f'<{value}>'}], 'fixed': 1}
        assert found[number].header('Content-Type') == 'application/json'


def test_a_form_is_the_value(box, server):
    found = run(box, server, 'form: {note: "${note}", "a&b": "x${note}"}')
    for number, value in enumerate(ALL):
        pairs = urllib.parse.parse_qsl(found[number].body.decode(), keep_blank_values=True)
        assert pairs == [('note', value), ('a&b', 'x' + value)]


def test_a_body_of_its_own_is_the_value(box, server):
    found = run(box, server, 'body: "<${note}>"\nheaders: {Content-Type: text/plain}')
    for number, value in enumerate(ALL):
        assert found[number].body.decode() == f'<{value}>'
        assert found[number].headers('Content-Type') == ['text/plain']


def test_a_multipart_form_is_the_value(box, server):
    found = run(box, server, 'multipart: {note: "${note}", other: "x${note}"}')
    for number, value in enumerate(ALL):
        head = ('Content-Type: ' + found[number].header('Content-Type') + '\r\n\r\n').encode()
        parts = BytesParser().parsebytes(head + found[number].body).get_payload()
        names = [part.get_param('name', header='content-disposition') for part in parts]
        assert names == ['note', 'other']
        assert f'\r\n\r\n{value}\r\n--'.encode() in found[number].body


def test_a_part_of_an_url_is_the_value(box, server):
    found = run(box, server, 'json: {}', path='/ok/${id}/${note}?note=${note}&b=x${note}#${note}')
    for number, value in enumerate(ALL):
        parts = urllib.parse.urlsplit(found[number].target)
        assert parts.path.count('/') == 3 and not parts.fragment
        assert urllib.parse.unquote(parts.path.split('/', 3)[3]) == value
        pairs = urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
        assert pairs == [('note', value), ('b', 'x' + value)]


def test_a_header_is_the_value_or_the_item_is_dead(box, server):
    found = run(box, server, 'json: {}\nheaders: {X-Note: "<${note}>", X-Whole: "${note}"}', code=3)
    assert sorted(found) == [n for n, value in enumerate(ALL) if value not in HEADERLESS]
    for number, request in found.items():
        value = request.header('X-Note')
        assert value.encode('latin-1').decode() == f'<{ALL[number]}>'
        assert len(request.headers('X-Note')) == 1
        assert not request.headers('X') + request.headers('Set-Cookie')
    assert set(web_job.states(box).values()) == {'done', 'dead'}
    assert not [r for r in web_job.attempts(box, str(ALL.index(HEADERLESS[0]))) if r['outcome'] != 'dead']


def test_the_key_may_be_quoted_and_have_a_header_of_its_own(box, server):
    found = run(box, server, 'json: {}\nidempotency_key: {header: X-Request-Id, quoted: true}')
    keys = {request.header('X-Request-Id') for request in found.values()}
    assert len(keys) == len(ALL)
    assert all(key[0] == key[-1] == '"' and len(key) > 20 for key in keys)
    assert not [r for r in found.values() if r.key]
