# %% exercise="step_ends" answer="shifted-arrays-of-starts" points=4
def step_ends(loads, computes, buffer):
    count = len(loads)
    loaded, start, end = np.zeros(count + 1), np.zeros(count + 1), np.zeros(count + 1)  # place 0: nothing yet
    for step in range(1, count + 1):
        free = end[step - 1] if buffer == 0 else start[max(step - buffer, 0)]
        loaded[step] = np.maximum(loaded[step - 1], free) + loads[step - 1]
        start[step] = np.maximum(end[step - 1], loaded[step])
        end[step] = start[step] + computes[step - 1]
    return end[1:]

# %% exercise="step_ends" answer="room-when-the-step-ends" points=0
def step_ends(loads, computes, buffer):
    loaded = ended = 0.0
    ends = []
    for index, (load, compute) in enumerate(zip(loads, computes, strict=True)):
        room = ended if buffer == 0 else ends[index - buffer] if index >= buffer else 0.0
        loaded = max(loaded, room) + load
        ended = max(ended, loaded) + compute
        ends.append(ended)
    return np.array(ends)

# %% exercise="step_ends" answer="room-for-one-batch-too-many" points=0
def step_ends(loads, computes, buffer):
    loaded = ended = 0.0
    starts, ends = [], []
    for index, (load, compute) in enumerate(zip(loads, computes, strict=True)):
        room = ended if buffer == 0 else starts[index - buffer - 1] if index > buffer else 0.0
        loaded = max(loaded, room) + load
        starts.append(max(ended, loaded))
        ended = starts[-1] + compute
        ends.append(ended)
    return np.array(ends)

# %% exercise="step_ends" answer="depth-ignored" points=2
def step_ends(loads, computes, buffer):
    loaded = ended = start = 0.0
    ends = []
    for load, compute in zip(loads, computes, strict=True):
        loaded = max(loaded, ended if buffer == 0 else start) + load
        start = max(ended, loaded)
        ended = start + compute
        ends.append(ended)
    return np.array(ends)

# %% exercise="step_ends" answer="buffer-without-end" points=0
def step_ends(loads, computes, buffer):
    if buffer == 0:
        return np.cumsum(np.array(loads) + np.array(computes))
    ended, ends = 0.0, []
    for loaded, compute in zip(np.cumsum(loads), computes, strict=True):
        ended = max(ended, loaded) + compute
        ends.append(ended)
    return np.array(ends)

# %% exercise="step_ends" answer="maximum-of-each-step" points=0
def step_ends(loads, computes, buffer):
    if buffer == 0:
        return np.cumsum(np.array(loads) + np.array(computes))
    return loads[0] + np.cumsum(np.maximum(loads, computes))

# %% exercise="expected_utilisation" answer="sum-of-tails" points=4
def expected_utilisation(probabilities, lanes):
    at_most = np.concatenate([[0.0], np.cumsum(probabilities)])
    mean = (1 - at_most[:-1]).sum()
    longest = (1 - at_most[:-1] ** lanes).sum()
    return mean / longest

# %% exercise="expected_utilisation" answer="two-lanes-only" points=2
def expected_utilisation(probabilities, lanes):
    trips = np.arange(1, len(probabilities) + 1)
    pairs = np.outer(probabilities, probabilities)
    return trips @ probabilities / (pairs * np.maximum.outer(trips, trips)).sum()

# %% exercise="expected_utilisation" answer="shortest-lane" points=0
def expected_utilisation(probabilities, lanes):
    trips = np.arange(1, len(probabilities) + 1)
    at_most = 1 - (1 - np.cumsum(probabilities)) ** lanes
    return trips @ probabilities / (trips @ np.diff(at_most, prepend=0.0))

# %% exercise="expected_utilisation" answer="always-the-longest-possible" points=0
def expected_utilisation(probabilities, lanes):
    trips = np.arange(1, len(probabilities) + 1)
    return trips @ probabilities / len(probabilities)

