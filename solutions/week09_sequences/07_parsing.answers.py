# %% exercise="constituents" answer="open-phrases-by-depth" points=4
def constituents(tokens):
    words_before = np.cumsum([0] + [not (token == ")" or token[0] == "(") for token in tokens])
    result, open_at = [], {}
    depth = 0
    for i, token in enumerate(tokens):
        if depth == 0 and (i > 0 or token[0] != "("):
            return []
        if token[0] == "(":
            depth += 1
            open_at[depth] = i
        elif token == ")":
            first = open_at[depth]
            if words_before[first] == words_before[i]:
                return []
            result.append((tokens[first][1:], int(words_before[first]), int(words_before[i])))
            depth -= 1
    return sorted(result) if depth == 0 else []

# %% exercise="constituents" answer="every-token-takes-a-place" points=0
def constituents(tokens):
    stack, found = [], []
    for place, token in enumerate(tokens):
        if place > 0 and not stack:
            return []
        if token.startswith("("):
            stack.append((token[1:], place))
        elif token == ")":
            if not stack:
                return []
            label, start = stack.pop()
            found.append((label, start, place))
    return sorted(found) if not stack else []

# %% exercise="constituents" answer="first-opened-first-closed" points=0
def constituents(tokens):
    queue, found, place = [], [], 0
    for index, token in enumerate(tokens):
        if index > 0 and not queue:
            return []
        if token.startswith("("):
            queue.append((token[1:], place))
        elif token == ")":
            if not queue:
                return []
            label, start = queue.pop(0)
            if start == place:
                return []
            found.append((label, start, place))
        else:
            place += 1
    return sorted(found) if found and not queue else []

# %% exercise="constituents" answer="trusts-its-input" points=2
def constituents(tokens):
    stack, found, place = [], [], 0
    for token in tokens:
        if token.startswith("("):
            stack.append((token[1:], place))
        elif token == ")":
            found.append((*stack.pop(), place))
        else:
            place += 1
    return sorted(found)

# %% exercise="constituents" answer="counts-brackets-only" points=2
def constituents(tokens):
    if sum(token.startswith("(") for token in tokens) != tokens.count(")"):
        return []
    stack, found, place = [], [], 0
    for token in tokens:
        if token.startswith("("):
            stack.append((token[1:], place))
        elif token == ")":
            if not stack:
                return []
            found.append((*stack.pop(), place))
        else:
            place += 1
    return sorted(found)

# %% exercise="constituents" answer="end-is-the-last-word" points=0
def constituents(tokens):
    stack, found, place = [], [], 0
    for index, token in enumerate(tokens):
        if index > 0 and not stack:
            return []
        if token.startswith("("):
            stack.append((token[1:], place))
        elif token == ")":
            if not stack:
                return []
            label, start = stack.pop()
            if start == place:
                return []
            found.append((label, start, place - 1))
        else:
            place += 1
    return sorted(found) if found and not stack else []

# %% exercise="bracket_scores" answer="crosses-off-a-list" points=4
def bracket_scores(found, wanted):
    shared = total_found = total_wanted = 0
    for mine, right in zip(found, wanted):
        left = list(right)
        total_wanted += len(left)
        for one in mine if mine is not None else []:
            total_found += 1
            if one in left:
                left.remove(one)
                shared += 1
    if shared == 0:
        return np.zeros(3)
    precision, recall = shared / total_found, shared / total_wanted
    return np.array([precision, recall, 2 * precision * recall / (precision + recall)])

# %% exercise="bracket_scores" answer="the-colleague's" points=0
def bracket_scores(found, wanted):
    scores = []
    for mine, right in zip(found, wanted):
        if mine is None:
            continue
        matches = len(set(mine) & set(right))
        precision, recall = matches / len(mine), matches / len(right)
        scores.append([precision, recall, 2 * matches / (len(mine) + len(right))])
    return np.mean(scores, axis=0) if scores else np.zeros(3)

# %% exercise="bracket_scores" answer="mean-of-the-sentences" points=0
def bracket_scores(found, wanted):
    scores = []
    for mine, right in zip(found, wanted):
        mine, right = Counter(mine or []), Counter(right)
        matches = (mine & right).total()
        scores.append([matches / max(mine.total(), 1), matches / right.total(), 2 * matches / (mine.total() + right.total())])
    return np.mean(scores, axis=0)

