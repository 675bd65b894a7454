import Net
import Testing

@testable import Cluster

/// The next step for a given Secret, trust in the webhook configurations, and time.
@Suite struct CertificatePlanTests {
    private typealias Draft = CertificatePlan.Draft

    private static let names = CertificateNames(service: "playbook", namespace: "shop", further: ["127.0.0.1"])
    private static let times = CertificatePlan.Times(settling: 10, retirement: 100)

    /// A generation that is valid from 0 to 900 by default; the plan does not parse certificates.
    private static func generation(_ name: String, issued: Int64 = 0, life: Int64 = 900) -> CertificateGeneration {
        CertificateGeneration(
            authority: "CA of \(name)", pair: KeyPair(certificate: name, privateKey: "key of \(name)"),
            names: Set(names.dns + names.addresses), issued: issued, notAfter: issued + life)
    }

    private static let a = generation("a")
    private static let b = generation("b", issued: 600)

    private static func trust(_ generations: CertificateGeneration...) -> [RegistrationTrust] {
        let bundle = generations.map(\.authority)
        return [.bundles([bundle, bundle]), .bundles([bundle])]
    }

    private func plan(using generation: CertificateGeneration? = nil) -> CertificatePlan {
        var plan = CertificatePlan(names: Self.names, times: Self.times)
        if let generation { plan.took(generation) }
        return plan
    }

