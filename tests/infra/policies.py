"""Whether a policy allows a request: as much of IAM's way of deciding as the stacks make use of."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.infra.templates import Template, attribute, of_type


@dataclass(frozen=True, slots=True)
class Needed:
    """A right that a request needs; `context` are the condition keys that AWS gives with it."""

    action: str
    resource: str
    context: Mapping[str, frozenset[str]] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        told = "".join(f", {key} {sorted(values)}" for key, values in self.context.items())
        return f"{self.action} on {self.resource}{told}"


class Policy:
    """The statements of a function's role."""

    def __init__(self, statements: Sequence[Mapping[str, Any]]) -> None:
        self.statements = statements

    @classmethod
    def of_function(cls, template: Template, function: str) -> Policy:
        """What the role of the function of that full name may do, wherever it is written."""
        (found,) = (
            one
            for one in of_type(template, "AWS::Lambda::Function").values()
            if one["FunctionName"] == function
        )
        role = attribute(found["Role"])
        properties = template["Resources"][role]["Properties"]
        assert not properties.get("ManagedPolicyArns")
        documents = [one["PolicyDocument"] for one in properties.get("Policies", [])]
        documents += [
            one["PolicyDocument"]
            for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
            for one in of_type(template, kind).values()
            if role in map(attribute, one.get("Roles", []))
        ]
        return cls([statement for one in documents for statement in one["Statement"]])

    def allows(self, needed: Needed) -> bool:
        """Whether some statement allows it, and none denies it."""
        effects = {one["Effect"] for one in self.statements if _covers(one, needed)}
        return effects == {"Allow"}

    def actions(self) -> set[str]:
        """Every action that is named."""
        return {action for one in self.statements for action in texts(one["Action"])}

    def statements_with(self, action: str) -> list[Mapping[str, Any]]:
        """The statements that name, or match, the action."""
        return [
            one
            for one in self.statements
            if any(matches(pattern, action) for pattern in texts(one["Action"]))
        ]


def texts(value: Any) -> list[str]:
    """IAM writes one text without a list."""
    found = [value] if isinstance(value, str) else list(value)
    assert all(isinstance(one, str) for one in found), f"not a text: {found}"
    return found


def matches(pattern: str, text: str) -> bool:
    """IAM's wildcards."""
    regex = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(regex, text, re.DOTALL) is not None


def _covers(statement: Mapping[str, Any], needed: Needed) -> bool:
    assert {"Sid", "Effect", "Action", "Resource", "Condition"} >= set(statement)
    return (
        any(matches(one, needed.action) for one in texts(statement["Action"]))
        and any(matches(one, needed.resource) for one in texts(statement["Resource"]))
        and all(
            _holds(operator, keys, needed.context)
            for operator, keys in statement.get("Condition", {}).items()
        )
    )


def _holds(operator: str, keys: Mapping[str, Any], context: Mapping[str, Collection[str]]) -> bool:
    assert operator in {"StringEquals", "ForAllValues:StringEquals"}, f"not known here: {operator}"
    found = {key: set(context.get(key, ())) for key in keys}
    if operator == "StringEquals" and not all(found.values()):
        return False
    return all(found[key] <= set(texts(wanted)) for key, wanted in keys.items())
