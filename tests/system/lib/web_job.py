# SPDX-License-Identifier: Apache-2.0
"""Jobs of http work for tests: items whose names say what the server is to do with them."""
import json

JOB = '''version: 1
job: web
{top}
source:
  csv: {{path: items.csv}}
  key: id
  fields: {{id: text, way: text}}
work:
  http:
    url: "{url}"
    json: {{id: "${{id}}"}}
{http}
  effect: {effect}
  concurrency: {concurrency}
  timeout: {timeout}
{work}
retry: {{attempts: {attempts}, first: 20ms, factor: 1, max: 50ms}}
breaker: {{failures: 100%, at_least: 1000000, open_for: 50ms, open_max: 200ms, give_up_after: 2s}}
'''
RUN = ('run', 'web.yaml', '--no-progress')


def write(box, url, items, **more):
    """`items` is {id: way}; `url` without a place for them gets one: /WAY/ID."""
    if '${id}' not in url:
        url += '/${way}/${id}'
    given = {'top': '', 'http': '', 'work': '', 'effect': 'idempotent', 'concurrency': 4, 'timeout': '20s',
             'attempts': 3, **more}
    for name, indent in (('http', 4), ('work', 2)):
        given[name] = ''.join(' ' * indent + line + '\n' for line in given[name].splitlines())
    box.file('items.csv', 'id,way\n' + ''.join(f'{name},"{way}"\n' for name, way in items.items()))
    box.file('web.yaml', JOB.format(url=url, **given))
    return list(items)


def run(box, *codes):
    said = box.run(*RUN)
    assert not codes or said.code in codes, said
    box.verify()
    return said


def by_key(box):
    """{key: item} as `stint items` lists them."""
    return {item['key']: item for item in box.items('--run', 'web')}


def states(box):
    return {key: item['state'] for key, item in by_key(box).items()}


def attempts(box, key):
    """The recorded attempts of an item, oldest first."""
    said = box.run('attempts', f'web/{key}', '--json')
    return json.loads(said.out)['attempts'] if said.out else []
