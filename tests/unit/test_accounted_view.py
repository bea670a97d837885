"""What was erased, as verification prints it: the sums, some of the erasures, and what is not finished."""

import io

from rich.console import Console

from unbroken.cli.accounted_view import accounted_as_json, print_accounted
from unbroken.verify.finding import Accounted, Disposal, Erasure


def erasure(number: int, *, complete: bool = True) -> Erasure:
    name = f"01970000-0000-7000-8000-{number:012x}"
    return Erasure(name, number, number + 2, payloads=1200, originals=0, keys=1, names=0, complete=complete)


def printed(accounted: Accounted) -> str:
    file = io.StringIO()
    print_accounted(Console(file=file, width=100, highlight=False, markup=False), accounted)
    return file.getvalue()


def test_nothing_is_said_where_nothing_was_erased() -> None:
    assert printed(Accounted()) == ""


def test_sums_and_each_erasure_are_told_and_whether_it_is_finished() -> None:
    erasures = erasure(12), erasure(30, complete=False)
    lines = printed(Accounted(2400, 0, 2, 0, erasures, 2)).splitlines()
    assert lines[1] == "Erased and accounted for: 2,400 payloads, 2 keys, by 2 erasures"
    assert lines[2].split() == ["erasure", "entries", "payloads", "originals", "keys", "names"]
    assert lines[3].split() == [erasures[0].erasure, "12", "to", "14", "1,200", "0", "1", "0"]
    assert lines[4].endswith("not finished")


def test_of_many_erasures_some_are_listed() -> None:
    erasures = tuple(map(erasure, range(1, 26)))
    lines = printed(Accounted(1, 0, 0, 0, erasures, 1025)).splitlines()
    assert sum("01970000" in line for line in lines) == 20
    assert lines[-1] == "1,005 erasures more: --json"


def test_an_erasure_that_has_begun_and_destroyed_nothing_yet() -> None:
    begun = Erasure("01970000-0000-7000-8000-00000000000c", 12, 12, 0, 0, 0, 0, complete=False)
    assert "nothing yet, by 1 erasure" in printed(Accounted(erasures=(begun,), erasures_total=1))


def test_disposals_are_told_apart() -> None:
    disposal = Disposal("01970000-0000-7000-8000-0000000000dd", 40, 45, 700, 7, 2, complete=True)
    some = Accounted(
        *(1700, 7, 3, 1, (erasure(12),), 1),
        disposed=500,
        disposed_originals=7,
        disposed_keys=2,
        disposals=(disposal,),
        disposals_total=1,
    )
    lines = printed(some).splitlines()
    assert lines[1] == "Erased and accounted for: 1,200 payloads, 1 key, 1 name, by 1 erasure"
    assert lines[5] == "Disposed of and accounted for: 500 payloads, 7 originals, 2 keys, by 1 disposal"
    assert lines[6].split() == ["disposal", "entries", "payloads", "originals", "keys"]
    assert lines[7].split() == [disposal.disposal, "40", "to", "45", "700", "7", "2"]
    alone = printed(Accounted(5, disposed=5, disposals=(disposal,), disposals_total=1))
    assert "rased" not in alone
    told = accounted_as_json(some)
    assert (told["payloads"], told["erased"]["payloads"], told["disposed"]["payloads"]) == (1700, 1200, 500)
    assert told["disposals"][0]["disposal"] == disposal.disposal


def test_json_has_all_of_it() -> None:
    told = accounted_as_json(Accounted(1200, 0, 1, 0, (erasure(12),), 1))
    assert told == {
        "payloads": 1200,
        "originals": 0,
        "keys": 1,
        "names": 0,
        "erased": {"payloads": 1200, "originals": 0, "keys": 1, "names": 0},
        "disposed": {"payloads": 0, "originals": 0, "keys": 0},
        "erasures_total": 1,
        "erasures": [
            {
                "erasure": "01970000-0000-7000-8000-00000000000c",
                "first_seq": 12,
                "last_seq": 14,
                "payloads": 1200,
                "originals": 0,
                "keys": 1,
                "names": 0,
                "complete": True,
            }
        ],
        "disposals_total": 0,
        "disposals": [],
    }
