"""What an original holds: what redaction changed, and nothing else; and whose it is."""

from collections.abc import Sequence
from typing import Any, Final

import pytest

from tests.unit.test_protection import CARD, KEY, MAIL, Romeos, Rows
from tests.unit.test_sealer import Pool
from tests.unit.vaulted import DANA, KIM, LEE, LOG, OTHER, ring
from unbroken.capture import chat
from unbroken.capture.chat_ids import ChatIds
from unbroken.capture.prompts import Prompts
from unbroken.core.canonical import canonical
from unbroken.core.commitment import commit
from unbroken.core.normalise import Json
from unbroken.errors import ConfigurationError, InvalidEventError, UnavailableError
from unbroken.ledger.draft import Draft, draft
from unbroken.ledger.group import Submission
from unbroken.ledger.ledger import _batches
from unbroken.ledger.protection import SAME, Pieces, Screened, as_given
from unbroken.privacy.identities import Identities
from unbroken.privacy.protection import LogProtection
from unbroken.privacy.pseudonyms import is_pseudonym
from unbroken.privacy.registry.reading import registry_from
from unbroken.privacy.vault.layout import keys_needed
from unbroken.privacy.vault.originals import open_original
from unbroken.privacy.vault.place import Place
from unbroken.privacy.vault.sealer import Sealer

KEYS: Final = (DANA, LEE, KIM, OTHER)


class Kept:
    """A protection with a vault, and what it kept of events."""

    def __init__(self, toml: str = "", *, pool: Pool | None = None, **options: Any) -> None:
        registry = registry_from(toml, version=7)
        self.pool = Pool(*KEYS) if pool is None else pool
        self.guard = LogProtection(
            lambda: registry,
            key=KEY,
            identities=Identities(Rows(), KEY, LOG),
            note=lambda _: None,
            sealer=Sealer(self.pool, keys=[self.pool.log_key], log=LOG, clock=lambda: self.pool.now),
            **options,
        )

    def draft(self, kind: str = "request", /, **fields: Any) -> Draft:
        given = {"actor_id": "cron", "actor_type": "system", "session_id": "s-1", **fields}
        return draft(kind, protection=self.guard, **given)

    def original(self, kind: str = "request", /, **fields: Any) -> Json:
        """What is kept of such an event, ``None`` where nothing is."""
        return opened(self.draft(kind, **fields))


def opened(made: Draft) -> Json:
    if made.original is None:
        assert made.event.original is None
        return None
    assert made.event.original is not None
    place = Place(LOG, made.event.id)
    return open_original(made.original, private_keys=ring(KEYS), place=place, commitment=made.event.original)


# ---- what it holds ----


def test_parts_that_were_changed_are_kept_as_they_were_given() -> None:
    inputs = {"to": MAIL, "cc": [1, None, "ü"]}
    assert Kept().original(inputs=inputs, outputs="nothing to hide", details=None) == {"inputs": inputs}


def test_an_event_in_which_nothing_was_changed_has_none_and_asks_for_no_key() -> None:
    kept = Kept()
    assert (
        kept.original(inputs={"at": "09:30"}, outputs=None, purpose="book", tool="find", scope=["system=ehr"]) is None
    )
    assert kept.original() is None
    assert kept.pool.asked == []


def test_a_stream_that_was_looked_through_and_left_as_it_is_has_none() -> None:
    assert Kept().original(outputs=Pieces(["he", "llo"])) is None
    cut: list[Json] = ["jane.roe@ex", "ample.com"]
    assert Kept().original(outputs=Pieces(cut)) == {"outputs": cut}


def test_a_placeholder_that_somebody_typed_is_a_change_as_well() -> None:
    typed = "[EMAIL_ADDRESS:k1:0123456789abcdef]"
    assert Kept().original(inputs=typed) == {"inputs": typed}


def test_numbers_and_truth_values_stay_what_they_are() -> None:
    given: dict[str, Json] = {"mail": MAIL, "one": 1, "true": True, "half": 0.5}
    original = Kept().original(inputs=given)
    assert canonical(original) == canonical({"inputs": given})


def test_the_events_own_texts_are_kept_by_their_places() -> None:
    kept = Kept("identities.pseudonyms = false")
    made = kept.draft(
        "reviewed",
        purpose=f"write to {MAIL}",
        tool="mailer",
        scope=["system=mail", f"account={MAIL}"],
        decision={"by": MAIL, "outcome": "approved"},
    )
    assert opened(made) == {
        "event": {"purpose": f"write to {MAIL}", "scope/0": f"account={MAIL}", "decision/by": MAIL},
    }
    assert made.event.scope is not None
    assert made.event.scope[0].startswith("account=[EMAIL")


