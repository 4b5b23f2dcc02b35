"""The course's pictures: one look, labelled axes, readable in grey and by colour-blind readers.

Every function draws on `ax` when given, else on a new figure, and returns None; annotate through `plt.gca()`.
"""

import html
import numbers
from importlib.resources import files

import numpy as np

# Okabe and Ito's palette, ordered so that neighbours differ in grey too; dashes and markers differ as well.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
DASHES = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2))]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]


def use_style() -> None:
    """Make matplotlib draw everything in the course's style."""
    import matplotlib.pyplot as plt

    plt.style.use(files("dlcourse").joinpath("course.mplstyle"))


def axes_or_new(ax, size=None):
    import matplotlib.pyplot as plt

    if ax is not None:
        plt.sca(ax)
        return ax
    return plt.subplots(figsize=size)[1]


def finish(ax, xlabel, ylabel, title=None, log="") -> None:
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    if title:
        ax.set_title(title)
    if "x" in log:
        ax.set_xscale("log")
        label_short_range(ax.xaxis, *ax.get_xlim())
    if "y" in log:
        ax.set_yscale("log")
        label_short_range(ax.yaxis, *ax.get_ylim())


def label_short_range(axis, low: float, high: float) -> None:
    """Label 1, 2, 5, 10 ... on a logarithmic axis of less than two decades, where powers of ten alone are too few."""
    from matplotlib.ticker import LogLocator, NullFormatter

    if 0 < low < high < 100 * low:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(NullFormatter())


def named(values) -> dict:
    """{"": values} unless it is a dict already."""
    return values if isinstance(values, dict) else {"": values}


def line(x, y, *, xlabel, ylabel, title=None, log="", ax=None) -> None:
    """Lines over x.

    Args:
        x: (points,).
        y: (points,), or (seeds, points) drawn as mean and range, or a dict of name to either.
        log: the axes on a logarithmic scale: "", "x", "y" or "xy".
    """
    ax = axes_or_new(ax)
    x = np.asarray(x)
    for index, (name, values) in enumerate(named(y).items()):
        values = np.asarray(values, dtype=float)
        if values.shape[-1:] != x.shape or values.ndim > 2:
            raise ValueError(f"y{f'[{name!r}]' if name else ''} has shape {values.shape}; x has {len(x)} points")
        look = {
            "color": COLOURS[index % len(COLOURS)],
            "linestyle": DASHES[index % len(DASHES)],
            "marker": MARKERS[index % len(MARKERS)] if len(x) <= 30 else None,
            "label": name or None,
        }
        if values.ndim == 2:
            ax.fill_between(x, values.min(axis=0), values.max(axis=0), color=look["color"], alpha=0.15, linewidth=0)
            values = values.mean(axis=0)
        ax.plot(x, values, **look)
    finish(ax, xlabel, ylabel, title, log)
    if isinstance(y, dict):
        ax.legend()


def scatter(points: dict, *, xlabel, ylabel, title=None, log="", ax=None) -> None:
    """Points of each name: {name: (x, y)}."""
    ax = axes_or_new(ax)
    for index, (name, (x, y)) in enumerate(points.items()):
        ax.scatter(x, y, color=COLOURS[index % len(COLOURS)], marker=MARKERS[index % len(MARKERS)], label=name)
    finish(ax, xlabel, ylabel, title, log)
    if len(points) > 1:
        ax.legend()


def bars(values: dict, *, ylabel, xlabel=None, title=None, log="", ax=None) -> None:
    """A bar for each name: {name: number}, or {name: values over seeds} drawn as mean and range."""
    ax = axes_or_new(ax)
    series = [np.atleast_1d(np.asarray(value, dtype=float)) for value in values.values()]
    means = [value.mean() for value in series]
    spread = [
        [mean - value.min() for mean, value in zip(means, series, strict=True)],
        [value.max() - mean for mean, value in zip(means, series, strict=True)],
    ]
    places = np.arange(len(series))
    ax.bar(
        places,
        means,
        width=0.6,
        color=COLOURS[0],
        yerr=spread if any(len(s) > 1 for s in series) else None,
        error_kw={"capsize": 4},
    )
    ax.set_xticks(
        places,
        list(values),
        rotation=30 if max(map(len, map(str, values))) * len(values) > 60 else 0,
        ha="right" if max(map(len, map(str, values))) * len(values) > 60 else "center",
    )
    finish(ax, xlabel or "", ylabel, title, log)
    ax.grid(axis="x", visible=False)


