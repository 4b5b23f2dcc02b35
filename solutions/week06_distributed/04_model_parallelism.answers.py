# %% exercise="cut_pair" answer="as-one-pair" points=4
def cut_pair(inputs, pieces, bias, gradient):
    first, units_bias = (np.concatenate([piece[part] for piece in pieces], axis=-1) for part in [0, 1])
    second = np.concatenate([rows for _, _, rows in pieces], axis=0)
    before = inputs @ first + units_bias
    of_units = np.where(before > 0, gradient @ second.T, 0)
    return np.maximum(before, 0) @ second + bias, of_units @ first.T

# %% exercise="cut_pair" answer="bias-on-every-device" points=2
def cut_pair(inputs, pieces, bias, gradient):
    outputs, of_inputs = 0.0, 0.0
    for columns, units_bias, rows in pieces:
        units = np.maximum(inputs @ columns + units_bias, 0)
        outputs = outputs + units @ rows + bias
        of_inputs = of_inputs + (gradient @ rows.T * (units > 0)) @ columns.T
    return outputs, of_inputs

# %% exercise="cut_pair" answer="gradient-through-units-that-are-off" points=2
def cut_pair(inputs, pieces, bias, gradient):
    outputs, of_inputs = bias, 0.0
    for columns, units_bias, rows in pieces:
        outputs = outputs + np.maximum(inputs @ columns + units_bias, 0) @ rows
        of_inputs = of_inputs + gradient @ rows.T @ columns.T
    return outputs, of_inputs

# %% exercise="cut_pair" answer="no-sum-backward" points=2
def cut_pair(inputs, pieces, bias, gradient):
    outputs = bias
    for columns, units_bias, rows in pieces:
        units = np.maximum(inputs @ columns + units_bias, 0)
        outputs = outputs + units @ rows
        of_inputs = (gradient @ rows.T * (units > 0)) @ columns.T
    return outputs, of_inputs

# %% exercise="cut_pair" answer="rectified-after-the-sum" points=0
def cut_pair(inputs, pieces, bias, gradient):
    outputs, of_inputs = bias, 0.0
    for columns, units_bias, rows in pieces:
        outputs = outputs + (inputs @ columns + units_bias) @ rows
        of_inputs = of_inputs + gradient @ rows.T @ columns.T
    return np.maximum(outputs, 0), of_inputs * (outputs.sum() > 0)

# %% exercise="cut_pair" answer="mean-of-the-devices" points=0
def cut_pair(inputs, pieces, bias, gradient):
    outputs, of_inputs = 0.0, 0.0
    for columns, units_bias, rows in pieces:
        units = np.maximum(inputs @ columns + units_bias, 0)
        outputs = outputs + units @ rows / len(pieces)
        of_inputs = of_inputs + (gradient @ rows.T * (units > 0)) @ columns.T / len(pieces)
    return outputs + bias, of_inputs

# %% exercise="gpipe_time" answer="stage-by-stage" points=4
def gpipe_time(forward, backward, micro_batches):
    total = 0.0
    for phase in [forward, backward[::-1]]:
        free = [0.0] * len(phase)
        for _ in range(micro_batches):
            arrived = 0.0
            for stage, takes in enumerate(phase):
                arrived = free[stage] = max(arrived, free[stage]) + takes
            if micro_batches > 1000:
                break
        total += free[-1] if micro_batches <= 1000 else sum(phase) + (micro_batches - 1) * max(phase)
    return total, micro_batches * (sum(forward) + sum(backward)) / len(forward) / total

# %% exercise="gpipe_time" answer="one-rectangle-of-the-slowest" points=0
def gpipe_time(forward, backward, micro_batches):
    slots = micro_batches + len(forward) - 1
    total = slots * (max(forward) + max(backward))
    return total, micro_batches * sum(forward + backward) / (len(forward) * total)

# %% exercise="gpipe_time" answer="slowest-of-both-phases-together" points=0
def gpipe_time(forward, backward, micro_batches):
    both = [f + b for f, b in zip(forward, backward, strict=True)]
    total = sum(both) + (micro_batches - 1) * max(both)
    return total, micro_batches * sum(both) / (len(both) * total)

# %% exercise="gpipe_time" answer="utilisation-not-per-stage" points=2
def gpipe_time(forward, backward, micro_batches):
    total = sum(sum(phase) + (micro_batches - 1) * max(phase) for phase in [forward, backward])
    return total, micro_batches * sum(forward + backward) / total

# %% exercise="gpipe_time" answer="utilisation-of-balanced-stages" points=2
def gpipe_time(forward, backward, micro_batches):
    total = sum(sum(phase) + (micro_batches - 1) * max(phase) for phase in [forward, backward])
    return total, micro_batches / (micro_batches + len(forward) - 1)

# %% exercise="gpipe_time" answer="no-overlap" points=0
def gpipe_time(forward, backward, micro_batches):
    total = micro_batches * sum(forward + backward)
    return total, 1 / len(forward)

# %% exercise="layer_traffic" answer="device-by-device" points=4
def layer_traffic(batch, side, channels, kernel, filters, devices):
    cut = replicated = 0.0
    for _ in range(devices):
        cut += batch * side * side * channels / devices * (devices - 1)  # its part of the inputs to all others
        cut += batch * side * side * channels * (devices - 1) / devices  # the others' parts of the gradient
    for _ in range(devices - 1):
        replicated += 2 * (kernel * kernel * channels * filters + filters)
    return cut, replicated

# %% exercise="layer_traffic" answer="forward-only" points=2
def layer_traffic(batch, side, channels, kernel, filters, devices):
    weights = (kernel**2 * channels + 1) * filters
    return (devices - 1) * batch * side**2 * channels, 2 * (devices - 1) * weights

# %% exercise="layer_traffic" answer="no-biases" points=2
def layer_traffic(batch, side, channels, kernel, filters, devices):
    return 2 * (devices - 1) * batch * side**2 * channels, 2 * (devices - 1) * kernel**2 * channels * filters

# %% exercise="layer_traffic" answer="outputs-for-inputs" points=2
def layer_traffic(batch, side, channels, kernel, filters, devices):
    weights = (kernel**2 * channels + 1) * filters
    return 2 * (devices - 1) * batch * side**2 * filters, 2 * (devices - 1) * weights

# %% exercise="layer_traffic" answer="every-connection-is-an-edge" points=0
def layer_traffic(batch, side, channels, kernel, filters, devices):
    weights = (kernel**2 * channels + 1) * filters
    return 2 * (devices - 1) * batch * weights, 2 * (devices - 1) * batch * weights

# %% exercise="layer_traffic" answer="all-devices-send" points=0
def layer_traffic(batch, side, channels, kernel, filters, devices):
    weights = (kernel**2 * channels + 1) * filters
    return 2 * devices * batch * side**2 * channels, 2 * devices * weights
