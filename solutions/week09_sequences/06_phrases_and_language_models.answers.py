# %% exercise="expected_counts" answer="word-by-word" points=4
def expected_counts(t, sources, targets):
    counts = np.zeros_like(t)
    for x, y in zip(sources, targets, strict=True):
        x, y = x[x != PADDING], y[y != PADDING]
        for word in y:
            total = t[x, word].sum()
            for other in x:
                counts[other, word] += t[other, word] / total
    return counts

# %% exercise="expected_counts" answer="normalized-over-the-target-words" points=0
def expected_counts(t, sources, targets):
    real = (sources != PADDING)[:, :, None] & (targets != PADDING)[:, None, :]
    x, y = np.broadcast_arrays(sources[:, :, None], targets[:, None, :])
    likely = np.where(real, t[x, y], 0)
    alignment = likely / np.where(real.any(axis=2, keepdims=True), likely.sum(axis=2, keepdims=True), 1)
    counts = np.zeros_like(t)
    np.add.at(counts, (x, y), alignment)
    return counts

# %% exercise="expected_counts" answer="repeated-indices-kept-once" points=2
def expected_counts(t, sources, targets):
    real = (sources != PADDING)[:, :, None] & (targets != PADDING)[:, None, :]
    x, y = np.broadcast_arrays(sources[:, :, None], targets[:, None, :])
    likely = np.where(real, t[x, y], 0)
    counts = np.zeros_like(t)
    counts[x, y] += likely / np.where(real.any(axis=1, keepdims=True), likely.sum(axis=1, keepdims=True), 1)
    return counts

# %% exercise="expected_counts" answer="padding-taken-for-words" points=2
def expected_counts(t, sources, targets):
    x, y = np.broadcast_arrays(sources[:, :, None], targets[:, None, :])
    likely = t[x, y]
    counts = np.zeros_like(t)
    np.add.at(counts, (x, y), likely / likely.sum(axis=1, keepdims=True))
    return counts

# %% exercise="expected_counts" answer="padding-forgotten-in-the-source" points=2
def expected_counts(t, sources, targets):
    x, y = np.broadcast_arrays(sources[:, :, None], targets[:, None, :])
    likely = t[x, y]
    alignment = likely / likely.sum(axis=1, keepdims=True)
    counts = np.zeros_like(t)
    np.add.at(counts, (x, y), np.where((targets != PADDING)[:, None, :], alignment, 0))
    return counts

# %% exercise="expected_counts" answer="hard-links-to-the-likeliest" points=0
def expected_counts(t, sources, targets):
    counts = np.zeros_like(t)
    for x, y in zip(sources, targets, strict=True):
        x, y = x[x != PADDING], y[y != PADDING]
        for word in y:
            counts[x[t[x, word].argmax()], word] += 1
    return counts

# %% exercise="expected_counts" answer="the-m-step-too" points=0
def expected_counts(t, sources, targets):
    real = (sources != PADDING)[:, :, None] & (targets != PADDING)[:, None, :]
    x, y = np.broadcast_arrays(sources[:, :, None], targets[:, None, :])
    likely = np.where(real, t[x, y], 0)
    alignment = likely / np.where(real.any(axis=1, keepdims=True), likely.sum(axis=1, keepdims=True), 1)
    counts = np.zeros_like(t)
    np.add.at(counts, (x, y), alignment)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-30)

# %% exercise="phrase_pairs" answer="link-by-link" points=4
def phrase_pairs(linked, longest):
    pairs = list(zip(*np.nonzero(linked)))
    return np.array([(i1, i2, j1, j2) for i1, i2 in spans(len(linked), longest)
                     for j1, j2 in spans(linked.shape[1], longest)
                     if all((i1 <= i < i2) == (j1 <= j < j2) for i, j in pairs)
                     and any(i1 <= i < i2 for i, j in pairs)])

# %% exercise="phrase_pairs" answer="target-side-forgotten" points=0
def phrase_pairs(linked, longest):
    return np.array([(i1, i2, j1, j2) for i1, i2 in spans(len(linked), longest)
                     for j1, j2 in spans(linked.shape[1], longest)
                     if linked[i1:i2, j1:j2].sum() == linked[i1:i2].sum() > 0])

# %% exercise="phrase_pairs" answer="empty-blocks-kept" points=2
def phrase_pairs(linked, longest):
    return np.array([(i1, i2, j1, j2) for i1, i2 in spans(len(linked), longest)
                     for j1, j2 in spans(linked.shape[1], longest)
                     if linked[i1:i2, j1:j2].sum() == linked[i1:i2].sum() == linked[:, j1:j2].sum()])