def test_an_items_place_is_that_in_the_sorted_list_of_the_line() -> None:
    kept = Kept("identities.pseudonyms = false")
    given = ["zoe@example.com", "plain", "adam@example.com", MAIL]
    made = kept.draft(subjects=given, domains=["zz", "hr@example.com"], inputs=f"card {CARD}")
    original = opened(made)
    assert isinstance(original, dict)
    texts = original["event"]
    assert isinstance(texts, dict)
    assert set(texts.values()) == {"zoe@example.com", "adam@example.com", MAIL, "hr@example.com"}
    for place, text in texts.items():
        name, _, at = place.partition("/")
        assert getattr(made.event, name)[int(at)] == Kept().draft(purpose=str(text)).event.purpose, place


def test_texts_that_became_the_same_have_places_of_their_own() -> None:
    many = [" ".join(f"{letter}{number}@ex.org" for number in range(60)) for letter in "ab"]
    made = Kept().draft(scope=["plain", *many])
    assert made.event.scope is not None
    assert len(made.event.scope) == 2
    assert opened(made) == {"event": {"scope/0": many[0], "scope/2": many[1]}}


def test_pseudonymised_names_are_not_in_it() -> None:
    kept = Kept('[identities]\nscope = ["account"]\n[[resource]]\ntype = "patient"\npseudonym = true')
    given: dict[str, Any] = {
        "actor_id": "Jane Roe",
        "actor_type": "user",
        "subjects": ["Jane Roe"],
        "resource_type": "patient",
        "resource_id": "Jane Roe",
        "scope": ["account=Jane Roe"],
        "decision": {"by": "Jane Roe"},
    }
    assert kept.original("reviewed", **given) is None
    assert kept.original("reviewed", **given, inputs=MAIL) == {"inputs": MAIL}


def test_what_a_model_found_is_kept_as_well() -> None:
    assert Kept(ner=Romeos()).original(inputs="ask Romeo Montague") == {"inputs": "ask Romeo Montague"}


def test_what_was_masked_before_is_kept_as_it_was_before_that() -> None:
    kept = Kept()
    assert kept.original(inputs=Screened("masked", {"US_SSN": 1}, "078-05-1120")) == {"inputs": "078-05-1120"}
    assert kept.original(inputs=Screened("masked", {"US_SSN": 1}, None)) == {"inputs": None}
    assert kept.original(inputs=Screened("unmasked")) is None


# ---- prompts and messages ----

SYSTEM: Final[Json] = {"role": "system", "content": f"You help {MAIL}"}
ASKED: Final[Json] = {"role": "user", "content": f"card {CARD}"}
PLAIN: Final[Json] = {"role": "user", "content": "hello"}


def test_messages_keep_what_they_were() -> None:
    system, asked, plain = Kept().guard.messages([SYSTEM, ASKED, PLAIN], {})
    assert (as_given(system), as_given(asked), as_given(plain)) == (SYSTEM, ASKED, PLAIN)
    assert plain.given is SAME
    assert MAIL not in repr([system, asked])
    assert CARD not in repr([system, asked])


def referred(kept: Kept, prompts: Prompts, messages: Sequence[Json]) -> Draft:
    prompt = prompts.refer(messages, protect=lambda some: kept.guard.messages(some, {}))
    prompts.recorded(prompt)
    return kept.draft("model_call", inputs=prompt.inputs)


def test_a_model_call_keeps_the_messages_that_are_new_in_it() -> None:
    kept, prompts = Kept(), Prompts()
    first = opened(referred(kept, prompts, [SYSTEM, ASKED, PLAIN]))
    assert isinstance(first, dict)
    inputs: Any = first["inputs"]
    assert [each["message"] for each in inputs["new"]] == [SYSTEM, ASKED, PLAIN]
    assert inputs["messages"] == [each["commitment"] for each in inputs["new"]]
    # A commitment is of the message as it is stored, so that it can't be tried out by whoever reads the payload.
    for each in inputs["new"][:2]:
        assert each["commitment"] != commit(bytes.fromhex(each["salt"]), canonical(each["message"]))
    assert opened(referred(kept, prompts, [SYSTEM, ASKED, PLAIN])) is None
    assert opened(referred(kept, prompts, [SYSTEM, PLAIN, {"role": "user", "content": "more"}])) is None


def test_a_template_and_prompts_among_parameters_are_kept() -> None:
    details = {
        "prompt_template": {"name": f"for {MAIL}", "text": "You are {name}"},
        "parameters": {"instructions": "Be kind", "temperature": 1},
    }
    assert Kept().original("model_call", details=details) == {"details": details}
    assert Kept().original("model_call", details={"prompt_template": "greeting"}) is None


