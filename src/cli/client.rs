//! The command line's side of gRPC: which node, as whom, and every answer as a JSON value or a refusal.
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tonic::Request;
use tonic::transport::Channel;

use crate::cli::options::{Global, PriceNeeds, node_address};
use crate::cli::output::Output;
use crate::cli::passphrase;
use crate::config::node::NodeConfig;
use crate::domain::annex::{Annex, Texts};
use crate::domain::body::Body;
use crate::domain::id::{NodeId, OfficerName, OrgId, ShortId, StatementId};
use crate::domain::order::Access;
use crate::domain::order::acts::By;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::salt::Salt;
use crate::domain::signing::SecretKey;
use crate::domain::statement::{Kind, Signed};
use crate::domain::time::Date;
use crate::domain::trust::key_book::KeyBook;
use crate::node::ports::Clock as _;
use crate::node::system::SystemClock;
use crate::node::{system, tls};
use crate::wire::page::PAGE_SIZE_MAX;
use crate::wire::pb::{catalogue, chain, node, order};
use crate::wire::status::to_refusal;

mod orders;

/// A profile file: how to reach a node and as whom.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct ProfileFile {
    node: Option<NodeId>,
    address: Option<String>,
    tls: Option<PathBuf>,
    federation_root: Option<String>,
    org: Option<OrgId>,
    officer: Option<OfficerName>,
    key: Option<PathBuf>,
}

/// Who acts.
pub struct ActingOfficer {
    /// For whom.
    pub org: OrgId,
    /// In which office.
    pub name: OfficerName,
    /// With which key.
    pub key: SecretKey,
}

impl ActingOfficer {
    /// Who signs now.
    pub fn by(&self) -> By {
        By { org: self.org.clone(), officer: self.name.clone(), signed_at: SystemClock.now(), salt: fresh_salt() }
    }
}

/// How many witnesses have cosigned, of how many that are needed.
#[derive(Clone, Copy, Default)]
pub struct Witnesses {
    /// How many have.
    pub cosigned: u32,
    /// How many are needed.
    pub needed: u32,
}

impl Witnesses {
    /// Whether enough have cosigned.
    pub fn are_enough(self) -> bool {
        self.needed > 0 && self.cosigned >= self.needed
    }

    /// For people; too few are marked.
    pub fn text(self, out: Output) -> String {
        let Self { cosigned, needed } = self;
        match self.are_enough() {
            true => format!("{cosigned} ({} {needed})", out.say("nötig", "needed")),
            false => {
                format!("{cosigned} ({} {needed})", out.say("NOCH NICHT BEZEUGT, nötig", "NOT YET WITNESSED, needed"))
            }
        }
    }

    /// For programs.
    pub fn value(self) -> Value {
        json!({"cosigned": self.cosigned, "needed": self.needed, "enough": self.are_enough()})
    }
}

/// A bundle, and what the node says of it.
#[derive(Default)]
pub struct FetchedBundle {
    /// The ZIP file.
    pub bundle: Vec<u8>,
    /// Statements in it that stand in logs.
    pub statements: u32,
    /// How many of them are not witnessed yet.
    pub unwitnessed: u32,
    /// The witnesses of the statement with the fewest.
    pub witnesses: Witnesses,
}

/// A connection to one node.
pub struct Client {
    channel: Channel,
    node: Option<NodeId>,
    officer: Option<ActingOfficer>,
    /// The federation's root hash, if the profile names it.
    pub root: Option<StatementId>,
    /// The organisation of the options or the profile.
    pub org: Option<OrgId>,
    /// Whether the officer is asked before anything about an order is signed.
    pub asks: bool,
}

/// Everything on all pages; `page` gives what is on the page of a token and the token of the next.
async fn pages<T>(mut page: impl AsyncFnMut(String) -> Result<(Vec<T>, String), Refusal>) -> Result<Vec<T>, Refusal> {
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let (items, next) = page(token).await?;
        all.extend(items);
        if next.is_empty() {
            return Ok(all);
        }
        token = next;
    }
}

