# %% exercise="streams" answer="by-indexing" points=4
def streams(text, batch, length):
    chunks = len(text) // (batch * length)
    k, t, b = np.ogrid[:chunks, :length, :batch]
    return text[b * chunks * length + k * length + t]

# %% exercise="streams" answer="rows-that-do-not-continue" points=0
def streams(text, batch, length):
    chunks = len(text) // (batch * length)
    return text[: chunks * batch * length].reshape(chunks, batch, length).transpose(0, 2, 1)

# %% exercise="streams" answer="batch-before-time" points=0
def streams(text, batch, length):
    chunks = len(text) // (batch * length)
    return text[: chunks * batch * length].reshape(batch, chunks, length).transpose(1, 0, 2)

# %% exercise="streams" answer="characters-dealt-like-cards" points=0
def streams(text, batch, length):
    chunks = len(text) // (batch * length)
    return text[: chunks * batch * length].reshape(chunks, length, batch)

# %% exercise="streams" answer="forgot-the-rest" points=2
def streams(text, batch, length):
    return text.reshape(batch, -1, length).transpose(1, 2, 0)

# %% exercise="streams" answer="rest-padded-with-zeros" points=2
def streams(text, batch, length):
    chunks = -(-len(text) // (batch * length))
    padded = np.pad(text, (0, chunks * batch * length - len(text)))
    return padded.reshape(batch, chunks, length).transpose(1, 2, 0)

# %% exercise="state_gradients" answer="by-jacobians" points=4
def state_gradients(last, states, U):
    gradients = np.zeros(states.shape)
    gradients[-1] = last
    for t in range(len(states) - 1, 0, -1):
        jacobian = np.diag(1 - states[t] ** 2) @ U.T  # dh_{t+1} / dh_t, rows are of the later state
        gradients[t - 1] = gradients[t] @ jacobian
    return gradients

# %% exercise="state_gradients" answer="forgot-the-slope" points=2
def state_gradients(last, states, U):
    gradients = [last]
    for _ in range(len(states) - 1):
        gradients.append(gradients[-1] @ U.T)
    return np.stack(gradients[::-1])

# %% exercise="state_gradients" answer="slope-of-the-earlier-state" points=2
def state_gradients(last, states, U):
    gradients = [last]
    for state in states[-2::-1]:
        gradients.append((gradients[-1] * (1 - state**2)) @ U.T)
    return np.stack(gradients[::-1])

# %% exercise="state_gradients" answer="tanh-of-the-state-again" points=2
def state_gradients(last, states, U):
    gradients = [last]
    for state in states[:0:-1]:
        gradients.append((gradients[-1] * (1 - np.tanh(state) ** 2)) @ U.T)
    return np.stack(gradients[::-1])

# %% exercise="state_gradients" answer="not-transposed" points=0
def state_gradients(last, states, U):
    gradients = [last]
    for state in states[:0:-1]:
        gradients.append((gradients[-1] * (1 - state**2)) @ U)
    return np.stack(gradients[::-1])

# %% exercise="state_gradients" answer="backwards-in-time" points=0
def state_gradients(last, states, U):
    gradients = [last]
    for state in states[:0:-1]:
        gradients.append((gradients[-1] * (1 - state**2)) @ U.T)
    return np.stack(gradients)

# %% exercise="truncated_gradients" answer="every-loss-on-its-own" points=4
def truncated_gradients(own, states, U, cut):
    total = own.copy()
    for begin in range(0, len(own), cut):
        end = min(begin + cut, len(own))
        for t in range(begin, end):
            back = own[t]
            for earlier in range(t, begin, -1):
                back = (back * (1 - states[earlier] ** 2)) @ U.T
                total[earlier - 1] += back
    return total


# %% exercise="truncated_gradients" answer="chain-mended-only" points=2
def truncated_gradients(own, states, U, cut):
    total = own.copy()
    for t in range(len(own) - 1, 0, -1):
        if t % cut != cut - 1:
            total[t - 1] = own[t - 1] + (total[t] * (1 - states[t] ** 2)) @ U.T
    return total


# %% exercise="truncated_gradients" answer="edges-mended-only" points=2
def truncated_gradients(own, states, U, cut):
    total = own.copy()
    for t in range(len(own) - 1, 0, -1):
        if t % cut != 0:
            total[t - 1] = own[t - 1] + (own[t] * (1 - states[t] ** 2)) @ U.T
    return total


# %% exercise="truncated_gradients" answer="no-cut-at-all" points=2
def truncated_gradients(own, states, U, cut):
    total = own.copy()
    for t in range(len(own) - 1, 0, -1):
        if True:
            total[t - 1] = own[t - 1] + (total[t] * (1 - states[t] ** 2)) @ U.T
    return total


# %% exercise="truncated_gradients" answer="slope-of-the-earlier-state" points=0
def truncated_gradients(own, states, U, cut):
    total = own.copy()
    for t in range(len(own) - 1, 0, -1):
        if t % cut != 0:
            total[t - 1] = own[t - 1] + (total[t] * (1 - states[t - 1] ** 2)) @ U.T
    return total


# %% exercise="truncated_gradients" answer="own-loss-forgotten" points=0
def truncated_gradients(own, states, U, cut):
    total = own.copy()
    for t in range(len(own) - 1, 0, -1):
        if t % cut != 0:
            total[t - 1] = (total[t] * (1 - states[t] ** 2)) @ U.T
    return total


# %% exercise="truncated_gradients" answer="loss-lost-at-the-edges" points=2
def truncated_gradients(own, states, U, cut):
    total = own.copy()
    for t in range(len(own) - 1, 0, -1):
        total[t - 1] = 0 if t % cut == 0 else own[t - 1] + (total[t] * (1 - states[t] ** 2)) @ U.T
    return total
