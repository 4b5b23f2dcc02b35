# %% exercise="share" answer="contiguous-pieces" points=4
def share(order, step, batch, worker, workers):
    end = min((step + 1) * batch, len(order))
    whole = order[step * batch:end]
    return np.array_split(whole, workers)[worker], 1 / (end - step * batch)

# %% exercise="share" answer="flawed-as-given" points=0
def share(order, step, batch, worker, workers):
    size = batch // workers
    start = step * size
    rows = order[start + worker * size:start + (worker + 1) * size]
    return rows, 1 / max(len(rows), 1)

# %% exercise="share" answer="mean-of-own-rows" points=2
def share(order, step, batch, worker, workers):
    whole = order[step * batch:(step + 1) * batch]
    rows = whole[worker::workers]
    return rows, 1 / max(len(rows), 1)

# %% exercise="share" answer="usual-batch-in-the-weight" points=2
def share(order, step, batch, worker, workers):
    whole = order[step * batch:(step + 1) * batch]
    return whole[worker::workers], 1 / batch

# %% exercise="share" answer="remainder-dropped" points=2
def share(order, step, batch, worker, workers):
    whole = order[step * batch:(step + 1) * batch]
    size = len(whole) // workers
    return whole[worker * size:(worker + 1) * size], 1 / (size * workers)

# %% exercise="share" answer="last-worker-takes-the-remainder" points=2
def share(order, step, batch, worker, workers):
    whole = order[step * batch:(step + 1) * batch]
    size = len(whole) // workers
    end = len(whole) if worker == workers - 1 else (worker + 1) * size
    return whole[worker * size:end], 1 / len(whole)

# %% exercise="step_time" answer="by-partition" points=4
def step_time(times, backups=0):
    steps = [np.partition(row, len(row) - 1 - backups)[len(row) - 1 - backups] for row in times]
    return float(np.mean(steps))

# %% exercise="step_time" answer="mean-of-all" points=0
def step_time(times, backups=0):
    return times.mean()

# %% exercise="step_time" answer="slowest-of-the-means" points=0
def step_time(times, backups=0):
    return np.sort(times.mean(axis=0))[len(times[0]) - 1 - backups]

# %% exercise="step_time" answer="backups-ignored" points=2
def step_time(times, backups=0):
    return times.max(axis=1).mean()

# %% exercise="step_time" answer="off-by-one" points=0
def step_time(times, backups=0):
    return np.sort(times, axis=1)[:, times.shape[1] - 2 - backups].mean()

# %% exercise="step_time" answer="first-workers-instead-of-fastest" points=2
def step_time(times, backups=0):
    return times[:, :times.shape[1] - backups].max(axis=1).mean()

# %% exercise="speed_up" answer="by-steps-and-seconds" points=4
def speed_up(workers, shard, critical, slowdown=1.0):
    def seconds(count, step):
        return (1 / critical + 1 / (count * shard)) * step

    return seconds(1, 1.0) / seconds(workers, slowdown)

# %% exercise="speed_up" answer="examples-instead-of-steps" points=0
def speed_up(workers, shard, critical, slowdown=1.0):
    return (1 + shard / critical) / (1 + workers * shard / critical) / slowdown

# %% exercise="speed_up" answer="slowdown-forgotten" points=2
def speed_up(workers, shard, critical, slowdown=1.0):
    return (1 + critical / shard) / (1 + critical / (workers * shard))

# %% exercise="speed_up" answer="multiplied-by-the-slowdown" points=2
def speed_up(workers, shard, critical, slowdown=1.0):
    return slowdown * (1 + critical / shard) / (1 + critical / (workers * shard))

# %% exercise="speed_up" answer="ideal-over-slowdown" points=0
def speed_up(workers, shard, critical, slowdown=1.0):
    return workers / slowdown

# %% exercise="speed_up" answer="batch-not-multiplied" points=0
def speed_up(workers, shard, critical, slowdown=1.0):
    return workers / (1 + shard / critical) / slowdown
