"""Redaction measured: what is found of labelled data, what is masked in vain, and how fast; beside Presidio."""

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import presidio_engine
from event_texts import events
from held_out import LOOKS, SAME, held_out
from report import Result, Target
from scoring import STRUCTURED, Finder, Labelled, Score, Span, read_labelled, score
from timing import tell

from unbroken.privacy.redaction.profiles import BALANCED
from unbroken.privacy.redaction.redactor import Redactor

DATA: Final = Path(__file__).parents[2] / "shared" / "data"
"""Where labelled data is looked for: beside the project."""
_EACH: Final = ("EMAIL_ADDRESS", "IBAN_CODE", "IP_ADDRESS", "US_SSN", "CREDIT_CARD")
_FALSE: Final = 0.03
_RATE: Final = 5_000
_TIMES_FASTER: Final = 50
_FIELDS: Final = {
    "agent_id": "claims-assistant", "agent_name": "Claims assistant", "model": "some-model-4", "purpose": "treatment",
    "resource_id": "p-0123456789abcdef0123456789abcdef", "resource_type": "patient", "session_id": "call-17-of-today",
    "status": "ok", "tool": "get_patient",
}  # fmt: skip
"""Texts of an event as they come again and again."""


def measure(data: Path = DATA, *, quick: bool = False) -> Iterator[Result]:
    """All measurements; those that lack their data or Presidio say so."""
    ours = _finder(Redactor(BALANCED, key=None))
    finders: dict[str, Finder] = {"unbroken": ours}
    if presidio_engine.is_installed():
        for threshold in (0.0, presidio_engine.CONTEXT_THRESHOLD):
            finders[f"presidio {threshold:g}"] = _presidio(threshold)
    else:
        tell("presidio-analyzer is not installed here: nothing stands beside unbroken (pip install 'unbroken[bench]')")
    if (data / "pii").is_dir():
        yield _structured(read_labelled(data / "pii" / "synth_v2.jsonl"), finders)
        yield _examples(read_labelled(data / "pii" / "libphone_examples.jsonl"), finders)
        yield _cases(read_labelled(data / "pii" / "presidio_tests.jsonl"), finders)
    else:
        tell(f"no labelled data in {data}: recall and precision are left out (--data)")
    yield _held_out(5 if quick else 20)
    yield _false_maskings(finders, 200 if quick else 1_000)
    if (data / "airline").is_dir():
        yield _conversations(data / "airline" / "conversations.json")
    yield _speed(finders, 100 if quick else 400)


def _finder(front: Redactor) -> Finder:
    return lambda text: [(*hit.span, hit.kind) for hit in front.explain(text)]


def _presidio(threshold: float) -> Finder:
    engine = presidio_engine.pattern_engine(threshold=threshold)
    return lambda text: presidio_engine.found_in(engine, text)


# ---- what is found ----


def _structured(labelled: list[Labelled], finders: dict[str, Finder]) -> Result:
    scores = _scores("synth_v2", labelled, finders)
    rows = [_row(kind, scores, (kind,)) for kind in STRUCTURED]
    rows.append(_row("all eight", scores, STRUCTURED))
    ours = scores["unbroken"]
    targets = [
        Target("recall, eight structured types", ours.recall(*STRUCTURED), 0.99),
        Target("precision, eight structured types", ours.precision(*STRUCTURED), 0.98),
        *(Target(f"recall, {kind}", ours.recall(kind), 0.995) for kind in _EACH),
        Target("recall, PHONE_NUMBER", ours.recall("PHONE_NUMBER"), 0.97),
    ]
    return _result("structured", "Found in 1,500 generated texts: recall / precision", rows, scores, targets)


def _examples(labelled: list[Labelled], finders: dict[str, Finder]) -> Result:
    scores = _scores("libphonenumber's examples", labelled, finders)
    by_form = {form: [item for item in labelled if item.source.endswith(form)] for form in ("e164", "intl", "national")}
    rows = []
    for form, items in by_form.items():
        part = {name: score(items, finder) for name, finder in finders.items()}
        rows.append(_row(form, part, ("PHONE_NUMBER",)))
    rows.append(_row("all", scores, ("PHONE_NUMBER",)))
    targets = [Target("recall, libphonenumber's examples", scores["unbroken"].recall(), 0.98)]
    return _result("phones", "Example numbers of 240 regions: recall / precision", rows, scores, targets)


