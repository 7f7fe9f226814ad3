# SPDX-License-Identifier: Apache-2.0
"""`verify`: whoever can see what became of an item in doubt is asked before a person is."""
import http.server
import json
import threading

import pytest

from lib.box import cast, kill, wait_until

JOB = '''version: 1
job: pay
source:
  csv: {path: in.csv}
  fields: {id: text, mail: text}
  key: id
report: {person: mail}
work:
  exec: {command: [./act, "${id}"]}
  effect: once
  verify: {command: [./look, "${id}"], settle: %(settle)s}
%(more)s
retry: {attempts: 3, first: 10ms, factor: 1, max: 10ms, jitter: none}
'''

# Takes effect, then dies (boom), or dies before it does (fizzle), each for the first time only.
ACT = '''#!/bin/sh
first() { mkdir "tried-$1" 2>/dev/null; }
case "$1" in
boom*) echo "$1" >>effects; first "$1" && kill -9 $$; exit 0 ;;
fizzle*) first "$1" && kill -9 $$ ;;
esac
echo "$1" >>effects
'''

LOOK = '''#!/bin/sh
echo "$1 $STINT_KEY $STINT_IDEMPOTENCY_KEY $STINT_ATTEMPT $(cat)" >>asked
case "$1" in *foggy*) exit 7 ;; esac
grep -qx "$1" effects
'''


def make(box, ids, look=LOOK, act=ACT, settle='20ms', more=''):
    box.file('act', act, mode=0o755)
    box.file('look', look, mode=0o755)
    box.file('effects')
    box.file('in.csv', 'id,mail\n' + ''.join(f'{i},{i}@example.com\n' for i in ids))
    box.file('pay.yaml', JOB % {'settle': settle, 'more': more})


def attempts(box, key):
    said = box.run('attempts', f'pay/{key}', '--json')
    assert said.code == 0, said
    return [(a['attempt'], a['kind'], a['outcome']) for a in json.loads(said.out)['attempts']]


def test_what_took_effect_is_done_and_what_did_not_is_tried_again(box):
    make(box, ['a', 'boom', 'fizzle', 'b'])
    said = box.run('run', 'pay.yaml')
    assert said.code == 0, said
    assert sorted(box.lines('effects')) == ['a', 'b', 'boom', 'fizzle']
    assert box.keys('done') == ['a', 'b', 'boom', 'fizzle']
    assert attempts(box, 'boom') == [(1, 'attempt', 'unknown'), (1, 'verify', 'done')]
    assert attempts(box, 'fizzle') == [(1, 'attempt', 'unknown'), (1, 'verify', 'not_done'),
                                       (1, 'verify', 'not_done'), (2, 'attempt', 'done')]
    box.verify()


def test_it_is_asked_with_what_the_item_had(box):
    noted = ACT.replace('boom*) echo', 'boom*) echo "$STINT_IDEMPOTENCY_KEY" >used; echo')
    make(box, ['boom'], act=noted)
    assert box.run('run', 'pay.yaml').code == 0
    key = box.read('used').strip()
    assert box.lines('asked') == ['boom boom ' + key + ' 1 {"id":"boom","mail":"boom@example.com"}']


@pytest.mark.parametrize('policy, state, code', [
    ('ask', 'in_doubt', 3), ('skip', 'skipped', 0), ('retry', 'done', 0)])
def test_who_cannot_tell_leaves_it_to_when_in_doubt(box, policy, state, code):
    make(box, ['boom-foggy'], more=f'  when_in_doubt: {policy}')
    said = box.run('run', 'pay.yaml')
    assert said.code == code, said
    assert box.keys(state) == ['boom-foggy']
    assert attempts(box, 'boom-foggy')[1:4] == 3 * [(1, 'verify', 'unknown')]
    assert len(box.lines('effects')) == (2 if policy == 'retry' else 1)
    box.verify()


def test_no_answer_is_a_no_but_that_of_the_program(box):
    make(box, ['fizzle'], act=ACT.replace('#!/bin/sh\n', "#!/bin/sh\necho '#!/no/such/interpreter' >look\n"))
    said = box.run('run', 'pay.yaml')
    assert said.code == 3, said
    assert box.keys('in_doubt') == ['fizzle'] and box.lines('effects') == []


