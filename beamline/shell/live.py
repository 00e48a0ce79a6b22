"""`bec`: Bluesky's best-effort table and plots, made fit for a session that lasts a week.

As it comes it keeps a line, its peaks and an object for every run that was ever drawn over another, and draws each figure
anew at every event even where nobody can see it. Here a figure takes `MOST_RUNS` runs and is then begun anew, `MOST_FIGURES`
are kept, without a window a figure is drawn only when it is saved, and all of it is loaded at the first run, not at start-up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["MOST_FIGURES", "MOST_RUNS", "Live"]

MOST_RUNS = 10
"""Runs that are drawn over each other in a figure."""
MOST_FIGURES = 6


class Live:
    """A `BestEffortCallback` that is made at the first run; all else that is asked of it is asked of that one.

    Args:
        on_window: called once, with the name of matplotlib's backend, where figures have windows.
    """

    def __init__(self, on_window: Callable[[str], None] | None = None) -> None:
        self._made: Any = None
        self._on_window = on_window
        self._n_runs: dict[str, int] = {}

    def __call__(self, name: str, doc: dict[str, Any]) -> None:
        """Take a document."""
        import numpy as np  # noqa: PLC0415  # loaded already

        with np.errstate(invalid="ignore", divide="ignore"):  # statistics of a peak that is not there
            self.made(name, doc)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.made, name)

    def before_a_plan(self, plan: Any) -> Any:
        """Preprocessor of an engine, called where the plan is: windows belong to the main thread. Gives the plan back."""
        _ = self.made
        return plan

    @property
    def made(self) -> Any:
        """Bluesky's own."""
        if self._made is None:
            import matplotlib as mpl  # noqa: PLC0415  # half a second that a start-up must not wait for
            import matplotlib.pyplot as plt  # noqa: PLC0415  # as above
            from bluesky.callbacks.best_effort import BestEffortCallback  # noqa: PLC0415  # as above

            if self._has_window():
                plt.ion()
                if self._on_window is not None:
                    self._on_window(str(mpl.get_backend()))
            self._made = BestEffortCallback(fig_factory=self._figure)
        return self._made

    @staticmethod
    def _has_window() -> bool:
        import matplotlib as mpl  # noqa: PLC0415  # loaded already where this is asked
        from matplotlib.backends.registry import BackendFilter, backend_registry  # noqa: PLC0415  # as above

        interactive = backend_registry.list_builtin(BackendFilter.INTERACTIVE)  # type: ignore[no-untyped-call]  # matplotlib's own
        return str(mpl.get_backend()).lower() in {name.lower() for name in interactive}

    def _figure(self, name: str) -> Any:
        """The figure of this name, begun anew when it is full; the oldest make room."""
        import matplotlib.pyplot as plt  # noqa: PLC0415  # loaded already

        if self._n_runs.get(name, 0) >= MOST_RUNS:
            _close(name)
            self._n_runs[name] = 0
        if not plt.fignum_exists(name):
            self._n_runs.pop(name, None)
            for oldest in [label for label in self._n_runs if plt.fignum_exists(label)][: -MOST_FIGURES + 1 or None]:
                _close(oldest)
                del self._n_runs[oldest]
        self._n_runs[name] = self._n_runs.get(name, 0) + 1
        figure = plt.figure(name, layout="constrained")
        if not self._has_window():
            figure.canvas.draw_idle = _do_nothing  # type: ignore[method-assign]  # of this one canvas
        return figure


def _close(name: str) -> None:
    """Close a figure, and let go of what Bluesky keeps by its axes.

    It keeps the plots in dictionaries with weak keys, the axes; but each plot holds its axes, so that no key ever dies.
    """
    import matplotlib.pyplot as plt  # noqa: PLC0415  # loaded already
    from bluesky.callbacks.best_effort import LivePlotPlusPeaks  # noqa: PLC0415  # as above

    axes = list(plt.figure(name).axes)
    plt.close(name)
    for kept in ("instances", "visible", "labeled"):
        by_axes = getattr(LivePlotPlusPeaks, f"_LivePlotPlusPeaks__{kept}", {})
        for one in axes:
            by_axes.pop(one, None)


def _do_nothing(*_args: Any, **_kwargs: Any) -> None:
    """Nobody looks: the figure is drawn when it is saved."""
