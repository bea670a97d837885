"""What differs between two registries: said in words, and marked where the newer one protects less."""

import pytest

from tests.unit.registries import FULL, registry
from unbroken.errors import ConfigurationError
from unbroken.privacy.registry.difference import Change, differences
from unbroken.privacy.registry.reading import BUILT_IN


def changes(before: str, after: str) -> list[tuple[str, ...]]:
    return [_told(change) for change in differences(registry(before), registry(after))]


def _told(change: Change) -> tuple[str, ...]:
    return (change.what, change.of, change.words, *change.loosens)


def test_nothing_differs_where_only_places_and_comments_do() -> None:
    moved = "[[tool]]\nname='a'\n[[tool]]\nname='b'", "# by c.\n[[tool]]\nname = 'b'\n\n[[tool]]\nname = 'a'"
    assert changes(*moved) == []
    assert changes(FULL, FULL) == []
    assert differences(BUILT_IN, registry("[redaction]\nprofile='balanced'\n[prompts]\nstore='hashed'")) == []


CHANGES: list[tuple[str, str, list[tuple[str, ...]]]] = [
    (
        "[[tool]]\nname='a'\nclassification='restricted'\ndomains=['pci','hipaa']",
        "[[tool]]\nname='a'\nclassification='internal'\ndomains=['hipaa']\nside_effect=true",
        [
            (
                "changed",
                "tool a",
                "classification restricted → internal; domains hipaa, pci → hipaa; side effect not said → yes",
                "domains",
                "classification",
            )
        ],
    ),
    (
        "",
        "[[tool]]\nname='a'\nclassification='restricted'\nresource_type='t'\nresource_id='i'\n[[resource]]\ntype='t'\npseudonym=true",
        [
            ("added", "tool a", "classification restricted; resource type t; resource id i"),
            ("added", "resource t", "pseudonym yes"),
        ],
    ),
    # Less than the defaults that held.
    ("", "[[source]]\npattern='a*'\nclassification='internal'", [
        ("added", "source a*", "classification internal", "classification"),
    ]),
    # An exact entry in place of a stricter pattern.
    (
        "[[tool]]\npattern='a*'\nredaction='hipaa'",
        "[[tool]]\npattern='a*'\nredaction='hipaa'\n[[tool]]\nname='ab'",
        [("added", "tool ab", "", "redaction")],
    ),
    # A pattern beside a stricter one.
    (
        "[[tool]]\npattern='a*'\nclassification='restricted'",
        "[[tool]]\npattern='a*'\nclassification='restricted'\n[[tool]]\npattern='ab*'\nclassification='public'",
        [("added", "tool ab*", "classification public")],
    ),
    (
        "[[tool]]\nname='a'\nclassification='restricted'\nside_effect=true\nresource_type='t'\nresource_id='i'",
        "",
        [
            (
                "removed",
                "tool a",
                "classification restricted; side effect yes; resource type t; resource id i",
                "classification",
                "side effect",
                "resource",
            )
        ],
    ),
    ("[[tool]]\nname='a'\nclassification='public'", "", [("removed", "tool a", "classification public")]),
    (
        "[[resource]]\ntype='p'\npseudonym=true",
        "[[resource]]\ntype='p'\npseudonym=false",
        [("changed", "resource p", "pseudonym yes → no", "pseudonyms")],
    ),
    (
        "[[domain]]\nname='pci'\nredaction='pci'",
        "[[domain]]\nname='pci'\nredaction='strict'",
        [("changed", "domain pci", "redaction pci → strict", "redaction")],
    ),
    (
        "[redaction]\nprofile='strict'",
        "[redaction]\nprofile='balanced'",
        [("changed", "redaction", "profile strict → balanced", "redaction")],
    ),
    ("[redaction]\nprofile='off'", "", [("changed", "redaction", "profile off → balanced")]),
    (
        "[[redaction.pattern]]\nkind='P_N'\npattern='a-b+'\nnear=['b','c']",
        "[[redaction.pattern]]\nkind='P_N'\npattern='a-b+'\nignore_case=true",
        [
            ("removed", "redaction.pattern P_N", "P_N: a-b+ near b, c", "redaction"),
            ("added", "redaction.pattern P_N", "P_N: a-b+, any case"),
        ],
    ),
    (
        "[redaction.keys]\nsensitive={a='X_A',b='X_B'}\nallowed=['c']\n[redaction.allow]\nvalues=['v']",
        "[redaction.keys]\nsensitive={a='X_C'}\nallowed=['d']\n[redaction.allow]\ndomains=['e.example']\npatterns=['f-']",
        [
            ("removed", "redaction.keys sensitive", "b", "redaction"),
            ("changed", "redaction.keys sensitive a", "X_A → X_C"),
            ("removed", "redaction.keys allowed", "c"),
            ("added", "redaction.keys allowed", "d", "redaction"),
            ("removed", "redaction.allow values", "v"),
            ("added", "redaction.allow domains", "e.example", "redaction"),
            ("added", "redaction.allow patterns", "f-", "redaction"),
        ],
    ),
    (
        "[identities]\nscope=['a','b']",
        "[identities]\npseudonyms=false\nscope=['b','c']",
        [
            ("changed", "identities", "pseudonyms yes → no", "pseudonyms"),
            ("removed", "identities.scope", "a", "pseudonyms"),
            ("added", "identities.scope", "c"),
        ],
    ),
    (
        "[prompts]\nagents={a='hashed',b='stored',c='stored'}",
        "[prompts]\nstore='stored'\nagents={b='stored',c='hashed',d='stored'}",
        [
            ("changed", "prompts", "store hashed → stored", "prompts"),
            ("removed", "prompts.agents a", "hashed", "prompts"),
            ("changed", "prompts.agents c", "stored → hashed"),
            ("added", "prompts.agents d", "stored", "prompts"),
        ],
    ),
    ("[originals]\nkeep='always'\nwithout_key='stop'", "", []),
    ("", "[originals]\nkeep='never'", [("changed", "originals", "keep always → never", "originals")]),
    ("[originals]\nkeep='never'", "", [("changed", "originals", "keep never → always")]),
    (
        "",
        "[originals]\nkeep='domains'\ndomains=['pci']\nwithout_key='record'",
        [
            ("changed", "originals", "keep always → domains", "originals"),
            ("added", "originals.domains", "pci"),
            ("changed", "originals", "without_key stop → record", "originals"),
        ],
    ),
    (
        "[originals]\nkeep='domains'\ndomains=['pci','hr']\nwithout_key='record'",
        "[originals]\nkeep='domains'\ndomains=['hipaa','hr']",
        [
            ("removed", "originals.domains", "pci", "originals"),
            ("added", "originals.domains", "hipaa"),
            ("changed", "originals", "without_key record → stop"),
        ],
    ),
    (
        "[originals]\nkeep='domains'\ndomains=['pci']",
        "[originals]\nkeep='never'",
        [
            ("changed", "originals", "keep domains → never", "originals"),
            ("removed", "originals.domains", "pci"),
        ],
    ),
    (
        "[originals]\nkeep='domains'\ndomains=['pci']",
        "[originals]\nkeep='always'",
        [("changed", "originals", "keep domains → always"), ("removed", "originals.domains", "pci")],
    ),
    (
        "",
        "[defaults]\nclassification='restricted'",
        [("changed", "defaults", "classification confidential → restricted")],
    ),
    (
        "[defaults]\nside_effect=true\nredaction='pci'",
        "[defaults]\nclassification='public'",
        [
            (
                "changed",
                "defaults",
                "classification confidential → public; redaction pci → not said; side effect yes → not said",
                "classification",
                "side effect",
                "redaction",
            )
        ],
    ),
    (
        "",
        "[found.card]\ndomains=[]\nredaction='pci'",
        [("changed", "found.card", "domains pci → none; redaction not said → pci", "domains")],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "expected"), CHANGES)
def test_each_difference_is_told_and_what_it_loosens(before: str, after: str, expected: list[tuple[str, ...]]) -> None:
    assert changes(before, after) == expected


def test_everything_that_a_file_says_is_seen() -> None:
    """Without any one of its lines a file differs, or is none."""
    lines = FULL.strip().split("\n")
    heads = {"[redaction]", "[identities]", "[prompts]", "", 'profile = "balanced"', 'store = "hashed"'}
    heads.add('name = "policy number"')  # no more than what a finding is called
    seen = 0
    for number, line in enumerate(lines):
        if line in heads or line.startswith("[["):
            continue
        try:
            without = registry("\n".join([*lines[:number], *lines[number + 1 :]]))
        except ConfigurationError:
            continue
        assert differences(registry(FULL), without), line
        assert differences(without, registry(FULL)), line
        seen += 1
    assert seen >= 15
