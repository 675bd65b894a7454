internal import JSON
public import Net
internal import Synchronization

/// Makes the serving certificate, keeps it in a Secret with the other replicas, renews it, and has the registrations trust it.
///
/// All of it happens on a thread of its own; what to do is ``CertificatePlan``'s to say.
public final class CertificateKeeper: Sendable {
    private let thread: ClientThread<Keeping>
    private let trouble: Trouble

    /// What stands in the way at the moment.
    fileprivate final class Trouble: Sendable {
        let text = Mutex<String?>(nil)
    }

    /// Begins to look after the certificate.
    ///
    /// - Parameters:
    ///   - certificates: Where it is put when it may be used.
    ///   - access: The cluster.
    ///   - options: Where it is kept, and for whom it is made.
    ///   - report: Told what an operator should know, on the keeper's thread; never a key.
    /// - Throws: A ``SystemError`` when there is no thread for it.
    public init(
        _ certificates: Certificates, _ access: ClusterAccess, options: CertificateKeeperOptions,
        report: @escaping @Sendable (CertificateKeeperEvent) -> Void = { _ in }
    ) throws(SystemError) {
        let trouble = Trouble()
        self.trouble = trouble
        thread = try ClientThread { loop in
            let client = APIClient(loop: loop, access: access, options: options.api)
            let keeping = Keeping(client, certificates, options) { event in
                switch event {
                case .troubled(let text): trouble.text.withLock { $0 = text }
                case .recovered: trouble.text.withLock { $0 = nil }
                default: break
                }
                report(event)
            }
            keeping.look()
            return keeping
        }
    }

    /// Why the certificate cannot be looked after at the moment; nil when it can.
    public var problem: String? { trouble.text.withLock { $0 } }

    /// Ends it; the certificate stays in use.
    ///
    /// - Parameter deadline: How long to wait at most.
    /// - Returns: Whether its thread has ended.
    @discardableResult
    public func stop(by deadline: Instant = .distantFuture) -> Bool { thread.stop(by: deadline) }
}

/// The keeper's thread: reads what there is, asks the plan, does what it says, and looks again.
private final class Keeping {
    private let client: APIClient
    private let calls: CertificateCalls
    private let certificates: Certificates
    private let options: CertificateKeeperOptions
    private let report: (CertificateKeeperEvent) -> Void
    private var plan: CertificatePlan
    private var backoff: Backoff
    /// The reasons that were reported since the last success, so that each is reported once.
    private var troubles: Set<String> = []
    /// How long the API server wants to be left alone, as it has said at this look.
    private var throttling: Duration?
    /// The number of different reasons that are reported until the next success.
    private static let mostTroubles = 10
    /// What does not keep a look from going on.
    private var complaints: [String] = []

    /// What was found at one look.
    private struct Found {
        /// The objects, as they are written back; nil where there is none, or it cannot be read.
        var registrations: [Literal?] = []
        var trust: [RegistrationTrust] = []
        var secret: Literal?
        var store = CertificateStore()
    }

    init(
        _ client: APIClient, _ certificates: Certificates, _ options: CertificateKeeperOptions,
        _ report: @escaping (CertificateKeeperEvent) -> Void
    ) {
        self.client = client
        calls = CertificateCalls(client, options)
        self.certificates = certificates
        self.options = options
        self.report = report
        let names = CertificateNames(
            service: options.service, namespace: options.namespace, further: options.furtherNames)
        plan = CertificatePlan(names: names, times: options.times)
        backoff = options.backoff
    }

    // MARK: Looking

    /// Reads the registrations, and the Secret after them: a registration that another replica changed for the sake of a
    /// newer Secret is then refused to us, since we have read it in an older version.
    func look() {
        complaints = []
        throttling = nil
        readRegistrations(Found())
    }

    private func readRegistrations(_ found: Found) {
        let number = found.trust.count
        guard number < CertificateCalls.registrations.count else { return readSecret(found) }
        let path = calls.registrationPath(number)
        calls.readRegistration(number) { [self] result in
            var found = found
            switch result {
            case .success(let object):
                found.registrations.append(object)
                found.trust.append(object.map { RegistrationTrust($0) } ?? .absent)
            case .failure(.status(let status)) where APIError.status(status).throttling == nil:
                complaints.append("reading \(path): \(APIError.status(status))")
                found.registrations.append(nil)
                found.trust.append(.unknown)
            case .failure(let error): return fail("reading \(path)", error)
            }
            readRegistrations(found)
        }
    }

