# SPDX-License-Identifier: Apache-2.0
"""transform, constants, lua work and tests of answers, as a user sees them."""
import decimal
import gzip
import json
import random

import pytest

JOB = '''job: shop
params: {region: {default: eu}}
constants: {rate: {EUR: 1, USD: 0.92, GBP: 1.17}, names: [one, two]}
source:
  csv: {path: in.csv}
  key: id
  fields: {id: integer, total: decimal, currency: text, email: {type: text, sensitive: true}}
transform: %s
work:
  exec: %s
  effect: idempotent
  concurrency: 1
  max_dead: 100
'''

RECORDS = '''id,total,currency,email
1,19.90,EUR,ann@example.com
2,10.00,USD,bob@example.com
3,0.05,GBP,cyd@example.com
4,7.00,XXX,dan@example.com
'''

TO_OUT = '{command: [/bin/sh, -c, "cat >>out"]}'


@pytest.fixture(name='run')
def run_fixture(box):
    def run(script, work=TO_OUT, records=RECORDS, *args):
        box.file('in.csv', records)
        box.file('job.yaml', JOB % (script, work))
        return box.run('run', 'job.yaml', *args)

    return run


def attempts(box, job='shop'):
    found = {}
    for item in json.loads(box.run('items', '--json', '--run', run_name(box, job)).out)['items']:
        found[item['key']] = item
    return found


def run_name(box, job='shop'):
    return json.loads(box.run('runs', '--json').out)['runs'][0]['run']


def test_fields_are_added_and_changed_with_exact_digits(box, run):
    said = run('|\n  total_eur = round(total * rate[currency], 2)\n  email = upper(email)\n'
               '  big, open, none = id * 9007199254740993, id == 1, nil\n')
    assert said.code == 3, said
    assert [json.loads(line, parse_float=str) for line in box.lines('out')] == [
        {'id': 1, 'total': '19.90', 'currency': 'EUR', 'email': 'ANN@EXAMPLE.COM',
         'total_eur': '19.90', 'big': 9007199254740993, 'open': True, 'none': None},
        {'id': 2, 'total': '10.00', 'currency': 'USD', 'email': 'BOB@EXAMPLE.COM',
         'total_eur': '9.20', 'big': 18014398509481986, 'open': False, 'none': None},
        {'id': 3, 'total': '0.05', 'currency': 'GBP', 'email': 'CYD@EXAMPLE.COM',
         'total_eur': '0.06', 'big': 27021597764222979, 'open': False, 'none': None}]
    dead = attempts(box)['4']
    assert (dead['state'], dead['error_class']) == ('dead', 'script'), dead
    assert dead['error'] == 'transform:1: cannot multiply a decimal and nil'
    box.verify()


def test_functions_have_the_names_that_lua_gives_them(box, run):
    said = run('|\n  email = string.upper(email):sub(1, 3)\n  total_eur = math.floor(total)\n'
               '  code = string.format("%s-%03d", currency:lower(), id)\n')
    assert said.code == 0, said
    found = [json.loads(line) for line in box.lines('out')][0]
    assert (found['email'], found['total_eur'], found['code']) == ('ANN', 19, 'eur-001'), found
    said = run('a = email:gsub("a", "b")', TO_OUT, RECORDS, '--again')
    assert said.code in (1, 3) and 'there is no string.gsub here' in box.run('report').out, said


def test_they_are_wherever_fields_are(box, run):
    said = run('sum = total * 2', '{shell: "echo $0 $STINT_FIELD_sum $STINT_FIELD_total >>out", '
               'input: none, env: {A: "${sum}"}, directory: "."}')
    assert said.code == 0, said
    assert box.lines('out')[0].endswith(' 39.80 19.90')
    said = run('sum = total * 2', '{command: [/bin/sh, -c, \'cat; echo "$0"\', '
               '"${sum} ${constant.rate.USD} ${constant.names.2}"], input: csv}', RECORDS,
               '--again')
    assert said.code == 0, said
    box.file('job2.yaml', (JOB % ('sum = total * 2', '{command: [/bin/sh, -c, "cat >>out2"], '
                                  'input: "${sum} ${constant.rate.GBP}\\n"}'))
             .replace('job: shop', 'job: other'))
    said = box.run('run', 'job2.yaml')
    assert said.code == 0, said
    assert box.lines('out2') == ['39.80 1.17', '20.00 1.17', '0.10 1.17', '14.00 1.17']


