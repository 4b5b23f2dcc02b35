# attack: files in the memory file systems, all of them, more than one of them holds
# verdict: disk
# marks: double_two=1 double_negative=2 noise_bounds=2
# says: No space left
# never: all of it written
# %% after="double"
for folder in ("/tmp", "/dev/shm", "/home/student"):
    try:
        with open(f"{folder}/attack-was-here", "wb") as file:
            for _ in range(48):
                file.write(bytes(2**20))
                file.flush()
        print("all of", "it written", folder)
    except OSError as error:
        print(error)
        last = error
raise last
