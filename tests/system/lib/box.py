# SPDX-License-Identifier: Apache-2.0
"""A box: one directory with a ledger of its own, in which a test runs the real program.

The program is $STINT, else build/stint. Nothing of the machine's configuration is seen from inside.
The ledger is a file of the box, or a database of its own (lib/postgres.py).
"""
import atexit
import contextlib
import functools
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
STINT = os.path.abspath(os.environ.get('STINT', os.path.join(TOP, 'build', 'stint')))
# The build with fault points.
STINT_DEV = os.path.abspath(os.environ.get('STINT_DEV', os.path.join(TOP, 'build-dev', 'stint')))


@functools.cache
def compiled(source, *flags):
    """The program of a C file in lib/, made once for each worker."""
    folder = tempfile.mkdtemp(prefix=f'stint-made-{os.getpid()}-')
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = os.path.join(folder, 'made')
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), source)
    subprocess.run(['cc', '-O1', '-D_GNU_SOURCE', '-o', path, source, *flags], check=True)
    return path


class Result:
    """What a call said, and how it ended."""

    def __init__(self, args, code, out, err):
        self.args, self.code, self.out, self.err = args, code, out, err

    @property
    def said(self):
        return self.out + self.err

    def __repr__(self):
        return f'{" ".join(self.args)}\n-> {self.code}\n{self.out[-3000:]}\n--\n{self.err[-3000:]}'


class Box:
    def __init__(self, path, ledger=None, database=None):
        self.path = str(path)
        self.ledger = ledger or os.path.join(self.path, 'ledger.db')
        self.database = database
        self.program = STINT
        self.options = []
        kind = subprocess.run(['stat', '-f', '-c', '%T', os.path.dirname(self.ledger)], text=True,
                              capture_output=True, check=True).stdout.strip()
        if kind in ('tmpfs', 'ramfs'):
            self.options = ['--volatile']
        self.env = {
            'PATH': '/usr/local/bin:/usr/bin:/bin', 'LC_ALL': 'C.UTF-8', 'TZ': 'UTC', 'NO_COLOR': '1',
            'HOME': self.path, 'XDG_CONFIG_HOME': os.path.join(self.path, '.config'),
            'XDG_STATE_HOME': os.path.join(self.path, '.state'),
            'STINT_LEDGER': database.uri if database else self.url}
        self.running = []

    @property
    def url(self):
        """The ledger's, as stint shows it."""
        if self.database:
            return self.database.uri
        return 'sqlite:' + self.ledger

    def has_ledger(self):
        if self.database:
            return self.database.value("select to_regclass('stint.run') is not null") == 't'
        return os.path.exists(self.ledger)

    def file(self, name, data='', mode=None):
        """Writes a file of the box; text or bytes. Gives its path."""
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as f:
            f.write(data.encode() if isinstance(data, str) else data)
        if mode is not None:
            os.chmod(path, mode)
        return path

    def read(self, name):
        with open(os.path.join(self.path, name), encoding='utf-8', errors='surrogateescape') as f:
            return f.read()

    def lines(self, name):
        path = os.path.join(self.path, name)
        return self.read(name).split('\n')[:-1] if os.path.exists(path) else []

    def command(self, *args):
        return [self.program, args[0], *self.options, *args[1:]]

    def run(self, *args, timeout=180, stdin=None, **more):
        """Calls `stint ARGS` and waits for it."""
        done = subprocess.run(self.command(*args), cwd=self.path, env=self.env, timeout=timeout,
                              input=stdin, capture_output=True, check=False, **more)
        return Result(args, done.returncode, done.stdout.decode('utf-8', 'replace'),
                      done.stderr.decode('utf-8', 'replace'))

    def start(self, *args, **more):
        """Starts `stint ARGS`; what it says goes to a file. Ended by close() at the latest."""
        with open(os.path.join(self.path, f'said.{len(self.running)}'), 'wb') as said:
            process = subprocess.Popen(self.command(*args), cwd=self.path, env=self.env, stdout=said,
                                       stderr=said, stdin=subprocess.DEVNULL, **more)
        process.said = said.name
        self.running.append(process)
        return process

    def compile(self, name, source, *flags):
        """Makes a program (or, by flags, a library) of the box from a C file in lib/. Gives its path."""
        path = os.path.join(self.path, name)
        shutil.copy(compiled(source, *flags), path)
        return path

    def open_to_others(self):
        """Lets every user look into the box. The folders above it are this test session's own."""
        folder = self.path
        while folder != '/':
            mode = os.stat(folder).st_mode
            if mode & 0o055 != 0o055:
                os.chmod(folder, mode | 0o055)
            folder = os.path.dirname(folder)

    def close(self):
        for process in self.running:
            if process.poll() is None:
                for pid in [process.pid, *descendants(process.pid)]:
                    kill(pid)
                process.wait()

    def items(self, *args):
        """[{key, state, …}] of `stint items ARGS --json`."""
        said = self.run('items', *args, '--json')
        assert said.code in (0, 1), said
        return json.loads(said.out)['items'] if said.out else []

    def keys(self, state):
        return sorted(item['key'] for item in self.items('--state', state))

    def ask(self, sql, *values):
        """The rows of a query of the ledger, each a tuple; `?` stands for a value."""
        if self.database:
            return self.database.rows(sql, *values)
        with contextlib.closing(sqlite3.connect(f'file:{self.ledger}?mode=ro', uri=True, timeout=60)) as db:
            return db.execute(sql, values).fetchall()

    def ask_early(self, sql, *values):
        """The same, and [] while there is no such ledger as yet."""
        try:
            return self.ask(sql, *values) if self.has_ledger() else []
        except sqlite3.OperationalError:
            return []  # it is being made

    def change(self, sql, *values):
        """Changes the ledger behind stint's back. Gives how many rows."""
        if self.database:
            return len(self.database.rows(sql + ' RETURNING 1 AS one', *values))
        with contextlib.closing(sqlite3.connect(self.ledger, timeout=60)) as db, db:
            return db.execute(sql, values).rowcount

    def ledger_bytes(self):
        size = json.loads(self.run('ledger', 'info', '--json').out)
        return size['file_bytes'] + size['wal_bytes']

    def verify(self):
        said = self.run('ledger', 'verify')
        assert said.code == 0, said

    def process_said(self, process):
        with open(process.said, encoding='utf-8', errors='replace') as f:
            return f.read()


