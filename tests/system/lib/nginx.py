# SPDX-License-Identifier: Apache-2.0
"""A real nginx, with a configuration of the test's own, in a folder of its own."""
import json
import os
import random
import socket
import subprocess
import time

CONFIG = '''
daemon off;
master_process off;
pid nginx.pid;
error_log error.log info;
events {{ worker_connections 512; }}
http {{
	log_format test escape=json '{{"connection":$connection,"nth":$connection_requests,'
		'"protocol":"$server_protocol","status":$status,"method":"$request_method",'
		'"uri":"$request_uri","key":"$http_idempotency_key","bytes":$request_length,'
		'"client":"$ssl_client_s_dn"}}';
	access_log access.log test;
	client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi; scgi_temp_path scgi;
	{top}
	server {{
		listen 127.0.0.1:{port}{listen};
		{server}
	}}
}}
'''
# Below the ports that the kernel gives to clients, so that a port can be given up for a moment.
PORTS = range(20000, 32000)


def free_port():
    while True:
        port = random.choice(PORTS)
        with socket.socket() as s:
            try:
                s.bind(('127.0.0.1', port))
            except OSError:
                continue
            return port


class Nginx:
    """`server` and `top` stand in `server { }` and in `http { }`, `listen` follows the port."""

    def __init__(self, folder, server, top='', listen=''):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.text = server, top, listen
        self.process = None
        for _ in range(50):
            self.port = free_port()
            if self.start():
                return
        raise AssertionError(f'nginx does not start: {self._read("error.log")[-2000:]}')

    def start(self):
        """False when somebody else has its port."""
        server, top, listen = self.text
        with open(self.path('nginx.conf'), 'w', encoding='utf-8') as f:
            f.write(CONFIG.format(port=self.port, server=server, top=top, listen=listen))
        with open(self.path('said'), 'wb') as said:
            self.process = subprocess.Popen(
                ['nginx', '-p', self.folder, '-c', 'nginx.conf', '-e', 'error.log'], stdin=subprocess.DEVNULL,
                stdout=said, stderr=said, env={'PATH': '/usr/sbin:/usr/local/sbin:/usr/bin:/bin'})
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if self.process.poll() is not None:
                assert 'bind()' in self._read('said'), self._read('said')
                return False
            with socket.socket() as s:
                if s.connect_ex(('127.0.0.1', self.port)) == 0:
                    return True
            time.sleep(0.01)
        raise AssertionError('nginx does not listen')

    def stop(self):
        """As by SIGKILL: what was in flight is cut."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def path(self, name):
        return os.path.join(self.folder, name)

    def _read(self, name):
        try:
            with open(self.path(name), encoding='utf-8', errors='replace') as f:
                return f.read()
        except FileNotFoundError:
            return ''

    def log(self):
        """[{connection, nth, protocol, status, method, uri, key, bytes, client}] of all requests."""
        lines = [json.loads(line) for line in self._read('access.log').split('\n')[:-1]]
        return [line for line in lines if line['method']]

    def url(self, path='/', scheme='http'):
        host = 'localhost' if scheme == 'https' else '127.0.0.1'
        return f'{scheme}://{host}:{self.port}{path}'
