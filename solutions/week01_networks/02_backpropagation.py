# %% [markdown]
# # 2 · Back-propagation
#
# *Large Scale Deep Learning*, session I, slides "Back-Propagation: Factoring of the Neural Net" to
# "What Happens at The Top of the Chain?".
#
# **You should know** matrix products, the chain rule and the stack of notebook 1 (`linear-relu-stack`,
# `activation-functions`). **You will have built** a reverse-mode differentiation engine over arrays whose only rule is
# the chain rule, the gradients of one layer as matrix equations, and the measurement that says why networks are
# trained in no other way.

# %% [markdown]
# ## Two questions first
#
# 1. A layer of two ReLUs can fold the line once. How many linear pieces can $k$ such layers make, and how many units
#    would one hidden layer need for as many?
# 2. Why does the gradient vanish on its way through twenty sigmoid layers?
#
# <details><summary>Answers</summary>
#
# 1. $2^k$ pieces, because every fold doubles them. One hidden layer of $n$ ReLUs has at most $n + 1$ pieces, so it
#    needs about $2^k$ units.
# 2. Each layer multiplies the gradient by its local slope, and the slope of the sigmoid is at most $1/4$. This notebook
#    writes out that multiplication.
#
# </details>

# %%
dlcourse.setup("week01/02_backpropagation", seed=2, deterministic=False)

import time
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from dlcourse import check, claim, plots
from threadpoolctl import threadpool_limits

# %% [markdown] topic="backprop-graph"
# ## Back-propagation on a graph
#
# "You can compute the gradient with respect to any quantity by: taking the gradient $\partial x$ sent back from up the
# chain from you; multiplying it by your local gradient $\partial f(x)$ with respect to that quantity."
#
# To test the sentence we write a program that knows nothing else. A node holds a value, the nodes it was computed from,
# and how it sends a gradient back to them. Everything is float64, for a reason that we measure below.

# %%
class Node:
    """A value, the nodes it was computed from, and the rule that sends a gradient back to them."""

    def __init__(self, value, inputs=(), send_back=lambda d: (), name=""):
        self.value = np.asarray(value, dtype=np.float64)
        self.inputs = inputs
        self.send_back = send_back  # d, the gradient of this value -> a tuple with one gradient for each input
        self.name = name
        self.gradient = np.zeros_like(self.value)


# %% [markdown]
# An operation computes its value and says what "multiplying by your local gradient" is. For arrays that is a sum over
# all outputs that an input has touched: in $H = WX$ the element $W_{ij}$ touches row $i$ of $H$, so
# $\partial W_{ij} = \sum_n \partial H_{in} X_{jn}$, that is, $\partial W = \partial H \cdot X^\top$. The table of all
# local derivatives, the Jacobian, is never stored. Below, `d` is the $\partial$ that arrives.

# %%
def matmul(left, right):
    return Node(left.value @ right.value, (left, right), lambda d: (d @ right.value.T, left.value.T @ d), "matmul")


def add(left, right):
    return Node(left.value + right.value, (left, right), lambda d: (d, d), "add")


def subtract(left, right):
    return Node(left.value - right.value, (left, right), lambda d: (d, -d), "subtract")


def multiply(left, right):
    return Node(left.value * right.value, (left, right), lambda d: (d * right.value, d * left.value), "multiply")


Node.__matmul__, Node.__add__, Node.__sub__, Node.__mul__ = matmul, add, subtract, multiply

# %%
def relu(node):
    return Node(np.maximum(node.value, 0), (node,), lambda d: (d * (node.value > 0),), "relu")


def tanh(node):
    value = np.tanh(node.value)
    return Node(value, (node,), lambda d: (d * (1 - value**2),), "tanh")


def total(node):
    return Node(node.value.sum(), (node,), lambda d: (np.full_like(node.value, d),), "sum")


# %% [markdown]
# A bias of shape `(nodes, 1)` is copied to every column, so each example uses it once. Whatever broadcasting copied on
# the way up is summed on the way back.

