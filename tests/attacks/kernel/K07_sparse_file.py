# attack: a file of a petabyte with nothing in it, and one as large as a file may be
# verdict: disk
# marks: double_two=1 double_negative=2 noise_bounds=2
# says: File too large
# %% after="double"
import signal

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with open("attack-was-here", "wb") as file:
    file.truncate(2**25)
    file.truncate(2**50)
