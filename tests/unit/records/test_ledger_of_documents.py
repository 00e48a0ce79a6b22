"""The ledger, document by document: what each says of a coupon and its sites, and to the last field what is kept of it."""

from __future__ import annotations

from typing import Any

import pytest

from beamline.recipe import Glass, HeatTreatment, Recipe, Site
from beamline.records import CouponRecord, Ledger, RecordError, SiteRecord, SiteState

GLASS = {"name": "Br50I50", "bromide": 50.0, "iodide": 50.0}
COUPON = {"serial": "C1", "glass": GLASS}
WRITING = {"mode": "dot", "pulse_energy_uJ": 20.0, "exposure_s": 1.0}
TREATMENT = {"temperature_C": 430.0, "hold_s": 3600.0, "ramp_C_min": 10.0}
RECIPE = {"writing": WRITING, "heat_treatment": TREATMENT}


def place(name: str, serial: str = "C1") -> dict[str, Any]:
    return {"coupon": serial, "name": name, "x_mm": 1.0, "y_mm": 2.0}


class Book:
    """A ledger, and short words for the documents that it is fed."""

    def __init__(self) -> None:
        self.ledger = Ledger()

    def start(self, uid: str, purpose: str, **about: Any) -> None:
        self.ledger("start", {"uid": uid, "purpose": purpose, "coupon": COUPON, **about})

    def write(self, uid: str, *names: str, n_passes: int | None = None, **about: Any) -> None:
        writing = WRITING if n_passes is None else {**WRITING, "n_passes": n_passes}
        recipes = {name: {**RECIPE, "writing": writing} for name in names}
        serial = about.get("coupon", COUPON)["serial"]
        self.start(uid, "writing", sites={name: place(name, serial) for name in names}, recipes=recipes, **about)
        for stream in ("intents", "exposures"):
            self.ledger("descriptor", {"uid": f"{uid}-{stream}", "run_start": uid, "name": stream})

    def event(self, uid: str, stream: str, name: str) -> None:
        self.ledger("event", {"uid": "e", "descriptor": f"{uid}-{stream}", "data": {"site_name": name}})

    def fire(self, uid: str, name: str) -> None:
        self.event(uid, "intents", name)
        self.event(uid, "exposures", name)

    def stop(self, uid: str, exit_status: str = "success") -> None:
        self.ledger("stop", {"run_start": uid, "exit_status": exit_status})

    def written(self, uid: str, *names: str, **about: Any) -> None:
        self.write(uid, *names, **about)
        for name in names:
            self.fire(uid, name)
        self.stop(uid)

    def anneal(self, uid: str, exit_status: str = "success") -> None:
        self.start(uid, "heat_treatment", heat_treatment=TREATMENT)
        self.stop(uid, exit_status)

    def measure(self, uid: str, *names: str) -> None:
        self.start(uid, "measurement")
        self.ledger("descriptor", {"uid": f"{uid}-spectra", "run_start": uid, "name": "spectra"})
        for name in names:
            self.event(uid, "spectra", name)
        self.stop(uid)

    def mark(self, uid: str, condition: str, reason: str, *names: str) -> None:
        self.start(uid, "mark", condition=condition, reason=reason, sites=list(names))

    def site(self, name: str) -> SiteRecord:
        return self.ledger.site("C1", name)

    def said(self, name: str) -> tuple[str, str]:
        return str(self.site(name).state), self.site(name).reason


@pytest.fixture
def book() -> Book:
    return Book()


def suggestion(*names: str) -> dict[str, Any]:
    sites = [{"site": place(name), "writing": WRITING} for name in names]
    return {"suggestion_id": "s-1", "coupon": COUPON, "heat_treatment": TREATMENT, "sites": sites}


def test_a_suggestion_intends_its_sites(book: Book) -> None:
    book.ledger("start", {"uid": "d", "purpose": "decision", "suggestion": suggestion("A", "B")})
    assert book.site("B") == SiteRecord(
        "C1",
        "B",
        SiteState.INTENDED,
        site=Site.model_validate(place("B")),
        recipe=Recipe.model_validate(RECIPE),
        suggestion_id="s-1",
        runs=("d",),
    )
    assert book.ledger.coupons() == (
        CouponRecord("C1", Glass.model_validate(GLASS), sites={name: book.site(name) for name in "AB"}),
    )
    for other in (
        {"purpose": "decision", "suggestion": None},
        {"purpose": "decision"},
        {"suggestion": suggestion("Z")},
    ):
        book.ledger("start", {"uid": "x", **other})
    assert [site.name for site in book.ledger.sites("C1")] == ["A", "B"]


