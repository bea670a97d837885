"""What the tests of attacks share: the schema as an operator installs it, and a copy of it for each attack."""

from collections.abc import Iterator

import pytest

from tests.attacks import installed
from tests.attacks.run import scene_of
from tests.attacks.scene import Scene, outsiders
from tests.conftest import Server


@pytest.fixture(scope="session")
def installed_template(server: Server) -> Iterator[str]:
    with installed.installed_template(server) as template:
        yield template


@pytest.fixture(scope="module")
def strangers(server: Server) -> Iterator[None]:
    """Logins without a duty. They belong to the cluster, and are gone before other modules look at it."""
    with outsiders(server):
        yield


@pytest.fixture(scope="module")
def stage(server: Server, installed_template: str, strangers: None) -> Iterator[Scene]:
    """One database for a module's tests that leave nothing behind which others would see."""
    with scene_of(server, installed.INSTALLED, installed_template) as made:
        yield made


@pytest.fixture
def scene(server: Server, installed_template: str, strangers: None) -> Iterator[Scene]:
    with scene_of(server, installed.INSTALLED, installed_template) as made:
        yield made
