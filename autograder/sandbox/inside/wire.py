"""Messages between the grader and the sandbox: one JSON object a packet of a socket that has no name."""

import array
import json
import socket
import struct

LONGEST = 190_000  # bytes; a packet must fit into the socket's buffer


def pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(channel: socket.socket, message: dict, descriptors: list[int] | None = None) -> None:
    """Raises ValueError when the message is too long, OSError when nobody listens."""
    packet = json.dumps(message).encode()
    if len(packet) > LONGEST:
        raise ValueError(f"a message of {len(packet)} bytes; expected at most {LONGEST}")
    socket.send_fds(channel, [packet], descriptors or [])


def receive(channel: socket.socket) -> tuple[dict | None, list[int], int | None]:
    """The next message, the descriptors that came with it, and the sender's process if the channel asks for it.

    The message is None when the other end is closed.
    """
    space = socket.CMSG_SPACE(8 * 4) + socket.CMSG_SPACE(3 * 4)
    packet, ancillary, _, _ = channel.recvmsg(LONGEST, space, socket.MSG_CMSG_CLOEXEC)
    descriptors, process = array.array("i"), None
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(content)
        elif level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
            process = struct.unpack("3i", content)[0]
    return (json.loads(packet) if packet else None), list(descriptors), process
