# %% exercise="puct" answer="move-by-move" points=3
def puct(Q, P, N, c):
    scores = np.zeros(np.shape(Q))
    for s in range(len(Q)):
        visits = 1
        for n in N[s]:
            visits += n
        for a in range(len(Q[s])):
            scores[s, a] = Q[s, a] + c * P[s, a] * np.sqrt(visits) / (1 + N[s, a])
    return scores

# %% exercise="puct" answer="all-positions-together" points=1
def puct(Q, P, N, c):
    return Q + c * P * np.sqrt(1 + N.sum()) / (1 + N)

# %% exercise="puct" answer="summed-over-positions" points=0
def puct(Q, P, N, c):
    return Q + c * P * np.sqrt(1 + N.sum(axis=0)) / (1 + N)

# %% exercise="puct" answer="without-the-first-visit" points=0
def puct(Q, P, N, c):
    return Q + c * P * np.sqrt(N.sum(axis=1, keepdims=True)) / (1 + N)

# %% exercise="puct" answer="ucb1" points=0
def puct(Q, P, N, c):
    total = 1 + N.sum(axis=1, keepdims=True)
    return Q + c * P * np.sqrt(np.log(total) / (1 + N))

# %% exercise="puct" answer="whole-fraction-under-the-root" points=0
def puct(Q, P, N, c):
    total = 1 + N.sum(axis=1, keepdims=True)
    return Q + c * P * np.sqrt(total / (1 + N))

# %% exercise="puct" answer="bonus-alone" points=0
def puct(Q, P, N, c):
    return c * P * np.sqrt(1 + N.sum(axis=1, keepdims=True)) / (1 + N)

# %% exercise="expand" answer="one-by-one" points=4
def expand(game, positions, evaluate):
    priors, values = evaluate(positions)
    priors, values = np.array(priors, float), np.array(values, float)
    for k in range(len(positions)):
        one = positions[[k]]
        if game.over(one)[0]:
            priors[k] = 0
            values[k] = -1 if game.lost(one)[0] else 0
        else:
            priors[k] *= game.legal(one)[0]
            priors[k] /= priors[k].sum()
    return priors, values

# %% exercise="expand" answer="as-planted" points=0
def expand(game, positions, evaluate):
    P, value = evaluate(positions)
    value = np.where(game.lost(positions), 1.0, np.where(game.over(positions), 0.0, value))
    return np.where(game.legal(positions), P, 0.0), value

# %% exercise="expand" answer="only-the-sign-mended" points=2
def expand(game, positions, evaluate):
    P, value = evaluate(positions)
    value = np.where(game.lost(positions), -1.0, np.where(game.over(positions), 0.0, value))
    return np.where(game.legal(positions), P, 0.0), value

# %% exercise="expand" answer="only-the-priors-mended" points=2
def expand(game, positions, evaluate):
    P, value = evaluate(positions)
    value = np.where(game.lost(positions), 1.0, np.where(game.over(positions), 0.0, value))
    P = np.where(game.legal(positions) & ~game.over(positions)[:, None], P, 0.0)
    return P / np.maximum(P.sum(axis=1, keepdims=True), 1e-12), value

# %% exercise="expand" answer="order-of-the-conditions-turned" points=2
def expand(game, positions, evaluate):
    P, value = evaluate(positions)
    value = np.where(game.over(positions), 0.0, np.where(game.lost(positions), -1.0, value))
    P = np.where(game.legal(positions) & ~game.over(positions)[:, None], P, 0.0)
    return P / np.maximum(P.sum(axis=1, keepdims=True), 1e-12), value

# %% exercise="expand" answer="full-boards-asked" points=2
def expand(game, positions, evaluate):
    P, value = evaluate(positions)
    value = np.where(game.lost(positions), -1.0, value)
    P = np.where(game.legal(positions) & ~game.over(positions)[:, None], P, 0.0)
    return P / np.maximum(P.sum(axis=1, keepdims=True), 1e-12), value

