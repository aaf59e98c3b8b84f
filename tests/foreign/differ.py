#!/usr/bin/env python3
"""Three verifiers, one verdict: lets `verbund-audit`, verify.py and the browser's judge the same bundles and compares them.

    differ.py --audit target/debug/verbund-audit FOLDER... [--count N] [--seed S] [--jobs N] [--keep DIR]

A FOLDER holds bundles (*.asice) and `root.txt`. Every bundle is compared as it is; then N mutations of the good ones
are made from the seed (forge.py) and compared. The browser's runs under `node` (verify.mjs), without it only two are compared.
Verifiers agree if they give the same verdict, the same set of
(check, verdict, reason), and, unless `--findings-only`, the same number of passed examinations in each check and the same
judgement of each leg. Disagreements are printed and kept; the last line is a summary as JSON. Exit 1 if there are any.
A forgery that all call valid is counted: most change nothing that any rule is about, `--show-valid` lists them. One is
*undetected* if it was made without a key, holds signed bytes or a signature that were not there, and is valid for either.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any, Iterator, Optional

import forge
import verify

BROWSER = Path(__file__).with_name("verify.mjs")
Finding = tuple[str, ...]
Job = tuple[str, int]

settings: dict[str, Any] = {}
goods: list[tuple[str, bytes, bytes]] = []
worlds: dict[int, forge.World] = {}
workers: dict[str, "subprocess.Popen[str]"] = {}
said: set[tuple[str, str, str]] = set()  # What `verbund-audit` last said to people.


def told(report: dict[str, Any]) -> set[tuple[str, str, str]]:
    """What a person reads of each finding, and of a bundle without any that counts."""
    findings = [finding for row in report["checks"] for finding in row["findings"]]
    words = {(finding["reason"], finding["about"], finding["sentence"]) for finding in findings}
    return words | ({("headline", "", report["headline"])} if report["verdict"] == "VALID" else set())


def is_told(words: tuple[str, str, str]) -> bool:
    """Whether the program says the same. It may add the rule that was broken and whom a finding concerns besides; where it
    has no name for what lies in the bundle, the page may have one."""
    reason, about, sentence = words

    def same(said_of: tuple[str, str, str]) -> bool:
        names = said_of[1].startswith(about) or (about.startswith(said_of[1]) and said_of[1].endswith(": "))
        return said_of[0] == reason and names and said_of[2].startswith(sentence)

    return any(map(same, said))


def found(report: dict[str, Any]) -> tuple[str, set[Finding]]:
    findings = {
        (row["check"], finding["verdict"], finding["reason"]) for row in report["checks"] for finding in row["findings"]
    }
    if not settings.get("findings_only"):
        findings |= {("passed", row["check"], str(row["passed"])) for row in report["checks"]}
        fields = ("from", "to", "verdict", "basis", "assumed")
        legs = report["case"].get("legs", [])
        findings |= {("leg", str(at), *(str(leg[field]) for field in fields)) for at, leg in enumerate(legs)}
    return report["verdict"], findings


def by_rust(path: str, root: bytes) -> tuple[str, set[Finding]]:
    command = [settings["audit"], "verify", path, "--root", f"sha256:{root.hex()}", "-o", "json"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    if done.returncode not in (0, 9, 10):
        return f"exit {done.returncode}: {done.stderr.decode(errors='replace')[-300:]}", set()
    report = json.loads(done.stdout)
    assert report["exit_code"] == done.returncode, "the exit code is the report's"
    said.clear()
    said.update(told(report))
    return found(report)


def check_names() -> None:
    """Both know the same names of fields: one that is missing is noticed before some statement happens to use it."""
    names = subprocess.run(["node", "--no-warnings", str(BROWSER), "--names"], capture_output=True, check=True).stdout
    known, lists = (frozenset(each) for each in json.loads(names))
    differing = (known ^ verify.KNOWN_FIELDS) | (lists ^ verify.LISTS)
    if differing:
        sys.exit(f"names of fields that verify.py or src/web/assets/verify/json.js does not know: {sorted(differing)}")


def by_browser(path: str, root: bytes) -> tuple[str, set[Finding]]:
    """One node process for each of ours: it keeps what it knows of keys and signatures."""
    if "node" not in workers:
        command = ["node", "--no-warnings", str(BROWSER), "--lines"]
        workers["node"] = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    node = workers["node"]
    assert node.stdin and node.stdout
    node.stdin.write(json.dumps({"bundle": path, "root": root.hex()}) + "\n")
    node.stdin.flush()
    line = node.stdout.readline()
    if not line:
        return "no answer", set()
    report = json.loads(line)
    words = {("words", *each) for each in told(report) if not is_told(each)}
    verdict, findings = found(report)
    return verdict, findings | words


def by_python(bundle: bytes, root: bytes) -> tuple[str, set[Finding]]:
    try:
        return found(verify.audit(bundle, root))
    except Exception:
        return f"exception: {traceback.format_exc()[-700:]}", set()


def signed_in(bundle: bytes) -> set[tuple[str, bytes]]:
    """Signed bytes and signatures in a bundle, wherever they lie."""
    members = verify.read_zip(bundle)[0]
    return {(name[-4:], data) for name, data in members.items() if name.endswith((".pae", ".sig"))}


def source(job: Job) -> int:
    """Which good bundle a job changes."""
    return random.Random(f"{settings['seed']}/{job[0]}/{job[1]}").choice(settings["good"])


def made(job: Job) -> Optional[tuple[bytes, bytes, str]]:
    """The bundle of a job: as it is, forged with keys, or changed without."""
    kind, number = job
    if kind == "plain":
        label, bundle, root = goods[number]
        return bundle, root, label
    dice = random.Random(f"{settings['seed']}/{kind}/{number}")
    at = dice.choice(settings["good"])
    label, bundle, root = goods[at]
    if kind == "changed":
        bundle, told = forge.mutated(dice, bundle)
        return bundle, root, f"{label}: {told}"
    if at not in worlds:
        worlds[at] = forge.World(bundle)
    try:
        bundle, root, told = forge.forged(dice, worlds[at])
    except (verify.Refusal, StopIteration):
        return None  # What cannot even be signed is no bundle, and a member's part has no request to forge.
    return bundle, root, f"{label}: {told}"


def compare(job: Job) -> dict[str, Any]:
    made_one = made(job)
    if made_one is None:
        return {"job": job, "skipped": True}
    bundle, root, how = made_one
    started = time.process_time()
    python = by_python(bundle, root)
    spent = time.process_time() - started
    with tempfile.NamedTemporaryFile(suffix=".asice") as file:
        file.write(bundle)
        file.flush()
        rust = by_rust(file.name, root)
        browser = by_browser(file.name, root) if settings["browser"] else rust
    result: dict[str, Any] = {"job": job, "told": how, "verdict": rust[0], "seconds": spent}
    result["reasons"] = sorted({finding[2] for finding in rust[1] if finding[0] not in ("passed", "leg")})
    if job[0] == "changed" and "VALID" in (python[0], rust[0], browser[0]):
        result["undetected"] = bool(signed_in(bundle) - signed_in(goods[source(job)][1]))
    others = {name: other for name, other in (("python", python), ("browser", browser)) if other != rust}
    if others:
        result["differs"] = {
            name: [other[0], sorted(other[1] - rust[1]), "rust", rust[0], sorted(rust[1] - other[1])]
            for name, other in others.items()
        }
        if settings["keep"]:
            stem = Path(settings["keep"], f"{job[0]}-{job[1]}")
            stem.with_suffix(".asice").write_bytes(bundle)
            stem.with_suffix(".root").write_text(f"sha256:{root.hex()}\n")
    return result


def jobs(count: int) -> Iterator[Job]:
    yield from (("plain", number) for number in range(len(goods)))
    for number in range(count if settings["good"] else 0):
        yield ("forged" if number % 2 else "changed", number)


def leave_for_web(path: Path, disagreements: int) -> None:
    """Adds the figure of the page that verifies to those measured there, in the shape of `benches/measure`."""
    figure = {
        "figure": "browser_disagreements",
        "limit": 0.0,
        "median_of": 1,
        "n": 1,
        "note": "counted by tests/foreign/differ.py",
        "peer": None,
        "peer_value": None,
        "unit": "count",
        "value": float(disagreements),
    }
    figures = json.loads(path.read_text()) if path.exists() else []
    others = [each for each in figures if each["figure"] != figure["figure"]]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([*others, figure], indent=2) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--audit", required=True)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--findings-only", action="store_true")
    parser.add_argument("--show-valid", action="store_true")
    parser.add_argument("--figures", type=Path, help="leave the counts here for `cargo bench --bench evidence`")
    parser.add_argument("--only", type=int, help="make and compare this one mutation")
    arguments = parser.parse_args()
    settings.update(audit=arguments.audit, seed=arguments.seed, keep=arguments.keep)
    settings["findings_only"] = arguments.findings_only
    settings["browser"] = shutil.which("node") is not None
    if settings["browser"]:
        check_names()
    else:
        print("no node: the browser's verifier is left out", file=sys.stderr)
    if arguments.keep:
        arguments.keep.mkdir(parents=True, exist_ok=True)
    for folder in arguments.folders:
        root = bytes.fromhex((folder / "root.txt").read_text().strip().removeprefix("sha256:"))
        for bundle in sorted(folder.glob("*.asice")):
            goods.append((f"{folder.name}/{bundle.name}", bundle.read_bytes(), root))
    settings["good"] = [at for at, (_, bundle, root) in enumerate(goods) if by_python(bundle, root)[0] == "VALID"]
    wanted = jobs(arguments.count)
    if arguments.only is not None:
        wanted = iter([("forged" if arguments.only % 2 else "changed", arguments.only)])
    totals: dict[str, Any] = {"bundles": 0, "mutations": 0, "disagreements": 0, "browser_disagreements": 0, "undetected": 0, "valid": 0, "seconds": 0.0}
    reasons: dict[str, int] = {}
    with multiprocessing.get_context("fork").Pool(arguments.jobs) as pool:
        for result in pool.imap_unordered(compare, wanted, chunksize=4):
            if result.get("skipped"):
                continue
            totals["bundles"] += 1
            if totals["bundles"] % 500 == 0:
                print(f"{totals['bundles']} bundles, {totals['disagreements']} disagreements", file=sys.stderr, flush=True)
            totals["seconds"] += result["seconds"]
            totals["mutations"] += result["job"][0] != "plain"
            if result.get("undetected"):
                totals["undetected"] += 1
                print("undetected", result["job"], result["told"], flush=True)
            totals["valid"] += result["verdict"] == "VALID"
            for reason in result["reasons"]:
                reasons[reason] = reasons.get(reason, 0) + 1
            if result["verdict"] == "VALID" and arguments.show_valid:
                print("valid", result["job"], result["told"], flush=True)
            for name, findings in result.get("differs", {}).items():
                totals["disagreements" if name == "python" else "browser_disagreements"] += 1
                print("differ", result["job"], result["told"])
                print("  ", name, findings, flush=True)
    totals["seconds"] = round(totals["seconds"], 1)
    totals["reasons"] = dict(sorted(reasons.items()))
    print(json.dumps(totals))
    if arguments.figures:
        if settings["browser"]:
            leave_for_web(arguments.figures / "web.json", totals["browser_disagreements"])
        arguments.figures.mkdir(parents=True, exist_ok=True)
        for figure in ("mutations", "disagreements", "browser_disagreements", "undetected"):
            (arguments.figures / f"{figure}.txt").write_text(str(totals[figure]))
    return 1 if any(totals[each] for each in ("disagreements", "browser_disagreements", "undetected")) else 0


if __name__ == "__main__":
    sys.exit(main())