# %%
def unbroadcast(gradient, shape):
    """Sum a gradient over the axes along which an array of `shape` was copied."""
    gradient = gradient.sum(axis=tuple(range(gradient.ndim - len(shape))))
    return gradient.sum(axis=tuple(axis for axis, length in enumerate(shape) if length == 1), keepdims=True)


# %% [markdown]
# The backward pass goes through the nodes from the top down. A node may send only when everything that uses it has
# sent: that is a topological order. A node used twice receives twice, and the two are added.

# %%
def ordered(node, order=None):
    """All nodes that `node` depends on and itself, as keys of a dict: each after the nodes it was computed from."""
    order = {} if order is None else order
    if node not in order:
        for source in node.inputs:
            ordered(source, order)
        order[node] = len(order)
    return order


def backward(top):
    """Set `gradient` in every node that `top` depends on: the gradient of the sum of top's value."""
    order = ordered(top)
    for node in order:
        node.gradient = np.zeros_like(node.value)
    top.gradient = np.ones_like(top.value)
    for node in reversed(order):
        for source, sent in zip(node.inputs, node.send_back(node.gradient), strict=True):
            source.gradient = source.gradient + unbroadcast(sent, source.value.shape)


# %% [markdown]
# That is the whole engine. Below is the deck's one-layer network with its squared loss, drawn from the program's own
# nodes; `T` holds the targets $\bar y$. Values flow to the right, gradients to the left. The numbers give the order in
# which nodes send, and grey nodes have nobody to send to. Before you look: which node receives two gradients?

# %% tags=["demo"]
W, X, B, T = (Node(np.ones(shape), name=name)
              for name, shape in [("W", (3, 5)), ("X", (5, 8)), ("B", (3, 1)), ("T", (3, 8))])
error = T - relu(W @ X + B)
order = list(ordered(total(error * error)))[::-1]
column, place = {order[0]: 0}, {}
for node in order:
    place[node] = column[node], [column[other] for other in place].count(column[node])
    for source in node.inputs:
        column[source] = min(column.get(source, 0), column[node] - 1)
ax = plt.subplots(figsize=(8.6, 2.1), subplot_kw={"xlim": (-6.5, 0.5), "ylim": (-0.6, 1.5)})[1]
ax.axis("off")
for number, node in enumerate(order, 1):
    for index, source in enumerate(node.inputs):
        bend = index - 0.5 if node.inputs.count(source) == 2 else 0
        ax.annotate("", place[node], place[source], arrowprops={
            "arrowstyle": "->", "shrinkA": 30, "shrinkB": 30, "connectionstyle": f"arc3,rad={bend}"})
    ax.text(*place[node], f"{number}: {node.name}\n{node.value.shape}", ha="center", va="center", fontsize=9,
            bbox={"boxstyle": "round", "facecolor": "white" if node.inputs else "0.88"})

# %% [markdown]
# There is no rule for the square: the product $E \odot E$ sends $\partial \odot E$ along each of its two edges, and
# $2\,\partial \odot E$ arrives. The gradients of $W$, $X$ and $B$ come out of one pass, because they share every step
# from the loss down to $\partial H_1$.
#
# ### Two independent judges
#
# TensorFlow's tape knows the same calculus. Central differences know none:
# $\partial L / \partial w \approx (L(w + h) - L(w - h)) / 2h$. The same expression runs in all three.

# %%
in_engine = SimpleNamespace(relu=relu, tanh=tanh, total=total)
in_tensorflow = SimpleNamespace(relu=tf.nn.relu, tanh=tf.tanh, total=tf.reduce_sum)
in_numpy = SimpleNamespace(relu=lambda x: np.maximum(x, 0), tanh=np.tanh, total=np.sum)


def by_engine(expression, arrays):
    """Gradients of expression(library, *arrays) with respect to each array."""
    nodes = [Node(array) for array in arrays]
    backward(expression(in_engine, *nodes))
    return [node.gradient for node in nodes]


