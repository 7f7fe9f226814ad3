# SPDX-License-Identifier: Apache-2.0
"""The ways in which the hostile server (hostile.py) treats a request: one function each, by name.

Each gets the connection, from which the head of the request was read, the request, and its own arguments.
"""
import base64
import email.utils
import gzip
import json
import secrets
import threading
import time
import urllib.parse

WAYS = {}
PIECE = b'x' * 65536
HUGE = 10 * 1024 ** 3


def way(function):
    WAYS[function.__name__.replace('_', '-')] = function
    return function


def act(connection, request):
    name, *args = request.way.split(':')
    WAYS.get(name, unknown)(connection, request, *args)


def unknown(connection, request):
    connection.read_body(request)
    connection.send(answer(599, b'no such way'))


def answer(status, body=b'', headers=()):
    """A whole and honest answer."""
    lines = [f'HTTP/1.1 {status} Status', f'Content-Length: {len(body)}', *headers]
    return '\r\n'.join(lines).encode('latin-1') + b'\r\n\r\n' + body


# ---- honest ways -------------------------------------------------------------------------------------


@way
def ok(connection, request, body='{"ok": true}'):
    connection.read_body(request)
    connection.send(answer(200, body.encode(), ['Content-Type: application/json']))


@way
def slow(connection, request, ms='100'):
    connection.read_body(request)
    time.sleep(int(ms) / 1000)
    connection.send(answer(200, b'{"ok": true}'))


@way
def status(connection, request, code, body=''):
    connection.read_body(request)
    connection.send(answer(int(code), body.encode()))


@way
def retry_after(connection, request, code, seconds):
    connection.read_body(request)
    connection.send(answer(int(code), b'later', [f'Retry-After: {seconds}']))


@way
def retry_date(connection, request, code, seconds):
    """The same as a date, of which there are whole seconds only."""
    connection.read_body(request)
    date = email.utils.formatdate(time.time() + float(seconds), usegmt=True)
    connection.send(answer(int(code), b'later', ['Retry-After: ' + date]))


@way
def echo(connection, request, code='200'):
    """Says back all that it was told: in the body, in a header, and in the reason."""
    connection.read_body(request)
    told = request.head + b'\r\n' + request.body
    first = request.header('Authorization') or ''
    body = json.dumps({'told': told.decode('utf-8', 'replace'), 'authorization': first}).encode()
    head = f'HTTP/1.1 {code} You said {first}\r\nX-You-Said: {first}\r\nContent-Length: {len(body)}\r\n\r\n'
    connection.send(head.encode('latin-1') + body)


@way
def echo_half(connection, request):
    """Is cut off in the middle of a secret."""
    first = request.header('Authorization') or ''
    send_and_close(connection, request, b'HTTP/1.1 500 No\r\nContent-Length: 1000\r\n\r\nYou said ' +
                   first[:-4].encode('latin-1'))


@way
def says(connection, request, code, encoded):
    """A body that is given in base64 (for the characters that a path cannot have)."""
    connection.read_body(request)
    connection.send(answer(int(code), base64.urlsafe_b64decode(encoded), ['Content-Type: application/json']))


@way
def cookie(connection, request):
    connection.read_body(request)
    connection.send(answer(200, b'', ['Set-Cookie: session=of-another-item; Path=/']))


# ---- no answer ---------------------------------------------------------------------------------------


@way
def never(connection, request):
    connection.read_body(request)
    connection.wait_for_the_end()


@way
def close_after_headers(connection, _request):
    connection.close()


@way
def close_after_request(connection, request):
    connection.read_body(request)
    connection.close()


@way
def reset_after_headers(connection, _request):
    connection.reset()


@way
def reset_after_request(connection, request):
    connection.read_body(request)
    connection.reset()


@way
def die_when_reused(connection, request, how='close'):
    """Answers the first request of a connection; dies exactly when it has got another one. A client that
    believes that the request did not arrive sends it again: the trap."""
    connection.read_body(request)
    if request.nth == 0:
        connection.send(answer(200, b'{"ok": true}'))
    elif how == 'reset':
        connection.reset()
    else:
        connection.close()


@way
def die_idle(connection, request, ms='0'):
    """Answers and says keep-alive, but closes the idle connection after a moment."""
    connection.read_body(request)
    connection.send(answer(200, b'{"ok": true}', ['Connection: keep-alive']))
    time.sleep(int(ms) / 1000)
    connection.close()


# ---- answers that are cut, double, wrong --------------------------------------------------------------


def send_and_close(connection, request, data):
    connection.read_body(request)
    connection.send(data)
    connection.close()


