# SPDX-License-Identifier: Apache-2.0
"""http work against a real nginx: what it logs is what happened."""
import subprocess
import time

import pytest
from lib import web_job
from lib.box import wait_until
from lib.certificates import Certificates
from lib.hostile import Hostile
from lib.nginx import Nginx

# Behind this nginx takes in the whole request before it answers. (When it does not, and says so over HTTP/2,
# libcurl 7.88 sometimes takes that for a broken answer.)
BEHIND = 'location / {{ proxy_pass http://127.0.0.1:{}; }}'
OK = 'location / { return 200 "{\\"ok\\": true}"; }'
ITEMS = {f'n{i}': 'x' for i in range(100)}


@pytest.fixture(name='nginx')
def make_nginx(tmp_path):
    """nginx(server, top, listen) starts one, which ends with the test."""
    started = []

    def start(server=OK, top='', listen=''):
        started.append(Nginx(tmp_path / f'nginx{len(started)}', server, top, listen))
        return started[-1]
    yield start
    for one in started:
        one.stop()


@pytest.fixture(name='certificates', scope='module')
def make_certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp('certificates'))


def tls(certificates, client=False, then=OK):
    """What nginx needs for TLS; `client`: and wants a certificate for."""
    certificate, key = certificates.pair('good')
    wanted = f'ssl_verify_client on; ssl_client_certificate {certificates.ca};' if client else ''
    return f'ssl_certificate {certificate}; ssl_certificate_key {key}; {wanted} {then}'


def log_of(nginx, n):
    """The log, once there are as many lines: nginx writes them after it has answered."""
    return wait_until(lambda: nginx.log() if len(nginx.log()) >= n else None)


def assert_each_once(log, names):
    assert sorted(line['uri'].rsplit('/', 1)[1] for line in log) == sorted(names)
    assert len({line['key'] for line in log}) == len(log)


def test_connections_are_used_again(box, nginx):
    server = nginx()
    names = web_job.write(box, server.url('') + '/${id}', ITEMS, concurrency=4)
    web_job.run(box, 0)
    log = log_of(server, 100)
    assert_each_once(log, names)
    assert {line['status'] for line in log} == {200} and {line['method'] for line in log} == {'POST'}
    assert len({line['connection'] for line in log}) <= 8


@pytest.mark.parametrize('protocol', ['HTTP/2.0', 'HTTP/1.1'])
def test_tls_and_http_2_where_the_server_has_it(box, nginx, certificates, protocol):
    server = nginx(tls(certificates, then=BEHIND.format(nginx().port)),
                   listen=' ssl http2' if protocol == 'HTTP/2.0' else ' ssl')
    names = web_job.write(box, server.url('', 'https') + '/${id}', ITEMS, concurrency=8,
                          http=f'tls: {{ca: {certificates.ca}}}')
    web_job.run(box, 0)
    log = log_of(server, 100)
    assert_each_once(log, names)
    assert {line['protocol'] for line in log} == {protocol}
    assert len({line['connection'] for line in log}) <= 16


@pytest.mark.parametrize('listen', ['', ' ssl http2'])
@pytest.mark.parametrize('effect', ['once', 'idempotent'])
def test_a_server_that_ends_connections_in_good_order_costs_nothing(box, nginx, certificates, listen, effect):
    """By `Connection: close`; by GOAWAY with HTTP/2."""
    then = 'keepalive_requests 7; ' + BEHIND.format(nginx().port)
    server = nginx(tls(certificates, then=then) if listen else then, listen=listen)
    scheme, http = ('https', f'tls: {{ca: {certificates.ca}}}') if listen else ('http', '')
    names = web_job.write(box, server.url('', scheme) + '/${id}', ITEMS, effect=effect, http=http)
    web_job.run(box, 0)
    assert_each_once(log_of(server, 100), names)
    assert set(web_job.states(box).values()) == {'done'}


def test_a_client_certificate_is_shown_where_one_is_wanted(box, nginx, certificates):
    server = nginx(tls(certificates, client=True), listen=' ssl')
    certificate, key = certificates.pair('client')
    web_job.write(box, server.url('', 'https') + '/${id}', ITEMS,
                  http=f'tls: {{ca: {certificates.ca}, cert: {certificate}, key: {key}}}')
    web_job.run(box, 0)
    assert {line['client'] for line in log_of(server, 100)} == {'CN=client'}


@pytest.mark.parametrize('who', ['nobody', 'client-other'])
def test_nothing_is_done_without_the_certificate_that_is_wanted(box, nginx, certificates, who):
    """nginx says so by 400, which is about the request: the items are dead, none is done."""
    server = nginx(tls(certificates, client=True), listen=' ssl')
    cert = '' if who == 'nobody' else ', cert: {}, key: {}'.format(*certificates.pair(who))
    web_job.write(box, server.url('', 'https') + '/${id}', {'a': 'x', 'b': 'x'}, effect='once',
                  http=f'tls: {{ca: {certificates.ca}{cert}}}')
    web_job.run(box, 3)
    assert web_job.states(box) == {'a': 'dead', 'b': 'dead'}
    assert {line['status'] for line in log_of(server, 2)} == {400}