def test_a_program_that_is_not_there_is_said_before_the_first_item(box):
    make(box, ['a'])
    box.file('pay.yaml', (JOB % {'settle': '20ms', 'more': ''}).replace('./look', './lok'))
    said = box.run('run', 'pay.yaml')
    assert said.code == 78 and 'verify' in said.err and 'lok' in said.err, said
    assert box.lines('effects') == []


def test_without_attempts_left_what_did_not_happen_is_dead(box):
    make(box, ['fizzle'])
    box.file('pay.yaml', (JOB % {'settle': '20ms', 'more': ''}).replace('attempts: 3', 'attempts: 1'))
    assert box.run('run', 'pay.yaml').code == 3
    assert box.keys('dead') == ['fizzle']
    assert 'verified: it did not take effect' in box.run('why', 'pay/fizzle').out


# An item waits in the middle, before or after its effect, until the test has killed what it wants to kill.
SLOW = '''#!/bin/sh
case "$1" in before*) echo "$1" >>begun; sleep 300 ;; esac
echo "$1" >>effects
case "$1" in after*) echo "$1" >>begun; sleep 300 ;; esac
'''


@pytest.mark.parametrize('victim', ['engine', 'lane', 'keeper'])
def test_killed_in_the_middle_each_takes_effect_once(box, victim):
    ids = ['before-1', 'after-1', 'before-2', 'after-2']
    make(box, [*ids, 'plain'], act=SLOW, more='  concurrency: 4\nwindow: {grace: 100ms}')
    process = box.start('run', 'pay.yaml')
    wait_until(lambda: len(box.lines('begun')) == 4)
    box.file('act', '#!/bin/sh\necho "$1" >>effects\n', mode=0o755)
    for pid in cast(process.pid)[victim]:
        kill(pid)
    process.wait(timeout=180)
    # The keeper starts a dead engine again; without it, the next call goes on.
    wait_until(lambda: not cast(process.pid)['lane'])
    said = box.run('run', 'pay.yaml')
    assert said.code == 0, said
    assert sorted(box.lines('effects')) == sorted([*ids, 'plain'])
    assert box.keys('done') == sorted([*ids, 'plain'])
    box.verify()


def test_what_is_due_later_is_left_to_the_next_call(box):
    make(box, ['boom', 'a'], settle='1h', more='')
    said = box.run('run', 'pay.yaml')
    assert said.code == 75, said
    assert box.keys('in_doubt') == ['boom']
    said = box.run('why', 'pay/boom')
    assert 'it is verified from' in said.out, said
    # A person need not wait for that.
    assert box.run('resolve', 'pay/boom', '--done', '--why', 'it is in the list').code == 0
    assert box.run('run', 'pay.yaml').code == 0
    assert box.lines('asked') == []
    box.verify()


HANG = '''#!/bin/sh
echo "$1" >>asked
[ -e decided ] || sleep 300
exit 1
'''


def test_a_person_decides_while_it_is_verified_and_the_answer_is_not_used(box):
    make(box, ['boom'], look=HANG)
    process = box.start('run', 'pay.yaml')
    wait_until(lambda: box.lines('asked') == ['boom'])
    said = box.run('why', 'pay/boom')
    assert 'it is being verified' in said.out, said
    said = box.run('resolve', 'pay/boom', '--done', '--why', 'it is in the list')
    assert said.code == 0, said
    assert box.keys('done') == ['boom']
    box.file('decided')
    for pid in cast(process.pid)['child']:
        kill(pid)
    assert process.wait(timeout=180) == 0
    assert 'was decided by a person while it was verified' in box.process_said(process)
    assert box.keys('done') == ['boom']
    assert box.ask('SELECT verb, was, became, why FROM audit') == [
        ('resolve --done', 'in_doubt', 'done', 'it is in the list')]
    box.verify()


