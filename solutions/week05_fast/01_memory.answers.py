# %% exercise="cache_misses" answer="by-last-use" points=4
def cache_misses(addresses, sets, ways, line=64):
    last_use = [{} for _ in range(sets)]
    missed = []
    for now, address in enumerate(addresses):
        number = int(address) // line
        present = last_use[number % sets]
        missed.append(number not in present)
        if number not in present and len(present) == ways:
            del present[min(present, key=present.get)]
        present[number] = now
    return np.array(missed)

# %% exercise="cache_misses" answer="lists" points=4
def cache_misses(addresses, sets, ways, line=64):
    held = [[] for _ in range(sets)]
    missed = np.zeros(len(addresses))
    for access, address in enumerate(addresses):
        number = address // line
        lines = held[number % sets]
        if number in lines:
            lines.remove(number)
        else:
            missed[access] = 1
            if len(lines) == ways:
                del lines[0]
        lines.append(number)
    return missed

# %% exercise="cache_misses" answer="first-in-first-out" points=0
def cache_misses(addresses, sets, ways, line=64):
    held = [[] for _ in range(sets)]
    missed = np.zeros(len(addresses), dtype=bool)
    for access, address in enumerate(addresses):
        number = address // line
        lines = held[number % sets]
        if number not in lines:
            missed[access] = True
            lines.append(number)
            if len(lines) > ways:
                lines.pop(0)
    return missed

# %% exercise="cache_misses" answer="set-from-the-address" points=2
from collections import OrderedDict

def cache_misses(addresses, sets, ways, line=64):
    held = [OrderedDict() for _ in range(sets)]
    missed = np.zeros(len(addresses), dtype=bool)
    for access, address in enumerate(addresses.tolist()):
        number, lines = address // line, held[address % sets]
        missed[access] = number not in lines
        lines[number] = None
        lines.move_to_end(number)
        if len(lines) > ways:
            lines.popitem(last=False)
    return missed

# %% exercise="cache_misses" answer="sets-ignored" points=2
from collections import OrderedDict

