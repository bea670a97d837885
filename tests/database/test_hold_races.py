"""Holds against what destroys, on connections of their own at one moment: whichever comes first, nothing held goes."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import pytest

from tests.conftest import LOG, Database
from tests.database import raw
from tests.database.lock_waits import until_somebody_waits
from tests.database.policies import AT_ONCE, put_in_force, tell
from tests.database.racing import Call, Logins, Racing
from tests.database.raw import open_ticket
from tests.database.vaulting import append, laid_out, plain_keys

ORDER: Final = "0" * 64
ENTRIES: Final = 4
SHORT, LONG = 24, 400
"""How often each race is run: in the short tests, and where there is time."""
_DUE: Final[dict[str, Any]] = {"domains": ["accounts"], "scope": ["account=1"]}
_TOLD: Final = """
select e.seq, e.event_type, p.details::json from unbroken.entries e join unbroken.payloads p using (log, seq)
 where e.seq > %s and e.event_type like 'log.%%' order by e.seq
"""


@dataclass
class Place:
    """A log with a vault, where an account was closed long ago, and people at their connections."""

    database: Database
    people: Logins
    rounds: int = 0

    def head(self) -> int:
        """The last entry's number."""
        row = self.database.admin.execute("select max(seq) from unbroken.entries").fetchone()
        assert row is not None
        return int(row[0])

    def recorded(self, *sessions: str) -> list[int]:
        """Entries of somebody of their own, in each of these sessions, that are due, with sealed originals."""
        self.rounds += 1
        ((key, *_),) = self.people["writer"].execute(
            "select * from unbroken.vault_keys(%s, array['subject'], %s)", (LOG, [self.person])
        )
        about: dict[str, Any] = {"subjects": [self.person], "original": "0" * 64}
        batch: list[tuple[raw.Sent, bytes | None]] = [
            (raw.sent({"inputs": '"said"'}, session_id=session, **_DUE, **about), laid_out(key))
            for session in sessions
            for _ in range(ENTRIES)
        ]
        return [received.seq for received in append(self.people["writer"], batch)]

    @property
    def person(self) -> str:
        """Whom this round is about."""
        return f"p-{self.rounds:032x}"

    @property
    def session(self) -> str:
        """Theirs."""
        return f"s-{self.rounds}"

    def begun_disposal(self) -> str:
        """All that is due and not held, about to be destroyed."""
        does = self.people.does
        disposal = str(does("retention", "start_disposal", False)[0])
        does("retention", "freeze_disposal", disposal, 50_000)
        does("retention", "propose_disposal", disposal)
        row = self.database.admin.execute("select sha256 from unbroken.disposals where disposal = %s", (disposal,))
        (sha256,) = row.fetchone() or ("",)
        does("compliance", "review_disposal", disposal, sha256, "seen")
        does("dpo", "approve_disposal", disposal, sha256)
        does("retention", "begin_disposal", disposal)
        return disposal

    def ended(self, disposal: str) -> None:
        """The rest of it."""
        while self.people.does("retention", "dispose_batch", disposal, 1000)[0] is not None:
            pass
        self.database.admin.execute("vacuum unbroken.payloads, unbroken.originals")
        assert self.people.does("retention", "note_gone", disposal) == (True,)
        self.people.does("retention", "finish_disposal", disposal, ORDER)

    def prepared_erasure(self) -> tuple[str, list[str]]:
        """Of this round's person: asked for, confirmed, and what keys it destroys."""
        does = self.people.does
        ticket = open_ticket(self.people["dpo"])
        erasure = str(does("dpo", "ask_erasure", ticket, [self.person], False, "C-1", "asked for")[0])
        does("legal", "confirm_erasure", erasure)
        (keys,) = self.people["dpo"].execute(
            "select keys from unbroken.prepare_erasure(%s, %s)", (LOG, erasure)
        ).fetchone() or ([],)
        return erasure, keys

    def begun_erasure(self) -> str:
        """The same with its keys destroyed, and what entries hold still there."""
        erasure, keys = self.prepared_erasure()
        self.people.does("dpo", "begin_erasure", erasure, keys, ORDER)
        return erasure

    def hold(self, *sessions: str) -> str:
        """Legal holds some sessions."""
        call = holding(*sessions)
        return str(self.people.does(call.login, call.function, *call.given)[0])

    def there(self, seqs: list[int]) -> list[int]:
        """Those of these that hold all that they did."""
        rows = self.database.admin.execute(
            "select p.seq from unbroken.payloads p join unbroken.originals o using (log, seq)"
            " where p.seq = any (%s) order by 1",
            (seqs,),
        )
        return [row[0] for row in rows]

    def keys_there(self, seqs: list[int]) -> bool:
        """Whether everything that these are sealed to can still be opened."""
        row = self.database.admin.execute(
            "select bool_and(exists (select from unbroken.wrapped_keys w where w.key_id = k.id))"
            " from unbroken.originals o, unnest(unbroken.keys_of_original(o.ciphertext)) as k (id)"
            " where o.seq = any (%s)",
            (seqs,),
        ).fetchone()
        return row == (True,)

    def order(self, since: int, hold: str, seqs: list[int]) -> tuple[int, int | None]:
        """The numbers of the entries after one that tell of a hold, and that what these hold went, or their keys."""
        held, gone = 0, None
        for seq, kind, details in self.database.admin.execute(_TOLD, (since,)):
            if kind == hold:
                held = seq
            elif kind in ("log.disposed", "log.erased") and (details.get("keys") or seqs[0] in _numbers(details)):
                gone = seq
        assert held
        return held, gone