def _cases(labelled: list[Labelled], finders: dict[str, Finder]) -> Result:
    scores = _scores("presidio's test cases", labelled, finders)
    kinds = sorted(scores["unbroken"].labels)
    rows = [[kind, str(scores["unbroken"].labels[kind]), *_recalls(scores, (kind,))] for kind in kinds]
    rows.append(["all", str(len(labelled)), *_recalls(scores, ())])
    notes = ["Many cases are a bare number that only the test's name calls an identifier: unbroken leaves such alone",
             "unless the profile is strict. Presidio wrote these cases for its own recognisers."]  # fmt: skip
    figures = {name: {kind: found.recall(kind) for kind in kinds} for name, found in scores.items()}
    columns = ["kind", "labels", *scores]
    return Result("cases", "Presidio's own test cases: recall", columns, rows, figures, (), notes)


def _scores(what: str, labelled: list[Labelled], finders: dict[str, Finder]) -> dict[str, Score]:
    result = {}
    for name, finder in finders.items():
        tell(f"{what}: {name}")
        result[name] = score(labelled, finder)
    return result


def _row(name: str, scores: dict[str, Score], kinds: tuple[str, ...]) -> list[str]:
    labels = sum(scores["unbroken"].labels[kind] for kind in kinds)
    cells = [f"{found.recall(*kinds):.3f} / {found.precision(*kinds):.3f}" for found in scores.values()]
    return [name, str(labels), *cells]


def _recalls(scores: dict[str, Score], kinds: tuple[str, ...]) -> list[str]:
    return [f"{found.recall(*kinds):.3f}" for found in scores.values()]


def _result(
    name: str, title: str, rows: list[list[str]], scores: dict[str, Score], targets: Iterable[Target]
) -> Result:
    figures = {
        finder: {kind: [found.recall(kind), found.precision(kind)] for kind in found.labels}
        for finder, found in scores.items()
    }
    return Result(name, title, ["kind", "labels", *scores], rows, figures, tuple(targets))


def _held_out(rounds: int) -> Result:
    """Texts of other countries and layouts; findings of a kind that is as right as the labelled one count as it."""
    front = Redactor(BALANCED, key=None)

    def finder(text: str) -> list[Span]:
        return [(*hit.span, SAME.get(hit.kind, hit.kind)) for hit in front.explain(text)]

    scores = {}
    for look in LOOKS:
        tell(f"held-out texts of turn {look}")
        scores[f"turn {look}"] = score(held_out(rounds, look), finder)
    kinds = sorted(set().union(*(found.labels for found in scores.values())))
    rows = [[kind, *_cells(scores, kind)] for kind in kinds]
    rows.append(["all", *_cells(scores)])
    first = [cell for recall, precision in LOOKS.values() for cell in ("", f"{recall:.3f} / {precision:.3f}")]
    rows.append(["all, at first look", *first])
    targets = [
        Target(f"{what}, held-out texts, {name}", value, least)
        for name, found in scores.items()
        for what, value, least in (("recall", found.recall(), 0.99), ("precision", found.precision(), 0.98))
    ]
    notes = [
        "Texts in English, German, French and Spanish, written in three turns, with values made from a seed. Rules",
        "were mended on each turn after the first look at it: that look tells of texts that nobody has seen.",
    ]
    columns = ["kind", *(f"{name}{what}" for name in scores for what in (": labels", ": recall / precision"))]
    figures = {name: {"recall": found.recall(), "precision": found.precision()} for name, found in scores.items()}
    return Result("held_out", "Other countries and layouts", columns, rows, figures, tuple(targets), notes)


def _cells(scores: dict[str, Score], *kinds: str) -> list[str]:
    cells = []
    for found in scores.values():
        labels = sum(found.labels[kind] for kind in kinds or found.labels)
        cells += [str(labels), f"{found.recall(*kinds):.3f} / {found.precision(*kinds):.3f}" if labels else ""]
    return cells


# ---- what is masked in vain ----


