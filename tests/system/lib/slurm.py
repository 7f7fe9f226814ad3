# SPDX-License-Identifier: Apache-2.0
"""A Slurm cluster of one machine: munged, slurmctld and slurmd of our own, in a folder and on free ports."""
import os
import shutil
import socket
import subprocess
import time

NEEDS = ('munged', 'slurmctld', 'slurmd', 'sbatch')
PATH = '/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin'


def why_not():
    """Why there can be no cluster here; None when there can."""
    if os.geteuid() != 0:
        return 'slurmd has to be root'
    missing = [name for name in NEEDS if shutil.which(name, path=PATH) is None]
    return f'{", ".join(missing)}: not installed (tools/setup test)' if missing else None


def free_ports(n):
    sockets = [socket.socket() for _ in range(n)]
    for one in sockets:
        one.bind(('127.0.0.1', 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Slurm:
    def __init__(self, path):
        self.path = str(path)
        self.node = socket.gethostname().split('.')[0]
        self.running = []
        for name in ('spool', 'state', 'munge'):
            os.makedirs(os.path.join(self.path, name))
        self.env = {'PATH': PATH, 'LC_ALL': 'C.UTF-8', 'SLURM_CONF': self.at('slurm.conf')}
        self.start_munge()
        self.configure()
        self.start('slurmctld', '-D', '-c')
        self.start('slurmd', '-D', '-N', self.node)
        self.until(lambda: 'idle' in self.call('sinfo', '-h', '-o', '%T').stdout, 'the node is idle')

    def at(self, name):
        return os.path.join(self.path, name)

    def start(self, program, *args):
        with open(self.at(f'{program}.out'), 'wb') as out:
            # pylint: disable-next=consider-using-with
            self.running.append(subprocess.Popen(
                [shutil.which(program, path=PATH), *args], env=self.env, stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, cwd=self.path))

    def start_munge(self):
        with open(self.at('munge/key'), 'wb') as key:
            key.write(os.urandom(64))
        os.chmod(self.at('munge/key'), 0o400)
        self.start('munged', '--foreground', '--force', f'--key-file={self.at("munge/key")}',
                   f'--socket={self.at("munge/socket")}', f'--pid-file={self.at("munge/pid")}',
                   f'--log-file={self.at("munge/log")}', f'--seed-file={self.at("munge/seed")}')
        self.until(lambda: os.path.exists(self.at('munge/socket')), 'munged is there')

    def configure(self):
        controller, node = free_ports(2)
        with open(self.at('slurm.conf'), 'w', encoding='utf-8') as f:
            f.write(f'''ClusterName=stint
SlurmctldHost={self.node}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
AuthType=auth/munge
AuthInfo=socket={self.at("munge/socket")}
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmUser=root
StateSaveLocation={self.at("state")}
SlurmdSpoolDir={self.at("spool")}
SlurmctldPidFile={self.at("slurmctld.pid")}
SlurmdPidFile={self.at("slurmd.pid")}
SlurmctldLogFile={self.at("slurmctld.log")}
SlurmdLogFile={self.at("slurmd.log")}
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
NodeName={self.node} NodeAddr=127.0.0.1 CPUs={os.cpu_count()} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:8
''')

    def call(self, *args, env=None):
        return subprocess.run(args, env={**self.env, **(env or {})}, cwd=self.path, text=True,
                              capture_output=True, check=False, timeout=60)

    def submit(self, script, *options, env=None):
        """The number of the job."""
        done = self.call('sbatch', '--parsable', *options, script, env=env)
        assert done.returncode == 0, done
        return int(done.stdout)

    def tasks(self, job):
        """[{JobState, ExitCode, …}] of the job's tasks."""
        said = self.call('scontrol', '-o', 'show', 'job', str(job)).stdout
        return [dict(word.split('=', 1) for word in line.split() if '=' in word)
                for line in said.splitlines() if line.startswith('JobId=')]

    def until(self, true, what, seconds=180):
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, f'never: {what}; {self.said()}'
            time.sleep(0.2)

    def wait(self, job):
        over = ('COMPLETED', 'FAILED', 'TIMEOUT', 'CANCELLED', 'NODE_FAIL')
        self.until(lambda: self.tasks(job) and all(t['JobState'] in over for t in self.tasks(job)),
                   f'job {job} is over', 300)
        return self.tasks(job)

    def said(self):
        text = ''
        for name in ('slurmctld.log', 'slurmd.log', 'munged.out'):
            if os.path.exists(self.at(name)):
                with open(self.at(name), encoding='utf-8', errors='replace') as f:
                    text += f'\n{name}: {f.read()[-2000:]}'
        return text

    def close(self):
        for process in reversed(self.running):
            process.terminate()
        for process in reversed(self.running):
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
