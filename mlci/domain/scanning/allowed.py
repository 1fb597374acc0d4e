"""What a model may import as it is loaded: an allow-list, by module and name, exactly.

Each entry was looked at for what calling it with any arguments does, because a pickle chooses them. So there is no
``getattr``, no ``functools.partial``, no ``numpy.core._ufunc_reconstruct`` (imports any module by name), nothing that
runs or loads what an argument names, and no name with a dot in it, which protocol 4 would follow into a module's own
imports.
"""

from __future__ import annotations

import re

from mlci.domain.scanning.estimators import listed

_PLAIN = """
builtins: bool bytearray bytes complex dict float frozenset int list object range set slice str tuple
__builtin__: bool bytearray bytes complex dict float frozenset int list object set slice str tuple unicode long xrange
_codecs: encode
collections: Counter OrderedDict defaultdict deque
copyreg: _reconstructor __newobj__
copy_reg: _reconstructor __newobj__
datetime: date datetime time timedelta timezone
decimal: Decimal
fractions: Fraction
uuid: UUID
array: _array_reconstructor array
ml_dtypes: bfloat16 float8_e4m3fn float8_e5m2
numpy: dtype ndarray float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool_ str_ bytes_ nan
numpy.core.multiarray: _reconstruct scalar
numpy._core.multiarray: _reconstruct scalar
numpy.core.numeric: _frombuffer
numpy._core.numeric: _frombuffer
numpy.ma.core: MaskedArray _mareconstruct
numpy.ma: MaskedArray
numpy.matrixlib.defmatrix: matrix
numpy.random._pickle: __bit_generator_ctor __generator_ctor __randomstate_ctor
numpy.random._mt19937: MT19937
numpy.random._pcg64: PCG64 PCG64DXSM
numpy.random._philox: Philox
numpy.random._sfc64: SFC64
numpy.random.bit_generator: SeedSequence __pyx_unpickle_SeedSequence
numpy.random: __RandomState_ctor
numpy.random.mtrand: RandomState
numpy.random._generator: Generator
joblib.numpy_pickle: NumpyArrayWrapper
scipy.sparse._csr: csr_matrix csr_array
scipy.sparse._csc: csc_matrix csc_array
scipy.sparse._coo: coo_matrix coo_array
scipy.sparse._dia: dia_matrix dia_array
scipy.sparse._bsr: bsr_matrix bsr_array
scipy.sparse._lil: lil_matrix lil_array
scipy.sparse._dok: dok_matrix dok_array
scipy.sparse.csr: csr_matrix
scipy.sparse.csc: csc_matrix
scipy.interpolate._bsplines: BSpline
scipy.interpolate._interpolate: interp1d
pandas.core.frame: DataFrame
pandas.core.series: Series
pandas.core.indexes.base: Index _new_Index
pandas.core.indexes.range: RangeIndex
pandas.core.indexes.multi: MultiIndex
pandas.core.indexes.datetimes: DatetimeIndex _new_DatetimeIndex
pandas.core.internals.managers: BlockManager SingleBlockManager
pandas._libs.internals: _unpickle_block BlockManager
pandas.core.internals.blocks: new_block
pandas._libs.tslibs.timestamps: _unpickle_timestamp
pandas.core.arrays.categorical: Categorical
pandas.core.dtypes.dtypes: CategoricalDtype
xgboost.core: Booster
xgboost.sklearn: XGBClassifier XGBRegressor XGBRanker XGBModel XGBRFClassifier XGBRFRegressor
lightgbm.basic: Booster
lightgbm.sklearn: LGBMClassifier LGBMRegressor LGBMRanker LGBMModel
catboost.core: CatBoostClassifier CatBoostRegressor CatBoost
"""

# As torch.load(weights_only=True) allows them: https://docs.pytorch.org/docs/stable/notes/serialization.html
_TORCH = """
torch: Size device dtype Tensor
torch._utils: _rebuild_tensor _rebuild_tensor_v2 _rebuild_parameter _rebuild_parameter_with_state _rebuild_qtensor
  _rebuild_sparse_tensor _rebuild_meta_tensor_no_storage _rebuild_device_tensor_from_numpy _rebuild_wrapper_subclass
torch._tensor: _rebuild_from_type_v2 Tensor
torch.nn.parameter: Parameter Buffer
torch.serialization: _get_layout
torch.storage: TypedStorage UntypedStorage _TypedStorage _UntypedStorage
torch.torch_version: TorchVersion
"""
_TORCH_NAMES = re.compile(
    r"(?:Double|Float|Half|BFloat16|Long|Int|Short|Char|Byte|Bool|ComplexFloat|ComplexDouble|QInt8|QUInt8|QInt32)Storage"
    r"|(?:u?int(?:8|16|32|64)|b?float(?:16|32|64)|complex(?:32|64|128)|bool|bfloat16|half|float|int|double|long|short|quint8|qint8"
    r"|qint32|float8_\w+|strided|sparse_\w+|contiguous_format|preserve_format|channels_last(?:_3d)?|per_tensor_affine"
    r"|per_channel_affine)"
)

# What TorchScript's own reader makes lists of; its classes are code of the archive, which torch interprets.
_SCRIPT = """
torch.jit._pickle: build_boollist build_doublelist build_intlist build_tensor_from_id build_tensorlist restore_type_tag
"""
_SCRIPTED = "__torch__."

# With ``encode``, the one codec that pickles of protocol 2 name for bytes; others unpack or look modules up.
ENCODE = ("_codecs", "encode")
CODECS = ("latin1", "latin-1")
ARRAY = ("joblib.numpy_pickle", "NumpyArrayWrapper")


def _parsed(text: str) -> frozenset[tuple[str, str]]:
    found, module = set(), ""
    for line in text.strip().splitlines():
        names = line
        if not line.startswith(" "):
            module, _, names = line.partition(":")
        found |= {(module, name) for name in names.split()}
    return frozenset(found)


PLAIN = _parsed(_PLAIN) | listed()
TORCH = _parsed(_TORCH)
SCRIPT = _parsed(_SCRIPT)


def is_allowed(module: str, name: str, *, script: bool = False) -> bool:
    """Whether a model may import this as it is loaded.

    Args:
        module: as the model names it.
        name: in that module.
        script: whether TorchScript's own reader loads it, which imports nothing of Python's.
    """
    if (module, name) in PLAIN or (module, name) in TORCH:
        return True
    if script and ((module, name) in SCRIPT or module.startswith(_SCRIPTED)):
        return True
    return module == "torch" and _TORCH_NAMES.fullmatch(name) is not None
