"""What several test modules use."""

import pytest

from autograder.course import Course


@pytest.fixture(scope="session")
def course() -> Course:
    return Course.find()
