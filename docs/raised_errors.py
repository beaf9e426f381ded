"""Which errors a function can raise, read from its source and the functions that it calls.

OpenAPI documents name the errors of each route. A list by hand would be incomplete after the next change. So
the source is followed: `raise` statements, calls whose target the annotations tell, and the errors that a
docstring names after "Raises", for calls whose target they do not tell. What an `except` or a `suppress`
catches is left out.
"""

import ast
import builtins
import contextlib
import dataclasses
import functools
import inspect
import re
import textwrap
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeGuard

from doorward_client.errors import DoorwardError, UnavailableError

Errors = frozenset[type[DoorwardError]]

_NONE: Final[Errors] = frozenset()
_BASES: Final[Errors] = frozenset({DoorwardError, UnavailableError})
"""Never raised themselves: where one is, a variable has the error."""

_PACKAGES: Final = "doorward"
_RAISES: Final = re.compile(r"\b[Rr]aises? ([^.]*)")
_NAME: Final = re.compile(r"\w+Error\b")


class _Instance(NamedTuple):
    """A value of a known class."""

    kind: type


class _Method(NamedTuple):
    """A function, and the class that its first parameter is of."""

    function: Any  # types.FunctionType, which mypy would bind as a method
    owner: type | None


def errors_by_name() -> Mapping[str, type[DoorwardError]]:
    """Return all loaded error classes by their names, which are unique."""

    def classes(base: type[DoorwardError]) -> Iterator[type[DoorwardError]]:
        yield base
        for subclass in base.__subclasses__():
            yield from classes(subclass)

    return {error.__name__: error for error in classes(DoorwardError)}


class RaisedErrors:
    """Finds the errors of functions, each function once."""

    def __init__(self) -> None:
        self._known: dict[_Method, Errors] = {}
        self._attributes: dict[type, dict[str, object]] = {}
        self._names = errors_by_name()

    def of(self, call: Callable[..., Any], parameters: Mapping[str, type] | None = None) -> Errors:
        """Return the errors that a call of a function, or of an object with `__call__`, can raise.

        `parameters` are the classes of arguments, where they say more than the annotations.
        """
        found = _callable(call)
        if found is None or not parameters:
            return _NONE if found is None else self.of_method(found)
        return _Reader(self, found, parameters).errors() | self._documented(found.function)

    def of_method(self, method: _Method) -> Errors:
        if method not in self._known:
            self._known[method] = _NONE  # for a recursive call
            self._known[method] = self._read(method)
        return self._known[method]

    def attributes_of(self, kind: type) -> dict[str, object]:
        """Return what is known of the attributes of a class's objects."""
        if kind not in self._attributes:
            self._attributes[kind] = found = dict[str, object]()
            for base in reversed(kind.__mro__):
                found.update({name: _instance(hint) for name, hint in _hints(base).items()})
                if isinstance(init := vars(base).get("__init__"), types.FunctionType):
                    found.update(_Reader(self, _Method(init, kind)).assigned_attributes())
        return self._attributes[kind]

    def _read(self, method: _Method) -> Errors:
        return _Reader(self, method).errors() | self._documented(method.function)

    def _documented(self, function: types.FunctionType) -> Errors:
        sentences = _RAISES.findall(inspect.getdoc(function) or "")
        names = {name for sentence in sentences for name in _NAME.findall(sentence)}
        return frozenset(self._names[name] for name in names if name in self._names) - _BASES


