"""Hostile model files, made here byte by byte. Each would write a canary if anything ever ran it."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

# Ways from a pickle to code, by module and name; deny-lists know some of them.
GADGETS = (
    "os system", "posix system", "nt system", "subprocess Popen", "subprocess check_output", "builtins eval",
    "builtins exec", "builtins getattr", "builtins __import__", "__builtin__ eval", "importlib import_module",
    "runpy run_path", "ctypes CDLL", "timeit timeit", "code interact", "site addpackage", "pip main",
    "pip._internal main", "torch load", "numpy load", "joblib load", "pickle loads", "_pickle loads",
    "functools partial", "operator attrgetter", "operator methodcaller", "webbrowser open", "socket create_connection",
    "shutil rmtree", "pydoc locate", "cProfile run", "pty spawn", "marshal loads", "types FunctionType",
    "numpy.core._internal _ufunc_reconstruct", "numpy.core _ufunc_reconstruct", "numpy._core _ufunc_reconstruct",
    "numpy.f2py.crackfortran getlincoef", "numpy.testing._private.utils runstring", "sklearn.datasets load_files",
    "sklearn.utils._testing os", "sklearn.base BaseEstimator.__class__", "collections os", "torch.hub load",
    "torch.utils.cpp_extension load", "torch.nn.modules.container Sequential", "__main__ Model", "ours.model Model",
    "yaml unsafe_load", "asyncio.unix_events _UnixSubprocessTransport", "mlflow.pyfunc load_model", "_codecs decode",
    "tempfile _os.system", "joblib.numpy_pickle ZNDArrayWrapper", "copyreg add_extension", "codecs open",
)  # fmt: skip


def text(value: str) -> bytes:
    return b"\x8c" + bytes((len(value.encode()),)) + value.encode()


def reduced(module: str, name: str, argument: str, end: bytes = b".") -> bytes:
    """Protocol 4: import, call with one text."""
    return b"\x80\x04" + text(module) + text(name) + b"\x93" + text(argument) + b"\x85R" + end


def oldest(command: str) -> bytes:
    return b"cos\nsystem\n(S" + repr(command).encode() + b"\ntR."


def zipped(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_pkl", ".pkl"), content)
    return packed.getvalue()


def tarred(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def numpy_objects(content: bytes, descr: str = "'|O'") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': (1,), }}".encode()
    header += b" " * (63 - (10 + len(header)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content


def joblib_wrapper(raw: bytes, shape: int, *, code: str = "i1", state: bytes = b"") -> bytes:
    """A wrapper of joblib's, built by its state, and what stands behind it in the stream."""
    wrapper = text("joblib.numpy_pickle") + text("NumpyArrayWrapper") + b"\x93)\x81"
    dtype = text("numpy") + text("dtype") + b"\x93" + text(code) + b"\x89\x88\x87R" + state
    shapes = b"K" + bytes((shape,)) + b"\x85"
    fields = b"}(" + text("shape") + shapes + text("dtype") + dtype + b"u"
    return b"\x80\x04" + wrapper + fields + b"b" + raw


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out, value = out + bytes((value & 0x7F | 0x80,)), value >> 7
    return out + bytes((value,))


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def onnx(*, domain: bytes = b"", location: bytes = b"") -> bytes:
    node = field(4, b"Thing") + (field(7, domain) if domain else b"")
    tensor = field(13, field(1, b"location") + field(2, location)) if location else b""
    graph = field(1, node) + (field(5, tensor) if tensor else b"")
    return b"\x08\x08" + field(2, b"test") + field(7, graph) + field(8, b"\x10\x0d")


def encrypted() -> bytes:
    """A zip whose member says that it is encrypted."""
    content = bytearray(zipped(data_pkl=reduced("os", "system", "x")))
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.find(magic) + at] |= 1
    return bytes(content)


def bomb() -> bytes:
    """A pickle of bytes alone, which has to be unpacked to be walked: 256 MiB of them, in a quarter of one."""
    packer = zlib.compressobj(9, wbits=31)
    packed = packer.compress(b"\x80\x04\x8e" + struct.pack("<Q", 256 << 20))
    packed += b"".join(packer.compress(b"\0" * (1 << 20)) for _ in range(256))
    return packed + packer.compress(b".") + packer.flush()


def nested(content: bytes, times: int) -> bytes:
    for _ in range(times):
        content = gzip.compress(content)
    return content


LAMBDA = json.dumps(
    {"class_name": "Sequential", "config": {"layers": [{"class_name": "Lambda", "config": {"function": "4wEAAA"}}]}}
).encode()
FOREIGN = json.dumps({"class_name": "Dense", "module": "os", "config": {}, "registered_name": "x"}).encode()


def hdf5(folder: Path) -> bytes:
    import h5py

    path = folder / "made.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = LAMBDA.decode()
        file["weights"] = [1.0, 2.0]
    content = path.read_bytes()
    path.unlink()
    return content


