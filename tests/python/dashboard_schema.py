"""Validates Grafana dashboards with the types of grafana-foundation-sdk, which Grafana generates from its own schema.

Reads a JSON list of dashboards from standard input and prints, as JSON, a list of faults for each. The SDK's own
readers pass over unknown keys and wrong types; this walks the same classes and refuses both: a key that the class does
not have, a value that is not of the annotated type or not one of the enum, and a required key that is not there. The
options and custom fields of a panel are held to the classes of its kind, and so is each override.
"""

import enum
import functools
import json
import sys
import types
import typing

from grafana_foundation_sdk.cog import plugins, runtime, variants
from grafana_foundation_sdk.models import dashboard, prometheus

# Kinds of panel whose classes are asked for. Another kind is a fault, so that none goes unchecked.
plugins.register_default_plugins()

# What Grafana's Prometheus data source reads from an annotation beside the keys that the schema gives to all.
ANNOTATION = {"textFormat": str, "titleFormat": str, "useValueForTime": bool, "tagKeys": str}
TRANSFORMATIONS = {"merge": set(), "organize": {"excludeByName", "indexByName", "renameByName"}}


@functools.cache
def keys(cls: type) -> dict[str, typing.Any]:
    """The annotation of each JSON key of `cls`, learnt from how it writes itself."""

    class Field(str):
        pass

    hints = typing.get_type_hints(cls)
    empty = cls.__new__(cls)
    for name in hints:
        setattr(empty, name, Field(name))
    return {key: hints[value] for key, value in empty.to_json().items() if isinstance(value, Field)}


def optional(hint: typing.Any) -> bool:
    return type(None) in typing.get_args(hint)


