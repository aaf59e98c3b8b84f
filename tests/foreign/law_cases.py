#!/usr/bin/env python3
"""Lets verify.py and the browser's verifier judge the cases of section 108 GWB under `tests/cases/law` and compares with
the answers expected there.

    law_cases.py [FOLDER]

Python 3.11 or later, standard library only; node for the browser's. Exit 1 if an answer differs.
"""

from __future__ import annotations

import datetime
import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Optional

import verify

node: list["subprocess.Popen[str]"] = []
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


def facts_of(case: dict[str, Any]) -> list[tuple[bytes, str, dict[str, Any]]]:
    facts = []
    rows = [("membership", row) for row in case.get("membership", [])]
    rows += [("entity-facts", row) for row in case.get("entity", [])]
    for number, (kind, row) in enumerate(rows):
        row = {"valid_from": "2000-01-01", "known_from": "2000-01-01", "source": "Fall", **row}
        statement = verify.sha256(row.pop("id", f"fact {number}").encode())
        if "corrects" in row:
            row["corrects"] = verify.sha256(row["corrects"].encode()).hex()
        if "confirms" in row:
            row["confirms"] = [verify.sha256(label.encode()).hex() for label in row["confirms"]]
        facts.append((statement, kind, row))
    return facts


def by_browser(question: dict[str, Any]) -> tuple[Any, ...]:
    if not node:
        command = ["node", "--no-warnings", str(HERE / "verify.mjs"), "--law"]
        node.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    asked, answers = node[0].stdin, node[0].stdout
    assert asked and answers
    asked.write(json.dumps(question, default=str) + "\n")
    asked.flush()
    verdict, basis, failing, assumed = json.loads(answers.readline())
    return verdict, basis, failing, assumed


def differs(case: dict[str, Any]) -> Optional[str]:
    expect = case["expect"]
    if "refused" in expect:
        return None  # What a door refuses is no matter of the audit.
    as_of = verify.day(str(case["as_of"]))
    began = verify.day(str(case.get("procedure_began", as_of)))
    pack = {**usual_pack(case, began), **case.get("rule_pack", {})}
    pack = {key: value for key, value in pack.items() if value != "none"}
    facts = facts_of(case)
    known_on, award = verify.day(str(case.get("known_on", as_of))), case.get("award", "general")
    is_last, is_change = case.get("last", False), case.get("change", False)
    base = verify.FactBase({statement: ("", kind, body(kind, row)) for statement, kind, row in facts})
    court = verify.Court(base, body("rule-pack", pack), as_of, known_on, began, award, is_last, is_change)
    judged = court.judge(*case["leg"])
    failing = [f"{each.condition} {each.org}" for each in judged.findings if each.verdict != verify.FULFILLED]
    found = (verify.VERDICTS[judged.verdict], judged.basis, failing, judged.assumed)
    wanted = (expect["verdict"], expect.get("basis"), expect["failing"], expect.get("assumed", False))
    if found != wanted:
        return f"{found} instead of {wanted}"
    if shutil.which("node") is None:
        return None
    question = {
        "facts": [(statement.hex(), kind, row) for statement, kind, row in facts],
        "pack": pack,
        "leg": case["leg"],
        "asOf": as_of,
        "knownOn": known_on,
        "began": began,
        "award": award,
        "isLast": is_last,
        "isChange": is_change,
    }
    found = by_browser(question)
    return None if found == wanted else f"browser: {found} instead of {wanted}"


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
    for each in node:
        each.communicate()
    return 1 if wrong or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
