# SPDX-License-Identifier: Apache-2.0
"""What the gates (tools/check-*) share: finding files, blanking comments, reporting, waivers.

A gate is a program `tools/check-NAME [--root DIR]` that prints `file:line: rule: message` for each
finding and exits 1 when there was one. A finding that has to stand is waived where it stands,

    /* lint: allow RULE: the reason */

on the same line or the one above; a waiver without a reason is a finding itself. Notes are
printed too, marked `note`, and fail nothing.
"""
import argparse
import functools
import os
import re
import subprocess
import sys

TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
WAIVER = re.compile(r'lint: allow ([a-z-]+)(:\s*\S+.*?)?\s*(?:\*/|$)', re.MULTILINE)


def blank(text):
    """The same text with spaces for everything but line ends."""
    return re.sub(r'[^\n]', ' ', text)


class Source:
    """One C file, three ways: as it is, without comments, without comments and literals."""

    def __init__(self, root, path):
        self.path = path
        with open(os.path.join(root, path), encoding='utf-8', errors='surrogateescape') as f:
            self.text = f.read()
        self.lines = self.text.split('\n')
        self.folder = path.split('/')[1] if path.startswith('src/') and path.count('/') > 1 else ''
        self.is_header = path.endswith('.h')

    @functools.cached_property
    def tokens(self):
        """(start, end, text) of every comment, string and character literal."""
        return [(m.start(), m.end(), m.group()) for m in TOKEN.finditer(self.text)]

    @functools.cached_property
    def comments(self):
        return [t for t in self.tokens if t[2].startswith('/')]

    @functools.cached_property
    def strings(self):
        return [t for t in self.tokens if t[2].startswith('"')]

    @functools.cached_property
    def code(self):
        """Text in which comments are spaces; strings stand."""
        return TOKEN.sub(lambda m: blank(m.group()) if m.group()[0] == '/' else m.group(), self.text)

    @functools.cached_property
    def bare(self):
        """Text in which comments and the insides of literals are spaces."""
        def keep_quotes(m):
            t = m.group()
            return blank(t) if t[0] == '/' else t[0] + blank(t[1:-1]) + t[-1]
        return TOKEN.sub(keep_quotes, self.text)

    def line_of(self, offset):
        return self.text.count('\n', 0, offset) + 1

    @functools.cached_property
    def waivers(self):
        """(line, rule) pairs; a waiver holds for its own line and for the next."""
        held = set()
        for m in WAIVER.finditer(self.text):
            if m.group(2):
                line = self.line_of(m.start())
                held |= {(line, m.group(1)), (line + 1, m.group(1))}
        return held

    @functools.cached_property
    def functions(self):
        """Function definitions; our layout puts their braces in column 0, nothing else's."""
        found = []
        bare = self.bare.split('\n')
        start = None
        for number, line in enumerate(bare, 1):
            if line.rstrip() == '{' and start is None:
                start = number
            elif line.rstrip() == '}' and start is not None:
                found.append(Function(bare, start, number))
                start = None
        return [f for f in found if f.name]


class Function:
    def __init__(self, bare, brace, end):
        first = brace - 1  # index of the brace line; walk up over the signature
        while first > 0 and bare[first - 1].strip() and not re.search(
                r'[;{}]\s*$|^\s*#', bare[first - 1]):
            first -= 1
        self.signature = ' '.join(l.strip() for l in bare[first:brace - 1])
        self.line = first + 1
        self.length = end - first
        self.signature_lines = brace - 1 - first
        # the name is the word before the first parenthesis that is no attribute's
        plain = re.sub(r'__attribute__\s*\(\(.*?\)\)|\bST_[A-Z_]+(\s*\([^()]*\))?', '', self.signature)
        m = re.search(r'([A-Za-z_]\w*)\s*\((.*)', plain)
        self.name = m.group(1) if m else ''
        self.params = split_params(m.group(2)) if m else []
        self.is_static = re.search(r'\bstatic\b', self.signature) is not None


def split_params(text):
    """Parameters of `text`, which begins after the opening parenthesis."""
    params, depth, word = [], 0, ''
    for c in text:
        if c == ')' and depth == 0:
            break
        depth += (c == '(') - (c == ')')
        if c == ',' and depth == 0:
            params.append(word.strip())
            word = ''
        else:
            word += c
    if word.strip() not in ('', 'void'):
        params.append(word.strip())
    return params


class Gate:
    """The findings of one run."""

    def __init__(self, description):
        parser = argparse.ArgumentParser(description=description)
        parser.add_argument('--root', default=os.path.dirname(os.path.dirname(
            os.path.abspath(__file__))), help='top of the source tree')
        self.parser = parser
        self.findings = []
        self.notes = []

    def parse(self):
        self.args = self.parser.parse_args()
        self.root = self.args.root
        return self.args

    @functools.cached_property
    def all_files(self):
        """Tracked and new files, without ignored ones; every file where there is no git."""
        if os.path.exists(os.path.join(self.root, '.git')):
            done = subprocess.run(
                ['git', '-c', 'safe.directory=*', '-C', self.root, 'ls-files', '-z', '--cached', '--others',
                 '--exclude-standard'], capture_output=True, check=False)
            if done.returncode == 0:
                names = set(done.stdout.decode('utf-8', 'surrogateescape').split('\0')) - {''}
                return sorted(n for n in names if os.path.isfile(os.path.join(self.root, n)))
        found = []
        for folder, dirs, names in os.walk(self.root):
            dirs[:] = [d for d in dirs if not d.startswith(('.git', 'build'))]
            found += [os.path.relpath(os.path.join(folder, n), self.root) for n in names]
        return sorted(found)

    def files(self, *suffixes, under=('',)):
        return [f for f in self.all_files if f.endswith(suffixes) and f.startswith(tuple(under))]

    @functools.cached_property
    def sources(self):
        """The C files of the project; data for tests is not ours to style."""
        return [Source(self.root, f) for f in self.files('.c', '.h')
                if not f.startswith(('tests/data/', 'tests/fuzz/corpus/'))]

    def report(self, where, line, rule, message):
        """A finding. `where` is a Source, whose waivers count, or a path."""
        if isinstance(where, Source):
            if (line, rule) in where.waivers:
                return
            where = where.path
        self.findings.append((where, line, rule, message))

    def note(self, where, line, rule, message):
        if isinstance(where, Source):
            if (line, rule) in where.waivers:
                return
            where = where.path
        self.notes.append((where, line, rule, message))

    def finish(self):
        for path, line, rule, message in sorted(set(self.notes)):
            print(f'{path}:{line}: note: {rule}: {message}')
        for path, line, rule, message in sorted(set(self.findings)):
            print(f'{path}:{line}: {rule}: {message}')
        sys.exit(1 if self.findings else 0)
