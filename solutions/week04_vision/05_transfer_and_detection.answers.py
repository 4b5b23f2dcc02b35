# %% exercise="parameters" answer="layer-by-layer" points=4
def parameters(kernels, normalized, frozen):
    trained = kept = 0
    for layer, shape in enumerate(kernels):
        size, channels = 1, shape[-1]
        for side in shape:
            size *= side
        if normalized[layer]:
            size, kept = size + 2 * channels, kept + 2 * channels
        else:
            size += channels
        if layer < frozen:
            kept += size
        else:
            trained += size
    return trained, kept

# %% exercise="parameters" answer="moving-averages-trained" points=0
def parameters(kernels, normalized, frozen):
    sizes = [int(np.prod(shape)) + shape[-1] * (4 if norm else 1) for shape, norm in zip(kernels, normalized)]
    return sum(sizes[frozen:]), sum(sizes[:frozen])

# %% exercise="parameters" answer="forgot-the-averages-above" points=2
def parameters(kernels, normalized, frozen):
    trained = kept = 0
    for layer, (shape, norm) in enumerate(zip(kernels, normalized)):
        size = int(np.prod(shape)) + shape[-1] * (2 if norm else 1)
        if layer >= frozen:
            trained += size
        else:
            kept += size + 2 * shape[-1] * norm
    return trained, kept

# %% exercise="parameters" answer="bias-beside-beta" points=0
def parameters(kernels, normalized, frozen):
    sizes = [int(np.prod(shape)) + shape[-1] * (3 if norm else 1) for shape, norm in zip(kernels, normalized)]
    averages = sum(2 * shape[-1] for shape, norm in zip(kernels, normalized) if norm)
    return sum(sizes[frozen:]), sum(sizes[:frozen]) + averages

# %% exercise="parameters" answer="last-layers-frozen" points=0
def parameters(kernels, normalized, frozen):
    sizes = [int(np.prod(shape)) + shape[-1] * (2 if norm else 1) for shape, norm in zip(kernels, normalized)]
    averages = sum(2 * shape[-1] for shape, norm in zip(kernels, normalized) if norm)
    trained = sum(sizes[:len(sizes) - frozen])
    return trained, sum(sizes) - trained + averages

# %% exercise="iou" answer="box-by-box" points=4
def iou(boxes, others):
    result = []
    for (top, left, bottom, right), (other_top, other_left, other_bottom, other_right) in zip(boxes, others):
        height = max(0.0, min(bottom, other_bottom) - max(top, other_top))
        width = max(0.0, min(right, other_right) - max(left, other_left))
        both = (bottom - top) * (right - left) + (other_bottom - other_top) * (other_right - other_left)
        result.append(height * width / (both - height * width))
    return np.array(result)

# %% exercise="iou" answer="clipped-after-the-product" points=2
def iou(boxes, others):
    height = np.minimum(boxes[:, 2], others[:, 2]) - np.maximum(boxes[:, 0], others[:, 0])
    width = np.minimum(boxes[:, 3], others[:, 3]) - np.maximum(boxes[:, 1], others[:, 1])
    shared = np.maximum(height * width, 0)
    area, other_area = (np.prod(some[:, 2:] - some[:, :2], axis=1) for some in (boxes, others))
    return shared / (area + other_area - shared)

# %% exercise="iou" answer="not-clipped" points=2
def iou(boxes, others):
    height = np.minimum(boxes[:, 2], others[:, 2]) - np.maximum(boxes[:, 0], others[:, 0])
    width = np.minimum(boxes[:, 3], others[:, 3]) - np.maximum(boxes[:, 1], others[:, 1])
    shared = height * width
    area, other_area = (np.prod(some[:, 2:] - some[:, :2], axis=1) for some in (boxes, others))
    return shared / (area + other_area - shared)

# %% exercise="iou" answer="shared-counted-twice" points=0
def iou(boxes, others):
    height = np.maximum(np.minimum(boxes[:, 2], others[:, 2]) - np.maximum(boxes[:, 0], others[:, 0]), 0)
    width = np.maximum(np.minimum(boxes[:, 3], others[:, 3]) - np.maximum(boxes[:, 1], others[:, 1]), 0)
    area, other_area = (np.prod(some[:, 2:] - some[:, :2], axis=1) for some in (boxes, others))
    return height * width / (area + other_area)

# %% exercise="iou" answer="height-and-width-for-corners" points=0
def iou(boxes, others):
    height = np.minimum(boxes[:, 0] + boxes[:, 2], others[:, 0] + others[:, 2]) - np.maximum(boxes[:, 0], others[:, 0])
    width = np.minimum(boxes[:, 1] + boxes[:, 3], others[:, 1] + others[:, 3]) - np.maximum(boxes[:, 1], others[:, 1])
    shared = np.maximum(height, 0) * np.maximum(width, 0)
    return shared / (boxes[:, 2] * boxes[:, 3] + others[:, 2] * others[:, 3] - shared)

# %% exercise="iou" answer="hull-for-union" points=0
def iou(boxes, others):
    start, end = np.maximum(boxes[:, :2], others[:, :2]), np.minimum(boxes[:, 2:], others[:, 2:])
    first, last = np.minimum(boxes[:, :2], others[:, :2]), np.maximum(boxes[:, 2:], others[:, 2:])
    return np.prod(np.maximum(end - start, 0), axis=1) / np.prod(last - first, axis=1)

# %% exercise="mirrored" answer="copy-and-assign" points=4
def mirrored(images, boxes):
    new = np.array(boxes)
    new[:, 1] = 1 - boxes[:, 3]
    new[:, 3] = 1 - boxes[:, 1]
    return np.flip(images, axis=2), new

# %% exercise="mirrored" answer="left-stays-left" points=2
def mirrored(images, boxes):
    top, left, bottom, right = boxes.T
    return images[:, :, ::-1], np.stack([top, 1 - left, bottom, 1 - right], axis=1)

# %% exercise="mirrored" answer="order-still-wrong" points=0
def mirrored(images, boxes):
    left, top, right, bottom = boxes.T
    return images[:, :, ::-1], np.stack([1 - right, top, 1 - left, bottom], axis=1)

# %% exercise="mirrored" answer="upside-down" points=0
def mirrored(images, boxes):
    top, left, bottom, right = boxes.T
    return images[:, ::-1], np.stack([1 - bottom, left, 1 - top, right], axis=1)

# %% exercise="mirrored" answer="in-pixels" points=2
def mirrored(images, boxes):
    top, left, bottom, right = boxes.T
    width = images.shape[2]
    return images[:, :, ::-1], np.stack([top, width - right, bottom, width - left], axis=1)

# %% exercise="mirrored" answer="swapped-only" points=2
def mirrored(images, boxes):
    return images[:, :, ::-1], boxes[:, [0, 3, 2, 1]]