def test_an_imported_conversation_keeps_messages_that_no_call_sent() -> None:
    kept = Kept()
    screened = kept.guard.messages([SYSTEM], {})
    step = chat.Step(ChatIds.under(KEY).event(b"c", b"", b"x", b"0"), "conversation_ended", {}, unsent=(SYSTEM,))
    told = chat._told(step, [], Prompts(), lambda _: screened, key=KEY)
    assert kept.original("conversation_ended", **told) == {"details": {"unsent": [SYSTEM]}}


# ---- whose it is ----


def keys_of(made: Draft) -> set[str]:
    assert made.original is not None
    return set(keys_needed(made.original))


def test_it_is_sealed_to_subjects_by_what_they_are_called_in_the_line() -> None:
    kept = Kept()
    made = kept.draft(subjects=["Dana", "Lee"], inputs=MAIL)
    assert keys_of(made) == {DANA.id, LEE.id}
    assert {holder.name for holder in kept.pool.held} == set(made.event.subjects or ())
    assert all(is_pseudonym(holder.name) for holder in kept.pool.held)


def test_an_opaque_id_that_is_masked_holds_its_key_by_the_placeholder() -> None:
    kept = Kept("identities.pseudonyms = false")
    kept.draft(subjects=[MAIL], inputs=MAIL)
    (holder,) = kept.pool.held
    assert holder.name.startswith("[EMAIL_ADDRESS:k1:")


def test_without_anybody_nothing_is_kept() -> None:
    kept = Kept()
    assert kept.original(inputs=MAIL, session_id=None) is None
    assert kept.pool.asked == []


# ---- policy ----


@pytest.mark.parametrize(
    ("toml", "fields", "expected"),
    [
        ('originals.keep = "never"', {}, False),
        ('originals.keep = "always"', {}, True),
        ('originals = { keep = "domains", domains = ["pci"] }', {}, False),
        ('originals = { keep = "domains", domains = ["pci"] }', {"domains": ["pci"]}, True),
        # What is found in it counts too.
        ('originals = { keep = "domains", domains = ["gdpr"] }', {}, True),
        ('redaction.profile = "off"', {}, False),
    ],
)
def test_which_events_keep_theirs_is_policy(toml: str, fields: dict[str, Any], expected: bool) -> None:
    kept = Kept(toml)
    assert (kept.original(inputs=MAIL, **fields) is not None) is expected
    assert len(kept.pool.asked) == expected


def test_without_a_key_policy_says_whether_the_event_stops() -> None:
    empty = Pool(*KEYS)
    empty.free = []
    with pytest.raises(UnavailableError, match="unbroken vault refill") as raised:
        Kept(pool=empty).draft(inputs=MAIL)
    assert MAIL not in str(raised.value)
    made = Kept('originals.without_key = "record"', pool=empty).draft(inputs=MAIL)
    assert (made.original, made.event.original) == (None, None)


def test_a_log_without_a_vault_is_asked_once_for_many_events() -> None:
    kept = Kept(pool=Pool())
    assert [kept.original(inputs=MAIL) for _ in range(5)] == [None] * 5
    assert len(kept.pool.asked) == 1


def test_an_event_whose_id_is_none_is_refused_before_anything_is_sealed() -> None:
    kept = Kept()
    with pytest.raises(InvalidEventError, match="id has not the form"):
        kept.draft(id="mine", inputs=MAIL)
    assert kept.pool.asked == []


def test_a_key_of_the_pool_that_is_not_the_logs_stops_the_event_whatever_policy_says() -> None:
    pool = Pool(*KEYS)
    pool.free = [each._replace(endorsement="k1:" + "0" * 64) for each in pool.free]
    with pytest.raises(ConfigurationError, match="was not made with this log's key"):
        Kept('originals.without_key = "record"', pool=pool).draft(inputs=MAIL)


# ---- on its way ----


def test_nothing_of_it_is_printed() -> None:
    made = Kept().draft(inputs=f"the answer is {MAIL}")
    assert MAIL not in repr(made)
    assert repr(made.original) not in repr(made)


def test_it_counts_where_memory_and_batches_are_bounded() -> None:
    large = {"note": [MAIL, "x" * 3_000_000]}
    made = [Kept().draft(inputs=large) for _ in range(6)]
    assert all(each.weight > 6_000_000 for each in made)
    assert Submission(made, deadline=0.0).weight == sum(each.weight for each in made)
    assert [len(batch) for batch in _batches(made)] == [2, 2, 2]
