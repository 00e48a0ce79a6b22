"""The model as functions of arrays: write, heat, observe, and all of it at once. The kernels are loaded at the first call."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beamline.physics.emission import check_axis, shaped_axis
from beamline.physics.parameters import PARAMETERS, parameter_dtype
from beamline.physics.records import MOST_PASSES, OBSERVABLE_UNITS, observable_dtype, state_dtype
from beamline.physics.setting_table import check_setting_array, check_settings
from beamline.physics.steps import check_steps, shaped_steps

__all__ = ["heat", "observe", "predict", "predict_spectra", "rewrite", "write"]

_one_at_a_time: Final = threading.Lock()
"""The kernels let go of the interpreter lock, and numba's own thread pool does not bear two callers."""

_no_points: Final = np.zeros(0)

_BUFFER_BYTES: Final = 32_000_000
"""Full records of `predict` are made in pieces of this size when only some fields are asked for."""

_FEW: Final = 256
"""So many predictions or fewer, a millisecond of work, are left to one thread.

A second one would save half of that on a free machine; on a busy one, waiting for a thread that has no core took up to ten
times the work (benchmarks/physics.py with four other programs on two cores: 8.6 ms instead of 0.7 ms for 128 settings).
"""

_N_OBSERVABLES: Final = len(OBSERVABLE_UNITS)

_loaded: Final[dict[str, Callable[..., bool | None]]] = {}


def _load_and_run(name: str, *arguments: object) -> bool | None:
    """The first call of an entry of `kernels`: numba stays undisturbed while it loads what it needs."""
    with _one_at_a_time:
        from beamline.physics import kernels  # noqa: PLC0415  # numba is loaded when it is needed
        from beamline.physics.jit import no_extensions  # noqa: PLC0415

        kernel: Callable[..., bool | None] = getattr(kernels, name)
        with no_extensions():
            done = kernel(*arguments)
        _loaded[name] = kernel
    return done


def _run(name: str, n: int, *arguments: object) -> bool | None:
    """Calls a parallel entry of `kernels` for n pairs of a parameter set and a setting: one caller at a time."""
    kernel = _loaded.get(name)
    if kernel is None:
        return _load_and_run(name, *arguments)
    with _one_at_a_time:
        if n > _FEW:
            return kernel(*arguments)
        import numba  # noqa: PLC0415  # loaded already

        threads = numba.get_num_threads()
        numba.set_num_threads(1)
        try:
            return kernel(*arguments)
        finally:
            numba.set_num_threads(threads)


def _run_alone(name: str, *arguments: object) -> bool | None:
    """Calls an entry of `kernels` that uses no other thread, so that any number may call it."""
    kernel = _loaded.get(name)
    return _load_and_run(name, *arguments) if kernel is None else kernel(*arguments)


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    """The array as the kernels were compiled for: contiguous and writeable. Any other would be compiled for anew."""
    return array if array.flags.carray else np.array(array, order="C")


def _check_parameters(parameters: NDArray[np.void]) -> NDArray[np.void]:
    if parameters.dtype != parameter_dtype or parameters.ndim != 1 or parameters.size == 0:
        raise ValueError(
            f"parameters: expected (n,) of parameter_dtype with n of at least 1, got shape {parameters.shape}; "
            "make them with nominal(), draw() or from_standard()"
        )
    return _plain(parameters)


def _check_numbers(parameters: NDArray[np.void]) -> NDArray[np.void]:
    """Refuses sets with a number that is none."""
    bad = ~np.isfinite(parameters.view(np.float64).reshape(parameters.size, -1))
    if bad.any():
        row, column = np.argwhere(bad)[0]
        parameter = PARAMETERS[column]
        raise ValueError(
            f"{parameter.name}={float(parameters[parameter.name][row])!r} in parameter set {row}: must be a finite number, "
            f"unit {parameter.unit}"
        )
    return parameters


def _check_states(states: NDArray[np.void], parameters: NDArray[np.void]) -> None:
    if states.dtype != state_dtype or states.ndim != 2 or states.shape[0] != parameters.size:
        raise ValueError(
            f"states: expected ({parameters.size}, m) of state_dtype for {parameters.size} parameter sets, "
            f"got shape {states.shape}"
        )


