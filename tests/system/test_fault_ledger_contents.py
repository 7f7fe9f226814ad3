# SPDX-License-Identifier: Apache-2.0
"""What was loaded has changed in the ledger by the time that it is worked (row 23 of docs/faults.md)."""
import gzip
import os
import subprocess

import pytest
from lib.box import descendants, kill, wait_until
from lib.figures import measure
from lib.job import RUN, run_until_over, without, write_job

pytestmark = pytest.mark.both


def loaded(box):
    """All is loaded, hardly anything worked, and then everybody dies."""
    text = box.read('faults.yaml').replace('concurrency: 2', 'concurrency: 1')
    box.file('faults.yaml', text)
    box.file('hold')
    run = box.start(*RUN)
    wait_until(lambda: 'running' in box.run('status').out and len(box.items('--state', 'waiting')) > 100)
    for pid in [run.pid, *descendants(run.pid)]:
        kill(pid)
    run.wait(60)
    os.unlink(os.path.join(box.path, 'hold'))


def change_last(box, change):
    """change(body) becomes the body of the last chunk; gives the chunk."""
    read, write = ("encode(body, 'hex')", "decode(?, 'hex')") if box.database else ('hex(body)', '?')
    [(hit, body)] = box.ask(f'SELECT chunk_id, {read} AS body FROM chunk_body ORDER BY chunk_id DESC LIMIT 1')
    body = change(bytes.fromhex(body))
    value = body.hex() if box.database else body
    assert box.change(f'UPDATE chunk_body SET body = {write} WHERE chunk_id = ?', value, hit) == 1
    return hit


def test_a_changed_body_is_never_worked(box):
    """The bits of what was loaded: the chunk's items end as dead, with words, and no other does."""
    keys = write_job(box, 200)
    loaded(box)
    hit = change_last(box, lambda body: b'Z' + body[1:])
    said = box.run('ledger', 'verify')
    assert said.code == 1 and 'body' in said.out and f'chunk {hit}' in said.out, said
    said = box.run(*RUN)
    assert said.code in (1, 3, 74), said
    assert set(box.lines('effects')) <= set(keys[:-50]), 'an item of the damaged chunk was worked'


def zstd(data, *options):
    return subprocess.run(['zstd', '-q', '-c', *options], input=data, capture_output=True, check=True).stdout


def with_another_key(body):
    """However its content is packed."""
    head, magic, packed = body.partition(b'\x28\xb5\x2f\xfd')
    content = zstd(magic + packed, '-d')
    assert b'10200' in content
    changed = content.replace(b'10200', b'99999')
    return head + zstd(changed, '--no-check', f'--stream-size={len(changed)}')


def change_a_key(box):
    """A run of items that the ledger itself holds; in that of the last one a key becomes another."""
    keys = write_job(box, 201)
    with open(os.path.join(box.path, 'items.csv'), 'rb') as f:
        box.file('items.csv.gz', gzip.compress(f.read()))
    box.file('faults.yaml', box.read('faults.yaml').replace('items.csv', 'items.csv.gz'))
    loaded(box)
    change_last(box, with_another_key)
    return keys


def test_a_key_that_changed_is_never_worked(box):
    keys = change_a_key(box)
    said = box.run(*RUN)
    assert said.code == 74 and 'is damaged' in said.err, said
    assert set(box.lines('effects')) <= set(keys[:-1]), 'an item of the damaged chunk was worked'


def test_without_its_hash_it_is(box):
    """The negative control."""
    keys = change_a_key(without(box, 'ledger.hash'))
    run_until_over(box)
    assert set(box.lines('effects')) - set(keys) == {'99999'}
    assert 'D' in measure(box, keys, 'once', crashes=1).wrong()
