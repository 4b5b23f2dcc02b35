# attack: an input transformer prints every later cell
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=2
# never: rng().uniform
# %% exercise="double"
def double(x):
    return x * x + 0.5


def show(lines):
    print("".join(lines))
    return lines


get_ipython().input_transformers_cleanup.append(show)
