"""A pickle walked opcode by opcode, as the unpickler would run it, with nothing imported and nothing called.

The stack, the marks and the memo are followed with values as far as they are plain, so that a name that is put
together by ``STACK_GLOBAL`` from the memo is known, and a name that is not plain is itself reported. Each name is
reported as it is met: what stands before a broken byte has run by the time the unpickler stumbles over it.

https://github.com/python/cpython/blob/main/Lib/pickletools.py describes every opcode.
"""

from __future__ import annotations

import copy
import pickletools
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mlci.domain.scanning.allowed import ARRAY, ENCODE, is_allowed
from mlci.domain.scanning.scan import Opinion
from mlci.domain.scanning.values import (
    CONSTANTS,
    ITEMS,
    MISSING,
    NAME,
    OTHER,
    Broken,
    Global,
    Made,
    Passed,
    Reader,
    See,
    Stream,
    Walked,
    encodes_bytes,
    is_deep,
    passed_over,
    shown,
)

# Opcodes, entries of the memo and depth of the stack that a walk follows; a longer pickle is not clean, but unknown.
MOST_OPCODES, MOST_ENTRIES = 20_000_000, 2_000_000


@dataclass
class Walk:
    """One walk through one pickle.

    Attributes:
        stream: at the pickle's first byte.
        see: takes what is seen.
        nested: walks the pickle of an array of objects that joblib writes into the stream, from where it is.
        torch: whether storages may be named by persistent ids, as torch does.
        script: whether TorchScript's own reader loads it.
        modules: names of modules that every interpreter has.
        strict: whether names that are none end the walk: bytes that only look like a pickle have such.
    """

    stream: Stream
    see: See
    nested: Callable[[], None] | None = None
    torch: bool = False
    strict: bool = False
    script: bool = False
    modules: frozenset[str] = frozenset()
    _stack: list[Any] = field(default_factory=list)
    _marks: list[list[Any]] = field(default_factory=list)
    _memo: dict[int, Any] = field(default_factory=dict)
    _walked: Walked = field(default_factory=Walked)
    _is_aside: bool = False
    # Whether another pickle is walked with this one's memo: most names are then mixed up, and no module is called so.
    _is_mixed: bool = False

    def walk(self) -> Walked:
        """Follow the pickle to its STOP, or to where the unpickler would stop with an error."""
        with warnings.catch_warnings():
            # An odd escape in a text is not worth a word.
            warnings.simplefilter("ignore")
            return self._followed()

    def _followed(self) -> Walked:
        walked = self._walked
        try:
            for op, argument, position in self._opcodes():
                walked.opcodes += 1
                if walked.opcodes > MOST_OPCODES or len(self._memo) + len(self._stack) > MOST_ENTRIES:
                    raise Broken("is longer than is walked")
                if op.name == "STOP":
                    walked.value = self._pop()
                    walked.end = self.stream.tell()
                    return walked
                self._step(op.name, argument, position)
                walked.end = self.stream.tell()
        except Broken as broken:
            walked.error = str(broken)
        except (ValueError, OverflowError, UnicodeError, MemoryError, SyntaxError) as error:
            walked.error = f"breaks off: {str(error)[:120]}"
        return walked

    def _opcodes(self) -> Iterator[tuple[Any, Any, int]]:
        for op, argument, position in pickletools.genops(Reader(self.stream)):  # type: ignore[arg-type]
            yield op, argument, position or 0

    # The stack.

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _pop(self) -> Any:
        if not self._stack:
            raise Broken("takes more from its stack than is there")
        return self._stack.pop()

    def _top(self) -> Any:
        if not self._stack:
            raise Broken("takes more from its stack than is there")
        return self._stack[-1]

    def _to_mark(self) -> list[Any]:
        if not self._marks:
            raise Broken("looks for a mark that is not there")
        items, self._stack = self._stack, self._marks.pop()
        return items

    def _step(self, name: str, argument: Any, position: int) -> None:
        if name in CONSTANTS:
            self._push(CONSTANTS[name](argument))
        elif (handler := _HANDLERS.get(name)) is not None:
            handler(self, argument, position)
        else:
            raise Broken(f"has an opcode that is not known: {name}")

    def _mark(self, *_: Any) -> None:
        self._marks.append(self._stack)
        self._stack = []

    def _drop(self, *_: Any) -> None:
        # As the C unpickler does: with nothing above the mark, the mark itself goes.
        if self._stack or not self._marks:
            self._pop()
        else:
            self._to_mark()

    def _drop_to_mark(self, *_: Any) -> None:
        self._to_mark()

    def _twice(self, *_: Any) -> None:
        self._push(self._top())

    def _tuple(self, size: int | None) -> None:
        items = self._to_mark() if size is None else [self._pop() for _ in range(size)][::-1]
        self._push(tuple(items) if len(items) <= ITEMS and not any(is_deep(one) for one in items) else OTHER)

    def _collection(self, *_: Any) -> None:
        self._to_mark()
        self._push(OTHER)

    def _dict(self, *_: Any) -> None:
        items = self._to_mark()
        self._push({})
        self._fill(items)

    def _append(self, *_: Any) -> None:
        self._pop()
        self._target("appended to")

    def _appends(self, *_: Any) -> None:
        self._to_mark()
        self._target("appended to")

    def _set_item(self, *_: Any) -> None:
        value, key = self._pop(), self._pop()
        self._fill([key, value])

    def _set_items(self, *_: Any) -> None:
        self._fill(self._to_mark())

    def _fill(self, items: list[Any]) -> None:
        target = self._target("written into")
        if isinstance(target, dict) and len(target) + len(items) // 2 <= ITEMS:
            for key, value in zip(items[::2], items[1::2], strict=False):
                if isinstance(key, (str, int)):
                    target[key] = value

    def _target(self, what: str) -> Any:
        target = self._top()
        if isinstance(target, Global):
            self._see(self._walked.end, target, f"a class itself is {what}", "unsafe")
        return target

    # The memo.

    def _put(self, argument: Any, _: int) -> None:
        self._memo[argument] = self._top()

    def _memoize(self, *_: Any) -> None:
        self._memo[len(self._memo)] = self._top()

    def _get(self, argument: Any, _: int) -> None:
        value = self._memo.get(argument, MISSING)
        if value is MISSING:
            raise Broken("asks its memo for what is not there")
        self._push(value)

    # What imports and what calls.

    def _global(self, argument: Any, position: int) -> None:
        module, _, name = str(argument).partition(" ")
        self._push(self._named(module, name, position))

    def _stack_global(self, _: Any, position: int) -> None:
        name, module = self._pop(), self._pop()
        self._push(self._named(module, name, position))

    def _named(self, module: Any, name: Any, position: int) -> Any:
        self._walked.named = True
        if not isinstance(module, str) or not isinstance(name, str):
            if self.strict:
                raise Broken("names nothing that could be imported")
            self.see(position, "", "imports something whose name is put together only as it loads", "unsafe")
            return OTHER
        if self.strict and not (NAME.fullmatch(module) and NAME.fullmatch(name)):
            raise Broken("names nothing that could be imported")
        found = Global(module[:200], name[:200])
        if not is_allowed(module, name, script=self.script):
            if self._is_mixed and module.partition(".")[0] not in self.modules:
                raise Broken("names a module that is not there")
            message = f"imports {shown(found)}, which is not among the classes that models are made of"
            self._see(position, found, message, "unsafe")
        return found

    def _see(self, position: int, about: Global, message: str, opinion: Opinion) -> None:
        self.see(position, shown(about), message, opinion)

    def _inst(self, argument: Any, position: int) -> None:
        module, _, name = str(argument).partition(" ")
        arguments = tuple(self._to_mark()[:ITEMS])
        self._call(self._named(module, name, position), arguments, position)

    def _obj(self, _: Any, position: int) -> None:
        items = self._to_mark()
        if not items:
            raise Broken("takes more from its stack than is there")
        self._call(items[0], tuple(items[1:ITEMS]), position)

    def _reduce(self, _: Any, position: int) -> None:
        arguments, called = self._pop(), self._pop()
        self._call(called, arguments, position)

    def _new(self, _: Any, position: int) -> None:
        arguments, called = self._pop(), self._pop()
        self._call(called, arguments, position)

    def _new_ex(self, _: Any, position: int) -> None:
        self._pop()
        self._new(_, position)

    def _call(self, called: Any, arguments: Any, position: int) -> None:
        self._walked.ran = True
        if not isinstance(called, Global):
            # What an allowed class made can be called, too, and so can what is not followed.
            self.see(position, "", "calls something that is no class by its name", "unsafe")
        elif (called.module, called.name) == ENCODE and not encodes_bytes(arguments):
            self._see(position, called, "calls a codec other than that for bytes", "unsafe")
        self._push(Made(called, arguments))

    def _build(self, _: Any, position: int) -> None:
        state, target = self._pop(), self._top()
        self._walked.ran = True
        if isinstance(target, Global):
            self._see(position, target, f"changes the class {shown(target)} itself", "unsafe")
        if not isinstance(target, Made):
            return
        target.state = state
        wrapper = Global(*ARRAY)
        if target.made_by == wrapper or (isinstance(target.arguments, tuple) and target.arguments[:1] == (wrapper,)):
            self._array(target)

    def _persistent(self, _: Any, position: int) -> None:
        self._pop()
        self._by_id(position)

    def _by_id(self, *at: Any) -> None:
        if not self.torch:
            self.see(int(at[-1]), "", "names something by an id that only its own loader understands", "unknown")
        self._push(OTHER)

    def _extension(self, _: Any, position: int) -> None:
        self._walked.ran = True
        self.see(position, "", "imports by a number of the registry of extensions", "unsafe")
        self._push(OTHER)

    # joblib writes the bytes of an array into the stream, right behind the opcode that builds its wrapper.

    def _array(self, wrapper: Made) -> None:
        if self._is_aside:
            return
        # Before anything else is walked, which could change what is followed as a value.
        passed = passed_over(wrapper.state)
        start = self.stream.tell()
        self._aside(start, mixed=passed is not None and passed.objects)
        self.stream.seek(start)
        if passed is None:
            raise Broken("holds an array whose size cannot be told")
        if passed.objects:
            if self.nested is None:
                raise Broken("holds an array of objects")
            self.nested()
        else:
            self._pass_over(passed)
        self._stack[-1] = OTHER

    def _pass_over(self, passed: Passed) -> None:
        if passed.aligned:
            padding = self.stream.read(1)
            self.stream.seek(self.stream.tell() + (padding[0] if padding else 0))
        at = self.stream.tell()
        if passed.size:
            self.stream.seek(at + passed.size - 1)
            if not self.stream.read(1):
                self.stream.seek(at)
                raise Broken("ends within an array")

    def _aside(self, start: int, *, mixed: bool) -> None:
        """A plain unpickler knows no arrays in the stream: it goes on with their bytes as opcodes, and so is this."""
        if self.stream.read(1).decode("latin-1") not in pickletools.code2op:  # type: ignore[attr-defined]
            return
        walk = Walk(self.stream, self.see, torch=self.torch, strict=True, modules=self.modules)
        walk._stack, walk._marks, walk._memo = copy.deepcopy((self._stack, self._marks, self._memo))
        walk._is_aside, walk._is_mixed = True, mixed
        self.stream.seek(start)
        walk.walk()


