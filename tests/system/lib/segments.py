# SPDX-License-Identifier: Apache-2.0
"""What work on a file has written beside it (src/lane/shelf.h)."""
import os

HEAD = b'stintsg2'
HEAD_BYTES = 64


def beside(directory):
    return [name for name in os.listdir(directory) if '.stint-' in name]


def shelves(directory):
    """The paths of the files that segments are in."""
    return sorted(f'{directory}/{name}/{file}' for name in beside(directory)
                  for file in os.listdir(f'{directory}/{name}') if file[0].isdigit())


def heads(path):
    """Where in that file segments begin."""
    with open(path, 'rb') as f:
        data = f.read()
    return [at for at in range(len(data)) if data.startswith(HEAD, at)] if HEAD in data else []


def segments(directory):
    """How many are complete."""
    total = 0
    try:
        for path in shelves(directory):
            with open(path, 'rb') as f:
                total += f.read().count(HEAD)
    except FileNotFoundError:  # put away meanwhile
        pass
    return total