def by_tape(expression, arrays):
    variables = [tf.Variable(array) for array in arrays]
    with tf.GradientTape() as tape:
        value = expression(in_tensorflow, *variables)
    return [gradient.numpy() for gradient in tape.gradient(value, variables)]


def by_differences(expression, arrays, step=1e-5):
    """Central differences, in the precision of the arrays."""
    arrays = [array.copy() for array in arrays]
    gradients = [np.zeros_like(array) for array in arrays]
    for array, gradient in zip(arrays, gradients, strict=True):
        for index in np.ndindex(array.shape):
            kept = array[index]
            array[index] = kept + step
            above = expression(in_numpy, *arrays)
            array[index] = kept - step
            gradient[index] = (above - expression(in_numpy, *arrays)) / (2 * step)
            array[index] = kept
    return gradients


# %% [markdown]
# How far two gradients are apart is measured as `check` does: relative to the wanted element where that exceeds 1.

# %%
def largest_difference(got, wanted):
    """Largest |got - wanted| / max(1, |wanted|) of two arrays."""
    return float(np.max(np.abs(got - wanted) / np.maximum(1, np.abs(wanted))))


def compare(title, names, got, wanted):
    """Show the largest difference of each gradient."""
    plots.table(["gradient of", title], [*zip(names, map(largest_difference, got, wanted), strict=True)])


# %% [markdown]
# Three expressions use every operation of the engine, and share: the error of the first two is multiplied by itself,
# the tied network uses $W$, $B$ and the hidden layer twice, the gated one uses $X$ three times.

# %%
def one_layer(f, W, X, B, T):
    error = T - f.relu(W @ X + B)  # (nodes, examples)
    return f.total(error * error)


def tied(f, W, X, B, T):
    hidden = f.tanh(W @ X + B)  # (nodes, examples), as many nodes as inputs
    error = T - (hidden + W @ hidden + B)
    return f.total(error * error)


def gated(f, W, X, B, T):
    return f.total(T * X * (f.relu(X) + B) * f.tanh(W @ X))


def example(seed, nodes=4, inputs=4, examples=6, dtype=np.float64):
    """Random W, X, B, T for the expressions above."""
    rng, shapes = np.random.default_rng(seed), [(nodes, inputs), (inputs, examples), (nodes, 1), (nodes, examples)]
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


# %% [markdown]
# Predict the order of magnitude of both columns: how many digits do two float64 programs share that compute the same
# derivative, and how many are left when it comes from a difference of two losses?

# %% tags=["demo"]
rows = []
for expression in [one_layer, tied, gated]:
    runs = [[method(expression, example(seed)) for method in (by_engine, by_tape, by_differences)] for seed in range(5)]
    pairs = [[[*map(largest_difference, ours, other)] for other in others] for ours, *others in runs]  # (seeds, 2, 4)
    rows += [[expression.__name__, *row] for row in zip("WXBT", *np.max(pairs, axis=0).tolist(), strict=True)]
plots.table(["expression", "gradient of", "engine against tape", "engine against central differences"], rows)

# %% [markdown]
# Against the tape only the last digits differ: the two libraries add in another order. Differences lose a third of the
# digits, and must. Cutting off the Taylor series costs about $h^2$, rounding the two losses about
# $\varepsilon |L| / h$, with $\varepsilon \approx 10^{-16}$ in float64 and $6 \cdot 10^{-8}$ in float32. The sum is
# smallest near $h = \varepsilon^{1/3}$, and of the order $\varepsilon^{2/3}$ there. Look for the best step of each
# precision, and whether it reaches the dotted line at $10^{-6}$.

# %% tags=["demo"]
steps, errors, exact = 10.0 ** -np.arange(0.5, 10.1, 0.5), {}, by_engine(tied, example(0))[0]
for dtype in [np.float32, np.float64]:
    numeric = [by_differences(tied, example(0, dtype=dtype), dtype(step))[0] for step in steps]
    errors[dtype.__name__] = [largest_difference(dW, exact) for dW in numeric]
