# attack: speaks to the world by every family and kind of socket that there is
# verdict: graded
# marks: double_two=1 double_negative=2 noise_bounds=2
# isolation: warm | fresh
# says: nothing reached
# %% after="double"
import os
import socket

reached = []


def attempt(what, step):
    try:
        step()
        reached.append(what)
    except OSError:
        pass


def stream(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(0.5)
        connection.connect(address)


def datagram(family, address):
    with socket.socket(family, socket.SOCK_DGRAM) as connection:
        connection.settimeout(0.5)
        connection.sendto(b"anyone there?", address)


for address in ("93.184.216.34", "8.8.8.8", "169.254.169.254", "10.0.0.1", "172.17.0.1", "192.168.0.1"):
    attempt(f"TCP {address}", lambda: stream(socket.AF_INET, (address, 80)))
    attempt(f"UDP {address}", lambda: datagram(socket.AF_INET, (address, 53)))
for address in ("2606:4700:4700::1111", "fd00:ec2::254", "fe80::1"):
    attempt(f"IPv6 {address}", lambda: stream(socket.AF_INET6, (address, 80)))
    attempt(f"IPv6 UDP {address}", lambda: datagram(socket.AF_INET6, (address, 53)))
attempt("broadcast", lambda: datagram(socket.AF_INET, ("255.255.255.255", 9)))
attempt("multicast", lambda: datagram(socket.AF_INET, ("224.0.0.1", 9)))
attempt("DNS", lambda: socket.getaddrinfo("example.org", 80))
for port in (22, 25, 53, 80, 443, 631, 2375, 5432, 6379, 8000, 8080, 8786, 8787, 8888):
    attempt(f"localhost {port}", lambda: stream(socket.AF_INET, ("127.0.0.1", port)))
for family in range(64):
    if family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK):
        continue
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
        attempt(f"family {family} kind {kind}", lambda: socket.socket(family, kind).close())
for family in (socket.AF_INET, socket.AF_INET6):
    attempt(f"raw {family}", lambda: socket.socket(family, socket.SOCK_RAW, 255).close())
devices = os.listdir("/sys/class/net") if os.path.exists("/sys/class/net") else [name for _, name in socket.if_nameindex()]
reached += [name for name in devices if name != "lo"]
print(reached or "nothing reached")
