"""Files of policies, the text that a log keeps of them, and which of them an entry falls under."""

from pathlib import Path

import pytest

from unbroken.errors import ConfigurationError
from unbroken.retention.catalogue import DEFAULT, built_in
from unbroken.retention.comparing import differences
from unbroken.retention.policy import Part
from unbroken.retention.policy_file import read_policies, set_in
from unbroken.retention.policy_set import PolicySet, set_from, set_of

OWN = """
use = ["hipaa.ephi_access", "gdpr.security_log"]

[[policy]]
id = "own.tools"
title = "What tools were called with"
citation = "records schedule 4.2"
basis = "organisation"
jurisdiction = "any"
floor = "90d"
event_types = ["tool_call"]
"""


def test_a_file_names_policies_of_the_catalogue_and_states_its_own() -> None:
    found = set_in(OWN)
    assert list(found.by_id) == [DEFAULT, "gdpr.security_log", "hipaa.ephi_access", "own.tools"]
    assert found.default == DEFAULT
    assert found.by_id["hipaa.ephi_access"] == built_in()["hipaa.ephi_access"]


RAW = """
[[policy]]
id = "own.raw"
title = "What it was before redaction"
citation = "records schedule 4.3"
basis = "organisation"
jurisdiction = "any"
ceiling = "90d"
parts = ["originals"]
everything = true
"""


def test_a_policy_speaks_of_one_part_alone() -> None:
    found = set_in(OWN + RAW)
    assert found.by_id["own.raw"].parts == {"originals"}
    assert '"parts":["originals"]' in found.text
    assert found.text.count("parts") == 1
    assert set_from(found.text) == found


@pytest.mark.parametrize("parts", ['["payloads", "originals"]', '["originals", "payloads"]'])
def test_both_parts_are_written_as_if_nothing_were_said(parts: str) -> None:
    assert set_in(RAW.replace('["originals"]', parts)).text == set_in(RAW.replace('parts = ["originals"]', "")).text


@pytest.mark.parametrize("parts", ["[]", '["keys"]', '["originals", "originals"]', '"originals"', "[1]"])
def test_what_are_no_parts(parts: str) -> None:
    with pytest.raises(ConfigurationError):
        set_in(RAW.replace('["originals"]', parts))


@pytest.mark.parametrize("parts", ['"parts":["originals","payloads"]', '"parts":[]'])
def test_a_text_that_says_both_parts_or_none_is_refused(parts: str) -> None:
    with pytest.raises(ConfigurationError):
        set_from(set_in(RAW).text.replace('"parts":["originals"]', parts))


def test_the_default_is_for_both_parts() -> None:
    with pytest.raises(ConfigurationError, match="has no parts"):
        set_in('default = "own.raw"\n' + RAW)


def test_an_empty_file_keeps_everything_for_a_year() -> None:
    assert [str(policy.floor) for policy in set_in("").policies] == ["1y"]


def test_an_own_default_takes_the_place_of_the_built_in_one() -> None:
    own = OWN.replace("event_types", "everything = true\n#").replace("use = ", 'default = "own.tools"\nuse = ')
    found = set_in(own)
    assert found.default == "own.tools"
    assert DEFAULT not in found.by_id


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('use = ["hipaa.everything"]', "there is no policy hipaa.everything"),
        ('use = ["pci.req10", "pci.req10"]', "twice"),
        ('use = "pci.req10"', "by their ids"),
        ('default = "pci.req10"', "everything = true"),
        ('default = "own.missing"', "there is no policy own.missing"),
        ("default = 1", "one policy's id"),
        ('uses = ["pci.req10"]', "nothing is known of uses"),
        (OWN.replace("own.tools", "pci.req10"), "comes with unbroken"),
        ("use = [", "no file of policies"),
    ],
)
def test_what_is_no_file(text: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        set_in(text)


def test_a_file_is_named_where_it_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "retention.toml"
    path.write_text("use = 1")
    with pytest.raises(ConfigurationError, match=r"retention\.toml: "):
        read_policies(path)
    path.write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match="no text in UTF-8"):
        read_policies(path)
    with pytest.raises(ConfigurationError, match="can't be read"):
        read_policies(tmp_path / "none.toml")


