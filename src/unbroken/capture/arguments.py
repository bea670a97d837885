"""The arguments of a call by the names that the function gives them."""

import inspect
from collections.abc import Mapping, Sequence


def named_arguments(
    signature: inspect.Signature, args: Sequence[object], *, kwargs: Mapping[str, object]
) -> dict[str, object]:
    """What each parameter gets, defaults included, without a leading ``self`` or ``cls``.

    Arguments that don't fit, with which the call itself is going to fail, are given as ``args`` and ``kwargs``.
    """
    takes_self = next(iter(signature.parameters), None) in ("self", "cls")
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError:
        return {"args": list(args[1:] if takes_self else args), "kwargs": dict(kwargs)}
    bound.apply_defaults()
    return dict(list(bound.arguments.items())[1 if takes_self else 0 :])
