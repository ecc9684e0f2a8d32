"""Declare options in groups, and load several groups.

A group is a frozen struct next to the code that uses it. Each field is an option:
``page_size`` is the variable ``PAGE_SIZE`` and the flag ``--page-size``. Values are text, from the
command line or else the environment; an empty value counts as unset. All mistakes are reported at
once, before any connection is made. An option may have further names, those that another exporter
gives it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from typing import Any, ClassVar, TypeVar, cast

import msgspec
from msgspec import Struct

from xpjob.base.errors import SettingsError

T = TypeVar("T")
G = TypeVar("G", bound="Group")

Problem = tuple[str, str]
"""A contradiction between options: the name of one of them, and the message."""


class Option(Struct, frozen=True):
    """One option as command line, errors and documentation use it.

    ``aliases`` are further names, ``repeated`` is the separator of the values of a repeated flag.
    """

    name: str
    variable: str
    flag: str
    help: str
    default: str
    parse: Callable[[str], Any]
    secret: bool
    switch: bool
    aliases: tuple[str, ...]
    repeated: str

    @property
    def variables(self) -> tuple[str, ...]:
        """Return the variable, and those of the aliases."""
        return (self.variable, *(alias.upper() for alias in self.aliases))

    @property
    def flags(self) -> tuple[str, ...]:
        """Return the flag, and those of the aliases."""
        return (self.flag, *map(_flag, self.aliases))


class Group(Struct, frozen=True):
    """Base class of option groups. ``title`` is the heading in ``--help``."""

    title: ClassVar[str]

    def problems(self, config: Config) -> Iterator[Problem]:
        """Yield contradictions between values that are valid on their own."""
        yield from ()


@dataclass(frozen=True)
class Config:
    """The loaded groups, by type.

    ``given`` are the texts that set them, by variable, without secrets.
    """

    groups: tuple[Group, ...] = ()
    given: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, *groups: Group) -> Config:
        """Return a configuration of these groups."""
        return cls(groups)

    def __getitem__(self, group: type[G]) -> G:
        """Return the group of this type; its defaults if it was not loaded."""
        for loaded in self.groups:
            if isinstance(loaded, group):
                return loaded
        return group()


class _Declaration(Struct, frozen=True, eq=False):
    """What ``option`` was given; as the default factory of a field it makes its default."""

    meta: Mapping[str, Any]

    def __call__(self) -> Any:
        return self.meta["parse"](self.meta["default"])


def option(
    help: str,  # noqa: A002 - the word that click uses
    default: str,
    parse: Callable[[str], T],
    *,
    variable: str = "",
    flag: str = "",
    secret: bool = False,
    switch: bool = False,
    aliases: tuple[str, ...] = (),
    repeated: str = "",
) -> T:
    """Declare one option. ``parse`` raises ``ValueError`` saying what it expects.

    A ``secret`` has a variable only, because other users can see command lines. The flag of a
    ``switch`` takes no value: ``--strict`` and ``--no-strict``. With ``repeated`` the flag may be
    given several times: its values are joined with that separator. ``aliases``, for people who move
    over from other programs, are written as names of fields, and name a variable and a flag each.
    """
    meta = {"help": help, "default": default, "parse": parse, "secret": secret, "switch": switch}
    names = {"variable": variable, "flag": flag, "aliases": aliases, "repeated": repeated}
    declared: T = msgspec.field(default_factory=_Declaration({**meta, **names}))
    return declared


@cache
def options(group: type[Group]) -> tuple[Option, ...]:
    """Return the options of a group in declaration order."""
    return tuple(
        _option(item.name, cast("_Declaration", item.default_factory).meta)
        for item in msgspec.structs.fields(group)
    )


def declared(groups: Iterable[type[Group]]) -> list[tuple[type[Group], Option]]:
    """Return the options of these groups, each once, with the first group that has it.

    Groups share an option by inheriting its declaration. Raises ``ValueError`` for two declarations
    of one name.
    """
    first: dict[str, tuple[type[Group], Option]] = {}
    found = []
    for group in groups:
        for each in options(group):
            names = (*each.variables, *each.flags)
            known = next((first[name] for name in names if name in first), None)
            if known is None:
                found.append((group, each))
                first.update(dict.fromkeys(names, (group, each)))
            elif known[1] != each:
                raise ValueError(
                    f"{group.__name__} declares {each.variable} otherwise than {known[0].__name__}"
                )
    return found


def _option(name: str, meta: Mapping[str, Any]) -> Option:
    variable = meta["variable"] or name.upper()
    flag = meta["flag"] or _flag(name)
    return Option(name=name, **{**meta, "variable": variable, "flag": flag})


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def load(
    flags: Mapping[str, str | None],
    environ: Mapping[str, str],
    groups: Iterable[type[Group]],
) -> Config:
    """Load the groups that a command needs.

    ``flags`` maps option names to the values of the command line. Raises ``SettingsError`` with
    every mistake.
    """
    problems: list[str] = []
    invalid: set[str] = set()
    loaded: list[Group] = []
    texts: dict[str, str] = {}
    for group in groups:
        values = {}
        for declared in options(group):
            given = _given(declared, flags.get(declared.name), environ)
            if not given:
                continue
            where, text = next(iter(given.items()))
            if not declared.secret:
                texts[declared.variable] = text
            try:
                if len(set(given.values())) > 1:
                    others = ", ".join(name for name in given if name != where)
                    raise ValueError(f"{others} has another value; set only one of them")
                values[declared.name] = declared.parse(text)
            except ValueError as error:
                problems.append(f"{where}: {error}")
                invalid.add(declared.name)
        loaded.append(group(**values))
    config = Config(tuple(loaded), texts)
    contradictions = chain.from_iterable(group.problems(config) for group in loaded)
    problems += [text for name, text in contradictions if name not in invalid]
    if problems:
        raise SettingsError(list(dict.fromkeys(problems)))  # of what several groups inherit, once
    return config


def _given(option: Option, flag: str | None, environ: Mapping[str, str]) -> dict[str, str]:
    """Return what sets an option: its flag, else its variables, its own name first."""
    texts = {name: environ.get(name, "") for name in option.variables}
    if flag is not None:
        texts = {option.flag: flag}
    return {name: text.strip() for name, text in texts.items() if text.strip()}
