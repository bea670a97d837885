"""Reading a registry: what a file may say, what is said of one that says something else, and how large one may be."""

import re
import time
from pathlib import Path

import pytest

from tests.unit.registries import FULL, registry
from unbroken.errors import ConfigurationError
from unbroken.privacy.redaction.profiles import BALANCED, HIPAA, OFF
from unbroken.privacy.registry.matching import LONGEST_PATTERN, MOST_PATTERNS
from unbroken.privacy.registry.originals import Originals
from unbroken.privacy.registry.reading import BUILT_IN, MOST_BYTES, MOST_ENTRIES, read_registry, registry_from


def test_what_nothing_says_is_built_in() -> None:
    assert (BUILT_IN.version, BUILT_IN.profile, BUILT_IN.prompts) == (0, BALANCED, "hashed")
    assert BUILT_IN.pseudonyms
    assert BUILT_IN.originals == Originals("always", frozenset(), "stop")
    assert BUILT_IN.pseudonymous_scope == frozenset()
    assert not list(BUILT_IN.entries())
    assert BUILT_IN.rules.fingerprint == ""
    assert {flag: (set(said.domains or ()), said.classification) for flag, said in BUILT_IN.found.items()} == {
        "personal": ({"gdpr"}, "confidential"),
        "health": ({"hipaa"}, "restricted"),
        "card": ({"pci"}, "restricted"),
        "secret": (set(), "restricted"),
    }


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "unbroken.toml"
    file.write_text(FULL, encoding="utf-8")
    read = read_registry(file)
    assert [entry.place for entry in read.entries()] == [
        "tool 1 (get_patient)",
        "tool 2 (ehr_*)",
        "tool 3 (*_write)",
        "tool 4 (ehr_ping)",
        "source 1 (ehr)",
        "resource 1 (patient)",
        "resource 2 (invoice?)",
        "domain 1 (pci)",
    ]
    assert read.version == 0
    assert read.pseudonymous_scope == {"account"}
    assert read.originals == Originals("domains", frozenset({"hipaa", "pci"}), "record")
    assert [pattern.name for pattern in read.rules.patterns] == ["policy number"]
    assert registry_from(FULL, version=7).version == 7


@pytest.mark.parametrize(
    ("keep", "kept"),
    [("'always'", [True, True, True]), ("'never'", [False, False, False]), ("'domains'", [False, True, False])],
)
def test_which_events_keep_their_originals(keep: str, kept: list[bool]) -> None:
    originals = registry(f"[originals]\nkeep = {keep}\ndomains = ['pci', 'hr']").originals
    assert [originals.keeps(domains) for domains in ((), ("gdpr", "PCI"), ("gdpr",))] == kept


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[redaction]\nprofile = 'off'", OFF),
        ("[redaction]\nprofile = 'hipaa'", HIPAA),
        ("[redaction]", BALANCED),
    ],
)
def test_the_profile(text: str, expected: object) -> None:
    assert registry(text).profile == expected


