# %% exercise="quantize_kernel" answer="channel-by-channel" points=4
def quantize_kernel(kernel):
    flat = kernel.reshape(-1, kernel.shape[-1])
    scales, codes = [], np.zeros(flat.shape)
    for channel in range(flat.shape[1]):
        column = flat[:, channel]
        scales.append(max(column.max(), -column.min()) / np.float32(127))
        codes[:, channel] = np.rint(column / scales[-1])
    return codes.reshape(kernel.shape), np.array(scales)

# %% exercise="quantize_kernel" answer="one-scale-for-the-tensor" points=0
def quantize_kernel(kernel):
    scale = np.abs(kernel).max() / np.float32(127)
    return np.round(kernel / scale).astype(np.int8), np.full(kernel.shape[-1], scale)

# %% exercise="quantize_kernel" answer="cut-off-not-rounded" points=2
def quantize_kernel(kernel):
    scales = np.abs(kernel).max(axis=tuple(range(kernel.ndim - 1))) / np.float32(127)
    return (kernel / scales).astype(np.int8), scales

# %% exercise="quantize_kernel" answer="divided-by-128" points=0
def quantize_kernel(kernel):
    scales = np.abs(kernel).max(axis=tuple(range(kernel.ndim - 1))) / np.float32(128)
    return np.clip(np.round(kernel / scales), -128, 127), scales

# %% exercise="quantize_kernel" answer="largest-not-largest-magnitude" points=0
def quantize_kernel(kernel):
    scales = kernel.max(axis=tuple(range(kernel.ndim - 1))) / np.float32(127)
    return np.clip(np.round(kernel / scales), -127, 127), scales

# %% exercise="quantize_kernel" answer="range-over-255-steps" points=0
def quantize_kernel(kernel):
    axes = tuple(range(kernel.ndim - 1))
    scales = (kernel.max(axis=axes) - kernel.min(axis=axes)) / np.float32(255)
    return np.round(kernel / scales), scales

# %% exercise="four_terms" answer="einsum-in-int64" points=4
def four_terms(x, x_zero, w, w_zero):
    x, w = np.int64(x), np.int64(w)
    rows, columns = np.einsum("ik->i", x), np.einsum("kj->j", w)
    both = x.shape[1] * x_zero * w_zero
    return np.einsum("ik,kj->ij", x, w), -(w_zero * rows)[:, None], -(x_zero * columns)[None], both

# %% exercise="four_terms" answer="products-wrap-around" points=2
def four_terms(x, x_zero, w, w_zero):
    rows, columns = x.astype(int).sum(axis=1, keepdims=True), w.astype(int).sum(axis=0, keepdims=True)
    return x @ w, -w_zero * rows, -x_zero * columns, len(w) * x_zero * w_zero

# %% exercise="four_terms" answer="zero-points-swapped" points=2
def four_terms(x, x_zero, w, w_zero):
    x, w = x.astype(int), w.astype(int)
    return x @ w, -x_zero * x.sum(axis=1, keepdims=True), -w_zero * w.sum(axis=0, keepdims=True), len(w) * x_zero * w_zero

# %% exercise="four_terms" answer="last-term-not-summed" points=2
def four_terms(x, x_zero, w, w_zero):
    x, w = x.astype(int), w.astype(int)
    return x @ w, -w_zero * x.sum(axis=1, keepdims=True), -x_zero * w.sum(axis=0, keepdims=True), x_zero * w_zero

# %% exercise="four_terms" answer="signs-forgotten" points=2
def four_terms(x, x_zero, w, w_zero):
    x, w = x.astype(int), w.astype(int)
    return x @ w, w_zero * x.sum(axis=1, keepdims=True), x_zero * w.sum(axis=0, keepdims=True), len(w) * x_zero * w_zero

# %% exercise="four_terms" answer="subtracted-first-in-int8" points=0
def four_terms(x, x_zero, w, w_zero):
    shifted = (x - np.int8(x_zero)) @ (w - np.int8(w_zero))
    return shifted, np.zeros((len(x), 1)), np.zeros((1, w.shape[1])), 0

# %% exercise="layer_energy" answer="from-one-use-up" points=4
def layer_energy(pixels, inputs, outputs, bits, batch, home, reuse):
    number, cached = home * bits / 64, CACHE * bits / 64
    weights = inputs * outputs
    each_use = np.array([MULTIPLY[bits] + ADD[bits], 0, 2 * cached / reuse])
    return weights * (pixels * each_use + np.array([0, number / batch, 0]))

# %% exercise="layer_energy" answer="only-the-addition-repaired" points=1
def layer_energy(pixels, inputs, outputs, bits, batch, home, reuse):
    uses = pixels * inputs * outputs
    arithmetic = uses * (MULTIPLY[bits] + ADD[bits])
    weights = uses * bits / 64 * home / batch
    operands = uses / reuse * bits / 64 * CACHE
    return np.array([arithmetic, weights, operands])

# %% exercise="layer_energy" answer="one-operand-only" points=3
def layer_energy(pixels, inputs, outputs, bits, batch, home, reuse):
    uses = pixels * inputs * outputs
    arithmetic = uses * (MULTIPLY[bits] + ADD[bits])
    weights = inputs * outputs * bits / 64 * home / batch
    operands = uses / reuse * bits / 64 * CACHE
    return np.array([arithmetic, weights, operands])

# %% exercise="layer_energy" answer="weights-once-a-picture" points=2
def layer_energy(pixels, inputs, outputs, bits, batch, home, reuse):
    uses = pixels * inputs * outputs
    arithmetic = uses * (MULTIPLY[bits] + ADD[bits])
    weights = inputs * outputs * bits / 64 * home
    operands = 2 * uses / reuse * bits / 64 * CACHE
    return np.array([arithmetic, weights, operands])

# %% exercise="layer_energy" answer="words-of-eight-bits" points=1
def layer_energy(pixels, inputs, outputs, bits, batch, home, reuse):
    uses = pixels * inputs * outputs
    arithmetic = uses * (MULTIPLY[bits] + ADD[bits])
    weights = inputs * outputs * bits / 8 * home / batch
    operands = 2 * uses / reuse * bits / 8 * CACHE
    return np.array([arithmetic, weights, operands])

# %% exercise="layer_energy" answer="energy-of-the-whole-batch" points=0
def layer_energy(pixels, inputs, outputs, bits, batch, home, reuse):
    uses = batch * pixels * inputs * outputs
    arithmetic = uses * (MULTIPLY[bits] + ADD[bits])
    weights = inputs * outputs * bits / 64 * home
    operands = 2 * uses / reuse * bits / 64 * CACHE
    return np.array([arithmetic, weights, operands])
