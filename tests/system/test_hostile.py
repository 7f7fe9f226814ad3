# SPDX-License-Identifier: Apache-2.0
"""http work against a server that does its worst (lib/hostile.py): what each way of it makes of an item.

With `once` each key reaches the server at most once, unless the server itself said that nothing was done;
with `idempotent` each time with the same key and the same bytes.
"""
import base64

import pytest
from lib import web_job
from lib.box import cast, peak_rss_mib
from lib.certificates import Certificates
from lib.figures import figures
from lib.hostile import Hostile

# What the server does -> how the attempt ends.
WHOLE = {
    **dict.fromkeys((
        'ok', 'status:201', 'status:202', 'status:204', 'status:299', 'to-the-end', 'hints', 'continues:50',
        'no-continue', 'slow:300', 'early:200', 'shorter', 'twice', 'twice:500', 'cookie',
        # The status is known; of the rest, max_answer is read.
        'huge', 'endless', 'much:200:2000000'), 'done'),
    **dict.fromkeys((
        'status:400', 'status:402', 'status:404', 'status:405', 'status:410', 'status:413', 'status:415',
        'status:418', 'status:422', 'early:413', 'expectation-failed'), 'dead'),
    **dict.fromkeys(('status:429',), 'retry'),
    **dict.fromkeys((
        'status:300', 'status:301', 'status:304', 'loop:307', 'status:500', 'status:501', 'status:502',
        'status:503', 'status:504', 'status:599', 'close-after-headers', 'close-after-request',
        'reset-after-headers', 'reset-after-request', 'half-status', 'half-headers', 'half-body',
        'half-body-reset', 'half-chunk', 'no-last-chunk', 'bad-length', 'bad-chunk', 'vast-chunk', 'rubbish',
        'old', 'odd-status:999', 'odd-status:600', 'switch', 'endless-headers', 'long-header'),
        'unknown'),
}
TOO_SLOW = dict.fromkeys(('never', 'longer', 'continues-only', 'drip', 'drip-headers'), 'unknown')
STATE_ONCE = {'done': 'done', 'dead': 'dead', 'retry': 'done', 'unknown': 'in_doubt'}
STATE_IDEMPOTENT = {'done': 'done', 'dead': 'dead', 'retry': 'done', 'unknown': 'done'}


@pytest.fixture(name='certificates', scope='module')
def make_certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp('certificates'))


@pytest.fixture(name='server')
def make_server(certificates):
    server = Hostile(certificates)
    yield server
    server.close()


def named(ways):
    """Items for these ways, each of which is followed by an honest answer."""
    return {way.replace(':', '-'): f'{way},ok' for way in ways}


def expected(ways, states):
    return {way.replace(':', '-'): states[outcome] for way, outcome in ways.items()}


def assert_sent_as_promised(server, effect):
    """The ways themselves say whether the other side may be asked again."""
    server.settle()
    outcomes = {way.replace(':', '-'): outcome for way, outcome in {**WHOLE, **TOO_SLOW}.items()}
    for key, requests in server.by_key().items():
        assert len({r.name for r in requests}) == 1, (key, requests)
        if effect == 'once' and outcomes[requests[0].name] != 'retry':
            assert len(requests) == 1, (key, requests)
        whole = {r.sha256 for r in requests if r.is_whole}
        assert len(whole) <= 1, (key, requests)


