import JSON
import Kubernetes

extension Companions {
    /// What is kept of the objects that these rules look up.
    static let trafficProjections: [ResourceKind: Projection] = [
        .service: { (object) throws(CannotJudge) in
            let selector = try object.object("spec")?.object("selector")
            return selector.map { ["selector": Literal($0)] } ?? [:]
        },
        .networkPolicy: { (object) throws(CannotJudge) in
            guard let selector = try object.object("spec")?.object("podSelector") else { return [:] }
            _ = try LabelSelector(selector)
            return ["selector": Literal(selector)]
        },
        .middleware: { (object) throws(CannotJudge) in try Middlewares.projection(object) },
        .httpRoute: { (object) throws(CannotJudge) in try PlainListeners.routeProjection(object) },
        .gateway: { (object) throws(CannotJudge) in try PlainListeners.projection(object) },
        .listenerSet: { (object) throws(CannotJudge) in try PlainListeners.projection(object) },
        .experimentalListenerSet: { (object) throws(CannotJudge) in try PlainListeners.projection(object) },
    ]
}

/// Where connections from outside are decrypted.
public enum TLSPlace: String, Sendable, CaseIterable {
    /// At the load balancer, before the cluster.
    case loadBalancer = "load-balancer"
    /// At the gateway, in the cluster.
    case gateway
}
