# %% exercise="backward_matrix" answer="row-by-row" points=4
def backward_matrix(degrees, zoom, height, width):
    angle, y, x = np.pi * degrees / 180, (height - 1) / 2, (width - 1) / 2
    c, s = np.cos(angle) / zoom, np.sin(angle) / zoom
    return np.array([[c, s, y - c * y - s * x], [-s, c, x + s * y - c * x], [0, 0, 1]])

# %% exercise="backward_matrix" answer="inverse-of-forwards" points=4
def backward_matrix(degrees, zoom, height, width):
    c, s = zoom * np.cos(np.radians(degrees)), zoom * np.sin(np.radians(degrees))
    middle = np.array([[1, 0, (height - 1) / 2], [0, 1, (width - 1) / 2], [0, 0, 1]])
    return np.linalg.inv(middle @ [[c, -s, 0], [s, c, 0], [0, 0, 1]] @ np.linalg.inv(middle))

# %% exercise="backward_matrix" answer="zooms-forwards" points=2
def backward_matrix(degrees, zoom, height, width):
    c, s = zoom * np.cos(np.radians(degrees)), zoom * np.sin(np.radians(degrees))
    middle = np.array([[1, 0, (height - 1) / 2], [0, 1, (width - 1) / 2], [0, 0, 1]])
    return middle @ [[c, s, 0], [-s, c, 0], [0, 0, 1]] @ np.linalg.inv(middle)

# %% exercise="backward_matrix" answer="turns-clockwise" points=0
def backward_matrix(degrees, zoom, height, width):
    c, s = np.cos(np.radians(degrees)) / zoom, np.sin(np.radians(degrees)) / zoom
    middle = np.array([[1, 0, (height - 1) / 2], [0, 1, (width - 1) / 2], [0, 0, 1]])
    return middle @ [[c, -s, 0], [s, c, 0], [0, 0, 1]] @ np.linalg.inv(middle)

# %% exercise="backward_matrix" answer="middle-at-half-the-size" points=0
def backward_matrix(degrees, zoom, height, width):
    c, s = np.cos(np.radians(degrees)) / zoom, np.sin(np.radians(degrees)) / zoom
    middle = np.array([[1, 0, height / 2], [0, 1, width / 2], [0, 0, 1]])
    return middle @ [[c, s, 0], [-s, c, 0], [0, 0, 1]] @ np.linalg.inv(middle)

# %% exercise="backward_matrix" answer="about-the-corner" points=0
def backward_matrix(degrees, zoom, height, width):
    c, s = np.cos(np.radians(degrees)) / zoom, np.sin(np.radians(degrees)) / zoom
    return np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])

# %% exercise="backward_matrix" answer="there-and-back-swapped" points=0
def backward_matrix(degrees, zoom, height, width):
    c, s = np.cos(np.radians(degrees)) / zoom, np.sin(np.radians(degrees)) / zoom
    middle = np.array([[1, 0, (height - 1) / 2], [0, 1, (width - 1) / 2], [0, 0, 1]])
    return np.linalg.inv(middle) @ [[c, s, 0], [-s, c, 0], [0, 0, 1]] @ middle

# %% exercise="backward_matrix" answer="height-for-width" points=2
def backward_matrix(degrees, zoom, height, width):
    c, s = np.cos(np.radians(degrees)) / zoom, np.sin(np.radians(degrees)) / zoom
    middle = np.array([[1, 0, (width - 1) / 2], [0, 1, (height - 1) / 2], [0, 0, 1]])
    return middle @ [[c, s, 0], [-s, c, 0], [0, 0, 1]] @ np.linalg.inv(middle)

# %% exercise="moved_boxes" answer="box-by-box" points=4
def moved_boxes(boxes, mirrored, shifts):
    moved, left_over = [], []
    for (top, left, bottom, right), flipped, (down, across) in zip(boxes, mirrored, shifts):
        area = (bottom - top) * (right - left)
        if flipped:
            left, right = 1 - right, 1 - left
        top, bottom = [min(max(edge + down, 0), 1) for edge in (top, bottom)]
        left, right = [min(max(edge + across, 0), 1) for edge in (left, right)]
        moved.append([top, left, bottom, right])
        left_over.append((bottom - top) * (right - left) / area)
    return np.array(moved), np.array(left_over)

