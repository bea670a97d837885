"""What is recorded in the measurements: made-up conversations of agents in a clinic.

Texts are drawn word by word, frequent words more often, so that they compress about as real prose does; a text of one
repeated character, or of random digits, would flatter one side of a comparison or the other.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any, Final

import msgspec

from unbroken.core.entry import Part
from unbroken.core.event import encode_event
from unbroken.core.ids import new_id
from unbroken.ledger.draft import Draft, draft
from unbroken.ledger.protection import AS_GIVEN

EVENT_BYTES: Final = 490
"""About what an event of these takes; the rest of an entry's size is its payload."""
_TURNS_PER_SESSION: Final = 7
_CORPUS_WORDS: Final = 150_000
_PROSE: Final = """
the to of and a for is in your you on with that we please at it be this have are from will not can as appointment or
patient by doctor was if an has our would my before after date time would record visit clinic tomorrow morning tablet
thank question number insurance nurse result blood pressure week dose prescription pain today lab call should pharmacy
confirm afternoon since allergy history name available slot next referral which need also two already one change again
moved cancelled test minutes twice daily sorry reached cardiology follow-up there request office first weight other
medication physician yes been them no between more week's three specialist reminder portal message signed kidney
system cholesterol side effect refill checked found updated sent stable normal slightly higher than last month range
temperature knee shoulder left right swelling walking sleeping headache fever cough vaccine second booster arrived
waiting room floor building entrance parking card payment invoice covered deductible authorised approved pending denied
surgery scheduled fasting water breakfast eight nine ten eleven twelve thirty Monday Tuesday Wednesday Thursday Friday
nothing urgent emergency otherwise translator Spanish wheelchair access daughter mother guardian consent form printed
language preferred contact phone mail letter address street verified identity birth year chart note written summary
ultrasound image radiology contrast metformin lisinopril ibuprofen amoxicillin insulin units milligrams evening bedtime
"""
_TOOLS: Final = ("find_slots", "read_chart", "book_appointment", "list_prescriptions", "send_message", "check_coverage")


@dataclass(frozen=True, slots=True)
class Batch:
    """The same events twice: as an application drafts them, and as texts ready for the database."""

    drafts: list[Draft]
    events: list[bytes]
    parts: list[dict[str, Part]]

    @property
    def mean_bytes(self) -> float:
        """Event text and payload values of an entry, on average."""
        texts = sum(map(len, self.events))
        return (texts + sum(len(part.value) for parts in self.parts for part in parts.values())) / len(self.events)


class Conversations:
    """An endless stream of events of about ``entry_bytes`` each. A ``seed`` gives the same texts again, not the ids."""

    def __init__(self, entry_bytes: int, *, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - content, no secret
        self._payload = entry_bytes - EVENT_BYTES
        self._corpus = _corpus(self._random)
        self._recorder = new_id()
        self._made = 0
        self._left = 0

    def batch(self, size: int) -> Batch:
        """The next ``size`` events."""
        drafts = [self.recipe()() for _ in range(size)]
        numbered = enumerate(drafts, self._made - size + 1)
        events = [
            msgspec.structs.replace(item.event, recorder=self._recorder, recorder_seq=number)
            for number, item in numbered
        ]
        return Batch(drafts, [encode_event(event) for event in events], [dict(item.parts) for item in drafts])

    def recipe(self) -> Callable[[], Draft]:
        """What drafts the next event: a tool call, its result or an answer, in turn, with many turns to a session."""
        step = self._made % 3
        if self._left == 0:
            self._left = 3 * _TURNS_PER_SESSION
            self._session, self._patient = new_id(), self._random.randrange(5000)
        if step == 0:
            self._turn, self._tool = new_id(), self._random.choice(_TOOLS)
        self._left -= 1
        self._made += 1
        about: dict[str, Any] = {
            "actor_id": f"user-{self._patient % 500}",
            "actor_type": "user",
            "agent_id": "clinic-agent",
            "session_id": self._session,
            "turn_id": self._turn,
        }
        if step == 2:
            return partial(draft, protection=AS_GIVEN, event_type="response", outputs={"text": self._text(20)}, **about)
        call: dict[str, Any] = {
            "call_id": f"call_{self._made}",
            "tool": self._tool,
            "side_effect": self._tool.startswith("book"),
        }
        place = {"resource_type": "patient", "resource_id": f"patient-{self._patient}"}
        if step == 0:
            inputs = {"patient": self._patient, "reason": self._text(50)}
            return partial(draft, protection=AS_GIVEN, event_type="tool_call", inputs=inputs, **about, **call, **place)
        outputs = {"status": "ok", "records": [self._text(50)]}
        return partial(draft, protection=AS_GIVEN, event_type="tool_result", outputs=outputs, **about, **call, **place)

    def _text(self, around: int) -> str:
        """Prose that fills the payload up beside ``around`` bytes of JSON; lengths vary by a fifth either way."""
        length = int((self._payload - around) * self._random.uniform(0.8, 1.2))
        start = self._random.randrange(len(self._corpus) - length)
        return self._corpus[start : start + length]


def _corpus(source: random.Random) -> str:
    """Some 900 KB of words, the n-th of them with a frequency of about 1/n."""
    words = _PROSE.split()
    weights = list(accumulate(1 / (rank + 2) for rank in range(len(words))))
    return " ".join(source.choices(words, cum_weights=weights, k=_CORPUS_WORDS))