plots.line(steps, errors, xlabel="step $h$", ylabel="largest error of $\\partial W$", log="xy")
_ = plt.axhline(1e-6, color="black", linestyle=":")

# %% [markdown]
# In float32 no step comes near $10^{-6}$: a check there finds gross faults only. So check gradients in float64, with
# $h$ near $10^{-5}$, and train in what you like.
#
# ### What sharing saves
#
# "Computation along a directed graph can be **shared**." Without sharing the chain rule is a sum over paths: send each
# gradient on as soon as it arrives. The result is the same, the work is not. In a network of blocks
# $H \leftarrow H + \tanh(W H)$ two ways lead through each block.

# %%
def along_every_path(node, gradient):
    """The chain rule without sharing. Adds to every node's gradient; returns how often a node was visited."""
    node.gradient = node.gradient + gradient
    return 1 + sum(map(along_every_path, node.inputs, node.send_back(gradient)))


def blocks(depth, seed=0):
    """A network of `depth` blocks that share their weights: the sum of its outputs, and the weights."""
    rng = np.random.default_rng(seed)
    W, H = Node(rng.normal(size=(4, 4)) / 4), Node(rng.normal(size=(4, 6)))
    for _ in range(depth):
        H = H + tanh(W @ H)
    return total(H), W


# %% tags=["demo"]
depths, visits, path_difference = range(1, 13), {"shared": [], "every path": []}, 0.0
for depth in depths:
    (top, W), (again, same_W) = blocks(depth), blocks(depth)
    backward(top)
    visits["shared"].append(len(ordered(top)))
    visits["every path"].append(along_every_path(again, np.ones(())))
    path_difference = max(path_difference, largest_difference(W.gradient, same_W.gradient))
plots.line(depths, visits, xlabel="depth (blocks)", ylabel="nodes visited by the backward pass", log="y")

# %% tags=["demo"]
against_tape, against_differences = (max(row[i] for row in rows) for i in (2, 3))
claim(
    "backprop-graph",
    measured={"engine against tape, and against central differences": [against_tape, against_differences],
              "central differences in float32, best step": min(errors["float32"]),
              "shared against every path": path_difference,
              "visits at 12 blocks, shared and every path": [series[-1] for series in visits.values()]},
    holds=max(against_tape, against_differences, path_difference) < 1e-6,
    because="the chain rule alone, once for each node in topological order, gives the tape's gradients to rounding",
)

# %% [markdown]
# *How this could be wrong.* The engine and the tape could share a mistake; central differences cannot, and exercise 2
# shows that they do catch one. At the kink of a ReLU the judges may disagree: the engine and the tape take the slope
# 0, a difference that straddles the kink takes something between. In five seeds none did.
#
# *Often mistaken.* Back-propagation is not symbolic differentiation (no formula grows), and not an approximation.
# *Since then.* `tf.GradientTape` needs no sorting: it records operations as they run, so what was computed later stands
# later on the tape.
#
# ### Exercise 1 (4 points): one more operation
#
# Classification needs the logarithm of the softmax of each column: $y_k = x_k - \log \sum_j e^{x_j}$. Write it as an
# operation of the engine, in the form of `tanh`. Its value must survive logits of 1000: subtract the column's largest
# first, which cancels. For the rule, find $\partial y_k / \partial x_i$, multiply by the gradient $\partial y_k$ that
# arrives, and sum over $k$. What arrives need not be one-hot.

# %% nbgrader={"grade": false, "grade_id": "log_softmax", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_softmax(node: Node) -> Node:
    """Logarithm of the softmax over the classes; node.value and the result's value (classes, examples)."""
    ### BEGIN SOLUTION
    shifted = node.value - node.value.max(axis=0, keepdims=True)  # (classes, examples)
    value = shifted - np.log(np.exp(shifted).sum(axis=0, keepdims=True))
    return Node(value, (node,), lambda d: (d - np.exp(value) * d.sum(axis=0, keepdims=True),), "log_softmax")
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "log_softmax_value", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("log softmax: logits of 0, 2 and 1000", log_softmax(Node([[0, 0, 1000], [0, 2, 0]])).value,
      expected=[[-0.693147, -2.126928, 0], [-0.693147, -0.126928, -1000]])