def test_stopped_while_it_is_verified_it_is_asked_by_the_next_call(box):
    make(box, ['boom'], look=HANG.replace('exit 1', 'grep -qx "$1" effects'), more='window: {grace: 0s}')
    process = box.start('run', 'pay.yaml')
    wait_until(lambda: box.lines('asked') == ['boom'])
    assert box.run('stop', 'pay', '--now').code == 0
    assert process.wait(timeout=180) == 75
    assert box.keys('in_doubt') == ['boom']
    box.file('decided')
    assert box.run('run', 'pay.yaml').code == 0
    assert box.keys('done') == ['boom'] and box.lines('effects') == ['boom']
    assert attempts(box, 'boom') == [(1, 'attempt', 'unknown'), (1, 'verify', 'done')]
    box.verify()


def test_an_item_whose_key_has_expired_is_verified(box):
    """With a key that the other side no longer knows it is not done again unseen."""
    make(box, ['boom', 'fizzle'])
    box.file('pay.yaml', (JOB % {'settle': '20ms', 'more': '  key_valid: 1s\n  timeout: 60s'}).replace(
        'effect: once', 'effect: idempotent'))
    assert box.run('run', 'pay.yaml').code == 0
    assert sorted(box.lines('effects')) == ['boom', 'fizzle']
    assert attempts(box, 'fizzle')[-1] == (2, 'attempt', 'done')
    box.verify()


def test_stream_workers_have_a_program_asked_too(box):
    worker = '''#!/bin/sh
while read -r line; do
	id=$(printf '%s' "$line" | sed 's/.*"fields":{"id":"\\([^"]*\\)".*/\\1/')
	number=$(printf '%s' "$line" | sed 's/{"id":\\([^,]*\\),.*/\\1/')
	echo "$id" >>effects
	case "$id" in boom*) mkdir "tried-$id" 2>/dev/null && kill -9 $$ ;; esac
	echo "{\\"id\\":$number,\\"outcome\\":\\"done\\"}"
done
'''
    make(box, ['a', 'boom', 'b'], act=worker)
    box.file('pay.yaml', (JOB % {'settle': '20ms', 'more': '  concurrency: 1'}).replace(
        'exec: {command: [./act, "${id}"]}', 'exec: {command: [./act], mode: stream, workers: 1}'))
    said = box.run('run', 'pay.yaml')
    assert said.code == 0, said
    assert sorted(box.lines('effects')) == ['a', 'b', 'boom']
    box.verify()


# ---- what a person needs to find out ---------------------------------------------------------------

NAMED = '''version: 1
job: pay
secrets: {token: env:TOKEN}
source:
  csv: {path: in.csv}
  fields: {id: text, mail: text, card: {type: text, sensitive: true}}
  key: id
report: {person: mail}
work:
  exec: {command: [./act, "${id}", "--card=${card}", "--token=${secret.token}", "two words"],
         env: {T: "${secret.token}"}}
  effect: once
  concurrency: 3
'''


def die_over(box, job, ids):
    """Leaves these items in doubt, by the death of everything at once."""
    box.env['TOKEN'] = 'hunter2-token'
    box.file('act', '#!/bin/sh\necho "$1" >>begun; sleep 300\n', mode=0o755)
    box.file('in.csv', 'id,mail,card\n' + ''.join(f'{i},{i}@example.com,4111-{i}\n' for i in ids))
    box.file('pay.yaml', job)
    process = box.start('run', 'pay.yaml')
    wait_until(lambda: len(box.lines('begun')) == len(ids))
    pids = cast(process.pid)
    for pid in pids['keeper'] + pids['engine'] + pids['lane']:
        kill(pid)
    process.wait(timeout=180)
    # The next call finds them; it has nothing else to do.
    said = box.run('run', 'pay.yaml')
    assert said.code == 3, said
    del box.env['TOKEN']  # who looks need not have it