@way
def half_status(connection, request):
    send_and_close(connection, request, b'HTTP/1.1 20')


@way
def half_headers(connection, request):
    send_and_close(connection, request, b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Ty')


@way
def half_body(connection, request):
    send_and_close(connection, request, b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"ok": tr')


@way
def half_body_reset(connection, request):
    connection.read_body(request)
    connection.send(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"ok": tr')
    connection.reset()


@way
def half_chunk(connection, request):
    send_and_close(connection, request,
                   b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{"ok": tr')


@way
def no_last_chunk(connection, request):
    send_and_close(connection, request, b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ntrue\r\n')


@way
def to_the_end(connection, request):
    """Neither length nor chunks: the body ends where the connection does. Honest, in HTTP/1.0."""
    send_and_close(connection, request, b'HTTP/1.0 200 OK\r\n\r\n{"ok": true}')


@way
def longer(connection, request):
    """Says more than it sends, and waits."""
    connection.read_body(request)
    connection.send(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"ok": true}')
    connection.wait_for_the_end()


@way
def shorter(connection, request):
    """Says less than it sends: what is left over looks like the next answer."""
    connection.read_body(request)
    connection.send(b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue' + answer(200, b'not yours'))


@way
def twice(connection, request, second='200'):
    """Two answers to one request, at once."""
    connection.read_body(request)
    connection.send(answer(200, b'{"ok": true}') + answer(int(second), b'{"ok": "not yours"}'))


@way
def twice_late(connection, request, ms='20'):
    """The second answer comes when the connection may already have been given to the next request."""
    connection.read_body(request)
    connection.send(answer(200, b'{"ok": true}'))
    time.sleep(int(ms) / 1000)
    connection.send(answer(200, b'{"ok": "not yours"}'))


@way
def lengths(connection, request):
    """Two lengths that differ."""
    connection.read_body(request)
    connection.send(b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 12\r\n\r\n{"ok": true}')
    connection.close()


@way
def bad_length(connection, request):
    send_and_close(connection, request, b'HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{"ok": true}')


@way
def bad_chunk(connection, request):
    send_and_close(connection, request,
                   b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\x00\xffrubbish\r\n0\r\n\r\n')


@way
def vast_chunk(connection, request):
    send_and_close(connection, request,
                   b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' +
                   b'ffffffffffffffffff\r\n{"ok": true}\r\n')


@way
def rubbish(connection, request):
    send_and_close(connection, request, b'\x00\x01\x02 220 mail.example.com ESMTP\r\n' * 20)


@way
def old(connection, request):
    """HTTP/0.9: no head at all."""
    send_and_close(connection, request, b'<html>ok</html>')


@way
def odd_status(connection, request, code='999'):
    connection.read_body(request)
    connection.send(f'HTTP/1.1 {code} Odd\r\nContent-Length: 0\r\n\r\n'.encode())


@way
def wrong_encoding(connection, request):
    connection.read_body(request)
    connection.send(answer(200, b'this is no gzip', ['Content-Encoding: gzip']))


@way
def bomb(connection, request, mib='1024'):
    """A few KiB that become a GiB where they are unpacked."""
    connection.read_body(request)
    connection.send(answer(200, gzip.compress(bytes(1024 * 1024), 9) * int(mib), ['Content-Encoding: gzip']))


# ---- too slow, too much ---------------------------------------------------------------------------------


@way
def drip(connection, request, ms='50'):
    """A byte at a time."""
    connection.read_body(request)
    for byte in answer(200, b'{"ok": true}' + b' ' * 2000):
        connection.send(bytes([byte]))
        time.sleep(int(ms) / 1000)


@way
def drip_headers(connection, request, ms='20'):
    """A header at a time, without an end."""
    connection.read_body(request)
    connection.send(b'HTTP/1.1 200 OK\r\n')
    while True:
        connection.send(b'X-Slow: yes\r\n')
        time.sleep(int(ms) / 1000)


@way
def huge(connection, request):
    """10 GiB, and says so."""
    connection.read_body(request)
    connection.send(f'HTTP/1.1 200 OK\r\nContent-Length: {HUGE}\r\n\r\n'.encode())
    send_much(connection, PIECE)


@way
def endless(connection, request):
    """10 GiB in chunks, which nobody can know beforehand."""
    connection.read_body(request)
    connection.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
    send_much(connection, b'10000\r\n' + PIECE + b'\r\n')


@way
def endless_headers(connection, request):
    connection.read_body(request)
    connection.send(b'HTTP/1.1 200 OK\r\n')
    send_much(connection, b'X-More: ' + b'x' * 1000 + b'\r\n')


@way
def long_header(connection, request):
    connection.read_body(request)
    connection.send(b'HTTP/1.1 200 OK\r\nX-Long: ')
    send_much(connection, PIECE)


@way
def much(connection, request, code, n):
    """So many bytes, honestly."""
    connection.read_body(request)
    connection.send(answer(int(code), b'y' * int(n)))


def send_much(connection, piece):
    for _ in range(HUGE // len(piece)):
        connection.send(piece)
    connection.close()


# ---- games with 1xx -----------------------------------------------------------------------------------


@way
def continues(connection, request, n='1000'):
    """Says 100 so often, then answers."""
    connection.send(b'HTTP/1.1 100 Continue\r\n\r\n' * int(n))
    connection.read_body(request, has_asked=False)
    connection.send(answer(200, b'{"ok": true}'))


@way
def continues_only(connection, request):
    """Says 100 and never anything else."""
    connection.read_body(request)
    while True:
        connection.send(b'HTTP/1.1 100 Continue\r\n\r\n')
        time.sleep(0.02)


@way
def no_continue(connection, request):
    """Waits for the body and never says 100. Who does not wait for it gets his answer."""
    connection.read_body(request, has_asked=False)
    connection.send(answer(200, b'{"ok": true}'))


@way
def hints(connection, request):
    connection.read_body(request)
    connection.send(b'HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n' +
                    answer(200, b'{"ok": true}'))


@way
def expectation_failed(connection, request):
    """417, without having read the body where the client waits for its 100."""
    if not request.header('Expect'):
        connection.read_body(request)
    connection.send(answer(417, b'no expectations here', ['Connection: close']))
    connection.close()


@way
def early(connection, request, code='413'):
    """Answers when it has the headers, and closes without reading the body."""
    connection.send(answer(int(code), b'too large', ['Connection: close']))
    connection.close()
    del request


@way
def switch(connection, request):
    send_and_close(connection, request,
                   b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nrubbish')


# ---- elsewhere --------------------------------------------------------------------------------------------


@way
def redirect(connection, request, code, encoded):
    """To a location, given in base64."""
    connection.read_body(request)
    where = base64.urlsafe_b64decode(encoded).decode()
    connection.send(answer(int(code), b'', ['Location: ' + where]))


@way
def loop(connection, request, code='302'):
    connection.read_body(request)
    connection.send(answer(int(code), b'', ['Location: ' + request.target]))


# ---- tokens ------------------------------------------------------------------------------------------------


class Tokens:
    """OAuth 2 tokens, each good for so many requests: an hour in virtual time."""

    def __init__(self):
        self.lock = threading.Lock()
        self.left = {}
        self.issued = []

    def issue(self, uses):
        token = 'token-' + secrets.token_hex(12)
        with self.lock:
            self.left[token] = uses
            self.issued.append(token)
        return token

    def use(self, authorization):
        token = (authorization or '').removeprefix('Bearer ')
        with self.lock:
            if self.left.get(token, 0) <= 0:
                return False
            self.left[token] -= 1
            return True


@way
def token(connection, request, uses='1000000', expires_in='3600', kind='Bearer'):
    """The token endpoint, for the client `stint` with the secret `s3cret/+ &`, by basic or in the form."""
    connection.read_body(request)
    form = dict(urllib.parse.parse_qsl(request.body.decode('latin-1')))
    if form.get('grant_type') != 'client_credentials':
        connection.send(answer(400, b'{"error": "unsupported_grant_type"}'))
        return
    given = form.get('client_id'), form.get('client_secret')
    basic = request.header('Authorization') or ''
    if basic.startswith('Basic '):
        user, _, password = base64.b64decode(basic[6:]).decode().partition(':')
        given = urllib.parse.unquote_plus(user), urllib.parse.unquote_plus(password)
    if given != ('stint', CLIENT_SECRET):
        connection.send(answer(401, b'{"error": "invalid_client"}'))
        return
    issued = {'access_token': connection.server.tokens.issue(int(uses)), 'token_type': kind}
    if expires_in:
        issued['expires_in'] = int(expires_in)
    connection.send(answer(200, json.dumps(issued).encode(), ['Content-Type: application/json']))


CLIENT_SECRET = 's3cret/+ &'


@way
def guarded(connection, request, ms='0'):
    """Wants a token that is still good; else 401."""
    connection.read_body(request)
    time.sleep(int(ms) / 1000)
    if connection.server.tokens.use(request.header('Authorization')):
        connection.send(answer(200, b'{"ok": true}'))
    else:
        connection.send(answer(401, b'{"error": "invalid_token"}',
                               ['WWW-Authenticate: Bearer error="invalid_token"']))
