# attack: before any check has run, searches history, objects, files and the process's memory for hidden checks
# verdict: graded
# marks: double_two=1 double_negative=2 noise_bounds=2
# isolation: warm | fresh
# limits: cell=25 notebook=60
# says: searched
# never: found a hidden check
# %% after="double_negative"
import gc
import os
import sys

# The name of a hidden check, in pieces: whole, this cell itself would be found.
BEFORE, AFTER = b"twice ", b"any negative"


def holds_hidden(content):
    place = content.find(BEFORE)
    while place >= 0:
        start = place + len(BEFORE)
        if content[start : start + len(AFTER)] == AFTER:
            return True
        place = content.find(BEFORE, place + 1)
    return False


def memory():
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", buffering=0) as process:
        for line in maps:
            area, rights, *_ = line.split()
            if rights.startswith("rw") and "[v" not in line:
                start, end = (int(number, 16) for number in area.split("-"))
                process.seek(start)
                try:
                    yield process.read(end - start)
                except OSError:
                    continue


def files():
    for folder in ("/home", "/tmp", "/run", "/opt", "/dev/shm", "/root", "/srv", "/var"):
        for parent, folders, names in os.walk(folder):
            folders[:] = [name for name in folders if os.path.join(parent, name) != sys.prefix]  # the interpreter's own
            for name in names:
                path = os.path.join(parent, name)
                if os.path.isfile(path) and os.path.getsize(path) < 2**20 and os.access(path, os.R_OK):
                    with open(path, "rb") as file:
                        yield file.read()


texts = [text for text in gc.get_objects() if isinstance(text, str)] + [str(In), str(_ih), str(_oh)]
for where, contents in {
    "objects": (text.encode(errors="replace") for text in texts),
    "memory": memory(),
    "files": files(),
}.items():
    print("searched", where)
    if any(holds_hidden(content) for content in contents):
        print("found a hidden " + "check in", where)
