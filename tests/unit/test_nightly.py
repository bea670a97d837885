"""Night by night: what is new is read, the rest within so many nights, and what is found is found again."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from tests.unit.log_in_memory import WholeLog, history
from tests.unit.test_against import note, outside, places
from unbroken.core.entry import StoredEntry
from unbroken.verify.finding import Report
from unbroken.verify.nightly import BEGINNING, Memory, Night, verify_nightly
from unbroken.verify.outside import Outside
from unbroken.verify.run import verify_log

WITHIN = 4


@dataclass
class Nights:
    """A verifier with its memory, and a log that others change."""

    log: WholeLog
    known: Callable[[WholeLog], Outside] = lambda _: outside()
    memory: Memory | None = None
    most_whole: int = 10
    wholes: list[int] = field(default_factory=list)

    def night(self) -> Night:
        held = self.known(self.log)

        def whole() -> Report:
            self.wholes.append(len(self.log.stored))
            return verify_log(self.log, outside=held)

        done = verify_nightly(
            self.log, self.memory, outside=held, whole=whole, within=WITHIN, least=1, most_whole=self.most_whole
        )
        self.memory = done.memory
        return done

    def grow(self, count: int) -> None:
        for _ in range(count):
            self.log.say("inputs")


def test_the_first_night_and_every_night_of_a_small_log_reads_all() -> None:
    nights = Nights(history(5), most_whole=20)
    for size in (5, 12, 19):
        nights.grow(size - len(nights.log.stored))
        done = nights.night()
        assert (done.new.entries, done.again, done.new.scope) == (size, None, "the whole log")
    nights.grow(10)
    assert nights.night().new.scope == "entries 20 to 29"
    assert nights.wholes == [5, 12, 19]


def test_every_night_reads_what_is_new_and_everything_within_so_many() -> None:
    nights = Nights(history(40))
    nights.night()
    read: list[range] = []
    for _ in range(WITHIN):
        nights.grow(8)
        end = len(nights.log.stored)
        done = nights.night()
        assert (done.new.entries, done.new.head.seq, done.verdict) == (8, end, "consistent")
        assert done.again is not None
        read.append(range(done.again.head.seq - done.again.entries + 1, done.again.head.seq + 1))
    assert [seq for part in read for seq in part] == list(range(1, read[-1][-1] + 1)), "without a gap"
    assert read[-1][-1] >= 40
    assert nights.wholes == [40]


@pytest.mark.parametrize("size", [40, 41, 43])
def test_so_many_nights_are_enough_for_every_entry(size: int) -> None:
    nights = Nights(history(size))
    nights.night()
    assert sum(done.again.entries for done in (nights.night() for _ in range(WITHIN)) if done.again) == size


def test_a_pass_that_came_to_the_end_begins_anew() -> None:
    nights = Nights(history(40))
    nights.night()
    for _ in range(WITHIN):
        done = nights.night()
    assert done.again is not None
    assert done.again.head.seq == 40
    assert nights.memory is not None
    assert nights.memory.again == BEGINNING
    done = nights.night()
    assert done.again is not None
    assert done.again.scope == "entries 1 to 10"


@pytest.mark.parametrize("size", [11, 39])
def test_what_was_changed_without_a_trace_in_the_chain_is_found_within_so_many_nights(size: int) -> None:
    nights = Nights(history(40))
    nights.night()
    nights.log.stored[size - 1].inputs = b"2"
    found = [nights.night() for _ in range(WITHIN)]
    assert [each.verdict for each in found].count("findings") >= 1
    first = next(each for each in found if each.verdict == "findings")
    assert first.again is not None
    assert places(first.again) == [("altered_payload", size)]
    assert (first.new.findings_total, first.exit_code, first.findings_total) == (0, 1, 1)
    again = nights.night()
    assert again.verdict == "findings", "and again every night, until somebody has looked into it"


def test_a_rewrite_is_found_the_next_night_and_every_night_after() -> None:
    nights = Nights(history(40))
    nights.night()
    nights.log = history(48, changed=7)
    for _ in range(2):
        done = nights.night()
        assert (places(done.new), done.again, done.verdict) == ([("forked", 40)], None, "findings")


@dataclass
class TwoFaced(WholeLog):
    """A database that shows what is new to those who ask for it, and another log to those who begin before it."""

    old: WholeLog = field(default_factory=WholeLog)
    new_from: int = 0

    def entries(self, *, after: int = 0, upto: int = 2**53, session: str | None = None) -> Iterator[list[StoredEntry]]:
        if after < self.new_from - 1:
            return self.old.entries(after=after, upto=upto, session=session)
        return super().entries(after=after, upto=upto, session=session)


def test_what_is_read_again_has_to_arrive_at_what_is_new() -> None:
    nights = Nights(history(40))
    for _ in range(WITHIN):
        nights.night()
    assert nights.memory is not None
    assert nights.memory.again.head.seq == 30
    liar = TwoFaced(stored=history(48).stored, old=history(48, changed=35), new_from=40)
    done = verify_nightly(
        liar, nights.memory, outside=outside(), whole=lambda: verify_log(liar), within=2, most_whole=1
    )
    assert (done.new.findings_total, done.new.head.seq) == (0, 48)
    assert done.again is not None
    assert places(done.again) == [("forked", 48)]


def test_every_part_is_held_against_its_checkpoints() -> None:
    was = history(40)
    nights = Nights(history(40), known=lambda _: outside(note(was, 15), note(was, 40)))
    assert nights.night().verdict == "proven"
    verdicts = [nights.night() for _ in range(WITHIN)]
    assert {each.verdict for each in verdicts} == {"proven"}
    compared = [each.again.against.compared for each in verdicts if each.again and each.again.against]
    assert compared == [0, 1, 0, 1]


def test_nobody_answering_is_no_finding_in_what_is_read_again() -> None:
    nights = Nights(history(40), known=lambda log: outside(note(log, 40)))
    nights.night()
    nights.known = lambda _: outside(reached=())
    done = nights.night()
    assert (done.verdict, done.findings_total) == ("unverifiable", 0)
    assert nights.memory is not None
    assert nights.memory.again.head.seq == 10, "and what was read counts"