def skops_unknown() -> bytes:
    schema = {"__class__": "Model", "__module__": "ours", "__loader__": "ObjectNode", "content": {}}
    return zipped(**{"schema.json": json.dumps(schema).encode()})


def safetensors(header: bytes, data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header)) + header + data


def gguf(template: str) -> bytes:
    body = template.encode()
    key = b"tokenizer.chat_template"
    return (
        b"GGUF"
        + struct.pack("<IQQ", 3, 0, 1)
        + struct.pack("<Q", len(key))
        + key
        + struct.pack("<IQ", 8, len(body))
        + body
    )


def corpus(folder: Path, canary: Path) -> dict[str, tuple[bytes, str]]:
    """Name, content, and what it must be called: unsafe, or at least not clean."""
    command = f"touch {canary}"
    bad = reduced("os", "system", command)
    made: dict[str, bytes] = {f"gadget {one}.pkl": reduced(*one.split(" "), command) for one in GADGETS}
    made |= _written(command, bad)
    made |= _packed(folder, bad, command)
    unsafe = {name: (content, "unsafe") for name, content in made.items()}
    return unsafe | {name: (content, "unknown") for name, content in _unwalkable(bad).items()}


def _written(command: str, bad: bytes) -> dict[str, bytes]:
    """Pickles whose import or call is written in another way."""
    at = text("os") + b"\x94" + text("system") + b"\x94"
    return {
        "oldest protocol.pkl": oldest(command),
        "oldest protocol.txt": oldest(command),
        "instance.pkl": b"(S" + repr(command).encode() + b"\nios\nsystem\n.",
        "object.pkl": b"(cos\nsystem\nS" + repr(command).encode() + b"\no.",
        "new object.pkl": b"\x80\x02cos\nsystem\nX\x01\0\0\0x\x85\x81.",
        "new object with words.pkl": b"\x80\x04" + text("os") + text("system") + b"\x93)}\x92.",
        "extension.pkl": b"\x80\x02\x82\x01.",
        "extension of two.pkl": b"\x80\x02\x83\x01\x01.",
        "names from the memo.pkl": b"\x80\x04" + at + b"00h\x00h\x01\x93" + text(command) + b"\x85R.",
        "names from the old memo.pkl": b"\x80\x04" + text("os") + b"q\x050" + text("system")
        + b"r\x06\0\0\x000h\x05j\x06\0\0\0\x93)R.",
        "name put together.pkl": b"\x80\x04cbuiltins\nstr\n" + text("os") + b"\x85R" + text("system") + b"\x93)R.",
        "name hidden by a mark.pkl": b"\x80\x04" + text("collections") + b"(1" + text("deque") + b"00"
        + text("os") + text("system") + b"\x93)R.",
        "import alone.pkl": b"\x80\x04" + text("ours.evil") + text("x") + b"\x93.",
        "class changed.pkl": b"\x80\x02ccollections\nOrderedDict\n}X\x08\0\0\0__init__K\x01sb.",
        "call of what was made.pkl": b"\x80\x02cbuiltins\nobject\n)R)R.",
        "another codec.pkl": b"\x80\x02c_codecs\nencode\nX\x01\0\0\0xX\x05\0\0\0zlib_\x86R.",
        "second pickle.pkl": pickle.dumps([1]) + bad,
        "second old pickle.pkl": pickle.dumps({"a": 1}) + oldest(command),
        "broken behind the call.pkl": bad[:-1] + b"\xff\xff",
        "cut behind the call.pkl": bad[:-1],
        "wrong frame.pkl": b"\x80\x04\x95" + struct.pack("<Q", 1 << 40) + bad[2:],
        "no header.bin": bad[2:],
        "dotted name.pkl": reduced("collections", "abc.sys.modules", command),
        "line in a name.pkl": b"\x80\x02cos\r\nsystem\n)R.",
        "a name in Python 2.pkl": b"\x80\x02c__builtin__\nexecfile\nX\x01\0\0\0x\x85R.",
    }  # fmt: skip