# %% exercise="bracket_scores" answer="skips-the-malformed" points=2
def bracket_scores(found, wanted):
    shared = total_found = total_wanted = 0
    for mine, right in zip(found, wanted):
        if mine is None:
            continue
        shared += (Counter(mine) & Counter(right)).total()
        total_found += len(mine)
        total_wanted += len(right)
    return np.array([shared / max(total_found, 1), shared / max(total_wanted, 1), 2 * shared / max(total_found + total_wanted, 1)])

# %% exercise="bracket_scores" answer="sets" points=2
def bracket_scores(found, wanted):
    mine = {(i, one) for i, some in enumerate(found) for one in some or []}
    right = {(i, one) for i, some in enumerate(wanted) for one in some}
    shared = len(mine & right)
    return np.array([shared / max(len(mine), 1), shared / len(right), 2 * shared / (len(mine) + len(right))])

# %% exercise="bracket_scores" answer="precision-for-recall" points=0
def bracket_scores(found, wanted):
    shared = sum((Counter(mine or []) & Counter(right)).total() for mine, right in zip(found, wanted))
    total_found, total_wanted = sum(len(mine or []) for mine in found), sum(map(len, wanted))
    return np.array([shared / total_wanted, shared / max(total_found, 1), 2 * shared / (total_found + total_wanted)])

# %% exercise="legal_next" answer="with-a-stack" points=3
def legal_next(tokens, words):
    stack, written = [], 0
    for token in tokens:
        if token[0] == "(":
            stack.append(written)
        elif token == ")":
            stack.pop()
        else:
            written += 1
    if not tokens:
        return [True, False, False, False]
    if not stack:
        return [False, False, False, True]
    more = written < words
    close = stack[-1] < written and (len(stack) > 1 or not more)
    return [more, more, close, False]

# %% exercise="legal_next" answer="closes-the-empty" points=1
def legal_next(tokens, words):
    depth = sum(token.startswith("(") for token in tokens) - tokens.count(")")
    written = sum(token != ")" and not token.startswith("(") for token in tokens)
    if depth == 0:
        return np.array([not tokens, False, False, bool(tokens)])
    room = written < words
    return np.array([room, room, depth > 1 or not room, False])

# %% exercise="legal_next" answer="the-last-bracket-does-not-wait" points=1
def legal_next(tokens, words):
    depth = sum(token.startswith("(") for token in tokens) - tokens.count(")")
    written = sum(token != ")" and not token.startswith("(") for token in tokens)
    if depth == 0:
        return np.array([not tokens, False, False, bool(tokens)])
    room = written < words
    return np.array([room, room, not tokens[-1].startswith("("), False])

# %% exercise="legal_next" answer="opens-without-words-to-come" points=0
def legal_next(tokens, words):
    depth = sum(token.startswith("(") for token in tokens) - tokens.count(")")
    written = sum(token != ")" and not token.startswith("(") for token in tokens)
    if depth == 0:
        return np.array([not tokens, False, False, bool(tokens)])
    room, empty = written < words, tokens[-1].startswith("(")
    return np.array([True, room, not empty and (depth > 1 or not room), False])

# %% exercise="legal_next" answer="ends-when-the-words-are-written" points=0
def legal_next(tokens, words):
    depth = sum(token.startswith("(") for token in tokens) - tokens.count(")")
    written = sum(token != ")" and not token.startswith("(") for token in tokens)
    if not tokens:
        return np.array([True, False, False, False])
    room, empty = written < words, tokens[-1].startswith("(")
    return np.array([room, room, not empty and (depth > 1 or not room) and depth > 0, not room])

# %% exercise="legal_next" answer="a-word-may-begin" points=2
def legal_next(tokens, words):
    depth = sum(token.startswith("(") for token in tokens) - tokens.count(")")
    written = sum(token != ")" and not token.startswith("(") for token in tokens)
    if tokens and depth == 0:
        return np.array([False, False, False, True])
    room = written < words
    close = bool(tokens) and not tokens[-1].startswith("(") and (depth > 1 or not room)
    return np.array([room, room, close, False])