### BEGIN HIDDEN TESTS
logits = check.rng().normal(size=(5, 7)) * [[1.0, 2.0, 3.0, 10.0, 100.0, 1000.0, 1e4]]
check("log softmax: random logits, small and large", log_softmax(Node(logits)).value)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "log_softmax_gradient", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
arriving = np.array([[1.0, 0.0, 2.0, 1.0], [0.0, 1.0, 0.0, -1.0]])
sent = log_softmax(Node(np.zeros((2, 4)))).send_back(arriving)[0]
check("log softmax sends back: columns of sum 1, 1, 2, 0", sent, expected=[[0.5, -0.5, 1, 1], [-0.5, 0.5, -1, -1]])
### BEGIN HIDDEN TESTS
logits, arriving = check.rng().normal(size=(2, 4, 6))
check("log softmax sends back: random", log_softmax(Node(logits)).send_back(arriving)[0])
### END HIDDEN TESTS

# %% [markdown]
# With it the engine can train classifiers. On the cross-entropy of a two-layer network it agrees with the tape:

# %% waits=["log_softmax"]
in_engine.log_softmax, in_tensorflow.log_softmax = log_softmax, lambda x: tf.nn.log_softmax(x, axis=0)


def cross_entropy(f, W, X, B, T):
    return f.total(T * f.log_softmax(W @ f.relu(X) + B))


compare("engine against tape", "WXBT", by_engine(cross_entropy, example(0)), by_tape(cross_entropy, example(0)))

# %% [markdown]
# ### Exercise 2 (4 points): two planted bugs
#
# The deck says of shared weights: "Backprop 'just works': simply add up all the gradients". A colleague did so for the
# tied network, without an engine. Two lines are wrong; the comparison says which gradients suffer.

# %%
def faulty_gradients(W, X, B, T):
    hidden = np.tanh(W @ X + B)  # (nodes, examples)
    d_outputs = -2 * (T - (hidden + W @ hidden + B))  # (nodes, examples)
    d_weights = d_outputs @ hidden.T  # (nodes, nodes)
    d_hidden = d_outputs
    d_hidden += W.T @ d_outputs  # (nodes, examples)
    d_before = d_hidden * (1 - hidden**2)  # (nodes, examples)
    d_weights = d_before @ X.T
    d_inputs = W.T @ d_before  # (inputs, examples)
    d_bias = (d_outputs + d_before).sum(axis=1, keepdims=True)  # (nodes, 1)
    return d_weights, d_inputs, d_bias


compare("faulty against central differences", "WXB", faulty_gradients(*example(0)), by_differences(tied, example(0)))

# %% [markdown]
# Find both lines, and write the function without the bugs. If the second one hides, print `d_outputs` before and after
# the line that you suspect.

# %% nbgrader={"grade": false, "grade_id": "mended_gradients", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mended_gradients(W, X, B, T) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of `tied` with respect to W (nodes, nodes), X (nodes, examples) and B (nodes, 1), in their shapes."""
    ### BEGIN SOLUTION
    hidden = np.tanh(W @ X + B)  # (nodes, examples)
    d_outputs = -2 * (T - (hidden + W @ hidden + B))
    d_before = (d_outputs + W.T @ d_outputs) * (1 - hidden**2)  # the sum is a new array: d_outputs stays as it is
    return d_outputs @ hidden.T + d_before @ X.T, W.T @ d_before, (d_outputs + d_before).sum(axis=1, keepdims=True)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "mended_gradients_weights", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("W, both uses added", mended_gradients(*example(1))[0], expected=by_differences(tied, example(1))[0])
