"""The model as functions of arrays: write, heat, observe, and all of it at once. The kernels are loaded at the first call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beamline.physics.constants import HC_eV_nm
from beamline.physics.emission import check_axis
from beamline.physics.parameters import parameter_dtype
from beamline.physics.records import observable_dtype, state_dtype
from beamline.physics.setting_table import check_settings
from beamline.physics.steps import check_steps

__all__ = ["heat", "observe", "predict", "predict_spectra", "write"]

_one_at_a_time: Final = threading.Lock()
"""The kernels let go of the interpreter lock, and numba's own thread pool does not bear two callers."""

_no_points: Final = np.zeros(0)

_BUFFER_BYTES: Final = 32_000_000
"""Full records of `predict` are made in pieces of this size when only some fields are asked for."""


_loaded: Final[dict[str, Callable[..., None]]] = {}


_ONE_TASK: Final = 32
"""Predictions that the kernels hand to a thread at once: so many or fewer keep only one thread busy."""


def _run(entry: str, n: int, *arguments: object) -> None:
    """Calls an entry of `kernels`: one caller at a time, and numba undisturbed while it loads what it needs.

    Args:
        entry: its name.
        n: pairs of a parameter set and a setting. Few are left to one thread: waiting for the others, who find nothing to
            do, takes longer than the work, and far longer on a busy machine.
        arguments: of the entry.
    """
    with _one_at_a_time:
        kernel = _loaded.get(entry)
        if kernel is not None:
            if n > _ONE_TASK:
                kernel(*arguments)
                return
            import numba  # noqa: PLC0415  # loaded already

            threads = numba.get_num_threads()
            numba.set_num_threads(1)
            try:
                kernel(*arguments)
            finally:
                numba.set_num_threads(threads)
            return
        from beamline.physics import kernels  # noqa: PLC0415  # numba is loaded when it is needed
        from beamline.physics.jit import no_extensions  # noqa: PLC0415

        kernel = getattr(kernels, entry)
        with no_extensions():
            kernel(*arguments)
        _loaded[entry] = kernel


def _check_parameters(parameters: NDArray[np.void]) -> NDArray[np.void]:
    if parameters.dtype != parameter_dtype or parameters.ndim != 1 or parameters.size == 0:
        raise ValueError(
            f"parameters: expected (n,) of parameter_dtype with n of at least 1, got shape {parameters.shape}; "
            "make them with nominal(), draw() or from_standard()"
        )
    return np.ascontiguousarray(parameters)


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
    parameters = _check_parameters(parameters)
    states = np.zeros((parameters.size, settings.size), dtype=state_dtype)
    _run("write_all", states.size, np.ascontiguousarray(settings), parameters, states)
    return states


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
    parameters = _check_parameters(parameters)
    _check_states(states, parameters)
    checked = check_steps(steps, states.shape[1])
    heated = states.copy(order="C")
    _run("heat_all", heated.size, heated, checked, parameters)
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
    parameters = _check_parameters(parameters)
    _check_states(states, parameters)
    observables = np.empty(states.shape, dtype=observable_dtype)
    _run("observe_all", states.size, np.ascontiguousarray(states), parameters, observables)
    return observables


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
        ValueError: wrong shape or dtype, an unknown field, or a step outside the model's validity.
    """
    check_settings(settings)
    settings = np.ascontiguousarray(settings)
    parameters = _check_parameters(parameters)
    checked = check_steps(steps, settings.size)
    n, m = parameters.size, settings.size
    if fields is None:
        observables = np.empty((n, m), dtype=observable_dtype)
        _run(
            "predict_all",
            n * m,
            settings,
            checked,
            parameters,
            observables,
            (_no_points, _no_points, np.empty((n, m, 0))),
        )
        return observables

    unknown = [name for name in fields if name not in (observable_dtype.names or ())]
    if unknown:
        raise ValueError(f"unknown observables {unknown}; the names are those of OBSERVABLE_UNITS")
    kept = np.empty((n, m), dtype=[(name, np.float64) for name in fields])
    rows = max(1, _BUFFER_BYTES // max(1, m * observable_dtype.itemsize))
    buffer = np.empty((min(rows, n), m), dtype=observable_dtype)
    for start in range(0, n, rows):
        part = slice(start, min(start + rows, n))
        piece = buffer[: part.stop - part.start]
        _run(
            "predict_all",
            piece.size,
            settings,
            checked,
            parameters[part],
            piece,
            (_no_points, _no_points, np.empty((*piece.shape, 0))),
        )
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
    check_settings(settings)
    parameters = _check_parameters(parameters)
    checked = check_steps(steps, settings.size)
    axis_nm = check_axis(wavelength_nm)
    observables = np.empty((parameters.size, settings.size), dtype=observable_dtype)
    rate = np.empty((*observables.shape, axis_nm.size))
    spectra = (HC_eV_nm / axis_nm, HC_eV_nm / axis_nm**2, rate)
    _run("predict_all", observables.size, np.ascontiguousarray(settings), checked, parameters, observables, spectra)
    return observables, rate
