"""The entries from Python into the compiled model: loops over parameter sets and settings, in parallel.

Every entry closes over the digest of the sources, so that the on-disk cache is renewed when any of them changes.
Settings and steps may be shared: a first axis of 1 in `steps` serves all settings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

from beamline.physics.bands import Spectra, fill_axis, fill_spectrum
from beamline.physics.doses import new_work
from beamline.physics.furnace import heat_site, prepare_step
from beamline.physics.jit import entry, one_thread_entry, source_digest
from beamline.physics.nucleation import nose
from beamline.physics.observing import observe_site
from beamline.physics.records import state_dtype, step_dtype
from beamline.physics.validity import parameters_are_valid, settings_are_valid, steps_are_valid, wavelengths_are_valid
from beamline.physics.writing import rewrite_site, write_site

__all__ = ["heat_all", "observe_all", "predict_all", "predict_few", "rewrite_all", "write_all"]

_CHUNK: Final = 32
"""Pairs (parameter set, setting) that one task works through with one set of work arrays."""

_Array = NDArray[np.void]


def _make_write(digest: str) -> Callable[[_Array, _Array, _Array], None]:
    @entry
    def write_all(settings: _Array, parameters: _Array, states: _Array) -> None:
        _ = digest
        m = settings.size
        pairs = parameters.size * m
        for chunk in numba.prange((pairs + _CHUNK - 1) // _CHUNK):
            work = new_work()
            for pair in range(chunk * _CHUNK, min((chunk + 1) * _CHUNK, pairs)):
                i = pair // m
                j = pair - i * m
                write_site(settings[j], parameters[i], nose(parameters[i]), states[i, j], work)

    return write_all


def _make_rewrite(digest: str) -> Callable[[_Array, _Array, _Array], None]:
    @entry
    def rewrite_all(settings: _Array, parameters: _Array, states: _Array) -> None:
        _ = digest
        m = settings.size
        pairs = parameters.size * m
        for chunk in numba.prange((pairs + _CHUNK - 1) // _CHUNK):
            work = new_work()
            for pair in range(chunk * _CHUNK, min((chunk + 1) * _CHUNK, pairs)):
                i = pair // m
                j = pair - i * m
                rewrite_site(settings[j], parameters[i], nose(parameters[i]), states[i, j], work)

    return rewrite_all


def _make_heat(digest: str) -> Callable[[_Array, NDArray[np.float64], _Array], None]:
    @entry
    def heat_all(states: _Array, steps: NDArray[np.float64], parameters: _Array) -> None:
        _ = digest
        m = states.shape[1]
        k = steps.shape[1]
        for i in numba.prange(parameters.size):
            p = parameters[i]
            curve = nose(p)
            prepared = np.empty(k, step_dtype)
            for j in range(m):
                if j < steps.shape[0]:
                    for s in range(k):
                        prepare_step(steps[j, s, 0], steps[j, s, 1], p, curve, prepared[s])
                heat_site(states[i, j], prepared, p)

    return heat_all


def _make_observe(digest: str) -> Callable[[_Array, _Array, _Array], None]:
    @entry
    def observe_all(states: _Array, parameters: _Array, observables: _Array) -> None:
        _ = digest
        for i in numba.prange(parameters.size):
            for j in range(states.shape[1]):
                observe_site(states[i, j], parameters[i], observables[i, j])

    return observe_all


_Floats = NDArray[np.float64]
_Light = tuple[_Floats, _Floats]
"""Wavelengths, (w,), and rates, (n, m, w). Plain: the on-disk cache stumbles over a class that is no longer there."""

_Sets = tuple[_Array, _Floats]
"""Parameter sets, (n,), and the same memory as plain numbers."""

_Predict = Callable[[_Array, _Floats, _Sets, _Array, _Light], bool]


def _make_predict(closed_over: str, as_entry: Callable[[_Predict], _Predict]) -> _Predict:
    @as_entry
    def predict(settings: _Array, steps: _Floats, sets: _Sets, observables: _Array, light: _Light) -> bool:
        """With spectra where their axis has points. False, with nothing done, where something is outside the validity."""
        _ = closed_over
        parameters, numbers = sets
        wavelength_nm, rate = light
        if not (settings_are_valid(settings) and steps_are_valid(steps)):
            return False
        if not (parameters_are_valid(numbers) and wavelengths_are_valid(wavelength_nm)):
            return False
        w = wavelength_nm.size
        spectra = Spectra(np.empty(w), np.empty(w), rate)
        fill_axis(wavelength_nm, spectra)
        m = settings.size
        k = steps.shape[1]
        shared = steps.shape[0] == 1
        pairs = parameters.size * m
        for chunk in numba.prange((pairs + _CHUNK - 1) // _CHUNK):
            work = new_work()
            states = np.empty(1, state_dtype)
            prepared = np.empty(k, step_dtype)
            prepared_for = -1
            curve = nose(parameters[0])
            for pair in range(chunk * _CHUNK, min((chunk + 1) * _CHUNK, pairs)):
                i = pair // m
                j = pair - i * m
                p = parameters[i]
                if prepared_for != i:
                    curve = nose(p)
                if prepared_for != i or not shared:
                    row = 0 if shared else j
                    for s in range(k):
                        prepare_step(steps[row, s, 0], steps[row, s, 1], p, curve, prepared[s])
                    prepared_for = i
                write_site(settings[j], p, curve, states[0], work)
                heat_site(states[0], prepared, p)
                observe_site(states[0], p, observables[i, j])
                if w > 0:
                    fill_spectrum(observables[i, j], spectra, spectra.rate[i, j])
        return True

    return predict


write_all: Final[Callable[..., Any]] = _make_write(source_digest())
rewrite_all: Final[Callable[..., Any]] = _make_rewrite(source_digest())
heat_all: Final[Callable[..., Any]] = _make_heat(source_digest())
observe_all: Final[Callable[..., Any]] = _make_observe(source_digest())
predict_all: Final[Callable[..., Any]] = _make_predict(source_digest(), entry)
predict_few: Final[Callable[..., Any]] = _make_predict(source_digest() + " on one thread", one_thread_entry)