# %% exercise="phrase_pairs" answer="as-it-was" points=0
def phrase_pairs(linked, longest):
    total = np.pad(linked.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    sources, targets = spans(len(linked), longest), spans(linked.shape[1], longest)
    (i1, i2), (j1, j2) = sources.T[:, :, None], targets.T
    inside = total[i2, j2] - total[i1, j2] - total[i2, j1] + total[i1, j1]
    found = np.argwhere(inside == total[i2, -1] - total[i1, -1])
    return np.hstack([sources[found[:, 0]], targets[found[:, 1]]])

# %% exercise="phrase_pairs" answer="every-word-must-have-a-link" points=2
def phrase_pairs(linked, longest):
    return np.array([(i1, i2, j1, j2) for i1, i2 in spans(len(linked), longest)
                     for j1, j2 in spans(linked.shape[1], longest)
                     if linked[i1:i2, j1:j2].sum() == linked[i1:i2].sum() == linked[:, j1:j2].sum()
                     and linked[i1:i2].any(axis=1).all() and linked[:, j1:j2].any(axis=0).all()]).reshape(-1, 4)

# %% exercise="phrase_pairs" answer="some-link-is-enough" points=0
def phrase_pairs(linked, longest):
    return np.array([(i1, i2, j1, j2) for i1, i2 in spans(len(linked), longest)
                     for j1, j2 in spans(linked.shape[1], longest) if linked[i1:i2, j1:j2].any()])

# %% exercise="fused_step" answer="text-by-text" points=4
def fused_step(scores, logits, log_lm, beta, ended):
    results = []
    width, tokens = scores.shape[1], logits.shape[-1]
    for text in range(len(scores)):
        candidates = []
        for beam in range(width):
            if ended[text, beam]:
                candidates.append((scores[text, beam], beam, PADDING))
                continue
            log_p = logits[text, beam] - np.log(np.exp(logits[text, beam]).sum())
            candidates += [(scores[text, beam] + log_p[token] + beta * log_lm[text, beam, token], beam, token)
                           for token in range(tokens)]
        results.append(sorted(candidates, reverse=True)[:width])
    results = np.array(results)
    return results[:, :, 0], results[:, :, 1], results[:, :, 2]

# %% exercise="fused_step" answer="logits-taken-for-log-probabilities" points=0
def fused_step(scores, logits, log_lm, beta, ended):
    each = logits + beta * log_lm
    each[ended] = np.where(np.arange(each.shape[-1]) == PADDING, 0, -np.inf)
    total = (scores[:, :, None] + each).reshape(len(scores), -1)
    best = np.argsort(-total, axis=1)[:, :scores.shape[1]]
    return np.take_along_axis(total, best, axis=1), best // logits.shape[-1], best % logits.shape[-1]

# %% exercise="fused_step" answer="probabilities-mixed" points=0
def fused_step(scores, logits, log_lm, beta, ended):
    each = np.log(np.exp(log_softmax(logits, axis=-1)) + beta * np.exp(log_lm))
    each[ended] = np.where(np.arange(each.shape[-1]) == PADDING, 0, -np.inf)
    total = (scores[:, :, None] + each).reshape(len(scores), -1)
    best = np.argsort(-total, axis=1)[:, :scores.shape[1]]
    return np.take_along_axis(total, best, axis=1), best // logits.shape[-1], best % logits.shape[-1]

# %% exercise="fused_step" answer="ended-beams-go-on" points=2
def fused_step(scores, logits, log_lm, beta, ended):
    total = (scores[:, :, None] + log_softmax(logits, axis=-1) + beta * log_lm).reshape(len(scores), -1)
    best = np.argsort(-total, axis=1)[:, :scores.shape[1]]
    return np.take_along_axis(total, best, axis=1), best // logits.shape[-1], best % logits.shape[-1]

# %% exercise="fused_step" answer="ended-beams-pay-for-padding" points=2
def fused_step(scores, logits, log_lm, beta, ended):
    each = log_softmax(logits, axis=-1) + beta * log_lm
    each = np.where(ended[:, :, None] & (np.arange(each.shape[-1]) != PADDING), -np.inf, each)
    total = (scores[:, :, None] + each).reshape(len(scores), -1)
    best = np.argsort(-total, axis=1)[:, :scores.shape[1]]
    return np.take_along_axis(total, best, axis=1), best // logits.shape[-1], best % logits.shape[-1]

# %% exercise="fused_step" answer="each-beam-keeps-its-own-best" points=0
def fused_step(scores, logits, log_lm, beta, ended):
    each = log_softmax(logits, axis=-1) + beta * log_lm
    each[ended] = np.where(np.arange(each.shape[-1]) == PADDING, 0, -np.inf)
    tokens = each.argmax(axis=-1)
    total = scores + each.max(axis=-1)
    order = np.argsort(-total, axis=1)
    return np.take_along_axis(total, order, axis=1), order, np.take_along_axis(tokens, order, axis=1)

# %% exercise="fused_step" answer="forgot-the-scores-so-far" points=0
def fused_step(scores, logits, log_lm, beta, ended):
    each = log_softmax(logits, axis=-1) + beta * log_lm
    each[ended] = np.where(np.arange(each.shape[-1]) == PADDING, 0, -np.inf)
    total = each.reshape(len(scores), -1)
    best = np.argsort(-total, axis=1)[:, :scores.shape[1]]
    return np.take_along_axis(total, best, axis=1), best // logits.shape[-1], best % logits.shape[-1]
