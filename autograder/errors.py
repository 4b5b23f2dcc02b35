"""Mistakes of a user, told in one line."""


class CourseError(Exception):
    """Something given to `course` is wrong; the message names it, says what was expected and what to do."""
