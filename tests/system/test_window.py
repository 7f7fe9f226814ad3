# SPDX-License-Identifier: Apache-2.0
"""Windows: until when a run may work, what still fits, and what happens at the end."""

JOB = '''
version: 1
job: window
source:
  csv: {{path: items.csv}}
  key: id
  fields: {{id: integer{fields}}}
{source}
work:
  exec: {{shell: '{shell}', input: none}}
  effect: {effect}
  concurrency: {concurrency}
retry: {{attempts: 3, first: 20ms, max: 50ms}}
'''
APPEND = 'echo "$STINT_KEY" >>effects'


def write(box, items, window, shell=APPEND, effect='once', concurrency=1, fields='', source='',
          more=''):
    box.file('items.csv', 'id\n' + ''.join(f'{i}\n' for i in range(1, items + 1)))
    text = JOB.format(shell=shell, effect=effect, concurrency=concurrency, fields=fields,
                      source=source)
    box.file('window.yaml', f'{text}window: {window}\n{more}')


def run(box, code, *args):
    said = box.run('run', 'window.yaml', '--no-progress', *args)
    assert said.code == code, said
    box.verify()
    return said


def why(box):
    said = box.run('why', 'window')
    assert said.code == 0, said
    return said.out


def test_nothing_is_begun_that_would_not_end_in_time(box):
    """Of items that take 3 s, some fit into 11 s; the window is not waited out with one that does
    not, and none is cut."""
    shell = 'echo "$STINT_KEY" >>begun; sleep 3; echo "$STINT_KEY" >>effects'
    write(box, 20, '{max: 11s, grace: 0s}', shell=shell)
    run(box, 75)
    assert 'nothing more fits within window.max (11s): an item takes 3' in why(box)
    assert 0 < len(box.lines('effects')) < 4
    assert box.lines('begun') == box.lines('effects')
    assert box.items('--state', 'in_doubt') == []


def test_what_fits_goes_on_to_the_end(box):
    write(box, 50, '{max: 10m}')
    run(box, 0)
    assert len(box.lines('effects')) == 50
