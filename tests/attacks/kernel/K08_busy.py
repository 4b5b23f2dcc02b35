# attack: an answer that never returns
# verdict: timed out
# marks: double_two=0 double_negative=0 noise_bounds=2
# limits: cell=1 notebook=30
# %% exercise="double"
def double(x):
    while True:
        pass
