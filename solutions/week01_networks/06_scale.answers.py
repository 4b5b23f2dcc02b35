# %% exercise="growth" answer="by-covariance" points=4
def growth(years, sizes, target):
    doublings = np.log(sizes) / np.log(2)
    away = years - np.mean(years)
    slope = (away * doublings).sum() / (away**2).sum()
    return 1 / slope, np.mean(years) + (np.log2(target) - doublings.mean()) / slope

# %% exercise="growth" answer="time-to-grow-by-e" points=2
def growth(years, sizes, target):
    slope, intercept = np.polyfit(years, np.log(sizes), 1)
    return 1 / slope, (np.log(target) - intercept) / slope

# %% exercise="growth" answer="doublings-a-year" points=2
def growth(years, sizes, target):
    slope, intercept = np.polyfit(years, np.log2(sizes), 1)
    return slope, (np.log2(target) - intercept) / slope

# %% exercise="growth" answer="target-not-in-logarithm" points=2
def growth(years, sizes, target):
    slope, intercept = np.polyfit(years, np.log2(sizes), 1)
    return 1 / slope, (target - intercept) / slope

# %% exercise="growth" answer="first-and-last-only" points=0
def growth(years, sizes, target):
    slope = (np.log2(sizes[-1]) - np.log2(sizes[0])) / (years[-1] - years[0])
    return 1 / slope, years[0] + np.log2(target / sizes[0]) / slope

# %% exercise="growth" answer="line-through-the-sizes" points=0
def growth(years, sizes, target):
    slope, intercept = np.polyfit(years, sizes, 1)
    return sizes[0] / slope, (target - intercept) / slope

# %% exercise="convolution_cost" answer="group-by-group" points=4
def convolution_cost(height, width, channels, filters, kernel, stride=1, padding=0, groups=1):
    parameters = multiply_adds = 0
    rows = len(range(0, height + 2 * padding - kernel + 1, stride))
    positions = rows * len(range(0, width + 2 * padding - kernel + 1, stride))
    for _ in range(groups):
        weights = kernel * kernel * (channels // groups) * (filters // groups)
        parameters += weights + filters // groups
        multiply_adds += positions * weights
    return parameters, multiply_adds

# %% exercise="convolution_cost" answer="input-positions" points=2
def convolution_cost(height, width, channels, filters, kernel, stride=1, padding=0, groups=1):
    weights = kernel**2 * channels // groups * filters
    return weights + filters, height * width * weights

# %% exercise="convolution_cost" answer="no-biases" points=2
def convolution_cost(height, width, channels, filters, kernel, stride=1, padding=0, groups=1):
    rows = (height + 2 * padding - kernel) // stride + 1
    columns = (width + 2 * padding - kernel) // stride + 1
    weights = kernel**2 * channels // groups * filters
    return weights, rows * columns * weights

# %% exercise="convolution_cost" answer="biases-multiplied" points=2
def convolution_cost(height, width, channels, filters, kernel, stride=1, padding=0, groups=1):
    rows = (height + 2 * padding - kernel) // stride + 1
    columns = (width + 2 * padding - kernel) // stride + 1
    parameters = kernel**2 * channels // groups * filters + filters
    return parameters, rows * columns * parameters

# %% exercise="convolution_cost" answer="positions-rounded-up" points=2
def convolution_cost(height, width, channels, filters, kernel, stride=1, padding=0, groups=1):
    rows = math.ceil((height + 2 * padding - kernel) / stride) + 1
    columns = math.ceil((width + 2 * padding - kernel) / stride) + 1
    weights = kernel**2 * channels // groups * filters
    return weights + filters, rows * columns * weights

# %% exercise="convolution_cost" answer="groups-divide-the-filters-too" points=0
def convolution_cost(height, width, channels, filters, kernel, stride=1, padding=0, groups=1):
    rows = (height + 2 * padding - kernel) // stride + 1
    columns = (width + 2 * padding - kernel) // stride + 1
    weights = kernel**2 * (channels // groups) * (filters // groups)
    return weights + filters, rows * columns * weights

# %% exercise="inception_cost" answer="branch-by-branch" points=3
def inception_cost(side, channels, one, reduce3, three, reduce5, five, project):
    weights = biases = 0
    for branch in [[(1, one)], [(1, reduce3), (3, three)], [(1, reduce5), (5, five)], [(1, project)]]:
        inputs = channels
        for kernel, filters in branch:
            weights += kernel * kernel * inputs * filters
            biases += filters
            inputs = filters
    return weights + biases, side * side * weights

# %% exercise="inception_cost" answer="biases-still-multiplied" points=2
def inception_cost(side, channels, one, reduce3, three, reduce5, five, project):
    convolutions = [(1, channels, one), (1, channels, reduce3), (3, reduce3, three),
                    (1, channels, reduce5), (5, reduce5, five), (1, channels, project)]
    parameters = sum((kernel**2 * inputs + 1) * filters for kernel, inputs, filters in convolutions)
    return parameters, side**2 * parameters

# %% exercise="inception_cost" answer="biases-of-the-outputs-only" points=1
def inception_cost(side, channels, one, reduce3, three, reduce5, five, project):
    convolutions = [(1, channels, one), (1, channels, reduce3), (3, reduce3, three),
                    (1, channels, reduce5), (5, reduce5, five), (1, channels, project)]
    weights = sum(kernel**2 * inputs * filters for kernel, inputs, filters in convolutions)
    return weights + one + three + five + project, side**2 * weights

# %% exercise="inception_cost" answer="five-reads-the-module-s-input" points=0
def inception_cost(side, channels, one, reduce3, three, reduce5, five, project):
    convolutions = [(1, channels, one), (1, channels, reduce3), (3, reduce3, three),
                    (1, channels, reduce5), (5, channels, five), (1, channels, project)]
    weights = sum(kernel**2 * inputs * filters for kernel, inputs, filters in convolutions)
    biases = one + reduce3 + three + reduce5 + five + project
    return weights + biases, side**2 * weights

# %% exercise="inception_cost" answer="pooling-counted-as-weights" points=0
def inception_cost(side, channels, one, reduce3, three, reduce5, five, project):
    convolutions = [(1, channels, one), (1, channels, reduce3), (3, reduce3, three),
                    (1, channels, reduce5), (5, reduce5, five), (3, channels, project)]
    weights = sum(kernel**2 * inputs * filters for kernel, inputs, filters in convolutions)
    biases = sum(filters for _, _, filters in convolutions)
    return weights + biases, side**2 * weights
