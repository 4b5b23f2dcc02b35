"""What the notebooks of the course share. Importing it does not import TensorFlow: `setup` does."""

from dlcourse import data, plots, stats
from dlcourse.checking import check
from dlcourse.claims import claim
from dlcourse.environment import seeds, setup
from dlcourse.submission import submit

__all__ = ["check", "claim", "data", "plots", "seeds", "setup", "stats", "submit"]
