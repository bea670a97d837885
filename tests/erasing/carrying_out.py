"""Erasing a person as two logins do."""

from tests.database.test_vault_door import erase
from tests.erasing.scene import Scene
from tests.erasing.servers import connected, database_of


def erased(scene: Scene, owner: str) -> str:
    """Asks, confirms and carries out; the erasure's id."""
    with scene.cluster.admin() as admin, connected(scene.cluster, "dpo") as dpo:
        return erase(database_of(scene.cluster, admin), dpo, scene.pseudonyms[owner][0])