def _numbers(details: Any) -> set[int]:
    ranges = [each.split("-") for each in details.get("payloads", "").split(",") if each]
    return {seq for each in ranges for seq in range(int(each[0]), int(each[-1]) + 1)}


@pytest.fixture
def place(database: Database) -> Iterator[Place]:
    with closing(Logins(database)) as people:
        made = Place(database, people)
        fill = "select unbroken.refill_vault(%s, %s, %s, %s, %s, %s)"
        people["dpo"].execute(fill, (LOG, *plain_keys("races", LONG + 1), "kek"))
        put_in_force(database, AT_ONCE)
        tell(database)
        yield made


def holding(*sessions: str) -> Call:
    """Legal holds some sessions."""
    scope = json.dumps({"sessions": sorted(sessions)})
    return Call("legal", "issue_hold", ("a matter", "litigation", scope, "asked", 0, 90))


# ---- at one moment, again and again ----

Race = Callable[[Place, Racing], bool]
"""One try of it; whether the hold came first."""


def hold_against_disposal(place: Place, racing: Racing) -> bool:
    seqs = place.recorded(f"s-{place.rounds + 1}")
    disposal, since = place.begun_disposal(), place.head()
    batch, held = racing.both(Call("retention", "dispose_batch", (disposal, 1000)), holding(place.session))
    assert not isinstance(batch, str), batch
    assert not isinstance(held, str), held
    hold, gone = place.order(since, "log.hold_issued", seqs)
    first = gone is None or hold < gone
    assert place.there(seqs) == (seqs if first else [])
    reach = place.people.does("legal", "hold_reach", held[0], 0, 10_000)
    assert reach[1:] == ((ENTRIES, ENTRIES, 0) if first else (0, 0, ENTRIES))
    assert batch[4] == (ENTRIES if first else 0)
    place.ended(disposal)
    assert place.there(seqs) == (seqs if first else [])
    return first


def narrowing_against_disposal(place: Place, racing: Racing) -> bool:
    """What the narrower hold still covers stays; the rest goes with what comes after."""
    number = place.rounds + 1
    kept, freed = f"k-{number}", f"s-{number}"
    seqs = place.recorded(kept, freed)
    disposal = place.begun_disposal()
    hold = place.hold(kept, freed)
    narrower = json.dumps({"sessions": [kept]})
    request = place.people.does("legal", "ask_hold_change", hold, "narrow", narrower, "less")[0]
    since = place.head()
    batch, changed = racing.both(
        Call("retention", "dispose_batch", (disposal, 1000)), Call("compliance", "confirm_hold_change", (request,))
    )
    assert not isinstance(batch, str), batch
    assert not isinstance(changed, str), changed
    change, gone = place.order(since, "log.hold_changed", seqs[ENTRIES:])
    narrowed_first = gone is not None
    assert gone is None or change < gone
    assert place.there(seqs) == (seqs[:ENTRIES] if narrowed_first else seqs)
    place.ended(disposal)
    assert set(seqs[:ENTRIES]) <= set(place.there(seqs))
    return narrowed_first


def hold_against_erasure(place: Place, racing: Racing) -> bool:
    seqs = place.recorded(f"s-{place.rounds + 1}")
    erasure, since = place.begun_erasure(), place.head()
    batch, held = racing.both(Call("dpo", "erase_batch", (erasure, 1000)), holding(place.session))
    assert not isinstance(batch, str), batch
    assert not isinstance(held, str), held
    hold, gone = place.order(since, "log.hold_issued", seqs)
    first = gone is None
    assert gone is None or gone < hold
    assert place.there(seqs) == (seqs if first else [])
    assert batch[3] == (ENTRIES if first else 0)
    return first


