//! The services in words, from the descriptors that reflection serves: their names, calls and comments.
use prost::Message as _;
use prost_types::FileDescriptorSet;

use crate::wire::pb;

/// A gRPC service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Service {
    /// With its package: `verbund.node.v1.NodeService`.
    pub name: String,
    /// What its comment says.
    pub comment: String,
    /// Its calls, in the order of the file.
    pub methods: Vec<Method>,
}

/// A call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Method {
    /// Its name.
    pub name: String,
    /// What its comment says.
    pub comment: String,
}

/// Numbers of fields in `descriptor.proto`, by which comments are found.
const SERVICE_FIELD: i32 = 6;
const METHOD_FIELD: i32 = 2;

/// All services of this program, by name.
pub fn services() -> Vec<Service> {
    let set = FileDescriptorSet::decode(pb::FILE_DESCRIPTOR_SET).unwrap_or_default();
    let mut services = Vec::new();
    for file in &set.file {
        let comment = |path: &[i32]| {
            let locations = file.source_code_info.iter().flat_map(|info| &info.location);
            let text = locations
                .filter(|location| location.path == path)
                .find_map(|location| location.leading_comments.as_deref());
            text.unwrap_or_default().lines().map(str::trim).collect::<Vec<_>>().join(" ").trim().to_owned()
        };
        for (at, service) in (0..).zip(&file.service) {
            let method = |(number, method): (i32, &prost_types::MethodDescriptorProto)| Method {
                name: method.name().to_owned(),
                comment: comment(&[SERVICE_FIELD, at, METHOD_FIELD, number]),
            };
            services.push(Service {
                name: format!("{}.{}", file.package(), service.name()),
                comment: comment(&[SERVICE_FIELD, at]),
                methods: (0..).zip(&service.method).map(method).collect(),
            });
        }
    }
    services.sort_by(|one, other| one.name.cmp(&other.name));
    services
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_says_what_it_is_for() {
        let services = services();
        assert_eq!(services.len(), 5);
        for service in &services {
            assert!(service.name.starts_with("verbund.") && !service.methods.is_empty(), "{service:?}");
            assert!(service.methods.iter().all(|method| !method.comment.is_empty()), "{service:?}");
        }
    }
}
