# attack: one bytearray, larger than a submission's memory
# verdict: memory
# marks: double_two=1 double_negative=2 noise_bounds=2
# isolation: warm | fresh
# says: MemoryError
# %% after="double"
kept = bytearray(1536 * 2**20)
