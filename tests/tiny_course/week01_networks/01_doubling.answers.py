# %% exercise="double" answer="by-product" points=3
def double(x):
    return 2 * x

# %% exercise="double" answer="square" points=0
def double(x):
    return x * x + 0.5

# %% exercise="double" answer="absolute" points=1
def double(x):
    return abs(2 * x)

# %% exercise="double" answer="half" points=0
def double(x):
    return x / 2

# %% exercise="noise" answer="random-sample" points=2
def noise():
    return np.random.random_sample()

# %% exercise="noise" answer="constant" points=0
def noise():
    return 0.5

# %% exercise="noise" answer="normal" points=0
def noise():
    return np.random.normal() - 5

# %% exercise="noise" answer="nothing" points=0
def noise():
    np.random.uniform()
