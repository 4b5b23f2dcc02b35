# attack: types into the teacher's terminal, and looks for one
# verdict: graded
# marks: double_two=1 double_negative=2 noise_bounds=2
# isolation: warm | fresh
# says: no terminal
# %% after="double"
import fcntl
import os
import pty
import struct
import termios

reached = []
for path in ("/dev/tty", "/dev/console", "/dev/tty0", "/dev/tty1", "/dev/pts/0", "/dev/pts/1", "/proc/self/fd/0", "/proc/self/fd/2"):
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY)
        if os.isatty(descriptor):
            reached.append(path)
        os.close(descriptor)
    except OSError:
        pass
ours, theirs = pty.openpty()
for request in (termios.TIOCSTI, termios.TIOCSTI | 1 << 32):
    try:
        fcntl.ioctl(theirs, request & 0xFFFFFFFF, b"x")
        reached.append("typed")
    except OSError:
        pass
try:
    fcntl.ioctl(theirs, 0x541C, b"\x02")
    reached.append("pasted")
except OSError:
    pass
print("\x1b]0;attack\x07\x1b[2J\x1b[31m" + str(reached or "no terminal"))