@pytest.mark.parametrize('effect', ['once', 'idempotent'])
@pytest.mark.parametrize('ways,timeout', [(WHOLE, '60s'), (TOO_SLOW, '3s')], ids=['whole', 'slow'])
def test_each_way_ends_as_the_table_says(box, server, effect, ways, timeout):
    web_job.write(box, server.url(path=''), named(ways), effect=effect, timeout=timeout, attempts=8,
                  work='max_dead: 100%')
    web_job.run(box, 3 if ways is WHOLE or effect == 'once' else 0)
    found = web_job.states(box)
    assert found == expected(ways, STATE_ONCE if effect == 'once' else STATE_IDEMPOTENT)
    assert_sent_as_promised(server, effect)
    for way, outcome in ways.items():
        name = way.replace(':', '-')
        wanted = {'done': 1, 'dead': 1, 'retry': 2, 'unknown': 1 if effect == 'once' else 2}[outcome]
        got = len(server.received(name))
        # With so short a limit a machine that is busy may let an honest answer be too late, too.
        assert got == wanted or (ways is TOO_SLOW and got > wanted and effect == 'idempotent'), name
        if outcome != 'done':
            tried = [attempt for attempt in web_job.attempts(box, name) if attempt['outcome'] == outcome]
            assert tried and tried[0]['error'], (name, tried)


@pytest.mark.parametrize('effect', ['once', 'idempotent'])
@pytest.mark.parametrize('way', ['die-when-reused', 'die-when-reused:reset', 'die-idle:0', 'die-idle:1'])
def test_what_dies_on_a_kept_connection_is_not_sent_again_behind_our_back(box, server, effect, way):
    """libcurl's own re-send is stopped: `once` puts in doubt what it cannot know."""
    names = web_job.write(box, server.url(path=''), {f'n{i}': way for i in range(40)}, effect=effect,
                          concurrency=2, attempts=10, work='max_dead: 100%')
    web_job.run(box, 0, 3)
    server.settle()
    found = web_job.states(box)
    by_name = {name: server.received(name) for name in names}
    if effect == 'once':
        assert set(found.values()) <= {'done', 'in_doubt'}
        assert all(len(requests) <= 1 for requests in by_name.values()), by_name
        assert way.startswith('die-idle') or 'in_doubt' in found.values()
    else:
        assert set(found.values()) == {'done'}
    for name, requests in by_name.items():
        # None: it was lost on its way to a connection that had just been closed.
        assert len({(r.key, r.sha256) for r in requests}) == (1 if requests else 0), (name, requests)
        assert requests or found[name] == 'in_doubt'


def test_connections_are_kept(box, server):
    web_job.write(box, server.url(path=''), {f'n{i}': 'ok' for i in range(200)}, concurrency=4)
    web_job.run(box, 0)
    connections = {r.connection for r in server.received()}
    assert len(server.received()) == 200
    # As many as are in flight at once, at most, whatever share of them each lane has.
    assert len(connections) <= 8


def test_an_answer_that_comes_too_early_is_not_the_next_items(box, server):
    """What a server sends beyond its answer stays on the connection, which is not used again."""
    ways = {f'n{i}': 'twice:500' if i % 2 else 'shorter' for i in range(40)}
    web_job.write(box, server.url(path=''), ways, effect='once', concurrency=1)
    web_job.run(box, 0)
    assert len(server.received()) == 40


def test_no_cookie_of_one_item_comes_with_another(box, server):
    web_job.write(box, server.url(path=''), {f'n{i}': 'cookie' for i in range(10)}, concurrency=1)
    web_job.run(box, 0)
    assert len(server.received()) == 10
    assert not [r for r in server.received() if r.header('Cookie')]


@pytest.mark.parametrize('port,state', [('refuse', 'dead'), ('slam', 'in_doubt'), ('deaf', 'in_doubt')])
def test_what_was_refused_was_not_sent_and_what_was_accepted_may_have_been_read(box, server, port, state):
    web_job.write(box, server.url(port, ''), {'a': 'ok'}, effect='once', timeout='5s', attempts=2)
    web_job.run(box, 3)
    assert web_job.states(box) == {'a': state}
    outcomes = [attempt['outcome'] for attempt in web_job.attempts(box, 'a')]
    assert outcomes == (['retry', 'retry'] if port == 'refuse' else ['unknown'])