### BEGIN HIDDEN TESTS
check("W, random", mended_gradients(*example(check.rng().integers(10**9), examples=3))[0])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "mended_gradients_bias", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("X", mended_gradients(*example(1))[1], expected=by_differences(tied, example(1))[1])
check("B, both uses added", mended_gradients(*example(1))[2], expected=by_differences(tied, example(1))[2])
### BEGIN HIDDEN TESTS
check("X and B, random", np.hstack(mended_gradients(*example(check.rng().integers(10**9), examples=3))[1:]))
### END HIDDEN TESTS

# %% [markdown]
# Both bugs are about sharing, and one line of the engine avoids both: `source.gradient = source.gradient + ...` adds,
# so nothing is overwritten, and makes a new array, so no gradient that others still need changes under them.

# %% waits=["mended_gradients"]
compare("mended against the engine", "WXB", mended_gradients(*example(0)), by_engine(tied, example(0)))

# %% [markdown] topic="backprop-one-layer"
# ## Back-propagation through one layer
#
# "X and Y are matrices of dimension: # nodes $\times$ # examples." The deck's layer, and the gradients it asks for, are
#
# $$H_0 = W \cdot X \qquad H_1 = H_0 + B \qquad Y = \mathrm{relu}(H_1) \qquad L = \sum |\bar y - y|^2$$
#
# $$\partial Y = -2(\bar y - y) \qquad \partial H_1 = \partial Y \odot [H_1 > 0] \qquad \partial H_0 = \partial H_1$$
#
# $$\partial B = \partial H_1 \cdot 1 \qquad \partial W = \partial H_0 \cdot X^\top \qquad
# \partial X = W^\top \cdot \partial H_0$$
#
# No engine is needed: each equation is a line. The products also count their multiply-adds, nearly all of the
# arithmetic; elementwise work is left out of the count.

# %%
count = SimpleNamespace(multiply_adds=0)


def product(left, right):
    """left @ right, counting its multiply-adds."""
    count.multiply_adds += left.shape[0] * left.shape[1] * right.shape[1]
    return left @ right


def layer_forward(W, X, B, targets):
    H1 = product(W, X) + B  # H0 = W X, then H1 = H0 + B: (outputs, examples)
    Y = np.maximum(H1, 0)  # (outputs, examples)
    return H1, Y, np.sum((targets - Y) ** 2)


def layer_backward(W, X, H1, Y, targets):
    dY = -2 * (targets - Y)  # (outputs, examples)
    dH1 = dH0 = dY * (H1 > 0)  # (outputs, examples)
    dB = dH1.sum(axis=1, keepdims=True)  # (outputs, 1): the product with a column of ones
    dW = product(dH0, X.T)  # (outputs, inputs)
    dX = product(W.T, dH0)  # (inputs, examples)
    return dW, dX, dB


# %% tags=["demo"]
equations_difference = 0.0
for W, X, B, T in (example(seed, nodes=7, inputs=5, examples=9) for seed in range(5)):
    ours, tape = layer_backward(W, X, *layer_forward(W, X, B, T)[:2], T), by_tape(one_layer, [W, X, B, T])
    equations_difference = max(equations_difference, *map(largest_difference, ours, tape))
compare("equations against tape, last of five seeds", "WXB", ours, tape)

# %% [markdown]
# ### What a gradient costs
#
# The other way to a gradient is one weight at a time: move it, run forward, see how the loss moves. It is the same
# gradient, to the digits that differences keep. We count and time both, in units of one forward pass, for square
# layers of growing width on one thread (the fastest of 31 runs: other work on the machine only adds). Up to 4,096
# weights all are moved; in the two widest layers 200 are, and the cost is multiplied. Predict the two curves.

# %%
def weight_by_weight(W, X, B, targets, how_many, step=1e-6):
    """Forward differences for the first `how_many` weights in the order of W.flat, each with a pass of its own."""
    loss = layer_forward(W, X, B, targets)[2]
    dW, moved = np.zeros(how_many), W.copy()
    for i in range(how_many):
        moved.flat[i] += step
        dW[i] = (layer_forward(moved, X, B, targets)[2] - loss) / step
        moved.flat[i] = W.flat[i]
    return dW


