"""Parse an expression by the precedence of its operators (Pratt)."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from xpjob.collectors.sources.expressions.errors import ExpressionError
from xpjob.collectors.sources.expressions.functions import FUNCTIONS
from xpjob.collectors.sources.expressions.limits import MAX_DEPTH
from xpjob.collectors.sources.expressions.loops import LOOPS
from xpjob.collectors.sources.expressions.nodes import (
    Binary,
    Call,
    Chain,
    Conditional,
    Constant,
    Has,
    Index,
    Items,
    Loop,
    Member,
    Name,
    Node,
    Unary,
    walk,
)
from xpjob.collectors.sources.expressions.pattern_syntax import PatternError
from xpjob.collectors.sources.expressions.patterns import Pattern
from xpjob.collectors.sources.expressions.tokens import Token, tokens

PRECEDENCE: tuple[tuple[str, ...], ...] = (
    ("?",),
    ("??",),
    ("||",),
    ("&&",),
    ("==", "!="),
    ("<", "<=", ">", ">=", "in"),
    ("+", "-"),
    ("*", "/", "%"),
)
"""Binary operators from the loosest to the tightest; unary ones bind tighter still."""
LITERALS = {"true": True, "false": False, "null": None, "nil": None}
_POWER = {sign: level for level, signs in enumerate(PRECEDENCE) for sign in signs}
_CHAINS = ("??", "||", "&&")
_TOO_DEEP = f"nested more than {MAX_DEPTH} times: split it into several fields"
_MANY_NAMES = 500


def parse(source: str, names: Collection[str]) -> Node:
    """Return the tree of an expression. Raises ``ExpressionError``."""
    parser = _Parser(source, names)
    root = parser.expression()
    parser.expect_end()
    for node, level in walk(root):
        if level > MAX_DEPTH:
            raise ExpressionError(_TOO_DEEP, node.column)
    return root


class _Parser:
    def __init__(self, source: str, names: Collection[str]) -> None:
        self._words = list(tokens(source))
        self._at = 0
        self._names = names
        self._loops: dict[str, int] = {}
        self._count = 0
        self._depth = 0

    def expression(self, loosest: int = 0) -> Node:
        """Parse what binds at least as tightly as a level of ``PRECEDENCE``."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionError(_TOO_DEEP, self._word.column)
        left = self._operand()
        while (power := self._power()) >= loosest:
            left = self._infix(left, self._take(), power)
        self._depth -= 1
        return left

    def expect_end(self) -> None:
        """Fail unless everything was read."""
        if self._word.kind != "end":
            raise self._unexpected("expected an operator, or the end")

    @property
    def _word(self) -> Token:
        return self._words[self._at]

    def _take(self) -> Token:
        word = self._words[self._at]
        if word.kind != "end":
            self._at += 1
        return word

    def _accept(self, text: str) -> bool:
        if self._word.kind == "operator" and self._word.text == text:
            self._at += 1
            return True
        return False

    def _expect(self, text: str, what: str) -> None:
        if not self._accept(text):
            raise self._unexpected(f"expected {text!r} {what}")

    def _unexpected(self, expected: str) -> ExpressionError:
        word = self._word
        found = "end" if word.kind == "end" else f"{word.text[:40]!r}"
        return ExpressionError(f"unexpected {found}: {expected}", word.column)

    def _power(self) -> int:
        word = self._word
        known = word.kind == "operator" or (word.kind == "name" and word.text == "in")
        return _POWER.get(word.text, -1) if known else -1

    def _infix(self, left: Node, word: Token, power: int) -> Node:
        if word.text == "?":
            yes = self.expression()
            self._expect(":", "and the value if the condition is false, as in test ? yes : no")
            return Conditional(word.column, left, yes, self.expression(power))
        right = self.expression(power + 1)
        if word.text not in _CHAINS:
            return Binary(word.column, word.text, left, right)
        if isinstance(left, Chain) and left.operator == word.text:
            return Chain(left.column, word.text, (*left.items, right))
        return Chain(word.column, word.text, (left, right))

    def _operand(self) -> Node:
        word = self._word
        if word.kind == "operator" and word.text in ("!", "-"):
            self._take()
            return Unary(word.column, word.text, self.expression(len(PRECEDENCE)))
        node = self._primary()
        while True:
            column = self._word.column
            if self._accept("."):
                node = self._member(node, column)
            elif self._accept("["):
                node = Index(column, node, self.expression())
                self._expect("]", "after the index")
            else:
                return node

    def _primary(self) -> Node:
        word = self._word
        if word.kind in ("number", "string"):
            self._take()
            return Constant(word.column, word.value)
        if word.kind == "name" and word.text != "in":
            self._take()
            if word.text.lower() in LITERALS:
                return Constant(word.column, LITERALS[word.text.lower()])
            return self._call(word) if self._accept("(") else self._name(word)
        if self._accept("("):
            node = self.expression()
            self._expect(")", "to close the parenthesis")
            return node
        if self._accept("["):
            return Items(word.column, self._list("]"))
        raise self._unexpected("expected a value, such as a field, a number or 'text'")

    def _list(self, end: str) -> tuple[Node, ...]:
        items: list[Node] = []
        while not self._accept(end):
            if items:
                self._expect(",", f"or {end!r}")
            items.append(self.expression())
        return tuple(items)

    def _name(self, word: Token) -> Name:
        if word.text in self._loops:
            return Name(word.column, word.text, self._loops[word.text])
        if word.text in self._names:
            return Name(word.column, word.text)
        names = sorted(self._names)[:_MANY_NAMES]
        mended = _similar(word.text, [*self._loops, *names])
        if not mended and word.text in FUNCTIONS:
            mended = f": to call the function, write {word.text}(...)"
        elif not mended:
            shown = ", ".join(name[:40] for name in names[:10])
            mended = f": known are {shown}{', ...' if len(names) > 10 else ''}" if names else ""
        raise ExpressionError(f"unknown name {word.text[:40]!r}{mended}", word.column)

    def _call(self, word: Token) -> Node:
        name = word.text
        if name == "has":
            path = self.expression()
            if not isinstance(path, Name | Member | Index):
                raise ExpressionError("has: expected a path, as in has(a.b)", path.column)
            self._expect(")", "after the path: has takes 1 argument")
            return Has(word.column, path)
        if name in LOOPS:
            raise ExpressionError(
                f"{name} is called on a list: write list.{name}(x, ...)", word.column
            )
        if name == "if":
            raise ExpressionError("there is no if(): write test ? yes : no", word.column)
        if name not in FUNCTIONS:
            mended = _similar(name, [*FUNCTIONS, "has"])
            raise ExpressionError(f"unknown function {name[:40]!r}{mended}", word.column)
        return self._function(word, self._list(")"))

    def _function(self, word: Token, arguments: tuple[Node, ...]) -> Node:
        function = FUNCTIONS[word.text]
        count = len(arguments)
        if count < function.fewest or (function.most is not None and count > function.most):
            raise ExpressionError(
                f"{word.text} takes {_arity(function.fewest, function.most)}, got {count}:"
                f" write {word.text}({function.parameters})",
                word.column,
            )
        if word.text == "matches":
            arguments = (arguments[0], _pattern(arguments[1]))
        return Call(word.column, word.text, arguments)

    def _member(self, of: Node, column: int) -> Node:
        word = self._take()
        if word.kind != "name":
            self._at -= word.kind != "end"
            raise self._unexpected("expected the name of a field; for other keys write map['a-b']")
        if not self._accept("("):
            return Member(column, of, word.text)
        if word.text in LOOPS:
            return self._loop(of, word)
        if word.text in FUNCTIONS and FUNCTIONS[word.text].method:
            return self._function(word, (of, *self._list(")")))
        if word.text in FUNCTIONS:
            raise ExpressionError(
                f"{word.text} is no method: write {word.text}({FUNCTIONS[word.text].parameters})",
                word.column,
            )
        methods = [*LOOPS, *(name for name, function in FUNCTIONS.items() if function.method)]
        mended = _similar(word.text, methods) or f": known are {', '.join(methods)}"
        raise ExpressionError(f"unknown method {word.text[:40]!r}{mended}", word.column)

    def _loop(self, of: Node, word: Token) -> Node:
        variable = self._word
        if variable.kind != "name" or variable.text.lower() in (*LITERALS, "in"):
            raise self._unexpected(f"expected a variable, as in list.{word.text}(x, ...)")
        self._take()
        self._expect(",", f"after the variable, as in list.{word.text}(x, ...)")
        self._count += 1
        number, outer = self._count, self._loops
        self._loops = {**outer, variable.text: number}
        body = self.expression()
        self._loops = outer
        self._expect(")", f"at the end of {word.text}")
        return Loop(word.column, word.text, of, variable.text, number, body)


def _pattern(node: Node) -> Constant:
    if not isinstance(node, Constant) or not isinstance(node.value, str):
        raise ExpressionError("matches: the pattern must be a string, as in 'a+'", node.column)
    try:
        return Constant(node.column, Pattern(node.value))
    except PatternError as error:
        raise ExpressionError(f"invalid pattern: {error}", node.column) from None


def _arity(fewest: int, most: int | None) -> str:
    if most is None:
        return f"at least {fewest} argument{'s' if fewest != 1 else ''}"
    count = str(most) if fewest == most else f"{fewest} to {most}"
    return f"{count} argument{'s' if most != 1 else ''}"


def _similar(name: str, names: list[str]) -> str:
    """Return a suggestion, empty if none is similar. Long names take quadratic time."""
    found = difflib.get_close_matches(name[:64], [other[:64] for other in names], 3)
    folded = [other for other in names if other.lower() == name.lower()]
    close = list(dict.fromkeys([*folded, *found]))[:3]
    return f": did you mean {' or '.join(close)}?" if close else ""