def test_the_whole_catalogue_reads_as_it_is_written() -> None:
    found = set_of(built_in().values(), default=DEFAULT)
    assert set_from(found.text) == found


def test_the_text_says_nothing_that_is_empty_and_sorts_its_lists() -> None:
    text = set_in(OWN.replace('["tool_call"]', '["tool_result", "tool_call"]')).text
    assert '"event_types":["tool_call","tool_result"]' in text
    assert "null" not in text
    assert "false" not in text
    assert '"start":"record"' in text


@pytest.mark.parametrize(
    "change",
    [
        ('"v":1', '"v":2'),
        ('"v":1', '"v":1 '),
        ('"version":1', '"version":true'),
        ('"default":"default.one_year"', '"default":"own.tools"'),
        ('"default":"default.one_year"', '"default":"none"'),
        ('"zone":"UTC"', '"zone":"UTC","extra":1'),
        ('"floor":"90d"', '"floor":"090d"'),
        ('"floor":"90d"', '"floor":"12m"'),
    ],
)
def test_a_text_that_this_release_would_not_have_written_is_refused(change: tuple[str, str]) -> None:
    text = set_in(OWN).text
    assert change[0] in text
    with pytest.raises(ConfigurationError):
        set_from(text.replace(*change))


def test_policies_stand_in_the_order_of_their_ids() -> None:
    some = (built_in()["pci.req10"], built_in()[DEFAULT])
    with pytest.raises(ConfigurationError, match="order"):
        PolicySet(some, DEFAULT)


@pytest.mark.parametrize(
    ("event_type", "domains", "names"),
    [
        ("response", ["hipaa"], ["hipaa.ephi_access"]),
        ("response", ["gdpr", "hipaa"], ["gdpr.security_log", "hipaa.ephi_access"]),
        ("tool_call", ["hipaa"], ["hipaa.ephi_access", "own.tools"]),
        ("response", [], [DEFAULT]),
        ("response", ["pci"], [DEFAULT]),
    ],
)
def test_the_default_is_for_what_no_other_one_is_for(event_type: str, domains: list[str], names: list[str]) -> None:
    found = set_in(OWN).of_class(event_type=event_type, domains=domains)
    assert [policy.id for policy in found] == names


@pytest.mark.parametrize(
    ("domains", "payloads", "originals"),
    [
        (["hipaa"], ["hipaa.ephi_access"], ["hipaa.ephi_access", "own.raw"]),
        (["pci"], [DEFAULT], ["own.raw"]),
    ],
)
def test_the_default_is_also_for_a_part_that_no_other_one_is_for(
    domains: list[str], payloads: list[str], originals: list[str]
) -> None:
    rules = set_in(OWN + RAW)

    def names(part: Part) -> list[str]:
        return [each.id for each in rules.of_class(event_type="response", domains=domains, part=part)]

    assert (names("payloads"), names("originals")) == (payloads, originals)


def test_a_part_that_a_policy_leaves_out_is_a_difference_that_moves_dates() -> None:
    both = OWN + RAW.replace('parts = ["originals"]', "")
    found = differences(set_in(both), set_in(OWN + RAW))
    assert [(each.words, each.moves) for each in found] == [("parts both → originals", True)]
    (new,) = differences(set_in(OWN), set_in(OWN + RAW))
    assert new.words == "new: gone by 90d, originals only"


def test_what_is_different_between_two_sets() -> None:
    before = set_in(OWN)
    after = set_in(OWN.replace('"90d"', '"30d"').replace('"gdpr.security_log"', '"pci.req10"'))
    found = {each.policy: each for each in differences(before, after)}
    assert found.keys() == {"gdpr.security_log", "own.tools", "pci.req10"}
    assert found["own.tools"].words == "floor 90d → 30d"
    assert found["gdpr.security_log"].words == "gone: keep 6m, gone by 1y"
    assert found["pci.req10"].words == "new: keep 1y, gone by 1y 3m"
    assert all(each.moves for each in found.values())
    renamed = differences(before, set_in(OWN.replace("What tools", "All that tools")))
    assert [(each.policy, each.moves) for each in renamed] == [("own.tools", False)]
    assert differences(before, before) == []
