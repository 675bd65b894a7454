import JSON
import Kubernetes
import Testing

@Suite struct ResourceKindTests {
    @Test(arguments: [ResourceKind.ingressRoute, .ingressRouteTCP, .middleware])
    func `Traefik's kinds are also recognized in the API group of version 2`(_ kind: ResourceKind) {
        #expect(ResourceKind(kind: "\(kind.name)", apiVersion: "traefik.containo.us/v1alpha1") == kind)
        #expect(ResourceKind(kind: "\(kind.name)", apiVersion: "traefik.io/v1alpha1") == kind)
    }

    @Test func `the plural of a kind is that of its definition`() {
        #expect(ResourceKind.eksIngressClassParams.plural == "ingressclassparams")
        #expect(ResourceKind.gatewayClass.plural == "gatewayclasses")
        #expect(ResourceKind.securityPolicy.plural == "securitypolicies")
    }

    @Test func `other kinds are not recognized in Traefik's old API group`() {
        #expect(ResourceKind(kind: "Deployment", apiVersion: "traefik.containo.us/v1alpha1") == .other)
        #expect(ResourceKind(kind: "Middleware", apiVersion: "traefik.containo/v1alpha1") == .other)
    }
}
