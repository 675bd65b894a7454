internal import JSON
public import Net
internal import Synchronization

/// Creates the serving certificate, shares it with the other replicas in a Secret, renews it, and writes its CA into the webhook
/// configurations.
///
/// It runs on a separate thread; ``CertificatePlan`` decides the steps.
public final class CertificateKeeper: Sendable {
    private let thread: ClientThread<Keeping>
    private let trouble: Trouble

    /// The current problem.
    fileprivate final class Trouble: Sendable {
        let text = Mutex<String?>(nil)
    }

    /// Starts managing the certificate.
    ///
    /// - Parameters:
    ///   - certificates: Receives the certificate when it can be served.
    ///   - access: The cluster.
    ///   - options: The Secret, the names and the times.
    ///   - report: Called with events for the log, on the keeper's thread; they never contain a key.
    /// - Throws: A ``SystemError`` if the thread cannot be started.
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

    /// The reason that the certificate cannot be managed now; nil if there is none.
    public var problem: String? { trouble.text.withLock { $0 } }

    /// Stops the keeper; the certificate stays in use.
    ///
    /// - Parameter deadline: The longest time to wait.
    /// - Returns: True if its thread has ended.
    @discardableResult
    public func stop(by deadline: Instant = .distantFuture) -> Bool { thread.stop(by: deadline) }
}

/// The state of the keeper's thread: reads the objects, runs the plan's steps, and repeats.
private final class Keeping {
    private let client: APIClient
    private let calls: CertificateCalls
    private let certificates: Certificates
    private let options: CertificateKeeperOptions
    private let report: (CertificateKeeperEvent) -> Void
    private var plan: CertificatePlan
    private var backoff: Backoff
    /// The problems reported since the last success; each is reported once.
    private var troubles: Set<String> = []
    /// The Retry-After of the API server in this pass.
    private var throttling: Duration?
    /// The maximum number of different problems reported until the next success.
    private static let mostTroubles = 10
    /// The problems that do not stop a pass.
    private var complaints: [String] = []

    /// The result of reading the objects.
    private struct Found {
        /// The objects, as they are written back; nil if an object does not exist or cannot be read.
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

    // MARK: Reading

    /// Reads the webhook configurations, then the Secret.
    ///
    /// If another replica writes a newer Secret in between, our write of the webhook configuration fails with a conflict
    /// because its version is older.
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

    // MARK: Writing

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
        guard certificates.current != nil else { return fail("cannot use the certificate in \(secretName)") }
        plan.took(generation)
        lookAgain(after: .zero)
    }

    private func trust(_ authorities: [String], _ number: Int, _ found: Found) {
        guard let object = found.registrations[number] else { return fail("the webhook configuration does not exist") }
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
            return fail("creating a certificate: \(error)")
        }
        calls.writeSecret(found.secret, data: store.data) { [self] outcome in
            goOn(after: outcome, of: "writing \(secretName)", .stored(draft.reason))
        }
    }

    // MARK: Continuing

    /// Reports the write and reads the objects again: another replica may have written first.
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

    /// Ends a pass; objects that could not be read remain a problem.
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
        // Alternating problems are reported once each.
        guard troubles.count < Keeping.mostTroubles, troubles.insert(reason).inserted else { return }
        report(.troubled(reason))
    }

    /// Schedules the next pass.
    ///
    /// The waits grow, also when others undo the changes or several replicas write at once.
    private func lookAgain(after delay: Duration? = nil) {
        let chance = client.options.chance()
        let wait = delay ?? throttling.map { backoff.wait(atLeast: client.bounded($0), chance) } ?? backoff.wait(chance)
        client.loop.after(wait) { [weak self] in self?.look() }
    }

    private var secretName: String { "Secret \(options.namespace)/\(options.secret)" }
}
