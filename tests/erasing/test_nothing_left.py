"""Of somebody who was erased nothing is left in any file, while all there is of others still is."""

from pathlib import Path

import pytest

from tests.erasing.carrying_out import certificate_holds, cleaned, erased, verified
from tests.erasing.scene import ANN, BOB, KINDS, NOBODY, Scene
from tests.erasing.traces import Found, Traces, forms_of_bytes, kinds_of
from tests.faults.cluster import Cluster

SEALED = {"name", "masked"}
"""What is in no file in clear, whether anybody was erased or not."""


def test_nothing_is_left_of_who_was_erased(cluster: Cluster, tmp_path: Path) -> None:
    scene = Scene(cluster, tmp_path)
    scene.play()
    assert kinds_of(scene.traces.within([("shown", scene.opened.encode())]), ANN) >= {"said", "masked"}
    assert kinds_of(scene.traces.within(scene.in_spool.items()), ANN) >= {"said", "salt", "original", "sealed name"}
    cleaned(scene)
    kept = scene.found()
    assert kinds_of(kept, ANN) == kinds_of(kept, BOB) == KINDS - SEALED
    assert not within(kept, "write-ahead log")
    erasure = erased(scene, ANN)
    rows_gone = scene.found()
    # Deleted rows leave their bytes where they were, and the log ahead tells of them: hence all the cleaning.
    assert within(rows_gone, "data") >= {"said", "salt", "original", "sealed name", "wrapped key"}
    assert within(rows_gone, "write-ahead log")
    cleaned(scene)
    accounted = verified(scene)["accounted"]
    assert (accounted["payloads"], accounted["names"]) == (len(scene.seqs[ANN]), len(scene.pseudonyms[ANN]))
    certificate_holds(scene, erasure)
    left = scene.found()
    assert kinds_of(left, ANN) == set(), sorted(left)
    assert kinds_of(left, BOB) == KINDS - SEALED
    assert kinds_of(kept | rows_gone | left, NOBODY) == set()


def within(found: set[Found], place: str) -> set[str]:
    """What was found of the erased in files of a kind."""
    return kinds_of({each for each in found if each.place.startswith(place)}, ANN)


@pytest.mark.parametrize("before", range(3))
def test_a_value_is_found_in_every_form(before: int) -> None:
    traces = Traces()
    secret = bytes(range(100, 148))
    traces.add_bytes(ANN, "salt", secret)
    for form, pattern in forms_of_bytes(secret[16:32]):
        assert {each.form for each in traces.within([("here", b"x" * before + pattern + b"y")])} == {form}
    assert traces.within([("here", secret[8:30])]) == set()
