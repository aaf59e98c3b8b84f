"""Lists and reads offerings over gRPC, knowing nothing but a node's address and certificate.

Usage: list_offerings.py ADDRESS CERTIFICATE_PEM

No generated code and no credentials: the messages come from the node itself, through reflection. Needs grpcio and
grpcio-reflection. Exit 0 if all that a stranger is promised holds, else 1 with what does not.
"""

import hashlib
import sys

import grpc
from google.protobuf import descriptor_pool, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

SERVICE = "verbund.catalogue.v1.CatalogueService"
PAGE = 7
DEADLINE_SECONDS = 10


class Service:
    """A service of the node, called by the names that reflection tells."""

    def __init__(self, channel: grpc.Channel, reflection: ProtoReflectionDescriptorDatabase, name: str):
        self.channel = channel
        self.service = descriptor_pool.DescriptorPool(reflection).FindServiceByName(name)

    def call(self, method: str, **fields):
        described = self.service.methods_by_name[method]
        request = message_factory.GetMessageClass(described.input_type)(**fields)
        answer = message_factory.GetMessageClass(described.output_type)
        unary = self.channel.unary_unary(
            f"/{self.service.full_name}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )
        return unary(request, timeout=DEADLINE_SECONDS)


def expect(holds: bool, what: str) -> None:
    if not holds:
        raise SystemExit(f"does not hold: {what}")


def list_all(catalogue: Service) -> list:
    entries, token = [], ""
    while True:
        page = catalogue.call("ListOfferings", page_size=PAGE, page_token=token)
        expect(len(page.offerings) <= PAGE, "a page has at most as many offerings as asked for")
        entries.extend(page.offerings)
        token = page.next_page_token
        if not token:
            expect(page.total_size == len(entries), "total_size counts what the pages hold")
            return entries


def check_refusal(catalogue: Service) -> str:
    try:
        catalogue.call("GetOffering", offering_id="0" * 64)
    except grpc.RpcError as error:
        expect(error.code() == grpc.StatusCode.NOT_FOUND, f"an unknown offering is NOT_FOUND, not {error.code()}")
        details = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
        expect(b"OFFERING_UNKNOWN" in details, "the refusal carries its reason")
        return "OFFERING_UNKNOWN"
    raise SystemExit("does not hold: an unknown offering is refused")


def main() -> int:
    address, certificate = sys.argv[1:]
    with open(certificate, "rb") as file:
        trusted = grpc.ssl_channel_credentials(root_certificates=file.read())
    with grpc.secure_channel(address, trusted) as channel:
        reflection = ProtoReflectionDescriptorDatabase(channel)
        services = sorted(reflection.get_services())
        expect(SERVICE in services, f"{SERVICE} is among {services}")
        expect("grpc.health.v1.Health" in services, "the node tells its health")
        catalogue = Service(channel, reflection, SERVICE)
        entries = list_all(catalogue)
        expect(len(entries) > PAGE, "the demonstration has more than one page of offerings")
        expect(len({entry.id for entry in entries}) == len(entries), "no offering comes twice")
        for entry in entries:
            found = catalogue.call("GetOffering", offering_id=entry.id)
            expect(found.entry.offering == entry.offering, "list and get agree")
            expect(hashlib.sha256(found.statement.pae).hexdigest() == entry.id, "the id is the hash of what was signed")
        refused = check_refusal(catalogue)
    sellers = sorted({entry.offering.seller for entry in entries})
    print(f"{len(entries)} offerings of {', '.join(sellers)}; unknown id refused with {refused}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
