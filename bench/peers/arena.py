"""The ring: a server's namespace with a bridge, and one namespace with a cable for each group of clients.

    server's namespace                      clients' namespaces
    bridge 10.77.0.1/16 --- port1 ~~~~~~~~~ cable  10.77.1.1, 10.77.1.2, ...
                        --- port2 ~~~~~~~~~ cable  10.77.2.1, ...

A cable is cut by taking its port out of the bridge: packets vanish both ways, and neither end is told.
"""

import fcntl
import pathlib
import socket
import struct
import subprocess

from namespace import Namespace

SERVER = "10.77.0.1"

_REMOVE_PORT = 0x89A3  # SIOCBRDELIF


class Cable:
    def __init__(self, number, port_index, namespace):
        self.number = number
        self.port_index = port_index
        self.namespace = namespace

    def address(self, client):
        """Of the client with that number from 1 to 254 on this cable."""
        return f"10.77.{self.number}.{client}"


class Arena:
    """Takes the namespace that we are in, which is to be a fresh one, for the server's."""

    def __init__(self):
        self.namespace = Namespace.current()
        self.cables = []
        self._control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        _quiet()
        # An address of its own, because a bridge without one takes that of a port, and changes it when that is cut.
        _ip(self.namespace, ["link set lo up", "link add bridge address 02:00:00:00:00:01 type bridge mcast_snooping 0",
                             f"address add {SERVER}/16 dev bridge", "link set bridge up"])
        self.cable(0)  # never cut, so that the bridge has a carrier when all others are

    def cable(self, clients):
        """Lays a new one, with addresses for so many clients."""
        number = len(self.cables) + 1
        namespace = Namespace.create()
        with namespace.inside():
            _quiet()
        _ip(self.namespace, [f"link add port{number} type veth peer name cable netns {namespace.path}",
                             f"link set port{number} master bridge", f"link set port{number} up"])
        cable = Cable(number, socket.if_nametoindex(f"port{number}"), namespace)
        _ip(namespace, ["link set lo up", "link set cable up"]
            + [f"address add {cable.address(client)}/16 dev cable" for client in range(1, clients + 1)])
        self.cables.append(cable)
        return cable

    def more_servers(self, addresses):
        """Gives the server's side these too."""
        _ip(self.namespace, [f"address add {address}/16 dev bridge" for address in addresses])

    def cut(self, cable):
        fcntl.ioctl(self._control, _REMOVE_PORT, struct.pack("16si20x", b"bridge", cable.port_index))

    def packets(self, cable):
        """That crossed this cable so far, both ways together."""
        folder = pathlib.Path("/proc/thread-self/net/dev")
        for line in folder.read_text(encoding="ascii").splitlines():
            name, colon, figures = line.partition(":")
            if colon and name.strip() == f"port{cable.number}":
                figures = figures.split()
                return int(figures[1]) + int(figures[9])
        raise LookupError(f"port{cable.number} is gone")


def _quiet():
    """Without IPv6 nothing but ARP and what is measured is on a cable."""
    path = pathlib.Path("/proc/sys/net/ipv6/conf/all/disable_ipv6")
    if path.exists():
        path.write_text("1", encoding="ascii")
    path = pathlib.Path("/proc/sys/net/ipv6/conf/default/disable_ipv6")
    if path.exists():
        path.write_text("1", encoding="ascii")


def _ip(namespace, commands):
    subprocess.run(["ip", "-batch", "-"], input="\n".join(commands) + "\n", text=True, check=True,
                   preexec_fn=namespace.enter)
