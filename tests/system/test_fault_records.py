# SPDX-License-Identifier: Apache-2.0
"""Sources that are broken in one place (docs/faults.md 58 to 61): the record is rejected with its place,
the totals add up, and the rest goes on; or the file as a whole is refused before its first item."""
import gzip
import json
import os
import subprocess

import pytest
from lib.account import assert_clean
from lib.box import cast, peak_rss_mib, wait_until
from lib.job import without

JOB = '''version: 1
job: records
source:
  %s
  key: id
  fields: {id: text, note: "text?"}
  max_rejects: %d
work:
  exec: {shell: 'echo "$STINT_KEY" >>effects', input: none}
  effect: once
  concurrency: 4
'''
CSV, JSONL = 'csv: {path: items.csv}', 'jsonl: {path: items.jsonl}'


def run(box, data, kind=CSV, max_rejects=5, name=None):
    box.file(name or ('items.jsonl' if kind == JSONL else 'items.csv'), data)
    box.file('records.yaml', JOB % (kind, max_rejects))
    return box.run('run', 'records.yaml', '--no-progress', timeout=300)


def assert_rejected(box, said, keys, places):
    """`keys` are done, and the rejects stand at these lines; nothing was lost between the two."""
    assert said.code == (3 if places else 0), said
    account = assert_clean(box, 'records', keys)
    assert account.counts['done'] == len(keys) == len(box.lines('effects'))
    assert account.counts['read'] == len(keys) + len(places)
    rows = sorted(account.rejects, key=lambda r: r['line'])
    assert [r['line'] for r in rows] == places
    for row in rows:
        assert row['column'] >= 1 and row['offset'] >= 0 and row['reason'].strip()
    return rows


# ---- CSV (58) --------------------------------------------------------------------------------------------

# What comes between two good records, and how many lines and rejects it is.
BROKEN_CSV = {
    'a quote in a column': (b'b"c,x\n', [3]),
    'text behind a quote': (b'"b"c,x\n', [3]),
    'a quote alone': (b'"b""c"d"",x\n', [3]),
    'a short row': (b'b\n', [3]),
    'a long row': (b'b,x,y\n', [3]),
    'a long row of nothing': (b'b,,\n', [3]),
    'a NUL': (b'b\0c,x\n', [3]),
    'a NUL in quotes': (b'"b\0c",x\n', [3]),
    'a CR in a column': (b'b\rc,x\n', [3]),
    'broken UTF-8': (b'b\xff,x\n', [3]),
    'overlong UTF-8': (b'b\xc0\xaf,x\n', [3]),
    'a surrogate in UTF-8': (b'b\xed\xa0\x80,x\n', [3]),
    'half a character': (b'b\xe2\x82,x\n', [3]),
    'an empty key': (b',x\n', [3]),
    'a key of 2 KiB': (b'k' * 2048 + b',x\n', [3]),
    'a row of 9 MiB': (b'b,' + b'x' * (9 << 20) + b'\n', [3]),
    '100,000 columns': (b'b,' + b',' * 100000 + b'\n', [3]),
    'three of them': (b'b"c,x\n' + b'd\n' + b'\0,x\n', [3, 4, 5]),
}


@pytest.mark.parametrize('what', BROKEN_CSV)
def test_a_broken_record_is_rejected_with_its_place_and_the_rest_goes_on(box, what):
    broken, places = BROKEN_CSV[what]
    said = run(box, b'id,note\nfirst,x\n' + broken + b'last,x\n')
    rows = assert_rejected(box, said, ['first', 'last'], places)
    assert rows[0]['offset'] >= len(b'id,note\nfirst,x\n')


@pytest.mark.parametrize('kind', [CSV, JSONL])
def test_without_rejects_the_sums_would_tell(box, kind):
    """The negative control: a broken record is left out, and nobody is told."""
    data = b'id,note\nfirst,x\nb\nlast,x\n' if kind == CSV else b'{"id":"first"}\n[]\n{"id":"last"}\n'
    said = run(without(box, 'source.reject'), data, kind)
    with pytest.raises(AssertionError):
        assert_rejected(box, said, ['first', 'last'], [3 if kind == CSV else 2])
    assert box.run('report').code == 70