def write(settings: NDArray[np.void], parameters: NDArray[np.void]) -> NDArray[np.void]:
    """What every setting leaves in untouched glass under every parameter set.

    Args:
        settings: (m,) of `setting_dtype`.
        parameters: (n,) of `parameter_dtype`.

    Returns:
        (n, m) of `state_dtype`. A setting below the threshold leaves the glass as it was.

    Raises:
        SettingError: a setting outside the model's validity.
        ValueError: wrong shape or dtype.
    """
    check_settings(settings)
    parameters = _check_numbers(_check_parameters(parameters))
    states = np.zeros((parameters.size, settings.size), dtype=state_dtype)
    _run("write_all", states.size, _plain(settings), parameters, states)
    return states


def rewrite(states: NDArray[np.void], settings: NDArray[np.void], parameters: NDArray[np.void]) -> NDArray[np.void]:
    """Writes over what is there: a second pass of another energy or speed, a line on a dot, a dot on a line, after an anneal.

    `write` and then `rewrite` with the same setting is `write` with two passes. Doses of all passes add up. Where a dot and a
    line meet, the site is that of what was written last. What an anneal before did counts by the share that the crystals of
    then have in those of now.

    Args:
        states: (n, m) of `state_dtype`; not changed.
        settings: (m,) of `setting_dtype`, one for each column of states, in the same glass.
        parameters: (n,) of `parameter_dtype`.

    Returns:
        (n, m) of `state_dtype`. A setting below the threshold leaves what is there as it was.

    Raises:
        SettingError: a setting outside the model's validity.
        ValueError: wrong shape or dtype, another glass than the state's, or more passes over a place than the model has
            validity for.
    """
    check_settings(settings)
    parameters = _check_numbers(_check_parameters(parameters))
    _check_states(states, parameters)
    if settings.size != states.shape[1]:
        raise ValueError(f"{settings.size} settings for {states.shape[1]} columns of states; give one for each")
    other = settings["iodide_fraction"] != states["iodide_fraction"]
    if other.any():
        row, column = np.argwhere(other)[0]
        raise ValueError(
            f"setting {column} has iodide_fraction={float(settings['iodide_fraction'][column])!r}, its state "
            f"{float(states['iodide_fraction'][row, column])!r}: a place is rewritten in the glass that it was written in"
        )
    passes = states["n_passes"] + settings["n_passes"]
    if (passes > MOST_PASSES).any():
        column = int(np.argwhere(passes > MOST_PASSES)[0, 1])
        raise ValueError(
            f"n_passes={int(settings['n_passes'][column])} in setting {column} make {int(passes[:, column].max())} passes over "
            f"one place; the model is valid for 1 to {MOST_PASSES} passes"
        )
    rewritten = states.copy(order="C")
    _run("rewrite_all", rewritten.size, np.ascontiguousarray(settings), parameters, rewritten)
    return rewritten


def heat(states: NDArray[np.void], steps: ArrayLike, parameters: NDArray[np.void]) -> NDArray[np.void]:
    """Furnace steps, each acting on what the one before it left; splitting a step changes nothing but rounding.

    Args:
        states: (n, m) of `state_dtype`; not changed.
        steps: (k, 2) for all, or (m, k, 2), of [temperature_C, duration_s]; a step of 0 s does nothing.
        parameters: (n,) of `parameter_dtype`.

    Returns:
        (n, m) of `state_dtype`.

    Raises:
        ValueError: wrong shape or dtype, or a step outside the model's validity.
    """
    parameters = _check_numbers(_check_parameters(parameters))
    _check_states(states, parameters)
    checked = check_steps(steps, states.shape[1])
    heated = states.copy(order="C")
    _run("heat_all", heated.size, heated, _plain(checked), parameters)
    return heated


def observe(states: NDArray[np.void], parameters: NDArray[np.void]) -> NDArray[np.void]:
    """What can be measured of the states at room temperature.

    Args:
        states: (n, m) of `state_dtype`.
        parameters: (n,) of `parameter_dtype`.

    Returns:
        (n, m) of `observable_dtype`; units in `OBSERVABLE_UNITS`.

    Raises:
        ValueError: wrong shape or dtype.
    """
    parameters = _check_numbers(_check_parameters(parameters))
    _check_states(states, parameters)
    observables = _observables(states.shape)
    _run("observe_all", states.size, _plain(states), parameters, observables)
    return observables


def _observables(shape: tuple[int, ...]) -> NDArray[np.void]:
    """Room for records: as `np.empty`, which for so many fields takes as long as half a prediction."""
    return np.ndarray(shape, observable_dtype, np.empty(math.prod(shape) * _N_OBSERVABLES))


