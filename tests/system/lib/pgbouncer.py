# SPDX-License-Identifier: Apache-2.0
"""A real PgBouncer before a database of a test's server, in a folder of its own."""
import os
import socket
import subprocess
import time

from lib.nginx import free_port
from lib.postgres import Folder

CONFIG = '''
[databases]
{name} = host={server} port={server_port} user=stint
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = 5
logfile = {folder}/log
pidfile = {folder}/pid
ignore_startup_parameters = extra_float_digits
'''


class PgBouncer:
    """`mode`: session, transaction or statement. `uri` is what stint is given."""

    def __init__(self, database, mode):
        self.folder = Folder()
        self.database = database
        for _ in range(50):
            self.port = free_port()
            if self._launch(mode):
                return
        raise AssertionError(f'PgBouncer does not start: {self.log}')

    @property
    def uri(self):
        return f'postgres://stint@127.0.0.1:{self.port}/{self.database.name}'

    @property
    def log(self):
        with open(os.path.join(self.folder.path, 'log'), encoding='utf-8', errors='replace') as f:
            return f.read()

    def _launch(self, mode):
        path = os.path.join(self.folder.path, 'pgbouncer.ini')
        with open(path, 'w', encoding='utf-8') as f:
            f.write(CONFIG.format(name=self.database.name, server=self.database.server.path,
                                  server_port=self.database.server.port, port=self.port, mode=mode,
                                  folder=self.folder.path))
        self.process = subprocess.Popen(
            self.database.server.as_owner('/usr/sbin/pgbouncer', '-q', path), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while self.process.poll() is None:
            with socket.socket() as s:
                if s.connect_ex(('127.0.0.1', self.port)) == 0:
                    return True
            assert time.monotonic() < end, self.log
            time.sleep(0.02)
        return False

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
        self.folder.remove()
