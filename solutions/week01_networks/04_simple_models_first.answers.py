# %% exercise="prepare" answer="with-StandardScaler-and-corrcoef" points=4
def prepare(rows, labels, train, keep):
    seen, known = rows[train], labels[train]
    correlation = np.array([abs(np.corrcoef(column, known)[0, 1]) for column in seen.T])
    chosen = sorted(np.argsort(-correlation)[:keep])
    return StandardScaler().fit(seen[:, chosen]).transform(rows[:, chosen])

# %% exercise="prepare" answer="mended-the-choice-not-the-scale" points=1
def prepare(rows, labels, train, keep):
    seen, known = rows[train], labels[train]
    centred = seen - seen.mean(axis=0)
    correlation = np.abs(centred.T @ (known - known.mean())) / np.linalg.norm(centred, axis=0)
    kept = rows[:, np.sort(np.argsort(correlation)[-keep:])]
    return (kept - kept.mean(axis=0)) / kept.std(axis=0)

# %% exercise="prepare" answer="test-rows-by-their-own-mean" points=2
def prepare(rows, labels, train, keep):
    seen, known = rows[train], labels[train]
    centred = seen - seen.mean(axis=0)
    correlation = np.abs(centred.T @ (known - known.mean())) / np.linalg.norm(centred, axis=0)
    kept = rows[:, np.sort(np.argsort(correlation)[-keep:])]
    prepared = np.zeros(kept.shape)
    for part in (train, ~train):
        prepared[part] = (kept[part] - kept[part].mean(axis=0)) / (kept[part].std(axis=0) + 1e-12)
    return prepared

# %% exercise="prepare" answer="mended-the-scale-not-the-choice" points=0
def prepare(rows, labels, train, keep):
    centred = rows - rows.mean(axis=0)
    correlation = np.abs(centred.T @ (labels - labels.mean())) / np.linalg.norm(centred, axis=0)
    kept = rows[:, np.sort(np.argsort(correlation)[-keep:])]
    return (kept - kept[train].mean(axis=0)) / kept[train].std(axis=0)

# %% exercise="prepare" answer="sign-of-the-correlation-counts" points=0
def prepare(rows, labels, train, keep):
    seen, known = rows[train], labels[train]
    centred = seen - seen.mean(axis=0)
    correlation = centred.T @ (known - known.mean()) / np.linalg.norm(centred, axis=0)
    chosen = np.sort(np.argsort(correlation)[-keep:])
    return (rows[:, chosen] - seen[:, chosen].mean(axis=0)) / seen[:, chosen].std(axis=0)

# %% exercise="boost" answer="tensors-and-a-list-of-trees" points=4
def boost(rows, labels, new_rows, rounds, rate, depth):
    trees, probabilities = [], []

    def score(some_rows):
        return sum((rate * tree.predict(some_rows) for tree in trees), np.zeros(len(some_rows)))

    for _ in range(rounds):
        residuals = labels - tf.sigmoid(score(rows)).numpy()
        trees.append(DecisionTreeRegressor(max_depth=depth, random_state=0).fit(rows, residuals))
        probabilities.append(tf.sigmoid(score(new_rows)))
    return tf.stack(probabilities)

# %% exercise="boost" answer="residuals-never-renewed" points=2
def boost(rows, labels, new_rows, rounds, rate, depth):
    scores, new_scores, probabilities = np.zeros(len(rows)), np.zeros(len(new_rows)), []
    for _ in range(rounds):
        tree = DecisionTreeRegressor(max_depth=depth, random_state=0).fit(rows, labels - 1 / (1 + np.exp(-scores)))
        new_scores = new_scores + rate * tree.predict(new_rows)
        probabilities.append(1 / (1 + np.exp(-new_scores)))
    return np.stack(probabilities)

# %% exercise="boost" answer="residuals-to-scores-not-probabilities" points=0
def boost(rows, labels, new_rows, rounds, rate, depth):
    scores, new_scores, probabilities = np.zeros(len(rows)), np.zeros(len(new_rows)), []
    for _ in range(rounds):
        tree = DecisionTreeRegressor(max_depth=depth, random_state=0).fit(rows, labels - scores)
        scores = scores + rate * tree.predict(rows)
        new_scores = new_scores + rate * tree.predict(new_rows)
        probabilities.append(1 / (1 + np.exp(-new_scores)))
    return np.stack(probabilities)

# %% exercise="boost" answer="the-gradient-not-its-negative" points=0
def boost(rows, labels, new_rows, rounds, rate, depth):
    scores, new_scores, probabilities = np.zeros(len(rows)), np.zeros(len(new_rows)), []
    for _ in range(rounds):
        tree = DecisionTreeRegressor(max_depth=depth, random_state=0).fit(rows, 1 / (1 + np.exp(-scores)) - labels)
        scores = scores + rate * tree.predict(rows)
        new_scores = new_scores + rate * tree.predict(new_rows)
        probabilities.append(1 / (1 + np.exp(-new_scores)))
    return np.stack(probabilities)

# %% exercise="boost" answer="rate-forgotten-for-the-training-rows" points=2
def boost(rows, labels, new_rows, rounds, rate, depth):
    scores, new_scores, probabilities = np.zeros(len(rows)), np.zeros(len(new_rows)), []
    for _ in range(rounds):
        tree = DecisionTreeRegressor(max_depth=depth, random_state=0).fit(rows, labels - 1 / (1 + np.exp(-scores)))
        scores = scores + tree.predict(rows)
        new_scores = new_scores + rate * tree.predict(new_rows)
        probabilities.append(1 / (1 + np.exp(-new_scores)))
    return np.stack(probabilities)

# %% exercise="paired_interval" answer="by-scipys-test" points=3
def paired_interval(first, second):
    from scipy.stats import ttest_rel

    low, high = ttest_rel(first, second).confidence_interval(0.95)
    return (low + high) / 2, (high - low) / 2

# %% exercise="paired_interval" answer="unpaired" points=1
def paired_interval(first, second):
    count = len(first)
    width = t.ppf(0.975, count - 1) * np.sqrt((first.var(ddof=1) + second.var(ddof=1)) / count)
    return first.mean() - second.mean(), width

# %% exercise="paired_interval" answer="normal-for-t" points=1
def paired_interval(first, second):
    differences = first - second
    return differences.mean(), norm.ppf(0.975) * differences.std(ddof=1) / np.sqrt(len(differences))

# %% exercise="paired_interval" answer="deviation-divided-by-n" points=1
def paired_interval(first, second):
    differences = first - second
    return differences.mean(), t.ppf(0.975, len(differences) - 1) * differences.std() / np.sqrt(len(differences))

# %% exercise="paired_interval" answer="second-minus-first" points=2
def paired_interval(first, second):
    differences = second - first
    return differences.mean(), t.ppf(0.975, len(differences) - 1) * differences.std(ddof=1) / np.sqrt(len(differences))
