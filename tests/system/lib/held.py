# SPDX-License-Identifier: Apache-2.0
"""A session of PostgreSQL that holds something until it is closed: a lock, a transaction."""
import os
import subprocess


class Held:
    def __init__(self, database, sql, user='stint'):
        self.database = database
        self.process = subprocess.Popen(
            ['psql', '-X', '-q', '-A', '-t', database.server.uri(database.name, user)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={'PATH': '/usr/bin:/bin', 'LC_ALL': 'C.UTF-8', 'HOME': database.server.path})
        self.say(sql)

    def say(self, sql):
        self.process.stdin.write(sql + "\n;select 'so far';\n")
        self.process.stdin.flush()
        while True:
            line = self.process.stdout.readline()
            assert line, 'the session is gone'
            if line.strip() == 'so far':
                return

    def close(self):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()


def waiters(database):
    """Backends of stint that wait for a lock, by pid."""
    rows = database.ask("select pid from pg_stat_activity where application_name like 'stint/%'"
                        f" and datname = '{database.name}' and wait_event_type = 'Lock'", user='postgres')
    return [int(row[0]) for row in rows]


def environment(database, **more):
    return {**os.environ, 'TEST_DB': database.uri, **more}
