# SPDX-License-Identifier: Apache-2.0
"""Targets of work `sql` and `table`, and jobs that import a CSV file into one."""
import contextlib
import os
import sqlite3

JOB = '''version: 1
job: import
source:
  csv: {path: in.csv}
  key: %(key)s
  fields: {id: integer, name: "text?", amount: decimal, born: date, ok: boolean}
work:
%(work)s
retry: {attempts: 2, first: 10ms, factor: 1, max: 10ms, jitter: none}
'''
TABLE = 'create table t(id %s primary key, name text, amount numeric, born date, ok boolean)'


class Target:
    """What items take effect in."""

    @staticmethod
    def make(request, box):
        """For a fixture with the parameters sqlite and postgres."""
        if request.param == 'sqlite':
            return Sqlite(box)
        return Postgres(box, request.getfixturevalue('postgres'))


class Sqlite(Target):
    """A target in SQLite."""
    key = 'sqlite'
    url = 'sqlite:target.db'

    def __init__(self, box):
        self.path = os.path.join(box.path, 'target.db')
        self.ask(TABLE % 'integer')

    def ask(self, text):
        with contextlib.closing(sqlite3.connect(self.path)) as db, db:
            return db.execute(text).fetchall()

    def tables(self):
        return [r[0] for r in self.ask('select name from sqlite_master')]

    def refuse(self, table, column, value):
        """A trigger tells whoever writes this value so, with it."""
        self.ask(f"create trigger no before insert on {table} when new.{column} = '{value}' "
                 f"begin select raise(abort, 'no {value} here'); end")


class Postgres(Target):
    """A target in PostgreSQL."""
    key = 'postgres'
    url = 'env:TARGET'

    def __init__(self, box, database):
        self.database = database
        box.env['TARGET'] = database.uri
        self.ask(TABLE % 'bigint')

    def ask(self, text):
        return [tuple(r) for r in self.database.ask(text)]

    def refuse(self, table, column, value):
        """A trigger tells whoever writes this value so, with it."""
        self.ask("create function refuse() returns trigger language plpgsql as $$ begin "
                 f"raise exception 'no {value} here'; end $$; create trigger no before insert on {table} "
                 f"for each row when (new.{column} = '{value}') execute function refuse()")

    def tables(self):
        return [r[0] for r in self.ask('select relname from pg_class')]


def make(box, target, rows, work, key='id'):
    box.file('in.csv', 'id,name,amount,born,ok\n' + ''.join(f'{r}\n' for r in rows))
    box.file('import.yaml', JOB % {'work': work, 'key': key})
    said = box.run('ledger', 'init', '--target', target.url)
    assert said.code == 0, said


def row(i, name=None):
    return f'{i},{name or "n%d" % i},{i}.50,1969-12-{1 + i % 31:02d},{"true" if i % 2 else "false"}'


def work_table(target, more=''):
    return f'  table: {{{target.key}: "{target.url}", table: t{more}}}'


def work_sql(target, *statements):
    lines = ''.join(f'      - "{s}"\n' for s in statements)
    return f'  sql:\n    {target.key}: "{target.url}"\n    statements:\n{lines}'


def count(target, text='select count(*) from t'):
    return int(target.ask(text)[0][0])