WRONG = [
    ("tool = 1", "each tool is a table of its own: [[tool]]"),
    ("tools = []", 'there is no key "tools" here, only redaction, identities'),
    ("[tool]\nname = 'a'", "each tool is a table of its own: [[tool]]"),
    ("[[tool]]", "tool 1: it has no name"),
    ("[[tool]]\nname = 'a'\npattern = 'b*'", "tool 1: it has name and pattern"),
    ("[[tool]]\nname = 3", "tool 1: name 3 is no text"),
    ("[[tool]]\nname = ''", "tool 1: name is empty"),
    ("[[tool]]\nname = ' '", "tool 1: name is empty"),
    ('[[tool]]\nname = "a\\u0000"', "tool 1: name is empty or holds a NUL"),
    (f"[[tool]]\nname = '{'é' * 513}'", "tool 1: name is longer than 1,024 bytes"),
    (f"[[tool]]\npattern = '{'a' * (LONGEST_PATTERN + 1)}'", f"a pattern has at most {LONGEST_PATTERN} letters"),
    ("[[tool]]\nname = 'ehr_*'", 'tool 1 (ehr_*): name is taken as it stands; write pattern = "ehr_*"'),
    ("[[resource]]\ntype = 'x?'", "resource 1 (x?): type is taken as it stands"),
    ("[[resource]]\nname = 'x'", "resource 1: it has no type"),
    ("[[tool]]\nname = 'a'\ndomain = ['x']", 'tool 1 (a): there is no key "domain" here, only name, pattern, domains'),
    ("[[source]]\nname = 'a'\nside_effect = true", 'source 1 (a): there is no key "side_effect"'),
    ("[[domain]]\nname = 'a'\ndomains = ['b']", 'domain 1 (a): there is no key "domains"'),
    ("[[tool]]\nname = 'a'\npseudonym = true", 'tool 1 (a): there is no key "pseudonym"'),
    (
        "[[tool]]\nname='a'\n[[tool]]\nname='b'\n[[tool]]\npattern='ehr_*'\nclassification='secret'",
        'tool 3 (ehr_*): classification "secret" is none of public, internal, confidential, restricted',
    ),
    ("[[tool]]\nname = 'a'\nclassification = ['public']", "tool 1 (a): classification a list is none of"),
    ("[[tool]]\nname = 'a'\nredaction = 'gdpr'", 'redaction "gdpr" is none of off, balanced, strict, pci, hipaa'),
    ("[[tool]]\nname = 'a'\nside_effect = 'no'", 'tool 1 (a): side_effect is true or false, not "no"'),
    ("[[tool]]\nname = 'a'\ndomains = 'hipaa'", "tool 1 (a): domains is a list of texts"),
    ("[[tool]]\nname = 'a'\ndomains = [1]", "tool 1 (a): domains 1 is no text"),
    ("[[tool]]\nname = 'a'\ndomains = ['HIPAA']", 'tool 1 (a): the domain "HIPAA" is not in lower case'),
    (
        "[[tool]]\nname = 'a'\ndomains = [" + "'d'," * 101 + "]",
        "tool 1 (a): there are more than 100 domains",
    ),
    ("[[tool]]\nname='a'\n[[tool]]\nname='b'\n[[tool]]\nname='a'", "tool 3 (a): tool 1 (a) is of the same name"),
    ("[redaction]\nprofile = 'lax'", 'redaction: profile "lax" is none of off, balanced, strict, pci, hipaa'),
    ("[redaction]\nprofiles = 'off'", 'redaction: there is no key "profiles"'),
    ("[[redaction.pattern]]\nkind = 'x'\npattern = 'a'", 'redaction.pattern 1: "x" is no kind'),
    ("identities = true", "identities is a table: [identities]"),
    ("[identities]\npseudonyms = 'no'", "identities: pseudonyms is true or false"),
    ("[identities]\nscopes = []", 'identities: there is no key "scopes"'),
    ("[identities]\nscope = 'account'", "identities: scope is a list of texts"),
    ("[prompts]\nstore = 'plain'", 'prompts: store "plain" is none of hashed, stored'),
    ("[prompts]\nagents = { a = 'plain' }", 'prompts.agents: a "plain" is none of hashed, stored'),
    ("[originals]\nkeep = 'some'", 'originals: keep "some" is none of always, never, domains'),
    ("[originals]\nkeep = 'domains'", 'originals: keep = "domains" takes the domains'),
    ("[originals]\nkeep = 'domains'\ndomains = []", 'originals: keep = "domains" takes the domains'),
    ("[originals]\ndomains = ['PCI']", 'originals: the domain "PCI" is not in lower case'),
    ("[originals]\ndomains = ['p*']", 'originals: the domain "p*" is taken as it stands'),
    ("[originals]\nwithout_key = 'go'", 'originals: without_key "go" is none of stop, record'),
    ("[originals]\nstore = 'all'", 'originals: there is no key "store" here, only keep, domains, without_key'),
    ("[prompts]\nagents = ['a']", "prompts: agents is a table: [prompts.agents]"),
    ("[prompts]\nagents = { '' = 'stored' }", "prompts.agents: a key is empty"),
    ("[defaults]\nname = 'a'", 'defaults: there is no key "name"'),
    ("[defaults]\nclassification = 'none'", 'defaults: classification "none" is none of'),
    ("[found.healt]", 'found: there is no key "healt" here, only personal, health, card, secret'),
    ("[found.health]\nside_effect = true", 'found.health: there is no key "side_effect"'),
    ("[found]\nhealth = 'hipaa'", "found: health is a table: [found.health]"),
    ("tool =", "the registry is not TOML: Invalid value (at end of document)"),
    ("a = 1\na = 2", "the registry is not TOML: Cannot overwrite a value"),
    ("a = " + "9" * 5000, "the registry is not TOML"),
    ("a = " + "[" * 5000, "nested too deep"),
    ("a" + ".a" * 40 + " = 1", "a key of 32 and more steps"),
    ("[" + "'a' . " * 40 + "b]", "a key of 32 and more steps"),
]