# %% exercise="moved_boxes" answer="mirrors-without-swapping" points=0
def moved_boxes(boxes, mirrored, shifts):
    moved = boxes.copy()
    moved[mirrored, 1] = 1 - boxes[mirrored, 1]
    moved[mirrored, 3] = 1 - boxes[mirrored, 3]
    moved = np.clip(moved + np.tile(shifts, 2), 0, 1)
    area, before = (np.prod(part[:, 2:] - part[:, :2], axis=1) for part in (moved, boxes))
    return moved, area / before

# %% exercise="moved_boxes" answer="shifts-before-it-mirrors" points=0
def moved_boxes(boxes, mirrored, shifts):
    top, left, bottom, right = (boxes + np.tile(shifts, 2)).T
    left, right = np.where(mirrored, 1 - right, left), np.where(mirrored, 1 - left, right)
    moved = np.clip(np.stack([top, left, bottom, right], axis=1), 0, 1)
    area, before = (np.prod(part[:, 2:] - part[:, :2], axis=1) for part in (moved, boxes))
    return moved, area / before

# %% exercise="moved_boxes" answer="across-for-down" points=0
def moved_boxes(boxes, mirrored, shifts):
    top, left, bottom, right = boxes.T
    left, right = np.where(mirrored, 1 - right, left), np.where(mirrored, 1 - left, right)
    moved = np.stack([top, left, bottom, right], axis=1) + np.tile(shifts[:, ::-1], 2)
    moved = np.clip(moved, 0, 1)
    area, before = (np.prod(part[:, 2:] - part[:, :2], axis=1) for part in (moved, boxes))
    return moved, area / before

# %% exercise="moved_boxes" answer="not-cut" points=2
def moved_boxes(boxes, mirrored, shifts):
    top, left, bottom, right = boxes.T
    left, right = np.where(mirrored, 1 - right, left), np.where(mirrored, 1 - left, right)
    moved = np.stack([top, left, bottom, right], axis=1) + np.tile(shifts, 2)
    return moved, np.ones(len(boxes))

# %% exercise="moved_boxes" answer="area-of-the-picture" points=2
def moved_boxes(boxes, mirrored, shifts):
    top, left, bottom, right = boxes.T
    left, right = np.where(mirrored, 1 - right, left), np.where(mirrored, 1 - left, right)
    moved = np.clip(np.stack([top, left, bottom, right], axis=1) + np.tile(shifts, 2), 0, 1)
    return moved, np.prod(moved[:, 2:] - moved[:, :2], axis=1)

# %% exercise="draws" answer="one-table-of-numbers" points=4
def draws(batch, limit, seed):
    numbers = tf.random.stateless_uniform([2, batch], seed)
    return numbers[0] < 0.5, limit * (2 * numbers[1] - 1)

# %% exercise="draws" answer="the-bugs-themselves" points=0
def draws(batch, limit, seed):
    return draws_with_bugs(batch, limit, seed)

# %% exercise="draws" answer="one-seed-for-both" points=2
def draws(batch, limit, seed):
    coins = tf.random.stateless_uniform([batch], seed) < 0.5
    return coins, tf.random.stateless_uniform([batch], seed, minval=-limit, maxval=limit)

# %% exercise="draws" answer="one-coin-for-all" points=0
def draws(batch, limit, seed):
    for_coins, for_shifts = tf.unstack(tf.random.split(seed, 2))
    coin = tf.random.stateless_uniform([], for_coins) < 0.5
    return tf.broadcast_to(coin, [batch]), tf.random.stateless_uniform([batch], for_shifts, minval=-limit, maxval=limit)

# %% exercise="draws" answer="one-way-only" points=2
def draws(batch, limit, seed):
    for_coins, for_shifts = tf.unstack(tf.random.split(seed, 2))
    coins = tf.random.stateless_uniform([batch], for_coins) < 0.5
    return coins, tf.random.stateless_uniform([batch], for_shifts, maxval=limit)
