"""Mutants of the safety rooms: small faults put into the code one at a time, each of which a test of the room must notice.

    python benchmarks/mutation.py [MODULE ...] [--jobs 2]        (needs `pip install vitrail[mutation]`)

Mutated are the software's layer of safety, the watchdog, the ledger of what was exposed with its refusals, and the policy for
faults; `[tool.mutmut]` of pyproject.toml says which files, and by which tests. To mutmut's own mutations come two that matter
here: a call that is left out, and a condition that is turned round. Texts for people are left alone (literals with a space,
lines of the log, f-strings), as are properties and constants of modules, which mutmut does not reach.

Exit code 1 where a module has less than `LEAST_SHARE` of its mutants killed, or where one survives that is not in
`mutants.toml`, beside this script, with the reason why no test can or need tell it from the code. A mutant that outlasts its
time is killed: its tests would hang. With names of modules only these are made and run anew.
"""

from __future__ import annotations

import argparse
import gc
import os
import resource
import shutil
import sys
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import libcst as cst

LEAST_SHARE = 0.9
ROOT = Path(__file__).parents[1]
LISTED = Path(__file__).with_name("mutants.toml")


# ------------------------------------------------------------------------------------------------- further mutations
def leave_out(node: cst.Expr) -> Iterator[cst.Expr]:
    """A call whose result nobody takes is not made."""
    import libcst as cst

    if isinstance(node.value, cst.Call):
        yield node.with_changes(value=cst.Ellipsis())


def turn_round(node: cst.If | cst.While) -> Iterator[cst.CSTNode]:
    """The branch is taken where it is not to be."""
    import libcst as cst

    if isinstance(node.test, cst.UnaryOperation) and isinstance(node.test.operator, cst.Not):
        return  # mutmut's own leaves out the "not"
    inner = node.test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    yield node.with_changes(test=cst.UnaryOperation(cst.Not(), inner))


def other_word(node: cst.SimpleString) -> Iterator[cst.SimpleString]:
    """Another key, name or command; what is written for people is not for a test to repeat."""
    text = node.evaluated_value
    if " " not in str(text) and not node.value.startswith(('"""', "'''")):
        quote = node.value[-1]
        yield node.with_changes(value=f"{node.prefix}{quote}XX{node.raw_value}XX{quote}")


def extend_mutmut() -> None:
    """Put ours into its list, and have the quick tests run first: most mutants do not live to see the slow ones."""
    import mutmut.__main__ as program
    from mutmut.runners.harness import PytestRunner
    from mutmut.state import state
    from mutmut.workers.isolation import MutantRunner

    make_runner = program.get_mutant_runner

    def quick_first(*args: Any) -> MutantRunner:
        runner = make_runner(*args)
        submit = runner.submit

        def sorted_submit(name: str, tests: list[str], *limits: Any) -> None:
            submit(name, sorted(tests, key=lambda test: (state().duration_by_test.get(test, 0.0), test)), *limits)

        runner.submit = sorted_submit  # type: ignore[method-assign]
        return runner

    program.get_mutant_runner = quick_first
    warm_up = PytestRunner.warm_up

    def frozen_warm_up(self: PytestRunner) -> None:
        warm_up(self)
        gc.collect()
        gc.freeze()  # pytest collects five times after each mutant: not what all have in common

    PytestRunner.warm_up = frozen_warm_up  # type: ignore[method-assign]
    import libcst as cst
    from mutmut.mutation import mutators

    operators: Any = mutators.mutation_operators
    operators[:] = [(kind, make) for kind, make in operators if make is not mutators.operator_string]
    operators += [(cst.Expr, leave_out), (cst.If, turn_round), (cst.While, turn_round), (cst.SimpleString, other_word)]