class Quiet:
    """True when no effect has come for so long."""

    def __init__(self, box, seconds):
        self.box, self.seconds, self.n, self.since = box, seconds, -1, 0

    def __call__(self):
        n, now = len(self.box.lines('effects')), time.monotonic()
        if n != self.n:
            self.n, self.since = n, now
        return now - self.since > self.seconds


# ---- processes, by /proc ---------------------------------------------------------------------------


def parents():
    """{pid: parent} of every process."""
    found = {}
    for name in os.listdir('/proc'):
        if name.isdigit():
            try:
                with open(f'/proc/{name}/stat', encoding='utf-8', errors='replace') as f:
                    fields = f.read().rsplit(')', 1)[1].split()
            except OSError:
                continue
            if fields[0] != 'Z':
                found[int(name)] = int(fields[1])
    return found


def children(pid, table=None):
    return [p for p, parent in (table or parents()).items() if parent == pid]


def descendants(pid, table=None):
    table = table or parents()
    found = []
    for child in children(pid, table):
        found += [child, *descendants(child, table)]
    return found


def is_stint(pid):
    try:
        return os.readlink(f'/proc/{pid}/exe') in (os.path.realpath(STINT), os.path.realpath(STINT_DEV))
    except OSError:
        return False


def cast(keeper):
    """The processes under a keeper by role: keeper, engine, lane, child (a program of an item)."""
    table = parents()
    roles = {'keeper': [keeper] if keeper in table else [], 'engine': [], 'lane': [], 'child': []}
    for engine in children(keeper, table):
        if is_stint(engine):
            roles['engine'].append(engine)
        for lane in children(engine, table):
            if is_stint(lane):
                roles['lane'].append(lane)
            roles['child'] += [c for c in children(lane, table) if not is_stint(c)]
    return roles


def is_alive(pid):
    """False for what is gone, and for what is dead and only not yet waited for. A process whose first
    thread has ended already may have another that still writes, and holds what the process held."""
    try:
        with open(f'/proc/{pid}/stat', encoding='utf-8', errors='replace') as f:
            is_zombie = f.read().rsplit(')', 1)[1].split()[0] == 'Z'
        return not is_zombie or len(os.listdir(f'/proc/{pid}/task')) > 1
    except OSError:
        return False


def is_stopped(pid):
    """By SIGSTOP."""
    with open(f'/proc/{pid}/stat', encoding='utf-8', errors='replace') as f:
        return f.read().rsplit(') ', 1)[1][0] == 'T'


def kill(pid, how=signal.SIGKILL):
    """True when the process was there."""
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        return False
    return True


def kill_family(process):
    """A call with all that it has started, at once."""
    for pid in [process.pid, *descendants(process.pid)]:
        kill(pid)
    process.wait()


def wait_until(what, limit_s=120, every_s=0.005):
    """Waits until what() is true and gives what it gave; fails the test when that takes too long."""
    end = time.monotonic() + limit_s
    while True:
        value = what()
        if value:
            return value
        assert time.monotonic() < end, 'waited too long'
        time.sleep(every_s)


def peak_rss_mib(pids):
    """The largest VmHWM of these processes (0 for those that are gone)."""
    peak = 0
    for pid in pids:
        try:
            with open(f'/proc/{pid}/status', encoding='utf-8') as f:
                found = re.search(r'VmHWM:\s+(\d+)', f.read())
        except OSError:
            continue
        peak = max(peak, int(found.group(1)) / 1024 if found else 0)
    return peak
