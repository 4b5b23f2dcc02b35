"""Mistakes of a user, told in one line."""


class CourseError(Exception):
    """Something given to `course` is wrong; the message names it, says what was expected and what to do."""


class Rejected(CourseError):
    """A submission that is not graded at all; the message is the reason, as the student reads it."""
