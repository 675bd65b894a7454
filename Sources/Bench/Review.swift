/// A review decoded with `Codable` types, limited to the fields that five simple rules read.
///
/// These are probes, replicas, not running as root, and memory requests equal to limits.
struct Review: Decodable {
    struct Request: Decodable {
        let uid: String
        let operation: String
        let kind: Kind
        let namespace: String?
        let name: String?
        let object: Workload?
    }

    struct Kind: Decodable {
        let kind: String
    }

    struct Workload: Decodable {
        let spec: Spec?
    }

    struct Spec: Decodable {
        let replicas: Int?
        let template: Template?
    }

    struct Template: Decodable {
        let spec: PodSpec
    }

    struct PodSpec: Decodable {
        let containers: [Container]
        let securityContext: SecurityContext?
    }

    struct Container: Decodable {
        let name: String
        let livenessProbe: Probe?
        let readinessProbe: Probe?
        let resources: Resources?
        let securityContext: SecurityContext?
    }

    struct Probe: Decodable {
        struct HTTPGet: Decodable {
            let path: String?
        }

        let httpGet: HTTPGet?
    }

    struct Resources: Decodable {
        let requests: Amounts?
        let limits: Amounts?
    }

    struct Amounts: Decodable {
        let memory: String?
    }

    struct SecurityContext: Decodable {
        let runAsNonRoot: Bool?
    }

    let apiVersion: String
    let request: Request
}
