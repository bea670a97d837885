"""What is allowed in a registry and probably not meant is told, with its place."""

import pytest

from tests.unit.registries import FULL, registry
from unbroken.privacy.registry.oddities import oddities
from unbroken.privacy.registry.reading import BUILT_IN

ODD = [
    ("[redaction]\nprofile='off'", [
        "redaction: the profile is off, so nothing is masked but where an entry asks for it",
    ]),
    (
        "[identities]\npseudonyms=false\nscope=['account']\n[[resource]]\ntype='p'\npseudonym=true",
        [
            "identities: scope has no effect while pseudonyms is false",
            "resource 1 (p): pseudonym has no effect while identities.pseudonyms is false",
        ],
    ),
    ("[found.health]\nclassification='internal'", [
        "found.health: asks for less than what is built in: classification",
    ]),
    ("[originals]\nkeep='never'\ndomains=['hipaa']", [
        'originals: domains has no effect while keep is "never"',
    ]),
    ("[[tool]]\nname='a'\nresource_id='x'", [
        "tool 1 (a): there is a resource_id, but no resource_type, so no resource is recorded of its calls",
    ]),
    ("[[tool]]\nname='a'\nresource_type='x'\n[[resource]]\ntype='x'", [
        "tool 1 (a): there is a resource_type, but no resource_id, so no resource is recorded of its calls",
    ]),
    ("[[tool]]\nname='a'\nresource_type='x'\nresource_id='y'", [
        "tool 1 (a): no [[resource]] names x, so the defaults hold for it",
    ]),
    ("[[tool]]\npattern='a'\n[[tool]]\nname='a'", ["tool 1 (a): never applies: tool 2 (a) stands in its place"]),
    (
        "[[tool]]\npattern='a*'\nclassification='restricted'\n[[tool]]\npattern='*b'\ndomains=['pci']\n[[tool]]\nname='ab'",
        ["tool 3 (ab): stands in place of tool 1 (a*) and tool 2 (*b), and asks for less: domains and classification"],
    ),
    ("[[resource]]\npattern='p*'\npseudonym=true\n[[resource]]\ntype='pa'", [
        "resource 2 (pa): stands in place of resource 1 (p*), and asks for less: pseudonym",
    ]),
    ("[[source]]\nname='system=ehr'", ["source 1 (system=ehr): a source is named without system=, as ehr"]),
    ("[[source]]\nname='ehr '", [
        "source 1 (ehr ): the name begins or ends with a blank, so only such names are meant",
    ]),
    ("[[domain]]\nname='PCI'", ["domain 1 (PCI): domains are looked for in lower case, so it never applies"]),
    ("[[tool]]\nname='a'\nredaction='off'", ["tool 1 (a): redaction off has no effect: the whole log has balanced"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), ODD)
def test_what_is_odd_is_told(text: str, expected: list[str]) -> None:
    assert oddities(registry(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[[tool]]\nname='a'\nredaction='balanced'",
        "[[tool]]\npattern='a*'\n[[tool]]\nname='ab'\nclassification='restricted'",
        "[[tool]]\npattern='a*'\nclassification='internal'\n[[tool]]\nname='ab'",
        "[redaction]\nprofile='strict'\n[[tool]]\nname='a'\nredaction='pci'",
        "[found.health]\nredaction='hipaa'",
    ],
)
def test_what_is_not_odd_is_not_told(text: str) -> None:
    assert oddities(registry(text)) == []


def test_the_example_and_what_is_built_in() -> None:
    assert oddities(BUILT_IN) == []
    assert oddities(registry(FULL)) == [
        "tool 4 (ehr_ping): stands in place of tool 2 (ehr_*), and asks for less: classification"
    ]
