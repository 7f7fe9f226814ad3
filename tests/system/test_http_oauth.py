# SPDX-License-Identifier: Apache-2.0
"""OAuth 2 client credentials: tokens are asked for once, kept while they are good, and never shown."""
import os

import pytest
from lib import web_job
from lib.hostile import Hostile
from lib.hostile_ways import CLIENT_SECRET

AUTH = '''auth:
  oauth2:
    token_url: "{url}"
    client_id: stint
    client_secret: "${{secret.client}}"
    scope: items.write'''


@pytest.fixture(name='server')
def make_server():
    server = Hostile()
    yield server
    server.close()


def write(box, server, token_way, items, port='plain', **more):
    box.env['CLIENT_SECRET'] = CLIENT_SECRET
    return web_job.write(box, server.url(path=''), items, top='secrets: {client: env:CLIENT_SECRET}',
                         http=AUTH.format(url=server.url(port, f'/{token_way}/for-token')), **more)


def of_items(server):
    return [r for r in server.received() if r.name != 'for-token']


def lanes_at_most(box):
    """Each lane has tokens of its own; there are at most as many as there are CPUs."""
    del box
    return os.cpu_count()


@pytest.mark.parametrize('effect', ['once', 'idempotent'])
def test_a_token_is_asked_for_once_and_used_for_all(box, server, effect):
    write(box, server, 'token', {f'n{i}': 'guarded' for i in range(100)}, effect=effect)
    web_job.run(box, 0)
    asked = server.received('for-token')
    assert 1 <= len(asked) <= lanes_at_most(box)
    assert {r.method for r in asked} == {'POST'}
    assert b'scope=items.write' in asked[0].body and b'grant_type=client_credentials' in asked[0].body
    used = {r.header('Authorization') for r in of_items(server)}
    assert used <= {'Bearer ' + token for token in server.tokens.issued}
    assert len(of_items(server)) == 100
    # What the token endpoint gets is no item's.
    assert not [r for r in asked if r.key]


@pytest.mark.parametrize('effect', ['once', 'idempotent'])
def test_a_token_that_is_worn_is_replaced_and_costs_no_attempt(box, server, effect):
    """401 after an hour, in virtual time: each token is good for 20 requests."""
    write(box, server, 'token:20', {f'n{i}': 'guarded' for i in range(100)}, effect=effect, attempts=1)
    web_job.run(box, 0)
    assert set(web_job.states(box).values()) == {'done'}
    refused = len(of_items(server)) - 100
    assert 100 // 20 <= len(server.tokens.issued) <= 100 // 20 + refused + lanes_at_most(box)
    # Who was refused came again with the same key, and another token.
    for requests in server.by_key().values():
        assert len({r.header('Authorization') for r in requests}) == len(requests)
        assert len({r.body for r in requests}) == 1
    assert not [item for item in web_job.by_key(box).values() if item['attempts'] > 1]


def test_a_token_is_given_up_shortly_before_its_end(box, server):
    """Two seconds; items go on for longer, and none is refused."""
    write(box, server, 'token:1000000:2', {f'n{i}': 'guarded:100' for i in range(40)}, concurrency=1)
    web_job.run(box, 0)
    assert len(of_items(server)) == 40
    assert len(server.tokens.issued) >= 2


@pytest.mark.parametrize('answer', ['400', '401', '403', '404', '429', '500', '503', 'half-body', 'rubbish',
                                    'close-after-request', 'ok', 'huge'])
def test_without_a_token_nothing_is_sent_and_no_attempt_is_charged(box, server, answer):
    way = f'status:{answer}' if answer.isdigit() else answer
    write(box, server, way, {f'n{i}': 'guarded' for i in range(10)}, effect='once')
    said = web_job.run(box, 1)
    assert 'token' in said.err
    assert not of_items(server)
    found = web_job.by_key(box)
    assert {item['state'] for item in found.values()} <= {'waiting', 'retry'}
    assert {item['attempts'] for item in found.values()} == {0}


@pytest.mark.parametrize('port', ['refuse', 'slam'])
def test_a_token_endpoint_that_is_not_there(box, server, port):
    write(box, server, 'token', {'a': 'guarded'}, port=port, effect='once')
    web_job.run(box, 1)
    assert not of_items(server)
    assert web_job.by_key(box)['a']['attempts'] == 0


def test_a_token_endpoint_that_never_answers_is_waited_for_no_longer_than_an_attempt(box, server):
    write(box, server, 'never', {'a': 'guarded'}, effect='once', timeout='1s')
    web_job.run(box, 1)
    assert not of_items(server)


def test_a_client_that_may_name_itself_in_the_form_only(box, server):
    write(box, server, 'status:401,token', {f'n{i}': 'guarded' for i in range(20)}, concurrency=1)
    web_job.run(box, 0)
    first, second = server.received('for-token')[:2]
    assert first.header('Authorization').startswith('Basic ') and b'client_secret' not in first.body
    assert second.header('Authorization') is None and b'client_secret=s3cret%2F%2B+%26' in second.body


def test_an_endpoint_that_recovers_is_asked_again(box, server):
    write(box, server, 'status:503,status:503,token', {f'n{i}': 'guarded' for i in range(20)}, attempts=1)
    web_job.run(box, 0)
    assert len(of_items(server)) == 20


def test_a_target_that_refuses_every_token_opens_the_breaker(box, server):
    write(box, server, 'token:0', {f'n{i}': 'guarded' for i in range(20)}, effect='once')
    web_job.run(box, 1)
    # Each probe asks for a token and tries it; nothing goes round without an end.
    assert len(of_items(server)) <= 200
    assert {item['attempts'] for item in web_job.by_key(box).values()} == {0}


def test_neither_tokens_nor_the_clients_secret_are_kept_said_or_shown(box, server):
    names = write(box, server, 'token:3', {'a': 'echo', 'b': 'echo:422', 'c': 'echo:500', 'd': 'guarded',
                                           'e': 'half-body', 'f': 'status:403'}, effect='once',
                  concurrency=1, work='max_dead: 100%')
    said = box.run(*web_job.RUN, '-v')
    server.tokens.issued.append('s3cret')
    text = said.said
    for verb in ('attempts', 'logs', 'why'):
        for name in names:
            text += box.run(verb, f'web/{name}').said + box.run(verb, f'web/{name}', '--json').said
    text += box.run('report').said + box.run('items', '--run', 'web', '--json').said
    data = text.encode()
    for folder, _, files in os.walk(box.path):
        for name in files:
            with open(os.path.join(folder, name), 'rb') as f:
                data += f.read()
    assert len(server.tokens.issued) > 1
    assert not [token for token in server.tokens.issued if token.encode() in data]