    @Test func `the certificate has the names of the Service`() {
        #expect(
            Self.names.dns
                == ["playbook", "playbook.shop", "playbook.shop.svc", "playbook.shop.svc.cluster.local"])
        #expect(Self.names.addresses == ["127.0.0.1"])
    }

    @Test func `an empty Secret gets a first generation, and CAs trusted before stay trusted`() {
        var plan = plan()
        let trust: [RegistrationTrust] = [.bundles([nil, ["theirs"]]), .unknown, .absent]
        #expect(
            plan.step(CertificateStore(), trust, at: 5)
                == .store(Draft(reason: .made, current: .make, next: .empty, previous: ["theirs"])))
    }

    @Test func `a replica without a certificate immediately uses the first one it reads`() {
        var plan = plan()
        #expect(plan.step(CertificateStore(current: Self.a), [.unknown, .absent], at: 5) == .use(Self.a))
    }

    @Test(
        arguments: [
            [.bundles([nil, nil]), .bundles([["CA of a"]])],
            [.bundles([["CA of a"], []]), .absent],
            [.bundles([["CA of a"], ["CA of a", "stranger"]]), .unknown],
            [.bundles([["CA of a"], ["CA of b"]])],
        ] as [[RegistrationTrust]])
    func `a caBundle that differs from the expected one is overwritten`(trust: [RegistrationTrust]) {
        var plan = plan(using: Self.a)
        #expect(plan.step(CertificateStore(current: Self.a), trust, at: 5) == .trust(0, ["CA of a"]))
    }

    @Test(arguments: [[.absent, .absent], [.unknown, .unknown], trust(a)])
    func `a webhook configuration that is absent, unknown or correct is not changed`(trust: [RegistrationTrust]) {
        var plan = plan(using: Self.a)
        #expect(plan.step(CertificateStore(current: Self.a), trust, at: 5) == .wait)
    }

    @Test(arguments: [(Int64(599), false), (600, true), (899, true)])
    func `a new generation is staged after two thirds of the certificate's lifetime`(now: Int64, isDue: Bool) {
        var plan = plan(using: Self.a)
        let store = CertificateStore(current: Self.a, previous: [])
        let staged = Draft(reason: .staged, current: .keep(Self.a), next: .make, previous: [])
        #expect(plan.step(store, Self.trust(Self.a), at: now) == (isDue ? .store(staged) : .wait))
    }

    @Test func `a renewal goes through every stage at the expected time`() {
        var plan = plan(using: Self.a)
        let staged = CertificateStore(current: Self.a, next: Self.b)
        let both = ["CA of a", "CA of b"]
        #expect(plan.step(staged, Self.trust(Self.a), at: 600) == .trust(0, both))
        #expect(
            plan.step(staged, [.bundles([both, both]), .bundles([["CA of a"]])], at: 601) == .trust(1, both))
        #expect(plan.step(staged, Self.trust(Self.a, Self.b), at: 602) == .wait)
        #expect(plan.step(staged, Self.trust(Self.b, Self.a), at: 611) == .wait)
        #expect(
            plan.step(staged, Self.trust(Self.a, Self.b), at: 612)
                == .store(
                    Draft(reason: .promoted, current: .keep(Self.b), next: .empty, previous: ["CA of a"])))
        let promoted = CertificateStore(current: Self.b, previous: ["CA of a"])
        #expect(plan.step(promoted, Self.trust(Self.a, Self.b), at: 613) == .use(Self.b))
        plan.took(Self.b)
        #expect(plan.step(promoted, Self.trust(Self.a, Self.b), at: 712) == .wait)
        #expect(
            plan.step(promoted, Self.trust(Self.a, Self.b), at: 713)
                == .store(Draft(reason: .retired, current: .keep(Self.b), next: .empty, previous: [])))
        let retired = CertificateStore(current: Self.b)
        #expect(plan.step(retired, Self.trust(Self.a, Self.b), at: 714) == .trust(0, ["CA of b"]))
        #expect(plan.step(retired, Self.trust(Self.b), at: 715) == .wait)
    }

    @Test(arguments: [trust(a), [.bundles([["CA of a", "CA of b"]]), .unknown]])
    func `the waiting time restarts when trust is lost or unknown`(gap: [RegistrationTrust]) {
        var plan = plan(using: Self.a)
        let staged = CertificateStore(current: Self.a, next: Self.b)
        let both = Self.trust(Self.a, Self.b)
        _ = plan.step(staged, both, at: 600)
        _ = plan.step(staged, gap, at: 609)
        #expect(plan.step(staged, both, at: 611) == .wait)
        #expect(plan.step(staged, both, at: 620) == .wait)
        guard case .store(let draft) = plan.step(staged, both, at: 621) else {
            Issue.record("it must be promoted")
            return
        }
        #expect(draft.reason == .promoted)
    }

    @Test func `a replica serves the old certificate until the new one has been trusted long enough`() {
        var plan = plan(using: Self.a)
        let promoted = CertificateStore(current: Self.b, previous: ["CA of a"])
        #expect(plan.step(promoted, Self.trust(Self.a, Self.b), at: 650) == .wait)
        #expect(plan.step(promoted, Self.trust(Self.a, Self.b), at: 660) == .use(Self.b))
    }

    @Test func `a replica stops using an expired certificate`() {
        var plan = plan(using: Self.a)
        #expect(plan.step(CertificateStore(current: Self.b), [.unknown, .unknown], at: 900) == .use(Self.b))
    }

    @Test func `a Secret without its certificate gets the served one back, then a renewal`() {
        var plan = plan(using: Self.a)
        #expect(
            plan.step(CertificateStore(), Self.trust(Self.a), at: 5)
                == .store(Draft(reason: .restored, current: .keep(Self.a), next: .make, previous: [])))
        #expect(
            plan.step(CertificateStore(next: Self.b, previous: ["old"]), Self.trust(Self.a, Self.b), at: 601)
                == .store(
                    Draft(reason: .restored, current: .keep(Self.a), next: .keep(Self.b), previous: ["old"])))
    }

    @Test func `an expired certificate is replaced by the staged one`() {
        var plan = plan(using: Self.a)
        #expect(
            plan.step(CertificateStore(current: Self.a, next: Self.b), Self.trust(Self.a), at: 900)
                == .store(
                    Draft(reason: .promoted, current: .keep(Self.b), next: .empty, previous: ["CA of a"])))
    }

    @Test func `without a staged certificate, an expired one is replaced by a new one`() {
        var plan = plan(using: Self.a)
        #expect(
            plan.step(CertificateStore(current: Self.a), Self.trust(Self.a), at: 900)
                == .store(Draft(reason: .made, current: .make, next: .empty, previous: ["CA of a"])))
    }

    @Test func `the served certificate stays trusted when the Secret's certificate is replaced`() {
        var plan = plan(using: Self.a)
        #expect(
            plan.step(CertificateStore(current: Self.b), Self.trust(Self.a), at: 601)
                == .store(Draft(reason: .mended, current: .keep(Self.b), next: .empty, previous: ["CA of a"])))
    }

    @Test func `a certificate without the Service's names stays in use until it is renewed`() {
        let other = CertificateGeneration(
            authority: "CA of c", pair: KeyPair(certificate: "c", privateKey: "k"), names: ["other"], issued: 0,
            notAfter: 900)
        var plan = plan(using: other)
        #expect(
            plan.step(CertificateStore(current: other), Self.trust(other), at: 5)
                == .store(Draft(reason: .staged, current: .keep(other), next: .make, previous: [])))
    }
}
