# SPDX-License-Identifier: Apache-2.0
"""Private PostgreSQL servers, standbys among them, in folders of their own.

A server listens on a Unix socket and on a free port of 127.0.0.1. When we are root it runs as
`postgres` or `nobody`. It ends with the process that started it. Roles: `postgres` may do all and
comes in by the socket without a password; `stint` may not, owns its databases, and needs its
password (`Server.password`) on the port.

fsync is off unless a test is about durability: what a killed *server* has written is in the
system's cache all the same.
"""
import atexit
import csv
import glob
import io
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.parse

from lib.nginx import free_port

CONFIG = '''
listen_addresses = '127.0.0.1'
unix_socket_directories = '{folder}'
port = {port}
max_connections = 100
shared_buffers = 32MB
wal_level = replica
max_wal_senders = 10
wal_keep_size = 64MB
hot_standby = on
jit = off
timezone = UTC
log_timezone = UTC
lc_messages = C
logging_collector = off
log_line_prefix = '%m [%p] %a '
fsync = {fsync}
'''
HBA = '''
local all,replication all trust
host all all 127.0.0.1/32 scram-sha-256
'''
WAIT_S = 120


def binaries():
    """The folder of initdb, postgres, … of the newest version that is here."""
    found = glob.glob('/usr/lib/postgresql/*/bin/postgres')
    assert found, 'no PostgreSQL here (tools/setup test)'
    return os.path.dirname(max(found, key=lambda p: int(p.split('/')[4])))


def account():
    """Who the server runs as; None: as we."""
    if os.geteuid() != 0:
        return None
    for name in ('postgres', 'nobody'):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise AssertionError('neither postgres nor nobody is an account here')


def wait_for(what, condition, timeout=WAIT_S):
    end = time.monotonic() + timeout
    while True:
        got = condition()
        if got:
            return got
        assert time.monotonic() < end, f'not within {timeout} s: {what}'
        time.sleep(0.02)


class Folder:
    """A short path in /tmp (a socket's name has at most 107 bytes), the server's own."""

    def __init__(self):
        for left in glob.glob('/tmp/stint-pg-*'):
            if not is_alive(left.split('-')[2]):
                shutil.rmtree(left, ignore_errors=True)  # its maker was killed
        self.path = tempfile.mkdtemp(prefix=f'stint-pg-{os.getpid()}-', dir='/tmp')
        self.owner = account()
        if self.owner:
            os.chown(self.path, self.owner.pw_uid, self.owner.pw_gid)
        os.chmod(self.path, 0o755)
        self.pid = os.getpid()
        atexit.register(self.remove)

    def remove(self):
        if os.getpid() == self.pid:
            shutil.rmtree(self.path, ignore_errors=True)