def test_the_report_names_each_item_in_doubt_for_whom_and_what_was_sent(box):
    die_over(box, NAMED, ['a1', 'b2', 'c3'])
    said = box.run('report', 'pay')
    assert said.code == 0, said
    assert 'In doubt, one by one' in said.out
    for number, item in enumerate(['a1', 'b2', 'c3']):
        assert f'1:{number}  {item}, for {item}@example.com, since 20' in said.out
        assert f"sent: ./act {item} '--card=***' '--token=***' 'two words'" in said.out
        assert f'"mail":"{item}@example.com","card":"***"' in said.out
        assert f'stint resolve 1:{number} --done --why TEXT    # or --retry, --skip' in said.out
    document = json.loads(box.run('report', 'pay', '--json').out)
    assert [d['person'] for d in document['doubts']] == ['a1@example.com', 'b2@example.com', 'c3@example.com']
    first = document['doubts'][0]
    assert first['item'] == '1:0' and first['since'] and first['doubt'] == 'asked'
    assert first['sent']['what'].startswith('./act a1 ') and first['sent']['body_sha256'] is None
    keys = {d['sent']['idempotency_key'] for d in document['doubts']}
    assert len(keys) == 3 and all(len(key) == 32 for key in keys)
    [item] = [i for i in box.items('--state', 'in_doubt') if i['number'] == 1]
    assert item['sent'] == document['doubts'][1]['sent']
    assert './act b2' in box.run('why', 'pay/b2').out
    everything = said.out + json.dumps(document) + box.run('why', 'pay/b2').out + json.dumps(box.items())
    assert '4111' not in everything and 'hunter2' not in everything


def test_a_decision_is_on_record_wherever_somebody_looks(box):
    die_over(box, NAMED, ['a1', 'b2', 'c3'])
    assert box.run('resolve', 'pay/a1', '--done', '--why', 'the bank has it').code == 0
    assert 'resolve --done: the bank has it' in box.run('why', 'pay/a1').out
    said = box.run('report', 'pay')
    assert 'the bank has it' in said.out and '1:0  a1' not in said.out, said
    [decision] = json.loads(box.run('report', 'pay', '--json').out)['decisions']
    assert (decision['verb'], decision['number'], decision['why']) == ('resolve --done', 0, 'the bank has it')
    assert decision['who'] and decision['at']


def test_without_its_source_it_is_said_why_nothing_can_be_shown(box):
    die_over(box, NAMED, ['a1'])
    box.file('in.csv', 'another file\n')
    said = box.run('report', 'pay')
    assert said.code == 0 and 'what was sent cannot be shown: ' in said.out, said
    assert 'stint resolve 1:0 --done' in said.out


# ---- a server is asked -----------------------------------------------------------------------------


class Bank:
    """Takes payments by POST, and says by GET which ones it has. A payment whose key contains `lost` is taken
    and never answered, one with `refused` is not taken and not answered; `busy` cannot be looked up."""

    def __init__(self):
        bank = self
        self.taken, self.asked, self.headers = [], [], {}

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def answer(self, status):
                self.send_response(status)
                self.send_header('Content-Length', '0')
                self.end_headers()

            def do_POST(self):
                self.rfile.read(int(self.headers.get('Content-Length', 0)))
                key = self.path.split('/')[-1]
                once = key not in bank.taken
                if 'refused' not in key or ('no', key) in bank.asked:
                    bank.taken.append(key)
                if ('lost' in key or 'refused' in key) and once and ('no', key) not in bank.asked:
                    self.close_connection = True
                else:
                    self.answer(200)

            def do_GET(self):
                key = self.path.split('/')[-1]
                status = 503 if 'busy' in key else 200 if key in bank.taken else 404
                bank.asked.append(('yes' if status == 200 else 'no' if status == 404 else '?', key))
                bank.headers = dict(self.headers)
                self.answer(status)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.url = f'http://127.0.0.1:{self.server.server_port}'
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def bank():
    bank = Bank()
    yield bank
    bank.close()


HTTP_JOB = '''version: 1
job: pay
secrets: {token: env:TOKEN}
source:
  csv: {path: in.csv}
  fields: {id: text}
  key: id
work:
  http:
    url: %(url)s/pay/${id}
    auth: {bearer: "${secret.token}"}
    json: {id: "${id}"}
  effect: once
  verify: {http: {url: "%(asked)s/payments/${id}"}, settle: 20ms}
retry: {attempts: 3, first: 10ms, factor: 1, max: 10ms, jitter: none}
'''