def _packed(folder: Path, bad: bytes, command: str) -> dict[str, bytes]:
    """Pickles in containers, under other names, and code that is no pickle."""
    torch_older = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}." + bad
    return {
        "renamed.jpg": bad,
        "renamed.safetensors": bad,
        "renamed.onnx": bad,
        "no ending": bad,
        "model.pkl.gz": gzip.compress(bad),
        "renamed gzip.pkl": gzip.compress(bad),
        "model.pkl.bz2": bz2.compress(bad),
        "model.pkl.xz": lzma.compress(bad),
        "model.lzma": lzma.compress(bad, format=lzma.FORMAT_ALONE),
        "zlib.joblib": zlib.compress(bad),
        "zlib of the least.joblib": zlib.compress(bad, 0),
        "two streams.gz": gzip.compress(pickle.dumps([1])) + gzip.compress(bad),
        "torch.pt": zipped(archive__data_pkl=bad, archive__version=b"3"),
        "torch renamed.bin": zipped(archive__data_pkl=bad),
        "inner renamed.pt": zipped(archive__weights=bad, archive__data_pkl=pickle.dumps({})),
        "torch of the older format.pt": torch_older,
        "torch system.pt": b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03." + bad,
        "zip in zip.zip": zipped(a=zipped(b=zipped(c=bad))),
        "tar.tar": tarred("x/pickle", bad),
        "name in a tar is opcodes.tar": tarred(oldest(command).decode(), b"x"),
        "gguf is opcodes.gguf": b"GGUF\0\0\0\0\x000" + oldest(command),
        "length is opcodes.safetensors": _lengthy(),
        "tar.tgz": gzip.compress(tarred("x/pickle", bad)),
        "zip behind a picture.jpg": b"\xff\xd8\xff\xe0JFIF" + b"\0" * 600 + zipped(data_pkl=bad),
        "zip behind a pickle.pkl": pickle.dumps([1]) + zipped(data_pkl=bad),
        "objects.npy": numpy_objects(bad),
        "objects in a structure.npy": numpy_objects(bad, "[('a', '<i4'), ('b', '|O')]"),
        "objects.npz": zipped(**{"a.npy": numpy_objects(bad)}),
        "behind an array.joblib": joblib_wrapper(b"\x05" * 7, 7) + b"0" + bad[2:],
        "array that is opcodes.joblib": joblib_wrapper((b"0" + bad[2:]).ljust(120, b"."), 120) + b".",
        "array of objects.joblib": joblib_wrapper(bad, 1, code="O8") + b".",
        "lambda.json": LAMBDA,
        "escaped lambda.json": LAMBDA.replace(b'"Lambda"', b'"\\u004cambda"'),
        "foreign module.json": FOREIGN,
        "lambda.keras": zipped(**{"config.json": LAMBDA, "metadata.json": b"{}"}),
        "lambda.h5": hdf5(folder),
        "reads a file.onnx": onnx(location=b"/etc/passwd"),
        "reads above.onnx": onnx(location=b"../../secret"),
        "template.gguf": gguf("{{ ''.__class__.__mro__[1].__subclasses__() }}"),
        "tokenizer_config.json": json.dumps({"chat_template": "{{ x.__globals__ }}"}).encode(),
        "writes.pb": b"\x08\x01\x12" + b"saved_model" + b"\x12\x09WriteFile",
        "native.pt2": zipped(**{"m/archive_format": b"pt2", "m/data/x.so": b"\x7fELF" + b"\0" * 60}),
        "oldest in gzip.txt.gz": gzip.compress(oldest(command)),
    }


def _lengthy() -> bytes:
    """Good to a reader of safetensors: a length, and JSON of that length. To an unpickler: texts, and a call."""
    module, name = b"ours.module_of_a_name_that_is_long_enough", b"function_of_a_name_that_is_long_too\xc2"
    inner = b"0U" + bytes((len(module),)) + module + b"U" + bytes((len(name),)) + name + b"\x93)R."
    header = b'{"__metadata__":{"' + inner + b'":"x"}}'
    first = 6 + header.index(inner)
    return b"U" + bytes((first,)) + b"\0" * 6 + header.ljust(first << 8 | ord("U"))


def _unwalkable(bad: bytes) -> dict[str, bytes]:
    """What cannot be walked to its end is not clean, whatever it may be."""
    header = b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    other = b'"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}'
    return {
        "cut.pkl": pickle.dumps(list(range(1000)))[:-500],
        "header alone.pkl": b"\x80\x04",
        "more behind it.pkl": pickle.dumps([1]) + b"\0\0\0\0garbage",
        "own ids.pkl": b"\x80\x02X\x01\0\0\0xQ.",
        "cut.gz": gzip.compress(pickle.dumps(list(range(100_000))))[:-200],
        "cut.zip": zipped(data_pkl=bad)[:-30],
        "encrypted.zip": encrypted(),
        "closed.7z": b"7z\xbc\xaf\x27\x1c" + b"\0" * 40,
        "closed.zst": b"\x28\xb5\x2f\xfd" + b"\0" * 40,
        "closed.lz4": b"\x04\x22\x4d\x18" + b"\0" * 40,
        "deep.gz": nested(bad, 12),
        "bomb.gz": bomb(),
        "size that lies.joblib": joblib_wrapper(b"\0" * 4, 200) + b".",
        "type that lies.joblib": joblib_wrapper(b"\0" * 4, 1, code="V16") + b".",
        "overlapping.safetensors": safetensors(header[:-1] + b"," + other, b"\0" * 8),
        "short.safetensors": safetensors(header, b"\0" * 4),
        "own operators.onnx": onnx(domain=b"com.example"),
        "unknown type.skops": skops_unknown(),
        "not fetched.pkl": b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 12\n",
        "no header of numpy's.npy": b"\x93NUMPY\x01\x00\x10\x00{__import__('os')",
        "memo that is not there.pkl": b"\x80\x04h\x07.",
        "more than the stack.pkl": b"\x80\x040.",
    }  # fmt: skip


Made = Callable[[Path, Path], dict[str, tuple[bytes, str]]]
