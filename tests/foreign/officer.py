"""An officer's work over gRPC: find, compare, order, approve as a second officer, watch, seal, give notice, fetch the evidence.

Usage: officer.py ADDRESS CERTIFICATE_PEM FOLDER_WITH_KEYS [--org barleben] [--figures FOLDER]

Written from proto/README.md, the schemas and the .proto files alone. Needs grpcio, grpcio-tools (which makes the stubs) and
cryptography. The folder holds ORG-einkauf.pem (role buyer) and ORG-freigabe.pem (role approver), PKCS #8. Exit 0 if every
step does what the contract promises; else 1, with what does not.
"""

import argparse
import datetime
import hashlib
import importlib
import io
import json
import re
import secrets
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import grpc
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from grpc_tools import protoc

CONTRACT = Path(__file__).resolve().parents[2] / "proto"
SERVICES = ("catalogue", "chain", "node", "order", "statement")
DEADLINE_SECONDS = 15
PATIENCE_SECONDS = 60
CAP_CENTS = 3_000_000  # Above what the buying officer may order alone.
SEARCHED = "Wohngeld"
VERDICTS = {1: "fulfilled", 2: "not-proven", 3: "not-fulfilled", 4: "contested"}


def stubs(folder: str) -> dict:
    """The modules that protoc makes of the contract, messages and services by package."""
    files = sorted(str(path) for path in CONTRACT.glob("verbund/*/v1/*.proto"))
    bundled = str(Path(protoc.__file__).parent / "_proto")
    options = [f"-I{CONTRACT}", f"-I{bundled}", f"--python_out={folder}", f"--grpc_python_out={folder}"]
    expect(protoc.main(["protoc", *options, *files]) == 0, "the contract compiles")
    sys.path.insert(0, folder)
    names = [(name, suffix) for name in SERVICES for suffix in ("pb2", "pb2_grpc")]
    return {f"{name}_{suffix}": importlib.import_module(f"verbund.{name}.v1.{name}_{suffix}") for name, suffix in names}


class Broken(Exception):
    """A promise of the contract that does not hold."""


def expect(holds: bool, what: str) -> None:
    if not holds:
        raise Broken(what)


