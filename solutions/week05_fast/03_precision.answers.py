# %% exercise="quantized_product" answer="summed-in-float64" points=4
def quantized_product(left, right, left_scale, right_scale, output_scale):
    sums = np.einsum("ik,kj->ij", left.astype(np.float64), right.astype(np.float64))
    wanted = np.floor(sums * left_scale * right_scale / output_scale + 0.5)
    return np.maximum(np.minimum(wanted, 127), -128).astype(np.int8)

# %% exercise="quantized_product" answer="sums-in-16-bits" points=2
def quantized_product(left, right, left_scale, right_scale, output_scale):
    sums = left.astype(np.int16) @ right.astype(np.int16)
    return np.clip(np.round(sums * (left_scale * right_scale / output_scale)), -128, 127).astype(np.int8)

# %% exercise="quantized_product" answer="truncated" points=2
def quantized_product(left, right, left_scale, right_scale, output_scale):
    sums = left.astype(np.int32) @ right.astype(np.int32)
    return np.clip(sums * (left_scale * right_scale / output_scale), -128, 127).astype(np.int8)

# %% exercise="quantized_product" answer="wraps-around" points=2
def quantized_product(left, right, left_scale, right_scale, output_scale):
    sums = left.astype(np.int32) @ right.astype(np.int32)
    return np.round(sums * (left_scale * right_scale / output_scale)).astype(np.int64).astype(np.int8)

# %% exercise="quantized_product" answer="sums-in-8-bits" points=0
def quantized_product(left, right, left_scale, right_scale, output_scale):
    sums = left @ right
    return np.clip(np.round(sums * (left_scale * right_scale / output_scale)), -128, 127).astype(np.int8)

# %% exercise="quantized_product" answer="still-float" points=0
def quantized_product(left, right, left_scale, right_scale, output_scale):
    return (left * left_scale) @ (right * right_scale)

# %% exercise="quantized_product" answer="product-of-all-scales" points=0
def quantized_product(left, right, left_scale, right_scale, output_scale):
    sums = left.astype(np.int32) @ right.astype(np.int32)
    return np.clip(np.round(sums * left_scale * right_scale * output_scale), -128, 127).astype(np.int8)

# %% exercise="error_bound" answer="as-two-matrix-products" points=3
def error_bound(left_rounded, right, left_error, right_error):
    left_errors, right_errors = np.full(left_rounded.shape, left_error), np.full(right.shape, right_error)
    return left_errors @ np.abs(right) + np.abs(left_rounded) @ right_errors

# %% exercise="error_bound" answer="rows-and-columns-exchanged" points=1
def error_bound(left_rounded, right, left_error, right_error):
    from_left = left_error * np.abs(right).sum(axis=0)
    from_right = right_error * np.abs(left_rounded).sum(axis=1)
    return from_left[:, None] + from_right

# %% exercise="error_bound" answer="signs-cancel" points=0
def error_bound(left_rounded, right, left_error, right_error):
    return left_error * right.sum(axis=0) + right_error * left_rounded.sum(axis=1, keepdims=True)

# %% exercise="error_bound" answer="errors-exchanged" points=0
def error_bound(left_rounded, right, left_error, right_error):
    return right_error * np.abs(right).sum(axis=0) + left_error * np.abs(left_rounded).sum(axis=1, keepdims=True)

# %% exercise="error_bound" answer="length-times-largest" points=0
def error_bound(left_rounded, right, left_error, right_error):
    length = left_rounded.shape[1]
    return length * (left_error * np.abs(right).max(axis=0) + right_error * np.abs(left_rounded).max(axis=1, keepdims=True))

# %% exercise="error_bound" answer="euclidean-norm" points=0
def error_bound(left_rounded, right, left_error, right_error):
    return (left_error * np.linalg.norm(right, axis=0)
            + right_error * np.linalg.norm(left_rounded, axis=1, keepdims=True))

# %% exercise="error_bound" answer="both-errors-at-once" points=0
def error_bound(left_rounded, right, left_error, right_error):
    return (left_error * np.abs(right).sum(axis=0) + right_error * np.abs(left_rounded).sum(axis=1, keepdims=True)
            + left_rounded.shape[1] * left_error * right_error)

# %% exercise="scaling_step" answer="by-cases-of-the-counter" points=4
def scaling_step(gradient, scale, good_steps, growth_steps):
    finite = bool(np.isfinite(np.abs(gradient).max()))
    good_steps = (good_steps + 1) % growth_steps if finite else 0
    factor = 0.5 if not finite else 2.0 if good_steps == 0 else 1.0
    unscaled = np.float32(gradient) * np.float32(1 / scale) if finite else np.zeros_like(gradient, np.float32)
    return unscaled, scale * factor, good_steps

# %% exercise="scaling_step" answer="unscaled-in-float16" points=2
def scaling_step(gradient, scale, good_steps, growth_steps):
    if not np.isfinite(gradient).all():
        return np.zeros(gradient.shape, np.float32), scale / 2, 0
    unscaled = (gradient / np.float16(scale)).astype(np.float32)
    if good_steps + 1 == growth_steps:
        return unscaled, 2 * scale, 0
    return unscaled, scale, good_steps + 1

# %% exercise="scaling_step" answer="counter-kept-after-overflow" points=2
def scaling_step(gradient, scale, good_steps, growth_steps):
    if not np.isfinite(gradient).all():
        return np.zeros(gradient.shape, np.float32), scale / 2, good_steps
    unscaled = gradient.astype(np.float32) / scale
    if good_steps + 1 == growth_steps:
        return unscaled, 2 * scale, 0
    return unscaled, scale, good_steps + 1

# %% exercise="scaling_step" answer="infinities-made-finite" points=2
def scaling_step(gradient, scale, good_steps, growth_steps):
    finite = np.isfinite(gradient).all()
    unscaled = np.nan_to_num(gradient.astype(np.float32)) / scale
    if not finite:
        return unscaled, scale / 2, 0
    return (unscaled, 2 * scale, 0) if good_steps + 1 == growth_steps else (unscaled, scale, good_steps + 1)

# %% exercise="scaling_step" answer="divided-by-the-new-scale" points=2
def scaling_step(gradient, scale, good_steps, growth_steps):
    if not np.isfinite(gradient).all():
        return np.zeros(gradient.shape, np.float32), scale / 2, 0
    good_steps += 1
    if good_steps == growth_steps:
        scale, good_steps = 2 * scale, 0
    return gradient.astype(np.float32) / scale, scale, good_steps

# %% exercise="scaling_step" answer="doubled-a-step-late" points=2
def scaling_step(gradient, scale, good_steps, growth_steps):
    if not np.isfinite(gradient).all():
        return np.zeros(gradient.shape, np.float32), scale / 2, 0
    unscaled = gradient.astype(np.float32) / scale
    if good_steps == growth_steps:
        return unscaled, 2 * scale, 0
    return unscaled, scale, good_steps + 1

# %% exercise="scaling_step" answer="infinity-unseen" points=0
def scaling_step(gradient, scale, good_steps, growth_steps):
    if np.isnan(gradient).any():
        return np.zeros(gradient.shape, np.float32), scale / 2, 0
    unscaled = gradient.astype(np.float32) / scale
    if good_steps + 1 == growth_steps:
        return unscaled, 2 * scale, 0
    return unscaled, scale, good_steps + 1