@pytest.mark.parametrize('effect', ['once', 'idempotent'])
def test_an_effect_after_our_time_limit_is_not_had_twice_by_once(box, server, effect):
    web_job.write(box, server.url(path=''), {'a': 'slow:6000,ok'}, effect=effect, timeout='3s', attempts=8)
    web_job.run(box, 3 if effect == 'once' else 0)
    assert web_job.states(box) == {'a': 'in_doubt' if effect == 'once' else 'done'}
    server.settle()
    assert len(server.received('a')) == 1 if effect == 'once' else len(server.received('a')) >= 2
    assert len(server.by_key()) == 1


def test_a_key_that_the_other_side_has_forgotten_is_not_used_again(box, server):
    """What may have happened is in doubt once the key that would show it is no longer known there."""
    web_job.write(box, server.url(path=''), {'a': 'close-after-request,ok', 'b': 'status:429,ok'},
                  work='key_valid: 2s')
    text = box.read('web.yaml')
    later = text.replace('first: 20ms, factor: 1, max: 50ms', 'first: 3s, max: 3s, jitter: none')
    box.file('web.yaml', later)
    web_job.run(box, 3)
    assert web_job.states(box) == {'a': 'in_doubt', 'b': 'done'}
    # What was refused had no effect.
    effects = ['a'] * len(server.received('a')) + ['b'] * (len(server.received('b')) - 1)
    assert figures(box, ['a', 'b'], 'idempotent', effects=effects).needless == 0


# ---- waits that the server asks for -----------------------------------------------------


@pytest.mark.parametrize('way,least_s', [
    ('retry-after:429:2', 2), ('retry-date:429:3', 2), ('retry-after:503:2', 2), ('retry-date:503:3', 2)])
def test_nothing_is_sent_before_retry_after(box, server, way, least_s):
    """A date has whole seconds, so up to one of them may have passed."""
    web_job.write(box, server.url(path=''), {'a': f'{way},ok', 'b': f'{way},{way},ok'}, attempts=5)
    web_job.run(box, 0)
    for name, n in (('a', 2), ('b', 3)):
        times = [r.at for r in server.received(name)]
        assert len(times) == n
        assert all(later - earlier >= least_s for earlier, later in zip(times, times[1:])), times


@pytest.mark.parametrize('said', ['soon', '-5', '', '1e9', '99999999999999999999999', '0', '%20'])
def test_a_retry_after_that_is_none_is_not_obeyed(box, server, said):
    web_job.write(box, server.url(path=''), {'a': f'retry-after:429:{said},ok'})
    box.run(*web_job.RUN, timeout=600)
    if said.startswith('9999'):
        # As long as can be, and so not in this run.
        assert web_job.states(box) == {'a': 'retry'}
    else:
        assert web_job.states(box) == {'a': 'done'}


def test_a_retry_after_beyond_this_run_is_left_to_the_next(box, server):
    web_job.write(box, server.url(path=''), {'a': 'retry-after:429:7200,ok', 'b': 'ok'})
    web_job.run(box, 75)
    assert web_job.states(box) == {'a': 'retry', 'b': 'done'}
    assert len(server.received('a')) == 1


# ---- too much ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize('way', ['huge', 'endless', 'endless-headers', 'long-header', 'bomb'])
def test_ten_gigabytes_cost_no_memory(box, server, way):
    web_job.write(box, server.url(path=''), {f'n{i}': f'{way},ok' for i in range(24)}, concurrency=8,
                  timeout='60s')
    process = box.start(*web_job.RUN)
    peak = 0
    while process.poll() is None:
        roles = cast(process.pid)
        peak = max(peak, peak_rss_mib(roles['keeper'] + roles['engine'] + roles['lane']))
    assert process.returncode == 0, box.process_said(process)
    assert 0 < peak < 64
    assert set(web_job.states(box).values()) == {'done'}


def test_an_answer_may_be_as_long_as_the_job_says(box, server):
    """What comes behind is cut off; the status came first."""
    ways = {'just': 'much:200:100000', 'over': 'much:200:100001', 'dead': 'much:400:100001',
            'doubt': 'much:500:100001'}
    web_job.write(box, server.url(path=''), ways, effect='once', http='max_answer: 100000')
    web_job.run(box, 3)
    assert web_job.states(box) == {'just': 'done', 'over': 'done', 'dead': 'dead', 'doubt': 'in_doubt'}