/// For which days and what kind of contract legs are judged; what is absent the node chooses.
#[derive(Clone, Copy, Default)]
pub struct Days {
    /// Day of the award.
    pub as_of: Option<Date>,
    /// With the knowledge of this day.
    pub known_on: Option<Date>,
    /// Day on which the procedure began.
    pub began: Option<Date>,
    /// What kind of contract.
    pub award: chain::v1::Award,
    /// Whether a contract in force is to be changed.
    pub is_change: bool,
}

impl From<(Option<Date>, Option<Date>)> for Days {
    fn from((as_of, known_on): (Option<Date>, Option<Date>)) -> Self {
        Self { as_of, known_on, ..Self::default() }
    }
}

impl Client {
    /// Connects as the options and the profile say. Nothing is sent yet.
    pub fn connect(global: &Global, timeout: Duration) -> Result<Self, Refusal> {
        let file = match &global.profile {
            Some(path) => read_profile(path)?,
            None => ProfileFile::default(),
        };
        let missing = |what: &str| Refusal::new(Reason::UsageInvalid).with("missing", what);
        let address = global.address.clone().or(file.address).ok_or_else(|| missing("--address, --profile"))?;
        let address = node_address(&address)?;
        let tls_file = global.tls.clone().or(file.tls).ok_or_else(|| missing("--tls, --profile"))?;
        let pem = std::fs::read_to_string(&tls_file).map_err(|error| {
            Refusal::new(Reason::FileUnreadable).with("file", tls_file.display()).with("problem", error)
        })?;
        let org = global.org.clone().or(file.org);
        let name = global.officer.clone().or(file.officer);
        let key = global.key.clone().or(file.key);
        let officer = match (org.clone(), name, key) {
            (Some(org), Some(name), Some(key)) => {
                Some(ActingOfficer { org, name, key: passphrase::opener(global)?.read(&key)? })
            }
            _ => None,
        };
        let root = file.federation_root.as_deref().map(parse_root).transpose()?;
        let channel = tls::channel(&address, tls::pin_of_pem(&pem)?, None, timeout)?;
        Ok(Self { channel, node: file.node, officer, root, org, asks: !global.yes })
    }

    /// Connects to the node with these settings, from its own machine.
    pub async fn to_own(config: &NodeConfig, timeout: Duration) -> Result<Self, Refusal> {
        let mut address = config.listen;
        if address.ip().is_unspecified() {
            // It listens everywhere, so here too.
            address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
        }
        let pin = tls::key_shown_at(&address.to_string()).await?;
        if !tls::pins_in(&config.keys)?.contains(&pin) {
            // Somebody else listens there.
            return Err(Refusal::new(Reason::PeerUnknown).with("address", address).with("tls_sha256", pin));
        }
        let channel = tls::channel(&address.to_string(), pin, None, timeout)?;
        let root = Some(config.federation_root);
        Ok(Self { channel, node: Some(config.profile.node.clone()), officer: None, root, org: None, asks: true })
    }

    /// Connects to a known node, for the demonstration.
    pub fn to(channel: Channel, node: NodeId, officer: Option<ActingOfficer>) -> Self {
        Self { channel, node: Some(node), officer, root: None, org: None, asks: false }
    }

    /// Who acts; refused if nobody does.
    pub fn officer(&self) -> Result<&ActingOfficer, Refusal> {
        self.officer.as_ref().ok_or_else(|| Refusal::new(Reason::AccessMissing))
    }

    /// A confidential call carries the officer's proof of identity for exactly this node.
    async fn confidential<T>(&mut self, message: T) -> Result<Request<T>, Refusal> {
        let proof = self.access().await?;
        let mut request = Request::new(message);
        crate::wire::access::attach(request.metadata_mut(), &proof);
        Ok(request)
    }

    /// The officer's proof of identity for this node, good for five minutes.
    pub async fn access(&mut self) -> Result<Signed, Refusal> {
        let node = match &self.node {
            Some(node) => node.clone(),
            None => {
                let status = self.raw_status().await?;
                let node: NodeId = status.node.parse()?;
                self.node = Some(node.clone());
                node
            }
        };
        let officer = self.officer()?;
        let access = Access {
            org: officer.org.clone(),
            officer: officer.name.clone(),
            node,
            signed_at: SystemClock.now(),
            salt: fresh_salt(),
        };
        Ok(Signed::sign(&Kind::Access, &access, &[&officer.key]))
    }