class Checker:
    def __init__(self) -> None:
        self.faults: list[str] = []

    def fault(self, path: str, text: str) -> None:
        self.faults.append(f"{path}: {text}")

    def instance(self, path: str, value: typing.Any, cls: type) -> None:
        """`value` is an object with the keys of `cls`."""
        if not isinstance(value, dict):
            return self.fault(path, f"{value!r} is not an object")
        known = keys(cls)
        extra = ANNOTATION if cls is dashboard.AnnotationQuery else {}
        for key in value.keys() - known.keys() - extra.keys():
            self.fault(path, f"{cls.__name__} has no key {key!r}")
        for key, hint in known.items():
            if key in value:
                self.value(f"{path}.{key}", value[key], hint)
            elif not optional(hint) and key != "type":
                self.fault(path, f"{cls.__name__} needs the key {key!r}")
        for key in extra.keys() & value.keys():
            self.value(f"{path}.{key}", value[key], extra[key])
        if cls is dashboard.Panel:
            self.panel(path, value)
        if cls is dashboard.DataTransformerConfig:
            self.transformation(path, value)

    def value(self, path: str, value: typing.Any, hint: typing.Any) -> None:
        """`value` is what `hint` says."""
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin in (typing.Union, types.UnionType):
            self.any_of(path, value, arguments)
        elif origin is typing.Literal:
            if value not in arguments:
                self.fault(path, f"{value!r} is none of {list(arguments)}")
        elif origin is list:
            if not isinstance(value, list):
                return self.fault(path, f"{value!r} is not a list")
            for index, item in enumerate(value):
                self.value(f"{path}[{index}]", item, arguments[0])
        elif origin is dict:
            if not isinstance(value, dict):
                return self.fault(path, f"{value!r} is not an object")
            for key, item in value.items():
                self.value(f"{path}.{key}", item, arguments[1])
        elif hint is object or hint is typing.Any:
            pass
        elif hint is variants.Dataquery:
            self.instance(path, value, prometheus.Dataquery)
        elif isinstance(hint, type) and issubclass(hint, enum.Enum):
            if value not in [member.value for member in hint] or isinstance(value, bool):
                self.fault(path, f"{value!r} is none of {[member.value for member in hint]}")
        elif hint in (str, bool, int, float, type(None)):
            self.plain(path, value, hint)
        else:
            self.instance(path, value, hint)

    def plain(self, path: str, value: typing.Any, hint: type) -> None:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        right = number if hint is float else number and int(value) == value if hint is int else isinstance(value, hint)
        if not right:
            self.fault(path, f"{value!r} is not of type {hint.__name__}")

    def any_of(self, path: str, value: typing.Any, hints: tuple[typing.Any, ...]) -> None:
        """One of `hints` must accept the value; else the faults of the one that came closest are told."""
        if value is None and type(None) in hints:
            # The schema's `null` is the bottom of thresholds alone; a key without a value is left out elsewhere.
            return None if path.endswith("].value") else self.fault(path, "null")
        told: list[list[str]] = []
        kinds = [hint for hint in hints if hint is not type(None)]
        for hint in kinds:
            if len(kinds) > 1 and self.other_kind(value, hint):
                continue
            attempt = Checker()
            attempt.value(path, value, hint)
            told.append(attempt.faults)
        if told and not any(not faults for faults in told):
            self.faults.extend(min(told, key=len))
        elif not told:
            self.fault(path, f"{value!r} fits nothing that may stand here")

    def other_kind(self, value: typing.Any, hint: typing.Any) -> bool:
        """True where the `type` of the object says that it is not this one of several."""
        if not isinstance(value, dict) or not isinstance(hint, type) or not hasattr(hint, "to_json"):
            return False
        expected = getattr(hint(), "type_val", None) if "type" in keys(hint) else None
        if hint is dashboard.Panel:
            return value.get("type") == "row"
        return isinstance(expected, str) and expected != "" and value.get("type") != expected

    def panel(self, path: str, panel: dict[str, typing.Any]) -> None:
        """Options, custom fields and overrides are those of the panel's kind."""
        config = runtime.panelcfg_config(panel.get("type", ""))
        if config is None:
            return self.fault(path, f"no panel is of the kind {panel.get('type')!r}")
        self.instance(f"{path}.options", panel.get("options"), config.options_from_json_hook.__self__)
        fields = panel.get("fieldConfig", {})
        custom_class = config.field_config_from_json_hook and config.field_config_from_json_hook.__self__
        if "custom" in fields.get("defaults", {}):
            if custom_class is None:
                self.fault(path, f"{panel['type']} has no custom fields")
            else:
                self.instance(f"{path}.fieldConfig.defaults.custom", fields["defaults"]["custom"], custom_class)
        for index, override in enumerate(fields.get("overrides", [])):
            for one in override.get("properties", []):
                self.override(f"{path}.fieldConfig.overrides[{index}]", one, custom_class)

    def override(self, path: str, one: dict[str, typing.Any], custom_class: type | None) -> None:
        name = one.get("id", "")
        custom = name.startswith("custom.")
        cls, key = (custom_class, name.removeprefix("custom.")) if custom else (dashboard.FieldConfig, name)
        hints = keys(cls) if cls else {}
        if key not in hints:
            return self.fault(path, f"there is no field {name!r} to override")
        if key == "links":
            # The schema gives links the shape of a dashboard's; Grafana's own data links are these three keys.
            for link in one["value"]:
                self.value(path, link, dict[str, str | bool])
                if link.keys() != {"title", "url", "targetBlank"}:
                    self.fault(path, f"a link has the keys {sorted(link)}")
            return
        self.value(f"{path}.{name}", one.get("value"), hints[key])

    def transformation(self, path: str, one: dict[str, typing.Any]) -> None:
        known = TRANSFORMATIONS.get(one.get("id", ""))
        if known is None or one.get("options", {}).keys() - known:
            self.fault(path, f"not a transformation that is known here: {one}")


def faults(value: typing.Any) -> list[str]:
    checker = Checker()
    checker.instance("dashboard", value, dashboard.Dashboard)
    if not checker.faults:
        # What passes must be readable to the SDK, too.
        dashboard.Dashboard.from_json(value)
    return checker.faults


json.dump([faults(value) for value in json.load(sys.stdin)], sys.stdout)