class Server:
    """`Server()` is running when it is made. `more`: further lines of postgresql.conf."""

    password = 'Geheim-1'
    template = None  # the folder that initdb made, once for each process

    def __init__(self, durable=False, more='', folder=None):
        self.folder = folder or Folder()
        self.path = self.folder.path
        self.data = os.path.join(self.path, 'data')
        self.process = None
        self.port = None
        self.durable, self.more = durable, more
        self.n_databases = 0
        self.made_from = None
        atexit.register(self.close)

    # -- making ------------------------------------------------------------------------------

    def as_owner(self, *args):
        """The command, run as the server's account, ended with this process."""
        command = ['setpriv', '--pdeathsig', 'INT']
        if self.folder.owner:
            command += [f'--reuid={self.folder.owner.pw_uid}', f'--regid={self.folder.owner.pw_gid}',
                        '--clear-groups']
        return [*command, *args]

    def call(self, program, *args):
        done = subprocess.run(
            self.as_owner(os.path.join(binaries(), program), *args), cwd=self.path, timeout=600,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
            env={'PATH': '/usr/bin:/bin', 'LC_ALL': 'C.UTF-8', 'HOME': self.path})
        assert done.returncode == 0, done.stdout.decode('utf-8', 'replace')

    def make(self):
        """A cluster: a copy of the one that initdb made for this process."""
        if Server.template is None:
            Server.template = Folder()
            first = Server(folder=Server.template)
            first.call('initdb', '-D', first.data, '-U', 'postgres', '-E', 'UTF8', '--locale=C.UTF-8',
                       '--auth=trust', '--no-sync')
        self.call_copy(os.path.join(Server.template.path, 'data'))
        return self

    def call_copy(self, source):
        subprocess.run(self.as_owner('cp', '-a', source, self.data), check=True, timeout=600)

    def write(self, name, text):
        """A file of the data folder, which is the server's."""
        path = os.path.join(self.data, name)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
        if self.folder.owner:
            os.chown(path, self.folder.owner.pw_uid, self.folder.owner.pw_gid)

    # -- running -----------------------------------------------------------------------------

    @property
    def log(self):
        with open(os.path.join(self.path, 'log'), encoding='utf-8', errors='replace') as f:
            return f.read()

    def start(self):
        """On its port; the first time on one that is free."""
        for _ in range(50):
            port = self.port or free_port()
            self.write('postgresql.conf', CONFIG.format(
                folder=self.path, port=port, fsync='on' if self.durable else 'off') + self.more)
            self.write('pg_hba.conf', HBA)
            if self._launch(port):
                self.port = port
                return self
        raise AssertionError(f'PostgreSQL does not start:\n{self.log[-3000:]}')

    def _launch(self, port):
        """False when somebody else has that port."""
        with open(os.path.join(self.path, 'log'), 'ab') as log:
            begin = log.tell()
            self.process = subprocess.Popen(
                self.as_owner(os.path.join(binaries(), 'postgres'), '-D', self.data), cwd=self.path,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={'PATH': '/usr/bin:/bin', 'LC_ALL': 'C.UTF-8', 'HOME': self.path})

        def is_up():
            if self.process.poll() is not None:
                said = self.log[begin:]
                assert 'could not bind' in said, said
                return 'no'
            done = subprocess.run([os.path.join(binaries(), 'pg_isready'), '-q', '-h', self.path,
                                   '-p', str(port)], check=False, stdin=subprocess.DEVNULL, timeout=60)
            return 'yes' if done.returncode == 0 else ''
        return wait_for('PostgreSQL is up', is_up) == 'yes'

    def processes(self):
        """The server and its children; all that is left of them."""
        pids = []
        for status in glob.glob('/proc/[0-9]*/stat'):
            try:
                with open(status, encoding='utf-8', errors='replace') as f:
                    pid, rest = f.read().split(' (', 1)
            except (FileNotFoundError, ProcessLookupError):
                continue
            state, parent = rest.rsplit(') ', 1)[1].split()[:2]
            if state != 'Z' and self.process.pid in (int(pid), int(parent)):
                pids.append(int(pid))
        return sorted(pids, key=lambda pid: pid != self.process.pid)

    def signal_all(self, number):
        for pid in self.processes():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def stop(self, how=signal.SIGINT):
        """In good order: clients are thrown out. SIGTERM waits for them, SIGQUIT is a crash."""
        if self.process is None:
            return
        self.thaw()
        self.process.send_signal(how)
        self.process.wait(WAIT_S)
        self.process = None

    def kill(self):
        """As by a power cut: none of its processes does anything any more."""
        pids = self.processes()
        self.signal_all(signal.SIGSTOP)
        self.signal_all(signal.SIGKILL)
        self.process.wait(WAIT_S)
        wait_for('all its processes are gone', lambda: not any(is_alive(pid) for pid in pids))
        self.process = None

    def restart(self):
        self.stop()
        self.start()

    def freeze(self):
        """It lives and does not answer."""
        self.signal_all(signal.SIGSTOP)

    def thaw(self):
        self.signal_all(signal.SIGCONT)

    def close(self):
        if self.process is not None and self.process.poll() is None and self.folder.pid == os.getpid():
            self.thaw()
            self.process.send_signal(signal.SIGQUIT)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
        self.folder.remove()

    # -- asking ------------------------------------------------------------------------------

    def uri(self, database, user='stint'):
        """By the socket."""
        host = urllib.parse.quote(self.path, safe='')
        return f'postgres://{user}@{host}:{self.port}/{database}'

    def tcp_uri(self, database, user='stint', password=None, port=None):
        return f'postgres://{user}:{password or self.password}@127.0.0.1:{port or self.port}/{database}'

    def ask(self, text, database='postgres', user='postgres', timeout=WAIT_S):
        """Runs SQL with psql. Gives the last result's rows, each a list of texts ('' is null, too)."""
        done = subprocess.run(
            ['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '--csv', '-t', '-f', '-',
             self.uri(database, user)], input=text.encode(), capture_output=True, timeout=timeout,
            check=False, env={'PATH': '/usr/bin:/bin', 'LC_ALL': 'C.UTF-8', 'HOME': self.path})
        if done.returncode != 0:
            raise RuntimeError(done.stderr.decode('utf-8', 'replace'))
        return list(csv.reader(io.StringIO(done.stdout.decode())))

    def value(self, text, database='postgres', user='postgres'):
        rows = self.ask(text, database, user)
        return rows[0][0] if rows else None

    def database(self, name=None):
        """A fresh one."""
        self.n_databases += 1
        name = name or f'db_{self.n_databases}'
        self.ask(f'create database {name} owner stint template template0')
        return Database(self, name)

    def ready(self):
        """Started, with the role `stint`."""
        self.make().start()
        self.ask(f"create role stint login createdb password '{self.password}'")
        return self

    # -- standbys ----------------------------------------------------------------------------

    def standby(self, synchronous=False):
        """Another server that follows this one; `synchronous`: commits wait for it from now on."""
        follower = Server(self.durable, self.more)
        name = 'standby_' + re.sub(r'\W', '_', os.path.basename(follower.path))
        follower.made_from = self
        follower.name = name
        follower.call('pg_basebackup', '-D', follower.data, '-R', '-X', 'stream', '-c', 'fast',
                      '--no-sync', '-d', f'host={self.path} port={self.port} user=postgres '
                      f'application_name={name}')
        follower.start()
        wait_for('it follows', lambda: self._follows(name))
        if synchronous:
            self.synchronous(follower)
        return follower

    def _follows(self, name):
        return self.value(f"select sync_state from pg_stat_replication where application_name = '{name}'"
                          " and state = 'streaming'")

    def synchronous(self, follower):
        """Commits wait for that standby; None: for none."""
        names = follower.name if follower else ''
        self.ask(f"alter system set synchronous_standby_names = '{names}'; select pg_reload_conf();")
        if follower:
            wait_for('it is synchronous', lambda: self._follows(follower.name) == 'sync')

    def cut(self):
        """A standby no longer hears of its primary: what is committed there now will be lost."""
        self.ask("alter system set primary_conninfo = ''; select pg_reload_conf();")
        wait_for('it hears nothing', lambda: self.value('select count(*) from pg_stat_wal_receiver') == '0')

    def promote(self):
        assert self.value(f'select pg_promote(true, {WAIT_S})') == 't', self.log[-3000:]