def _false_maskings(finders: dict[str, Finder], count: int) -> Result:
    texts = [json.dumps(event) for event in events("clean", count, seed=11)]
    rows, figures = [], {}
    for name, finder in finders.items():
        tell(f"clean events: {name}")
        some = texts if name == "unbroken" else texts[: count // 10]
        kinds = Counter(kind for text in some for _, _, kind in finder(text))
        figures[name] = sum(kinds.values()) / len(some)
        rows.append([name, f"{figures[name]:.3f}", ", ".join(kind for kind, _ in kinds.most_common(3)) or "none"])
    target = Target("false maskings per clean event", figures["unbroken"], _FALSE, at_least=False)
    columns = ["finder", "per event", "mostly"]
    return Result("false_maskings", "Masked in clean events of 1.5 KB", columns, rows, figures, (target,))


def _conversations(path: Path) -> Result:
    """Real conversations: every birth date and address that the tools gave out must be gone from every message."""
    front = Redactor(BALANCED, key=None)
    conversations = json.loads(path.read_text(encoding="utf-8"))
    known = set(_values(conversations, ("dob", "email")))
    messages = [message for item in conversations for message in item["traj"]]
    left, counts = 0, Counter[str]()
    for message in messages:
        result = front.redact({"inputs": message})
        counts.update(result.counts)
        stored = json.dumps(result.values, ensure_ascii=False)
        left += sum(value in stored for value in known)
    rows = [[kind, str(count)] for kind, count in counts.most_common()]
    target = Target("birth dates and addresses left in conversations", float(left), 0.5, at_least=False)
    title = f"Masked in {len(messages):,} messages of real conversations"
    return Result("conversations", title, ["kind", "count"], rows, dict(counts) | {"left": left}, (target,))


def _values(value: Any, keys: tuple[str, ...]) -> Iterator[str]:
    """What stands below one of the keys, also in JSON that a text holds."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            value = json.loads(value)
        except ValueError:
            return
    if isinstance(value, dict):
        for key, item in value.items():
            if key in keys and isinstance(item, str):
                yield item
            else:
                yield from _values(item, keys)
    elif isinstance(value, list):
        for item in value:
            yield from _values(item, keys)


# ---- how fast ----


def _speed(finders: dict[str, Finder], count: int) -> Result:
    front = Redactor(BALANCED, key=None)
    works: dict[str, Callable[[Any], object]] = {"unbroken": lambda event: front.redact({"outputs": event})}
    for name, finder in finders.items():
        if name != "unbroken":
            works[name] = _over_text(finder)
    works["unbroken, with the event's texts"] = lambda event: front.redact({"outputs": event}, texts=_FIELDS)
    kinds = ("clean", "sparse", "dense")
    rates: dict[str, dict[str, float]] = {name: {} for name in works}
    for kind in kinds:
        made = list(events(kind, count))
        for name, work in works.items():
            tell(f"speed, {kind} events: {name}")
            rates[name][kind] = _rate(work, made if name.startswith("unbroken") else made[: count // 10])
    rows = [[name, *(f"{rates[name][kind]:,.0f}" for kind in kinds)] for name in works]
    targets = [Target("clean events of 1.5 KB a second, one core", rates["unbroken"]["clean"], _RATE)]
    for name in works:
        if not name.startswith("unbroken"):
            ratio = rates["unbroken"]["clean"] / rates[name]["clean"]
            targets.append(Target(f"times faster than {name}, clean events", ratio, _TIMES_FASTER))
    notes = ["Events a second of processor time, the best of several passes: other work on the machine makes it less."]
    columns = ["finder", "clean", "1 to 3 identifiers", "dense"]
    return Result("speed", "Events of 1.5 KB a second, one core", columns, rows, rates, tuple(targets), notes)


def _over_text(finder: Finder) -> Callable[[Any], object]:
    def work(event: Any) -> list[Span]:
        return list(finder(json.dumps(event)))

    return work


def _rate(work: Callable[[Any], object], made: list[Any]) -> float:
    work(made[0])
    best = float("inf")
    size = max(len(made) // 4, 1)
    for _ in range(5):
        for at in range(0, len(made) - size + 1, size):
            begin = time.process_time()
            for event in made[at : at + size]:
                work(event)
            best = min(best, (time.process_time() - begin) / size)
    return 1 / best


def main() -> None:
    """Measures and prints; a missed target is no error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, metavar="FOLDER", help="where pii/ and airline/ are")
    parser.add_argument("--quick", action="store_true", help="fewer events")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    wanted = parser.parse_args()
    print("# Redaction, measured")
    results = []
    for result in measure(wanted.data, quick=wanted.quick):
        print(result.text(), flush=True)
        results.append(result)
    targets = [target for result in results for target in result.targets]
    print(f"\n## {sum(target.met for target in targets)} of {len(targets)} targets met")
    if wanted.json:
        wanted.json.write_text(json.dumps([result.as_json() for result in results], indent=2) + "\n")


if __name__ == "__main__":
    main()