def cost(function, *arguments):
    """Seconds and multiply-adds of one call."""
    count.multiply_adds, start = 0, time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start, count.multiply_adds


compare("one at a time, tape", "W", [weight_by_weight(*example(0), 16)], [by_tape(one_layer, example(0))[0].ravel()])

# %% tags=["demo"]
widths, costs = [4, 8, 16, 32, 64, 128, 512], []  # costs of each width: (shared, one at a time) x (time, count)
with threadpool_limits(1):
    for width in widths:
        how_many = width**2 if width <= 64 else 200
        W, X, B, T = example(0, width, width, examples=128)
        H1, Y, _ = layer_forward(W, X, B, T)
        runs = [(cost(layer_forward, W, X, B, T), cost(layer_backward, W, X, H1, Y, T)) for _ in range(31)]
        forward_cost, shared_cost = np.min(runs, axis=0)
        single_cost = np.array(cost(weight_by_weight, W, X, B, T, how_many)) * W.size / how_many
        costs.append([shared_cost / forward_cost, single_cost / forward_cost])
(shared_time, single_time), (shared_count, single_count) = np.transpose(costs)  # each (widths,)
curves = {"one at a time, timed": single_time, "one at a time, counted": single_count,
          "shared, timed": shared_time, "shared, counted": shared_count}
plots.line(np.square(widths), curves, xlabel="weights", ylabel="cost of the gradient (forward passes)", log="xy")

# %% tags=["demo"]
claim(
    "backprop-one-layer",
    measured={"equations against tape, largest difference": equations_difference,
              "shared pass at 512 x 512, counted and timed (forward passes)": [shared_count[-1], shared_time[-1]],
              "one weight at a time at 64 x 64, counted and timed (forward passes)": [single_count[4], single_time[4]]},
    holds=equations_difference < 1e-6 and np.all(shared_count == 2) and 1 < shared_time[-1] < 4
    and np.all(single_count > np.square(widths)) and single_time[4] > 100 * shared_time[4],
    because="each product on the way forward has two of its size on the way back, however many weights there are; "
            "one weight at a time takes as many forward passes as there are weights",
)

# %% [markdown]
# *How this could be wrong.* The count leaves out elementwise work and the cost of calling NumPy, which dominate narrow
# layers: only in the widest is the timed ratio near the counted one. In one layer a weight moves one row only, so its
# pass could be made cheaper; in a deep network it moves everything above. Forward-mode differentiation is exact where
# differences are not, and needs as many passes.
#
# *Often mistaken.* The 2 is for a layer in the middle. Nobody needs $\partial X$ of the first layer, so $L$ equal
# layers cost $2 - 1/L$. And the pass is cheap because the loss is *one* number: the gradients of $m$ outputs take $m$
# passes. The price is memory: $X$ and $H_1$ must be kept until their layer's turn comes, which the next notebook
# measures.
#
# ### Exercise 3 (4 points): the same layer as Keras lays it out
#
# Keras puts examples in *rows*: $Y = \mathrm{relu}(X W + b)$ with $X$ of shape (examples, inputs), $W$ (inputs,
# outputs) and $b$ (outputs,). Its mean squared error is the mean over all elements,
#
# $$L = \frac{1}{N M} \sum_{n, m} (\bar y_{nm} - y_{nm})^2$$
#
# for $N$ examples and $M$ outputs. Derive the three gradients. Each has the shape of what it is the gradient of, and
# with three different sizes few products fit.

