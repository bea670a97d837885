"""What in a registry is allowed and probably not meant."""

from collections.abc import Iterator

from unbroken.privacy.redaction.profiles import covers
from unbroken.privacy.registry.entry import Entry
from unbroken.privacy.registry.looser import alone, listed, looser
from unbroken.privacy.registry.reading import BUILT_IN
from unbroken.privacy.registry.registry import Registry

_KINDS = ("tool", "source", "resource", "domain")


def oddities(registry: Registry) -> list[str]:
    """One sentence each, with the place it is about."""
    return [
        *_of_the_log(registry),
        *(words for kind in _KINDS for entry in registry.of_kind(kind).entries for words in _of_entry(entry, registry)),
    ]


def _of_the_log(registry: Registry) -> Iterator[str]:
    if registry.profile.off:
        yield "redaction: the profile is off, so nothing is masked but where an entry asks for it"
    if not registry.pseudonyms and registry.pseudonymous_scope:
        yield "identities: scope has no effect while pseudonyms is false"
    if registry.originals.domains and registry.originals.keep != "domains":
        yield f'originals: domains has no effect while keep is "{registry.originals.keep}"'
    for flag, said in registry.found.items():
        less = looser(alone(BUILT_IN.found[flag]), alone(said))
        if less:
            yield f"found.{flag}: asks for less than what is built in: {listed(less)}"


def _of_entry(entry: Entry, registry: Registry) -> Iterator[str]:
    yield from (f"{entry.place}: {words}" for words in (*_name(entry, registry), *_content(entry, registry)))


def _name(entry: Entry, registry: Registry) -> Iterator[str]:
    if entry.name != entry.name.strip():
        yield "the name begins or ends with a blank, so only such names are meant"
    if entry.kind == "source" and entry.name.startswith("system="):
        yield f"a source is named without system=, as {entry.name.removeprefix('system=')}"
    if entry.kind == "domain" and entry.name != entry.name.lower():
        yield "domains are looked for in lower case, so it never applies"
    exact = [other for other in registry.of_kind(entry.kind).of(entry.name) if not other.is_pattern]
    if entry.is_pattern and exact:
        yield f"never applies: {exact[0].place} stands in its place"
    if not entry.is_pattern:
        yield from _in_place_of_patterns(entry, registry)


def _in_place_of_patterns(entry: Entry, registry: Registry) -> Iterator[str]:
    fitting = registry.of_kind(entry.kind).patterns_for(entry.name)
    if not fitting:
        return
    by_patterns = [other.says for other in fitting]
    less = looser(
        alone(*by_patterns, registry.defaults.left_by(by_patterns)),
        alone(entry.says, registry.defaults.left_by([entry.says])),
    )
    if any(other.pseudonym for other in fitting) and not entry.pseudonym:
        less.append("pseudonym")
    if less:
        places = listed(other.place for other in fitting)
        yield f"stands in place of {places}, and asks for less: {listed(less)}"


def _content(entry: Entry, registry: Registry) -> Iterator[str]:
    redaction = entry.says.redaction
    if redaction is not None and redaction != registry.profile and covers(registry.profile, redaction):
        yield f"redaction {redaction.name} has no effect: the whole log has {registry.profile.name}"
    if entry.resource_id is not None and entry.resource_type is None:
        yield "there is a resource_id, but no resource_type, so no resource is recorded of its calls"
    if entry.resource_type is not None and entry.resource_id is None:
        yield "there is a resource_type, but no resource_id, so no resource is recorded of its calls"
    if entry.resource_type is not None and not registry.resources.of(entry.resource_type):
        yield f"no [[resource]] names {entry.resource_type}, so the defaults hold for it"
    if entry.pseudonym and not registry.pseudonyms:
        yield "pseudonym has no effect while identities.pseudonyms is false"