@pytest.mark.parametrize(("text", "message"), WRONG, ids=[message[:50] for _, message in WRONG])
def test_whatever_else_a_file_says_is_refused_with_the_place(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        registry(text)


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"unbroken\.toml can't be read: No such file"):
        read_registry(tmp_path / "unbroken.toml")
    (tmp_path / "unbroken.toml").write_bytes(b"a = '\xff'")
    with pytest.raises(ConfigurationError, match="is not UTF-8"):
        read_registry(tmp_path / "unbroken.toml")


# ---- sizes ----


def test_a_registry_has_an_end(tmp_path: Path) -> None:
    registry("#" * MOST_BYTES)
    with pytest.raises(ConfigurationError, match="longer than"):
        registry("#" * (MOST_BYTES + 1))
    (tmp_path / "unbroken.toml").write_text("#" * (2 * MOST_BYTES))
    with pytest.raises(ConfigurationError, match="longer than"):
        read_registry(tmp_path / "unbroken.toml")


def test_entries_have_an_end() -> None:
    half = [f"[[tool]]\nname='t{number}'\n" for number in range(MOST_ENTRIES // 2)]
    half += [f"[[source]]\nname='t{number}'\n" for number in range(MOST_ENTRIES // 2)]
    assert len(list(registry("".join(half)).entries())) == MOST_ENTRIES
    with pytest.raises(ConfigurationError, match=f"more than {MOST_ENTRIES:,} entries"):
        registry("".join(half) + "[[domain]]\nname='d'")


def test_patterns_have_an_end() -> None:
    many = "".join(f"[[tool]]\npattern='t{number}*'\n" for number in range(MOST_PATTERNS))
    assert len(list(registry(many).entries())) == MOST_PATTERNS
    with pytest.raises(ConfigurationError, match=f"tool: there are more than {MOST_PATTERNS:,} patterns"):
        registry(many + "[[tool]]\npattern='x*'")


def test_a_key_that_would_take_all_memory_is_refused_at_once() -> None:
    begun = time.process_time()
    for text in (
        "a." * 400_000 + "b = 1",
        "[" + "a." * 400_000 + "b]",
        "'a'." * 200_000,
        "a" * 1_000_000,
        '"' * 1_000_000,
    ):
        with pytest.raises(ConfigurationError):
            registry(text)
    assert time.process_time() - begun < 10


def test_dots_in_texts_are_no_steps() -> None:
    domains = ", ".join(f'"clinic{number}.example"' for number in range(500))
    found = registry(f"[redaction.allow]\ndomains = [{domains}]\nvalues = ['{'.'.join('a' * 30)}']")
    assert len(found.rules.allowed_domains) == 500