def instant(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def reason_of(error: grpc.RpcError) -> str:
    """The stable word in the status details; a program that has google.rpc reads ErrorInfo instead."""
    details = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
    found = re.search(rb"[A-Z][A-Z0-9_]{3,}", details)
    return found.group().decode() if found else error.code().name


class Officer:
    """One office of one organisation with its key, which never leaves this machine."""

    def __init__(self, pb: dict, org: str, office: str, key_file: Path, node: str):
        self.pb, self.org, self.office, self.node = pb, org, office, node
        self.key = load_pem_private_key(key_file.read_bytes(), None)
        raw = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key_hash = hashlib.sha256(raw).digest()

    def sign(self, kind: str, body: dict):
        """The statement of a body: its bytes are written once, here."""
        payload = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        payload_type = f"application/vnd.verbund.{kind}.v1+json".encode()
        pae = b"DSSEv1 %d %s %d %s" % (len(payload_type), payload_type, len(payload), payload)
        messages = self.pb["statement_pb2"]
        signature = messages.Signature(key_hash=self.key_hash, signature=self.key.sign(pae))
        return messages.SignedStatement(pae=pae, signatures=[signature])

    def access(self) -> list:
        """Fresh metadata for one confidential call."""
        body = {"org": self.org, "officer": self.office, "node": self.node, "signed_at": instant(now()), "salt": secrets.token_hex(16)}
        return [("verbund-access-bin", self.sign("access", body).SerializeToString())]

    def message(self, order, **fields) -> dict:
        """What every message of an order has."""
        common = {"order": order.id, "attempt": order.attempt, "officer": self.office, "signed_at": instant(now()), "salt": secrets.token_hex(16)}
        return {**common, **fields}


class Journey:
    """The steps, in order. Each says what it found."""

    def __init__(self, pb: dict, channel: grpc.Channel, org: str, keys: Path):
        self.pb, self.org = pb, org
        self.catalogue = pb["catalogue_pb2_grpc"].CatalogueServiceStub(channel)
        self.chain = pb["chain_pb2_grpc"].ChainServiceStub(channel)
        self.orders = pb["order_pb2_grpc"].OrderServiceStub(channel)
        status = pb["node_pb2_grpc"].NodeServiceStub(channel).GetStatus(pb["node_pb2"].GetStatusRequest(), timeout=DEADLINE_SECONDS)
        self.buyer = Officer(pb, org, "einkauf", keys / f"{org}-einkauf.pem", status.node)
        self.second = Officer(pb, org, "freigabe", keys / f"{org}-freigabe.pem", status.node)
        self.request_id = f"python-{secrets.token_hex(8)}"

    def call(self, method, request, officer=None):
        return method(request, timeout=DEADLINE_SECONDS, metadata=officer.access() if officer else None)

    def order(self):
        request = self.pb["order_pb2"].GetOrderRequest(order_id=self.order_id)
        return self.call(self.orders.GetOrder, request, self.buyer).order

    def list(self) -> str:
        pb, seen, token = self.pb["catalogue_pb2"], [], ""
        while True:
            page = self.call(self.catalogue.ListOfferings, pb.ListOfferingsRequest(page_size=10, page_token=token))
            seen.extend(entry.id for entry in page.offerings)
            token = page.next_page_token
            if not token:
                break
        expect(len(seen) == len(set(seen)) == page.total_size, "every offering comes once, over all pages")
        return f"{len(seen)} offerings"

    def search(self) -> str:
        request = self.pb["catalogue_pb2"].SearchOfferingsRequest(query=SEARCHED, for_org=self.org)
        found = self.call(self.catalogue.SearchOfferings, request).results
        expect(bool(found), f"somebody offers {SEARCHED}")
        self.offering = next(result.entry for result in found if result.covers)
        return self.offering.offering.title

    def route(self) -> str:
        request = self.pb["chain_pb2"].FindRoutesRequest(for_org=self.org, offering_id=self.offering.id)
        self.found = self.call(self.chain.FindRoutes, request)
        self.chosen = next((route for route in self.found.routes if route.orderable), None)
        expect(self.chosen is not None, "one route can be ordered")
        for leg in self.chosen.legs:
            expect(bool(leg.basis and leg.findings), "every leg names its case and its conditions")
        return " > ".join(self.chosen.parties)

    def preview(self) -> str:
        self.years = self.offering.offering.term_years_min
        request = self.pb["catalogue_pb2"].PreviewPriceRequest(
            offering_id=self.offering.id, route=self.chosen.parties, term_years=self.years
        )
        self.price = self.call(self.catalogue.PreviewPrice, request)
        expect(self.price.complete, "every party has published what it charges")
        expect(sum(leg.total_cents for leg in self.price.legs) == self.price.total_cents, "the parts add up")
        expect(0 < self.price.total_cents <= CAP_CENTS, "the price stays below the cap")
        return f"{self.price.total_cents / 100:.2f} EUR net"

    def awarded_leg(self, order) -> dict:
        """What the facts say about the leg the buyer awards, as it stands beside an approval."""
        pb, (buyer, first) = self.pb["chain_pb2"], order.route[:2]
        asked = pb.ExplainLegRequest(**{"from": buyer}, to=first, as_of=order.as_of, procedure_began=order.procedure_began)
        best = self.call(self.chain.ExplainLeg, asked).cases[0]
        leg = {"from": buyer, "to": first, "as_of": order.as_of, "verdict": VERDICTS[best.verdict], "assumed": best.assumed}
        return {**leg, "evidence": list(best.evidence_ids), **({"basis": best.case} if best.case else {})}

    def request_body(self) -> dict:
        moment = now()
        considered = []
        for route in self.found.routes[:20]:
            seen = {"route": list(route.parties), "verdict": VERDICTS[route.verdict]}
            considered.append({**seen, "total": route.total_cents} if route.HasField("total_cents") else seen)
        # Words for people lie beside the request: they can be erased, and what is signed cannot.
        said = {"purpose": "Wohngeld soll online beantragt werden können.", "choice": "Der erste Weg, den die Suche nennt."}
        self.words = json.dumps({"salt": secrets.token_hex(32), **said}).encode()
        order = hashlib.sha256(b"verbund/order/v1\0" + self.org.encode() + b"\0" + self.request_id.encode()).digest()[:16]
        return {
            "order": order.hex(), "attempt": 1, "request_id": self.request_id, "mode": "binding", "buyer": self.org,
            "offering": self.offering.id, "route": list(self.chosen.parties), "as_of": self.found.as_of,
            "rule_pack": self.found.rule_pack_id, "term_years": self.years, "total_max": CAP_CENTS,
            "quote_by": instant(moment + datetime.timedelta(days=7)), "seal_by": instant(moment + datetime.timedelta(days=14)),
            "considered": considered,
            "annex": hashlib.sha256(self.words).hexdigest(),
            "officer": self.buyer.office, "signed_at": instant(moment), "salt": secrets.token_hex(16),
        }  # fmt: skip

    def submit(self) -> str:
        body = self.request_body()
        statement = self.buyer.sign("request", body)
        statement.annex = self.words
        request = self.pb["order_pb2"].SubmitOrderRequest(request_id=self.request_id, statement=statement)
        self.order_id = self.call(self.orders.SubmitOrder, request).order_id
        expect(self.order_id == body["order"], "the order's id is known before it is handed in")
        again = self.call(self.orders.SubmitOrder, request).order_id
        expect(again == self.order_id, "handing in twice is one order")
        order = self.order()
        stages = self.pb["order_pb2"]
        expect(order.stage == stages.STAGE_AWAITING_APPROVAL, "beyond the officer's limit a colleague must approve")
        expect(order.request_statement_id == hashlib.sha256(statement.pae).hexdigest(), "the node names what was signed")
        return self.order_id

    def waits(self, officer) -> set:
        """The errands in this order that wait for an officer."""
        entries = self.call(self.orders.ListInbox, self.pb["order_pb2"].ListInboxRequest(page_size=500), officer).entries
        return {entry.errand for entry in entries if entry.order_id == self.order_id}

    def approve(self) -> str:
        pb, order = self.pb["order_pb2"], self.order()
        expect(self.waits(self.second) == {pb.ERRAND_APPROVE}, "it waits for the second officer")
        expect(not self.waits(self.buyer), "it does not wait for who ordered")
        signed = json.loads(order.request_statement.pae.split(b" ", 4)[4])
        annex = order.request_statement.annex
        expect(hashlib.sha256(annex).hexdigest() == signed["annex"], "the words are those that were signed")
        expect(signed["total_max"] == CAP_CENTS and json.loads(annex)["purpose"], "who approves sees cap and purpose as signed")
        leg = self.awarded_leg(order)
        body = self.second.message(order, request=order.request_statement_id, org=self.org, approve=True, leg=leg)
        request = pb.DecideOrderRequest(statement=self.second.sign("decision", body))
        self.call(self.orders.DecideOrder, request)
        return f"cap {signed['total_max'] / 100:.2f} EUR"

    def watch(self) -> str:
        """Watches until all offers are here; the stream is cut after each message and taken up again."""
        pb, until, streams = self.pb["order_pb2"], time.monotonic() + PATIENCE_SECONDS, 0
        while time.monotonic() < until:
            request = pb.WatchOrderRequest(order_id=self.order_id)
            stream = self.orders.WatchOrder(request, timeout=PATIENCE_SECONDS, metadata=self.buyer.access())
            streams += 1
            for answer in stream:
                if answer.order.stage == pb.STAGE_OFFERED:
                    stream.cancel()
                    return f"offered after {streams} streams"
                expect(answer.order.stage in (pb.STAGE_IN_CHAIN, pb.STAGE_AWAITING_APPROVAL), "nothing ends the order")
                if streams < 3:
                    break
            stream.cancel()
        raise Broken("all offers arrive in time")

    def feeds(self) -> str:
        """Both feeds from the beginning, and once more from where they ended: what was told does not come again."""
        offers, orders = self.pb["catalogue_pb2"], self.pb["order_pb2"]
        self.resume = {}
        told = self.news("offers", self.catalogue.WatchOfferings, offers.WatchOfferingsRequest(until_now=True))
        expect(any(said.change.entry.id == self.offering.id for said in told), "the offering is told")
        told = self.news("orders", self.orders.WatchOrders, orders.WatchOrdersRequest(until_now=True))
        expect([said.order.id for said in told].count(self.order_id) == 1, "the order is told once")
        wrong = offers.WatchOfferingsRequest(resume_token=self.resume["orders"])
        try:
            next(self.catalogue.WatchOfferings(wrong, timeout=DEADLINE_SECONDS))
            raise Broken("a position in one feed is none in another")
        except grpc.RpcError as error:
            expect(reason_of(error) == "RESUME_INVALID", f"another feed's position is RESUME_INVALID, not {reason_of(error)}")
        return f"{len(told)} orders"

    def news(self, feed: str, call, request) -> list:
        """What a feed tells until now; its last word says that this is all, and leaves the place to go on from."""
        told = list(call(request, timeout=DEADLINE_SECONDS, metadata=self.buyer.access()))
        last = told.pop()
        over = self.pb["catalogue_pb2"].FEED_VERDICT_OVER
        expect(last.end.verdict == over and last.end.reason == "ALL_TOLD", "it is over, and says why")
        self.resume[feed] = last.resume_token
        return told

    def sealed_is_news(self) -> None:
        """After the seal the feed goes on where it was."""
        request = self.pb["order_pb2"].WatchOrdersRequest(until_now=True, resume_token=self.resume["orders"])
        told = self.news("orders", self.orders.WatchOrders, request)
        expect([said.order.id for said in told] == [self.order_id], "only what has changed is told")
        expect(told[0].order.stage == self.pb["order_pb2"].STAGE_SEALED, "it is told as it stands now")

    def seal(self) -> str:
        pb, order = self.pb["order_pb2"], self.order()
        expect(self.waits(self.buyer) == {pb.ERRAND_SEAL}, "the seal waits for who ordered")
        expect(order.total_cents == self.price.total_cents, "the offers cost what the preview said")
        expect(not order.freely_agreed, "every price follows from something published")
        body = self.buyer.message(order, buyer=self.org, chain=list(order.chain), total=order.total_cents)
        request = pb.SealOrderRequest(statement=self.buyer.sign("seal", body))
        self.call(self.orders.SealOrder, request)
        self.call(self.orders.SealOrder, request)
        expect(self.order().stage == pb.STAGE_SEALED, "the order is sealed, once")
        self.sealed_is_news()
        return f"{len(order.route) - 1} contracts"

    def notice(self) -> str:
        pb, order = self.pb["order_pb2"], self.order()
        ends_on = datetime.date.fromisoformat(order.as_of).replace(month=1, day=1)
        ends_on = ends_on.replace(year=ends_on.year + self.years + 2)

        def report(day: str):
            body = self.buyer.message(
                order, seal=order.seal_statement_id, number=order.next_milestone, event={"terminated": {"ends_on": day}}, **{"from": self.org}
            )
            self.call(self.orders.ReportMilestone, pb.ReportMilestoneRequest(statement=self.buyer.sign("milestone", body)))

        try:
            report(order.as_of)
            raise Broken("notice takes time")
        except grpc.RpcError as error:
            expect(reason_of(error) == "NOTICE_TOO_SHORT", f"notice for today is NOTICE_TOO_SHORT, not {reason_of(error)}")
        report(ends_on.isoformat())
        order = self.order()
        expect(order.phase == pb.PHASE_TERMINATED, "notice is given")
        return f"ends on {order.phase_day}"

    def bundle(self) -> str:
        request = self.pb["order_pb2"].GetEvidenceRequest(order_id=self.order_id)
        chunks = self.orders.GetEvidence(request, timeout=DEADLINE_SECONDS, metadata=self.buyer.access())
        content = b"".join(chunk.chunk for chunk in chunks)
        with zipfile.ZipFile(io.BytesIO(content)) as members:
            kinds = [name.split("/")[1] for name in members.namelist() if name.startswith("order/") and name.endswith(".pae")]
        expect(bool(kinds), "the bundle holds the order's messages")
        return f"{len(content)} bytes, {len(kinds)} messages"

    def stranger(self) -> str:
        """Whoever is no party sees nothing."""
        try:
            self.orders.GetOrder(self.pb["order_pb2"].GetOrderRequest(order_id=self.order_id), timeout=DEADLINE_SECONDS)
        except grpc.RpcError as error:
            expect(reason_of(error) == "ACCESS_MISSING", f"without proof it is ACCESS_MISSING, not {reason_of(error)}")
            return "ACCESS_MISSING"
        raise Broken("orders are confidential")

    STEPS = ("list", "search", "route", "preview", "submit", "approve", "watch", "feeds", "seal", "notice", "bundle", "stranger")

    def play(self) -> int:
        """Every step; those after one that fails cannot be tried and count as failed."""
        for number, step in enumerate(self.STEPS):
            try:
                print(f"{step:<9} {getattr(self, step)()}", flush=True)
            except grpc.RpcError as error:
                print(f"{step:<9} FAILED: {reason_of(error)}: {error.details()}")
                return len(self.STEPS) - number
            except Broken as broken:
                print(f"{step:<9} FAILED: does not hold: {broken}")
                return len(self.STEPS) - number
        return 0


def write_figures(folder: Path, seconds: float, failed: int) -> None:
    """For whoever reads target/figures: the time from the first list to the bundle, and what did not work."""
    empty = {"n": 1, "median_of": 1, "peer": "", "peer_value": None}
    figures = [
        {"figure": "python_order_s", "value": round(seconds, 3), "unit": "s", **empty, "limit": None, "note": "list to evidence, two officers, at one node of the demonstration"},
        {"figure": "foreign_steps_failed", "value": failed, "unit": "steps", **empty, "limit": 0, "note": f"of {len(Journey.STEPS)}"},
    ]  # fmt: skip
    # What the tests have counted before, if they ran.
    for figure, unit, limit in (("wrong_inputs", "inputs", 100), ("duplicate_orders", "orders", 0)):
        counted = folder / f"{figure}.txt"
        if counted.is_file():
            figures.append({"figure": figure, "value": int(counted.read_text()), "unit": unit, **empty, "limit": limit, "note": "counted by the tests"})
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "clients.json"
    # What the bench of the same area has measured stays.
    known = json.loads(file.read_text()) if file.is_file() else []
    own = {figure["figure"] for figure in figures}
    figures += [figure for figure in known if figure["figure"] not in own]
    file.write_text(json.dumps(figures, indent=2) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("certificate", type=Path)
    parser.add_argument("keys", type=Path)
    parser.add_argument("--org", default="barleben")
    parser.add_argument("--figures", type=Path)
    given = parser.parse_args()
    trusted = grpc.ssl_channel_credentials(root_certificates=given.certificate.read_bytes())
    with tempfile.TemporaryDirectory() as folder, grpc.secure_channel(given.address, trusted) as channel:
        pb = stubs(folder)
        began = time.monotonic()
        failed = Journey(pb, channel, given.org, given.keys).play()
        seconds = time.monotonic() - began
    if given.figures:
        write_figures(given.figures, seconds, failed)
    print(f"{failed} of {len(Journey.STEPS)} steps failed, {seconds:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