GOOD_CSV = {
    'line ends in quotes': b'id,note\nfirst,"a\nb\r\nc"\nlast,x\n',
    'quotes in quotes': b'id,note\n"first","""a"",""b"""\n"last",""\n',
    'CRLF and LF mixed': b'id,note\r\nfirst,x\nlast,x\r\n',
    'a byte order mark': b'\xef\xbb\xbfid,note\nfirst,x\nlast,x\n',
    'a byte order mark and quotes': b'\xef\xbb\xbf"id","note"\nfirst,x\nlast,x\n',
    'empty lines': b'\n\nid,note\n\nfirst,x\n\n\nlast,x\n\n',
    'no last line end': b'id,note\nfirst,x\nlast,x',
    'further columns': b'a,id,b,note,c\n1,first,2,x,3\n1,last,2,x,3\n',
    '16,000 columns': b'id,note' + b''.join(b',c%d' % i for i in range(16000)) + b'\n'
                      + b'first,x' + b',' * 16000 + b'\nlast,x' + b',' * 16000 + b'\n',
    'a column of 7 MiB': b'id,note\nfirst,' + b'x' * (7 << 20) + b'\nlast,x\n',
}


@pytest.mark.parametrize('what', GOOD_CSV)
def test_what_is_odd_but_right_is_read(box, what):
    """Negative control of the above: nothing is rejected that RFC 4180 allows."""
    kind = CSV
    box.file('records.yaml', '')
    said = run(box, GOOD_CSV[what], kind)
    if what == 'a column of 7 MiB':
        # No program can be handed a variable of that length: the item's failure, not the record's.
        assert said.code == 3 and box.keys('dead') == ['first'], said
        return
    assert_rejected(box, said, ['first', 'last'], [])


REFUSED = {
    'UTF-16': '\ufeffid,note\nfirst,x\n'.encode('utf-16'),
    'UTF-16 without a mark': 'id,note\nfirst,x\n'.encode('utf-16-le'),
    'UTF-32': '\ufeffid,note\nfirst,x\n'.encode('utf-32'),
    'CR alone': b'id,note\rfirst,x\rlast,x\r',
    'a header with a NUL': b'id,no\0te\nfirst,x\n',
    'a header that is no UTF-8': b'id,note,\xff\nfirst,x,y\n',
    'a header whose quote never closes': b'id,"note\nfirst,x\n',
    'no header': b'first,x\nlast,x\n',
    'a program': open('/bin/true', 'rb').read(),
    'a header of 100,000 columns': b'id,note' + b',c'.join(b'%d' % i for i in range(100000)) + b'\nfirst,x\n',
    'an archive': gzip.compress(b'id,note\nfirst,x\n'),
    'zeros': b'\0' * 100000,
}


@pytest.mark.parametrize('what', REFUSED)
def test_a_file_that_is_something_else_is_refused_before_its_first_item(box, what):
    said = run(box, REFUSED[what])
    assert said.code == 1, said
    assert 'items.csv' in said.err
    assert not box.lines('effects')
    box.verify()
    # Mended, the same run goes on.
    assert_rejected(box, run(box, b'id,note\nfirst,x\nlast,x\n'), ['first', 'last'], [])


def zst(data):
    return subprocess.run(['zstd', '-q', '-c'], input=data, capture_output=True, check=True).stdout


