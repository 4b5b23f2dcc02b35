# attack: takes memory in small pieces, and goes on when there is none
# verdict: memory
# marks: double_two=1 double_negative=2 noise_bounds=2
# %% after="double"
kept = []
for _ in range(1536):
    try:
        kept.append(b"x" * 2**20)
    except MemoryError:
        pass
del kept
raise MemoryError
