//! *Schnittstellen*: what programs may call, from the node's own description of its services.
use std::sync::LazyLock;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::domain::reason::Refusal;
use crate::view::View;
use crate::web::desk::Desk;
use crate::web::shell::{Shell, Visit};
use crate::wire::described::{Service, services};

/// Read once: the description is part of the program.
static SERVICES: LazyLock<Vec<Service>> = LazyLock::new(services);

#[derive(Template)]
#[template(path = "interfaces.html", config = "src/web/askama.toml")]
struct Interfaces {
    shell: Shell,
    addresses: Vec<String>,
    pin: String,
    commands: Vec<String>,
    services: &'static [Service],
}

pub(super) async fn show(State(desk): State<Desk>, visit: Visit) -> Response {
    let shell = visit.shell();
    visit.answered(desk.ask(move |view, _, _| Interfaces::of(shell, view)).await)
}

impl Interfaces {
    fn of(shell: Shell, view: &View) -> Result<Self, Refusal> {
        let settings = view.settings();
        let record = view.public().registry.node_record(&settings.origin.federation, settings.node());
        let addresses: Vec<String> = record.map(|record| record.addresses.clone()).unwrap_or_default();
        let address = addresses.first().map_or("HOST:PORT", String::as_str);
        let grpcurl = format!("grpcurl -cacert tls.pem -authority {} {address}", settings.node());
        let commands = vec![
            format!("{grpcurl} list"),
            format!("{grpcurl} describe verbund.catalogue.v1.CatalogueService"),
            format!("{grpcurl} verbund.node.v1.NodeService/GetStatus"),
            "verbund --profile client.toml offering search Wohngeld".to_owned(),
        ];
        Ok(Self {
            addresses,
            pin: record.map(|record| record.tls_sha256.to_string()).unwrap_or_default(),
            commands,
            services: &SERVICES,
            shell,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::web::fixture::Reader;

    #[tokio::test]
    async fn it_lists_every_service_and_ready_commands() {
        let page = Reader::new().get("/schnittstellen").await.ok();
        for part in [
            "verbund.catalogue.v1.CatalogueService",
            "SearchOfferings",
            "verbund.order.v1.OrderService",
            "localhost:1 list",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
    }
}