    /// The node's state as it was sent.
    pub async fn raw_status(&mut self) -> Result<node::v1::GetStatusResponse, Refusal> {
        let mut client = node::v1::node_service_client::NodeServiceClient::new(self.channel.clone());
        let (mut logs, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = node::v1::GetStatusRequest { page_size: page_size(), page_token };
            let answer = client.get_status(request).await;
            let mut status = answer.map_err(|status| to_refusal(&status))?.into_inner();
            logs.append(&mut status.logs);
            page_token = std::mem::take(&mut status.next_page_token);
            if page_token.is_empty() {
                return Ok(node::v1::GetStatusResponse { logs, ..status });
            }
        }
    }

    /// The node's state.
    pub async fn status(&mut self) -> Result<Value, Refusal> {
        self.raw_status().await.map(|status| status_value(&status))
    }

    /// Every other node it knows.
    pub async fn peers(&mut self) -> Result<Vec<node::v1::PeerStatus>, Refusal> {
        let mut client = node::v1::node_service_client::NodeServiceClient::new(self.channel.clone());
        let (mut peers, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = node::v1::ListPeersRequest { page_size: page_size(), page_token };
            let answer = client.list_peers(request).await.map_err(|status| to_refusal(&status))?.into_inner();
            peers.extend(answer.peers);
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                return Ok(peers);
            }
        }
    }

    /// The keys of an organisation, as its home log knows them.
    pub async fn keys(&mut self, org: &OrgId) -> Result<KeyBook, Refusal> {
        let mut client = node::v1::node_service_client::NodeServiceClient::new(self.channel.clone());
        let answer = client.get_keys(node::v1::GetKeysRequest { org: org.to_string() }).await;
        crate::wire::keys::book(answer.map_err(|status| to_refusal(&status))?.into_inner())
    }

    /// How many witnesses have cosigned a statement.
    pub async fn witnesses(&mut self, statement_id: &str) -> Result<Witnesses, Refusal> {
        let mut client = node::v1::node_service_client::NodeServiceClient::new(self.channel.clone());
        let request = node::v1::GetWitnessingRequest { statement_id: statement_id.to_owned() };
        let answer = client.get_witnessing(request).await.map_err(|status| to_refusal(&status))?.into_inner();
        Ok(Witnesses { cosigned: answer.cosigned, needed: answer.witnesses_needed })
    }

    /// The log a public statement stands in, the node's own before all others; none if nobody has published it.
    pub async fn place(&mut self, statement_id: &str) -> Result<Option<String>, Refusal> {
        let mut client = node::v1::node_service_client::NodeServiceClient::new(self.channel.clone());
        let request = node::v1::GetWitnessingRequest { statement_id: statement_id.to_owned() };
        match client.get_witnessing(request).await.map_err(|status| to_refusal(&status)) {
            Ok(answer) => Ok(Some(answer.into_inner().log_origin)),
            Err(refusal) if refusal.reason == Reason::StatementUnknown => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    /// The log the node writes.
    pub async fn own_log(&mut self) -> Result<String, Refusal> {
        self.raw_status().await.map(|status| status.log_origin)
    }

    /// A public statement, exactly as it was signed.
    pub async fn statement(&mut self, statement_id: StatementId) -> Result<Signed, Refusal> {
        let mut client = node::v1::node_service_client::NodeServiceClient::new(self.channel.clone());
        let request = node::v1::GetStatementRequest { statement_id: statement_id.to_string() };
        let answer = client.get_statement(request).await.map_err(|status| to_refusal(&status))?;
        let signed = crate::wire::statement::signed(answer.into_inner().statement)?;
        // The node is believed nothing that can be seen.
        if signed.id() == statement_id {
            return Ok(signed);
        }
        Err(Refusal::new(Reason::StatementMalformed).with("found", signed.id()).with("expected", statement_id))
    }

    /// Public statements whose ids begin so.
    pub async fn statements_beginning(
        &mut self,
        prefix: &ShortId,
    ) -> Result<node::v1::FindStatementsResponse, Refusal> {
        let mut client = node::v1::node_service_client::NodeServiceClient::new(self.channel.clone());
        let request = node::v1::FindStatementsRequest { id_prefix: prefix.as_str().to_owned() };
        client.find_statements(request).await.map(tonic::Response::into_inner).map_err(|status| to_refusal(&status))
    }

    /// What the federation says about trust, with all organisations, and of one if one is named.
    pub async fn trust(&mut self, org: Option<&OrgId>) -> Result<node::v1::GetTrustResponse, Refusal> {
        let org = org.map(ToString::to_string).unwrap_or_default();
        let mut first = self.trust_page(&org, String::new()).await?;
        let next_page = std::mem::take(&mut first.next_page_token);
        if !next_page.is_empty() {
            let others = pages(async |page_token| {
                let begun = if page_token.is_empty() { next_page.clone() } else { page_token };
                let page = self.trust_page(&org, begun).await?;
                Ok((page.organisations, page.next_page_token))
            });
            first.organisations.extend(others.await?);
        }
        Ok(first)
    }

    async fn trust_page(&self, org: &str, page_token: String) -> Result<node::v1::GetTrustResponse, Refusal> {
        let mut client = node::v1::node_service_client::NodeServiceClient::new(self.channel.clone());
        let request = node::v1::GetTrustRequest { org: org.to_owned(), page_size: i32::MAX, page_token };
        client.get_trust(request).await.map(tonic::Response::into_inner).map_err(|status| to_refusal(&status))
    }

    fn catalogue(&self) -> catalogue::v1::catalogue_service_client::CatalogueServiceClient<Channel> {
        catalogue::v1::catalogue_service_client::CatalogueServiceClient::new(self.channel.clone())
    }

    fn orders(&self) -> order::v1::order_service_client::OrderServiceClient<Channel> {
        order::v1::order_service_client::OrderServiceClient::new(self.channel.clone())
    }

    /// All offerings, and the past day that was asked for.
    pub async fn list_offerings(
        &mut self,
        filter: catalogue::v1::ListOfferingsRequest,
    ) -> Result<(Vec<catalogue::v1::OfferingEntry>, Option<catalogue::v1::PastDay>), Refusal> {
        let mut as_of = None;
        let offerings = pages(async |page_token| {
            let request = catalogue::v1::ListOfferingsRequest { page_token, ..filter.clone() };
            let answer = self.catalogue().list_offerings(request).await.map_err(|status| to_refusal(&status))?;
            let page = answer.into_inner();
            as_of = page.as_of;
            Ok((page.offerings, page.next_page_token))
        })
        .await?;
        Ok((offerings, as_of))
    }

    /// Offerings as they change, after a position.
    pub async fn watch_offerings(
        &mut self,
        request: catalogue::v1::WatchOfferingsRequest,
    ) -> Result<tonic::Streaming<catalogue::v1::WatchOfferingsResponse>, Refusal> {
        let answer = self.catalogue().watch_offerings(request).await;
        answer.map(tonic::Response::into_inner).map_err(|status| to_refusal(&status))
    }

    /// One offering, by id or by `seller/name`.
    pub async fn get_offering(&mut self, which: &str) -> Result<catalogue::v1::GetOfferingResponse, Refusal> {
        use catalogue::v1::get_offering_request::Offering;
        let offering = match which.split_once('/') {
            Some((seller, name)) => {
                Offering::Name(catalogue::v1::OfferingName { seller: seller.to_owned(), name: name.to_owned() })
            }
            None => Offering::OfferingId(which.to_owned()),
        };
        let request = catalogue::v1::GetOfferingRequest { offering: Some(offering), read_mask: None };
        let answer = self.catalogue().get_offering(request).await;
        answer.map(tonic::Response::into_inner).map_err(|status| to_refusal(&status))
    }

    /// Searches.
    pub async fn search(
        &mut self,
        query: &str,
        for_org: Option<&OrgId>,
    ) -> Result<catalogue::v1::SearchOfferingsResponse, Refusal> {
        self.search_narrowed(query, for_org, Vec::new(), "").await
    }

    /// Searches among offerings that have the values, now or as they were on a past day.
    pub async fn search_narrowed(
        &mut self,
        query: &str,
        for_org: Option<&OrgId>,
        narrow: Vec<catalogue::v1::FacetValues>,
        as_of: &str,
    ) -> Result<catalogue::v1::SearchOfferingsResponse, Refusal> {
        let request = catalogue::v1::SearchOfferingsRequest {
            query: query.to_owned(),
            for_org: for_org.map(ToString::to_string).unwrap_or_default(),
            narrow,
            as_of: as_of.to_owned(),
            ..Default::default()
        };
        let answer = self.catalogue().search_offerings(request).await;
        answer.map(tonic::Response::into_inner).map_err(|status| to_refusal(&status))
    }

    /// The first results of a search, with the state of the logs by which they were found.
    pub async fn search_with_state(
        &mut self,
        query: &str,
        for_org: &OrgId,
        narrow: Vec<catalogue::v1::FacetValues>,
        most: usize,
    ) -> Result<catalogue::v1::SearchOfferingsResponse, Refusal> {
        let request = catalogue::v1::SearchOfferingsRequest {
            query: query.to_owned(),
            for_org: for_org.to_string(),
            narrow,
            page_size: i32::try_from(most).unwrap_or(i32::MAX),
            with_state: true,
            ..Default::default()
        };
        let answer = self.catalogue().search_offerings(request).await;
        answer.map(tonic::Response::into_inner).map_err(|status| to_refusal(&status))
    }

    /// What fits a municipality, best first: as many as are wanted, page by page.
    pub async fn rank(
        &mut self,
        for_org: &OrgId,
        query: &str,
        narrow: Vec<catalogue::v1::FacetValues>,
        limit: usize,
    ) -> Result<catalogue::v1::RankOfferingsResponse, Refusal> {
        let mut request = catalogue::v1::RankOfferingsRequest {
            for_org: for_org.to_string(),
            query: query.to_owned(),
            narrow,
            ..Default::default()
        };
        let mut all: Option<catalogue::v1::RankOfferingsResponse> = None;
        loop {
            let had = all.as_ref().map_or(0, |all| all.offerings.len());
            request.page_size = i32::try_from(limit.saturating_sub(had).max(1)).unwrap_or(i32::MAX);
            let answer = self.catalogue().rank_offerings(request.clone()).await;
            let page = answer.map_err(|status| to_refusal(&status))?.into_inner();
            request.page_token.clone_from(&page.next_page_token);
            match &mut all {
                Some(all) => all.offerings.extend(page.offerings),
                None => all = Some(page),
            }
            if let Some(all) = all.take_if(|all| request.page_token.is_empty() || all.offerings.len() >= limit) {
                return Ok(all);
            }
        }
    }

    /// What a municipality runs, if it has said so.
    pub async fn connection_profile(
        &mut self,
        municipality: &OrgId,
    ) -> Result<Option<catalogue::v1::ConnectionProfile>, Refusal> {
        let request = catalogue::v1::GetConnectionProfileRequest { municipality: municipality.to_string() };
        let answer = self.catalogue().get_connection_profile(request).await;
        answer.map(|answer| answer.into_inner().profile).map_err(|status| to_refusal(&status))
    }

    /// What municipalities look for, by service, page by page.
    pub async fn demand(&mut self, through: Option<&OrgId>) -> Result<Vec<catalogue::v1::ServiceDemand>, Refusal> {
        let mut request = catalogue::v1::ListDemandRequest {
            through: through.map(ToString::to_string).unwrap_or_default(),
            ..Default::default()
        };
        let mut all = Vec::new();
        loop {
            let answer = self.catalogue().list_demand(request.clone()).await;
            let page = answer.map_err(|status| to_refusal(&status))?.into_inner();
            all.extend(page.services);
            if page.next_page_token.is_empty() {
                return Ok(all);
            }
            request.page_token = page.next_page_token;
        }
    }

    /// What an order would cost; `which` is an id or `seller/name`.
    pub async fn price(
        &mut self,
        which: &str,
        wanted: catalogue::v1::PreviewPriceRequest,
    ) -> Result<catalogue::v1::PreviewPriceResponse, Refusal> {
        use catalogue::v1::preview_price_request::Offering;
        let offering = match which.split_once('/') {
            Some((seller, name)) => {
                Offering::Name(catalogue::v1::OfferingName { seller: seller.to_owned(), name: name.to_owned() })
            }
            None => Offering::OfferingId(which.to_owned()),
        };
        let request = catalogue::v1::PreviewPriceRequest { offering: Some(offering), ..wanted };
        let answer = self.catalogue().preview_price(request).await;
        answer.map(tonic::Response::into_inner).map_err(|status| to_refusal(&status))
    }

    /// Hands in a public statement. What no node may take is refused here.
    pub async fn publish(&mut self, signed: &Signed) -> Result<catalogue::v1::PublishResponse, Refusal> {
        Body::read(signed)?;
        let statement = Some(signed.into());
        let answer = self.catalogue().publish(catalogue::v1::PublishRequest { statement }).await;
        answer.map(tonic::Response::into_inner).map_err(|status| to_refusal(&status))
    }

    /// All routes to an offering (`ANBIETER/NAME` or its id), judged.
    pub async fn routes(
        &mut self,
        buyer: &OrgId,
        offering: &str,
        needs: PriceNeeds,
        days: impl Into<Days>,
    ) -> Result<chain::v1::FindRoutesResponse, Refusal> {
        use chain::v1::find_routes_request::Offering;
        let goal = match offering.split_once('/') {
            Some((seller, name)) => {
                Offering::Name(catalogue::v1::OfferingName { seller: seller.to_owned(), name: name.to_owned() })
            }
            None => Offering::OfferingId(offering.to_owned()),
        };
        self.find_routes(buyer, goal, needs, days).await
    }

    /// All routes to an organisation, judged.
    pub async fn routes_to(
        &mut self,
        buyer: &OrgId,
        provider: &OrgId,
        days: impl Into<Days>,
    ) -> Result<chain::v1::FindRoutesResponse, Refusal> {
        let goal = chain::v1::find_routes_request::Offering::Provider(provider.to_string());
        self.find_routes(buyer, goal, PriceNeeds::default(), days).await
    }

    async fn find_routes(
        &mut self,
        buyer: &OrgId,
        goal: chain::v1::find_routes_request::Offering,
        PriceNeeds { term_years, uses, target_group }: PriceNeeds,
        days: impl Into<Days>,
    ) -> Result<chain::v1::FindRoutesResponse, Refusal> {
        let Days { as_of, known_on, began, award, is_change } = days.into();
        let request = chain::v1::FindRoutesRequest {
            for_org: buyer.to_string(),
            offering: Some(goal),
            as_of: day_text(as_of),
            known_on: day_text(known_on),
            rule_pack_id: String::new(),
            term_years,
            uses,
            target_group,
            procedure_began: day_text(began),
            award: award.into(),
            changes_contract: is_change,
        };
        let answer = self.chains().find_routes(request).await;
        answer.map(tonic::Response::into_inner).map_err(|status| to_refusal(&status))
    }

    /// One leg under every case that applies, with the facts.
    pub async fn explain_leg(
        &mut self,
        from: &OrgId,
        to: &OrgId,
        days: impl Into<Days>,
    ) -> Result<chain::v1::ExplainLegResponse, Refusal> {
        let Days { as_of, known_on, began, award, is_change } = days.into();
        let request = chain::v1::ExplainLegRequest {
            from: from.to_string(),
            to: to.to_string(),
            as_of: day_text(as_of),
            known_on: day_text(known_on),
            rule_pack_id: String::new(),
            procedure_began: day_text(began),
            award: award.into(),
            changes_contract: is_change,
        };
        let answer = self.chains().explain_leg(request).await;
        answer.map(tonic::Response::into_inner).map_err(|status| to_refusal(&status))
    }

    /// Orders of the officer's organisation that a membership touches.
    pub async fn affected(
        &mut self,
        membership: Option<(&OrgId, &OrgId)>,
        as_of: Option<Date>,
    ) -> Result<Vec<chain::v1::AffectedOrder>, Refusal> {
        let (member, of) = membership.map(|(member, of)| (member.to_string(), of.to_string())).unwrap_or_default();
        let message = chain::v1::ListAffectedRequest { member, of, as_of: day_text(as_of) };
        let request = self.confidential(message).await?;
        let answer = self.chains().list_affected(request).await;
        answer.map(|answer| answer.into_inner().orders).map_err(|status| to_refusal(&status))
    }

    fn chains(&self) -> chain::v1::chain_service_client::ChainServiceClient<Channel> {
        chain::v1::chain_service_client::ChainServiceClient::new(self.channel.clone())
    }
}

fn day_text(day: Option<Date>) -> String {
    day.map(|day| day.to_string()).unwrap_or_default()
}

fn read_profile(path: &Path) -> Result<ProfileFile, Refusal> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Refusal::new(Reason::ConfigUnreadable).with("file", path.display()).with("problem", error)
    })?;
    let mut file: ProfileFile = toml::from_str(&text).map_err(|error| {
        Refusal::new(Reason::ConfigInvalid).with("file", path.display()).with("problem", error.message())
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    file.tls = file.tls.map(|tls| folder.join(tls));
    file.key = file.key.map(|key| folder.join(key));
    Ok(file)
}

/// Reads `sha256:` and 64 hexadecimal digits.
pub fn parse_root(text: &str) -> Result<StatementId, Refusal> {
    crate::domain::trust_file::read_root(text.trim())
}

/// Sixteen random bytes.
pub fn fresh_salt() -> Salt {
    let mut bytes = [0; 16];
    system::fill(&mut bytes);
    Salt(bytes)
}

/// As much as fits on a page, where all of them are wanted.
fn page_size() -> i32 {
    i32::try_from(PAGE_SIZE_MAX).unwrap_or(i32::MAX)
}

/// The annex that holds these words; none where nothing is said.
pub fn annex_of(texts: Texts) -> Result<Option<Annex>, Refusal> {
    let mut salt = [0; 32];
    system::fill(&mut salt);
    Annex::write(texts, salt)
}

/// A protobuf time as text.
pub fn time_text(time: Option<&crate::wire::pb::Instant>) -> String {
    time.map(|time| crate::wire::instant(time).to_string()).unwrap_or_default()
}

fn status_value(status: &node::v1::GetStatusResponse) -> Value {
    json!({
        "node": status.node, "operator": status.operator, "version": status.version,
        "federation": status.federation, "root_hash": status.root_hash,
        "hosted_orgs": status.hosted_orgs, "connected_peers": status.connected_peers,
        "signs_nothing": status.signs_nothing, "serves_no_orders": status.serves_no_orders,
        "log": {"origin": status.log_origin, "size": status.log_size, "root": status.log_root},
        "logs": status.logs.iter().map(|log| json!({
            "origin": log.origin, "size": log.size, "witnessed_size": log.witnessed_size,
            "refused": log.refused_count, "forked": log.forked,
            "cosigned": log.cosigned, "witnesses_needed": log.witnesses_needed,
            "cut": log.cut, "longer_peers": log.longer_peers, "not_followed": log.not_followed,
        })).collect::<Vec<_>>(),
        "heads_digest": status.heads_digest,
        "offerings": status.offering_count, "catalogue_digest": status.catalogue_digest,
        "outbox": status.outbox_length, "orders": status.order_count,
        "organisations": status.organisations.iter().map(|org| json!({
            "id": org.id, "name": org.name, "home_node": org.home_node, "area": org.area, "portal": org.portal,
        })).collect::<Vec<_>>(),
        "rule_packs": status.rule_packs.iter().map(|pack| json!({"id": pack.id, "name": pack.name, "valid_from": pack.valid_from, "valid_to": pack.valid_to})).collect::<Vec<_>>(),
        "deposits": status.deposits,
        "store": status.store.as_ref().map(|store| json!({
            "damaged_segments": store.damaged_segments, "holes": store.holes,
            "missing_statements": store.missing_statements, "torn_bytes": store.torn_bytes,
            "index_rebuilt": store.index_rebuilt, "only_reading": store.only_reading,
        })),
        "warnings": status.warnings_de, "warnings_en": status.warnings_en,
    })
}

/// A node's state for people.
pub fn status_text(status: &Value, out: Output) -> String {
    let text = |name: &str| match &status[name] {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    let mut lines = vec![
        format!("{}: {} ({})", out.say("Knoten", "Node"), text("node"), text("operator")),
        format!("{}: {}  sha256:{}", out.say("Verbund", "Federation"), text("federation"), text("root_hash")),
        format!("{}: {}", out.say("Beherbergt", "Hosts"), text("hosted_orgs")),
        format!("{}: {}", out.say("Verbunden mit", "Connected to"), text("connected_peers")),
        format!("{}: {}  {}", out.say("Angebote", "Offerings"), text("offerings"), text("catalogue_digest")),
        format!(
            "{}: {}   {}: {}",
            out.say("Bestellungen", "Orders"),
            text("orders"),
            out.say("unzugestellt", "undelivered"),
            text("outbox")
        ),
    ];
    if let Some(reason) = status["signs_nothing"].as_str().filter(|reason| !reason.is_empty()) {
        lines.push(format!("{}: {reason}", out.say("Der Knoten unterschreibt nichts", "The node signs nothing")));
    }
    if let Some(reason) = status["serves_no_orders"].as_str().filter(|reason| !reason.is_empty()) {
        lines.push(format!("{}: {reason}", out.say("Bestellungen ruhen", "Orders rest")));
    }
    lines.extend(store_lines(&status["store"], out));
    let warnings = status[out.say("warnings", "warnings_en")].as_array().into_iter().flatten();
    lines.extend(warnings.filter_map(Value::as_str).map(|warning| format!("! {warning}")));
    lines.push(out.say("Protokolle:", "Logs:").to_owned());
    lines.push(format!(
        "  {:<34} {:>8} {:>8} {:>9} {:>9} {:>9}",
        "",
        out.say("Einträge", "entries"),
        out.say("bezeugt", "witnessed"),
        out.say("Zeugen", "witnesses"),
        out.say("abgelehnt", "refused"),
        out.say("länger", "longer"),
    ));
    lines.extend(status["logs"].as_array().into_iter().flatten().map(|log| log_text(log, out)));
    lines.join("\n")
}

/// What the store found at its opening, where it was not as it should be.
fn store_lines(store: &Value, out: Output) -> Vec<String> {
    let mut lines = Vec::new();
    let number = |name: &str| store[name].as_u64().unwrap_or_default();
    if number("torn_bytes") > 0 {
        let told =
            out.say("Beim Start abgeschnitten, unvollendet (Bytes)", "Cut off at the start, unfinished (bytes)");
        lines.push(format!("{told}: {}", number("torn_bytes")));
    }
    if number("holes") > 0 {
        let told =
            out.say("Unlesbare Stellen, um die herum gelesen wurde", "Unreadable places that were read around");
        let back = match number("missing_statements") {
            0 => out.say("nichts fehlt mehr", "nothing is missing any more").to_owned(),
            missing => format!("{missing} {}", out.say("Erklärungen fehlen noch", "statements are still missing")),
        };
        lines.push(format!("{told}: {}, {back}", number("holes")));
    }
    if let Some(why) = store["index_rebuilt"].as_str().filter(|why| !why.is_empty()) {
        lines.push(format!(
            "{}: {why}",
            out.say("Index beim Start neu geschrieben", "Index written anew at the start")
        ));
    }
    lines
}

/// One log for people. *Witnesses*: how many have cosigned its end, of how many needed; *longer*: how many peers say
/// that they have more of it.
fn log_text(log: &Value, out: Output) -> String {
    let witnesses = format!("{}/{}", log["cosigned"], log["witnesses_needed"]);
    let cut = match &log["cut"] {
        Value::Null => String::new(),
        at => format!("  {} {at}", out.say("WIDERSPRUCH, abgeschnitten bei", "FORKED, cut at")),
    };
    let not_followed = match log["not_followed"].as_str().unwrap_or_default() {
        "" => String::new(),
        reason => format!("  {} {reason}", out.say("NICHT WEITER VERFOLGT:", "FOLLOWED NO FURTHER:")),
    };
    format!(
        "  {:<34} {:>8} {:>8} {witnesses:>9} {:>9} {:>9}{cut}{not_followed}",
        log["origin"].as_str().unwrap_or_default(),
        log["size"].to_string(),
        log["witnessed_size"].to_string(),
        log["refused"].to_string(),
        log["longer_peers"].to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_witnesses_are_shown_and_marked() {
        let text = |cosigned, needed| Witnesses { cosigned, needed }.text(Output::default());
        assert_eq!(text(5, 5), "5 (nötig 5)");
        assert_eq!(text(4, 5), "4 (NOCH NICHT BEZEUGT, nötig 5)");
        assert_eq!(text(0, 0), "0 (NOCH NICHT BEZEUGT, nötig 0)", "a policy that needs nobody is never reached");
    }
}
