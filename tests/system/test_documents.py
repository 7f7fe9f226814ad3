# SPDX-License-Identifier: Apache-2.0
"""Sources json, xml and fixed: every element once, whatever stands between them or is killed."""
import gzip
import json
import os

import pytest

COUNT = 3000
FIELDS = 'fields: {id: integer, total: decimal, name: text}'
SOURCES = {
    'json': 'json: {path: in.json, pointer: /data/list}',
    'xml': 'xml: {path: in.xml, element: item}',
    'fixed': 'fixed: {path: in.fixed, encoding: latin1, columns: {id: [1, 6], total: [7, 9], name: [16, 8]}}',
}
NAMES = ['Anna', 'Ägir', 'o"<&', "d'or"]
XML = {'&': '&amp;', '<': '&lt;', '"': '&quot;'}


def total(i):
    return f'{i}.{i % 100:02d}'


def document(kind):
    names = [NAMES[i % len(NAMES)] for i in range(COUNT)]
    if kind == 'json':
        items = [f'{{"id": {i}, "total": {total(i)},\n "name": {json.dumps(names[i])}, "x": [{{}}, "]"]}}'
                 for i in range(COUNT)]
        return '{"data": {"list": [\n' + ', '.join(items) + ']}, "more": []}\n'
    if kind == 'xml':
        items = [f'<!-- <item> --><item id="{i}"><total>{total(i)}</total>\n<name>'
                 + ''.join(XML.get(c, c) for c in names[i]) + '</name></item>' for i in range(COUNT)]
        return '<?xml version="1.0" encoding="ISO-8859-1"?>\n<all>' + '\n'.join(items) + '</all>\n'
    return ''.join(f'{i:6d}{total(i):>9s}{names[i]:8s}rest\n' for i in range(COUNT))


def prepare(box, kind, suffix='', damage=lambda text: text, more=''):
    text = damage(document(kind)).encode('utf-8' if kind == 'json' else 'latin1')
    box.file(f'in.{kind}{suffix}', gzip.compress(text) if suffix else text)
    box.file('job.yaml', f'''
job: documents
source: {{{SOURCES[kind].replace(f'in.{kind}', f'in.{kind}{suffix}')}, key: id, {FIELDS}{more}}}
work:
  exec: {{command: [python3, worker.py], mode: stream, workers: 1}}
  effect: idempotent
chunk: {{items: 50}}
''')
    box.file('worker.py', '''
import json, sys
out = open('effects', 'a')
for line in sys.stdin:
    item = json.loads(line, parse_float=str)
    out.write(json.dumps(item['fields']) + chr(10))
    out.flush()
    print(json.dumps({'id': item['id'], 'outcome': 'done'}), flush=True)
''')


def effects(box):
    return [json.loads(line) for line in box.lines('effects')]


def expect_all(box):
    seen = {int(e['id']): e for e in effects(box)}
    assert len(seen) == COUNT
    for i, e in seen.items():
        assert (str(e['total']), e['name']) == (total(i), NAMES[i % len(NAMES)]), e


@pytest.mark.parametrize('kind', SOURCES)
@pytest.mark.parametrize('suffix', ['', '.gz'])
def test_every_element_is_an_item(box, kind, suffix):
    prepare(box, kind, suffix)
    assert box.run('check', 'job.yaml').code == 0
    assert box.run('run', 'job.yaml').code == 0
    assert len(effects(box)) == COUNT
    expect_all(box)


@pytest.mark.parametrize('kind', ['json', 'xml'])
def test_a_document_that_is_cut_off_runs_nothing(box, kind):
    prepare(box, kind, damage=lambda text: text[:len(text) // 2])
    said = box.run('run', 'job.yaml')
    assert said.code == 1
    assert f'in.{kind}:' in said.err and 'the document is cut off' in said.err
    assert not os.path.exists(os.path.join(box.path, 'effects'))


def test_elements_that_are_none_are_rejected_with_their_lines(box):
    prepare(box, 'xml', damage=lambda text: text.replace('<total>7.07</total>', '<total>7,07</total>')
            .replace('<item id="9">', '<item id="9" id="9">'))
    assert box.run('run', 'job.yaml').code == 3
    rejects = json.loads(box.run('rejects', 'documents', '--json').out)['rejects']
    assert [(r['line'], '7,07' in r['reason'] or 'duplicate' in r['reason']) for r in rejects] == \
        [(16, True), (20, True)]
    assert len(effects(box)) == COUNT - 2


@pytest.mark.parametrize('source, words', [
    ('json: {path: a, pointer: data}', 'is no JSON pointer such as /data/items'),
    ('xml: {path: a, element: "<x>"}', 'expected the name of an element'),
    ('fixed: {path: a, columns: {id: [1]}}', 'expected [START, LENGTH]'),
    ('fixed: {path: a, columns: {no: [1, 2]}}', 'there is no column id in columns'),
    ('fixed: {path: a, columns: {id: [0, 2]}}', 'at least 1'),
])
def test_what_is_wrong_is_named_with_its_place(box, source, words):
    box.file('job.yaml', f'''
job: documents
source:
  {source}
  fields: {{id: integer}}
work: {{noop: {{}}}}
''')
    said = box.run('check', 'job.yaml')
    assert said.code == 78 and words in said.err and 'job.yaml:' in said.err, said