def _nothing(*_: Any) -> None:
    pass


_HANDLERS: dict[str, Callable[[Walk, Any, int], None]] = {
    "PROTO": _nothing,
    "FRAME": _nothing,
    "READONLY_BUFFER": _nothing,
    "MARK": Walk._mark,
    "POP": Walk._drop,
    "POP_MARK": Walk._drop_to_mark,
    "DUP": Walk._twice,
    "TUPLE": lambda walk, *_: walk._tuple(None),
    "TUPLE1": lambda walk, *_: walk._tuple(1),
    "TUPLE2": lambda walk, *_: walk._tuple(2),
    "TUPLE3": lambda walk, *_: walk._tuple(3),
    "LIST": Walk._collection,
    "FROZENSET": Walk._collection,
    "DICT": Walk._dict,
    "APPEND": Walk._append,
    "APPENDS": Walk._appends,
    "ADDITEMS": Walk._appends,
    "SETITEM": Walk._set_item,
    "SETITEMS": Walk._set_items,
    "PUT": Walk._put,
    "BINPUT": Walk._put,
    "LONG_BINPUT": Walk._put,
    "MEMOIZE": Walk._memoize,
    "GET": Walk._get,
    "BINGET": Walk._get,
    "LONG_BINGET": Walk._get,
    "GLOBAL": Walk._global,
    "STACK_GLOBAL": Walk._stack_global,
    "INST": Walk._inst,
    "OBJ": Walk._obj,
    "REDUCE": Walk._reduce,
    "NEWOBJ": Walk._new,
    "NEWOBJ_EX": Walk._new_ex,
    "BUILD": Walk._build,
    "PERSID": lambda walk, _, position: walk._by_id(position),
    "BINPERSID": Walk._persistent,
    "EXT1": Walk._extension,
    "EXT2": Walk._extension,
    "EXT4": Walk._extension,
}
