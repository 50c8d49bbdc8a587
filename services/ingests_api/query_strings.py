"""Query strings: each parameter once, in UTF-8; an empty one counts as absent."""

from __future__ import annotations

from urllib.parse import parse_qsl

from course_backfill.errors import InvalidInput, Problem

MAX_PARAMETERS = 20


def read_query(raw: str) -> dict[str, str]:
    """Name → value; raises InvalidInput for repeats, bad UTF-8 and too many parameters."""
    try:
        pairs = parse_qsl(
            raw, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS
        )
    except UnicodeDecodeError:
        raise InvalidInput(Problem("?", "expected parameters in UTF-8")) from None
    except ValueError:
        raise InvalidInput(Problem("?", f"expected at most {MAX_PARAMETERS}")) from None
    query = dict(pairs)
    if len(query) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = sorted({name for name in names if names.count(name) > 1})
        raise InvalidInput(*(Problem(f"?{name}", "expected at most once") for name in repeated))
    return {name: value for name, value in query.items() if value}