def cache_misses(addresses, sets, ways, line=64):
    lines = OrderedDict()
    missed = np.zeros(len(addresses), dtype=bool)
    for access, number in enumerate((addresses // line).tolist()):
        missed[access] = number not in lines
        lines[number] = None
        lines.move_to_end(number)
        if len(lines) > sets * ways:
            lines.popitem(last=False)
    return missed

# %% exercise="cache_misses" answer="no-lines" points=0
from collections import OrderedDict

def cache_misses(addresses, sets, ways, line=64):
    held = [OrderedDict() for _ in range(sets)]
    missed = np.zeros(len(addresses), dtype=bool)
    for access, address in enumerate(addresses.tolist()):
        lines = held[address // line % sets]
        missed[access] = address not in lines
        lines[address] = None
        lines.move_to_end(address)
        if len(lines) > ways:
            lines.popitem(last=False)
    return missed

# %% exercise="cache_misses" answer="most-recently-used-goes" points=0
from collections import OrderedDict

def cache_misses(addresses, sets, ways, line=64):
    held = [OrderedDict() for _ in range(sets)]
    missed = np.zeros(len(addresses), dtype=bool)
    for access, number in enumerate((addresses // line).tolist()):
        lines = held[number % sets]
        missed[access] = number not in lines
        if missed[access] and len(lines) == ways:
            lines.popitem()
        lines[number] = None
        lines.move_to_end(number)
    return missed

# %% exercise="cache_misses" answer="lines-of-64-always" points=2
from collections import OrderedDict

def cache_misses(addresses, sets, ways, line=64):
    held = [OrderedDict() for _ in range(sets)]
    missed = np.zeros(len(addresses), dtype=bool)
    for access, number in enumerate((addresses // 64).tolist()):
        lines = held[number % sets]
        missed[access] = number not in lines
        lines[number] = None
        lines.move_to_end(number)
        if len(lines) > ways:
            lines.popitem(last=False)
    return missed

# %% exercise="dense_roof" answer="by-reciprocals" points=4
def dense_roof(batch, inputs, units, ridge):
    bytes_an_operation = 2 * (1 / batch + 1 / inputs + 1 / units)
    rest = 1 / (2 * ridge) - 1 / inputs - 1 / units
    smallest = 0 if rest <= 0 else 1 / rest
    return 1 / bytes_an_operation, -int(-smallest // 1)

# %% exercise="dense_roof" answer="multiply-adds-as-one" points=0
def dense_roof(batch, inputs, units, ridge):
    intensity = batch * inputs * units / (4 * (batch * inputs + inputs * units + batch * units))
    left = inputs * units - 4 * ridge * (inputs + units)
    return intensity, int(np.ceil(4 * ridge * inputs * units / left)) if left > 0 else 0

# %% exercise="dense_roof" answer="numbers-not-bytes" points=0
def dense_roof(batch, inputs, units, ridge):
    intensity = 2 * batch * inputs * units / (batch * inputs + inputs * units + batch * units)
    left = 2 * inputs * units - ridge * (inputs + units)
    return intensity, int(np.ceil(ridge * inputs * units / left)) if left > 0 else 0

# %% exercise="dense_roof" answer="weights-only" points=0
def dense_roof(batch, inputs, units, ridge):
    return batch / 2, int(np.ceil(2 * ridge))

# %% exercise="dense_roof" answer="batch-from-the-weights-only" points=2
def dense_roof(batch, inputs, units, ridge):
    intensity = 2 * batch * inputs * units / (4 * (batch * inputs + inputs * units + batch * units))
    return intensity, int(np.ceil(2 * ridge))

# %% exercise="dense_roof" answer="weights-read-for-each-example" points=0
def dense_roof(batch, inputs, units, ridge):
    intensity = 2 * batch * inputs * units / (4 * batch * (inputs + inputs * units + units))
    return intensity, 0 if intensity < ridge else 1

# %% exercise="dense_roof" answer="out-of-reach-not-seen" points=2
def dense_roof(batch, inputs, units, ridge):
    intensity = 2 * batch * inputs * units / (4 * (batch * inputs + inputs * units + batch * units))
    left = inputs * units - 2 * ridge * (inputs + units)
    return intensity, int(np.ceil(2 * ridge * inputs * units / left))

# %% exercise="dense_roof" answer="rounded-down" points=2
def dense_roof(batch, inputs, units, ridge):
    intensity = 2 * batch * inputs * units / (4 * (batch * inputs + inputs * units + batch * units))
    left = inputs * units - 2 * ridge * (inputs + units)
    return intensity, int(2 * ridge * inputs * units / left) if left > 0 else 0

# %% exercise="pass_times" answer="pass-by-pass" points=3
def pass_times(degree, peak, bandwidth):
    totals = []
    for passes in [[(1, 3), (0, 4)], [(1, 2), (1, 3)]]:
        totals.append(sum(max(gates * degree * 2 / peak, 4 * arrays / bandwidth) for gates, arrays in passes))
    return tuple(totals)

# %% exercise="pass_times" answer="as-it-was" points=0
def pass_times(degree, peak, bandwidth):
    gate = degree / peak
    stored = max(gate, 12 / bandwidth) + 12 / bandwidth
    recomputed = gate + 8 / bandwidth + gate + 12 / bandwidth
    return stored, recomputed

# %% exercise="pass_times" answer="only-the-reload-mended" points=0
def pass_times(degree, peak, bandwidth):
    gate = degree / peak
    stored = max(gate, 12 / bandwidth) + 16 / bandwidth
    recomputed = gate + 8 / bandwidth + gate + 12 / bandwidth
    return stored, recomputed

# %% exercise="pass_times" answer="no-overlap-still" points=1
def pass_times(degree, peak, bandwidth):
    gate = 2 * degree / peak
    stored = max(gate, 12 / bandwidth) + 16 / bandwidth
    recomputed = gate + 8 / bandwidth + gate + 12 / bandwidth
    return stored, recomputed

# %% exercise="pass_times" answer="one-maximum-over-both-passes" points=0
def pass_times(degree, peak, bandwidth):
    gate = 2 * degree / peak
    return max(gate, 28 / bandwidth), max(2 * gate, 20 / bandwidth)

# %% exercise="pass_times" answer="reload-forgotten" points=2
def pass_times(degree, peak, bandwidth):
    gate = 2 * degree / peak
    stored = max(gate, 12 / bandwidth) + 12 / bandwidth
    recomputed = max(gate, 8 / bandwidth) + max(gate, 12 / bandwidth)
    return stored, recomputed

# %% exercise="pass_times" answer="gate-computed-once" points=1
def pass_times(degree, peak, bandwidth):
    gate = 2 * degree / peak
    stored = max(gate, 12 / bandwidth) + 16 / bandwidth
    recomputed = max(gate, 8 / bandwidth) + 12 / bandwidth
    return stored, recomputed