def test_stream_workers_see_them(box):
    box.file('in.csv', RECORDS)
    box.file('worker', '''#!/usr/bin/python3
import json, sys
for line in sys.stdin:
    item = json.loads(line, parse_float=str)
    with open('out', 'a') as out:
        out.write(item['fields']['sum'] + '\\n')
    print(json.dumps({'id': item['id'], 'outcome': 'done'}), flush=True)
''', 0o755)
    box.file('job.yaml', JOB % ('sum = total * 2.50', '{command: [./worker], mode: stream, '
                                'workers: 1}'))
    said = box.run('run', 'job.yaml')
    assert said.code == 0, said
    assert sorted(box.lines('out')) == ['0.1250', '17.5000', '25.0000', '49.7500']


@pytest.mark.parametrize('source', ['csv: {path: in.csv}', 'stdin: {format: csv}',
                                    'csv: {path: in.csv.gz}'])
@pytest.mark.parametrize('unique', ['none', 'run'])
def test_noop_runs_it_for_every_record(box, source, unique):
    n = 3000
    text = 'id,total\n' + ''.join(f'{i},{i}.50\n' for i in range(n))
    box.file('in.csv', text)
    with gzip.open(f'{box.path}/in.csv.gz', 'wt') as out:
        out.write(text)
    box.file('job.yaml', f'''job: tried
source:
  {source}
  key: id
  unique: {unique}
  fields: {{id: integer, total: decimal}}
transform: |
  if id % 100 == 7 then error("seven " .. id) end
  double = total * 2
work: {{noop: {{}}, max_dead: 1000}}
''')
    said = box.run('run', 'job.yaml', stdin=text.encode() if 'stdin' in source else None)
    assert said.code == 3, said
    counts = json.loads(box.run('report', 'tried', '--json').out)['counts']
    assert (counts['done'], counts['dead']) == (n - 30, 30), counts
    items = attempts(box, 'tried')
    dead = {key: item['error'] for key, item in items.items() if item['state'] == 'dead'}
    assert dead == {str(i): f'transform:1: seven {i}' for i in range(7, n, 100)}
    box.verify()


def test_all_items_of_many_chunks_fail(box):
    box.file('in.csv', 'id\n' + ''.join(f'{i}\n' for i in range(2000)))
    box.file('job.yaml', '''job: bad
source:
  csv: {path: in.csv}
  key: id
  fields: {id: integer}
transform: x = id / 0
work: {noop: {}, max_dead: 100%}
''')
    said = box.run('run', 'job.yaml')
    assert said.code == 3, said
    counts = json.loads(box.run('report', 'bad', '--json').out)['counts']
    assert counts['dead'] == 2000, counts
    box.verify()


def test_too_many_dead_stop_the_run(box):
    box.file('in.csv', 'id\n' + ''.join(f'{i}\n' for i in range(5000)))
    box.file('job.yaml', 'job: bad\nsource: {csv: {path: in.csv}, key: id, fields: {id: integer}}\n'
             'transform: x = id / 0\nwork: {noop: {}}\n')
    said = box.run('run', 'job.yaml')
    assert said.code == 1, said
    box.verify()


def test_what_it_fails_with_shows_no_sensitive_value(box, run):
    said = run('|\n  total = email')
    assert said.code == 3, said
    for item in attempts(box).values():
        assert '@' not in item['error'] and 'ann' not in item['error'], item
    said = run('error(email)', TO_OUT, RECORDS, '--again')
    assert said.code == 3, said
    everything = box.run('items', '--json', '--run', run_name(box)).out + said.err + said.out
    assert '@example.com' not in everything
    assert 'transform:1: ***' in everything


def test_an_item_that_is_tried_again_becomes_the_same(box, run):
    said = run('a = item.key .. run.date .. param.region', '{command: [/bin/sh, -c, '
               '\'echo "$0" >>out; [ "$STINT_ATTEMPT" = 2 ]\', "${a}"], input: none}\nretry: '
               '{first: 10ms, jitter: none}\nx-work:')
    assert said.code == 0, said
    lines = box.lines('out')
    assert len(lines) == 8 and sorted(lines)[0::2] == sorted(lines)[1::2], lines