# %% exercise="expand" answer="equal-priors-for-the-legal" points=2
def expand(game, positions, evaluate):
    P, value = evaluate(positions)
    value = np.where(game.lost(positions), -1.0, np.where(game.over(positions), 0.0, value))
    legal = game.legal(positions) & ~game.over(positions)[:, None]
    return legal / np.maximum(legal.sum(axis=1, keepdims=True), 1), value

# %% exercise="expand" answer="softmax-over-the-legal" points=2
def expand(game, positions, evaluate):
    P, value = evaluate(positions)
    value = np.where(game.lost(positions), -1.0, np.where(game.over(positions), 0.0, value))
    e = np.where(game.legal(positions) & ~game.over(positions)[:, None], np.exp(P), 0.0)
    return e / np.maximum(e.sum(axis=1, keepdims=True), 1e-12), value

# %% exercise="backed_up" answer="walking-back" points=3
def backed_up(values, lengths, depth):
    added = np.zeros((len(values), depth))
    for tree, (value, length) in enumerate(zip(values, lengths)):
        for move in reversed(range(length)):
            value = -value
            added[tree, move] = value
    return added

# %% exercise="backed_up" answer="by-powers" points=3
def backed_up(values, lengths, depth):
    moves = np.arange(depth)
    signs = (-1.0) ** np.abs(lengths[:, None] - moves)
    return values[:, None] * signs * (moves < lengths[:, None])

# %% exercise="backed_up" answer="never-turned" points=0
def backed_up(values, lengths, depth):
    return np.where(np.arange(depth) < lengths[:, None], values[:, None], 0.0)

# %% exercise="backed_up" answer="last-move-shares-the-leafs-value" points=0
def backed_up(values, lengths, depth):
    signs = (-1.0) ** (lengths[:, None] - 1 - np.arange(depth))
    return np.where(np.arange(depth) < lengths[:, None], values[:, None] * signs, 0.0)

# %% exercise="backed_up" answer="counted-from-the-root" points=0
def backed_up(values, lengths, depth):
    signs = (-1.0) ** np.arange(depth)
    return np.where(np.arange(depth) < lengths[:, None], values[:, None] * signs, 0.0)

# %% exercise="backed_up" answer="all-paths-as-long-as-depth" points=1
def backed_up(values, lengths, depth):
    return values[:, None] * (-1.0) ** (depth - np.arange(depth))

# %% exercise="backed_up" answer="goes-on-beyond-the-end" points=1
def backed_up(values, lengths, depth):
    return values[:, None] * (-1.0) ** np.abs(lengths[:, None] - np.arange(depth))

# %% exercise="equal_simulations" answer="search-for-the-step" points=2
def equal_simulations(rungs, scores, against, score):
    heights = [0.0]
    for s in scores:
        heights.append(heights[-1] + 400 * np.log10(s / (1 - s)))
    wanted = heights[against] + 400 * np.log10(score / (1 - score))
    k = max([k for k in range(len(scores)) if heights[k] <= wanted + 1e-9], default=0)
    part = (wanted - heights[k]) / (heights[k + 1] - heights[k])
    return rungs[k] * (rungs[k + 1] / rungs[k]) ** part

# %% exercise="equal_simulations" answer="straight-in-simulations" points=1
def equal_simulations(rungs, scores, against, score):
    curve = np.concatenate([[0.0], np.cumsum(elo(scores))])
    return np.interp(curve[against] + elo(score), curve, rungs)

# %% exercise="equal_simulations" answer="against-the-first-rung-always" points=0
def equal_simulations(rungs, scores, against, score):
    curve = np.concatenate([[0.0], np.cumsum(elo(scores))])
    return 2 ** np.interp(elo(score), curve, np.log2(rungs))

# %% exercise="equal_simulations" answer="scores-added" points=0
def equal_simulations(rungs, scores, against, score):
    curve = np.concatenate([[0.5], 0.5 + np.cumsum(np.asarray(scores) - 0.5)])
    return 2 ** np.interp(curve[against] + score - 0.5, curve, np.log2(rungs))

# %% exercise="equal_simulations" answer="without-the-first-rung" points=0
def equal_simulations(rungs, scores, against, score):
    curve = np.cumsum(elo(scores))
    return 2 ** np.interp(curve[against] + elo(score), curve, np.log2(rungs[1:]))