class Database:
    """A database of a server; `uri` and `tcp_uri` are what stint is given."""

    def __init__(self, server, name):
        self.server, self.name = server, name

    @property
    def uri(self):
        return self.server.uri(self.name)

    @property
    def tcp_uri(self):
        return self.server.tcp_uri(self.name)

    def ask(self, text, user='stint'):
        return self.server.ask(text, self.name, user)

    def value(self, text, user='stint'):
        return self.server.value(text, self.name, user)

    def rows(self, sql, *values):
        """The rows of one statement about the ledger in it, each a tuple of what JSON has; `?` stands
        for a value."""
        parts = sql.split('?')
        assert len(parts) == len(values) + 1, sql
        literals = [str(v) if isinstance(v, int) else "'" + str(v).replace("'", "''") + "'" for v in values]
        sql = ''.join(text for pair in zip(parts, [*literals, '']) for text in pair)
        found = self.ask(f'set search_path = stint; with t as ({sql}) select row_to_json(t) from t')
        return [tuple(json.loads(row[0]).values()) for row in found]

    def drop(self):
        self.server.ask(f'drop database if exists {self.name} with (force)')


def is_alive(pid):
    try:
        with open(f'/proc/{pid}/stat', encoding='utf-8', errors='replace') as f:
            return f.read().rsplit(') ', 1)[1][0] not in 'ZX'
    except (FileNotFoundError, ProcessLookupError):
        return False