@pytest.mark.parametrize('script, place, text', [
    ('|\n  a = total *\n', '9:14', 'transform: expected a value, and the script ends'),
    ('|\n  a = totl\n', '9:7', "transform: 'totl' is no field, no constant and no function here; "
     "did you mean 'total'?"),
    ('a = total ^ 2', '8:22', "found '^'"),
    ('|\n  rate = 3\n', '9:3', "'rate' cannot be set in a transform"),
    ('|\n  a = "x\n', '9:7', 'this text has no end'),
    ('|\n  a = 1\n  break\n', '10:3', 'transform: break outside a loop'),
])
def test_check_and_run_name_the_place(box, run, script, place, text):
    said = run(script)
    assert said.code == 78 and f'job.yaml:{place}: ' in said.err and text in said.err, said
    said = box.run('check', 'job.yaml')
    assert said.code == 78 and f'job.yaml:{place}: ' in said.err and text in said.err, said


def test_constants_that_clash_are_refused(box):
    box.file('job.yaml', 'job: a\nconstants: {total: 1}\nsource: {csv: {path: a}, fields: {total: '
             'decimal}}\nwork: {noop: {}}\n')
    said = box.run('check', 'job.yaml')
    assert said.code == 78 and 'job.yaml:2:13: constants.total: there is a field' in said.err, said


def test_explain_shows_them(box, run):
    run('sum = total * 2')
    said = box.run('explain', 'job.yaml')
    assert said.code == 0 and 'sum = total * 2' in said.out, said
    assert '"USD":0.92' in said.out
    assert 'goes through the transform, which gives it the field sum' in ' '.join(
        said.out.replace('#', ' ').split())


def test_a_filter_sees_constants_parameters_and_the_run(box):
    box.file('in.csv', RECORDS)
    box.file('job.yaml', (JOB % ('x = 1', TO_OUT)) +
             'filter: |\n  rate[currency] ~= nil and param.region == "eu" and run.job == "shop" and\n'
             '  source.line > 2\n')
    said = box.run('run', 'job.yaml')
    assert said.code == 0, said
    assert len(box.lines('out')) == 2


@pytest.mark.parametrize('script', ['while true do end x = 1',
                                    'local t = {} for i = 1, 99999999 do t[i] = i end x = 1',
                                    'local function f(n) return f(n + 1) .. "x" end x = f(1)'])
def test_limits_end_it(box, script):
    box.file('in.csv', 'id\n1\n2\n')
    box.file('job.yaml', 'job: a\nlua_limits: {instructions: 100000, memory: 1M}\n'
             'source: {csv: {path: in.csv}, key: id, fields: {id: integer}}\n'
             f'transform: |\n  if id == 1 then {script} end\nwork: {{noop: {{}}}}\n')
    said = box.run('run', 'job.yaml')
    assert said.code == 3, said
    [item] = [i for i in attempts(box, 'a').values() if i['state'] == 'dead']
    assert item['key'] == '1' and item['error_class'] == 'script', item
    assert 'stopped: ' in item['error'] or 'stack overflow' in item['error'], item


@pytest.mark.parametrize('limits, words', [
    ('instructions: 20000', 'stopped: it ran for more than 20000 instructions'),
    ('memory: 64K', 'stopped: it needs more than 65536 bytes')])
def test_the_limits_of_lua_work_are_its_own(box, limits, words):
    """They hold for it alone: the transform does as much, and the item that does little is done."""
    box.file('in.csv', 'id\n1\n2\n')
    script = 'local t = {} for i = 1, 20000 do t[i] = i end'
    box.file('job.yaml', f'''job: limited
source: {{csv: {{path: in.csv}}, key: id, fields: {{id: integer}}}}
transform: |
  {script} n = #t
work:
  lua:
    script: |
      if id == 1 then {script} end
    lua_limits: {{{limits}}}
''')
    said = box.run('run', 'job.yaml')
    assert said.code == 3, said
    [dead] = box.items('--state', 'dead')
    assert dead['key'] == '1' and dead['error_class'] == 'script' and words in dead['error'], dead


def test_lua_work_says_what_becomes_of_an_item(box):
    box.file('in.csv', 'id,what\n1,good\n2,again\n3,never\n4,odd\n5,nothing\n')
    box.file('job.yaml', '''job: judged
source:
  csv: {path: in.csv}
  key: id
  fields: {id: integer, what: text}
work:
  lua:
    script: |
      if what == "again" and item.attempt < 3 then retry("not yet " .. item.attempt) end
      if what == "never" then dead("no such customer") end
      if what == "odd" then return false end
      if what == "good" then return true end
retry: {first: 10ms, jitter: none}
''')
    said = box.run('run', 'job.yaml')
    assert said.code == 3, said
    items = attempts(box, 'judged')
    assert (items['3']['state'], items['3']['error_class'], items['3']['error']) == (
        'dead', 'dead', 'no such customer')
    assert items['4']['error_class'] == 'script'
    assert items['4']['error'].startswith('script: expected nothing or true')
    counts = json.loads(box.run('report', 'judged', '--json').out)['counts']
    assert (counts['done'], counts['dead']) == (3, 2), counts
    told = json.loads(box.run('attempts', 'judged/2', '--json').out)['attempts']
    assert [(a['outcome'], a['error']) for a in told] == [
        ('retry', 'not yet 1'), ('retry', 'not yet 2'), ('done', None)], told
    box.verify()