# %% exercise="expected_utilisation" answer="harmonic-number-for-all" points=0
def expected_utilisation(probabilities, lanes):
    return 1 / sum(1 / np.arange(1, lanes + 1))

# %% exercise="expected_utilisation" answer="mean-of-the-ratios-by-drawing" points=0
def expected_utilisation(probabilities, lanes):
    trips = np.random.default_rng(0).choice(len(probabilities), size=(2000, lanes), p=probabilities) + 1
    return (trips.mean(axis=1) / trips.max(axis=1)).mean()

# %% exercise="expected_utilisation" answer="trips-from-nought" points=0
def expected_utilisation(probabilities, lanes):
    trips = np.arange(len(probabilities))
    longest = np.diff(np.cumsum(probabilities) ** lanes, prepend=0.0)
    return trips @ probabilities / (trips @ longest)

# %% exercise="bucketed" answer="bucket-by-bucket" points=3
def bucketed(lengths, boundaries, batch):
    lengths = np.asarray(lengths)
    edges = [0, *boundaries, np.inf]
    slots = batches = 0
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        members = lengths[(lengths >= low) & (lengths < high)]
        for first in range(0, len(members), batch):
            part = members[first:first + batch]
            slots += len(part) * part.max()
            batches += 1
    return int(slots), batches

# %% exercise="bucketed" answer="remainders-lost" points=1
def bucketed(lengths, boundaries, batch):
    buckets = [[] for _ in range(len(boundaries) + 1)]
    slots = batches = 0
    for length in lengths:
        bucket = buckets[np.searchsorted(boundaries, length, side="right")]
        bucket.append(length)
        if len(bucket) == batch:
            slots += batch * max(bucket)
            batches += 1
            bucket.clear()
    return slots, batches

# %% exercise="bucketed" answer="boundary-to-the-lower-bucket" points=0
def bucketed(lengths, boundaries, batch):
    buckets = [[] for _ in range(len(boundaries) + 1)]
    slots = batches = 0
    for length in lengths:
        bucket = buckets[np.searchsorted(boundaries, length)]
        bucket.append(length)
        if len(bucket) == batch:
            slots += batch * max(bucket)
            batches += 1
            bucket.clear()
    for bucket in buckets:
        if bucket:
            slots += len(bucket) * max(bucket)
            batches += 1
    return slots, batches

# %% exercise="bucketed" answer="padded-to-the-longest-of-all" points=0
def bucketed(lengths, boundaries, batch):
    buckets = [[] for _ in range(len(boundaries) + 1)]
    for length in lengths:
        buckets[np.searchsorted(boundaries, length, side="right")].append(length)
    batches = sum(-(-len(bucket) // batch) for bucket in buckets)
    return len(lengths) * max(lengths), batches

# %% exercise="bucketed" answer="remainder-filled-up-with-empty-rows" points=1
def bucketed(lengths, boundaries, batch):
    buckets = [[] for _ in range(len(boundaries) + 1)]
    slots = batches = 0
    for length in lengths:
        bucket = buckets[np.searchsorted(boundaries, length, side="right")]
        bucket.append(length)
        if len(bucket) == batch:
            slots += batch * max(bucket)
            batches += 1
            bucket.clear()
    for bucket in buckets:
        if bucket:
            slots += batch * max(bucket)
            batches += 1
    return slots, batches

# %% exercise="bucketed" answer="empty-buckets-are-batches" points=0
def bucketed(lengths, boundaries, batch):
    buckets = [[] for _ in range(len(boundaries) + 1)]
    slots = batches = 0
    for length in lengths:
        bucket = buckets[np.searchsorted(boundaries, length, side="right")]
        bucket.append(length)
        if len(bucket) == batch:
            slots += batch * max(bucket)
            batches += 1
            bucket.clear()
    for bucket in buckets:
        slots += len(bucket) * max(bucket, default=0)
        batches += 1
    return slots, batches
