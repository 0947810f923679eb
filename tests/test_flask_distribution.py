"""`importlib.metadata` says of "flask" what is installed, else whose behaviour is kept."""

from __future__ import annotations

from tests.fresh_interpreter import Interpreter


class TestDistribution:
    def test_without_flask_its_version_is_the_one_whose_behaviour_is_kept(
        self, python: Interpreter
    ) -> None:
        python.run("""
import kolben
from importlib.metadata import distribution, entry_points, requires, version
assert version("flask") == version("Flask") == "3.1.3"
found = distribution("flask")
assert found.metadata["Name"] == "Flask" and found.version == "3.1.3"
assert not found.files and not found.entry_points and not requires("flask")
""")

    def test_with_flask_its_own_version_is_told(
        self, python: Interpreter, other_flask: str
    ) -> None:
        assert other_flask == python.run("""
import kolben
from importlib.metadata import version
print(version("flask"))
""")

    def test_no_other_distribution_is_answered_for(self, python: Interpreter) -> None:
        python.run("""
import kolben
from importlib.metadata import PackageNotFoundError, version
assert version("kolben") != "3.1.3"
try:
    version("flask-nope")
except PackageNotFoundError:
    pass
else:
    raise AssertionError
""")

    def test_a_list_of_all_distributions_has_no_flask(self, python: Interpreter) -> None:
        python.run("""
import sys
import kolben
from importlib.metadata import distributions
assert "flask" not in {found.metadata["Name"].lower() for found in distributions()}
assert not list(distributions(name="flask", path=sys.path))
""")
