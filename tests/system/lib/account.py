# SPDX-License-Identifier: Apache-2.0
"""What became of the items of a run, beside its four figures (figures.py)."""
import json

from lib.figures import figures


class Account:
    """`counts` of the report, `items` by key, `rejects`."""

    def __init__(self, box, run):
        self.counts = json.loads(box.run('report', run, '--json').out)['counts']
        self.items = {item['key']: item for item in box.items('--run', run)}
        said = box.run('rejects', run, '--json')
        self.rejects = json.loads(said.out)['rejects'] if said.out else []


def assert_clean(box, run, keys, **more):
    """L = D = F = N = 0 for the latest run, which is `run`, and both sums hold. Gives the account."""
    figures(box, keys, 'once', **more)
    account = Account(box, run)
    c = account.counts
    assert c['read'] == c['loaded'] + c['filtered'] + c['rejected'] + c['held_back']
    assert c['rejected'] == len(account.rejects)
    return account
