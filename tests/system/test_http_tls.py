# SPDX-License-Identifier: Apache-2.0
"""TLS: whom http work believes, and what it shows. A certificate that is not believed hits all items alike:
nothing is sent, no attempt is charged, and the run fails when it stays so."""
import pytest
from lib import web_job
from lib.certificates import Certificates
from lib.hostile import CERTIFICATES, Hostile

ITEMS = {f'n{i}': 'ok' for i in range(10)}


@pytest.fixture(name='server', scope='module')
def make_server(tmp_path_factory):
    server = Hostile(Certificates(tmp_path_factory.mktemp('certificates')))
    yield server
    server.close()


def write(box, server, port, tls, **more):
    return web_job.write(box, server.url(port, ''), ITEMS, http=f'tls: {{{tls}}}' if tls else '', **more)


def received(server, port):
    return [r for r in server.received() if r.port == port]


@pytest.mark.parametrize('effect', ['once', 'idempotent'])
def test_a_server_that_an_authority_of_the_job_vouches_for(box, server, effect):
    before = len(received(server, 'tls'))
    write(box, server, 'tls', f'ca: {server.certificates.ca}', effect=effect)
    web_job.run(box, 0)
    assert len(received(server, 'tls')) - before == len(ITEMS)


@pytest.mark.parametrize('effect', ['once', 'idempotent'])
@pytest.mark.parametrize('port', ['tls-' + name for name in CERTIFICATES])
def test_a_certificate_that_is_not_believed_hits_all_alike(box, server, port, effect):
    write(box, server, port, f'ca: {server.certificates.ca}', effect=effect)
    said = web_job.run(box, 1)
    assert 'certificate' in said.err.lower()
    assert not received(server, port)
    found = web_job.by_key(box)
    assert {item['state'] for item in found.values()} <= {'waiting', 'retry'}
    assert {item['attempts'] for item in found.values()} == {0}


def test_without_the_jobs_authority_nobody_vouches(box, server):
    before = len(received(server, 'tls'))
    write(box, server, 'tls', '')
    web_job.run(box, 1)
    assert len(received(server, 'tls')) == before


def test_what_speaks_no_tls_is_not_spoken_to(box, server):
    url = f'https://localhost:{server.ports["plain"]}'
    web_job.write(box, url, {'a': 'ok'}, effect='once', attempts=2)
    web_job.run(box, 1, 3)
    assert not [r for r in server.received() if r.key and r.port == 'plain']
    assert web_job.states(box)['a'] != 'done'


def test_our_certificate_is_shown_to_who_wants_one(box, server):
    certificate, key = server.certificates.pair('client')
    write(box, server, 'tls-client', f'ca: {server.certificates.ca}, cert: {certificate}, key: {key}')
    web_job.run(box, 0)
    shown = [r.certificate['subject'] for r in received(server, 'tls-client')]
    assert shown == [((('commonName', 'client'),),)] * len(ITEMS)


@pytest.mark.parametrize('effect', ['once', 'idempotent'])
@pytest.mark.parametrize('who', ['nobody', 'client-other'])
def test_a_server_that_wants_another_certificate_gets_nothing_done(box, server, who, effect):
    """In TLS 1.3 the refusal comes when a request may be under way already."""
    before = len(received(server, 'tls-client'))
    pair = '' if who == 'nobody' else ', cert: {}, key: {}'.format(*server.certificates.pair(who))
    write(box, server, 'tls-client', f'ca: {server.certificates.ca}{pair}', effect=effect)
    web_job.run(box, 1, 3)
    assert len(received(server, 'tls-client')) == before
    assert 'done' not in web_job.states(box).values()


@pytest.mark.parametrize('name,what', [('ca', 'nowhere.pem'), ('ca', 'items.csv'), ('cert', 'nowhere.pem')])
def test_a_file_that_is_no_certificate_is_said_before_anything_is_sent(box, server, name, what):
    before = len(server.received())
    pair = ', key: nowhere.key' if name == 'cert' else ''
    write(box, server, 'tls', f'{name}: {what}{pair}')
    said = box.run(*web_job.RUN)
    assert said.code in (1, 78), said
    assert what in said.err
    assert len(server.received()) == before


# ---- through a proxy: what it says to CONNECT is said before anything is sent to the target -------------


def write_proxied(box, server, proxy, effect, **more):
    http = f'tls: {{ca: {server.certificates.ca}}}\nproxy: {server.url(proxy, "")}'
    return web_job.write(box, server.url('tls', ''), ITEMS, effect=effect, http=http, **more)


@pytest.mark.parametrize('effect', ['once', 'idempotent'])
def test_a_tunnel_through_a_proxy(box, server, effect):
    before, tunnels = len(received(server, 'tls')), len(received(server, 'proxy'))
    write_proxied(box, server, 'proxy', effect)
    web_job.run(box, 0)
    assert len(received(server, 'tls')) - before == len(ITEMS)
    connects = received(server, 'proxy')[tunnels:]
    assert connects and {r.method for r in connects} == {'CONNECT'}
    # The proxy is told nothing that is meant for the target.
    assert not [r for r in connects if r.key]


@pytest.mark.parametrize('proxy,ends', [
    ('proxy-407', 'all'), ('proxy-502', 'retry'), ('refuse', 'retry'), ('slam', 'retry')])
def test_a_proxy_that_makes_no_tunnel(box, server, proxy, ends):
    """Nothing was sent: no item is in doubt. 407 hits all alike."""
    before = len(received(server, 'tls'))
    write_proxied(box, server, proxy, 'once', attempts=2, work='max_dead: 100%')
    web_job.run(box, 1 if ends == 'all' else 3)
    assert len(received(server, 'tls')) == before
    found = web_job.by_key(box).values()
    assert {item['state'] for item in found} <= ({'waiting', 'retry'} if ends == 'all' else {'dead'})
    assert {item['attempts'] for item in found} == {0 if ends == 'all' else 2}
