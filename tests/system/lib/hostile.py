# SPDX-License-Identifier: Apache-2.0
"""A hostile HTTP server, which does what the path of a request says, and writes down what it received.

    /WAY[,WAY…]/ANYTHING     the n-th request of a key gets the n-th WAY, the last one again and again

A WAY is a name and arguments, `status:503` (hostile_ways.py). It listens on several ports, by name:
`plain`; `tls`, and `tls-NAME` with that certificate (certificates.py); `tls-client`, which wants one of the
client; and three that never get as far as a request: `refuse` (nobody listens), `deaf` (accepts, and
neither reads nor writes), `slam` (accepts and closes). `proxy` makes tunnels; `proxy-407` and `proxy-502`
answer so whatever they are asked for.

The record stands in memory of the test's own process, which outlives every process of stint that it kills.
Before it is asked, `settle()` waits until all that was sent before has been read.
"""
import contextlib
import hashlib
import re
import socket
import ssl
import struct
import threading
import time
import urllib.parse

from lib import hostile_ways

KEY = re.compile(rb'^idempotency-key:[ \t]*"?([^"\r\n]*)', re.IGNORECASE | re.MULTILINE)
HEAD_MAX = 256 * 1024
BODY_KEPT = 64 * 1024
TCP_ESTABLISHED = 1
CERTIFICATES = ('expired', 'early', 'wrong-host', 'self-signed')


class Gone(Exception):
    """The other side closed the connection, or we are to end."""


class Request:
    """What was received of one request, whole or not: `head` (bytes, with the request line), `body` (its
    first 64 KiB), `sha256` of all of it, `is_whole`, `way` (what was done about it), `port` (a name),
    `connection` (a number), and `nth` on it."""

    def __init__(self, connection, nth):
        self.connection, self.nth, self.port = connection.number, nth, connection.port
        self.at = time.time()
        self.head = self.body = b''
        self.body_bytes = 0
        self.is_whole = False
        self.way = None
        self.certificate = connection.certificate
        self.digest = hashlib.sha256()

    @property
    def sha256(self):
        return self.digest.hexdigest()

    @property
    def key(self):
        found = KEY.search(self.head)
        return found.group(1).decode('latin-1') if found else None

    @property
    def method(self):
        return self.head.split(b' ', 1)[0].decode('latin-1')

    @property
    def target(self):
        words = self.head.split(b'\r\n', 1)[0].split(b' ')
        return words[1].decode('latin-1') if len(words) > 1 else ''

    @property
    def path(self):
        return urllib.parse.unquote(urllib.parse.urlsplit(self.target).path)

    @property
    def name(self):
        """The end of the path: how tests name their items."""
        return self.path.rsplit('/', 1)[-1]

    def headers(self, name):
        """The values of all headers of this name."""
        wanted = name.lower().encode()
        lines = [line.split(b':', 1) for line in self.head.split(b'\r\n')[1:] if b':' in line]
        return [value.strip().decode('latin-1') for field, value in lines if field.strip().lower() == wanted]

    def header(self, name):
        return next(iter(self.headers(name)), None)

    def __repr__(self):
        how = 'whole' if self.is_whole else 'cut'
        return f'{self.method} {self.path} (connection {self.connection}, {how}, {self.way})'