class _Reader:
    """Reads the source of one function."""

    def __init__(
        self, finder: RaisedErrors, method: _Method, parameters: Mapping[str, type] | None = None
    ) -> None:
        self._finder = finder
        self._owner = method.owner
        self._globals = {**method.function.__globals__, **inspect.getclosurevars(method.function).nonlocals}
        self._tree = _source(method.function)
        self._locals = {name: _instance(hint) for name, hint in _hints(method.function).items()}
        names = list(inspect.signature(method.function).parameters)
        if method.owner is not None and names:
            self._locals[names[0]] = _Instance(method.owner)
        self._locals.update({name: _Instance(kind) for name, kind in (parameters or {}).items()})
        for node in ast.walk(self._tree):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                self._locals[node.target.id] = _instance(self._evaluated(node.annotation))
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                self._locals.setdefault(node.targets[0].id, self._value(node.value))

    def errors(self) -> Errors:
        return self._all(ast.iter_child_nodes(self._tree))

    def assigned_attributes(self) -> dict[str, object]:
        """Return the values that `self.x = ...` assigns, by the names of the attributes."""
        return {
            target.attr: self._value(node.value)
            for node in ast.walk(self._tree)
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Attribute)
        }

    def _all(self, nodes: Iterable[ast.AST]) -> Errors:
        return _NONE.union(*(self._raised(node) for node in nodes))

    def _raised(self, node: ast.AST) -> Errors:
        if isinstance(node, ast.Try):
            kept = self._without(self._all(node.body), node.handlers)
            return kept | self._all([*node.handlers, *node.orelse, *node.finalbody])
        found = self._all(ast.iter_child_nodes(node)) | self._of_node(node)
        if isinstance(node, (ast.With, ast.AsyncWith)):
            found -= self._suppressed(found, node)
        return found

    def _of_node(self, node: ast.AST) -> Errors:
        if isinstance(node, (ast.Raise, ast.Return)):  # an error is returned to be raised
            raised = node.exc if isinstance(node, ast.Raise) else node.value
            return _NONE if raised is None else _as_errors(self._value(raised)) - _BASES
        if isinstance(node, ast.Subscript) or _is_lookup(node):
            return self._of_table(node)
        if isinstance(node, (ast.Name, ast.Attribute)):
            # Also a function that is not called here: it is passed on to be called.
            method = _callable(self._value(node))
            return _NONE if method is None else self._finder.of_method(method)
        return _NONE

    def _of_table(self, node: ast.AST) -> Errors:
        """Return the errors of all functions in a table that is read, or all errors in it."""
        source = node.func if isinstance(node, ast.Call) else node
        assert isinstance(source, (ast.Attribute, ast.Subscript))
        table = self._value(source.value)
        return _NONE.union(*map(self._of_entry, table.values())) if isinstance(table, Mapping) else _NONE

    def _of_entry(self, entry: object) -> Errors:
        if dataclasses.is_dataclass(entry) and not isinstance(entry, type):
            fields = (getattr(entry, field.name) for field in dataclasses.fields(entry))
            return _NONE.union(*map(self._of_entry, fields))
        if errors := _as_errors(entry):
            return errors
        method = _callable(entry)
        return _NONE if method is None else self._finder.of_method(method)

    def _without(self, errors: Errors, handlers: Iterable[ast.ExceptHandler]) -> Errors:
        for handler in handlers:
            if any(isinstance(node, ast.Raise) and node.exc is None for node in ast.walk(handler)):
                continue  # raised again
            caught = (BaseException,) if handler.type is None else self._classes(handler.type)
            errors = frozenset(error for error in errors if not issubclass(error, caught))
        return errors

    def _suppressed(self, errors: Errors, node: ast.With | ast.AsyncWith) -> Errors:
        calls = [item.context_expr for item in node.items if isinstance(item.context_expr, ast.Call)]
        caught = tuple(
            kind
            for call in calls
            if self._value(call.func) is contextlib.suppress
            for argument in call.args
            for kind in self._classes(argument)
        )
        return frozenset(error for error in errors if issubclass(error, caught))

    def _classes(self, node: ast.expr) -> tuple[type, ...]:
        nodes = node.elts if isinstance(node, ast.Tuple) else [node]
        return tuple(kind for one in nodes if isinstance(kind := self._value(one), type))

    def _value(self, node: ast.expr) -> object:
        """Return what an expression is: an _Instance, a _Method, a class, a function, a module, or None."""
        match node:
            case ast.Name(id=name):
                return self._locals[name] if name in self._locals else self._global(name)
            case ast.Attribute(value=value, attr=name):
                return self._attribute(self._value(value), name)
            case ast.Await(value=value):
                return self._value(value)
            case ast.Call(func=ast.Name(id="super")):
                return None if self._owner is None else _Instance(self._owner.__mro__[1])
            case ast.Call(func=called):
                return _result(self._value(called))
        return None

    def _global(self, name: str) -> object:
        return self._globals.get(name, getattr(builtins, name, None))

    def _attribute(self, base: object, name: str) -> object:
        if isinstance(base, _Instance):
            member = inspect.getattr_static(base.kind, name, None)
            if isinstance(member, types.FunctionType):
                return _Method(member, base.kind)
            if isinstance(member, property):
                return _instance(_hints(member.fget).get("return"))
            return self._finder.attributes_of(base.kind).get(name)
        if isinstance(base, type):
            member = inspect.getattr_static(base, name, None)
            inner = member.__func__ if isinstance(member, (classmethod, staticmethod)) else member
            return _Method(inner, base) if isinstance(inner, types.FunctionType) else None
        return getattr(base, name, None) if isinstance(base, types.ModuleType) else None

    def _evaluated(self, annotation: ast.expr) -> object:
        try:
            return eval(ast.unparse(annotation), self._globals)  # noqa: S307 - an annotation of our own source
        except Exception:  # noqa: BLE001 - it names a type of this function alone
            return None


def _is_lookup(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get"


@functools.cache
def _source(function: types.FunctionType) -> ast.AST:
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError, SyntaxError):  # made at run time
        return ast.Pass()


@functools.cache
def _hints(part: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(part)
    except (NameError, TypeError, AttributeError):  # a type that is imported for the type checker alone
        return {}


def _instance(hint: object) -> object:
    """Return what a value with this annotation is: of an optional or a union the first class."""
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        return next((found for arg in typing.get_args(hint) if (found := _instance(arg))), None)
    kind = typing.get_origin(hint) or hint
    is_known = isinstance(kind, type) and kind.__module__.startswith(_PACKAGES)
    return _Instance(kind) if is_known and isinstance(kind, type) else None


def _callable(value: object) -> _Method | None:
    """Return the function of our own that a call of `value` runs."""
    if isinstance(value, types.MethodType):
        value = _Method(typing.cast("types.FunctionType", value.__func__), type(value.__self__))
    elif isinstance(value, types.FunctionType):
        value = _Method(typing.cast("types.FunctionType", inspect.unwrap(value)), None)
    elif isinstance(value, type):
        init = inspect.getattr_static(value, "__init__", None)
        value = _Method(init, value) if isinstance(init, types.FunctionType) else None
    elif value is not None and not isinstance(value, (_Instance, _Method)) and callable(value):
        call = inspect.getattr_static(type(value), "__call__", None)
        value = _Method(call, type(value)) if isinstance(call, types.FunctionType) else None
    if isinstance(value, _Method) and value.function.__module__.startswith(_PACKAGES):
        return value
    return None


def _result(called: object) -> object:
    if isinstance(called, type):
        return _Instance(called)
    function = called.function if isinstance(called, _Method) else called
    return _instance(_hints(function).get("return")) if isinstance(function, types.FunctionType) else None


def _as_errors(value: object) -> Errors:
    kind = value.kind if isinstance(value, _Instance) else value
    return frozenset({kind}) if isinstance(kind, type) and issubclass(kind, DoorwardError) else _NONE