    private func readSecret(_ found: Found) {
        calls.readSecret { [self] result in
            switch result {
            case .failure(let error): fail("reading \(secretName)", error)
            case .success(let secret):
                var found = found
                found.secret = secret
                if let secret { found.store = CertificateStore(secret) }
                act(on: found)
            }
        }
    }

    // MARK: Acting

    private func act(on found: Found) {
        switch plan.step(found.store, found.trust, at: options.now()) {
        case .wait:
            settle()
            lookAgain(after: Backoff.stretched(options.interval, client.options.chance(), by: 0.1))
        case .use(let generation): use(generation)
        case .trust(let number, let authorities): trust(authorities, number, found)
        case .store(let draft): store(draft, found)
        }
    }

    private func use(_ generation: CertificateGeneration) {
        let outcome = certificates.install(generation.pair)
        if outcome != .unchanged { report(.taken(outcome)) }
        if case .refused(let error) = outcome { return fail("\(error)") }
        guard certificates.current != nil else { return fail("certificate in \(secretName) cannot be used") }
        plan.took(generation)
        lookAgain(after: .zero)
    }

    private func trust(_ authorities: [String], _ number: Int, _ found: Found) {
        guard let object = found.registrations[number] else { return fail("there is no registration to write") }
        calls.writeRegistration(number, object, trusting: authorities) { [self] outcome in
            goOn(
                after: outcome, of: "writing caBundle into \(calls.registrationPath(number))",
                .trusted(
                    registration: "\(CertificateCalls.registrations[number])/\(options.registration)",
                    authorities: authorities.count))
        }
    }

    private func store(_ draft: CertificatePlan.Draft, _ found: Found) {
        let now = options.now()
        func fill(_ slot: CertificatePlan.Slot) throws(TLSError) -> CertificateGeneration? {
            switch slot {
            case .empty: nil
            case .keep(let generation): generation
            case .make: try CertificateGeneration(for: plan.names, at: now, life: options.lifeSeconds)
            }
        }
        var store = CertificateStore(previous: draft.previous)
        do throws(TLSError) {
            store.current = try fill(draft.current)
            store.next = try fill(draft.next)
        } catch {
            return fail("making a certificate: \(error)")
        }
        calls.writeSecret(found.secret, data: store.data) { [self] outcome in
            goOn(after: outcome, of: "writing \(secretName)", .stored(draft.reason))
        }
    }

    // MARK: Going on

    /// Tells what was written, and looks at what is there now: another replica may have written first.
    private func goOn(after outcome: CertificateCalls.Outcome, of task: String, _ event: CertificateKeeperEvent) {
        switch outcome {
        case .written: report(event)
        case .overtaken: break
        case .failed(let error): return fail(task, error)
        }
        lookAgain()
    }

    private func fail(_ task: String, _ error: APIError) {
        throttling = error.throttling
        fail("\(task): \(error)")
    }

    private func fail(_ reason: String) {
        tell(reason)
        lookAgain()
    }

    /// All is done that can be done; what could not be read is still a trouble.
    private func settle() {
        backoff.reset()
        if complaints.isEmpty {
            if !troubles.isEmpty { report(.recovered) }
            troubles = []
        } else {
            tell(complaints.joined(separator: "; "))
        }
    }

    private func tell(_ reason: String) {
        // Reasons that alternate are reported once each.
        guard troubles.count < Keeping.mostTroubles, troubles.insert(reason).inserted else { return }
        report(.troubled(reason))
    }

    /// Never in a hurry for long: should somebody undo what we do, or several replicas want the same, each look waits longer.
    private func lookAgain(after delay: Duration? = nil) {
        let chance = client.options.chance()
        let wait = delay ?? throttling.map { backoff.wait(atLeast: client.bounded($0), chance) } ?? backoff.wait(chance)
        client.loop.after(wait) { [weak self] in self?.look() }
    }

    private var secretName: String { "the Secret \(options.namespace)/\(options.secret)" }
}
