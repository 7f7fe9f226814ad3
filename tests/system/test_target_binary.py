# SPDX-License-Identifier: Apache-2.0
"""COPY in the binary format gives the rows that the text format gives."""
import pytest
from lib.target import Postgres, make, work_table

FIELDS = {'id': 'integer', 'small': '"integer?"', 'mid': '"integer?"', 'amount': '"decimal?"',
          'wide': '"decimal?"', 'f': '"float?"', 'ok': '"boolean?"', 'day': '"date?"',
          'ts': '"timestamp?"', 'local': '"timestamp?"', 'word': '"text?"', 'short': '"text?"',
          'doc': '"json?"'}
TABLE = '''create table %s(id bigint primary key, small smallint, mid integer,
 amount numeric(12,2), wide numeric, f float8, ok boolean, day date, ts timestamptz,
 local timestamp(3), word text, short varchar(5), doc json%s)'''
ROWS = [
    '1,1,1,1,1,1,true,2000-01-01,2000-01-01T00:00:00Z,2000-01-01T00:00:00Z,a,b,{}',
    '2,-32768,-2147483648,-0.01,-0.00001,-1.5e-300,false,1969-12-31,1969-12-31T23:59:59.999999Z,'
    '1969-12-31T23:59:59.9996,"tab\there",äöüß€,"[1,""x""]"',
    '3,32767,2147483647,9999999999.99,123456789012345678901234567.0123456789,1.7e308,true,0001-01-01,'
    '0001-01-02T00:00:00+14:00,9999-12-31T23:59:59,"\\N",\\.,null',
    '4,0,0,0,0.0,0,false,9999-12-31,9999-12-31T23:59:59-12:00,2016-12-31T23:59:60Z,"line\nbreak",,"""s"""',
    '5,,,,,,,,,,,,',
    '6,9999,10000,10000,10000.0001,0.1,true,1582-10-15,2026-03-29T02:30:00+02:00,2026-03-29 02:30:00.0005,'
    '"back\\slash",x,1',
    '7,1,1,0.005,00012300.00,5e-324,true,2024-02-29,2024-02-29T12:00:00.1234565Z,2024-02-29T12:00:00,'
    'no zone,y,2',
    '8,1,1,100000000,100000000,-0,true,2024-02-29,2024-02-29T12:00:00,2024-02-29T12:00:00+05:30,z,zz,3',
]


@pytest.fixture(name='target')
def make_target(box, postgres):
    target = Postgres(box, postgres)
    target.ask(TABLE % ('b', ''))
    # A type that goes as text only, so that all of the table does.
    target.ask(TABLE % ('x', ', extra uuid'))
    return target


def load(box, target, table, rows, code):
    make(box, target, [], work_table(target).replace('table: t', f'table: {table}'))
    fields = ', '.join(f'{name}: {kind}' for name, kind in FIELDS.items())
    columns = ', '.join(FIELDS)
    job = box.read('import.yaml').replace(
        'fields: {id: integer, name: "text?", amount: decimal, born: date, ok: boolean}',
        f'fields: {{{fields}, none: "text?"}}')
    if table == 'x':
        columns = ', '.join(f'{name}: "${{{name}}}"' for name in FIELDS) + ', extra: "${none}"'
        job = job.replace('table: x', f'table: x, columns: {{{columns}}}')
    else:
        job = job.replace('table: b', f'table: b, columns: [{columns}]')
    box.file('import.yaml', job + 'chunk: {items: 3}\n')
    box.file('in.csv', ','.join(FIELDS) + ',none\n' + ''.join(f'{r},\n' for r in rows))
    said = box.run('run', 'import.yaml', '--again')
    assert said.code == code, said
    return said


def test_binary_and_text_give_the_same_rows(box, target):
    for table in ('b', 'x'):
        load(box, target, table, ROWS, 0)
    for name in FIELDS:
        assert target.ask(f'select id, {name}::text as v from b order by b.id') == \
            target.ask(f'select id, {name}::text as v from x order by x.id'), name
    assert len(target.ask('select id from b')) == len(ROWS)


@pytest.mark.parametrize('table', ['b', 'x'])
def test_what_a_column_does_not_take_is_dead_alone(box, target, table):
    rows = [f'{i},1,1,1,1,1,true,2000-01-01,2000-01-01T00:00:00Z,2000-01-01T00:00:00Z,a,b,1'
            for i in range(1, 31)]
    rows[4] = rows[4].replace('5,1,', '5,32768,', 1)
    rows[9] = rows[9].replace('10,1,1,', '10,1,2147483648,', 1)
    rows[14] = rows[14].replace(',a,b,', ',a,toolong,')
    rows[19] = rows[19].replace('20,1,1,1,', '20,1,1,10000000000,', 1)
    load(box, target, table, rows, 3)
    assert len(target.ask(f'select id from {table}')) == 26
    out = box.run('items', '--state', 'dead', '--json').out
    assert out.count('22003') >= 3 and '22001' in out


def test_a_session_of_another_zone_gives_the_same_moments(box, target):
    box.env['PGTZ'] = 'Asia/Tokyo'
    load(box, target, 'b', ROWS[:2] + ROWS[7:], 0)
    at = target.ask("select ts at time zone 'UTC' from b order by id")
    assert [r[0] for r in at] == ['2000-01-01 00:00:00', '1969-12-31 23:59:59.999999',
                                  '2024-02-29 03:00:00']
