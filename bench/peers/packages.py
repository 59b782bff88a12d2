"""What has to be there, from Debian."""

import os
import pathlib
import shutil
import subprocess
import sys

# The interpreter that python3-zmq is made for, whichever runs us.
PYTHON = "/usr/bin/python3"

_DEBIAN_POLICY = pathlib.Path("/usr/sbin/policy-rc.d")

# Who needs what: a package, and a file that it brings.
_NEEDED = {
    "mosquitto": ("mosquitto", "/usr/sbin/mosquitto"),
    "nats-server": ("nats-server", "/usr/sbin/nats-server"),
    "redis": ("redis-server", "/usr/bin/redis-server"),
    "FRR bfdd": ("frr", "/usr/lib/frr/bfdd"),
    "libzmq": ("python3-zmq", "/usr/lib/python3/dist-packages/zmq/__init__.py"),  # brings libzmq5
}
_EVERYBODY = ("iproute2", "/sbin/ip")


def missing(names):
    """The packages that these contenders need and that are not there."""
    needed = [_EVERYBODY] + [_NEEDED[name] for name in dict.fromkeys(names) if name in _NEEDED]
    return [package for package, path in needed if not pathlib.Path(path).exists()]


def install(packages):
    """Installs them without letting Debian start the services that they bring, now or at the next boot."""
    print("installing", " ".join(packages), file=sys.stderr)
    guards = not _DEBIAN_POLICY.exists()
    if guards:
        _DEBIAN_POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
        _DEBIAN_POLICY.chmod(0o755)
    try:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        command = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
        if subprocess.run(command, stdout=subprocess.DEVNULL, env=environment).returncode:
            subprocess.run(["apt-get", "update"], stdout=subprocess.DEVNULL, check=True, env=environment)
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=environment)
    finally:
        if guards:
            _DEBIAN_POLICY.unlink()
    if shutil.which("systemctl"):
        for service in packages:
            subprocess.run(["systemctl", "disable", service], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def versions():
    """{package: version} as Debian has it."""
    found = {}
    for package in "mosquitto", "nats-server", "redis-server", "libzmq5", "python3-zmq", "frr":
        answer = subprocess.run(["dpkg-query", "--show", "--showformat=${Version}", package], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if answer.returncode == 0:
            found[package] = answer.stdout
    return found
