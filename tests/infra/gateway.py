"""The pipeline stack of the example stage, as tests of the gateway look at it."""

from __future__ import annotations

from typing import Any

from infra.stage import API
from tests.infra.templates import Template, loaded, of_type

STAGE = loaded("prod")
NAMESPACE = STAGE.settings.namespace

Properties = dict[str, Any]


class Pipeline:
    """The pipeline stack of a stage, as CloudFormation gets it."""

    def __init__(self, template: Template) -> None:
        self.template = template

    def of(self, kind: str, **like: str) -> dict[str, Properties]:
        """Logical id → properties of every resource of a kind whose properties begin so."""
        return {
            name: one
            for name, one in of_type(self.template, f"AWS::{kind}").items()
            if all(str(one.get(key)).startswith(text) for key, text in like.items())
        }

    def only(self, kind: str, **like: str) -> Properties:
        """The one resource."""
        [found] = self.of(kind, **like).values()
        return found

    @property
    def function(self) -> Properties:
        """The one that answers."""
        return self.only("Lambda::Function", FunctionName=STAGE.function_name(API))


def plain(value: Any) -> Any:
    """Joined texts, with the logical ids that they refer to."""
    match value:
        case {"Fn::Join": [str(between), list(parts)]}:
            return between.join(str(plain(one)) for one in parts)
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            return name
        case dict():
            return {key: plain(one) for key, one in value.items()}
        case list():
            return [plain(one) for one in value]
        case _:
            return value
