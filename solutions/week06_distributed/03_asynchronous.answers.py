# %% exercise="staleness" answer="loop-by-loop" points=4
def staleness(log, loops):
    each = [int(written) - 1 - int(read) for _, read, written in log]
    sums, counts = [0] * loops, [0] * loops
    for (loop, _, _), late in zip(log, each):
        sums[loop] += late
        counts[loop] += 1
    return each, [total / count for total, count in zip(sums, counts)]

# %% exercise="staleness" answer="counts-its-own-update" points=0
def staleness(log, loops):
    each = log[:, 2] - log[:, 1]
    return each, np.array([each[log[:, 0] == loop].mean() for loop in range(loops)])

# %% exercise="staleness" answer="one-mean-for-all" points=2
def staleness(log, loops):
    each = log[:, 2] - log[:, 1] - 1
    return each, np.full(loops, each.mean())

# %% exercise="staleness" answer="sum-for-mean" points=2
def staleness(log, loops):
    each = log[:, 2] - log[:, 1] - 1
    return each, np.bincount(log[:, 0], weights=each, minlength=loops)

# %% exercise="staleness" answer="shared-among-all-updates" points=2
def staleness(log, loops):
    each = log[:, 2] - log[:, 1] - 1
    return each, np.bincount(log[:, 0], weights=each, minlength=loops) / len(log)

# %% exercise="staleness" answer="rows-taken-for-versions" points=0
def staleness(log, loops):
    each = np.arange(len(log)) - log[:, 1]
    return each, np.array([each[log[:, 0] == loop].mean() for loop in range(loops)])

# %% exercise="largest_modulus" answer="by-companion-matrix" points=4
def largest_modulus(rate_times_curvature, delay):
    companion = np.diag(np.ones(delay), -1)
    companion[0, 0] += 1.0
    companion[0, -1] -= rate_times_curvature
    return np.abs(np.linalg.eigvals(companion)).max()

# %% exercise="largest_modulus" answer="real-roots-only" points=2
def largest_modulus(rate_times_curvature, delay):
    coefficients = np.zeros(delay + 2)
    coefficients[0] = 1.0
    coefficients[1] -= 1.0
    coefficients[-1] += rate_times_curvature
    return np.abs(np.roots(coefficients).real).max()

# %% exercise="largest_modulus" answer="forgot-the-delay" points=2
def largest_modulus(rate_times_curvature, delay):
    return abs(1 - rate_times_curvature)

# %% exercise="largest_modulus" answer="largest-root-not-modulus" points=0
def largest_modulus(rate_times_curvature, delay):
    coefficients = [1.0, -1.0] + [0.0] * (delay - 1) + [rate_times_curvature]
    return max(np.roots(coefficients).real)

# %% exercise="interleaved" answer="events-counted-by-loop" points=4
def interleaved(loop, place, loops, counters):
    result = np.zeros(counters)
    loaded, seen = {}, np.zeros(loops, int)
    for event in range(len(loop)):
        who = loop[event]
        if seen[who] % 2 == 0:
            loaded[who] = result[place[event]]
        else:
            result[place[event]] = loaded[who] + 1
        seen[who] += 1
    return result

# %% exercise="interleaved" answer="adds-when-it-stores" points=0
def interleaved(loop, place, loops, counters):
    values, loaded = np.zeros(counters, int), [False] * loops
    for who, where in zip(loop, place):
        if loaded[who]:
            values[where] += 1
        loaded[who] = not loaded[who]
    return values

# %% exercise="interleaved" answer="one-register-for-all" points=0
def interleaved(loop, place, loops, counters):
    values, loaded, register = np.zeros(counters, int), [False] * loops, 0
    for who, where in zip(loop, place):
        if loaded[who]:
            values[where] = register + 1
        else:
            register = values[where]
        loaded[who] = not loaded[who]
    return values

# %% exercise="interleaved" answer="loads-once-only" points=0
def interleaved(loop, place, loops, counters):
    values, registers = np.zeros(counters, int), [None] * loops
    for who, where in zip(loop, place):
        if registers[who] is None:
            registers[who] = values[where]
        else:
            registers[who] += 1
            values[where] = registers[who]
    return values

# %% exercise="interleaved" answer="all-counters-as-one" points=2
def interleaved(loop, place, loops, counters):
    values, registers = np.zeros(counters, int), [None] * loops
    for who in loop:
        if registers[who] is None:
            registers[who] = values[0]
        else:
            values[:] = registers[who] + 1
            registers[who] = None
    return values

# %% exercise="interleaved" answer="two-loops-in-mind" points=2
def interleaved(loop, place, loops, counters):
    values, registers = np.zeros(counters, int), [None, None]
    for who, where in zip(loop, place):
        who = min(who, 1)
        if registers[who] is None:
            registers[who] = values[where]
        else:
            values[where] = registers[who] + 1
            registers[who] = None
    return values