def hold_against_keys(place: Place, racing: Racing) -> bool:
    """An erasure destroys keys first of all, or it does not begin."""
    seqs = place.recorded(f"s-{place.rounds + 1}")
    erasure, keys = place.prepared_erasure()
    since = place.head()
    begun, held = racing.both(Call("dpo", "begin_erasure", (erasure, keys, ORDER)), holding(place.session))
    assert not isinstance(held, str), held
    hold, gone = place.order(since, "log.hold_issued", seqs)
    assert (begun == "UB014") == (gone is None), begun
    assert gone is None or gone < hold
    assert place.keys_there(seqs) == (gone is None)
    assert place.there(seqs) == seqs
    return gone is None


RACES: Final = (hold_against_disposal, narrowing_against_disposal, hold_against_erasure, hold_against_keys)


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)
def test_whichever_comes_first_nothing_held_goes(place: Place, race: Race) -> None:
    run(place, race, SHORT)


@pytest.mark.long
@pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)
def test_hundreds_of_times_nothing_held_goes(place: Place, race: Race) -> None:
    run(place, race, LONG)


def run(place: Place, race: Race, times: int) -> None:
    firsts = []
    with closing(Racing(place.database)) as racing:
        for _ in range(times):
            firsts.append(race(place, racing))
            racing.second_was_first(firsts[-1])
    # Each of them has come first now and then: it was a race.
    assert 1 <= sum(firsts) < times, sum(firsts)
    assert raw.report(place.database).findings_total == 0


# ---- one in the middle of the other ----


@dataclass(frozen=True)
class Destroying:
    """A call that destroys, how it is come to, and what it answers when a hold comes before it."""

    call: Callable[[Place], Call]
    refused: bool = False


DESTROYING: Final = {
    "disposal": Destroying(lambda place: Call("retention", "dispose_batch", (place.begun_disposal(), 1000))),
    "erasure": Destroying(lambda place: Call("dpo", "erase_batch", (place.begun_erasure(), 1000))),
    "keys": Destroying(lambda place: Call("dpo", "begin_erasure", (*place.prepared_erasure(), ORDER)), refused=True),
}


@pytest.mark.parametrize("destroying", DESTROYING.values(), ids=DESTROYING)
def test_what_destroys_waits_for_a_hold_that_is_being_issued(place: Place, destroying: Destroying) -> None:
    seqs = place.recorded("s-1")
    call = destroying.call(place)
    with place.database.connect("legal") as legal, ThreadPoolExecutor(1) as pool:
        legal.execute("begin")
        assert not isinstance(holding("s-1").on(legal), str)
        answer = pool.submit(call.on, place.people[call.login])
        until_somebody_waits(place.database)
        legal.execute("commit")
        assert (answer.result(timeout=30) == "UB014") == destroying.refused
    assert place.there(seqs) == seqs
    assert destroying.refused is False or place.keys_there(seqs)


@pytest.mark.parametrize("destroying", DESTROYING.values(), ids=DESTROYING)
def test_a_hold_waits_for_what_destroys_and_says_what_had_gone(place: Place, destroying: Destroying) -> None:
    seqs = place.recorded("s-1")
    call = destroying.call(place)
    with place.database.connect(call.login) as other, ThreadPoolExecutor(1) as pool:
        other.execute("begin")
        assert not isinstance(call.on(other), str)
        hold = pool.submit(holding("s-1").on, place.people["legal"])
        until_somebody_waits(place.database)
        other.execute("commit")
        answer = hold.result(timeout=30)
    assert not isinstance(answer, str), answer
    _, *reach = place.people.does("legal", "hold_reach", answer[0], 0, 10_000)
    gone = 0 if destroying.refused else ENTRIES
    assert reach == [ENTRIES - gone, ENTRIES - gone, gone]
    assert place.there(seqs) == ([] if gone else seqs)


def test_control_without_their_lock_a_hold_loses(place: Place) -> None:
    """What is deleted, and not committed, a hold does not see, nor does the guard that looks at what comes after."""
    place.database.disarm()
    place.database.admin.execute(
        "create or replace function unbroken.lock_holds(p_log integer) returns void language sql as ''"
    )
    seqs = place.recorded("s-1", "s-2")
    call = Call("retention", "dispose_batch", (place.begun_disposal(), 1000))
    with place.database.connect("postgres") as holder, ThreadPoolExecutor(1) as pool:
        holder.execute("begin")
        holder.execute("select from unbroken.payloads where seq = %s for update", (seqs[-1],))
        batch = pool.submit(call.on, place.people["retention"])
        until_somebody_waits(place.database)
        place.hold("s-1")
        holder.execute("commit")
        assert not isinstance(batch.result(timeout=30), str)
    assert place.there(seqs[:ENTRIES]) == []