# ------------------------------------------------------------------------------------------------------ what came out
def change_of(name: str, path: Path) -> str:
    """What a mutant changes, as `Class.function: "line as it is" -> "line as it became"`, which outlives its number."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant
    from mutmut.utils.format_utils import orig_function_and_class_names_from_key

    function, class_name = orig_function_and_class_names_from_key(name)
    lines = get_diff_for_mutant(name, path=path).splitlines()
    was = " ".join(line[1:].strip() for line in lines if line.startswith("-") and not line.startswith("---"))
    is_now = " ".join(line[1:].strip() for line in lines if line.startswith("+") and not line.startswith("+++"))
    return f"{f'{class_name}.' if class_name else ''}{function}: {was} -> {is_now}"


def listed() -> dict[str, set[str]]:
    """The mutants that may survive, by module."""
    found: dict[str, set[str]] = defaultdict(set)
    for entry in tomllib.loads(LISTED.read_text(encoding="utf-8")).get("survivors", []):
        if not entry["because"].strip():
            raise SystemExit(f"{LISTED.name}: an entry of {entry['module']} has no reason")
        found[entry["module"]].update(entry["changes"])
    return found


def module_of(path: Path) -> str:
    """The name by which it is imported."""
    return ".".join(path.with_suffix("").parts)


def report(paths: Iterable[Path]) -> int:
    """Print the table and what survived without being listed; the exit code."""
    from mutmut.mutation.data import SourceFileMutationData
    from mutmut.stats import status_by_exit_code

    may_survive, wrong = listed(), []
    total: Counter[str] = Counter()
    print(f"\n{'module':<32}{'mutants':>8}{'killed':>8}{'timed out':>11}{'survived':>10}{'share':>8}")
    for path in paths:
        data = SourceFileMutationData(path=path)
        data.load()
        if not data.exit_code_by_key:
            continue
        module = module_of(path)
        status = {name: status_by_exit_code[code] for name, code in data.exit_code_by_key.items()}
        alive = [name for name, said in status.items() if said in {"survived", "no tests"}]
        row = Counter(
            mutants=len(status),
            late=sum(
                said in {"timeout", "segfault"} for said in status.values()
            ),  # SIGKILL follows a SIGXCPU that is caught
            alive=len(alive),
            unknown=sum(said in {"not checked", "check was interrupted by user"} for said in status.values()),
        )
        row["killed"] = row["mutants"] - row["late"] - row["alive"] - row["unknown"]
        total += row
        _print_row(module, row)
        changes = {change_of(name, path) for name in alive}
        wrong += [f"{module}: survives and is not listed: {change}" for change in sorted(changes - may_survive[module])]
        wrong += [f"{module}: is listed and does not survive: {one}" for one in sorted(may_survive[module] - changes)]
        if row["unknown"]:
            wrong.append(f"{module}: {row['unknown']} mutants were not run")
        if share(row) < LEAST_SHARE:
            wrong.append(f"{module}: less than {LEAST_SHARE:.0%} are killed")
    _print_row("all", total)
    for line in wrong:
        print(line)
    return 1 if wrong else 0


def share(row: Counter[str]) -> float:
    """Of those that were noticed."""
    return (row["killed"] + row["late"]) / max(row["mutants"], 1)


def _print_row(module: str, row: Counter[str]) -> None:
    print(f"{module:<32}{row['mutants']:>8}{row['killed']:>8}{row['late']:>11}{row['alive']:>10}{share(row):>8.1%}")


def main() -> int:
    """Make, run, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", help="such as beamline.safety.monitors; all where none is named")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at a time")
    parser.add_argument("--go-on", action="store_true", help="keep what is known of code that has not changed since")
    parser.add_argument("--report", action="store_true", help="of what was run before, and nothing is run")
    asked = parser.parse_args()
    if find_spec("mutmut") is None:
        print("skipped: mutmut is not installed; pip install 'vitrail[mutation]'")
        return 0
    os.chdir(ROOT)  # mutmut works where the project is, in a folder `mutants`
    sys.argv[1:] = []
    from mutmut.utils.file_utils import walk_mutatable_files

    paths = sorted(walk_mutatable_files())
    if asked.modules:
        paths = [path for path in paths if module_of(path) in asked.modules]
        if not paths:
            raise SystemExit(
                f"none of {', '.join(asked.modules)} is mutated; [tool.mutmut] of pyproject.toml says what is"
            )
    if asked.report:
        return report(paths)
    if not asked.modules and not asked.go_on:
        shutil.rmtree("mutants", ignore_errors=True)
    extend_mutmut()
    from mutmut.__main__ import _run

    begin_s = time.monotonic()
    _run([f"{module_of(path)}.x*" for path in paths] if asked.modules else [], asked.jobs)
    code = report(paths)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu_min = sum(one.ru_utime + one.ru_stime for one in used) / 60
    print(f"{(time.monotonic() - begin_s) / 60:.1f} min, {cpu_min:.1f} min of the processor")
    return code


if __name__ == "__main__":
    sys.exit(main())
