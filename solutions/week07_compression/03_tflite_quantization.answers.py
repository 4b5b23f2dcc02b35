# %% exercise="calibration" answer="all-batches-at-once" points=4
def calibration(batches):
    seen = np.concatenate([np.ravel(batch) for batch in batches] + [np.zeros(1)])
    scale = np.ptp(seen) / 255
    return scale, -128 + round(-seen.min() / scale)

# %% exercise="calibration" answer="untouched" points=0
def calibration(batches):
    for batch in batches:
        low, high = np.min(batch), np.max(batch)
    scale = (high - low) / 256
    return scale, int(np.round(-128 - low / scale))

# %% exercise="calibration" answer="last-batch-only" points=2
def calibration(batches):
    low, high = min(0.0, np.min(batches[-1])), max(0.0, np.max(batches[-1]))
    scale = (high - low) / 255
    return scale, int(np.round(-128 - low / scale))

# %% exercise="calibration" answer="range-without-zero" points=2
def calibration(batches):
    low, high = min(np.min(batch) for batch in batches), max(np.max(batch) for batch in batches)
    scale = (high - low) / 255
    return scale, int(np.round(-128 - low / scale))

# %% exercise="calibration" answer="256-steps" points=0
def calibration(batches):
    low, high = min(0.0, *(np.min(batch) for batch in batches)), max(0.0, *(np.max(batch) for batch in batches))
    scale = (high - low) / 256
    return scale, int(np.round(-128 - low / scale))

# %% exercise="calibration" answer="zero-point-not-rounded" points=2
def calibration(batches):
    low, high = min(0.0, *(np.min(batch) for batch in batches)), max(0.0, *(np.max(batch) for batch in batches))
    scale = (high - low) / 255
    return scale, -128 - low / scale

# %% exercise="calibration" answer="symmetric-range" points=0
def calibration(batches):
    return max(np.abs(batch).max() for batch in batches) / 127, 0

# %% exercise="run_int8" answer="one-by-one" points=4
def run_int8(interpreter, pictures):
    entry, leaving = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    outputs = []
    for picture in pictures:
        codes = np.rint(picture / entry["quantization"][0] + entry["quantization"][1])
        interpreter.set_tensor(entry["index"], np.int8(np.minimum(np.maximum(codes, -128), 127))[None])
        interpreter.invoke()
        codes = interpreter.get_tensor(leaving["index"])[0].astype(float)
        outputs.append((codes - leaving["quantization"][1]) * leaving["quantization"][0])
    return np.stack(outputs)

# %% exercise="run_int8" answer="floats-fed-as-they-are" points=0
def run_int8(interpreter, pictures):
    return run_float(interpreter, pictures)

# %% exercise="run_int8" answer="cast-to-int8" points=0
def run_int8(interpreter, pictures):
    scale, zero_point = interpreter.get_output_details()[0]["quantization"]
    return scale * (run_float(interpreter, pictures.astype(np.int8)).astype(np.float32) - zero_point)

# %% exercise="run_int8" answer="wraps-around" points=2
def run_int8(interpreter, pictures):
    scale, zero_point = interpreter.get_input_details()[0]["quantization"]
    codes = (np.round(pictures / scale) + zero_point).astype(np.int32).astype(np.int8)
    scale, zero_point = interpreter.get_output_details()[0]["quantization"]
    return scale * (run_float(interpreter, codes).astype(np.float32) - zero_point)

# %% exercise="run_int8" answer="codes-returned" points=0
def run_int8(interpreter, pictures):
    scale, zero_point = interpreter.get_input_details()[0]["quantization"]
    codes = np.clip(np.round(pictures / scale) + zero_point, -128, 127).astype(np.int8)
    return run_float(interpreter, codes)

# %% exercise="run_int8" answer="truncates" points=0
def run_int8(interpreter, pictures):
    scale, zero_point = interpreter.get_input_details()[0]["quantization"]
    codes = np.clip(np.floor(pictures / scale) + zero_point, -128, 127).astype(np.int8)
    scale, zero_point = interpreter.get_output_details()[0]["quantization"]
    return scale * (run_float(interpreter, codes).astype(np.float32) - zero_point)

# %% exercise="run_int8" answer="reads-with-the-input-grid" points=0
def run_int8(interpreter, pictures):
    scale, zero_point = interpreter.get_input_details()[0]["quantization"]
    codes = np.clip(np.round(pictures / scale) + zero_point, -128, 127).astype(np.int8)
    return scale * (run_float(interpreter, codes).astype(np.float32) - zero_point)

# %% exercise="fake_quantize" answer="custom-gradient" points=4
def fake_quantize(x, scale, zero_point, bits=8):
    lowest, highest = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1

    @tf.custom_gradient
    def rounded(x):
        codes = tf.round(x / scale) + zero_point
        within = (x >= scale * (lowest - zero_point)) & (x <= scale * (highest - zero_point))
        return scale * (tf.clip_by_value(codes, lowest, highest) - zero_point), lambda up: up * tf.cast(within, up.dtype)

    return rounded(x)

# %% exercise="fake_quantize" answer="no-straight-through" points=2
def fake_quantize(x, scale, zero_point, bits=8):
    codes = tf.clip_by_value(tf.round(x / scale) + zero_point, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return scale * (codes - zero_point)

# %% exercise="fake_quantize" answer="gradient-everywhere" points=2
def fake_quantize(x, scale, zero_point, bits=8):
    codes = tf.clip_by_value(tf.round(x / scale) + zero_point, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return x + tf.stop_gradient(scale * (codes - zero_point) - x)

# %% exercise="fake_quantize" answer="identity-in-value-too" points=0
def fake_quantize(x, scale, zero_point, bits=8):
    codes = tf.clip_by_value(tf.round(x / scale) + zero_point, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return scale * (codes - zero_point) + tf.stop_gradient(x - scale * (codes - zero_point))

# %% exercise="fake_quantize" answer="never-clipped" points=0
def fake_quantize(x, scale, zero_point, bits=8):
    return x + tf.stop_gradient(scale * tf.round(x / scale) - x)

# %% exercise="fake_quantize" answer="zero-point-forgotten-on-the-way-back" points=0
def fake_quantize(x, scale, zero_point, bits=8):
    codes = tf.clip_by_value(tf.round(x / scale) + zero_point, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    inside = tf.clip_by_value(x, scale * (-(2 ** (bits - 1)) - zero_point), scale * (2 ** (bits - 1) - 1 - zero_point))
    return inside + tf.stop_gradient(scale * codes - inside)