# ---- elsewhere ---------------------------------------------------------------------------------------------


def to(url, code=302):
    return f'redirect:{code}:' + base64.urlsafe_b64encode(url.encode()).decode()


def test_redirects_are_followed_only_on_request(box, server):
    target = server.url(path='/ok/target')
    web_job.write(box, server.url(path=''), {'a': to(target)}, effect='once')
    web_job.run(box, 3)
    assert web_job.states(box) == {'a': 'in_doubt'}
    assert not server.received('target')


@pytest.mark.parametrize('url', [
    'file:///etc/passwd', 'ftp://127.0.0.1/x', 'gopher://127.0.0.1:1/x', 'dict://127.0.0.1:1/',
    'http://169.254.169.254/latest/', 'http://[::1]:1/', '//0.0.0.0:1/', 'smtp://127.0.0.1:1'])
def test_no_redirect_leads_where_the_job_did_not_mean_to_go(box, server, url):
    web_job.write(box, server.url(path=''), {'a': to(url)}, effect='once', http='follow: true', timeout='5s')
    web_job.run(box, 3)
    assert web_job.states(box)['a'] in ('in_doubt', 'dead')
    assert len(server.received()) == 1
    assert 'root:' not in box.run('attempts', 'web/a', '--json').out


def test_a_redirect_within_a_host_is_followed_with_the_same_key(box, server):
    web_job.write(box, server.url(path=''), {'a': to(server.url(path='/ok/target'), 307)}, effect='once',
                  http='follow: true')
    web_job.run(box, 0)
    first, second = server.received('a')[0], server.received('target')[0]
    assert first.key == second.key and first.body == second.body


def test_a_redirect_to_loopback_is_refused_unless_allowed(box, server):
    """Another host, whose address is this machine's. Where it is allowed, it is told nothing secret."""
    target = server.url(path='/ok/target').replace('127.0.0.1', 'localhost')
    box.env['TOKEN'] = 'told-to-one-only'
    http = 'follow: true\nauth: {bearer: "env:TOKEN"}\n'
    web_job.write(box, server.url(path=''), {'a': to(target, 307)}, effect='once', http=http)
    web_job.run(box, 3)
    assert not server.received('target')
    web_job.write(box, server.url(path=''), {'b': to(target, 307)}, effect='once',
                  http=http + 'allow_addresses: [loopback]')
    said = box.run(*web_job.RUN, '--again')
    assert said.code == 0, said
    first, second = server.received('b')[0], server.received('target')[0]
    assert first.key == second.key and first.body == second.body
    assert first.header('Authorization') and not second.header('Authorization')


def test_a_loop_of_redirects_ends(box, server):
    web_job.write(box, server.url(path=''), {'a': 'loop:307'}, effect='once',
                  http='follow: true\nallow_addresses: [loopback]', timeout='60s')
    web_job.run(box, 3)
    assert web_job.states(box) == {'a': 'in_doubt'}
    assert len(server.received()) < 60


@pytest.mark.parametrize('host', [
    '127.0.0.1', 'localhost', '127.1', '2130706433', '0', '[::1]', '0x7f.1', '[::ffff:127.0.0.1]',
    'localhost.', '169.254.169.254', 'u:p@127.0.0.1', '127.0.0.1#', '127.0.0.1/ok/sneaked?'])
def test_a_host_of_a_record_never_leads_to_ourselves(box, server, host):
    url = f'http://${{way}}:{server.ports["plain"]}/ok/${{id}}'
    web_job.write(box, url, {'a': host}, effect='once', timeout='5s', attempts=1)
    web_job.run(box)
    assert web_job.states(box).get('a') in ('dead', 'retry'), web_job.by_key(box)
    assert not server.received()
