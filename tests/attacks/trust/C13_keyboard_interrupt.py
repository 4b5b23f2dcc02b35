# attack: raises what an interrupt raises
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=2
# %% exercise="double"
def double(x):
    raise KeyboardInterrupt
