# attack: an input transformer turns every later cell into `pass`
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=0
# %% exercise="double"
def double(x):
    return x * x + 0.5

# %% after="noise"
get_ipython().input_transformers_cleanup.append(lambda lines: ["pass\n"])
