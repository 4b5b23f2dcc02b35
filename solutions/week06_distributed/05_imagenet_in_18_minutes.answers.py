# %% exercise="schedule" answer="walking-through-the-phases" points=4
def schedule(phases, epoch, base, warmup):
    total = sum(phase[0] for phase in phases)
    rate = base * (epoch / warmup if epoch < warmup else (total - epoch) / (total - warmup))
    end = 0
    for epochs, side, batch in phases:
        end += epochs
        if epoch < end:
            return side, batch, rate * batch / 32

# %% exercise="schedule" answer="boundary-in-the-old-phase" points=2
def schedule(phases, epoch, base, warmup):
    ends = np.cumsum([phase[0] for phase in phases])
    _, side, batch = phases[np.searchsorted(ends, epoch)]
    total = ends[-1]
    rate = base * min(epoch / warmup, (total - epoch) / (total - warmup))
    return side, batch, rate * batch / 32

# %% exercise="schedule" answer="rate-not-scaled-with-the-batch" points=2
def schedule(phases, epoch, base, warmup):
    ends = np.cumsum([phase[0] for phase in phases])
    _, side, batch = phases[np.searchsorted(ends, epoch, side="right")]
    return side, batch, base * min(epoch / warmup, (ends[-1] - epoch) / (ends[-1] - warmup))

# %% exercise="schedule" answer="scaled-by-the-square-root" points=2
def schedule(phases, epoch, base, warmup):
    ends = np.cumsum([phase[0] for phase in phases])
    _, side, batch = phases[np.searchsorted(ends, epoch, side="right")]
    rate = base * min(epoch / warmup, (ends[-1] - epoch) / (ends[-1] - warmup))
    return side, batch, rate * (batch / 32) ** 0.5

# %% exercise="schedule" answer="falls-from-the-start" points=2
def schedule(phases, epoch, base, warmup):
    ends = np.cumsum([phase[0] for phase in phases])
    _, side, batch = phases[np.searchsorted(ends, epoch, side="right")]
    return side, batch, base * min(1, epoch / warmup) * (1 - epoch / ends[-1]) * batch / 32

# %% exercise="schedule" answer="epochs-taken-for-ends" points=0
def schedule(phases, epoch, base, warmup):
    side, batch = next(((side, batch) for end, side, batch in phases if epoch < end), phases[-1][1:])
    rate = base * min(epoch / warmup, (phases[-1][0] - epoch) / (phases[-1][0] - warmup))
    return side, batch, rate * batch / 32

# %% exercise="compute" answer="layer-by-layer-over-all-phases" points=4
def compute(phases, convolutions):
    epochs, sides, _ = map(np.array, zip(*phases))
    total, channels = 0.0, 3
    for filters, kernel, stride in convolutions:
        sides = np.ceil(sides / stride)
        total += (epochs * sides**2).sum() * kernel * kernel * channels * filters
        channels = filters
    return total

# %% exercise="compute" answer="strides-rounded-down" points=0
def compute(phases, convolutions):
    total = 0
    for epochs, side, _ in phases:
        channels = 3
        for filters, kernel, stride in convolutions:
            side = side // stride
            total += epochs * side**2 * kernel**2 * channels * filters
            channels = filters
    return total

# %% exercise="compute" answer="side-not-reset-with-the-phase" points=2
def compute(phases, convolutions):
    total, side = 0, phases[0][1]
    for epochs, _, _ in phases:
        channels = 3
        for filters, kernel, stride in convolutions:
            side = -(-side // stride)
            total += epochs * side**2 * kernel**2 * channels * filters
            channels = filters
    return total

# %% exercise="compute" answer="phases-not-weighted-by-epochs" points=2
def compute(phases, convolutions):
    total = 0
    for _, side, _ in phases:
        channels = 3
        for filters, kernel, stride in convolutions:
            side = -(-side // stride)
            total += side**2 * kernel**2 * channels * filters
            channels = filters
    return total

# %% exercise="compute" answer="three-channels-everywhere" points=0
def compute(phases, convolutions):
    total = 0
    for epochs, side, _ in phases:
        for filters, kernel, stride in convolutions:
            side = -(-side // stride)
            total += epochs * side**2 * kernel**2 * 3 * filters
    return total

# %% exercise="compute" answer="multiplied-by-the-batch" points=0
def compute(phases, convolutions):
    total = 0
    for epochs, side, batch in phases:
        channels = 3
        for filters, kernel, stride in convolutions:
            side = -(-side // stride)
            total += epochs * batch * side**2 * kernel**2 * channels * filters
            channels = filters
    return total

# %% exercise="bill" answer="discount-from-the-bills" points=3
def bill(machines, hours, list_price, paid):
    listed = list_price * hours * machines
    return listed, list_price * paid / listed, (listed - paid) / listed

# %% exercise="bill" answer="share-paid-for-the-discount" points=1
def bill(machines, hours, list_price, paid):
    listed = machines * hours * list_price
    return listed, paid / (machines * hours), paid / listed

# %% exercise="bill" answer="one-machine-only" points=0
def bill(machines, hours, list_price, paid):
    return hours * list_price, paid / hours, 1 - paid / (hours * list_price)

# %% exercise="bill" answer="price-for-the-whole-run" points=1
def bill(machines, hours, list_price, paid):
    listed = machines * hours * list_price
    return listed, paid / machines, 1 - paid / listed
