"""Array types for annotations, and array-likes of any library turned into NumPy arrays.

`NdArray`, `NdArray[512]`, `NdArray['x', 'x', 3]` and `NdArray[512, np.float32]` are annotations: they say
what shape and element type a field has. Whole numbers are sizes, equal names are equal sizes, `None` is any
size, and a last item that is a dtype is the element type. For type checkers, which know
no numbers in brackets, `NdArray[Literal[512]]` means the same.
"""

from __future__ import annotations

import abc
import sys
import types
from typing import TYPE_CHECKING, Any, Literal, cast, get_origin

import msgspec
import numpy as np

from headrace import extras
from headrace.errors import DocumentError

Dimension = int | str | None
Array = np.ndarray[Any, np.dtype[Any]]


class ArraySpec(msgspec.Struct, frozen=True):
    """The shape and element type that an array field asks for; None asks for nothing."""

    shape: tuple[Dimension, ...] | None = None
    dtype: str | None = None

    def __str__(self) -> str:
        shape = 'any shape' if self.shape is None else f'shape ({", ".join(_size(d) for d in self.shape)})'
        return f'{self.element_type} array of {shape}' if self.dtype else f'array of {shape}'

    @property
    def element_type(self) -> str:
        """The element type as people write it: 'float32'; '' for any."""
        return dtype_of(self.dtype).name if self.dtype else ''


def _size(dimension: Dimension) -> str:
    return 'any' if dimension is None else str(dimension)


class ArrayAlias(types.GenericAlias):
    """An array type in an annotation: origin is the array class, the one argument an `ArraySpec`."""

    __slots__ = ()

    def __getitem__(self, items: Any) -> ArrayAlias:
        return ArrayAlias(cast(type, self.__origin__), (array_spec(items),))

    def __repr__(self) -> str:
        name = 'NdArray' if self.__origin__ is np.ndarray else 'TorchTensor'
        spec = spec_of(self)
        parts = [*map(repr, spec.shape or ()), *filter(None, [spec.element_type])]
        return f'{name}[{", ".join(parts)}]' if parts else name


def is_array_type(annotation: Any) -> bool:
    """True for an `ArrayAlias`, and for what typing makes of one: reading annotations rebuilds aliases."""
    return isinstance(annotation, types.GenericAlias) and isinstance(
        [*annotation.__args__, None][0], ArraySpec
    )


def spec_of(alias: ArrayAlias) -> ArraySpec:
    """What an array type in an annotation asks for."""
    spec: ArraySpec = alias.__args__[0]
    return spec


def array_spec(items: Any) -> ArraySpec:
    """What stands in the brackets of `NdArray[...]` as a spec."""
    parts = [_unwrapped(item) for item in (items if isinstance(items, tuple) else (items,))]
    dtype = None
    if parts and not isinstance(parts[-1], int | str | None):
        dtype = dtype_name(parts.pop())
    for part in parts:
        if (
            not isinstance(part, int | str | None)
            or isinstance(part, bool)
            or (isinstance(part, int) and part < 0)
        ):
            raise DocumentError(
                f'{part!r} is no size of an array',
                help="write sizes, names or None, then a dtype: NdArray[512], NdArray['x', 'x', 3, np.uint8]",
            )
    return ArraySpec(tuple(parts) if parts or dtype is None else None, dtype)


def _unwrapped(item: Any) -> Any:
    return item.__args__[0] if get_origin(item) is Literal else item


class Tensor(abc.ABC):  # noqa: B024  # only its isinstance() is wanted
    """What stands for `torch.Tensor` in annotations: torch takes seconds to import."""

    @classmethod
    def __subclasshook__(cls, other: type) -> bool:
        return any(base.__module__ == 'torch' and base.__name__ == 'Tensor' for base in other.__mro__)

    def __class_getitem__(cls, args: Any) -> types.GenericAlias:
        return types.GenericAlias(cls, args)  # typing takes aliases apart and joins them again


if TYPE_CHECKING:
    NdArray = np.ndarray[Any, np.dtype[Any]]
    AnyArray = Any
    TorchTensor = Any
else:
    NdArray = ArrayAlias(np.ndarray, (ArraySpec(),))
    AnyArray = NdArray
    TorchTensor = ArrayAlias(Tensor, (ArraySpec(),))


def dtype_name(dtype: Any) -> str:
    """The name of an element type as it travels: '<f4', '|u1', 'bfloat16'."""
    if type(dtype).__module__ == 'torch':
        dtype = str(dtype).removeprefix('torch.')
        if dtype == 'bfloat16':
            return 'bfloat16'
    try:
        found = np.dtype(dtype)
    except TypeError as error:
        raise DocumentError(f'{dtype!r} is no element type of an array') from error
    return wire_dtype(found)