class Connection:
    """One accepted connection, on a thread of its own."""

    def __init__(self, server, port, sock):
        self.server, self.port, self.sock = server, port, sock
        self.number = server.next_number()
        self.rest = b''
        self.served = 0
        self.certificate = None

    def receive(self):
        try:
            data = self.sock.recv(65536)
        except (OSError, ssl.SSLError) as e:
            raise Gone from e
        if not data:
            raise Gone
        return data

    def send(self, data):
        try:
            self.sock.sendall(data)
        except (OSError, ssl.SSLError) as e:
            raise Gone from e

    def close(self):
        """What was sent arrives; then the end of the stream, even if not all was read."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)
        raise Gone

    def reset(self):
        with contextlib.suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            # By the raw descriptor: TLS would say goodbye first.
            socket.socket(fileno=self.sock.detach()).close()
        raise Gone

    def wait_for_the_end(self):
        """Reads and forgets until the other side is gone."""
        while True:
            self.receive()

    # ---- requests -----------------------------------------------------------------------------------

    def read_head(self, request):
        while b'\r\n\r\n' not in self.rest:
            if len(self.rest) > HEAD_MAX:
                raise Gone
            request.head = self.rest
            self.rest += self.receive()
        request.head, self.rest = self.rest.split(b'\r\n\r\n', 1)
        request.head += b'\r\n'
        request.digest.update(request.head + b'\r\n')

    def take(self, request, n):
        """So many more bytes of the body."""
        while n > 0:
            if not self.rest:
                self.rest = self.receive()
            part, self.rest = self.rest[:n], self.rest[n:]
            n -= len(part)
            self.keep(request, part)

    def take_line(self):
        while b'\n' not in self.rest:
            self.rest += self.receive()
        line, self.rest = self.rest.split(b'\n', 1)
        return line.strip()

    def keep(self, request, data):
        request.digest.update(data)
        request.body_bytes += len(data)
        request.body += data[:max(0, BODY_KEPT - len(request.body))]

    def read_body(self, request, has_asked=True):
        """Reads the rest of the request; answers `Expect: 100-continue` unless told not to."""
        if request.is_whole:
            return
        if has_asked and (request.header('Expect') or '').lower() == '100-continue':
            self.send(b'HTTP/1.1 100 Continue\r\n\r\n')
        if (request.header('Transfer-Encoding') or '').lower() == 'chunked':
            while True:
                size = int(self.take_line().split(b';')[0], 16)
                self.take(request, size)
                if size == 0:
                    break
                self.take_line()
            while self.take_line():
                pass
        else:
            self.take(request, int(request.header('Content-Length') or 0))
        request.is_whole = True

    def serve_as_proxy(self):
        request = Request(self, 0)
        self.server.write_down(request)
        self.read_head(request)
        request.is_whole, request.way = True, self.port
        if self.port != 'proxy':
            self.send(hostile_ways.answer(int(self.port[6:]), b'by the proxy', ['Connection: close']))
            self.close()
        host, port = request.target.rsplit(':', 1)
        with socket.create_connection((host, int(port))) as there:
            self.send(b'HTTP/1.1 200 Connected\r\n\r\n')
            threading.Thread(target=self.pass_on, args=(there,), daemon=True).start()
            with contextlib.suppress(OSError):
                while data := there.recv(65536):
                    self.send(data)

    def pass_on(self, there):
        with contextlib.suppress(Gone, OSError):
            while True:
                there.sendall(self.receive())
        with contextlib.suppress(OSError):
            there.shutdown(socket.SHUT_WR)

    def serve(self):
        if self.port.startswith('proxy'):
            self.serve_as_proxy()
            return
        while True:
            self.rest = self.rest or self.receive()
            request = Request(self, self.served)
            self.served += 1
            self.server.write_down(request)
            self.read_head(request)
            request.way = self.server.way_of(request)
            hostile_ways.act(self, request)


class Hostile:
    """The server; `folder` is for its certificates, which are made when first asked for."""

    def __init__(self, certificates=None):
        self.certificates = certificates
        self.requests = []
        self.ports = {}
        self.tokens = hostile_ways.Tokens()
        self.lock = threading.Lock()
        self.numbers = 0
        self.connections = {}
        self.asked = {}
        self.is_over = False
        self.threads = []
        self.listeners = []
        for port in ('plain', 'deaf', 'slam', 'proxy', 'proxy-407', 'proxy-502'):
            self._listen(port, None)
        if certificates is not None:
            self._listen('tls', self._context('good'))
            for name in CERTIFICATES:
                self._listen('tls-' + name, self._context(name))
            context = self._context('good')
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(certificates.ca)
            self._listen('tls-client', context)
        # Bound and never listening: every connection is refused, and nobody else gets the port.
        self.refusing = socket.socket()
        self.refusing.bind(('127.0.0.1', 0))
        self.ports['refuse'] = self.refusing.getsockname()[1]

    def _context(self, name):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.certificates.pair(name))
        return context

    def _listen(self, port, context):
        listener = socket.create_server(('127.0.0.1', 0), backlog=512)
        self.ports[port] = listener.getsockname()[1]
        self.listeners.append(listener)
        self._thread(self._accept, port, listener, context)

    def _thread(self, target, *args):
        thread = threading.Thread(target=target, args=args, daemon=True)
        thread.start()
        self.threads.append(thread)

    def _accept(self, port, listener, context):
        while not self.is_over:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            connection = Connection(self, port, sock)
            with self.lock:
                self.connections[connection.number] = connection
            threading.Thread(target=self._converse, args=(connection, context), daemon=True).start()

    def _converse(self, connection, context):
        try:
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if connection.port == 'slam':
                return
            if connection.port == 'deaf':
                self._be_deaf(connection)
                return
            if context is not None:
                connection.sock = context.wrap_socket(connection.sock, server_side=True)
                connection.certificate = connection.sock.getpeercert()
            connection.serve()
        except (Gone, OSError, ssl.SSLError):
            pass
        finally:
            with contextlib.suppress(OSError):
                connection.sock.close()
            with self.lock:
                del self.connections[connection.number]

    def _be_deaf(self, connection):
        """Takes nothing off the stream until its other end is gone; then writes down what had come."""
        while not self.is_over and connection.sock.getsockopt(
                socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == TCP_ESTABLISHED:
            time.sleep(0.01)
        request = Request(connection, 0)
        self.write_down(request)
        connection.sock.setblocking(False)
        connection.read_head(request)

    # ---- what connections ask ------------------------------------------------------------------------

    def next_number(self):
        with self.lock:
            self.numbers += 1
            return self.numbers

    def write_down(self, request):
        with self.lock:
            self.requests.append(request)

    def way_of(self, request):
        ways = request.path.split('/')[1].split(',')
        with self.lock:
            who = request.key or request.path
            n = self.asked.get(who, 0)
            self.asked[who] = n + 1
        return ways[min(n, len(ways) - 1)]

    # ---- what tests ask ----------------------------------------------------------------------------

    def url(self, port='plain', path='/ok'):
        scheme = 'https' if port.startswith('tls') else 'http'
        host = 'localhost' if port.startswith('tls') else '127.0.0.1'
        return f'{scheme}://{host}:{self.ports[port]}{path}'

    def settle(self, limit_s=120):
        """Waits until whoever was connected when this was called is gone, and all that they sent is read."""
        end = time.monotonic() + limit_s
        for listener in self.listeners:
            # Connections are accepted in the order in which they came.
            with socket.create_connection(listener.getsockname()):
                pass
        while True:
            with self.lock:
                left = list(self.connections.values())
            if not left:
                return
            assert time.monotonic() < end, f'still connected: {[(c.port, c.served) for c in left]}'
            time.sleep(0.01)

    def received(self, name=None):
        """The requests so far, whole or not, that carried anything; of this name."""
        with self.lock:
            found = [r for r in self.requests if r.head]
        return found if name is None else [r for r in found if r.name == name]

    def by_key(self):
        """{idempotency key: its requests}."""
        found = {}
        for request in self.received():
            if request.key is not None:
                found.setdefault(request.key, []).append(request)
        return found

    def close(self):
        self.is_over = True
        for listener in self.listeners:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.refusing.close()
        with self.lock:
            left = list(self.connections.values())
        for connection in left:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(10)
