"""How options are declared: a group is a dataclass that checks its fields whenever they are assigned.

Fields, declared with ``option(rule)`` or ``nested(Group)``, are checked wherever values come in, and stored in the instance.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, TypeVar

from .._calls import even_half_made
from .._doors import LazyMethod
from ..exceptions import IBMInputValueError
from .rules import ByLevel, Rule, Unset, listed, shown


@dataclasses.dataclass(frozen=True)
class _Entry:
    """One field of a group, as declared."""

    rule: Rule | None = None
    group: type[OptionGroup] | None = None
    default: Any = Unset
    null: bool = False
    unsent: Any = Unset
    sent: bool = True
    merges: bool = False
    service: Any = Unset

    def told(self, level: int | None) -> str:
        """Say what applies where nothing is set, at a resilience level or, for None, at each."""
        if isinstance(self.service, ByLevel):
            if level is None:
                return ", ".join(f"{value} (default at level {at})" for at, value in enumerate(self.service))
            return f"{self.service[level]} (default)"
        if isinstance(self.service, str) and self.service.startswith("<"):
            return f"{self.service[1:-1]} (default)"
        return "not set" if self.service is Unset else f"{self.service!r} (default)"


_INNER = frozenset({"check", "replica", "sent", "switches", "to_wire"})


def option(
    rule: Rule,
    *,
    default: Any = Unset,
    null: bool = False,
    unsent: Any = Unset,
    sent: bool = True,
    merges: bool = False,
    service: Any = Unset,
) -> Any:
    """Declare a field of an option group.

    ``None`` is always taken and means the same as ``Unset`` on the wire, unless ``null``.

    Args:
        rule: What it takes.
        default: Its value when not given.
        null: Whether None has a meaning of its own and is sent as null.
        unsent: A value that says what the service does anyway and is therefore not sent.
        sent: Whether it goes into the ``options`` of the request at all.
        merges: Whether ``update`` merges a dict into the present one.
        service: What the service does when it is not set, to be shown: a value, ``ByLevel``, or
            words in angle brackets.
    """
    entry = _Entry(rule, None, default, null, unsent, sent, merges, service)
    return dataclasses.field(default=default, metadata={"entry": entry})


def nested(group: type[OptionGroup], *, sent: bool = True) -> Any:
    """Declare a group inside a group; it also takes a dict."""
    return dataclasses.field(default_factory=group, metadata={"entry": _Entry(group=group, sent=sent)})


_G = TypeVar("_G", bound="OptionGroup")


def option_group(path: str = "") -> Callable[[type[_G]], type[_G]]:
    """Make a class an option group.

    Args:
        path: Where the group sits below the options, for messages: ``resilience.zne``.
    """

    def decorate(cls: type[_G]) -> type[_G]:
        made: Any = dataclasses.dataclass(init=False, repr=False, eq=False)(cls)  # one of each for all groups
        declared = dataclasses.fields(made)
        made._path = path
        made._entries = {item.name: item.metadata["entry"] for item in declared}
        made._groups = {name: entry.group for name, entry in made._entries.items() if entry.group}
        made.__signature__ = inspect.Signature([_parameter(item) for item in declared])
        return made

    return decorate


def _parameter(item: dataclasses.Field[Any]) -> inspect.Parameter:
    kind, default = inspect.Parameter.KEYWORD_ONLY, item.default
    default = Unset if default is dataclasses.MISSING else default
    return inspect.Parameter(item.name, kind, default=default, annotation=item.type)


class OptionGroup:
    """A group of options: checked on assignment, comparable, printable, picklable.

    Every constructor argument is a keyword, and every attribute can be set later. A nested group takes a
    group object or a dict.

    Raises:
        IBMInputValueError: If a name is not an option or a value is not allowed; the message names the
            option and what it takes.
    """

    _path: ClassVar[str] = ""
    _entries: ClassVar[dict[str, _Entry]] = {}
    _groups: ClassVar[dict[str, type[OptionGroup]]] = {}
    _former: ClassVar[Mapping[str, str]] = {}
    """Names that are no option any more, or of the other primitive -> what to do instead."""
    __signature__: ClassVar[inspect.Signature]

    def __init__(self, **values: Any) -> None:
        for name in values:
            self._entry(name)
        for name, entry in self._entries.items():
            given = values.get(name, Unset)
            if given is Unset:
                given = entry.group() if entry.group else entry.default
            self.__dict__[name] = self._read(name, given)
        self._check()

    def __setattr__(self, name: str, value: Any) -> None:
        kept = self._read(name, value)
        before = self.__dict__.get(name, Unset)
        self.__dict__[name] = kept
        try:
            self._check()
        except IBMInputValueError:
            self.__dict__[name] = before
            raise

    @even_half_made
    def __repr__(self) -> str:
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._entries)
        return f"{type(self).__qualname__}({values})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self._entries)

    __hash__ = None  # type: ignore[assignment]

    def update(self, **values: Any) -> None:
        """Set several options at once; a dict for a nested group is merged into it.

        Nothing is changed when any of the values is refused.

        Args:
            values: Options by name.

        Raises:
            IBMInputValueError: If a name is not an option or a value is not allowed.
        """
        self._adopt()
        trial = self.replica()
        trial._merge(values)
        trial.check()
        self._merge(values)

    def replica(self: _G) -> _G:
        """Return an equal object that shares no group, list, tuple or dict with this one."""
        twin = object.__new__(type(self))
        for name, value in self.__dict__.items():
            if isinstance(value, OptionGroup):
                twin.__dict__[name] = value.replica()
            else:
                twin.__dict__[name] = (
                    copy.deepcopy(value) if isinstance(value, (list, tuple, dict)) else value
                )
        return twin

    def check(self) -> None:
        """Check the rules that tie several options together, in this group and those inside it.

        Assignments check their own group; this also sees what was set inside nested groups since, and dicts that
        were written over a group past the assignments (``vars(options)["twirling"] = {...}``).

        Raises:
            IBMInputValueError: If options contradict each other, or such a dict makes no sense.
        """
        self._adopt()
        self._check()
        for name in self._groups:
            self.__dict__[name].check()

    def _adopt(self) -> None:
        """Make groups of the dicts that stand in the place of groups."""
        for name, group in self._groups.items():
            if type(self.__dict__[name]) is not group:
                self.__dict__[name] = self._read(name, self.__dict__[name])

    def sent(self) -> dict[str, Any]:
        """Return what the request must carry: set values only, no empty groups."""
        found: dict[str, Any] = {}
        for name, entry in self._entries.items():
            value = self.__dict__[name]
            if not entry.sent or value is Unset or (value is None and not entry.null):
                continue
            if entry.group is not None:
                value = value.sent()
                if not value:
                    continue
            elif type(value) is type(entry.unsent) and value == entry.unsent:
                continue
            found[name] = value
        return found

    def model_dump(self, *, exclude_unset: bool = False, exclude_none: bool = False) -> dict[str, Any]:
        """Return the values as nested dicts, as the newer option family does; the class takes them back.

        What is left to the service (``Unset``) is not among them.

        Args:
            exclude_unset: Leave out defaults too, and groups without anything.
            exclude_none: Leave out what is None.
        """
        chosen = self.model_fields_set if exclude_unset else frozenset(self._entries)
        found: dict[str, Any] = {}
        for name, value in self.__dict__.items():
            if name not in chosen or value is Unset or (exclude_none and value is None):
                continue
            if isinstance(value, OptionGroup):
                found[name] = value.model_dump(exclude_unset=exclude_unset, exclude_none=exclude_none)
            else:
                found[name] = copy.deepcopy(value) if isinstance(value, (list, tuple, dict)) else value
        return found

    def model_dump_json(
        self, *, indent: int | None = None, exclude_unset: bool = False, exclude_none: bool = False
    ) -> str:
        """Return ``model_dump`` as JSON.

        Args:
            indent: Spaces per level; None for one line.
            exclude_unset: As for ``model_dump``.
            exclude_none: As for ``model_dump``.

        Raises:
            TypeError: An option is no JSON value, as a noise model.
        """
        return json.dumps(
            self.model_dump(exclude_unset=exclude_unset, exclude_none=exclude_none), indent=indent
        )

    def model_copy(self: _G, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> _G:
        """Return a copy with some options changed, which are checked.

        Args:
            update: Options by name; those of groups are merged into them.
            deep: Accepted as the newer option family has it; groups are never shared.

        Raises:
            IBMInputValueError: If a name is not an option or a value is not allowed.
        """
        del deep
        twin = self.replica()
        twin.update(**(update or {}))
        return twin

    @classmethod
    def model_validate(cls: type[_G], obj: Any) -> _G:
        """Return options of this class: the object itself, or what a dict says.

        Raises:
            IBMInputValueError: If it is neither, or has an option that there is not, or a value that is not allowed.
        """
        if isinstance(obj, cls):
            return obj
        if not isinstance(obj, Mapping):
            raise IBMInputValueError(f"{cls.__name__} are made of a dict, not of {type(obj).__name__}.")
        return cls(**obj)

    @property
    def model_fields_set(self) -> frozenset[str]:
        """The names of the options that were set to something else than their defaults, groups included."""
        return frozenset(
            name
            for name, entry in self._entries.items()
            if (self.__dict__[name].model_fields_set if entry.group else self.__dict__[name] != entry.default)
        )

    def _check(self) -> None:
        """Check the rules between this group's options; groups that have some override this."""

    def _merge(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            entry = self._entry(name)
            present = self.__dict__[name]
            if entry.group is not None and isinstance(value, Mapping):
                present._merge(value)
            elif entry.merges and isinstance(value, Mapping) and isinstance(present, Mapping):
                self.__dict__[name] = merged(present, value)
            else:
                self.__dict__[name] = self._read(name, value)

    def _entry(self, name: str) -> _Entry:
        entry = self._entries.get(name)
        if entry is None:
            raise IBMInputValueError(self._unknown(name))
        return entry

    def _read(self, name: str, value: Any) -> Any:
        entry = self._entry(name)
        if entry.group is not None:
            return self._read_group(name, entry.group, value)
        if value is Unset or value is None:
            return value
        assert entry.rule is not None  # noqa: S101 - an entry has a group or a rule
        try:
            return entry.rule.read(value)
        except (TypeError, ValueError, OverflowError) as cause:
            if isinstance(cause, IBMInputValueError):
                raise
            because = f" ({cause})" if cause.args and type(cause) is ValueError else ""
            raise IBMInputValueError(
                f"Option {self._where(name)} must be {entry.rule.allowed}"
                f"{' or None' if entry.null else ''}; got {shown(value)}{because}."
            ) from cause

    def _read_group(self, name: str, group: type[OptionGroup], value: Any) -> OptionGroup:
        if value is Unset:
            return group()
        if isinstance(value, group):
            return value
        if isinstance(value, Mapping):
            return group(**{str(key): item for key, item in value.items()})
        raise IBMInputValueError(
            f"Option {self._where(name)} must be a {group.__name__} or a dict; got {shown(value)}."
        )

    def _where(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def _unknown(self, name: str) -> str:
        if name in self._former:
            return f"{self._where(name)} is no option of {type(self).__name__}: {self._former[name]}."
        import difflib

        deeper = [path for path in self._paths() if path.rpartition(".")[2] == name]
        close = deeper or difflib.get_close_matches(name, self._entries, n=3)
        hint = (
            f"did you mean {' or '.join(repr(self._where(item)) for item in close)}?"
            if close
            else f"there are {listed(self._entries)}."
        )
        return f"There is no option {self._where(name)!r} in {type(self).__name__}; {hint}"

    @classmethod
    def _paths(cls) -> Iterator[str]:
        for name, entry in cls._entries.items():
            if entry.group is None:
                yield name
            else:
                yield from (f"{name}.{path}" for path in entry.group._paths())

    def __dir__(self) -> list[str]:
        """List what users need; what the package does with options is left out."""
        return [name for name in super().__dir__() if name not in _INNER]

    def __str__(self) -> str:
        """Show the options one a line, with the defaults that apply; ``repr`` can be evaluated."""
        rows = list(self._rows("", self._level()))
        width = max((len(name) for name, _ in rows), default=0)
        return "\n".join([type(self).__name__, *(f"  {name:{width}}  {value}" for name, value in rows)])

    _repr_html_ = LazyMethod("notebook.jobs:options")

    def _level(self) -> int | None:
        """Return the resilience level that decides defaults; None where there is none to tell."""
        if "resilience_level" not in self._entries:
            return 0 if "twirling" in self._entries else None
        level = self.__dict__["resilience_level"]
        return level if isinstance(level, int) else 1

    def _rows(self, prefix: str, level: int | None) -> Iterator[tuple[str, str]]:
        for name, value in self.__dict__.items():
            if isinstance(value, OptionGroup):
                yield from value._rows(f"{prefix}{name}.", level)
                continue
            entry = self._entries.get(name)
            yield f"{prefix}{name}", repr(value) if value is not Unset or entry is None else entry.told(level)


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``old`` with ``new`` merged into it, dict by dict, as a new dict."""
    both = dict(old)
    for name, value in new.items():
        present = both.get(name)
        if isinstance(present, Mapping) and isinstance(value, Mapping):
            both[name] = merged(present, value)
        else:
            both[name] = value
    return both
