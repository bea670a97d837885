"""A check: who tries what, what must come of it, and how that is judged.

A refusal for another reason than the one that should stand in the way proves nothing: each judge names the SQLSTATEs
that it takes.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import psycopg

from tests.attacks.facts import fact
from tests.attacks.scene import Scene
from tests.attacks.verdict import Result

Judge = Callable[[Scene], Result]
Step = tuple[str, str]
"""Who, and a statement with the target's names in braces."""

DENIED: Final = ("42501",)
"""No privilege, or a policy's WITH CHECK."""
GUARDED: Final = ("UB011",)
APPEND_ONLY: Final = ("UB010",)


@dataclass(frozen=True, kw_only=True)
class Check:
    """``stands`` says what refuses the attack, or what finds it where nothing can refuse it.

    ``sound`` is set where the weak schema withstands too, and says why. ``alone``: it leaves something behind that
    others would see, and gets a database of its own.
    """

    id: str
    who: str
    tried: str
    stands: str
    judge: Judge
    sound: str | None = None
    alone: bool = False


@dataclass(frozen=True)
class Attempt:
    """What the last step met: ``state`` is ``None`` where it was accepted."""

    state: str | None
    message: str
    rows: int
    value: Any


class SetUpError(Exception):
    """A step before the last one was refused, so that the attack was not made."""


def refused(*steps: Step, by: Sequence[str] = DENIED, betrays: Sequence[str] = ()) -> Judge:
    """The last step must be refused with one of the SQLSTATEs of ``by``; one of ``betrays`` tells what was asked."""

    def judge(scene: Scene) -> Result:
        attempt = tried(scene, steps)
        if attempt.state in betrays:
            return Result("FAIL", f"answered by {attempt.state}", worked=True)
        if attempt.state is None:
            return Result("FAIL", f"accepted, {attempt.rows} rows", worked=True)
        return _by_reason(attempt, by)

    return judge


def harmless(*steps: Step, by: Sequence[str] = DENIED) -> Judge:
    """The last step must be refused with one of these SQLSTATEs, or touch or give no row."""

    def judge(scene: Scene) -> Result:
        attempt = tried(scene, steps)
        if attempt.state is None and attempt.rows > 0:
            return Result("FAIL", f"accepted, {attempt.rows} rows", worked=True)
        return Result("PASS", "no row") if attempt.state is None else _by_reason(attempt, by)

    return judge


def told_apart(*steps: Step, expected: object) -> Judge:
    """The last step must be accepted and give this value."""

    def judge(scene: Scene) -> Result:
        attempt = tried(scene, steps)
        if attempt.state is not None:
            return Result("FAIL", f"{attempt.state} {attempt.message}")
        if attempt.value != expected:
            return Result("FAIL", f"gives {attempt.value}", worked=True)
        return Result("PASS", f"gives {attempt.value}")

    return judge


def accepted(*steps: Step) -> Judge:
    """A control: what is allowed must go through, or the refusals beside it prove nothing."""

    def judge(scene: Scene) -> Result:
        attempt = tried(scene, steps)
        if attempt.state is not None:
            return Result("FAIL", f"{attempt.state} {attempt.message}")
        return Result("PASS", "accepted")

    return judge


def nothing(name: str) -> Judge:
    """The catalogue query ``name`` of facts.sql must list nothing."""

    def judge(scene: Scene) -> Result:
        found = fact(scene, name)
        return Result("FAIL", ", ".join(found), worked=True) if found else Result("PASS", "nothing")

    return judge


def detected(*steps: Step) -> Judge:
    """The last step can't be refused; once it is committed, the verifier must report something."""

    def judge(scene: Scene) -> Result:
        before = scene.findings()
        attempt = tried(scene, steps, keep=True)
        if attempt.state is not None:
            return Result("FAIL", f"could not be tried: {attempt.state} {attempt.message}")
        after = scene.findings()
        if before or not after:
            return Result("FAIL", "works, and nothing finds it", worked=not after)
        return Result("RESIDUAL", f"works; found: {', '.join(after)}")

    return judge


def residual(*steps: Step) -> Judge:
    """The last step works everywhere, and nothing in the database tells of it."""

    def judge(scene: Scene) -> Result:
        attempt = tried(scene, steps)
        if attempt.state is not None or attempt.rows == 0:
            return Result("FAIL", f"does not work any more: {attempt.state}")
        return Result("RESIDUAL", "works")

    return judge


def note(*steps: Step, by: Sequence[str]) -> Judge:
    """How the server behaves: the last step is refused with one of these SQLSTATEs."""

    def judge(scene: Scene) -> Result:
        attempt = tried(scene, steps)
        known = attempt.state in by
        return Result("NOTE" if known else "FAIL", attempt.state or "accepted")

    return judge


def tried(scene: Scene, steps: Sequence[Step], *, keep: bool = False) -> Attempt:
    """Takes the steps in order, each attacker in a session of its own, and tells what the last one met.

    What comes before somebody else's step is committed. The last session is rolled back unless ``keep``.
    """
    sessions = [(who, [template for _, template in group]) for who, group in groupby(steps, key=lambda step: step[0])]
    for who, templates in sessions[:-1]:
        with closing(scene.connect(who)) as connection:
            for template in templates:
                _set_up(connection, scene, template)
            connection.commit()
    who, templates = sessions[-1]
    with closing(scene.connect(who)) as connection:
        for template in templates[:-1]:
            _set_up(connection, scene, template)
        attempt = _attempt(connection, scene.statement(templates[-1]))
        if keep and attempt.state is None:
            connection.commit()
    return attempt


def _set_up(connection: psycopg.Connection[Any], scene: Scene, template: str) -> None:
    attempt = _attempt(connection, scene.statement(template))
    if attempt.state is not None:
        raise SetUpError(f"{attempt.state} {attempt.message}: {template}")


def _attempt(connection: psycopg.Connection[Any], statement: str) -> Attempt:
    """``commit`` and ``rollback`` end the transaction, as a client may."""
    try:
        if statement in ("commit", "rollback"):
            getattr(connection, statement)()
            return Attempt(None, "", 0, None)
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
    except psycopg.Error as error:
        return Attempt(error.sqlstate or "no state", error.diag.message_primary or str(error), 0, None)
    return Attempt(None, "", max(cursor.rowcount, 0), row[0] if row else None)


def _by_reason(attempt: Attempt, by: Sequence[str]) -> Result:
    if attempt.state not in by:
        return Result("FAIL", f"refused for another reason: {attempt.state} {attempt.message}")
    return Result("PASS", str(attempt.state))


def judged(check: Check, scene: Scene) -> Result:
    """The check's result; a set-up that does not go through is a failure of its own."""
    try:
        return check.judge(scene)
    except SetUpError as error:
        return Result("FAIL", f"could not be tried: {error}")
