"""Ports: the few verbs through which the domain reaches the outside; each has a memory twin."""

from course_backfill.ports.events import EventBus
from course_backfill.ports.messages import CallbackFailed, CallbackSender, MessageSender, Queues
from course_backfill.ports.metering import Meter
from course_backfill.ports.objects import ObjectReader, ObjectStat, ObjectWriter, Part, WorkStore
from course_backfill.ports.source import BadObject, CourseSource, ReadObject
from course_backfill.ports.state import Condition, Item, Key, Page, StateStore, Write

__all__ = [
    "BadObject",
    "CallbackFailed",
    "CallbackSender",
    "Condition",
    "CourseSource",
    "EventBus",
    "Item",
    "Key",
    "MessageSender",
    "Meter",
    "ObjectReader",
    "ObjectStat",
    "ObjectWriter",
    "Page",
    "Part",
    "Queues",
    "ReadObject",
    "StateStore",
    "WorkStore",
    "Write",
]