def test_all_that_is_kept_of_a_site_on_its_way(book: Book) -> None:
    about = {**COUPON, "width_mm": 12, "height_mm": 7.5}
    book.write("w", "A", "B", coupon=about, n_coupon=3, suggestion_id="s-2")
    assert book.site("A").state is SiteState.INTENDED
    book.fire("w", "A")
    book.stop("w")
    book.anneal("h")
    book.measure("m", "A", "A")
    assert book.site("A") == SiteRecord(
        "C1",
        "A",
        SiteState.MEASURED,
        site=Site.model_validate(place("A")),
        recipe=Recipe.model_validate(RECIPE),
        suggestion_id="s-2",
        n_exposures=1,
        n_spectra=2,
        runs=("w", "h", "m"),
    )
    coupon = book.ledger.coupon("C1")
    assert (coupon.width_mm, coupon.height_mm, coupon.glass) == (12.0, 7.5, Glass.model_validate(GLASS))
    assert coupon.n_coupon is None, "the last run did not say"
    assert coupon.heat_treatments == (HeatTreatment.model_validate(TREATMENT),)
    assert (coupon.damage, list(coupon.sites)) == ("", ["A", "B"])
    book.start("m2", "measurement", n_coupon=4)
    assert book.ledger.coupon("C1").n_coupon == 4


def test_each_way_into_doubt_says_which(book: Book) -> None:
    book.write("w", "A", "B", "C", notes_intents=True, n_passes=2)
    for name in ("A", "A"):
        book.fire("w", name)
    book.fire("w", "B")
    book.stop("w", "abort")
    unconfirmed = "writing run w ended without confirming its exposure"
    assert [book.said(name) for name in "ABC"] == [("written", ""), ("suspect", unconfirmed), ("intended", "")]
    assert [book.site(name).n_exposures for name in "ABC"] == [2, 1, 0]
    book.written("again", "A")
    assert book.said("A") == ("suspect", "exposed again by another run")
    book.written("more", "D", n_passes=1)
    book.write("much", "E")
    for _ in range(2):
        book.fire("much", "E")
    assert book.said("E") == ("suspect", "exposed 2 times, asked for 1")
    book.anneal("h", "fail")
    assert book.said("D") == ("suspect", "heat treatment h did not end as planned")
    assert [book.said(name)[0] for name in "ABCE"] == ["suspect", "suspect", "intended", "suspect"]
    assert book.site("D").runs == ("more", "h")
    assert book.site("C").runs == ("w",), "what saw no light was not annealed"


def test_a_site_is_written_when_its_last_pass_is_confirmed_and_not_before(book: Book) -> None:
    book.write("w", "A", n_passes=2)
    assert book.said("A") == ("intended", "")
    book.fire("w", "A")
    assert book.said("A") == ("intended", "")
    book.fire("w", "A")
    assert book.said("A") == ("written", "")


def test_who_was_about_to_fire_at_a_site_that_has_seen_light_is_of_its_history(book: Book) -> None:
    book.written("w", "A")
    book.write("again", "A")
    assert book.site("A").runs == ("w",)
    book.event("again", "intents", "A")
    assert book.site("A").runs == ("w", "again")
    assert book.said("A") == ("written", "")


@pytest.mark.parametrize("recipes", [{}, {"Z": {}}])
def test_light_at_a_site_that_the_run_did_not_name_is_suspect(book: Book, recipes: dict[str, Any]) -> None:
    book.start("w", "writing", sites={}, recipes=recipes)
    book.ledger("descriptor", {"uid": "w-exposures", "run_start": "w", "name": "exposures"})
    book.event("w", "exposures", "Z")
    assert book.said("Z") == ("suspect", "exposed again by another run")


def test_an_exposure_that_says_no_site_is_of_none(book: Book) -> None:
    book.write("w", "A")
    book.ledger("event", {"uid": "e", "descriptor": "w-exposures", "data": {}})
    book.event("w", "intents", "A")
    assert list(book.ledger.coupon("C1").sites) == ["A"]
    assert book.said("A") == ("intended", "")


def test_a_run_that_notes_intents_and_ended_before_any_has_fired_at_nothing(book: Book) -> None:
    for uid, notes in (("w1", {"notes_intents": True}), ("w2", {})):
        book.write(uid, uid, **notes)
        book.stop(uid, "abort")
    assert book.said("w1") == ("intended", "")
    assert book.said("w2")[0] == "suspect"
    assert book.ledger.may_write("C1", "w1")


