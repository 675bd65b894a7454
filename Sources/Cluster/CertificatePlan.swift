/// The CAs that one webhook configuration trusts, as read.
enum RegistrationTrust: Equatable, Sendable {
    /// The webhook configuration does not exist.
    case absent
    /// It could not be read.
    case unknown
    /// The certificates in the `caBundle` of each webhook; nil for one that is empty or invalid.
    case bundles([[String]?])

    /// True if all its webhooks trust a CA.
    func includes(_ authority: String) -> Bool {
        switch self {
        case .absent: true
        case .unknown: false
        case .bundles(let bundles): bundles.allSatisfy { $0?.contains(authority) ?? false }
        }
    }

    /// True if all its webhooks trust exactly these CAs, or if that is unknown.
    func isExactly(_ authorities: [String]) -> Bool {
        guard case .bundles(let bundles) = self else { return true }
        return bundles.allSatisfy { $0.map(Set.init) == Set(authorities) }
    }
}

/// The next step for the certificate: a state machine without clock, randomness or sockets.
///
/// Every replica runs its own. They agree because all read the same Secret and write it only in the version that they read. The
/// lifecycle of a generation:
///
/// 1. *Staged*: it is in the Secret as the next one; its CA is added to every `caBundle`.
/// 2. *Promoted*, once all webhook configurations have trusted it for a while: API servers see changes through a watch.
/// 3. *Used* by each replica that sees it promoted.
/// 4. The previous CA stays in the caBundles until no replica can be using its certificate; then it is *retired*.
struct CertificatePlan {
    /// The times for changes to propagate, in seconds.
    struct Times: Equatable, Sendable {
        /// The time that a CA must have been trusted before its certificate is used.
        var settling: Int64
        /// The time that a previous CA stays trusted.
        var retirement: Int64
    }

    /// The content of a place in the Secret.
    enum Slot: Equatable {
        case empty
        case keep(CertificateGeneration)
        /// A generation to be created.
        case make
    }

    /// The Secret's new content, and the reason for it.
    struct Draft: Equatable {
        var reason: CertificateChange
        var current: Slot
        var next: Slot
        var previous: [String]
    }

    /// A step, after which the objects are read again.
    enum Step: Equatable {
        /// Write the Secret.
        case store(Draft)
        /// Serve with this generation.
        case use(CertificateGeneration)
        /// Set the CAs of the webhook configuration with this number.
        case trust(Int, [String])
        /// Nothing to do.
        case wait
    }

    let names: CertificateNames
    let times: Times
    /// The generation being served.
    private(set) var inUse: CertificateGeneration?
    /// The time at which all webhook configurations were first seen to trust each CA.
    private var trusted: [String: Int64] = [:]
    /// The previous CAs, and the time at which they were first seen.
    private var retiring: (authorities: [String], since: Int64) = ([], 0)

    /// The maximum number of previous CAs; more are dropped.
    private static let mostPrevious = 5

    init(names: CertificateNames, times: Times) {
        self.names = names
        self.times = times
    }

    /// Records that new connections use this generation.
    mutating func took(_ generation: CertificateGeneration) { inUse = generation }

    /// Returns the next step.
    ///
    /// - Parameters:
    ///   - store: The content of the Secret; an empty store if it does not exist.
    ///   - registrations: The CAs of each webhook configuration, read before the Secret.
    ///   - now: The time, in seconds since 1970.
    /// - Returns: The step.
    mutating func step(_ store: CertificateStore, _ registrations: [RegistrationTrust], at now: Int64) -> Step {
        observe(store, registrations, now)
        let next = store.next.flatMap { $0.isUsable(at: now) ? $0 : nil }
        guard let current = store.current, current.isUsable(at: now) else {
            return .store(healing(store, next: next, registrations, now))
        }
        let following: Slot = next.map { .keep($0) } ?? .empty
        if let inUse, inUse.pair != current.pair {
            // The Secret was replaced from outside without staging; the CA of the certificate being served must stay trusted.
            if inUse.isUsable(at: now), !store.authorities.contains(inUse.authority) {
                return .store(
                    Draft(
                        reason: .mended, current: .keep(current), next: following,
                        previous: limited([inUse.authority] + store.previous)))
            }
            if !inUse.isUsable(at: now) || hasSettled(current.authority, now) { return .use(current) }
        } else if inUse == nil {
            return .use(current)
        }
        for (number, registration) in registrations.enumerated() where !registration.isExactly(store.authorities) {
            return .trust(number, store.authorities)
        }
        if let next, hasSettled(next.authority, now) {
            return .store(
                Draft(
                    reason: .promoted, current: .keep(next), next: .empty,
                    previous: limited([current.authority] + store.previous)))
        }
        if next == nil, current.isDue(at: now) || !names.areCovered(by: current.names) {
            return .store(Draft(reason: .staged, current: .keep(current), next: .make, previous: store.previous))
        }
        if !store.previous.isEmpty, now - retiring.since >= times.retirement, inUse?.pair == current.pair {
            return .store(Draft(reason: .retired, current: .keep(current), next: following, previous: []))
        }
        return .wait
    }

    private mutating func observe(_ store: CertificateStore, _ registrations: [RegistrationTrust], _ now: Int64) {
        var seen: [String: Int64] = [:]
        for authority in store.authorities where registrations.allSatisfy({ $0.includes(authority) }) {
            seen[authority] = trusted[authority] ?? now
        }
        trusted = seen
        if retiring.authorities != store.previous { retiring = (store.previous, now) }
    }

    private func hasSettled(_ authority: String, _ now: Int64) -> Bool {
        trusted[authority].map { now - $0 >= times.settling } ?? false
    }

    /// Returns the step if the Secret has no usable certificate: puts back the one being served, promotes the next one, or
    /// creates a new one.
    ///
    /// CAs that webhook configurations trust meanwhile stay trusted for a while, since another replica may be using them.
    private func healing(
        _ store: CertificateStore, next: CertificateGeneration?, _ registrations: [RegistrationTrust], _ now: Int64
    ) -> Draft {
        var bundled: [String] = []
        for case .bundles(let bundles) in registrations {
            for bundle in bundles { bundled += bundle ?? [] }
        }
        let previous = store.previous + [store.current?.authority].compactMap { $0 } + bundled
        func draft(_ reason: CertificateChange, _ current: Slot, _ following: Slot) -> Draft {
            var kept: Set<String> = []
            for case .keep(let generation) in [current, following] { kept.insert(generation.authority) }
            return Draft(
                reason: reason, current: current, next: following,
                previous: limited(previous.filter { !kept.contains($0) }))
        }
        if let inUse, inUse.isUsable(at: now) {
            // The Secret may have been deleted to get a new certificate, so it is also renewed.
            return draft(.restored, .keep(inUse), next.map { .keep($0) } ?? .make)
        }
        if let next { return draft(.promoted, .keep(next), .empty) }
        return draft(.made, .make, .empty)
    }

    private func limited(_ authorities: [String]) -> [String] {
        Array(distinct(authorities).prefix(CertificatePlan.mostPrevious))
    }
}
