"""What the present work is about: the fields that every log line of it carries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import partial
from types import MappingProxyType
from typing import Any, ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_fields: ContextVar[Mapping[str, Any]] = ContextVar("work_fields", default=_NOTHING)


@contextmanager
def working_on(**fields: Any) -> Iterator[None]:
    """Adds fields to what is known of the work within the block; None is nothing known."""
    known = {name: value for name, value in fields.items() if value is not None}
    token = _fields.set({**_fields.get(), **known})
    try:
        yield
    finally:
        _fields.reset(token)


def work_fields() -> Mapping[str, Any]:
    """What is known of the work that this thread does."""
    return _fields.get()


class WorkThreads(ThreadPoolExecutor):
    """Threads that know what the work is about that is given to them."""

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """See Executor."""
        return super().submit(partial(copy_context().run, partial(fn, *args, **kwargs)))