@pytest.mark.parametrize('how', ['cut', 'cut in its end', 'flipped', 'garbage behind', 'empty', 'cut header'])
@pytest.mark.parametrize('ending', ['gz', 'zst'])
def test_a_compressed_file_that_is_damaged_is_refused_before_its_first_item(box, ending, how):
    rows = [f'{i:06d}' for i in range(20000)]
    data = ('id,note\n' + ''.join(f'{r},{int(r) * 2654435761 % 2**32}\n' for r in rows)).encode()
    packed = bytearray(gzip.compress(data) if ending == 'gz' else zst(data))
    whole = bytes(packed)
    if how == 'cut':
        del packed[len(packed) // 2:]
    elif how == 'cut in its end':
        del packed[-2:]
    elif how == 'cut header':
        del packed[3:]
    elif how == 'flipped':
        packed[len(packed) // 2] ^= 0x10
    elif how == 'garbage behind':
        packed += b'garbage'
    else:
        packed.clear()
    name = f'items.csv.{ending}'
    kind = f'csv: {{path: {name}}}'
    said = run(box, bytes(packed), kind, name=name)
    if how == 'empty':
        assert said.code in (0, 1), said
    else:
        assert said.code == 1, said
        assert name in said.err
    assert not box.lines('effects')
    box.verify()
    # Negative control, and the way out: whole, it is read.
    box.file('records.yaml', (JOB % (kind, 5)).replace('job: records', 'job: whole').replace(
        '''exec: {shell: 'echo "$STINT_KEY" >>effects', input: none}''', 'noop: {}').replace(
            'effect: once', 'effect: idempotent'))
    box.file(name, whole)
    said = box.run('run', 'records.yaml', '--no-progress', '--json')
    assert said.code == 0, said
    assert json.loads(said.out)['runs'][0]['counts']['done'] == 20000


# ---- JSON Lines (59) -------------------------------------------------------------------------------------

BROKEN_JSON = {
    'a million arrays': b'{"id":"b","note":' + b'[' * 1000000 + b']' * 1000000 + b'}',
    'a million arrays without an end': b'[' * 1000000,
    'a million objects': b'{"id":' * 1000000,
    'a name twice': b'{"id":"b","id":"c"}',
    'a name twice, escaped': b'{"id":"b","i\\u0064":"c"}',
    'a name twice, further down': b'{"id":"b","x":{"a":1,"a":2}}',
    'a lone high surrogate': b'{"id":"b\\ud800"}',
    'a lone low surrogate': b'{"id":"b\\udc00x"}',
    'surrogates the wrong way round': b'{"id":"\\udc00\\ud800"}',
    'broken UTF-8': b'{"id":"b\xff"}',
    'a surrogate in UTF-8': b'{"id":"b\xed\xa0\x80"}',
    'a NUL': b'{"id":"b\0"}',
    'an escaped NUL in the key': b'{"id":"b\\u0000"}',
    'a raw line end': b'{"id":"b\tc"}',
    'a comma too many': b'{"id":"b",}',
    'a comment': b'{"id":"b"} // c',
    'NaN': b'{"id":"b","note":NaN}',
    'a number with a zero in front': b'{"id":"b","note":012}',
    'a hexadecimal number': b'{"id":"b","note":0x1F}',
    'single quotes': b"{'id':'b'}",
    'no object': b'["id","b"]',
    'a number alone': b'17',
    'text behind': b'{"id":"b"} {"id":"c"}',
    'cut off': b'{"id":"b","note":"x',
    'a number where a text should be': b'{"id":"b","note":1e999}',
    'a field that is not there': b'{"note":"x"}',
    'a field that is null': b'{"id":null}',
    'a byte order mark in the middle': b'\xef\xbb\xbf{"id":"b"}',
    'a line of 9 MiB': b'{"id":"b","note":"' + b'x' * (9 << 20) + b'"}',
}


@pytest.mark.parametrize('what', BROKEN_JSON)
def test_a_broken_line_is_rejected_with_its_place_and_the_rest_goes_on(box, what):
    said = run(box, b'{"id":"first"}\n' + BROKEN_JSON[what] + b'\n{"id":"last"}\n', JSONL)
    assert_rejected(box, said, ['first', 'last'], [2])


GOOD_JSON = {
    'surrogate pairs': (b'{"id":"%s","note":"\\ud83d\\ude00"}', '\U0001f600'),
    'blanks': (b' \t{ "id" : "%s" , "note" : "x" }\t ', 'x'),
    '60 levels elsewhere': (b'{"id":"%s","note":"x","deep":' + b'[' * 60 + b']' * 60 + b'}', 'x'),
    'null where it may be': (b'{"id":"%s","note":null}', ''),
    'a name with a line end': (b'{"id":"%s","a\\nb":1,"note":"y"}', 'y'),
}


@pytest.mark.parametrize('what', GOOD_JSON)
def test_json_that_is_odd_but_right_keeps_its_value(box, what):
    line, value = GOOD_JSON[what]
    box.file('items.jsonl', line % b'first' + b'\r\n\n' + line % b'last')
    box.file('records.yaml', (JOB % (JSONL, 0)).replace(
        '>>effects', '>>effects; printf "%s\\n" "$STINT_FIELD_note" >>notes'))
    said = box.run('run', 'records.yaml', '--no-progress')
    assert_rejected(box, said, ['first', 'last'], [])
    assert box.lines('notes') == [value, value]


@pytest.mark.parametrize('kind, number, kept', [
    ('decimal', '0.1000000000000000055511151231257827', True), ('decimal', '-0.50', True),
    ('decimal', '1' * 60, False), ('decimal', '1e999', False), ('float', '1e999', False),
    ('float', '1' * 400, False), ('float', '1e308', True), ('float', '1e-9', True),
    ('integer', '9223372036854775807', True), ('integer', '1e3', False), ('integer', '1.0', False)])
def test_a_number_keeps_its_digits_or_is_rejected_and_is_never_another_number(box, kind, number, kept):
    box.file('items.jsonl', '{"id":"first","note":%s}\n{"id":"last"}\n' % number)
    box.file('records.yaml', (JOB % (JSONL, 5)).replace('"text?"', f'"{kind}?"').replace(
        '>>effects', '>>effects; printf "%s\\n" "$STINT_FIELD_note" >>notes'))
    said = box.run('run', 'records.yaml', '--no-progress')
    assert_rejected(box, said, ['first', 'last'] if kept else ['last'], [] if kept else [1])
    assert sorted(box.lines('notes')) == sorted([number, ''] if kept else [''])


# ---- other shapes and amounts than yesterday (60) ----------------------------------------------------------

@pytest.mark.parametrize('header', ['note,id', 'x,note,y,id,z'])
def test_columns_that_moved_or_were_added_are_found_by_name(box, header):
    names = header.split(',')
    rows = ''.join(','.join({'id': k, 'note': 'n'}.get(n, '?') for n in names) + '\n' for k in ('a', 'b'))
    assert_rejected(box, run(box, header + '\n' + rows), ['a', 'b'], [])


@pytest.mark.parametrize('header', ['ID,note', 'identifier,note', 'i d,note', ' id,note', 'note',
                                    'id\u200b,note'])
def test_a_column_that_was_renamed_is_refused_before_the_first_item(box, header):
    said = run(box, header + '\n' + ''.join(f'{i},n\n' for i in range(50)))
    assert said.code == 1, said
    assert "'id'" in said.err and 'items.csv' in said.err
    assert not box.lines('effects')
    box.verify()


def test_ten_times_as_many_as_usual_are_held_and_can_be_let_go(box):
    few, many = (''.join(f'{day}-{{0}}-{i}\n' for i in range(n)) for day, n in (('d', 20), ('d', 200)))
    source = 'csv: {path: items.csv}\n  surge: 5x'
    for day in range(1, 6):
        box.file('items.csv', 'id\n' + few.format(day))
        box.file('records.yaml', (JOB % (source, 5)).replace(', note: "text?"', ''))
        assert box.run('run', 'records.yaml', '--no-progress', '--date', f'2026-01-0{day}').code == 0
    os.unlink(os.path.join(box.path, 'effects'))
    box.file('items.csv', 'id\n' + many.format(6))
    said = box.run('run', 'records.yaml', '--no-progress', '--date', '2026-01-06')
    assert said.code == 1 and 'surge' in said.err, said
    assert said.err.count('surge') == 1  # told once
    assert not box.lines('effects')
    box.file('records.yaml', box.read('records.yaml').replace('5x', '20x'))
    said = box.run('run', 'records.yaml', '--no-progress', '--date', '2026-01-06')
    assert said.code == 0, said
    assert_clean(box, 'records@2026-01-06', [f'd-6-{i}' for i in range(200)])


# ---- a million items (61) ----------------------------------------------------------------------------------

def peak_of_run(box, items):
    path = box.file('items.csv', 'id\n')
    with open(path, 'a', encoding='utf-8') as f:
        for start in range(0, items, 10000):
            f.write(''.join(f'{i}\n' for i in range(start, min(start + 10000, items))))
    box.file('many.yaml', '''version: 1
job: many
source:
  csv: {path: items.csv}
  fields: {id: integer}
work:
  noop: {}
''')
    process = box.start('run', 'many.yaml', '--no-progress', '--again')
    peak = 0

    def is_over():
        nonlocal peak
        roles = cast(process.pid)
        peak = max(peak, peak_rss_mib(roles['keeper'] + roles['engine'] + roles['lane']))
        return process.poll() is not None
    wait_until(is_over, limit_s=300, every_s=0.01)
    assert process.returncode == 0, box.process_said(process)
    said = box.run('report', 'many', '--json')
    counts = json.loads(said.out)['counts']
    assert counts['done'] == counts['read'] == items
    return peak


def test_a_million_items_take_no_more_memory_than_ten_thousand(box):
    few, many = peak_of_run(box, 10000), peak_of_run(box, 1000000)
    print(f'peak of one process: {few:.1f} and {many:.1f} MiB')
    assert many < 64
    assert many < few * 2 + 4
    box.verify()
