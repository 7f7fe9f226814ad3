# SPDX-License-Identifier: Apache-2.0
"""A Linux of its own (user-mode Linux), for what the machine's kernel does not let a test have.

It is root of its own, sees this machine's files, and has control groups of version 2 with `memory` and
`cpu`. What is written goes to /mnt, which is its memory, and to the box when the script copies it there.
"""
import os
import shutil
import subprocess

PROGRAM = 'linux.uml'
INIT = '''#!/bin/sh
export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t cgroup2 cgroup /sys/fs/cgroup
mount -t tmpfs tmp /mnt
chmod 755 /mnt
cd /mnt
{{
{script}
}} >{path}/kernel.said 2>&1 </dev/null
echo "ended $?" >>{path}/kernel.said
echo o >/proc/sysrq-trigger
sleep 60
'''


def is_here():
    return shutil.which(PROGRAM) is not None


def run_in_kernel(box, script, timeout=300):
    """Runs a shell script as root of a new kernel, in /mnt; gives what it said and its exit status, or
    None for that where the kernel did not come up."""
    said = os.path.join(box.path, 'kernel.said')
    if os.path.exists(said):
        os.remove(said)
    init = box.file('kernel.init', INIT.format(script=script, path=box.path), mode=0o755)
    command = [PROGRAM, 'mem=512M', 'rootfstype=hostfs', 'rootflags=/', 'rw', f'init={init}', 'quiet',
               f'uml_dir={box.path}/uml/', 'con=null', 'con0=null,fd:1', 'ssl=null']
    booted = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, timeout=timeout, check=False)
    if not os.path.exists(said):
        return booted.stdout.decode('utf-8', 'replace')[-1000:], None
    text, _, code = box.read('kernel.said').rpartition('ended ')
    return text, int(code)