# %% nbgrader={"grade": false, "grade_id": "dense_gradients", "locked": false, "schema_version": 3, "solution": true, "task": false}
def dense_gradients(inputs, weights, bias, targets) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of the mean squared error between relu(inputs @ weights + bias) and targets (examples, outputs), with
    respect to inputs (examples, inputs), weights (inputs, outputs) and bias (outputs,), in this order."""
    ### BEGIN SOLUTION
    before = inputs @ weights + bias  # (examples, outputs)
    d_before = -2 * (targets - np.maximum(before, 0)) / targets.size * (before > 0)  # (examples, outputs)
    return d_before @ weights.T, inputs.T @ d_before, d_before.sum(axis=0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "dense_gradients_weights", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
given = [np.array(rows) for rows in ([[1, 2], [3, 4]], [[1, 0, -1], [0, 1, 1]], [0, 0, -2], [[4, 5, 0], [0, 4, 5]])]
check("weights: mean of 2 x 3 elements", dense_gradients(*given)[1], expected=[[2, -1, 0], [2, -2, 0]])
check("bias: summed over 2 examples", dense_gradients(*given)[2], expected=[0, -1, 0])
### BEGIN HIDDEN TESTS
arrays = [check.rng().normal(size=shape) for shape in [(6, 4), (4, 3), (3,), (6, 3)]]
check("weights and bias, random", np.vstack(dense_gradients(*arrays)[1:]))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "dense_gradients_inputs", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("inputs: third output is switched off", dense_gradients(*given)[0], expected=[[-1, -1], [1, 0]])
### BEGIN HIDDEN TESTS
arrays = [check.rng().normal(size=shape) for shape in [(6, 4), (4, 3), (3,), (6, 3)]]
check("inputs, random", dense_gradients(*arrays)[0])
### END HIDDEN TESTS

# %% [markdown]
# Now the Keras way, against yours. It is the deck's equations transposed: $\partial W = X^\top \cdot \partial H$ and
# $\partial X = \partial H \cdot W^\top$. The examples' place decides which product; the rule is the same.

# %% waits=["dense_gradients"]
inputs, targets = map(tf.Variable, np.random.default_rng(0).normal(size=(2, 6, 4)))  # each (6, 4)
dense = tf.keras.layers.Dense(4, activation="relu", dtype="float64")
with tf.GradientTape() as tape:
    loss = tf.keras.losses.MeanSquaredError(dtype="float64")(targets, dense(inputs))
of_keras = tape.gradient(loss, [inputs, *dense.trainable_variables])
ours = dense_gradients(*map(np.array, [inputs, *dense.trainable_variables, targets]))
compare("yours against Keras", ["inputs", "weights", "bias"], ours, of_keras)

# %% [markdown]
# ## What was measured

# %% tags=["demo"]
claim.table()

# %% [markdown]
# **Remember**
#
# - Each operation needs one rule: how it sends a gradient back. The rest is a loop in topological order that adds.
# - What was copied on the way up (a bias, a shared weight, a skip connection) is summed on the way back.
# - Check gradients by central differences, in float64, with a step near $10^{-5}$.
# - Forward one, backward two: a training step costs about three forward passes, for any number of weights.
#
# **At full scale** the same factor of three is how training is budgeted. One weight at a time, the last column says,
# would cost so many times more:
#
# | | parameters | steps | multiply-adds of training | factor |
# |---|---|---|---|---|
# | this laptop: 512 x 512 weights, 128 examples | $2.6 \cdot 10^5$ | 1 | $3 \times 3.4 \cdot 10^7$ | $9 \cdot 10^4$ |
# | one GPU: ResNet-50, 90 epochs | $2.6 \cdot 10^7$ | $4.5 \cdot 10^5$ | $1.3 \cdot 10^{18}$ | $9 \cdot 10^6$ |
# | the paper: GPT-3 (Brown et al., 2020) | $1.75 \cdot 10^{11}$ | $10^5$ | $1.6 \cdot 10^{23}$ | $6 \cdot 10^{10}$ |
#
# ResNet-50 takes 3 x 3.9 billion multiply-adds an image; GPT-3 took 3 for each parameter and each of $3 \cdot 10^{11}$
# tokens. To read on: Rumelhart, Hinton and Williams, *Learning representations by back-propagating errors* (1986);
# Baydin et al., *Automatic differentiation in machine learning: a survey* (2018).

# %%
dlcourse.submit()
