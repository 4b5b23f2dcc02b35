# %% exercise="area_weights" answer="by-repeating-each-pixel" points=4
def area_weights(pixels, size):
    return np.repeat(np.eye(pixels), size, axis=0).reshape(size, pixels, pixels).mean(axis=1)

# %% exercise="area_weights" answer="by-cumulative-sums" points=4
def area_weights(pixels, size):
    edges = np.linspace(0, pixels, size + 1)
    below = np.clip(edges[:, None] - np.arange(pixels), 0, 1)
    return np.diff(below, axis=0) * size / pixels

# %% exercise="area_weights" answer="nearest-pixel" points=0
def area_weights(pixels, size):
    weights = np.zeros((size, pixels))
    weights[np.arange(size), np.arange(size) * pixels // size] = 1
    return weights

# %% exercise="area_weights" answer="sums-for-means" points=0
def area_weights(pixels, size):
    width, old = pixels / size, np.arange(pixels)
    begin = width * np.arange(size)[:, None]
    return np.maximum(np.minimum(begin + width, old + 1) - np.maximum(begin, old), 0)

# %% exercise="area_weights" answer="whole-pixels-only" points=1
def area_weights(pixels, size):
    weights, edges = np.zeros((size, pixels)), np.arange(size + 1) * pixels // size
    for i in range(size):
        weights[i, edges[i]:edges[i + 1]] = 1 / (edges[i + 1] - edges[i])
    return weights

# %% exercise="area_weights" answer="every-touched-pixel-counts-the-same" points=1
def area_weights(pixels, size):
    width, old = pixels / size, np.arange(pixels)
    begin = width * np.arange(size)[:, None]
    touched = (np.minimum(begin + width, old + 1) - np.maximum(begin, old) > 1e-9).astype(float)
    return touched / touched.sum(axis=1, keepdims=True)

# %% exercise="area_weights" answer="negative-overlaps-kept" points=0
def area_weights(pixels, size):
    width, old = pixels / size, np.arange(pixels)
    begin = width * np.arange(size)[:, None]
    return (np.minimum(begin + width, old + 1) - np.maximum(begin, old)) / width

# %% exercise="area_weights" answer="linear-interpolation" points=0
def area_weights(pixels, size):
    places = (np.arange(size) + 0.5) * pixels / size - 0.5
    return np.maximum(0, 1 - np.abs(places[:, None] - np.arange(pixels)))

# %% exercise="one_step" answer="maximum-of-two-and-a-comparison" points=4
def one_step(frames, rewards, lives, over):
    points = float(sum(rewards))
    return np.maximum(frames[2], frames[3]), int(points > 0) - int(points < 0), over or any(np.diff(lives) < 0)

# %% exercise="one_step" answer="as-planted" points=0
def one_step(frames, rewards, lives, over):
    return frames.max(axis=0), np.sign(rewards[-1]), over or lives[-1] == 0

# %% exercise="one_step" answer="each-frame-clipped-then-summed" points=2
def one_step(frames, rewards, lives, over):
    return frames[-2:].max(axis=0), np.sign(rewards).sum(), over or lives[-1] < lives[0]

# %% exercise="one_step" answer="not-clipped" points=2
def one_step(frames, rewards, lives, over):
    return frames[-2:].max(axis=0), rewards.sum(), over or lives[-1] < lives[0]

# %% exercise="one_step" answer="signs-of-each-frame-clipped-again" points=2
def one_step(frames, rewards, lives, over):
    return frames[-2:].max(axis=0), np.clip(np.sign(rewards).sum(), -1, 1), over or lives[-1] < lives[0]

# %% exercise="one_step" answer="mean-of-the-two-frames" points=3
def one_step(frames, rewards, lives, over):
    return frames[-2:].mean(axis=0), np.sign(rewards.sum()), over or lives[-1] < lives[0]

# %% exercise="one_step" answer="the-first-two-frames" points=3
def one_step(frames, rewards, lives, over):
    return frames[:2].max(axis=0), np.sign(rewards.sum()), over or lives[-1] < lives[0]

# %% exercise="one_step" answer="the-last-frame-alone" points=3
def one_step(frames, rewards, lives, over):
    return frames[-1], np.sign(rewards.sum()), over or lives[-1] < lives[0]

# %% exercise="one_step" answer="any-change-of-lives" points=3
def one_step(frames, rewards, lives, over):
    return frames[-2:].max(axis=0), np.sign(rewards.sum()), over or lives[-1] != lives[0]

# %% exercise="one_step" answer="life-lost-in-the-last-frame-only" points=3
def one_step(frames, rewards, lives, over):
    return frames[-2:].max(axis=0), np.sign(rewards.sum()), over or lives[-1] < lives[-2]

# %% exercise="pushed" answer="put-together" points=4
def pushed(states, pictures, fresh):
    kept = np.where(fresh[:, None, None, None], 0, states[..., 1:])
    return np.concatenate([kept, pictures[..., None]], axis=-1)

# %% exercise="pushed" answer="one-game-after-the-other" points=4
def pushed(states, pictures, fresh):
    found = []
    for state, picture, new in zip(states, pictures, fresh):
        before = np.zeros_like(state[..., 1:]) if new else state[..., 1:]
        found.append(np.dstack([before, picture]))
    return np.array(found)

# %% exercise="pushed" answer="episodes-ignored" points=2
def pushed(states, pictures, fresh):
    return np.concatenate([states[..., 1:], pictures[..., None]], axis=-1)

# %% exercise="pushed" answer="one-new-episode-empties-all" points=2
def pushed(states, pictures, fresh):
    kept = states[..., 1:] * (not fresh.any())
    return np.concatenate([kept, pictures[..., None]], axis=-1)

# %% exercise="pushed" answer="first-picture-four-times" points=2
def pushed(states, pictures, fresh):
    kept = np.where(fresh[:, None, None, None], pictures[..., None], states[..., 1:])
    return np.concatenate([kept, pictures[..., None]], axis=-1)

# %% exercise="pushed" answer="the-new-picture-goes-too" points=2
def pushed(states, pictures, fresh):
    found = np.concatenate([states[..., 1:], pictures[..., None]], axis=-1)
    found[fresh] = 0
    return found

# %% exercise="pushed" answer="newest-first" points=0
def pushed(states, pictures, fresh):
    kept = np.where(fresh[:, None, None, None], 0, states[..., :-1])
    return np.concatenate([pictures[..., None], kept], axis=-1)

# %% exercise="pushed" answer="in-place" points=0
def pushed(states, pictures, fresh):
    states[..., :-1] = states[..., 1:]
    states[fresh] = 0
    states[..., -1] = pictures
    return states