def heat(values, *, rows, columns, label, title=None, ax=None) -> None:
    """A table as colours with its numbers written in: values (rows, columns), rows and columns as (label, ticks)."""
    values = np.asarray(values, dtype=float)
    (row_label, row_ticks), (column_label, column_ticks) = rows, columns
    if values.shape != (len(row_ticks), len(column_ticks)):
        raise ValueError(f"values have shape {values.shape}; the ticks say {(len(row_ticks), len(column_ticks))}")
    ax = axes_or_new(ax, (1.8 + 0.75 * values.shape[1], 1.2 + 0.5 * values.shape[0]))
    finite = np.where(np.isfinite(values), values, np.nan)
    image = ax.imshow(finite, cmap="cividis", aspect="auto")
    middle = (np.nanmin(finite) + np.nanmax(finite)) / 2
    for (row, column), value in np.ndenumerate(values):
        ax.text(
            column,
            row,
            cell(float(f"{value:.3g}")) if np.isfinite(value) else "never",
            ha="center",
            va="center",
            color="black" if not np.isfinite(value) or value > middle else "white",
        )
    ax.set_xticks(range(len(column_ticks)), column_ticks)
    ax.set_yticks(range(len(row_ticks)), row_ticks)
    finish(ax, column_label, row_label, title)
    ax.grid(visible=False)
    ax.figure.colorbar(image, ax=ax, label=label)


def images(pictures, titles=None, columns=8) -> None:
    """Small pictures in rows: (n, height, width) in grey or (n, height, width, 3), values in [0, 1]."""
    import matplotlib.pyplot as plt

    pictures = np.asarray(pictures)
    columns = min(columns, len(pictures))
    count = -(-len(pictures) // columns)
    _, axes = plt.subplots(
        count, columns, figsize=(1.1 * columns, (1.35 if titles is not None else 1.1) * count), squeeze=False
    )
    for ax in axes.flat:
        ax.axis("off")
    for index, picture in enumerate(pictures):
        axes.flat[index].imshow(np.clip(picture, 0, 1), cmap="gray", vmin=0, vmax=1)
        if titles is not None:
            axes.flat[index].set_title(str(titles[index]), fontsize=8)


def panels(count: int, columns: int = 2) -> list:
    """Axes for `count` pictures side by side, `columns` in a row."""
    import matplotlib.pyplot as plt

    columns = min(columns, count)
    rows = -(-count // columns)
    _, axes = plt.subplots(rows, columns, figsize=(4.6 * columns, 3.4 * rows), squeeze=False)
    for ax in axes.flat[count:]:
        ax.remove()
    return list(axes.flat[:count])


def table(header: list[str], rows: list[list]) -> None:
    """Show a table; numbers are rounded to four significant digits and stand to the right."""
    from IPython.display import publish_display_data

    if any(len(row) != len(header) for row in rows):
        raise ValueError(f"the header has {len(header)} columns, the rows have {sorted({len(row) for row in rows})}")
    texts = [[cell(value) for value in row] for row in rows]
    right = [all(isinstance(row[column], numbers.Number) for row in rows) for column in range(len(header))]
    style = ["text-align:right" if is_number else "text-align:left" for is_number in right]
    markup = "".join(
        "<tr>"
        + "".join(f"<{tag} style='{style[i]}'>{html.escape(text)}</{tag}>" for i, text in enumerate(row))
        + "</tr>"
        for tag, row in [("th", [str(name) for name in header]), *(("td", row) for row in texts)]
    )
    widths = [max(map(len, column)) for column in zip(header, *texts, strict=True)]
    lines = [
        "  ".join(
            text.rjust(width) if is_number else text.ljust(width)
            for text, width, is_number in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in [list(map(str, header)), *texts]
    ]
    publish_display_data({"text/html": f"<table>{markup}</table>", "text/plain": "\n".join(lines)})


def cell(value) -> str:
    """A value as a table shows it."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, numbers.Integral):
        return f"{int(value):,}"
    if isinstance(value, numbers.Real):
        number = float(value)
        if np.isfinite(number) and number == int(number) and abs(number) < 1e15:
            return f"{int(number):,}"
        return (
            f"{number:,.4g}"
            if 1e-3 <= abs(number) < 1e4
            else f"{number:.3g}"
            if abs(number) < 1e-3
            else f"{number:,.0f}"
        )
    if isinstance(value, list | tuple):
        return ", ".join(cell(element) for element in value)
    return str(value)
