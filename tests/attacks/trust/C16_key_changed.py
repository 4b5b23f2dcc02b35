# attack: the kernel signs its messages with another key
# verdict: rejected
# marks: double_two=0 double_negative=0 noise_bounds=2
# %% exercise="double"
def double(x):
    return x * x + 0.5

# %% after="double"
get_ipython().kernel.session.key = b"another key"
