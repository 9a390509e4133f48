# What the types written from the module cannot say (python -m nanobind.stubgen).
cotangent._core.Array.__eq__:
    def __eq__(self, other: cotangent.typing.ArrayLike, /) -> Array: ...  # type: ignore[override]

cotangent._core.Array.__ne__:
    def __ne__(self, other: cotangent.typing.ArrayLike, /) -> Array: ...  # type: ignore[override]

cotangent._core.Array.__hash__:
    __hash__: None = ...  # type: ignore[assignment]

cotangent._core._array_names:
    _array_names: list[str] = ...

cotangent._core._Jitted.__get__:
    def __get__(self, instance: object, owner: type | None = None, /) -> object: ...
