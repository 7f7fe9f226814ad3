# SPDX-License-Identifier: Apache-2.0
"""examples/outbox: what an application says in its own transaction is done once, or not at all."""
import os
import shutil

from lib.box import TOP, kill, wait_until

EXAMPLE = os.path.join(TOP, 'examples', 'outbox')


def prepare(box, postgres):
    for name in ('outbox.yaml', 'tables.sql', 'tell'):
        shutil.copy(os.path.join(EXAMPLE, name), box.path)
    box.options = []
    box.env['STINT_LEDGER'] = postgres.uri
    assert box.run('ledger', 'init').code == 0
    postgres.ask(box.read('tables.sql'))


def test_orders_that_were_taken_are_told_of_and_no_others(box, postgres):
    prepare(box, postgres)
    postgres.ask("select take_order('ada@example.com', 12.50)")
    postgres.ask("begin; select take_order('bob@example.com', 99); rollback")
    assert box.run('run', 'outbox.yaml').code == 0
    assert box.lines('outbox.txt') == ['to ada@example.com: your order 1 over 12.50 was taken']
    # Put in a second time, by somebody who was not sure.
    postgres.ask("insert into stint.inbox (job, key, fields) values ('order-mail', 'order-1',"
                 """ '{"order": 1, "email": "ada@example.com", "total": 12.50}')""")
    assert box.run('run', 'outbox.yaml').code == 0
    assert len(box.lines('outbox.txt')) == 1


def test_a_kill_says_nothing_twice(box, postgres):
    prepare(box, postgres)
    postgres.ask("select take_order('c' || n || '@example.com', n) from generate_series(1, 300) as n")
    for many in (20, 100):
        run = box.start('run', 'outbox.yaml')
        wait_until(lambda n=many: len(box.lines('outbox.txt')) > n or run.poll() is not None)
        kill(run.pid)
        run.wait(60)
    for _ in range(20):
        said = box.run('run', 'outbox.yaml')
        assert said.code in (0, 3, 75), said
        if 'nothing to do' in said.out:
            break
    told = box.lines('outbox.txt')
    assert len(set(told)) == len(told)
    in_doubt = box.keys('in_doubt')
    assert len(told) + len(in_doubt) >= 300 and len(told) <= 300
