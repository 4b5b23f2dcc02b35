# %% exercise="geometry" answer="counted-place-by-place" points=4
def geometry(length, size, stride=1, dilation=1, padding="VALID"):
    reach = (size - 1) * dilation
    if padding == "VALID":
        return 0, 0, len([first for first in range(0, length, stride) if first + reach < length])
    places = (length + stride - 1) // stride
    zeros = 0
    while (places - 1) * stride + reach >= length + zeros:
        zeros += 1
    return zeros // 2, (zeros + 1) // 2, places

# %% exercise="geometry" answer="forgot-dilation" points=0
def geometry(length, size, stride=1, dilation=1, padding="VALID"):
    if padding == "VALID":
        return 0, 0, (length - size) // stride + 1
    places = -(-length // stride)
    zeros = max((places - 1) * stride + size - length, 0)
    return zeros // 2, zeros - zeros // 2, places

# %% exercise="geometry" answer="odd-zero-before" points=2
def geometry(length, size, stride=1, dilation=1, padding="VALID"):
    reach = dilation * (size - 1) + 1
    if padding == "VALID":
        return 0, 0, (length - reach) // stride + 1
    places = -(-length // stride)
    zeros = max((places - 1) * stride + reach - length, 0)
    return zeros - zeros // 2, zeros // 2, places

# %% exercise="geometry" answer="as-many-zeros-on-both-sides" points=2
def geometry(length, size, stride=1, dilation=1, padding="VALID"):
    reach = dilation * (size - 1) + 1
    before = 0 if padding == "VALID" else (reach - 1) // 2
    return before, before, (length + 2 * before - reach) // stride + 1

# %% exercise="geometry" answer="negative-zeros" points=2
def geometry(length, size, stride=1, dilation=1, padding="VALID"):
    reach = dilation * (size - 1) + 1
    if padding == "VALID":
        return 0, 0, (length - reach) // stride + 1
    places = -(-length // stride)
    zeros = (places - 1) * stride + reach - length
    return zeros // 2, zeros - zeros // 2, places

# %% exercise="geometry" answer="dilated-size-off-by-one" points=0
def geometry(length, size, stride=1, dilation=1, padding="VALID"):
    reach = dilation * size
    if padding == "VALID":
        return 0, 0, (length - reach) // stride + 1
    places = -(-length // stride)
    zeros = max((places - 1) * stride + reach - length, 0)
    return zeros // 2, zeros - zeros // 2, places

# %% exercise="geometry" answer="valid-rounded-up" points=2
def geometry(length, size, stride=1, dilation=1, padding="VALID"):
    reach = dilation * (size - 1) + 1
    if padding == "VALID":
        return 0, 0, -(-(length - reach) // stride) + 1
    places = -(-length // stride)
    zeros = max((places - 1) * stride + reach - length, 0)
    return zeros // 2, zeros - zeros // 2, places

# %% exercise="kernel_gradient" answer="place-by-place" points=4
def kernel_gradient(images, upstream, size, stride=1):
    batch, rows, columns, maps = upstream.shape
    total = np.zeros((size, size, images.shape[-1], maps))
    for example in range(batch):
        for row in range(rows):
            for column in range(columns):
                top, left = row * stride, column * stride
                patch = images[example, top:top + size, left:left + size]
                total += patch[..., None] * upstream[example, row, column]
    return total

# %% exercise="kernel_gradient" answer="pixel-by-pixel-of-the-kernel" points=4
def kernel_gradient(images, upstream, size, stride=1):
    _, rows, columns, _ = upstream.shape
    return np.stack([np.stack([np.tensordot(
        images[:, i:i + stride * (rows - 1) + 1:stride, j:j + stride * (columns - 1) + 1:stride], upstream,
        axes=[(0, 1, 2), (0, 1, 2)]) for j in range(size)]) for i in range(size)])

# %% exercise="kernel_gradient" answer="mean-over-places" points=0
def kernel_gradient(images, upstream, size, stride=1):
    total = np.einsum("bhwk,bhwd->bkd", patches(images, size, stride), upstream)
    total = total.sum(axis=0) / (upstream.shape[1] * upstream.shape[2])
    return total.reshape(size, size, images.shape[-1], upstream.shape[-1])

# %% exercise="kernel_gradient" answer="mean-over-the-batch" points=2
def kernel_gradient(images, upstream, size, stride=1):
    total = np.einsum("bhwk,bhwd->bkd", patches(images, size, stride), upstream).mean(axis=0)
    return total.reshape(size, size, images.shape[-1], upstream.shape[-1])

# %% exercise="kernel_gradient" answer="forgot-the-stride" points=2
def kernel_gradient(images, upstream, size, stride=1):
    _, rows, columns, maps = upstream.shape
    taken = patches(images, size)[:, :rows, :columns]
    return np.einsum("bhwk,bhwd->kd", taken, upstream).reshape(size, size, images.shape[-1], maps)

# %% exercise="kernel_gradient" answer="kernel-turned-as-for-the-images" points=0
def kernel_gradient(images, upstream, size, stride=1):
    total = np.einsum("bhwk,bhwd->kd", patches(images, size, stride), upstream)
    return total.reshape(size, size, images.shape[-1], upstream.shape[-1])[::-1, ::-1]

# %% exercise="kernel_gradient" answer="depth-before-places" points=2
def kernel_gradient(images, upstream, size, stride=1):
    total = np.einsum("bhwk,bhwd->kd", patches(images, size, stride), upstream)
    return total.reshape(images.shape[-1], size, size, upstream.shape[-1]).transpose(1, 2, 0, 3)

# %% exercise="pool_padded" answer="window-by-window" points=4
def pool_padded(maps, kind, size, stride, padding):
    _, height, width, _ = maps.shape
    before, after = padding
    rows = []
    for top in range(-before, height + after - size + 1, stride):
        row = []
        for left in range(-before, width + after - size + 1, stride):
            window = maps[:, max(top, 0):top + size, max(left, 0):left + size]
            if kind == "max":
                row.append(window.max(axis=(1, 2)))
            elif kind == "average":
                row.append(window.mean(axis=(1, 2)))
            else:
                row.append(np.sqrt((window**2).sum(axis=(1, 2))))
        rows.append(np.stack(row, axis=1))
    return np.stack(rows, axis=1)

# %% exercise="pool_padded" answer="counts-by-pooling-ones" points=4
def pool_padded(maps, kind, size, stride, padding):
    edges = [(0, 0), padding, padding, (0, 0)]
    low = maps.min() - 1 if kind == "max" else 0.0
    taken = np.stack(tf.split(patches(np.pad(maps, edges, constant_values=low), size, stride), size**2, axis=-1))
    there = np.stack(tf.split(patches(np.pad(np.ones_like(maps), edges), size, stride), size**2, axis=-1))
    if kind == "max":
        return taken.max(axis=0)
    if kind == "average":
        return taken.sum(axis=0) / there.sum(axis=0)
    return np.linalg.norm(taken, axis=0)

# %% exercise="pool_padded" answer="bugs-left-in" points=0
def pool_padded(maps, kind, size, stride, padding):
    padded = np.pad(maps, [(0, 0), padding, padding, (0, 0)])
    taken = patches(padded, size, stride).numpy()
    windows = taken.reshape(*taken.shape[:3], size**2, maps.shape[-1])
    if kind == "max":
        return windows.max(axis=3)
    if kind == "average":
        return windows.mean(axis=3)
    return np.sqrt((windows**2).sum(axis=3))

# %% exercise="pool_padded" answer="minus-infinity-for-all-kinds" points=2
def pool_padded(maps, kind, size, stride, padding):
    padded = np.pad(maps, [(0, 0), padding, padding, (0, 0)], constant_values=-np.inf)
    taken = patches(padded, size, stride).numpy()
    windows = taken.reshape(*taken.shape[:3], size**2, maps.shape[-1])
    if kind == "max":
        return windows.max(axis=3)
    if kind == "average":
        return windows.mean(axis=3)
    return np.sqrt((windows**2).sum(axis=3))

# %% exercise="pool_padded" answer="counts-the-pixels-that-are-not-zero" points=2
def pool_padded(maps, kind, size, stride, padding):
    padded = np.pad(maps, [(0, 0), padding, padding, (0, 0)])
    taken = patches(padded, size, stride).numpy()
    windows = taken.reshape(*taken.shape[:3], size**2, maps.shape[-1])
    if kind == "max":
        return windows.max(axis=3)
    if kind == "average":
        return windows.sum(axis=3) / (windows != 0).sum(axis=3)
    return np.sqrt((windows**2).sum(axis=3))

# %% exercise="pool_padded" answer="edge-pixels-repeated" points=2
def pool_padded(maps, kind, size, stride, padding):
    padded = np.pad(maps, [(0, 0), padding, padding, (0, 0)], mode="edge")
    taken = patches(padded, size, stride).numpy()
    windows = taken.reshape(*taken.shape[:3], size**2, maps.shape[-1])
    if kind == "max":
        return windows.max(axis=3)
    if kind == "average":
        return windows.mean(axis=3)
    return np.sqrt((windows**2).sum(axis=3))

# %% exercise="pool_padded" answer="root-of-the-mean-square" points=2
def pool_padded(maps, kind, size, stride, padding):
    padded = np.pad(maps, [(0, 0), padding, padding, (0, 0)], constant_values=np.nan)
    taken = patches(padded, size, stride).numpy()
    windows = taken.reshape(*taken.shape[:3], size**2, maps.shape[-1])
    if kind == "max":
        return np.nanmax(windows, axis=3)
    if kind == "average":
        return np.nanmean(windows, axis=3)
    return np.sqrt(np.nanmean(windows**2, axis=3))
