#!/usr/bin/env python3
"""Lets verify.py judge the cases of section 108 GWB under `tests/cases/law` and compares with the answers expected there.

    law_cases.py [FOLDER]

Python 3.11 or later, standard library only. Exit 1 if an answer differs.
"""

from __future__ import annotations

import datetime
import sys
import tomllib
from pathlib import Path
from typing import Any, Optional

import verify

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent


def usual_pack(case: dict[str, Any], began: datetime.date) -> dict[str, Any]:
    """The demonstration's rule pack for a procedure, or the first one, with the switches that stand otherwise."""
    nodes = REPOSITORY / "nodes"
    federation = tomllib.loads((nodes / "federation.toml").read_text())
    packs = [tomllib.loads((nodes / name).read_text())["rule_pack"] for name in federation["rule_packs"]]

    def meant(pack: dict[str, Any]) -> bool:
        if "pack" in case:
            return pack["name"] == case["pack"]
        return str(pack["valid_from"]) <= str(began) <= str(pack.get("valid_to", "9999"))

    pack = next(filter(meant, packs), packs[0])
    stands = case.get("switches", {})
    settings = [{**each, "stand": stands.get(each["switch"], each["stand"])} for each in pack["switches"]]
    return {**pack, "switches": settings}


def body(kind: str, row: dict[str, Any]) -> verify.Doc:
    row = {key: str(value) if hasattr(value, "isoformat") else value for key, value in row.items()}
    found = verify.BODIES[kind](row)
    verify.BODY_RULES[kind](found)
    return found


def public_of(case: dict[str, Any]) -> dict[bytes, tuple[str, str, verify.Doc]]:
    public = {}
    rows = [("membership", row) for row in case.get("membership", [])]
    rows += [("entity-facts", row) for row in case.get("entity", [])]
    for number, (kind, row) in enumerate(rows):
        row = {"valid_from": "2000-01-01", "known_from": "2000-01-01", "source": "Fall", **row}
        statement = verify.sha256(row.pop("id", f"fact {number}").encode())
        if "corrects" in row:
            row["corrects"] = verify.sha256(row["corrects"].encode()).hex()
        if "confirms" in row:
            row["confirms"] = [verify.sha256(label.encode()).hex() for label in row["confirms"]]
        public[statement] = ("", kind, body(kind, row))
    return public


def differs(case: dict[str, Any]) -> Optional[str]:
    expect = case["expect"]
    if "refused" in expect:
        return None  # What a door refuses is no matter of the audit.
    as_of = verify.day(str(case["as_of"]))
    began = verify.day(str(case.get("procedure_began", as_of)))
    pack = {**usual_pack(case, began), **case.get("rule_pack", {})}
    pack = {key: value for key, value in pack.items() if value != "none"}
    court = verify.Court(
        verify.FactBase(public_of(case)),
        body("rule-pack", pack),
        as_of,
        verify.day(str(case.get("known_on", as_of))),
        began,
        case.get("award", "general"),
        case.get("last", False),
        case.get("change", False),
    )
    judged = court.judge(*case["leg"])
    failing = [f"{each.condition} {each.org}" for each in judged.findings if each.verdict != verify.FULFILLED]
    found = (verify.VERDICTS[judged.verdict], judged.basis, failing, judged.assumed)
    wanted = (expect["verdict"], expect.get("basis"), expect["failing"], expect.get("assumed", False))
    return None if found == wanted else f"{found} instead of {wanted}"


def main() -> int:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY / "tests" / "cases" / "law"
    cases = sorted(folder.glob("*.toml"))
    wrong = 0
    for path in cases:
        told = differs(tomllib.loads(path.read_text()))
        if told:
            wrong += 1
            print(f"{path.stem}: {told}")
    print(f"{len(cases)} cases, {wrong} answered otherwise")
    return 1 if wrong or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