class _Asked(NamedTuple):
    """What is asked of a prediction, in arrays that the kernels take; its values are yet to be checked."""

    settings: NDArray[np.void]
    steps: NDArray[np.float64]
    parameters: NDArray[np.void]
    wavelength_nm: NDArray[np.float64]

    def fill(self, observables: NDArray[np.void], rate: NDArray[np.float64]) -> None:
        """Predicts into (n, m) and (n, m, w); the kernel checks, and what it refuses is refused here with the reason."""
        n = self.parameters.size * self.settings.size
        sets = (self.parameters, self.parameters.view(np.float64))
        arguments = (self.settings, self.steps, sets, observables, (self.wavelength_nm, rate))
        done = _run_alone("predict_few", *arguments) if n <= _FEW else _run("predict_all", n, *arguments)
        if not done:
            check_settings(self.settings)
            check_steps(self.steps)
            check_axis(self.wavelength_nm)
            _check_numbers(self.parameters)
            raise RuntimeError("the kernels refuse what the checks let pass: a defect of beamline.physics.validity")


def _asked(
    settings: NDArray[np.void], steps: ArrayLike, parameters: NDArray[np.void], wavelength_nm: ArrayLike
) -> _Asked:
    check_setting_array(settings)
    return _Asked(
        _plain(settings),
        _plain(shaped_steps(steps, settings.size)),
        _check_parameters(parameters),
        _plain(shaped_axis(wavelength_nm)),
    )


def predict(
    settings: NDArray[np.void],
    steps: ArrayLike,
    parameters: NDArray[np.void],
    fields: Sequence[str] | None = None,
) -> NDArray[np.void]:
    """Write, heat and observe at once, in parallel: what the optimiser calls.

    Args:
        settings: (m,) of `setting_dtype`.
        steps: (k, 2) for all settings, or (m, k, 2), of [temperature_C, duration_s]; (0, 2) for no furnace.
        parameters: (n,) of `parameter_dtype`.
        fields: names of the observables to keep; all by default. With many sets and settings a few fields save memory.

    Returns:
        (n, m) of `observable_dtype`, or of its `fields`.

    Raises:
        SettingError: a setting outside the model's validity.
        ValueError: wrong shape or dtype, a parameter that is not finite, an unknown field, or a step outside the
            model's validity.
    """
    asked = _asked(settings, steps, parameters, _no_points)
    n, m = parameters.size, settings.size
    if fields is None:
        observables = _observables((n, m))
        asked.fill(observables, np.empty((n, m, 0)))
        return observables

    unknown = [name for name in fields if name not in OBSERVABLE_UNITS]
    if unknown:
        raise ValueError(f"unknown observables {unknown}; the names are those of OBSERVABLE_UNITS")
    kept = np.empty((n, m), dtype=[(name, np.float64) for name in fields])
    rows = max(1, _BUFFER_BYTES // max(1, m * observable_dtype.itemsize))
    buffer = _observables((min(rows, n), m))
    for start in range(0, n, rows):
        part = slice(start, min(start + rows, n))
        piece = buffer[: part.stop - part.start]
        asked._replace(parameters=asked.parameters[part]).fill(piece, np.empty((*piece.shape, 0)))
        for name in fields:
            kept[name][part] = piece[name]
    return kept


def predict_spectra(
    settings: NDArray[np.void], steps: ArrayLike, parameters: NDArray[np.void], wavelength_nm: ArrayLike
) -> tuple[NDArray[np.void], NDArray[np.float64]]:
    """`predict` and `spectrum` at once, several times as fast as one after the other.

    Args:
        settings: (m,) of `setting_dtype`.
        steps: (k, 2) for all settings, or (m, k, 2), of [temperature_C, duration_s]; (0, 2) for no furnace.
        parameters: (n,) of `parameter_dtype`.
        wavelength_nm: (w,) above 0.

    Returns:
        (n, m) of `observable_dtype`, and (n, m, w): the photon rate per nm in units of the intensities.

    Raises:
        SettingError: a setting outside the model's validity.
        ValueError: wrong shape or dtype, a wavelength that is none, or a step outside the model's validity.
    """
    asked = _asked(settings, steps, parameters, wavelength_nm)
    observables = _observables((parameters.size, settings.size))
    rate = np.empty((*observables.shape, asked.wavelength_nm.size))
    asked.fill(observables, rate)
    return observables, rate
