"""A bench over the twin, on simulated time, with a RunEngine that lives by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from bluesky import RunEngine

from beamline.recipe import Coupon, Glass
from devices import Bench, DiscreteEventClock, Geometry, make_bench
from devices.twin import Effects, build_twin

MIXED = Glass(name="BrI", bromide=1.5, iodide=1.5)
COUPONS = (Coupon(serial="A", glass=MIXED), Coupon(serial="B", glass=MIXED))


@dataclass(eq=False)
class Documents:
    """What an engine emitted."""

    documents: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __call__(self, name: str, document: dict[str, Any]) -> None:
        self.documents.append((name, document))

    def descriptor(self, stream: str) -> dict[str, Any]:
        return next(d for name, d in self.documents if name == "descriptor" and d["name"] == stream)

    def data(self, stream: str) -> list[dict[str, Any]]:
        streams = {d["uid"]: d["name"] for name, d in self.documents if name == "descriptor"}
        return [d["data"] for name, d in self.documents if name == "event" and streams[d["descriptor"]] == stream]


@pytest.fixture
def clock() -> DiscreteEventClock:
    return DiscreteEventClock()


@pytest.fixture
def make(clock: DiscreteEventClock) -> Callable[..., Bench]:
    def make(seed: int = 1, effects: Effects | None = None, **kwargs: Any) -> Bench:
        geometry = Geometry()
        return make_bench(build_twin(seed, COUPONS, clock, geometry, effects, **kwargs), clock, geometry)

    return make


@pytest.fixture
def bench(make: Callable[..., Bench]) -> Bench:
    return make()


@pytest.fixture
def documents() -> Documents:
    return Documents()


@pytest.fixture
def RE(clock: DiscreteEventClock, documents: Documents) -> Iterator[RunEngine]:
    engine = RunEngine({})
    clock.install(engine)
    engine.subscribe(documents)
    yield engine
    assert engine.state == "idle"
