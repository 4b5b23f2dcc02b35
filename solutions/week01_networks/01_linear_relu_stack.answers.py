# %% exercise="shallow_through" answer="one-relu-at-a-time" points=4
def shallow_through(points_x, points_y):
    weights = []
    slope = 0.0
    for left, right, low, high in zip(points_x[:-1], points_x[1:], points_y[:-1], points_y[1:], strict=True):
        weights.append((high - low) / (right - left) - slope)
        slope += weights[-1]
    return [np.ones((1, len(weights))), -np.array(points_x[:-1]), np.array(weights).reshape(-1, 1), np.array([points_y[0]])]


# %% exercise="shallow_through" answer="solved-as-equations" points=4
def shallow_through(points_x, points_y):
    units = np.maximum(0, points_x[1:, None] - points_x[None, :-1])
    weights = np.linalg.solve(units, points_y[1:] - points_y[0])
    return [np.ones((1, len(weights))), -points_x[:-1], weights[:, None], np.array([points_y[0]])]


# %% exercise="shallow_through" answer="forgot-the-start" points=2
def shallow_through(points_x, points_y):
    slopes = np.diff(points_y) / np.diff(points_x)
    changes = np.append(slopes[0], np.diff(slopes))
    return [np.ones((1, len(slopes))), -points_x[:-1], changes[:, None], np.zeros(1)]


# %% exercise="shallow_through" answer="slopes-not-their-changes" points=0
def shallow_through(points_x, points_y):
    slopes = np.diff(points_y) / np.diff(points_x)
    return [np.ones((1, len(slopes))), -points_x[:-1], slopes[:, None], points_y[:1]]


# %% exercise="shallow_through" answer="heights-not-slopes" points=0
def shallow_through(points_x, points_y):
    rises = np.diff(points_y)
    return [np.ones((1, len(rises))), -points_x[:-1], np.diff(rises, prepend=0.0)[:, None], points_y[:1]]


# %% exercise="shallow_through" answer="kinks-on-the-wrong-side" points=0
def shallow_through(points_x, points_y):
    slopes = np.diff(points_y) / np.diff(points_x)
    return [np.ones((1, len(slopes))), points_x[:-1], np.diff(slopes, prepend=0.0)[:, None], points_y[:1]]


# %% exercise="count_pieces" answer="runs-of-equal-slopes" points=3
def count_pieces(x, y):
    slopes = np.diff(y) / np.diff(x)
    pieces, length = 0, 1
    for before, after in zip(slopes[:-1], slopes[1:], strict=True):
        length = length + 1 if np.isclose(before, after) else 1
        pieces += length == 2
    return pieces


# %% exercise="count_pieces" answer="merged-while-walking" points=3
def count_pieces(x, y):
    slopes = np.diff(y) / np.diff(x)
    changed = np.flatnonzero(np.abs(np.diff(slopes)) > 1e-6)
    return int(1 + len(changed) - np.sum(np.diff(changed) == 1))


# %% exercise="count_pieces" answer="bug-left-in" points=1
def count_pieces(x, y):
    slopes = np.diff(y) / np.diff(x)
    return 1 + int((~np.isclose(slopes[1:], slopes[:-1])).sum())


# %% exercise="count_pieces" answer="halved" points=0
def count_pieces(x, y):
    slopes = np.diff(y) / np.diff(x)
    return 1 + int((~np.isclose(slopes[1:], slopes[:-1])).sum()) // 2


# %% exercise="count_pieces" answer="turns-only" points=0
def count_pieces(x, y):
    slopes = np.diff(y) / np.diff(x)
    return 1 + int((np.sign(slopes[1:]) != np.sign(slopes[:-1])).sum())


# %% exercise="count_pieces" answer="kinks-not-pieces" points=0
def count_pieces(x, y):
    slopes = np.diff(y) / np.diff(x)
    changes = ~np.isclose(slopes[1:], slopes[:-1])
    return int(changes.sum() - (changes[1:] & changes[:-1]).sum())


# %% exercise="sigmoid_twin" answer="by-cases" points=4
def sigmoid_twin(layers):
    weights, biases = layers[::2], layers[1::2]
    twin = [2 * weights[0], 2 * biases[0]]
    for middle, bias in zip(weights[1:-1], biases[1:-1], strict=True):
        twin += [4 * middle, 2 * bias - 2 * np.ones(len(middle)) @ middle]
    return twin + [2 * weights[-1], biases[-1] - np.ones(len(weights[-1])) @ weights[-1]]


# %% exercise="sigmoid_twin" answer="middle-layers-doubled-once" points=2
def sigmoid_twin(layers):
    twin = [2 * layers[0], 2 * layers[1]]
    for weights, biases in zip(layers[2::2], layers[3::2], strict=True):
        twin += [2 * weights, biases - weights.sum(axis=0)]
    return twin


# %% exercise="sigmoid_twin" answer="biases-left-alone" points=0
def sigmoid_twin(layers):
    weights, biases = layers[::2], layers[1::2]
    twin = [2 * weights[0], biases[0]]
    for middle, bias in zip(weights[1:-1], biases[1:-1], strict=True):
        twin += [4 * middle, bias]
    return twin + [2 * weights[-1], biases[-1]]


# %% exercise="sigmoid_twin" answer="sum-over-the-outputs" points=0
def sigmoid_twin(layers):
    twin = []
    for index in range(0, len(layers), 2):
        weights, biases = layers[index], layers[index + 1]
        if index > 0:
            weights, biases = 2 * weights, biases - weights.sum()
        if index < len(layers) - 2:
            weights, biases = 2 * weights, 2 * biases
        twin += [weights, biases]
    return twin


# %% exercise="sigmoid_twin" answer="halved-instead-of-doubled" points=0
def sigmoid_twin(layers):
    twin = [layers[0] / 2, layers[1] / 2]
    for weights, biases in zip(layers[2:-2:2], layers[3:-2:2], strict=True):
        twin += [weights / 4, (biases - weights.sum(axis=0)) / 2]
    return twin + [layers[-2] / 2, layers[-1] - layers[-2].sum(axis=0)]