def wire_dtype(dtype: np.dtype[Any]) -> str:
    """The name of a NumPy dtype as it travels; DocumentError if its elements are not plain bytes."""
    if dtype.kind in 'biufcSUmM' and dtype.itemsize:
        return dtype.str
    if dtype.kind in 'Vf' and dtype.type.__module__.startswith('ml_dtypes'):
        return dtype.name
    raise DocumentError(
        f'an array of dtype {dtype} cannot be sent', help='use numbers, booleans, fixed-length text or dates'
    )


_NAMED = {
    name: np.dtype(name).newbyteorder('<')
    for name in (
        *('bool', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64'),
        *('float16', 'float32', 'float64', 'complex64', 'complex128'),
    )
}
_DTYPES: dict[str, np.dtype[Any]] = {}
_PLAIN = frozenset('biufcSUmM')


def dtype_of(name: str) -> np.dtype[Any]:
    """The NumPy dtype of a name made by `wire_dtype`, or of one such as 'uint8'; ValueError if it is none."""
    found = _DTYPES.get(name)
    if found is None:
        found = _parse_dtype(name)
        if len(_DTYPES) < 1000:  # names come from outside
            _DTYPES[name] = found
    return found


def _parse_dtype(name: str) -> np.dtype[Any]:
    if name in _NAMED:
        return _NAMED[name]
    if name[:1] in '<>|=' and name[1:2] in _PLAIN and len(name) < 24:
        try:
            found = np.dtype(name)
        except (TypeError, ValueError, SyntaxError) as error:
            raise _unknown_dtype(name) from error
        if found.kind in _PLAIN and found.itemsize and found.shape == ():
            return found
    elif name == 'bfloat16' or (name.startswith('float8_') and name.replace('_', '').isalnum()):
        scalar = getattr(extras.load('ml_dtypes', extra='bfloat16'), name, None)
        if scalar is not None:
            return cast('np.dtype[Any]', np.dtype(scalar))
    raise _unknown_dtype(name)


def _unknown_dtype(name: str) -> ValueError:
    return ValueError(
        f"unknown dtype {name[:40]!r} (known: {', '.join(_NAMED)}, bfloat16, and codes such as '<f4', '|u1')"
    )


def is_torch(value: Any) -> bool:
    """True if the value is a torch tensor; never imports torch."""
    torch = sys.modules.get('torch')
    return torch is not None and isinstance(value, torch.Tensor)


def as_array(value: Any) -> Array:
    """An array-like (NumPy, torch, nested lists, ...) as a NumPy array, without a copy if it can be."""
    if type(value) is np.ndarray:
        return value
    if is_torch(value):
        return _torch_to_numpy(value)
    try:
        return np.asarray(value)
    except (ValueError, TypeError) as error:
        raise ValueError(f'Expected an array, got {type(value).__name__} ({error})') from error


def _torch_to_numpy(tensor: Any) -> Array:
    tensor = tensor.detach().cpu()
    name = str(tensor.dtype).removeprefix('torch.')
    if name == 'bfloat16':
        raw: Array = tensor.contiguous().view(sys.modules['torch'].int16).numpy()
        return raw.view(dtype_of('bfloat16'))
    array: Array = tensor.resolve_conj().resolve_neg().numpy()
    return array


def as_torch(array: Any) -> Any:
    """A NumPy array as a torch tensor that shares its memory (a copy if torch cannot use that)."""
    torch = extras.load('torch', extra='torch')
    if isinstance(array, torch.Tensor):
        return array
    array = as_array(array)
    if not array.flags.writeable or not array.dtype.isnative or any(s < 0 for s in array.strides):
        array = array.astype(array.dtype.newbyteorder('='), order='C')  # torch has no read-only tensors
    if array.dtype.name == 'bfloat16':
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def fit(array: Array, spec: ArraySpec, *, leading: int = 0) -> Array:
    """The array as the spec wants it, or ValueError that says what was expected and got.

    `leading` is the number of axes in front of those that the spec speaks of (1 for a stack of rows).
    Element types are converted where NumPy calls that `same_kind` (float64 to float32, int to float).
    """
    if spec.shape is not None:
        _check_shape(array.shape[leading:], spec)
    if spec.dtype is None or array.dtype.str == spec.dtype:
        return array
    wanted = dtype_of(spec.dtype)
    if array.dtype == wanted:
        return array
    if not (np.can_cast(array.dtype, wanted, 'same_kind') or array.size == 0):
        raise ValueError(f'Expected {spec.element_type} array, got dtype {array.dtype}')
    return array.astype(wanted)


def _check_shape(shape: tuple[int, ...], spec: ArraySpec) -> None:
    wanted = spec.shape or ()
    names: dict[str, int] = {}
    fits = len(shape) == len(wanted) and all(
        want is None or size == (names.setdefault(want, size) if isinstance(want, str) else want)
        for want, size in zip(wanted, shape, strict=True)
    )
    if not fits:
        raise ValueError(f'Expected {spec}, got shape {shape}')
