# SPDX-License-Identifier: Apache-2.0
"""A proxy before a PostgreSQL server that knows where statements begin and end.

It can cut a connection just before or just after a COMMIT of the ledger reaches the server, hold
back what comes, and let nobody in. The server sees, and did, what it was given; the client never
gets the answer.
"""
import socket
import struct
import threading
import time

SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102


class Closed(Exception):
    """One of the two ends has gone."""


def read_exact(s, n):
    data = b''
    while len(data) < n:
        try:
            more = s.recv(n - len(data))
        except OSError as e:
            raise Closed from e
        if not more:
            raise Closed
        data += more
    return data


class Connection:
    """One client and what was opened for it at the server."""

    def __init__(self, proxy, client):
        self.proxy, self.client = proxy, client
        self.server = socket.create_connection(('127.0.0.1', proxy.server_port))
        for s in (self.client, self.server):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.statements = {}
        self.lock = threading.Lock()
        self.cut_at_ready = False  # the next ReadyForQuery of the server is not passed on

    def close(self):
        for s in (self.client, self.server):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    def serve(self):
        try:
            self.start_up()
            threading.Thread(target=self.guard, args=(self.from_server,), daemon=True).start()
            self.from_client()
        except (Closed, OSError):
            pass
        finally:
            self.close()
            self.proxy.forget(self)

    def guard(self, what):
        try:
            what()
        except (Closed, OSError):
            pass
        self.close()

    def start_up(self):
        while True:
            head = read_exact(self.client, 8)
            length, code = struct.unpack('!II', head)
            rest = read_exact(self.client, length - 8)
            if code not in (SSL_REQUEST, GSS_REQUEST):
                self.server.sendall(head + rest)
                return
            self.client.sendall(b'N')

    def message(self, s):
        head = read_exact(s, 5)
        return head, read_exact(s, struct.unpack('!I', head[1:])[0] - 4)

    def from_client(self):
        writes = commits = False
        while True:
            head, body = self.message(self.client)
            kind = head[:1]
            if kind == b'P':
                name, sql = body.split(b'\0')[:2]
                self.statements[name] = sql
            if kind == b'B':
                sql = self.statements.get(body.split(b'\0')[1], b'')
                if sql.startswith(b'BEGIN'):
                    writes = False
                writes = writes or b'READ WRITE' in sql or self.proxy.writing in sql
                commits = writes and sql == b'COMMIT'
                if commits and self.proxy.takes('before'):
                    raise Closed
            self.proxy.hold()
            if kind == b'S':
                time.sleep(self.proxy.delay_s)
                if commits:
                    with self.lock:
                        self.cut_at_ready = self.proxy.takes('after')
                writes, commits = writes and not commits, False
            self.server.sendall(head + body)

    def from_server(self):
        while True:
            head, body = self.message(self.server)
            if head[:1] == b'Z':
                with self.lock:
                    if self.cut_at_ready:
                        raise Closed
            self.proxy.hold()
            with self.lock:
                if not self.cut_at_ready:
                    self.client.sendall(head + body)


class PgProxy:
    """Listens on `port`. `cut(where, n)`: the n-th commit of a batch of a ledger that writes, or of a
    target with its marks, is cut from now on, 'before' or 'after' the server has it. Ended by close()."""

    def __init__(self, server):
        self.server, self.server_port = server, server.port
        self.lock = threading.Lock()
        self.connections = []
        self.plan = None  # where, how many to let pass
        self.writing = b'UPDATE stint_mark'  # of a target: a transaction with this in it
        self.cuts = 0
        self.delay_s = 0  # before each end of a batch
        self.is_held = threading.Event()
        self.is_held.set()
        self.listener = socket.socket()
        self.listener.bind(('127.0.0.1', 0))
        self.listener.listen(50)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def uri(self, database):
        return self.server.tcp_uri(database, port=self.port)

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                connection = Connection(self, client)
            except OSError:
                client.close()
                continue
            with self.lock:
                self.connections.append(connection)
            threading.Thread(target=connection.serve, daemon=True).start()

    def forget(self, connection):
        with self.lock:
            if connection in self.connections:
                self.connections.remove(connection)

    def cut(self, where, n=1):
        with self.lock:
            self.plan = [where, n]

    def takes(self, where):
        """Whether this commit is the one to be cut."""
        with self.lock:
            if self.plan is None or self.plan[0] != where:
                return False
            self.plan[1] -= 1
            if self.plan[1] > 0:
                return False
            self.plan = None
            self.cuts += 1
            return True

    def hold(self):
        self.is_held.wait()

    def freeze(self):
        """Nothing passes, nobody is told: as when the network drops it all."""
        self.is_held.clear()

    def thaw(self):
        self.is_held.set()

    def drop(self):
        """Every connection is gone."""
        with self.lock:
            connections = list(self.connections)
        for connection in connections:
            connection.close()

    def close(self):
        self.listener.close()
        self.thaw()
        self.drop()
