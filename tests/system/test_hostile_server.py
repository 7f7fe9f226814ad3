# SPDX-License-Identifier: Apache-2.0
"""The hostile server itself (lib/hostile.py): what tests believe that it has seen, it has seen."""
import socket
import subprocess

import pytest
from lib.box import wait_until
from lib.certificates import Certificates
from lib.hostile import CERTIFICATES, Hostile
from lib.hostile_ways import WAYS


@pytest.fixture(name='server', scope='module')
def make_server(tmp_path_factory):
    server = Hostile(Certificates(tmp_path_factory.mktemp('certificates')))
    yield server
    server.close()


def curl(server, *urls, key='k', data='x=1', limit='60'):
    """The exit status of curl, and the statuses that it was answered."""
    done = subprocess.run(
        ['curl', '-q', '-s', '-m', limit, '--cacert', server.certificates.ca,
         '-H', f'Idempotency-Key: "{key}"', '-d', data,
         *(word for url in urls for word in ('-o', '/dev/null', url)), '-w', '%{http_code} '],
        capture_output=True, check=False)
    return done.returncode, done.stdout.decode().split()


def test_a_request_is_written_down_as_it_came(server):
    url = server.url(path='/status:201/one')
    assert curl(server, url, key='as-it-came', data='a' * 100000) == (0, ['201'])
    request, = server.received('one')
    assert request.is_whole and request.method == 'POST' and request.key == 'as-it-came'
    assert request.body_bytes == 100000 and request.body == b'a' * 65536
    assert request.header('content-length') == '100000' and request.port == 'plain'


def test_ways_go_by_the_times_that_a_key_was_seen(server):
    url = server.url(path='/status:503,status:409,ok/turns')
    assert curl(server, url, url, url, url, key='turns') == (0, ['503', '409', '200', '200'])
    assert [r.way for r in server.by_key()['turns']] == ['status:503', 'status:409', 'ok', 'ok']
    assert len({r.sha256 for r in server.received('turns')}) == 1


def test_what_libcurl_sends_twice_behind_the_back_of_its_caller_is_seen(server):
    """The trap, and the negative control for every test that says `at most once`."""
    urls = [server.url(path=f'/die-when-reused/{name}') for name in 'ab']
    code, _ = curl(server, *urls, key='trap')
    assert code == 0
    assert [r.name for r in server.by_key()['trap']] == ['a', 'b', 'b']


def test_half_a_request_is_written_down_too(server):
    with socket.create_connection(('127.0.0.1', server.ports['plain'])) as sock:
        sock.sendall(b'POST /ok/half HTTP/1.1\r\nIdempotency-Key: half\r\nContent-Le')
    wait_until(lambda: server.by_key().get('half'))  # it is accepted in its own time
    server.settle()
    request, = server.by_key()['half']
    assert not request.is_whole


@pytest.mark.parametrize('port', ['tls', *('tls-' + name for name in CERTIFICATES)])
def test_certificates_are_what_they_are_named(server, port):
    code, _ = curl(server, server.url(port, f'/ok/{port}'), key=port)
    assert code == (0 if port == 'tls' else 60)
    assert len(server.by_key().get(port, [])) == (1 if port == 'tls' else 0)


def test_ports_that_never_come_to_a_request(server):
    assert curl(server, server.url('refuse'), key='none')[0] == 7
    assert curl(server, server.url('slam'), key='none')[0] in (52, 55, 56)
    assert 'none' not in server.by_key()
    assert curl(server, server.url('deaf'), key='deaf', limit='1')[0] == 28
    server.settle()
    assert len(server.by_key()['deaf']) == 1


def test_a_proxy_makes_tunnels(server):
    url = server.url('tls', '/ok/through')
    for port, code in (('proxy', 0), ('proxy-407', 56), ('proxy-502', 56)):
        done = subprocess.run(['curl', '-q', '-s', '--cacert', server.certificates.ca, '-d', 'x',
                               '-x', server.url(port, ''), url], capture_output=True, check=False)
        assert done.returncode == code
    assert len(server.received('through')) == 1


def test_all_ways_are_there(server):
    """A way that is misspelt must not look like a strange answer."""
    assert curl(server, server.url(path='/no-such-way/x'), key='misspelt') == (0, ['599'])
    assert len(WAYS) > 50