@pytest.mark.parametrize('status', [429, 503])
def test_a_limit_of_the_server_is_waited_for(box, nginx, status):
    server = nginx(f'limit_req_status {status}; location / {{ limit_req zone=all burst=1 nodelay; proxy_pass '
                   'http://127.0.0.1:$server_port/done; } location /done { return 200; }',
                   top='limit_req_zone $server_addr zone=all:1m rate=5r/s;')
    names = web_job.write(box, server.url('') + '/${id}', {f'n{i}': 'x' for i in range(12)}, effect='once',
                          attempts=200, work='retry_when: [503]\nmax_dead: 100%')
    web_job.run(box, 0)
    log = [line for line in server.log() if not line['uri'].startswith('/done')]
    passed = [line for line in log if line['status'] == 200]
    assert_each_once(passed, names)
    assert {line['status'] for line in log} == {200, status}


@pytest.mark.parametrize('effect', ['once', 'idempotent'])
def test_a_server_that_is_started_again_in_the_middle(box, nginx, effect):
    server = nginx()
    names = web_job.write(box, server.url('') + '/${id}', {f'n{i}': 'x' for i in range(3000)}, effect=effect,
                          concurrency=8, attempts=100, work='max_dead: 100%')
    process = box.start(*web_job.RUN)
    for n in (100, 600, 1200):
        wait_until(lambda n=n: len(server.log()) > n or process.poll() is not None)
        server.stop()
        time.sleep(0.1)
        assert server.start()
    status = process.wait(180)
    assert status in (0, 3), box.process_said(process)
    box.verify()
    found = web_job.states(box)
    got = {}
    for line in server.log():
        got.setdefault(line['uri'].rsplit('/', 1)[1], []).append(line['key'])
    if effect == 'once':
        assert set(found.values()) <= {'done', 'in_doubt'}
        assert all(len(keys) == 1 for keys in got.values())
    else:
        assert set(found.values()) == {'done'}
    assert all(len(set(keys)) == 1 for keys in got.values())
    # nginx answers first and logs then: what it was killed in between is missing.
    assert len([name for name in names if found[name] == 'done' and name not in got]) <= 3 * 8


def test_nginx_as_a_proxy(box, nginx):
    """A plain request through it comes with its whole address, whatever the environment says."""
    target = nginx()
    box.env['no_proxy'] = box.env['NO_PROXY'] = '*'
    proxy = nginx('location / { proxy_pass http://$http_host$request_uri; proxy_set_header Idempotency-Key '
                  '$http_idempotency_key; }')
    names = web_job.write(box, target.url('') + '/${id}', ITEMS, http=f'proxy: {proxy.url("")}')
    web_job.run(box, 0)
    assert_each_once(log_of(proxy, 100), names)
    assert_each_once(log_of(target, 100), names)


def test_a_proxy_that_cannot_reach_the_target_and_one_that_is_not_there(box, nginx):
    target = nginx()
    proxy = nginx('location / { proxy_pass http://$http_host$request_uri; }')
    url, http = target.url('') + '/${id}', f'proxy: {proxy.url("")}'
    target.stop()
    web_job.write(box, url, {'a': 'x'}, effect='once', http=http)
    web_job.run(box, 3)
    # 502: whether it reached anybody, only the proxy knows.
    assert web_job.states(box) == {'a': 'in_doubt'}
    proxy.stop()
    web_job.write(box, url, {'b': 'x'}, effect='once', http=http)
    said = box.run(*web_job.RUN, '--again')
    assert said.code == 3, said
    assert box.keys('dead') == ['b']


def test_an_upstream_that_dies_is_not_known_to_have_done_anything(box, nginx):
    behind = Hostile()
    try:
        server = nginx(f'location / {{ proxy_pass http://127.0.0.1:{behind.ports["plain"]}; '
                       'proxy_http_version 1.1; proxy_set_header Connection ""; }')
        ways = {'a': 'ok', 'b': 'close-after-request,ok', 'c': 'half-headers,ok', 'd': 'half-body,ok'}
        web_job.write(box, server.url(''), ways, effect='once')
        web_job.run(box, 3)
        assert web_job.states(box) == {'a': 'done', 'b': 'in_doubt', 'c': 'in_doubt', 'd': 'in_doubt'}
        assert sorted(r.name for r in behind.received()) == ['a', 'b', 'c', 'd']
    finally:
        behind.close()


def test_a_body_that_is_too_large_for_the_server_is_dead(box, nginx):
    server = nginx('client_max_body_size 1k; ' + OK)
    web_job.write(box, server.url('') + '/${id}', {'a': 'x' * 3000, 'b': 'x'}, effect='once',
                  http='headers: {X-None: "0"}')
    box.file('web.yaml', box.read('web.yaml').replace('{id: "${id}"}', '{id: "${id}", way: "${way}"}'))
    web_job.run(box, 3)
    assert web_job.states(box) == {'a': 'dead', 'b': 'done'}


def test_the_log_of_nginx_sees_what_is_sent_twice(nginx):
    """Negative control."""
    server = nginx()
    subprocess.run(['curl', '-q', '-s', '-o', '/dev/null', '-d', 'x', *[server.url('/a')] * 2], check=True)
    with pytest.raises(AssertionError):
        assert_each_once(log_of(server, 2), ['a'])