def make_http(box, ids, url, asked=None):
    box.env['TOKEN'] = 'hunter2-token'
    box.file('in.csv', 'id\n' + ''.join(f'{i}\n' for i in ids))
    box.file('pay.yaml', HTTP_JOB % {'url': url, 'asked': asked or url})


def test_a_server_is_asked_what_it_has(box, bank):
    make_http(box, ['a', 'lost-1', 'refused-1', 'b'], bank.url)
    said = box.run('run', 'pay.yaml')
    assert said.code == 0, said
    assert sorted(bank.taken) == ['a', 'b', 'lost-1', 'refused-1']
    assert attempts(box, 'lost-1') == [(1, 'attempt', 'unknown'), (1, 'verify', 'done')]
    assert attempts(box, 'refused-1') == [(1, 'attempt', 'unknown'), (1, 'verify', 'not_done'),
                                          (1, 'verify', 'not_done'), (2, 'attempt', 'done')]
    assert bank.headers['Authorization'] == 'Bearer hunter2-token'
    box.verify()


def test_a_server_that_cannot_tell_leaves_it_to_a_person(box, bank):
    make_http(box, ['busy-lost'], bank.url)
    said = box.run('run', 'pay.yaml')
    assert said.code == 3, said
    assert attempts(box, 'busy-lost')[1:] == 3 * [(1, 'verify', 'unknown')]
    said = box.run('report', 'pay')
    assert f'sent: POST {bank.url}/pay/busy-lost' in said.out and '{"id":"busy-lost"}' in said.out, said
    assert 'SHA-256 ' in said.out and 'hunter2' not in said.out
    assert bank.taken == ['busy-lost']


@pytest.mark.parametrize('words,code,answer', [
    ('done_when: [200], not_done_when: [404]', 0, 'not_done'),
    ('done_when: [200], not_done_when: [410]', 3, 'unknown'),
    ('done_when: [200, 404], not_done_when: [410]', 0, 'done'),
])
def test_what_a_status_means_is_the_job_s_to_say(box, bank, words, code, answer):
    make_http(box, ['refused-1'], bank.url)
    box.file('pay.yaml', box.read('pay.yaml').replace('payments/${id}"}', 'payments/${id}", ' + words + '}'))
    said = box.run('run', 'pay.yaml')
    assert said.code == code, said
    assert attempts(box, 'refused-1')[1] == (1, 'verify', answer)
    assert bank.taken == (['refused-1'] if answer == 'not_done' else [])


def test_a_server_that_is_not_there_is_no_answer(box, bank):
    gone = Bank()
    gone.close()
    make_http(box, ['refused-1'], bank.url, gone.url)
    said = box.run('run', 'pay.yaml')
    assert said.code == 3, said
    assert box.keys('in_doubt') == ['refused-1'] and bank.taken == []


def test_another_server_is_not_told_who_we_are(box, bank):
    other = Bank()
    try:
        make_http(box, ['lost-1'], bank.url, other.url)
        other.taken = ['lost-1']
        said = box.run('run', 'pay.yaml')
        assert said.code == 0, said
        assert 'Authorization' not in other.headers
    finally:
        other.close()


def test_after_a_kill_the_server_is_asked(box, bank):
    """The program waits while the server holds its answer back."""
    make_http(box, ['a', 'b'], bank.url)
    box.file('pay.yaml', box.read('pay.yaml').replace('work:', 'work:\n  concurrency: 1'))
    box.file('in.csv', 'id\nhold\nb\n')
    hold = threading.Event()
    handler = bank.server.RequestHandlerClass
    post = handler.do_POST

    def held(self):
        if self.path.endswith('/hold') and 'hold' not in bank.taken:
            bank.taken.append('hold')
            hold.wait(120)
            self.close_connection = True
        else:
            post(self)
    handler.do_POST = held
    process = box.start('run', 'pay.yaml')
    wait_until(lambda: bank.taken == ['hold'])
    pids = cast(process.pid)
    for pid in pids['keeper'] + pids['engine'] + pids['lane']:
        kill(pid)
    process.wait(timeout=180)
    hold.set()
    said = box.run('run', 'pay.yaml')
    assert said.code == 0, said
    assert bank.taken == ['hold', 'b']
    assert box.keys('done') == ['b', 'hold']
    box.verify()