def test_what_a_program_prints_is_tested(box):
    box.file('in.csv', 'id,says\n1,{"ok": true}\n2,{"ok": false}\n3,rubbish\n'
             .replace('{"ok": true}', '"{""ok"": true}"')
             .replace('{"ok": false}', '"{""ok"": false}"'))
    box.file('job.yaml', '''job: tested
source:
  csv: {path: in.csv}
  key: id
  fields: {id: integer, says: {type: text, sensitive: true}}
work:
  exec: {command: [/bin/echo, "${says}"], input: none}
  doubt_when: [{body: "not json.ok"}]
''')
    said = box.run('run', 'job.yaml')
    assert said.code == 3, said
    states = {key: (i['state'], i['error_class']) for key, i in attempts(box, 'tested').items()
              if i['state'] != 'done'}
    assert states == {'2': ('in_doubt', 'body-test'), '3': ('in_doubt', 'body-test')}, states
    box.verify()


def test_decimals_in_scripts_are_those_of_python(box):
    seed = random.randrange(1 << 32)
    print('seed', seed)
    rng = random.Random(seed)
    rows = []
    for i in range(2000):
        digits = rng.randrange(1, 18)
        a = decimal.Decimal(rng.randrange(-10 ** digits, 10 ** digits)).scaleb(-rng.randrange(0, 9))
        b = decimal.Decimal(rng.randrange(1, 10 ** rng.randrange(1, 9))).scaleb(-rng.randrange(0, 5))
        rows.append((i, a, b, rng.randrange(0, 6)))
    box.file('in.csv', 'id,a,b,n\n' + ''.join(f'{i},{a:f},{b:f},{n}\n' for i, a, b, n in rows))
    box.file('job.yaml', '''job: sums
source:
  csv: {path: in.csv}
  key: id
  fields: {id: integer, a: decimal, b: decimal, n: integer}
transform: |
  s, d, p, q, r = a + b, a - b, a * b, div(a, b, n), round(a, n)
  f, m = a // b, a % b
  less, same, more = a < b, a == b, a > b * 1.5
work:
  exec: {command: [/bin/sh, -c, "cat >>out"], mode: each}
  concurrency: 1
  effect: idempotent
'''.replace('exec: {command: [/bin/sh, -c, "cat >>out"], mode: each}',
            'exec: {command: [./worker], mode: stream, workers: 1}'))
    box.file('worker', '''#!/usr/bin/python3
import json, sys
out = open('out', 'a')
for line in sys.stdin:
    out.write(line)
    out.flush()
    print(json.dumps({'id': json.loads(line)['id'], 'outcome': 'done'}), flush=True)
''', 0o755)
    said = box.run('run', 'job.yaml')
    assert said.code == 0, said
    found = {}
    for line in box.lines('out'):
        fields = json.loads(line, parse_float=decimal.Decimal, parse_int=decimal.Decimal)['fields']
        found[int(fields['id'])] = fields
    assert len(found) == len(rows)
    with decimal.localcontext() as context:
        context.prec = 100
        for i, a, b, n in rows:
            f = found[i]
            unit = decimal.Decimal(1).scaleb(-n)
            floor = (a / b).to_integral_value(decimal.ROUND_FLOOR)
            assert (f['s'], f['d'], f['p']) == (a + b, a - b, a * b), (a, b, f)
            assert f['q'] == (a / b).quantize(unit, decimal.ROUND_HALF_UP), (a, b, n, f)
            assert f['r'] == a.quantize(unit, decimal.ROUND_HALF_UP), (a, n, f)
            assert (f['f'], f['m']) == (floor, a - b * floor), (a, b, f)
            assert (f['less'], f['same'], f['more']) == (a < b, a == b,
                                                         a > b * decimal.Decimal('1.5')), (a, b, f)
