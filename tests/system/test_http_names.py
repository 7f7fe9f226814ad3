# SPDX-License-Identifier: Apache-2.0
"""Names that resolve to what they should not, or do not resolve: the resolver is ours (lib/resolver.c)."""
import pytest
from lib import web_job
from lib.hostile import Hostile


@pytest.fixture(name='server')
def make_server():
    server = Hostile()
    yield server
    server.close()


@pytest.fixture(name='named')
def make_named(box):
    box.env['LD_PRELOAD'] = box.compile('resolver.so', 'resolver.c', '-shared', '-fPIC', '-ldl')
    return box


def url(server, host):
    return f'http://{host}:{server.ports["plain"]}'


def test_a_name_of_the_job_may_lead_inside(named, server):
    web_job.write(named, url(server, 'inside.test'), {'a': 'ok'})
    web_job.run(named, 0)
    assert server.received('a')[0].header('Host').startswith('inside.test:')


@pytest.mark.parametrize('allowed', [False, True])
def test_a_name_of_a_record_that_leads_inside_is_refused_unless_allowed(named, server, allowed):
    """Looked at is the address that would be connected to, so it does not help to answer twice."""
    web_job.write(named, url(server, '${way}') + '/ok/${id}', {'a': 'inside.test'}, effect='once',
                  http='allow_addresses: [loopback]' if allowed else 'allow_addresses: [private]')
    web_job.run(named, 0 if allowed else 3)
    assert web_job.states(named) == {'a': 'done' if allowed else 'dead'}
    assert len(server.received()) == (1 if allowed else 0)


@pytest.mark.parametrize('host', ['gone.test', 'again.test', 'hangs.test'])
def test_what_has_no_address_was_not_sent(named, server, host):
    web_job.write(named, url(server, host), {'a': 'ok'}, effect='once', timeout='1s', attempts=2)
    web_job.run(named, 3)
    assert [a['outcome'] for a in web_job.attempts(named, 'a')] == ['retry', 'retry']
    assert web_job.states(named) == {'a': 'dead'}


@pytest.mark.parametrize('effect', ['once', 'idempotent'])
def test_a_name_that_hangs_holds_up_nobody_else(named, server, effect):
    items = {f'n{i}': 'inside.test' for i in range(20)} | {'h': 'hangs.test'}
    web_job.write(named, url(server, '${way}') + '/ok/${id}', items, effect=effect, timeout='5s', attempts=2,
                  http='allow_addresses: [loopback]')
    web_job.run(named, 3)
    assert sorted(key for key, state in web_job.states(named).items() if state == 'done') == sorted(items)[1:]