def test_a_further_pass_that_is_asked_for_by_name_leaves_a_sound_site_sound(book: Book) -> None:
    book.written("w", "A")
    assert book.ledger.may_rewrite("C1", "A")
    assert not book.ledger.may_rewrite("C1", "blank")
    book.written("r", "A", is_rewriting=True)
    assert book.said("A") == ("written", "")
    assert book.site("A").n_exposures == 2
    book.written("r2", "B", is_rewriting=True)
    assert book.said("B") == ("suspect", "exposed again by another run"), "there was nothing to be rewritten"
    assert not book.ledger.may_rewrite("C1", "B")


def test_a_person_s_mark_is_of_some_sites_or_of_all(book: Book) -> None:
    book.written("w", "A", "B")
    book.mark("k", "suspect", "a hair", "A", "Z")
    assert book.said("A") == ("suspect", "a hair")
    assert book.said("Z") == ("suspect", "a hair")
    assert book.said("B") == ("written", "")
    assert book.site("A").runs == ("w", "k")
    book.mark("k2", "damaged", "a chip", "B")
    assert (book.said("B"), book.ledger.coupon("C1").damage) == (("damaged", "a chip"), "")
    book.mark("k3", "suspect", "a fall")
    assert [book.said(name) for name in "ABZ"] == [("suspect", "a fall"), ("damaged", "a chip"), ("suspect", "a fall")]
    assert book.ledger.coupon("C1").damage == ""
    assert book.ledger.may_write("C1", "elsewhere")
    book.mark("k4", "damaged", "it broke")
    assert book.ledger.coupon("C1").damage == "it broke"
    assert not book.ledger.may_write("C1", "elsewhere")
    assert not book.ledger.may_rewrite("C1", "B")
    book.written("w2", "A", "N")
    assert book.said("A") == ("damaged", "it broke")
    assert book.said("N") == ("suspect", "exposed again by another run")


def test_a_mark_may_be_the_first_that_is_said_of_a_coupon(book: Book) -> None:
    book.mark("k", "damaged", "it fell")
    assert book.ledger.coupon("C1") == CouponRecord("C1", Glass.model_validate(GLASS), damage="it fell")


def test_documents_are_of_the_run_that_they_name(book: Book) -> None:
    book.write("w1", "A")
    book.write("w2", "B")
    book.fire("w2", "B")
    book.fire("w1", "A")
    assert [book.said(name)[0] for name in "AB"] == ["written", "written"]
    book.stop("w1")
    book.event("w1", "exposures", "A")
    assert book.site("A").n_exposures == 1, "a run that is over says nothing more"
    book.stop("w1", "abort")
    book.ledger("descriptor", {"uid": "x", "run_start": "nobody", "name": "exposures"})
    book.ledger("event", {"uid": "e", "descriptor": "w2-exposures", "data": {}})
    assert book.site("B").n_exposures == 1


def test_a_page_of_events_counts_as_its_events(book: Book) -> None:
    book.write("w", "A", "B")
    page = {
        "uid": ["1", "2"],
        "descriptor": "w-exposures",
        "seq_num": [1, 2],
        "time": [1.0, 2.0],
        "timestamps": {"site_name": [1.0, 2.0]},
        "data": {"site_name": ["A", "B"]},
        "filled": {},
    }
    book.ledger("event_page", page)
    assert [book.said(name)[0] for name in "AB"] == ["written", "written"]


def test_sites_are_found_by_coupon_and_state(book: Book) -> None:
    book.written("w", "A")
    book.write("w2", "B", coupon={**COUPON, "serial": "C2"})
    assert [site.name for site in book.ledger.sites()] == ["A", "B"]
    assert [site.name for site in book.ledger.sites("C2")] == ["B"]
    assert [site.name for site in book.ledger.sites(state=SiteState.WRITTEN)] == ["A"]
    assert book.ledger.sites("C2", SiteState.WRITTEN) == ()
    assert book.ledger.site("C9", "A") == SiteRecord("C9", "A")


@pytest.mark.parametrize("missing", ["coupon", "sites", "recipes"])
def test_what_is_missing_in_a_document_is_named(book: Book, missing: str) -> None:
    about = {"uid": "w", "purpose": "writing", "coupon": COUPON, "sites": {"A": place("A")}, "recipes": {"A": RECIPE}}
    del about[missing]
    with pytest.raises(RecordError, match=f"^a start document does not fit the ledger: '{missing}'; document w$"):
        book.ledger("start", about)
