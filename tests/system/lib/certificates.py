# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests, made by `openssl` in a folder: an authority, and what it signed or did not."""
import os
import subprocess

CONFIG = '''[ca]
default_ca = it
[it]
new_certs_dir = {folder}
database = {folder}/index
serial = {folder}/serial
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
'''


class Certificates:
    """`ca` (a path), and for each NAME `NAME.pem` (certificate) and `NAME.key`: good (localhost,
    127.0.0.1), expired, early (not valid yet), wrong-host, self-signed, client, and
    client-other (of a stranger)."""

    def __init__(self, folder):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.ca = self._self_signed('ca', 'A test authority', 'basicConstraints=critical,CA:TRUE')
        config = CONFIG.format(folder=self.folder)
        for name, text in (('index', ''), ('serial', '1000\n'), ('config', config)):
            with open(self.path(name), 'w', encoding='ascii') as f:
                f.write(text)
        here = 'DNS:localhost,IP:127.0.0.1'
        self._signed('good', here)
        self._signed('expired', here, '200101000000Z', '210101000000Z')
        self._signed('early', here, '490101000000Z', '491231000000Z')
        self._signed('wrong-host', 'DNS:elsewhere.example.com')
        self._signed('client', 'DNS:client.example.com')
        self._self_signed('self-signed', 'localhost', 'subjectAltName=' + here)
        self._self_signed('client-other', 'stranger', 'subjectAltName=DNS:stranger.example.com')

    def path(self, name):
        return os.path.join(self.folder, name)

    def pair(self, name):
        """The paths of a certificate and its key."""
        return self.path(name + '.pem'), self.path(name + '.key')

    def _openssl(self, *args):
        done = subprocess.run(['openssl', *args], cwd=self.folder, capture_output=True, check=False,
                              stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stderr.decode('utf-8', 'replace')

    def _request(self, name, subject, *more):
        self._openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                      '-subj', '/CN=' + subject, '-keyout', name + '.key', *more)

    def _self_signed(self, name, subject, extension):
        self._request(name, subject, '-x509', '-days', '3650', '-out', name + '.pem', '-addext', extension)
        return self.path(name + '.pem')

    def _signed(self, name, names, begin=None, end='491231000000Z'):
        self._request(name, name, '-out', name + '.csr', '-addext', 'subjectAltName=' + names)
        when = ['-startdate', begin] if begin else []
        self._openssl('ca', '-batch', '-notext', '-config', 'config', '-cert', 'ca.pem', '-keyfile', 'ca.key',
                      '-in', name + '.csr', '-out', name + '.pem', *when, '-enddate', end)
