# %% exercise="match_rates" answer="row-by-row" points=4
def match_rates(found, targets):
    right = tokens = matched = 0
    for mine, wanted in zip(found, targets):
        length = list(wanted).index(END) + 1
        same = int((mine[:length] == wanted[:length]).sum())
        right, tokens, matched = right + same, tokens + length, matched + (same == length)
    return matched / len(targets), right / tokens

# %% exercise="match_rates" answer="as-planted" points=0
def match_rates(found, targets):
    hits = found == targets
    return hits.all(axis=1).mean(), hits.mean(axis=1).mean()

# %% exercise="match_rates" answer="end-left-out" points=0
def match_rates(found, targets):
    real = targets > END
    hits = found == targets
    return (hits | ~real).all(axis=1).mean(), hits[real].mean()

# %% exercise="match_rates" answer="mean-of-the-sentences-means" points=2
def match_rates(found, targets):
    real = targets != PADDING
    hits = (found == targets) & real
    return (hits | ~real).all(axis=1).mean(), (hits.sum(axis=1) / real.sum(axis=1)).mean()

# %% exercise="match_rates" answer="divided-by-all-places" points=2
def match_rates(found, targets):
    real = targets != PADDING
    hits = (found == targets) & real
    return (hits | ~real).all(axis=1).mean(), hits.mean()

# %% exercise="match_rates" answer="masked-by-what-was-found" points=0
def match_rates(found, targets):
    real = found != PADDING
    hits = found == targets
    return (hits | ~real).all(axis=1).mean(), hits[real].mean()

# %% exercise="best_continuations" answer="one-list-of-candidates" points=5
def best_continuations(log_p, totals, ended, penalty, width):
    candidates = []
    for parent in range(len(totals)):
        steps = [(0, 0.0)] if ended[parent] else list(enumerate(log_p[parent]))
        for token, step in steps:
            total = totals[parent] + step
            candidates.append((total / penalty[parent], parent, token, total))
    best = sorted(candidates, reverse=True)[:width]
    return tuple(np.array([candidate[part] for candidate in best]) for part in (1, 2, 3))

# %% exercise="best_continuations" answer="every-beginning-keeps-its-own-best" points=0
def best_continuations(log_p, totals, ended, penalty, width):
    steps = np.where(ended[:, None], np.where(np.arange(log_p.shape[1]) == PADDING, 0.0, -np.inf), log_p)
    candidates = totals + steps.max(axis=1)
    order = np.argsort(-candidates / penalty)[:width]
    return order, steps.argmax(axis=1)[order], candidates[order]

# %% exercise="best_continuations" answer="forgets-the-totals-so-far" points=0
def best_continuations(log_p, totals, ended, penalty, width):
    steps = np.where(ended[:, None], np.where(np.arange(log_p.shape[1]) == PADDING, 0.0, -np.inf), log_p)
    best = np.argsort(-(steps / penalty[:, None]), axis=None)[:width]
    parents, tokens = np.unravel_index(best, steps.shape)
    return parents, tokens, steps[parents, tokens]

# %% exercise="best_continuations" answer="adds-probabilities" points=0
def best_continuations(log_p, totals, ended, penalty, width):
    steps = np.where(ended[:, None], np.where(np.arange(log_p.shape[1]) == PADDING, 1.0, 0.0), np.exp(log_p))
    candidates = np.exp(totals)[:, None] + steps
    best = np.argsort(-(candidates / penalty[:, None]), axis=None)[:width]
    parents, tokens = np.unravel_index(best, candidates.shape)
    return parents, tokens, np.log(candidates[parents, tokens])

# %% exercise="best_continuations" answer="worst-first" points=0
def best_continuations(log_p, totals, ended, penalty, width):
    steps = np.where(ended[:, None], np.where(np.arange(log_p.shape[1]) == PADDING, 0.0, -1e9), log_p)
    candidates = totals[:, None] + steps
    best = np.argsort(candidates / penalty[:, None], axis=None)[-width:]
    parents, tokens = np.unravel_index(best, candidates.shape)
    return parents, tokens, candidates[parents, tokens]

# %% exercise="best_continuations" answer="ended-ones-go-on-with-any-token" points=3
def best_continuations(log_p, totals, ended, penalty, width):
    candidates = totals[:, None] + log_p
    best = np.argsort(-(candidates / penalty[:, None]), axis=None)[:width]
    parents, tokens = np.unravel_index(best, candidates.shape)
    return parents, tokens, candidates[parents, tokens]

# %% exercise="best_continuations" answer="padding-is-paid-for" points=3
def best_continuations(log_p, totals, ended, penalty, width):
    allowed = ~ended[:, None] | (np.arange(log_p.shape[1]) == PADDING)
    candidates = totals[:, None] + np.where(allowed, log_p, -np.inf)
    best = np.argsort(-(candidates / penalty[:, None]), axis=None)[:width]
    parents, tokens = np.unravel_index(best, candidates.shape)
    return parents, tokens, candidates[parents, tokens]

# %% exercise="best_continuations" answer="totals-returned-divided" points=3
def best_continuations(log_p, totals, ended, penalty, width):
    steps = np.where(ended[:, None], np.where(np.arange(log_p.shape[1]) == PADDING, 0.0, -np.inf), log_p)
    candidates = (totals[:, None] + steps) / penalty[:, None]
    best = np.argsort(-candidates, axis=None)[:width]
    parents, tokens = np.unravel_index(best, candidates.shape)
    return parents, tokens, candidates[parents, tokens]

# %% exercise="alpha_of_a_tie" answer="in-powers-of-six" points=3
def alpha_of_a_tie(short, short_length, long, long_length):
    difference = np.log((5 + long_length) / 6) - np.log((5 + short_length) / 6)
    return (np.log(-long) - np.log(-short)) / difference

# %% exercise="alpha_of_a_tie" answer="without-the-five" points=0
def alpha_of_a_tie(short, short_length, long, long_length):
    return np.log(long / short) / np.log(long_length / short_length)

# %% exercise="alpha_of_a_tie" answer="without-logarithms" points=0
def alpha_of_a_tie(short, short_length, long, long_length):
    return (long / short) / ((5 + long_length) / (5 + short_length))

# %% exercise="alpha_of_a_tie" answer="sign-turned" points=0
def alpha_of_a_tie(short, short_length, long, long_length):
    return np.log(short / long) / np.log((5 + long_length) / (5 + short_length))

# %% exercise="alpha_of_a_tie" answer="kept-between-0-and-1" points=1
def alpha_of_a_tie(short, short_length, long, long_length):
    alpha = np.log(long / short) / np.log((5 + long_length) / (5 + short_length))
    return min(max(alpha, 0.0), 1.0)
