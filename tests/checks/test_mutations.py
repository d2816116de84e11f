"""The list of what the suite catches is true of the code as it is now; what it proves is shown by running it."""

from pathlib import Path

import pytest

from tests.mutations import LIST, Mutation, read, that_are_there


@pytest.mark.parametrize("mutation", read(LIST), ids=lambda mutation: mutation.name)
def test_each_still_applies(mutation: Mutation, root: Path) -> None:
    """Its snippet is there, once, and so are its tests."""
    assert mutation.applies(root) == ""
    assert mutation.find != mutation.replace
    assert that_are_there(mutation.tests, root) == mutation.tests
